//! Filters of lists that a person saved under a name: their own, and nobody else's.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Path};
use super::{Caller, Problem, Refused, body};
use crate::filters::{self, SavedFilter};
use crate::http::{Need, Route};
use crate::tokens::Scope;

/// The page that has saved filters: Activation File Activity.
const PAGE: &str = "files";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/me/filters", Need::Token, list),
        Route::post("/api/v1/me/filters", Need::Token, save),
        Route::post("/api/v1/me/filters/{id}/remove", Need::Token, remove),
    ]
}

/// A saved filter for lists of license files.
#[derive(Serialize, ToSchema)]
pub(super) struct Saved {
    id: i64,
    name: String,
    /// The page's query, with its question mark; there, `site` is a site's `id`.
    query: String,
}

async fn saved(caller: &Caller) -> Result<Json<Vec<Saved>>, Problem> {
    let all = filters::list(&caller.app.store, &caller.person, PAGE).await?;
    let one = |SavedFilter { id, name, query }: SavedFilter| Saved { id, name, query };
    Ok(Json(all.into_iter().map(one).collect()))
}

/// The person's filters by name, at most 50.
#[utoipa::path(get, path = "/api/v1/me/filters", responses((status = 200, body = Vec<Saved>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(caller: Caller) -> Result<Json<Vec<Saved>>, Problem> {
    caller.has(Scope::Read)?;
    saved(&caller).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterBody {
    /// Up to 80 characters; the same name again changes it.
    name: String,
    /// As the page has it, `?active=all&machine=cic`.
    query: String,
}

/// Saves a filter for the page Activation File Activity; gives all of them.
#[utoipa::path(post, path = "/api/v1/me/filters", request_body = FilterBody, responses((status = 200, body = Vec<Saved>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn save(caller: Caller, asked: Body<FilterBody>) -> Result<Json<Vec<Saved>>, Problem> {
    caller.has(Scope::Files)?;
    let FilterBody { name, query } = body(asked)?;
    filters::save(&caller.app.store, &caller.person, PAGE, &name, &query).await?;
    saved(&caller).await
}

/// Removes one of the person's filters.
#[utoipa::path(post, path = "/api/v1/me/filters/{id}/remove", params(("id" = i64, Path)), responses((status = 204), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn remove(caller: Caller, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    caller.has(Scope::Files)?;
    filters::remove(&caller.app.store, &caller.person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
