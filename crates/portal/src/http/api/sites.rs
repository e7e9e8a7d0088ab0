//! Install sites of an account: found, created, edited, deactivated.

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Body, Path};
use super::files::one_of;
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body};
use crate::accounts::Account;
use crate::http::account::sites_order as order;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::sites::{self, Details, Site};
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts/{account}/sites", Need::Token, list),
        Route::post("/api/v1/accounts/{account}/sites", Need::Token, create),
        Route::get("/api/v1/accounts/{account}/sites/{id}", Need::Token, one),
        Route::post("/api/v1/accounts/{account}/sites/{id}", Need::Token, edit),
    ]
}

/// What a list can be sorted by.
const SORTS: [&str; 7] = ["name", "address", "city", "state", "country", "postal", "active"];

/// Install sites.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/sites", params(("account" = String, Path, description = "Reference number"), ("text" = Option<String>, Query, description = "A part of name or city"), ("sort" = Option<String>, Query, description = "`name` (without), `address`, `city`, `state`, `country`, `postal` or `active`"), ("falling" = Option<String>, Query, description = "yes: with `sort`, the last one first"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Site>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Site>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    one_of(&asked, "sort", &SORTS)?;
    let (store, text) = (&caller.app.store, asked.text("text"));
    let (total, found) = sites::search(store, &account, text, order(&asked), asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// Creates an install site.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/sites", params(("account" = String, Path, description = "Reference number")), request_body = Details, responses((status = 201, body = Site), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn create(
    caller: Caller,
    Path(account): Path<String>,
    asked: Body<Details>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = caller.account(&account, Right::Sites).await?;
    let made = sites::create(&caller.app.store, &account, &body(asked)?, caller.by()).await?;
    Ok((StatusCode::CREATED, Json(json!(made))))
}

/// One of the account's install sites.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/sites/{id}", params(("account" = String, Path, description = "Reference number"), ("id" = i64, Path)), responses((status = 200, body = Site), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(
    caller: Caller,
    Path((account, id)): Path<(String, String)>,
) -> Result<Json<Site>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    Ok(Json(found(&caller, &account, &id).await?))
}

/// The account's site of that number; others' are not there.
async fn found(caller: &Caller, account: &Account, id: &str) -> Result<Site, Problem> {
    let unknown = || Refusal::UnknownSite { account: account.reference.clone(), site: id.to_owned() };
    let number = id.parse().unwrap_or(0);
    let site = sites::by_id(caller.app.store.read(), account, number).await?;
    Ok(site.ok_or_else(|| Failure::from(unknown()))?)
}

/// The whole of a site as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteBody {
    /// What is left out is empty from now on.
    details: Details,
    /// Nothing new is generated for one that is not.
    active: bool,
    /// Which change of it you saw; refused (409) if somebody changed it since.
    version: i64,
}

/// Changes an install site, also whether it is active.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/sites/{id}", params(("account" = String, Path, description = "Reference number"), ("id" = i64, Path)), request_body = SiteBody, responses((status = 200, body = Site), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn edit(
    caller: Caller,
    Path((account, id)): Path<(String, String)>,
    asked: Body<SiteBody>,
) -> Result<Json<Site>, Problem> {
    let account = caller.account(&account, Right::Sites).await?;
    let SiteBody { details, active, version } = body(asked)?;
    let seen = Site { version, ..found(&caller, &account, &id).await? };
    let made = sites::edit(&caller.app.store, &account, &seen, &details, active, caller.by()).await?;
    Ok(Json(made))
}
