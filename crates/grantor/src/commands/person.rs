//! `grantor person`: who administers a license server. Asks the server; decides nothing.

use std::process::ExitCode;

use grantor_api::admin::TokenMade;
use grantor_api::people::{Accept, ChangedPerson, Invitation, NewPassword, NewPerson, PersonInfo, Post};

use crate::cli::PersonAction;
use crate::commands::remote::{self, percent};
use crate::commands::setup::{kept, password};
use crate::failure::Failure;
use crate::output;

fn path(name: &str, behind: &str) -> String {
    format!("/v1/admin/people/{}{behind}", name.bytes().map(percent).collect::<String>())
}

/// Runs `grantor person`.
pub(crate) fn run(action: PersonAction) -> Result<ExitCode, Failure> {
    match action {
        PersonAction::List { at, json } => {
            list(&remote::connect(&at)?.get::<Vec<PersonInfo>>("/v1/admin/people")?, json)
        }
        PersonAction::Add { name, display, role, at, json } => {
            let body = NewPerson { name, display_name: display, roles: role };
            invited(&remote::connect(&at)?.post("/v1/admin/people", &body)?, json)
        }
        PersonAction::Change { name, display, role, at } => {
            let roles = Some(role).filter(|roles| !roles.is_empty());
            let body = ChangedPerson { display_name: display, roles };
            remote::connect(&at)?.put::<_, ()>(&path(&name, ""), &body)?;
            done(&format!("{name} is changed"))
        }
        PersonAction::Reset { of, json } => {
            invited(&remote::connect(&of.at)?.post(&path(&of.name, "/reset"), &())?, json)
        }
        PersonAction::SignOut(of) => {
            remote::connect(&of.at)?.delete::<()>(&path(&of.name, "/visits"))?;
            done(&format!("{} is signed out everywhere", of.name))
        }
        PersonAction::Remove(of) => {
            remote::connect(&of.at)?.delete::<()>(&path(&of.name, ""))?;
            done(&format!("{} is locked out", of.name))
        }
        PersonAction::Accept { invitation, at } => {
            let http = remote::connect(&at)?.with_token(None);
            let invitation = invitation.rsplit('/').next().unwrap_or(&invitation).to_owned();
            let body = Accept { invitation, password: password("New password: ")? };
            let made: TokenMade = http.post("/v1/admin/invitation", &body)?;
            kept(&http, &made)
        }
        PersonAction::Password(at) => {
            let http = remote::connect(&at)?;
            let body =
                NewPassword { now: password("Present password: ")?, password: password("New password: ")? };
            http.put::<_, ()>("/v1/admin/me/password", &body)?;
            done("your password is changed")
        }
    }
}

fn done(said: &str) -> Result<ExitCode, Failure> {
    output::error(said);
    Ok(ExitCode::SUCCESS)
}

/// The link is what a script wants; the rest is for people.
fn invited(made: &Invitation, json: bool) -> Result<ExitCode, Failure> {
    if json {
        output::json(made)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::data(&made.link);
    done(&format!("{} is invited; the link is of use once, until {}", made.name, made.until))
}

fn role(post: &Post) -> String {
    let word = serde_json::to_value(post.role).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    post.tenant.as_ref().map_or_else(|| word.to_owned(), |tenant| format!("{word}@{tenant}"))
}

fn ways(person: &PersonInfo) -> String {
    let mut ways = Vec::new();
    if person.has_password {
        ways.push(if person.has_codes { "password and code" } else { "password" }.to_owned());
    }
    if person.passkeys > 0 {
        ways.push(format!("{} passkeys", person.passkeys));
    }
    ways.extend(person.accounts.iter().cloned());
    if let Some(until) = &person.invited_until {
        ways.push(format!("invited until {until}"));
    }
    ways.join(", ")
}

fn list(people: &[PersonInfo], json: bool) -> Result<ExitCode, Failure> {
    if json {
        output::json(&people)?;
        return Ok(ExitCode::SUCCESS);
    }
    for person in people {
        let roles: Vec<String> = person.roles.iter().map(role).collect();
        let visits = person.visits.len();
        output::data(&format!("{}\t{}\t{}\t{visits} visits", person.name, roles.join(" "), ways(person)));
    }
    Ok(ExitCode::SUCCESS)
}
