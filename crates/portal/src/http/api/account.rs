//! Accounts: found, created, changed; what one owns, part by part; and everything of it at once.

use std::collections::BTreeSet;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Body, Path};
use super::list::{PER_PAGE, Rows, page_of, rows};
use super::{Caller, Problem, Refused, body};
use crate::accounts::{self, Account, Change, Kind, NewAccount, Whole};
use crate::entitlements::{Balance, balances};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{export, orders, people, sites};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts", Need::Token, list),
        Route::post("/api/v1/accounts", Need::Token, create),
        Route::get("/api/v1/accounts/{account}", Need::Token, one),
        Route::get("/api/v1/accounts/{account}/summary", Need::Token, summary),
        Route::get("/api/v1/accounts/{account}/software", Need::Token, software),
        Route::get("/api/v1/accounts/{account}/export", Need::Token, everything),
        Route::post("/api/v1/accounts/{account}", Need::Token, edit),
        Route::get("/api/v1/accounts/{account}/under", Need::Token, under),
    ]
}

/// Accounts that the person reaches.
#[utoipa::path(get, path = "/api/v1/accounts", params(("text" = Option<String>, Query, description = "A part of name or number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Account>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(caller: Caller, asked: Fields) -> Result<Json<Rows<Account>>, Problem> {
    caller.needs(Right::See)?;
    let (store, text) = (&caller.app.store, asked.text("text"));
    let (total, found) = people::accounts(store, &caller.person, text, asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

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
pub(super) async fn create(
    caller: Caller,
    asked: Body<AccountBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.needs(Right::Accounts)?;
    let AccountBody { reference, name, kind, parent } = body(asked)?;
    let new = NewAccount { reference, name, kind, parent };
    let made = accounts::create(&caller.app.store, &new, caller.by()).await?;
    Ok((StatusCode::CREATED, Json(json!(made))))
}

/// One account; the publisher's staff also sees the account above it, and which state of it this is, for a change.
#[utoipa::path(get, path = "/api/v1/accounts/{account}", params(("account" = String, Path, description = "Reference number")), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(caller: Caller, Path(account): Path<String>) -> Result<Json<Value>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    if caller.person.may(Right::Accounts) {
        return Ok(Json(json!(accounts::whole(caller.app.store.read(), &account).await?)));
    }
    Ok(Json(json!(account)))
}

/// What an account owns of a part.
#[derive(Serialize, ToSchema)]
pub(super) struct Owned {
    catalogue: String,
    part: String,
    total: u64,
    used: u64,
    available: u64,
    perpetual: u64,
    dated: u64,
    mirrored: bool,
}

fn owned(one: Balance) -> Owned {
    Owned {
        total: one.total(),
        available: one.available(),
        used: one.used,
        perpetual: one.perpetual,
        dated: one.dated,
        mirrored: one.mirrored,
        catalogue: one.part.catalogue,
        part: one.part.number,
    }
}

/// What the query wants of what the account owns today.
async fn wanted(caller: &Caller, account: &Account, asked: &Fields) -> Result<Vec<Balance>, Problem> {
    let db = caller.app.store.read();
    let site = match asked.given("site") {
        Some(name) => Some(sites::find(db, account, &name).await?.id),
        None => None,
    };
    let today = jiff::Zoned::now().date().to_string();
    let mut owned = balances(db, account.id, site, &today).await?;
    owned.retain(|one| !asked.has("product") || one.part.catalogue == asked.text("product"));
    Ok(owned)
}

/// Each part: total, used, available.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/summary", params(("account" = String, Path, description = "Reference number"), ("site" = Option<String>, Query, description = "Name of the install site; all without"), ("product" = Option<String>, Query, description = "A catalogue's name"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Owned>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn summary(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Owned>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let found = wanted(&caller, &account, &asked).await?;
    Ok(page_of(found.into_iter().map(owned).collect(), &asked))
}

/// What an account owns of a part, and whom it was sold to.
#[derive(Serialize, ToSchema)]
pub(super) struct Software {
    #[serde(flatten)]
    owned: Owned,
    /// Names of accounts that were invoiced.
    sold_to: BTreeSet<String>,
}

/// Each part with whom it was sold to.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/software", params(("account" = String, Path, description = "Reference number"), ("site" = Option<String>, Query, description = "Name of the install site; all without"), ("product" = Option<String>, Query, description = "A catalogue's name"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Software>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn software(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Software>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let found = wanted(&caller, &account, &asked).await?;
    let mut sold = orders::sold_to(caller.app.store.read(), account.id).await?;
    let row = |one: Balance| {
        let sold_to = sold.remove(&one.part).unwrap_or_default();
        Software { owned: owned(one), sold_to }
    };
    Ok(page_of(found.into_iter().map(row).collect(), &asked))
}

/// Everything that the account owns, as one text: sites, people, orders, entitlement, license files, requests.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/export", params(("account" = String, Path, description = "Reference number")), responses((status = 200, body = Object), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn everything(caller: Caller, Path(account): Path<String>) -> Result<Response, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let today = jiff::Zoned::now().date().to_string();
    let all = export::everything(&caller.app.store, &account, &today).await?;
    let text = all.json().map_err(|_| Fault::Bug)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// An account as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    name: String,
    kind: Kind,
    /// The reference number of the account above it; left out, it stands under none from now on.
    #[serde(default)]
    parent: Option<String>,
    /// Which state of it you saw; refused (409) if somebody changed it since.
    version: String,
}

/// Changes an account's name, its kind and the account above it, for the publisher's staff; its reference number stays.
#[utoipa::path(post, path = "/api/v1/accounts/{account}", params(("account" = String, Path, description = "Reference number")), request_body = ChangeBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn edit(
    caller: Caller,
    Path(account): Path<String>,
    asked: Body<ChangeBody>,
) -> Result<Json<Whole>, Problem> {
    let account = caller.account(&account, Right::Accounts).await?;
    let ChangeBody { name, kind, parent, version } = body(asked)?;
    let change = Change { name, kind, parent };
    Ok(Json(accounts::edit(&caller.app.store, &account, &version, &change, caller.by()).await?))
}

/// Accounts directly under one: a service provider's tenants, a partner's customers.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/under", params(("account" = String, Path, description = "Reference number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Account>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn under(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Account>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (total, found) = accounts::under(&caller.app.store, &account, asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}
