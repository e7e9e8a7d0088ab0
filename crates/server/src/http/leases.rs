//! `/v1/checkouts`: checkouts with an end, for scripts that can't keep a session alive. A lease is a session whose end
//! stands in the log.

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::checkout::{Lease, OpenLease, RenewLease};
use grantor_api::{HexId, limits};
use grantor_site::command::{EndReason, Identity, OpenSession};
use grantor_site::ids::SessionId;
use grantor_site::{Command, Refusal, Reply};

use super::answer::{Failure, bad_request};
use super::auth::Caller;
use super::body::{Json, Path, name, within};
use super::{App, checkouts};
use crate::clock::instant;
use crate::secret;

/// Takes seats until an instant.
#[utoipa::path(post, path = "/v1/checkouts", tag = "scripts", request_body = OpenLease,
    responses((status = 201, body = Lease), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn take(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<OpenLease>,
) -> Result<(StatusCode, axum::Json<Lease>), Failure> {
    let tenant = body.tenant.clone().unwrap_or_else(|| app.tenant.to_string());
    caller.enter(app.rules().applications, &tenant)?;
    if body.checkout.queue_seconds.is_some() {
        return Err(bad_request("a lease does not wait in line")
            .hint("open a session to wait in line")
            .into());
    }
    if body.checkout.reservation.is_some() {
        return Err(bad_request("a lease is a reservation itself").into());
    }
    let open = command(&body, &tenant, &app)?;
    let (session, until) = (open.session, open.lease_until.unwrap_or_default());
    let opened = app.propose(Command::OpenSession(open)).await?;
    let ask = checkouts::ask(&app, &body.checkout, session)?;
    let is_new = matches!(opened, Reply::Opened { resumed: false, .. });
    match app.propose(Command::CheckOutOnce(ask)).await {
        Ok(Reply::CheckedOut { grants }) => {
            let grants = grants.into_iter().map(checkouts::grant).collect();
            Ok((
                StatusCode::CREATED,
                axum::Json(Lease { lease: HexId(session.0), until: instant(until), grants }),
            ))
        }
        Ok(_) => Err(App::confused()),
        Err(failure) if is_new => {
            // Nothing was granted: the empty lease would only stand in the way until it ends.
            let _ended = app.propose(Command::EndSession { session, why: EndReason::Closed }).await;
            Err(failure)
        }
        Err(failure) => Err(failure),
    }
}

fn command(body: &OpenLease, tenant: &str, app: &App) -> Result<OpenSession, Failure> {
    let fields =
        [("tenant", tenant), ("user", &body.user), ("host", &body.host), ("application", &body.application)];
    fields.into_iter().try_for_each(|(field, value)| name(field, value, limits::NAME))?;
    within("ttl_seconds", body.ttl_seconds, &limits::TTL)?;
    let id = match body.lease {
        Some(id) => id.0,
        None => secret::random_id().map_err(|_| App::confused())?,
    };
    Ok(OpenSession {
        session: SessionId(id),
        tenant: tenant.into(),
        who: Identity {
            user: body.user.as_str().into(),
            host: body.host.as_str().into(),
            application: body.application.as_str().into(),
            ..Identity::default()
        },
        machine: None,
        heartbeat_seconds: 0,
        lease_until: Some(app.now().plus_seconds(body.ttl_seconds)),
    })
}

/// Moves a lease's end.
#[utoipa::path(put, path = "/v1/checkouts/{lease}", tag = "scripts", params(("lease" = HexId, Path)), request_body = RenewLease,
    responses((status = 200, body = Lease), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn renew(
    State(app): State<App>,
    Path(id): Path<HexId>,
    Json(body): Json<RenewLease>,
) -> Result<axum::Json<Lease>, Failure> {
    within("ttl_seconds", body.ttl_seconds, &limits::TTL)?;
    let until = app.now().plus_seconds(body.ttl_seconds);
    app.propose(Command::RenewSession { session: SessionId(id.0), until }).await?;
    let site = app.consensus.view();
    let session = site.session(SessionId(id.0)).ok_or(Refusal::NoSuchSession)?;
    let grants =
        session.grants().iter().filter_map(|grant| site.granted(*grant)).map(checkouts::grant).collect();
    Ok(axum::Json(Lease { lease: id, until: instant(until), grants }))
}

/// Gives back what a lease holds.
#[utoipa::path(delete, path = "/v1/checkouts/{lease}", tag = "scripts", params(("lease" = HexId, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn give_back(State(app): State<App>, Path(id): Path<HexId>) -> Result<StatusCode, Failure> {
    app.propose(Command::EndSession { session: SessionId(id.0), why: EndReason::Closed }).await?;
    Ok(StatusCode::NO_CONTENT)
}
