//! `/v1/sessions/{id}/checkouts` and the queue: taking seats and giving them back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use grantor_api::checkout::{CheckOut, CheckedIn, CheckedOut, Grant, Waiting};
use grantor_api::{HexId, limits};
use grantor_license::Version;
use grantor_site::command::{Amount, CheckOut as Ask};
use grantor_site::ids::{GrantId, RequestKey, SessionId, TicketId};
use grantor_site::outcome::Granted;
use grantor_site::pool::FeatureKey;
use grantor_site::{Command, Reply};

use super::App;
use super::answer::{Failure, bad_request};
use super::body::{Json, Path, name, required};
use crate::clock::instant;

/// Takes seats, or a place in the queue.
#[utoipa::path(post, path = "/v1/sessions/{session}/checkouts", tag = "applications", params(("session" = HexId, Path)), request_body = CheckOut,
    responses((status = 201, body = CheckedOut), (status = 202, body = CheckedOut, description = "The request waits in line"),
        (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn take(
    State(app): State<App>,
    Path(id): Path<HexId>,
    Json(body): Json<CheckOut>,
) -> Result<Response, Failure> {
    take_seats(&app, id, body).await
}

/// The same for those who have read the request themselves.
pub(super) async fn take_seats(app: &App, id: HexId, body: CheckOut) -> Result<Response, Failure> {
    let ask = ask(app, &body, SessionId(id.0))?;
    let command = match body.reservation {
        Some(_) if body.queue_seconds.is_some() => {
            return Err(bad_request("seats of a reservation are there: nobody waits for them")
                .hint("leave out `queue_seconds` or `reservation`")
                .into());
        }
        Some(lease) => Command::CheckOutReserved { ask, lease: SessionId(lease.0) },
        None => Command::CheckOutOnce(ask),
    };
    match app.propose(command).await? {
        Reply::CheckedOut { grants } => {
            let answer = CheckedOut { grants: grants.into_iter().map(grant).collect(), waiting: None };
            Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
        }
        Reply::Queued { ticket, ahead } => {
            let waiting = Some(Waiting { ticket: ticket.0, feature: body.feature, ahead });
            Ok((StatusCode::ACCEPTED, axum::Json(CheckedOut { grants: Vec::new(), waiting })).into_response())
        }
        _ => Err(App::confused()),
    }
}

/// A request's body as the command it stands for.
pub(crate) fn ask(app: &App, body: &CheckOut, session: SessionId) -> Result<Ask, Failure> {
    required("feature", &body.feature, limits::NAME)?;
    name("version", &body.version, limits::VERSION)?;
    name("share", body.share.as_deref().unwrap_or_default(), limits::NAME)?;
    let version = if body.version.is_empty() {
        first_version(app, session, &body.feature)?
    } else {
        version(&body.version)?
    };
    let queue = body.queue_seconds.filter(|seconds| *seconds > 0).map(|seconds| seconds.min(limits::QUEUE));
    Ok(Ask {
        session,
        request: body.request.map(|key| RequestKey(key.0)).unwrap_or_default(),
        feature: body.feature.clone(),
        version,
        amount: amount(body)?,
        queue_until: queue.map(|seconds| app.now().plus_seconds(seconds)),
        share: body.share.as_deref().map(Into::into),
    })
}

fn version(text: &str) -> Result<Version, Failure> {
    let wrong = |error| {
        bad_request(format!("`version`: {error}")).hint("versions are decimal numbers, such as `8.1`")
    };
    Ok(Version::parse(text).map_err(wrong)?)
}

/// The version of the line that would serve first, for those who don't care. A feature that is not loaded has none: any
/// will do to be refused by its name.
fn first_version(app: &App, session: SessionId, feature: &str) -> Result<Version, Failure> {
    let site = app.consensus.view();
    let key = site.session(session).map(|session| FeatureKey::new(&session.tenant, feature));
    let first = key.and_then(|key| site.pools_of(&key).next().map(|pool| pool.terms.version.clone()));
    first.map_or_else(|| version("1"), Ok)
}

fn amount(body: &CheckOut) -> Result<Amount, Failure> {
    let at_least = body.at_least.unwrap_or(1);
    match (body.count, body.up_to, body.all) {
        (count, None, false) if body.at_least.is_none() => Ok(Amount::exactly(count.unwrap_or(1))),
        (None, Some(most), false) => Ok(Amount { at_least, at_most: Some(most) }),
        (None, None, true) => Ok(Amount { at_least, at_most: None }),
        _ => Err(bad_request(
            "`count`, `up_to` and `all` exclude one another, and `at_least` goes with the latter two",
        )
        .into()),
    }
}

/// A grant as the API shows it.
pub(crate) fn grant(granted: Granted) -> Grant {
    Grant {
        grant: granted.grant.0,
        feature: granted.feature,
        publisher: granted.publisher,
        version: granted.version.to_string(),
        count: granted.count,
        since: instant(granted.since),
        overdraft: granted.overdraft,
        proof: granted.proof,
    }
}

/// Gives a grant back.
#[utoipa::path(delete, path = "/v1/sessions/{session}/checkouts/{grant}", tag = "applications",
    params(("session" = HexId, Path), ("grant" = u64, Path)),
    responses((status = 200, body = CheckedIn), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn give_back(
    State(app): State<App>,
    Path((session, grant)): Path<(HexId, u64)>,
) -> Result<axum::Json<CheckedIn>, Failure> {
    give_seats_back(&app, session, grant).await
}

/// The same for those who have read the request themselves.
pub(super) async fn give_seats_back(
    app: &App,
    session: HexId,
    grant: u64,
) -> Result<axum::Json<CheckedIn>, Failure> {
    let command = Command::CheckIn { session: SessionId(session.0), grant: GrantId(grant) };
    let Reply::CheckedIn { held_until } = app.propose(command).await? else { return Err(App::confused()) };
    Ok(axum::Json(CheckedIn { held_until: held_until.map(instant) }))
}

/// Gives up a place in the queue.
#[utoipa::path(delete, path = "/v1/sessions/{session}/queue/{ticket}", tag = "applications",
    params(("session" = HexId, Path), ("ticket" = u64, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn leave(
    State(app): State<App>,
    Path((session, ticket)): Path<(HexId, u64)>,
) -> Result<StatusCode, Failure> {
    app.propose(Command::LeaveQueue { session: SessionId(session.0), ticket: TicketId(ticket) }).await?;
    Ok(StatusCode::NO_CONTENT)
}
