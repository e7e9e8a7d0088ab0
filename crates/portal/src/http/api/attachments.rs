//! Files attached to requests: of an account's for whoever reaches it, of any for the publisher's staff.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{File, Path, bytes, once};
use super::requests::{found, of_staff};
use super::{Caller, Problem, Refused};
use crate::catalogues::digest;
use crate::http::ask::now;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::requests::Request;
use crate::requests::attachments::{self, Attachment};
use crate::tokens::Scope;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::upload("/api/v1/accounts/{account}/requests/{number}/attachments", Need::Token, attach),
        Route::get("/api/v1/accounts/{account}/requests/{number}/attachments/{id}", Need::Token, get),
        Route::upload("/api/v1/requests/{number}/attachments", Need::Token, attach_as_staff),
        Route::get("/api/v1/requests/{number}/attachments/{id}", Need::Token, get_as_staff),
    ]
}

/// What was attached.
#[derive(Serialize, serde::Deserialize, ToSchema)]
pub(super) struct Attached {
    id: i64,
    name: String,
    /// What its bytes are.
    kind: String,
    /// Bytes.
    size: i64,
    author: String,
    added_at: i64,
}

impl From<Attachment> for Attached {
    fn from(attachment: Attachment) -> Self {
        let Attachment { id, name, kind, size, author, added_at } = attachment;
        Self { id, name, kind, size, author, added_at }
    }
}

async fn add(
    caller: &Caller,
    request: &Request,
    (headers, asked, file): (&HeaderMap, &Fields, &[u8]),
) -> Result<(StatusCode, Json<Attached>), Problem> {
    let name = asked.text("name");
    let once = once(caller, "attachment", headers, &(&request.number, name, digest(file)))?;
    let by = (caller.person.name.as_str(), now());
    let added = attachments::add_once(&caller.app.store, request, (name, file), by, &once).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Always a file to keep, whatever is in it.
async fn give(caller: &Caller, request: &Request, id: i64) -> Result<Response, Problem> {
    let (_, bytes) = attachments::one(caller.app.store.read(), request, id).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// Attaches a file to the account's request: its bytes are the body, up to 10 MiB.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/requests/{number}/attachments", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path), ("name" = String, Query, description = "The file's name"), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is attached once")), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = Attached), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn attach(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Fields,
    file: File,
) -> Result<(StatusCode, Json<Attached>), Problem> {
    let request = found(&caller, &account, &number).await?;
    caller.has(Scope::Requests)?;
    add(&caller, &request, (&headers, &asked, &bytes(file)?)).await
}

/// The bytes of a file that is attached to the account's request.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/requests/{number}/attachments/{id}", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn get(
    caller: Caller,
    Path((account, number, id)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    let request = found(&caller, &account, &number).await?;
    give(&caller, &request, id).await
}

/// Attaches a file to any request, for the publisher's staff.
#[utoipa::path(post, path = "/api/v1/requests/{number}/attachments", params(("number" = String, Path), ("name" = String, Query, description = "The file's name"), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is attached once")), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = Attached), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn attach_as_staff(
    caller: Caller,
    Path(number): Path<String>,
    headers: HeaderMap,
    asked: Fields,
    file: File,
) -> Result<(StatusCode, Json<Attached>), Problem> {
    let request = of_staff(&caller, &number).await?;
    add(&caller, &request, (&headers, &asked, &bytes(file)?)).await
}

/// The bytes of a file that is attached to any request, for the publisher's staff.
#[utoipa::path(get, path = "/api/v1/requests/{number}/attachments/{id}", params(("number" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn get_as_staff(
    caller: Caller,
    Path((number, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let request = of_staff(&caller, &number).await?;
    give(&caller, &request, id).await
}
