//! Reading: accounts and what they have.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Caller, Problem};
use crate::entitlements::balances;
use crate::files::{self, Filter, Sort};
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{orders, people, sites};

/// Rows of a page.
const PER_PAGE: u64 = 200;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts", Need::Token, accounts),
        Route::get("/api/v1/accounts/{account}/summary", Need::Token, summary),
        Route::get("/api/v1/accounts/{account}/sites", Need::Token, list_sites),
        Route::get("/api/v1/accounts/{account}/orders", Need::Token, list_orders),
        Route::get("/api/v1/accounts/{account}/files", Need::Token, list_files),
        Route::get("/api/v1/accounts/{account}/files/{number}", Need::Token, document),
    ]
}

/// A page of a list, and how many rows there are in all.
fn rows(total: u64, rows: &impl serde::Serialize) -> Json<Value> {
    Json(json!({ "total": total, "rows": rows }))
}

async fn accounts(caller: Caller, asked: Fields) -> Result<Json<Value>, Problem> {
    caller.needs(Right::See)?;
    let (store, text) = (&caller.app.store, asked.text("text"));
    let (total, found) = people::accounts(store, &caller.person, text, asked.page(), PER_PAGE).await?;
    Ok(rows(total, &found))
}

async fn summary(caller: Caller, Path(account): Path<String>) -> Result<Json<Value>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let today = jiff::Zoned::now().date().to_string();
    let owned = balances(caller.app.store.read(), account.id, None, &today).await?;
    let row = |one: &crate::entitlements::Balance| {
        json!({
            "catalogue": one.part.catalogue, "part": one.part.number, "total": one.total(), "used": one.used,
            "available": one.available(), "perpetual": one.perpetual, "dated": one.dated, "mirrored": one.mirrored,
        })
    };
    Ok(rows(owned.len() as u64, &owned.iter().map(row).collect::<Vec<_>>()))
}

async fn list_sites(caller: Caller, Path(account): Path<String>) -> Result<Json<Value>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let found = sites::list(&caller.app.store, &account, None).await?;
    Ok(rows(found.len() as u64, &found))
}

async fn list_orders(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Value>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let store = &caller.app.store;
    let (total, found) =
        orders::list(store, Some(account.id), asked.text("text"), asked.page(), PER_PAGE).await?;
    Ok(rows(total, &found))
}

async fn list_files(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Value>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let filter = Filter {
        active: (asked.text("active") != "all").then_some(asked.text("active") != "no"),
        machine: asked.given("machine"),
        ..Filter::default()
    };
    let order = (Sort::Generated, true);
    let (total, found) =
        files::list(&caller.app.store, &account, &filter, order, asked.page(), PER_PAGE).await?;
    Ok(rows(total, &found))
}

/// The signed text itself.
async fn document(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let account = caller.account(&account, Right::See).await?;
    Ok(files::document(&caller.app.store, &account, &number).await?.into_response())
}
