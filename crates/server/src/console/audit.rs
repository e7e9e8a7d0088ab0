//! The audit log: what people and programs did, as the site keeps it.

use askama::Template;
use axum::response::Response;
use grantor_site::Event;
use grantor_site::access::Scope;
use grantor_site::acts::Act;
use grantor_site::command::EndReason;
use grantor_site::event::RevokeReason;
use grantor_web::answer::page;
use grantor_web::frame::Frame;

use super::deeds;
use super::render::instant;
use super::visit::Visit;
use crate::eventlog;
use crate::http::Failure;

/// Acts on a page.
const PAGE: usize = 100;

struct Row {
    at: String,
    by: String,
    what: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    text: String,
    /// The page that is shown, from 1, and whether there is another one.
    number: usize,
    has_more: bool,
    is_admin: bool,
}

pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.caller.need(Scope::Read)?;
    let text = visit.asked.text("text").to_owned();
    let wanted = text.to_lowercase();
    let number: usize = visit.asked.text("page").parse().unwrap_or(1).max(1);
    let site = visit.app.consensus.view();
    let row = |act: &Act| {
        let (by, what) = words(act)?;
        Some(Row { at: instant(act.at), by, what })
    };
    let fits =
        |row: &Row| row.by.to_lowercase().contains(&wanted) || row.what.to_lowercase().contains(&wanted);
    let found = site.acts().rev().filter_map(|act| row(act)).filter(fits);
    let mut rows: Vec<Row> = found.skip((number - 1).saturating_mul(PAGE)).take(PAGE + 1).collect();
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let is_admin = visit.may_everywhere(Scope::Admin);
    Ok(page(&Page { frame: visit.frame(), rows, text, number, has_more, is_admin }))
}

/// Who did what; `None` for what nobody did.
fn words(act: &Act) -> Option<(String, String)> {
    let unknown = || "a server".to_owned();
    let words = match &act.event {
        Event::FileLoaded { tenant, name, .. } => {
            (unknown(), format!("license file {name} of {tenant} loaded"))
        }
        Event::FileLoadedBy { tenant, name, by, .. } => {
            (by.clone(), format!("license file {name} of {tenant} loaded"))
        }
        Event::FileRemoved { tenant, name, by, .. } => {
            (by.clone(), format!("license file {name} of {tenant} removed"))
        }
        Event::AdministratorCreated { name } => (name.clone(), "became the first administrator".to_owned()),
        Event::TokenAdded { name, by, .. } => (by.clone(), format!("access token “{name}” made")),
        Event::TokenRevoked { name, by } => (by.clone(), format!("access token “{name}” revoked")),
        Event::PersonAdded { name, by, .. } => (by.clone(), format!("{name} invited")),
        Event::PersonChanged { name, what, by } => {
            (by.clone(), format!("{name}: {}", eventlog::person_text(what)))
        }
        Event::PersonRemoved { name, by } => (by.clone(), format!("{name} removed")),
        Event::SignedIn { name, means, from } => {
            (name.clone(), format!("signed in from {from} by {}", crate::http::means(means)))
        }
        Event::ViolationCleared { violation, by: Some(by), .. } => {
            (by.clone(), format!("violation {} ({}) dismissed", violation.number, violation.breach.kind()))
        }
        Event::DirectoryChanged { tenant, changes, by } => {
            (by.clone(), deeds::told(tenant, changes, act.changes))
        }
        Event::Revoked { grant, why: why @ RevokeReason::Removed { by, .. } } => {
            let text = eventlog::revoke_text(why);
            (by.clone(), format!("took {} from {}: {text}", grant.feature, grant.who.user()))
        }
        Event::SessionEnded { who, why: EndReason::Removed { by, reason }, .. } => {
            (by.clone(), format!("ended a session of {}: {reason}", who.user()))
        }
        _ => return None,
    };
    Some(words)
}
