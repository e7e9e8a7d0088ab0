//! Refusals and violations: why somebody did not get a seat, who held them and what would have helped; what stands against the
//! licenses, and its clearance.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::violation::{Breach, Violation};
use grantor_web::answer::{done, page};
use grantor_web::frame::Frame;

use super::overview::started;
use super::render::instant;
use super::visit::Visit;
use crate::http::Failure;
use crate::http::admin::dismiss;
use crate::recent::Refused;

/// What a violation says and what to do about it; `None` if it is another tenant's.
pub(super) fn explained(violation: &Violation, of: &str) -> Option<(String, String)> {
    let is_ours = |tenant: &str| tenant == of;
    let (what, todo) = match &violation.breach {
        Breach::Expired { tenant, feature } if is_ours(tenant) => {
            (format!("The license of {feature} has expired and is still asked for."), "Renew it")
        }
        Breach::OverCapacity { tenant, feature } if is_ours(tenant) => {
            (format!("More of {feature} is in use than is licensed."), "Take seats back, or load more")
        }
        Breach::NoneLeft { tenant, feature } if is_ours(tenant) => (
            format!("{feature} was asked for when every license was in use."),
            "Take seats back, or order more",
        ),
        Breach::UnknownFeature { tenant, feature } if is_ours(tenant) => {
            (format!("{feature} is asked for and no license file has it."), "Load the file that has it")
        }
        Breach::ClockSetBack { .. } => (
            "The clock was set back.".to_owned(),
            "Set it right, then confirm it with `grantor cluster clock`",
        ),
        Breach::ClockSetAhead { .. } => {
            ("The clock was set ahead.".to_owned(), "Set it right, then confirm it")
        }
        _ => return None,
    };
    Some((what, todo.to_owned()))
}

#[derive(Template)]
#[template(path = "violations.html")]
struct Violations {
    frame: Frame,
    rows: Vec<Row>,
    may: bool,
    /// Whether the clocks may be confirmed.
    may_clock: bool,
    tenant: String,
}

struct Row {
    number: u64,
    kind: &'static str,
    what: String,
    todo: String,
    since: String,
    is_clock: bool,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let row = |violation: &Violation| {
        let (what, todo) = explained(violation, &visit.tenant)?;
        let is_clock = matches!(violation.breach, Breach::ClockSetBack { .. } | Breach::ClockSetAhead { .. });
        let since = instant(violation.since);
        Some(Row { number: violation.number, kind: violation.breach.kind(), what, todo, since, is_clock })
    };
    page(&Violations {
        frame: visit.frame(),
        rows: site.violations().iter().filter_map(row).collect(),
        may: visit.may_everywhere(Scope::Release),
        may_clock: visit.may_everywhere(Scope::Admin),
        tenant: visit.tenant.to_string(),
    })
}

pub(crate) async fn clear(visit: Visit, Path(number): Path<u64>) -> Result<Response, Failure> {
    dismiss(&visit.app, &visit.caller, number).await?;
    Ok(done(&visit.to("/violations"), "cleared"))
}

pub(crate) async fn confirm_clock(visit: Visit) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    visit.app.confirm_clock(by).await?;
    Ok(done(&visit.to("/violations"), "cleared"))
}

#[derive(Template)]
#[template(path = "refusals.html")]
struct Refusals {
    frame: Frame,
    rows: Vec<Refused>,
    text: String,
    since: String,
    tenant: String,
}

/// Refusals shown on the page, at most.
const SHOWN: usize = 100;

pub(crate) async fn refusals(visit: Visit) -> Response {
    let text = visit.asked.text("text").to_owned();
    let wanted = text.to_lowercase();
    let is_wanted = |row: &Refused| {
        let fits = |field: &str| field.to_lowercase().contains(&wanted);
        *row.tenant == *visit.tenant && (fits(&row.user) || fits(&row.host) || fits(&row.feature))
    };
    let rows = visit.app.recent.refused().into_iter().filter(is_wanted).take(SHOWN).collect();
    let (since, tenant) = (started(&visit), visit.tenant.to_string());
    page(&Refusals { frame: visit.frame(), rows, text, since, tenant })
}

/// Who held the seats, for a refusal.
pub(crate) fn holders(row: &Refused) -> String {
    let named = row.why.holders.iter().take(3).map(|held| format!("{} at {}", held.user, held.host));
    named.collect::<Vec<_>>().join(", ")
}
