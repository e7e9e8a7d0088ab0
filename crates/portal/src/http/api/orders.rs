//! Orders: booked, looked at with their lines, found among those of all accounts, and their license letters.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Body, Path, once};
use super::files::one_of;
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body};
use crate::http::account::orders_order as order;
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::house::found_orders;
use crate::http::{Need, Route};
use crate::orders::{self, Booked, BookedOrder, Found, NewOrder, OrderLine};
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/orders", Need::Token, book),
        Route::get("/api/v1/orders", Need::Token, all),
        Route::get("/api/v1/accounts/{account}/orders", Need::Token, list),
        Route::get("/api/v1/accounts/{account}/orders/{number}", Need::Token, one),
        Route::post("/api/v1/accounts/{account}/orders/{number}/letter", Need::Token, letter),
    ]
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

/// Orders of all accounts.
#[derive(Serialize, ToSchema)]
pub(super) struct AllOrders {
    /// How many were found; of a text that many begin with, 1000 at most.
    total: u64,
    /// Whether more begin with the text than are found.
    more: bool,
    /// The license reference number that a mistyped one stands for, where it was taken instead.
    meant: Option<String>,
    rows: Vec<BookedOrder>,
}

/// Orders of all accounts, for the publisher's staff, the latest first: all, or those whose number or license reference number
/// begins with the text.
#[utoipa::path(get, path = "/api/v1/orders", params(("text" = Option<String>, Query, description = "How its number or license reference number begins"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = AllOrders), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn all(caller: Caller, asked: Fields) -> Result<Json<AllOrders>, Problem> {
    caller.needs(Right::Orders)?;
    let pages = (asked.page(), PER_PAGE);
    let (Found { total, more, rows }, meant) =
        found_orders(&caller.app.store, asked.text("text"), pages).await?;
    Ok(Json(AllOrders { total, more, meant, rows }))
}

/// What a list can be sorted by.
const SORTS: [&str; 8] = ["placed", "number", "lrn", "site", "sold_to", "term", "last_day", "maintenance"];

/// The account's orders with their license reference numbers.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/orders", params(("account" = String, Path, description = "Reference number"), ("text" = Option<String>, Query, description = "A part of its number or license reference number"), ("sort" = Option<String>, Query, description = "`placed`, `number`, `lrn`, `site`, `sold_to`, `term`, `last_day` or `maintenance`; without, the latest come first"), ("falling" = Option<String>, Query, description = "yes: with `sort`, the last one first"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<BookedOrder>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<BookedOrder>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    one_of(&asked, "sort", &SORTS)?;
    let store = &caller.app.store;
    let (total, found) =
        orders::list(store, Some(account.id), asked.text("text"), order(&asked), asked.page(), PER_PAGE)
            .await?;
    Ok(rows(total, found))
}

/// An order with what was bought.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeOrder {
    #[serde(flatten)]
    order: BookedOrder,
    lines: Vec<OrderLine>,
}

/// One of the account's orders, with its lines.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/orders/{number}", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), responses((status = 200, body = WholeOrder), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Json<WholeOrder>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (order, lines) = orders::one(&caller.app.store, account.id, &number).await?;
    Ok(Json(WholeOrder { order, lines }))
}

/// A license letter on its way.
#[derive(Serialize, ToSchema)]
pub(super) struct Letter {
    /// Mail addresses of those who get it.
    to: Vec<String>,
}

/// Sends the license letter of an order again.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/orders/{number}/letter", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is sent once")), responses((status = 200, body = Letter), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn letter(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Letter>, Problem> {
    let account = caller.account(&account, Right::Orders).await?;
    let once = once(&caller, "letter", &headers, &(&account.reference, &number))?;
    let to = orders::send_letter_once(&caller.app.store, &account, &number, caller.by(), Some(&once)).await?;
    caller.app.wake.notify_one();
    Ok(Json(Letter { to }))
}
