//! Changing: accounts, sites, orders and license files. What makes something new names its request, so that it is done once however
//! often it is sent: an order by its number, a file by the header `Idempotency-Key`.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Caller, Problem, Refused, body, sign};
use crate::accounts::{self, Account, Kind, NewAccount};
use crate::files::{self, Request, Selection};
use crate::http::ask::now;
use crate::http::fault::Fault;
use crate::http::{Need, Route};
use crate::orders::{self, Booked, NewOrder};
use crate::people::Actor;
use crate::rights::Right;
use crate::sites::{self, Details, Site};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/accounts", Need::Token, create_account),
        Route::post("/api/v1/orders", Need::Token, book),
        Route::post("/api/v1/accounts/{account}/sites", Need::Token, create_site),
        Route::post("/api/v1/accounts/{account}/files", Need::Token, generate),
        Route::post("/api/v1/accounts/{account}/files/{number}/deactivate", Need::Token, deactivate),
    ]
}

/// A license file that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    file: String,
}

/// A license file as it would be.
#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    text: String,
    explained: String,
    warnings: Vec<String>,
}

/// A license file that has ended.
#[derive(Serialize, ToSchema)]
pub(super) struct Ended {
    file: String,
    active: bool,
}

pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountBody {
    reference: String,
    name: String,
    kind: Kind,
    #[serde(default)]
    parent: Option<String>,
}

/// Creates an account.
#[utoipa::path(post, path = "/api/v1/accounts", request_body = AccountBody, responses((status = 201, body = Account), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn create_account(
    caller: Caller,
    asked: Body<AccountBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.needs(Right::Accounts)?;
    let AccountBody { reference, name, kind, parent } = body(asked)?;
    let new = NewAccount { reference, name, kind, parent };
    let made = accounts::create(&caller.app.store, &new, caller.by()).await?;
    Ok((StatusCode::CREATED, Json(json!(made))))
}

/// Books an order. Sent twice with the same contents, it is booked once.
#[utoipa::path(post, path = "/api/v1/orders", request_body = NewOrder, responses((status = 201, body = Booked), (status = 200, body = Booked, description = "It was booked before"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn book(
    caller: Caller,
    asked: Body<NewOrder>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.needs(Right::Orders)?;
    let (order, (by, at)) = (body(asked)?, caller.by());
    let bits = getrandom::u64().map_err(|_| Fault::Bug)?;
    let booked = orders::book(&caller.app.store, &order, by, at, bits).await?;
    caller.app.wake.notify_one();
    let status = if booked.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(json!(booked))))
}

/// Creates an install site.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/sites", params(("account" = String, Path, description = "Reference number")), request_body = Details, responses((status = 201, body = Site), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn create_site(
    caller: Caller,
    Path(account): Path<String>,
    asked: Body<Details>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = caller.account(&account, Right::Sites).await?;
    let made = sites::create(&caller.app.store, &account, &body(asked)?, caller.by()).await?;
    Ok((StatusCode::CREATED, Json(json!(made))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBody {
    site: String,
    selection: Selection,
    #[serde(default)]
    replaces: Option<String>,
    /// Only shows what would come of it.
    #[serde(default)]
    preview: bool,
}

/// Makes a license file, or shows what it would be.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/files", params(("account" = String, Path, description = "Reference number"), ("Idempotency-Key" = Option<String>, Header, description = "8 to 200 characters, needed without `preview`: the same again gives the same file")), request_body = FileBody, responses((status = 201, body = Made), (status = 200, body = Shown, description = "A preview"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn generate(
    caller: Caller,
    Path(account): Path<String>,
    headers: HeaderMap,
    asked: Body<FileBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = caller.account(&account, Right::Files).await?;
    let (store, asked) = (&caller.app.store, body(asked)?);
    let site = sites::find(store.read(), &account, &asked.site).await?;
    let request = Request {
        account: &account,
        site: &site,
        selection: &asked.selection,
        replaces: asked.replaces.as_deref(),
        by: Actor::Person(&caller.person),
        at: now(),
        today: jiff::Zoned::now().date(),
    };
    if asked.preview {
        let shown = files::preview(store, &request).await?;
        let shown = Shown { text: shown.text, explained: shown.explained, warnings: shown.warnings };
        return Ok((StatusCode::OK, Json(json!(shown))));
    }
    let number = files::generate(store, &request, &request_key(&caller, &headers)?).await?;
    sign(&caller.app).await;
    Ok((StatusCode::CREATED, Json(json!(Made { file: number }))))
}

/// A person's own: nobody else's file is found by it.
pub(super) fn request_key(caller: &Caller, headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !(8..=200).contains(&key.len()) {
        let says = "the header Idempotency-Key is needed, with 8 to 200 characters: the same again gives the same file";
        return Err(Fault::Senseless(says.to_owned()).into());
    }
    Ok(format!("{}/api/{key}", caller.person.id))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    reason: String,
}

/// Ends a license file; what it used is available again.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/files/{number}/deactivate", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), request_body = Reason, responses((status = 200, body = Ended), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn deactivate(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
    asked: Body<Reason>,
) -> Result<Json<Ended>, Problem> {
    let account = caller.account(&account, Right::Files).await?;
    files::deactivate(&caller.app.store, &account, &number, &body(asked)?.reason, caller.by()).await?;
    Ok(Json(Ended { file: number, active: false }))
}
