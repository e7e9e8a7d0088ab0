//! Webhooks: added with a secret that is shown once, tried again, removed; and the mails that went out.

use std::collections::BTreeSet;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Path, once};
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body};
use crate::hooks::{self, Hook};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::mails::{self, Mail};
use crate::rights::Right;
use crate::{Failure, Refusal, log};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/hooks", Need::Token, list),
        Route::post("/api/v1/hooks", Need::Token, add),
        Route::post("/api/v1/hooks/{id}/resume", Need::Token, resume),
        Route::post("/api/v1/hooks/{id}/remove", Need::Token, remove),
        Route::get("/api/v1/mail", Need::Token, sent),
    ]
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    id: i64,
    /// Where it is told.
    address: String,
    /// Of what; empty: of everything.
    events: BTreeSet<String>,
    /// Whether it is told.
    active: bool,
    /// How many entries of the log it has still to be told of, or asked whether it wants them.
    waiting: u64,
    /// How often the next entry was tried.
    tries: i64,
    /// Why the latest try failed.
    problem: Option<String>,
}

async fn listed(caller: &Caller) -> Result<Vec<Listed>, Problem> {
    let db = caller.app.store.read();
    let (size, _) = log::head(db).await?;
    let one = |hook: Hook| Listed {
        waiting: size.saturating_sub(hook.next_position),
        id: hook.id,
        address: hook.address,
        events: hook.events,
        active: hook.active,
        tries: hook.tries,
        problem: hook.problem,
    };
    Ok(hooks::list(db).await?.into_iter().map(one).collect())
}

async fn found(caller: &Caller, id: i64) -> Result<Listed, Problem> {
    let hook = listed(caller).await?.into_iter().find(|hook| hook.id == id);
    Ok(hook.ok_or(Failure::from(Refusal::UnknownHook(id)))?)
}

/// All webhooks.
#[utoipa::path(get, path = "/api/v1/hooks", responses((status = 200, body = Vec<Listed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(caller: Caller) -> Result<Json<Vec<Listed>>, Problem> {
    caller.needs(Right::People)?;
    Ok(Json(listed(&caller).await?))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HookBody {
    /// `https://…`, or `http://` to the portal's own machine.
    address: String,
    /// Of what it is told; empty: of everything.
    #[serde(default)]
    events: BTreeSet<String>,
}

/// A webhook that was added.
#[derive(Serialize, ToSchema)]
pub(super) struct Added {
    #[serde(flatten)]
    hook: Listed,
    /// What signs it, `whsec_…`: shown this once. Null where it was added by the same request before.
    secret: Option<String>,
}

/// Adds a webhook, told from now on.
#[utoipa::path(post, path = "/api/v1/hooks", params(("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is added once")), request_body = HookBody, responses((status = 201, body = Added), (status = 200, body = Added, description = "It was added before"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn add(
    caller: Caller,
    headers: HeaderMap,
    asked: Body<HookBody>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    caller.needs(Right::People)?;
    let (app, asked) = (&caller.app, body(asked)?);
    let once = once(&caller, "hook", &headers, &asked)?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| Fault::Bug)?;
    let wanted = (asked.address.as_str(), &asked.events);
    let (id, new) = hooks::add_once(&app.store, &app.seal, wanted, &secret, caller.by(), &once).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let secret = new.then(|| format!("whsec_{}", STANDARD.encode(secret)));
    Ok((status, Json(Added { hook: found(&caller, id).await?, secret })))
}

/// Tries a webhook again at once; one that was turned off is told again, from where it stopped.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/resume", params(("id" = i64, Path)), responses((status = 200, body = Listed), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn resume(caller: Caller, Path(id): Path<i64>) -> Result<Json<Listed>, Problem> {
    caller.needs(Right::People)?;
    hooks::resume(&caller.app.store, id, caller.by()).await?;
    caller.app.wake.notify_one();
    Ok(Json(found(&caller, id).await?))
}

/// Removes a webhook.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/remove", params(("id" = i64, Path)), responses((status = 204), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn remove(caller: Caller, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    caller.needs(Right::People)?;
    hooks::remove(&caller.app.store, id, caller.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mail; never what stands in it, as that may be a link that signs in.
#[derive(Serialize, ToSchema)]
pub(super) struct Sent {
    recipient: String,
    subject: String,
    /// When it was written, in milliseconds since 1970.
    created_at: i64,
    /// When it was sent; null: it waits.
    sent_at: Option<i64>,
    /// Why it was not sent yet.
    problem: Option<String>,
}

/// Mails that went out or wait, the latest first.
#[utoipa::path(get, path = "/api/v1/mail", params(("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Sent>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn sent(caller: Caller, asked: Fields) -> Result<Json<Rows<Sent>>, Problem> {
    caller.needs(Right::People)?;
    let (total, found) = mails::list(&caller.app.store, asked.page(), PER_PAGE).await?;
    let row = |mail: Mail| {
        let Mail { recipient, subject, created_at, sent_at, problem, .. } = mail;
        Sent { recipient, subject, created_at, sent_at, problem }
    };
    Ok(rows(total, found.into_iter().map(row).collect()))
}
