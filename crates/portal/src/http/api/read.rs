//! Reading: accounts and what they have.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Caller, Problem, Refused};
use crate::accounts::Account;
use crate::activation::{self, StillUsed};
use crate::entitlements::{Balance, balances};
use crate::files::{self, Filter, LicenseFile, Sort};
use crate::http::ask::now;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::orders::BookedOrder;
use crate::rights::Right;
use crate::sites::Site;
use crate::{orders, people, sites};

/// Rows of a page.
pub(super) const PER_PAGE: u64 = 200;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts", Need::Token, accounts),
        Route::get("/api/v1/accounts/{account}/summary", Need::Token, summary),
        Route::get("/api/v1/accounts/{account}/sites", Need::Token, list_sites),
        Route::get("/api/v1/accounts/{account}/orders", Need::Token, list_orders),
        Route::get("/api/v1/accounts/{account}/files", Need::Token, list_files),
        Route::get("/api/v1/accounts/{account}/files/{number}", Need::Token, document),
        Route::get("/api/v1/accounts/{account}/still-used", Need::Token, still_used),
    ]
}

/// A page of a list, and how many rows there are in all.
#[derive(Serialize, ToSchema)]
pub(super) struct Rows<T> {
    total: u64,
    rows: Vec<T>,
}

pub(super) fn rows<T>(total: u64, rows: Vec<T>) -> Json<Rows<T>> {
    Json(Rows { total, rows })
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

/// Accounts that the person reaches.
#[utoipa::path(get, path = "/api/v1/accounts", params(("text" = Option<String>, Query, description = "A part of name or number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Account>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn accounts(caller: Caller, asked: Fields) -> Result<Json<Rows<Account>>, Problem> {
    caller.needs(Right::See)?;
    let (store, text) = (&caller.app.store, asked.text("text"));
    let (total, found) = people::accounts(store, &caller.person, text, asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// Each part: total, used, available.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/summary", params(("account" = String, Path, description = "Reference number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Owned>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn summary(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Owned>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let today = jiff::Zoned::now().date().to_string();
    let owned = balances(caller.app.store.read(), account.id, None, &today).await?;
    let total = owned.len() as u64;
    let (before, most) = (asked.page() * PER_PAGE, PER_PAGE);
    let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let owned = owned.into_iter().skip(count(before)).take(count(most));
    let row = |one: Balance| Owned {
        total: one.total(),
        available: one.available(),
        used: one.used,
        perpetual: one.perpetual,
        dated: one.dated,
        mirrored: one.mirrored,
        catalogue: one.part.catalogue,
        part: one.part.number,
    };
    Ok(rows(total, owned.map(row).collect()))
}

/// Install sites.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/sites", params(("account" = String, Path, description = "Reference number"), ("text" = Option<String>, Query, description = "A part of name or city"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Site>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list_sites(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Site>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (store, text) = (&caller.app.store, asked.text("text"));
    let (total, found) = sites::search(store, &account, text, asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// Orders with their license reference numbers.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/orders", params(("account" = String, Path, description = "Reference number"), ("text" = Option<String>, Query, description = "A part of name or number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<BookedOrder>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list_orders(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<BookedOrder>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let store = &caller.app.store;
    let (total, found) =
        orders::list(store, Some(account.id), asked.text("text"), asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// License files, the latest first.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/files", params(("account" = String, Path, description = "Reference number"), ("active" = Option<String>, Query, description = "yes (default), no or all"), ("machine" = Option<String>, Query), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<LicenseFile>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list_files(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<LicenseFile>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let filter = Filter {
        active: (asked.text("active") != "all").then_some(asked.text("active") != "no"),
        machine: asked.given("machine"),
        ..Filter::default()
    };
    let order = (Sort::Generated, true);
    let (total, found) =
        files::list(&caller.app.store, &account, &filter, order, asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// The signed text itself.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/files/{number}", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn document(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let account = caller.account(&account, Right::See).await?;
    Ok(files::document(&caller.app.store, &account, &number).await?.into_response())
}

/// License servers that use files which don't count any more.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/still-used", params(("account" = String, Path, description = "Reference number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<StillUsed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn still_used(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<StillUsed>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (store, pages) = (&caller.app.store, (asked.page(), PER_PAGE));
    let (total, found) = activation::still_used(store, Some(&account), None, now(), pages).await?;
    Ok(rows(total, found))
}
