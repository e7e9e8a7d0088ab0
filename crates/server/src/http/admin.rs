//! `/v1/admin`: tokens, taking grants away, policies, violations, stopping.

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::admin::{NewToken, Policy, Scope as ApiScope, TokenInfo, TokenMade, Why};
use grantor_api::{HexId, limits};
use grantor_site::access::Scope;
use grantor_site::command::EndReason;
use grantor_site::ids::{GrantId, SessionId};
use grantor_site::settings::{FeaturePolicy, Shrink};
use grantor_site::{Command, Refusal};

use super::App;
use super::answer::{Failure, bad_request};
use super::auth::Caller;
use super::body::{Json, Path, Query, name, required, within};
use crate::clock::instant;
use crate::secret;

fn to_site(scope: ApiScope) -> Scope {
    match scope {
        ApiScope::Admin => Scope::Admin,
        ApiScope::Licenses => Scope::Licenses,
        ApiScope::Release => Scope::Release,
        ApiScope::Read => Scope::Read,
        ApiScope::Checkout => Scope::Checkout,
        ApiScope::Join => Scope::Join,
        ApiScope::Allocate => Scope::Allocate,
    }
}

fn to_api(scope: Scope) -> ApiScope {
    match scope {
        Scope::Admin => ApiScope::Admin,
        Scope::Licenses => ApiScope::Licenses,
        Scope::Release => ApiScope::Release,
        Scope::Read => ApiScope::Read,
        Scope::Checkout => ApiScope::Checkout,
        Scope::Join => ApiScope::Join,
        Scope::Allocate => ApiScope::Allocate,
    }
}

/// Every living token, without its secret.
#[utoipa::path(get, path = "/v1/admin/tokens", tag = "administration", responses((status = 200, body = [TokenInfo]), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn tokens(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<Vec<TokenInfo>>, Failure> {
    caller.need(Scope::Admin)?;
    let site = app.consensus.view();
    let tokens = site.access().tokens().map(|token| TokenInfo {
        name: token.name.clone(),
        scopes: token.scopes.iter().copied().map(to_api).collect(),
        tenant: token.tenant.as_deref().map(str::to_owned),
        since: instant(token.since),
        by: token.by.clone(),
        until: token.until.map(instant),
    });
    Ok(axum::Json(tokens.collect()))
}

/// Makes a token. The answer shows it this once.
#[utoipa::path(post, path = "/v1/admin/tokens", tag = "administration", request_body = NewToken,
    responses((status = 201, body = TokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn new_token(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewToken>,
) -> Result<(StatusCode, axum::Json<TokenMade>), Failure> {
    let by = caller.need(Scope::Admin)?;
    required("name", &body.name, limits::NAME)?;
    if let Some(ttl) = body.ttl_seconds {
        within("ttl_seconds", ttl, &(1..=u32::MAX))?;
    }
    if body.scopes.is_empty() {
        return Err(bad_request("`scopes` is empty")
            .hint("admin, licenses, release, read, checkout, allocate")
            .into());
    }
    let (token, hash) = secret::new_token().map_err(|_| App::confused())?;
    let until = body.ttl_seconds.map(|seconds| app.now().plus_seconds(seconds));
    let scopes = body.scopes.iter().copied().map(to_site).collect();
    let tenant = body.tenant.as_deref().map(Into::into);
    app.propose(Command::AddToken { token: hash, name: body.name.clone(), scopes, tenant, until, by })
        .await?;
    Ok((StatusCode::CREATED, axum::Json(TokenMade { name: body.name, token, until: until.map(instant) })))
}

/// Revokes a token.
#[utoipa::path(delete, path = "/v1/admin/tokens/{name}", tag = "administration", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    app.propose(Command::RevokeToken { name, by }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a grant away from its holder.
#[utoipa::path(delete, path = "/v1/admin/grants/{grant}", tag = "administration", params(("grant" = u64, Path), Why),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove_grant(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<u64>,
    Query(why): Query<Why>,
) -> Result<StatusCode, Failure> {
    name("reason", &why.reason, limits::REASON)?;
    let grant = GrantId(id);
    let tenant = {
        let site = app.consensus.view();
        let pool = site.grant_by_id(grant).and_then(|grant| site.pool(grant.pool));
        pool.map(|pool| pool.terms.key.tenant.clone())
    };
    let by = match tenant {
        Some(tenant) => caller.need_for(Scope::Release, &tenant)?,
        None => caller.need(Scope::Release)?,
    };
    app.propose(Command::RemoveGrant { grant, by, reason: why.reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a session.
#[utoipa::path(delete, path = "/v1/admin/sessions/{session}", tag = "administration", params(("session" = HexId, Path), Why),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HexId>,
    Query(why): Query<Why>,
) -> Result<StatusCode, Failure> {
    name("reason", &why.reason, limits::REASON)?;
    let session = SessionId(id.0);
    let tenant = app.consensus.view().session(session).map(|session| (*session.tenant).clone());
    let by = caller.need_for(Scope::Release, tenant.as_deref().unwrap_or_default())?;
    tenant.ok_or(Refusal::NoSuchSession)?;
    app.propose(Command::EndSession { session, why: EndReason::Removed { by, reason: why.reason } }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets how a feature is granted; an empty object goes back to the settings.
#[utoipa::path(put, path = "/v1/admin/policies/{tenant}/{feature}", tag = "administration", params(("tenant" = String, Path), ("feature" = String, Path)), request_body = Policy,
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn set_policy(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, feature)): Path<(String, String)>,
    Json(body): Json<Policy>,
) -> Result<StatusCode, Failure> {
    caller.need_for(Scope::Licenses, &tenant)?;
    required("feature", &feature, limits::NAME)?;
    let shrink = match body.shrink.as_deref() {
        None => None,
        Some("keep") => Some(Shrink::Keep),
        Some("revoke-newest") => Some(Shrink::RevokeNewest),
        Some("revoke-oldest") => Some(Shrink::RevokeOldest),
        Some(other) => {
            return Err(bad_request(format!("`shrink` is `{other}`"))
                .hint("keep, revoke-newest or revoke-oldest")
                .into());
        }
    };
    let policy =
        FeaturePolicy { limit_per_client: body.limit_per_client, queue_bound: body.queue_bound, shrink };
    let policy = (policy != FeaturePolicy::default()).then_some(policy);
    app.propose(Command::SetPolicy { tenant: tenant.into(), feature, policy }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Dismisses a standing violation. One whose cause goes on starts again.
#[utoipa::path(post, path = "/v1/admin/violations/{number}/clear", tag = "administration", params(("number" = u64, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn clear_violation(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<u64>,
) -> Result<StatusCode, Failure> {
    dismiss(&app, &caller, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Clears the violation of this number. Of a clock, that says that the clock is right.
pub(crate) async fn dismiss(app: &App, caller: &Caller, number: u64) -> Result<(), Failure> {
    let is_clock = app.consensus.look(|site| {
        site.violations().iter().any(|violation| violation.number == number && violation.breach.is_clock())
    });
    if is_clock {
        return app.confirm_clock(caller.need(Scope::Admin)?).await;
    }
    let by = caller.need(Scope::Release)?;
    app.propose(Command::ClearViolation { number, by }).await?;
    Ok(())
}

/// Says that the clocks, one of which had been set back or ahead, are right now.
#[utoipa::path(post, path = "/v1/admin/clock/confirm", tag = "administration",
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn confirm_clock(State(app): State<App>, caller: Caller) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    app.confirm_clock(by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops the server: what was answered is on disk, open requests are finished.
#[utoipa::path(post, path = "/v1/admin/down", tag = "administration",
    responses((status = 202), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn down(State(app): State<App>, caller: Caller) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    tracing::info!(by, "told to stop");
    app.stop.send_replace(true);
    Ok(StatusCode::ACCEPTED)
}
