//! The log of everything: looked through from its end, and the whole of it with the signer's checkpoint.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::list::PER_PAGE;
use super::{Caller, Problem, Refused};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::house::LOG_PATIENCE;
use crate::http::{Need, Route};
use crate::ledger;
use crate::log::{self, Wanted};
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/log", Need::Token, search),
        Route::get("/api/v1/log/export", Need::Token, export),
    ]
}

/// An entry of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Entry {
    /// Its place, from 0.
    position: u64,
    /// `at` in milliseconds since 1970, `by`, `what`, and `more`.
    #[schema(value_type = Object)]
    entry: Value,
}

/// Entries of the log, the latest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Entries {
    /// How many entries the log has.
    size: u64,
    /// How many of them the signer's latest checkpoint covers; null: no signer has seen it yet.
    witnessed: Option<u64>,
    rows: Vec<Entry>,
    /// What to go on with as `before`; null: everything was looked through.
    next: Option<u64>,
}

/// Looks through the log from its end backwards: 200 entries at most, and a second at most, with the place to go on from.
#[utoipa::path(get, path = "/api/v1/log", params(("who" = Option<String>, Query, description = "A part of who did it"), ("what" = Option<String>, Query, description = "A part of what was done"), ("about" = Option<String>, Query, description = "A part of what is told of it"), ("before" = Option<u64>, Query, description = "Only entries before this place")), responses((status = 200, body = Entries), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn search(caller: Caller, asked: Fields) -> Result<Json<Entries>, Problem> {
    caller.needs(Right::Log)?;
    let db = caller.app.store.read();
    let text = |name: &str| asked.text(name).to_owned();
    let wanted = Wanted { who: text("who"), what: text("what"), about: text("about") };
    let (size, checkpoint) = log::head(db).await?;
    let before = asked.text("before").parse().map_or(size, |before: u64| before.min(size));
    let most = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    let found = log::search(db, &wanted, before, most, LOG_PATIENCE).await?;
    let row = |one: log::Entry| Entry {
        position: one.position,
        entry: serde_json::from_str(&one.body).unwrap_or_default(),
    };
    Ok(Json(Entries {
        size,
        witnessed: checkpoint.as_deref().and_then(ledger::open_size),
        rows: found.entries.into_iter().map(row).collect(),
        next: found.next,
    }))
}

/// The whole log as far as the signer has seen it, with its checkpoint, for `grantor audit verify`.
#[utoipa::path(get, path = "/api/v1/log/export", responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn export(caller: Caller) -> Result<Response, Problem> {
    caller.needs(Right::Log)?;
    let text = log::export(caller.app.store.read()).await?;
    let text = text.ok_or_else(|| Fault::Senseless("no signer has seen the log yet".to_owned()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
