//! What happened, as structured log lines with the numbers that administrators know: 07100 violation, 07101 checked out,
//! 07105 restored (seed 004, "License Failure Scenarios"). Says what events say; decides nothing.

use grantor_site::event::{DequeueReason, GrantEvent, RevokeReason};
use grantor_site::outcome::PoolChange;
use grantor_site::people::{PersonAct, Post};
use grantor_site::violation::Violation;
use grantor_site::{Event, Timestamp};
use tracing::{info, warn};

use crate::clock::instant;

/// The numbers of log events, as the seed gives them. 07102 to 07104 tell of the license server's status.
pub(crate) const VIOLATION: &str = "07100";
const CHECKED_OUT: &str = "07101";
/// The server takes requests.
pub(crate) const SERVER_UP: &str = "07102";
/// The server stops.
pub(crate) const SERVER_DOWN: &str = "07103";
/// License files were read.
pub(crate) const FILES_READ: &str = "07104";
const RESTORED: &str = "07105";

/// Logs one event.
pub(crate) fn log(event: &Event, at: Timestamp) {
    let at = instant(at);
    match event {
        Event::FileLoaded { tenant, name, changes, .. } => {
            info!(event = FILES_READ, %at, %tenant, file = name, "license file loaded");
            log_changes(changes);
        }
        Event::FileLoadedBy { tenant, name, by, .. } => {
            info!(event = FILES_READ, %at, %tenant, file = name, by, "license file loaded");
        }
        Event::FileRemoved { tenant, name, by, changes } => {
            info!(event = FILES_READ, %at, %tenant, file = name, by, "license file removed");
            log_changes(changes);
        }
        Event::CapacityChanged { changes, .. } => log_changes(changes),
        Event::SessionOpened { tenant, who, .. } => {
            info!(%at, %tenant, user = %who.user(), host = %who.host(), application = %who.application(), "session opened")
        }
        Event::SessionEnded { tenant, who, why, .. } => {
            info!(%at, %tenant, user = %who.user(), host = %who.host(), why = ?why, "session ended")
        }
        Event::CheckedOut(grant) => {
            info!(event = CHECKED_OUT, %at, tenant = %grant.tenant, user = %grant.who.user(), host = %grant.who.host(), grant = grant.grant.0,
                "Feature '{}': {} licenses checked out", grant.feature, grant.count);
        }
        Event::CheckedIn { grant, held_until } => log_grant(
            grant,
            &held_until.map_or_else(
                || "checked in".to_owned(),
                |until| format!("checked in, held until {}", instant(until)),
            ),
        ),
        Event::HoldEnded(grant) => log_grant(grant, "hold ended"),
        Event::Revoked { grant, why } => log_revoked(grant, why),
        Event::Denied { tenant, who, feature, version, refusal, .. } => {
            let problem = crate::http::refusal_text(refusal);
            warn!(%at, %tenant, user = %who.user(), host = %who.host(), feature, %version, "denied: {problem}");
        }
        other => log_rest(other, at),
    }
}

fn log_rest(event: &Event, at: jiff::Timestamp) {
    match event {
        Event::Queued { tenant, who, feature, ahead, ticket, .. } => {
            info!(%at, %tenant, user = %who.user(), host = %who.host(), feature, ahead, ticket = ticket.0, "queued")
        }
        Event::Dequeued { tenant, who, feature, why, ticket, .. } => {
            info!(%at, %tenant, user = %who.user(), host = %who.host(), feature, ticket = ticket.0, "left the queue: {}", dequeue_text(why))
        }
        Event::ViolationStarted(violation) => {
            let (tenant, feature) = subject(violation);
            warn!(event = VIOLATION, %at, violation = violation.number, tenant, feature,
                "Licensing violation is identified, the violation type {}", violation.breach.kind());
        }
        Event::ViolationCleared { violation, by, .. } => {
            let (tenant, feature) = subject(violation);
            info!(event = RESTORED, %at, violation = violation.number, tenant, feature, by = by.as_deref().unwrap_or("itself"),
                "License status restored after violation with type '{}'", violation.breach.kind());
        }
        Event::AdministratorCreated { name } => info!(%at, name, "administrator created"),
        Event::TokenAdded { name, by, scopes } => info!(%at, name, by, scopes = ?scopes, "token made"),
        Event::TokenRevoked { name, by } => info!(%at, name, by, "token revoked"),
        Event::PersonAdded { .. }
        | Event::PersonChanged { .. }
        | Event::PersonRemoved { .. }
        | Event::SignedIn { .. }
        | Event::SignedOut { .. } => log_people(event, at),
        Event::Borrowed { grant, until } => log_grant(grant, &format!("borrowed until {}", instant(*until))),
        Event::HandedOver { grant, .. } => log_grant(grant, "handed over to the instance's next session"),
        Event::Noticed(notice) => {
            let tenant = notice.about.tenant().map_or("", |tenant| tenant);
            info!(%at, tenant, notice = notice.number, kind = notice.about.kind(), "{}", crate::notices::subject(&notice.about));
        }
        other => log_directory(other, at),
    }
}

/// What became of those who administer.
fn log_people(event: &Event, at: jiff::Timestamp) {
    match event {
        Event::PersonAdded { name, posts, by } => {
            info!(%at, name, by, roles = posts_text(posts), "person invited");
        }
        Event::PersonChanged { name, what, by } => info!(%at, name, by, "person: {}", person_text(what)),
        Event::PersonRemoved { name, by } => info!(%at, name, by, "person removed"),
        Event::SignedIn { name, means, from } => {
            info!(%at, name, from, "signed in by {}", crate::http::means(means));
        }
        Event::SignedOut { name, visits, by } => info!(%at, name, by, visits, "signed out"),
        _ => {}
    }
}

fn posts_text(posts: &[Post]) -> String {
    posts.iter().map(crate::console::post_text).collect::<Vec<_>>().join("; ")
}

/// What was different about a person, for people.
pub(crate) fn person_text(what: &PersonAct) -> String {
    match what {
        PersonAct::Display => "is called something else".to_owned(),
        PersonAct::Posts(posts) => {
            format!("may do something else: {}", posts_text(posts))
        }
        PersonAct::Reset => "everything that signed in was taken away, and an invitation given".to_owned(),
        PersonAct::InvitationTaken => "took the invitation".to_owned(),
        PersonAct::Password => "has a new password".to_owned(),
        PersonAct::CodesOn => "shows codes".to_owned(),
        PersonAct::CodesOff => "shows no codes any more".to_owned(),
        PersonAct::Spare => "has new spare codes".to_owned(),
        PersonAct::PasskeyAdded { name } => format!("added the passkey `{name}`"),
        PersonAct::PasskeyRemoved { name } => format!("removed the passkey `{name}`"),
        PersonAct::Linked { issuer, name } => format!("linked the account `{name}` of {issuer}"),
        PersonAct::Unlinked { issuer } => format!("unlinked the account of {issuer}"),
    }
}

/// What became of people and stations.
fn log_directory(event: &Event, at: jiff::Timestamp) {
    match event {
        Event::DirectoryChanged { tenant, changes, by } => {
            info!(%at, %tenant, by, changes = changes.len(), "directory changed")
        }
        Event::LimitReached { tenant, feature, needed, free, by, .. } => {
            warn!(event = VIOLATION, %at, %tenant, %feature, needed, free, by, "an attempt to use more than was bought was refused")
        }
        Event::LoggedOn { tenant, user, station, host, warnings, .. } => {
            info!(%at, %tenant, %user, %station, %host, warnings = warnings.len(), "logged on")
        }
        Event::LoggedOff { tenant, user, station, host } => {
            info!(%at, %tenant, %user, %station, %host, "logged off")
        }
        Event::LogOnRefused { tenant, who, refusal, .. } => {
            let problem = crate::http::refusal_text(refusal);
            warn!(%at, %tenant, user = %who.user(), host = %who.host(), "log-on refused: {problem}");
        }
        _ => {}
    }
}

fn subject(violation: &Violation) -> (&str, &str) {
    use grantor_site::violation::Breach;
    match &violation.breach {
        Breach::Expired { tenant, feature }
        | Breach::OverCapacity { tenant, feature }
        | Breach::NoneLeft { tenant, feature }
        | Breach::UnknownFeature { tenant, feature } => (tenant, feature),
        Breach::ClockSetBack { .. } | Breach::ClockSetAhead { .. } => ("", ""),
    }
}

fn log_changes(changes: &[PoolChange]) {
    let seats = |seats: Option<u32>| seats.map_or_else(|| "uncounted".to_owned(), |seats| seats.to_string());
    for change in changes {
        info!(tenant = %change.tenant, feature = %change.feature, version = %change.version, from = seats(change.from), to = seats(change.to), "capacity changed");
    }
}

fn log_grant(grant: &GrantEvent, what: &str) {
    info!(at = %instant(grant.at), tenant = %grant.tenant, user = %grant.who.user(), host = %grant.who.host(), feature = %grant.feature, count = grant.count, grant = grant.grant.0, "{what}");
}

fn log_revoked(grant: &GrantEvent, why: &RevokeReason) {
    warn!(at = %instant(grant.at), tenant = %grant.tenant, user = %grant.who.user(), host = %grant.who.host(), feature = %grant.feature, count = grant.count, grant = grant.grant.0, "revoked: {}", revoke_text(why));
}

/// Why seats were taken away, for people.
pub(crate) fn revoke_text(why: &RevokeReason) -> String {
    match why {
        RevokeReason::Shrunk => "there are fewer seats than were held".to_owned(),
        RevokeReason::Disconnected { minutes } => {
            format!("the license type disconnects every {minutes} minutes")
        }
        RevokeReason::Removed { by, reason } if reason.is_empty() => format!("removed by {by}"),
        RevokeReason::Removed { by, reason } => format!("removed by {by}: {reason}"),
    }
}

/// Why a request left the queue, for people.
pub(crate) fn dequeue_text(why: &DequeueReason) -> &'static str {
    match why {
        DequeueReason::Granted => "granted",
        DequeueReason::TimedOut => "it waited as long as it would",
        DequeueReason::Left => "it gave up",
        DequeueReason::Gone => "the feature is no longer licensed",
    }
}
