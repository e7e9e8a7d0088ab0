//! The latest notices in words, and a test of the ways they go.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::admin::{Notice, Notices, TestNotice};
use grantor_site::access::Scope;
use grantor_site::notices::Notice as Told;
use grantor_site::{Command, Site};

use super::answer::Failure;
use super::auth::Caller;
use super::{App, Json};
use crate::clock::instant;
use crate::notices::{body, subject};

/// The latest notices, the newest first: those that are a tenant's own if the token is for one tenant.
#[utoipa::path(get, path = "/v1/admin/notices", tag = "administration",
    responses((status = 200, body = Notices), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<axum::Json<Notices>, Failure> {
    let tenants = caller.reads()?;
    Ok(axum::Json(Notices { notices: latest(&app, &app.consensus.view(), tenants.as_deref()) }))
}

/// The latest first; `tenants` = only those that are theirs.
pub(crate) fn latest(app: &App, site: &Site, tenants: Option<&[Arc<str>]>) -> Vec<Notice> {
    let rules = app.rules();
    let servers = app.servers_or_self();
    let is_theirs =
        |told: &&Told| tenants.is_none_or(|of| told.about.tenant().is_some_and(|tenant| of.contains(tenant)));
    let notice = |told: &Told| Notice {
        number: told.number,
        at: instant(told.at),
        kind: told.about.kind().to_owned(),
        tenant: told.about.tenant().map(ToString::to_string),
        subject: subject(&told.about),
        text: body(&told.about, rules.loader.zone(), &servers),
        waits_for: told.open.iter().map(ToString::to_string).collect(),
        failed: told.failed.iter().map(|(channel, why)| (channel.to_string(), why.to_string())).collect(),
    };
    site.notices().rev().filter(is_theirs).map(notice).collect()
}

/// Makes a notice that goes the ways of a tenant's notices.
#[utoipa::path(post, path = "/v1/admin/notices/test", tag = "administration", request_body = TestNotice,
    responses((status = 202), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn try_out(
    State(app): State<App>,
    caller: Caller,
    Json(asked): Json<TestNotice>,
) -> Result<StatusCode, Failure> {
    let tenant = asked.tenant.map_or_else(|| app.tenant.clone(), Into::into);
    let by = caller.need_for(Scope::Licenses, &tenant)?;
    app.propose(Command::TryNotices { tenant, by }).await?;
    Ok(StatusCode::ACCEPTED)
}
