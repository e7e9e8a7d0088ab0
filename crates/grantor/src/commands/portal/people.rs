//! `grantor portal person`: the first administrator, and whoever comes after.

use grantor_portal::people::{self, Details, Person};
use grantor_portal::signin::{self, Link};
use grantor_portal::{certifications, rights};
use serde_json::json;

use super::{Desk, now};
use crate::cli::PortalPerson;
use crate::failure::{Exit, Failure};
use crate::output;

pub(super) async fn act(desk: &Desk<'_>, action: &PortalPerson) -> Result<(), Failure> {
    match action {
        PortalPerson::Add { mail, name, role, account, address } => {
            let details = Details {
                name: name.clone(),
                roles: role.iter().copied().collect(),
                account: account.clone(),
                active: true,
            };
            add(desk, mail, &details, address.trim_end_matches('/')).await
        }
        PortalPerson::Certify { mail, product, last_day } => {
            let person = people::by_mail(desk.store.read(), mail).await?;
            certifications::enter(&desk.store, &person, product, last_day, (desk.by, now())).await?;
            output::error(&format!("{} is certified for {product} through {last_day}", person.name));
            Ok(())
        }
        PortalPerson::List { text } => {
            let (total, found) = people::search(&desk.store, text, 0, 200).await?;
            desk.show(&found.iter().map(value).collect::<Vec<_>>(), found.iter().map(row))?;
            if total > 200 {
                output::error(&format!("the first 200 of {total}; narrow it down with a part of the name"));
            }
            Ok(())
        }
    }
}

/// The link goes to standard output: whoever has the books in their hands hands it on. It is sent by mail, too.
async fn add(desk: &Desk<'_>, mail: &str, details: &Details, address: &str) -> Result<(), Failure> {
    let secret = grantor_web::cookie::Secret::new("grl_")
        .map_err(|error| Failure::new(Exit::Io, format!("no randomness: {error}")))?;
    let link = Link { portal: address, secret: secret.text(), hash: &secret.hash() };
    signin::invite(&desk.store, mail, details, &link, (desk.by, now())).await?;
    output::error("they choose a password here; the link works once, for seven days:");
    output::data(&link.address());
    Ok(())
}

fn value(person: &Person) -> serde_json::Value {
    json!({ "mail": person.mail, "name": person.name, "roles": person.roles, "active": person.active })
}

fn row(person: &Person) -> String {
    let state = if person.active { "active" } else { "not active" };
    format!("{:<32} {:<11} {:<24} {}", person.mail, state, rights::words(&person.roles), person.name)
}
