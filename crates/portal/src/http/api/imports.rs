//! Many orders from a CSV file: every mistake told, booked in the background, and how far that is.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{File, Path, bytes, once};
use super::files::one_of;
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused};
use crate::catalogues::digest;
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::orders::bulk::{self, Imported, Progress, State};
use crate::orders::{self, CsvOrders, OrderProblem};
use crate::rights::Right;
use crate::{Failure, Refusal};

/// Earlier imports in the list.
const LATEST: u64 = 50;
/// Mistakes of a file that are told, at most.
const TOLD: usize = 1000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::upload("/api/v1/imports/check", Need::Token, check),
        Route::upload("/api/v1/imports", Need::Token, begin),
        Route::get("/api/v1/imports", Need::Token, latest),
        Route::get("/api/v1/imports/{id}", Need::Token, one),
        Route::get("/api/v1/imports/{id}/orders", Need::Token, outcome),
        Route::post("/api/v1/imports/{id}/stop", Need::Token, stop),
    ]
}

/// What a file of orders holds.
#[derive(Serialize, ToSchema)]
pub(super) struct Checked {
    /// How many orders could be read.
    orders: usize,
    /// How many mistakes there are: with none, the file can be booked.
    mistakes: usize,
    /// The first 1000 of them.
    problems: Vec<OrderProblem>,
}

/// How far an import is.
#[derive(Serialize, ToSchema)]
pub(super) struct Import {
    id: i64,
    /// Who started it.
    by: String,
    /// In milliseconds since 1970.
    started_at: i64,
    /// When it ended; null: it goes on.
    ended_at: Option<i64>,
    /// How many orders it has.
    total: u64,
    booked: u64,
    /// Booked before, with the same contents.
    before: u64,
    refused: u64,
    stopped: u64,
}

impl From<Progress> for Import {
    fn from(progress: Progress) -> Self {
        let Progress { id, by, started_at, ended_at, total, booked, before, refused, stopped } = progress;
        Self { id, by, started_at, ended_at, total, booked, before, refused, stopped }
    }
}

/// What became of an order.
#[derive(Serialize, ToSchema)]
pub(super) struct Outcome {
    number: String,
    account: String,
    /// `waiting`, `booked`, `before`, `refused` or `stopped`.
    state: &'static str,
    lrn: Option<String>,
    /// Why it was refused, and what to do.
    problem: Option<String>,
}

async fn read(caller: &Caller, bytes: &[u8]) -> Result<CsvOrders, Problem> {
    let read = orders::check_csv(&caller.app.store, bytes).await?;
    if read.orders.is_empty() && read.problems.is_empty() {
        return Err(Fault::Senseless("the file has no orders in it".to_owned()).into());
    }
    Ok(read)
}

/// Reads a file of orders and tells every mistake; books nothing.
#[utoipa::path(post, path = "/api/v1/imports/check", request_body(content = String, content_type = "text/csv"), responses((status = 200, body = Checked), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn check(caller: Caller, file: File) -> Result<Json<Checked>, Problem> {
    caller.needs(Right::Orders)?;
    let CsvOrders { orders, mut problems } = read(&caller, &bytes(file)?).await?;
    let mistakes = problems.len();
    problems.truncate(TOLD);
    Ok(Json(Checked { orders: orders.len(), mistakes, problems }))
}

/// Has all orders of a file booked in the background, unless any has a mistake.
#[utoipa::path(post, path = "/api/v1/imports", params(("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is the same import")), request_body(content = String, content_type = "text/csv"), responses((status = 202, body = Import), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn begin(
    caller: Caller,
    headers: HeaderMap,
    file: File,
) -> Result<(StatusCode, Json<Import>), Problem> {
    caller.needs(Right::Orders)?;
    let file = bytes(file)?;
    let once = once(&caller, "import", &headers, &digest(&file))?;
    let CsvOrders { orders, mut problems } = read(&caller, &file).await?;
    if !problems.is_empty() {
        problems.truncate(TOLD);
        return Err(Failure::from(Refusal::Order(problems)).into());
    }
    let store = &caller.app.store;
    let id = match once.before::<i64>(store.read()).await? {
        Some(id) => id,
        None => {
            let id = bulk::begin(store, once.key(), &orders, caller.by()).await?;
            once.keep(store.read(), &id, caller.by().1).await?;
            id
        }
    };
    caller.app.bookings.notify_one();
    Ok((StatusCode::ACCEPTED, Json(found(&caller, id).await?)))
}

async fn found(caller: &Caller, id: i64) -> Result<Import, Problem> {
    let progress = bulk::progress(&caller.app.store, id).await?;
    Ok(progress.ok_or_else(|| Failure::from(Refusal::UnknownImport(id)))?.into())
}

/// The latest imports, at most 50.
#[utoipa::path(get, path = "/api/v1/imports", responses((status = 200, body = Vec<Import>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn latest(caller: Caller) -> Result<Json<Vec<Import>>, Problem> {
    caller.needs(Right::Orders)?;
    let all = bulk::latest(&caller.app.store, LATEST).await?;
    Ok(Json(all.into_iter().map(Import::from).collect()))
}

/// How far an import is.
#[utoipa::path(get, path = "/api/v1/imports/{id}", params(("id" = i64, Path)), responses((status = 200, body = Import), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(caller: Caller, Path(id): Path<i64>) -> Result<Json<Import>, Problem> {
    caller.needs(Right::Orders)?;
    Ok(Json(found(&caller, id).await?))
}

/// What became of an import's orders, in the order of the file.
#[utoipa::path(get, path = "/api/v1/imports/{id}/orders", params(("id" = i64, Path), ("state" = Option<String>, Query, description = "waiting, booked, before, refused or stopped"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Outcome>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn outcome(
    caller: Caller,
    Path(id): Path<i64>,
    asked: Fields,
) -> Result<Json<Rows<Outcome>>, Problem> {
    caller.needs(Right::Orders)?;
    found(&caller, id).await?;
    one_of(&asked, "state", &State::ALL.map(State::word))?;
    let state = State::ALL.into_iter().find(|state| state.word() == asked.text("state"));
    let pages = (asked.page(), PER_PAGE);
    let (total, all) = bulk::outcome(&caller.app.store, id, state, pages).await?;
    let row = |one: Imported| {
        let Imported { number, account, state, lrn, problem } = one;
        Outcome { number, account, state: state.word(), lrn, problem }
    };
    Ok(rows(total, all.into_iter().map(row).collect()))
}

/// Stops an import: what was decided stays, what waits is not booked.
#[utoipa::path(post, path = "/api/v1/imports/{id}/stop", params(("id" = i64, Path)), responses((status = 200, body = Import), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn stop(caller: Caller, Path(id): Path<i64>) -> Result<Json<Import>, Problem> {
    caller.needs(Right::Orders)?;
    if found(&caller, id).await?.ended_at.is_none() {
        bulk::stop(&caller.app.store, id, caller.by()).await?;
    }
    Ok(Json(found(&caller, id).await?))
}
