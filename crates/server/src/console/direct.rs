//! Changes of who may use what, for all pages that make them: looked at first on a copy of the site, done all or not at all.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::directory::views::AllocationRow;
use grantor_site::directory::{Change, Warning};
use grantor_site::{Command, Entry, Reply, Site};
use grantor_web::answer::{done, page};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::visit::Visit;
use crate::http::Failure;

/// Changes of one form, at most.
pub(super) const MOST: usize = 20_000;

/// Does what was asked for and goes back to `path`.
pub(super) async fn direct(visit: &Visit, changes: Vec<Change>, path: &str) -> Result<Response, Failure> {
    let by = visit.need(Scope::Allocate)?;
    bounded(&changes)?;
    let tenant = visit.tenant.clone();
    let reply = visit.app.propose(Command::Direct { tenant, changes: Arc::new(changes), by }).await?;
    let told = match reply {
        Reply::Directed { warnings } => !warnings.is_empty(),
        _ => false,
    };
    Ok(done(&visit.to(path), if told { "warned" } else { "saved" }))
}

fn bounded(changes: &[Change]) -> Result<(), Failure> {
    if changes.is_empty() {
        return Err(crate::http::bad_request("nothing was chosen")
            .hint("choose somebody, then go on")
            .into());
    }
    if changes.len() > MOST {
        let text = format!("{} changes at once; {MOST} are the most", changes.len());
        return Err(crate::http::bad_request(text).hint("do it in several steps").into());
    }
    Ok(())
}

/// A warning in the API's words.
pub(crate) fn warning(warning: &Warning) -> String {
    crate::http::warning(warning).text
}

/// A number of the allocation before and after.
struct Effect {
    what: String,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    title: String,
    steps: Vec<String>,
    effects: Vec<Effect>,
    warnings: Vec<String>,
    fields: Vec<(String, String)>,
    action: String,
    back: String,
}

/// Shows what changes would do, with a button that does it: the form's own fields, sent to `action`.
pub(super) fn confirm(
    visit: &Visit,
    title: String,
    (steps, changes): (Vec<String>, Vec<Change>),
    fields: &Fields,
    (action, back): (&str, &str),
) -> Result<Response, Failure> {
    visit.need(Scope::Allocate)?;
    bounded(&changes)?;
    let mut site = Site::clone(&visit.app.consensus.view());
    let before = site.allocation(&visit.tenant);
    let (tenant, by) = (visit.tenant.clone(), String::new());
    let command = Command::Direct { tenant, changes: Arc::new(changes), by };
    let warnings = match site.apply(&Entry { at: visit.app.now(), command }).reply? {
        Reply::Directed { warnings } => warnings,
        _ => Vec::new(),
    };
    Ok(page(&Confirm {
        frame: visit.frame(),
        title,
        steps,
        effects: effects(&before, &site.allocation(&visit.tenant)),
        warnings: warnings.iter().map(warning).collect(),
        fields: fields.pairs().to_vec(),
        action: visit.to(action),
        back: visit.to(back),
    }))
}

/// Counts of the allocation that differ.
fn effects(before: &[AllocationRow], after: &[AllocationRow]) -> Vec<Effect> {
    let mut all = Vec::new();
    for (old, new) in before.iter().zip(after) {
        let counts = [
            ("assignable configured", old.assignable_configured, new.assignable_configured),
            ("concurrent configured", old.concurrent_configured, new.concurrent_configured),
            ("in use", used(old), used(new)),
        ];
        for (what, was, is) in counts.into_iter().filter(|(_, was, is)| was != is) {
            let what = format!("{}, {what}", new.feature);
            all.push(Effect { what, before: was.to_string(), after: is.to_string() });
        }
    }
    all
}

fn used(row: &AllocationRow) -> u32 {
    row.assignable_in_use.saturating_add(row.concurrent_in_use)
}
