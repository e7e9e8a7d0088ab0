//! Orders of all accounts: found, booked one by one, or many from a CSV file, with every mistake told before any is booked.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::cookie::Secret;
use grantor_web::frame::Frame;

use crate::catalogues::digest;
use crate::http::account::orders_as_csv;
use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form, Upload, number};
use crate::http::render::{PER_PAGE, Turn, csv, done, every, instant, page, quoted, refused, turn};
use crate::http::{Need, Route};
use crate::lrn::{Lrn, LrnError};
use crate::orders::bulk::{self, Imported, Progress};
use crate::orders::{
    self, BookedOrder, CsvOrders, Found, MOST_FOUND, NewLine, NewOrder, OrderProblem, Term, read_csv,
};
use crate::rights::Right;
use crate::store::Store;
use crate::{Failure, Refusal, catalogues};

/// Earlier imports shown beside the form.
const LATEST: u64 = 10;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/orders", Need::House(Right::Orders), list),
        Route::get("/orders/new", Need::House(Right::Orders), ask_new),
        Route::post("/orders/new", Need::House(Right::Orders), book),
        Route::get("/orders/import", Need::House(Right::Orders), ask_import),
        Route::upload("/orders/import", Need::House(Right::Orders), check),
        Route::upload("/orders/import/book", Need::House(Right::Orders), import),
        Route::get("/orders/imports/{id}", Need::House(Right::Orders), imported),
        Route::post("/orders/imports/{id}/stop", Need::House(Right::Orders), stop),
    ]
}

#[derive(Template)]
#[template(path = "house/orders.html")]
struct Orders {
    frame: Frame,
    rows: Vec<BookedOrder>,
    text: String,
    /// Whether more begin with the text than are found.
    more: bool,
    /// The number that a mistyped license reference number stands for.
    meant: Option<String>,
    turn: Turn,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (store, text) = (&ask.app.store, asked.text("text"));
    if asked.text("format") == "csv" {
        let page =
            |page, count| async move { found(store, text, (page, count)).await.map(|found| found.rows) };
        return orders_as_csv(every(page).await?);
    }
    let (Found { total, more, rows }, meant) = found_or_meant(store, text, (asked.page(), PER_PAGE)).await?;
    let turn = turn(&asked, total);
    Ok(page(&Orders { frame: ask.frame(), rows, text: text.to_owned(), more, meant, turn }))
}

/// What was found, and the number that a mistyped license reference number stands for, where that was taken instead.
pub(in crate::http) async fn found_or_meant(
    store: &Store,
    text: &str,
    (page, per_page): (u64, u64),
) -> Result<(Found, Option<String>), Fault> {
    let shown = found(store, text, (page, per_page)).await?;
    for number in if shown.total == 0 { may_be_meant(text) } else { Vec::new() } {
        let meant = orders::search(store, &number.to_string(), 0, per_page).await?;
        if meant.total > 0 {
            return Ok((meant, Some(number.to_string())));
        }
    }
    Ok((shown, None))
}

/// All orders, or those that begin with the text.
async fn found(store: &Store, text: &str, (page, per_page): (u64, u64)) -> Result<Found, Fault> {
    if !text.is_empty() {
        return Ok(orders::search(store, text, page, per_page).await?);
    }
    let (total, rows) = orders::list(store, None, "", orders::LATEST, page, per_page).await?;
    Ok(Found { total, more: false, rows })
}

/// License reference numbers that a text may stand for, typing mistakes and all.
fn may_be_meant(text: &str) -> Vec<Lrn> {
    match Lrn::parse(text) {
        Ok(lrn) => vec![lrn],
        Err(LrnError::Mistyped(nearest)) => nearest,
        Err(_) => Vec::new(),
    }
}

#[derive(Template)]
#[template(path = "house/new_order.html")]
struct New {
    frame: Frame,
    form: Fields,
    terms: [Term; 5],
    products: Vec<(String, String)>,
    problems: Vec<String>,
}

async fn dialog(ask: &Ask, form: Fields, problems: Vec<String>) -> Result<New, Fault> {
    let editions = catalogues::current(&ask.app.store, ask.app.store.read()).await?;
    let products = editions.into_iter().map(|(name, edition)| (name, edition.catalogue.title.clone()));
    Ok(New { frame: ask.frame(), form, terms: Term::ALL, products: products.collect(), problems })
}

async fn ask_new(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    Ok(page(&dialog(&ask, asked, Vec::new()).await?))
}

/// Lines of the form: `part quantity`, one a line.
fn lines(form: &Fields) -> Result<Vec<NewLine>, Fault> {
    let line = |line: &str| {
        let (part, quantity) = line.trim().rsplit_once(char::is_whitespace).unwrap_or((line.trim(), "1"));
        Ok(NewLine {
            catalogue: form.text("product").to_owned(),
            part: part.trim().to_owned(),
            quantity: number(part, quantity)?,
        })
    };
    form.text("lines").lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

async fn book(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let order = NewOrder {
        number: form.text("number").to_owned(),
        account: form.text("account").to_owned(),
        sold_to: form.given("sold_to"),
        site: form.text("site").to_owned(),
        term: Term::parse(form.text("term")).unwrap_or_default(),
        last_day: form.given("last_day"),
        maintenance_until: form.given("maintenance_until"),
        lines: lines(&form)?,
    };
    let (by, at) = ask.by();
    let bits = getrandom::u64().map_err(|_| Fault::Bug)?;
    match orders::book(&ask.app.store, &order, by, at, bits).await {
        Ok(_) => {
            ask.app.wake.notify_one();
            let order = quoted(order.number.trim());
            Ok(done(&format!("/accounts/{}/orders/{order}", quoted(form.text("account"))), "booked"))
        }
        Err(Failure::Refused(refusal)) => {
            let problems = match &refusal {
                Refusal::Order(problems) => problems.iter().map(ToString::to_string).collect(),
                other => vec![format!("{other}; {}", other.hint())],
            };
            Ok(refused(&dialog(&ask, form, problems).await?))
        }
        Err(failure) => Err(failure.into()),
    }
}

#[derive(Template)]
#[template(path = "house/import.html")]
struct Import {
    frame: Frame,
    /// What the file holds, once it was read.
    read: Option<Read>,
    /// Names the request to book it.
    once: String,
    latest: Vec<(Progress, String)>,
}

impl Import {
    async fn of(ask: &Ask, read: Option<Read>) -> Result<Self, Fault> {
        let latest = bulk::latest(&ask.app.store, LATEST).await?;
        let with_time = |one: Progress| (one.clone(), instant(one.started_at));
        let once = Secret::new("").map_err(|_| Fault::Bug)?.text().to_owned();
        let good = read.as_ref().filter(|read| read.problems.is_empty());
        let once = good.map_or(once.clone(), |read| format!("{once}-{}", tag(ask, &once, &read.text)));
        Ok(Self { frame: ask.frame(), read, once, latest: latest.into_iter().map(with_time).collect() })
    }
}

/// What only this portal can say of a file of orders: that it was checked, and all of it was right. Browsers write line ends in their
/// own way.
fn tag(ask: &Ask, once: &str, text: &str) -> String {
    let lines: String = text.chars().filter(|sign| *sign != '\r').collect();
    ask.app.seal.tag("checked orders", &format!("{once}/{}", digest(lines.as_bytes())))
}

/// The file was checked on the page before, and nothing was wrong with it.
fn was_checked(ask: &Ask, once: &str, text: &str) -> bool {
    once.rsplit_once('-').is_some_and(|(once, said)| tag(ask, once, text) == said)
}

/// What a file of orders holds.
struct Read {
    orders: Vec<NewOrder>,
    problems: Vec<OrderProblem>,
    /// The file again, for the form that books it.
    text: String,
}

async fn ask_import(ask: Ask) -> Result<Response, Fault> {
    Ok(page(&Import::of(&ask, None).await?))
}

async fn read(ask: &Ask, bytes: &[u8]) -> Result<Read, Fault> {
    let found = orders::check_csv(&ask.app.store, bytes).await?;
    if found.orders.is_empty() && found.problems.is_empty() {
        return Err(Fault::Senseless("the file has no orders in it".to_owned()));
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    Ok(Read { orders: found.orders, problems: found.problems, text })
}

async fn check(ask: Ask, upload: Upload) -> Result<Response, Fault> {
    let read = Some(read(&ask, &upload.file).await?);
    Ok(page(&Import::of(&ask, read).await?))
}

/// Has all of a file's orders booked in the background, unless any has a mistake. Sent twice, it books once.
async fn import(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let (once, text) = (form.given("once"), form.raw("text"));
    // Looking every order up again would take as long as the first time; what changes meanwhile is told order by order.
    let found = if once.as_deref().is_some_and(|once| was_checked(&ask, once, text)) {
        let CsvOrders { orders, problems } = read_csv(text.as_bytes());
        Read { orders, problems, text: text.to_owned() }
    } else {
        read(&ask, text.as_bytes()).await?
    };
    if !found.problems.is_empty() {
        return Ok(refused(&Import::of(&ask, Some(found)).await?));
    }
    let once =
        once.ok_or_else(|| Fault::Senseless("the form has lost its number; load it anew".to_owned()))?;
    let once = format!("{}/{once}", ask.person().id);
    let id = bulk::begin(&ask.app.store, &once, &found.orders, ask.by()).await?;
    ask.app.bookings.notify_one();
    Ok(Redirect::to(&format!("/orders/imports/{id}")).into_response())
}

#[derive(Template)]
#[template(path = "house/imported.html")]
struct OneImport {
    frame: Frame,
    progress: Progress,
    started: String,
    ended: Option<String>,
    /// What became of each order, once all are decided.
    rows: Vec<Imported>,
    refused_only: bool,
    turn: Turn,
}

/// How far an import is, and what became of each order.
async fn imported(ask: Ask, Path(id): Path<i64>, asked: Fields) -> Result<Response, Fault> {
    let store = &ask.app.store;
    let progress = bulk::progress(store, id).await?.ok_or(Fault::Nowhere)?;
    let refused_only = asked.text("which") == "refused";
    let which = refused_only.then_some(bulk::State::Refused);
    if asked.text("format") == "csv" {
        return outcome_as_csv(store, id, which).await;
    }
    let pages = (asked.page(), PER_PAGE);
    let (total, rows) = match progress.ended_at {
        Some(_) => bulk::outcome(store, id, which, pages).await?,
        None => (0, Vec::new()),
    };
    Ok(page(&OneImport {
        frame: ask.frame(),
        started: instant(progress.started_at),
        ended: progress.ended_at.map(instant),
        progress,
        rows,
        refused_only,
        turn: turn(&asked, total),
    }))
}

async fn outcome_as_csv(store: &Store, id: i64, which: Option<bulk::State>) -> Result<Response, Fault> {
    let page = |page, count| async move {
        bulk::outcome(store, id, which, (page, count)).await.map(|(_, rows)| rows)
    };
    let all = every(page).await?;
    let cells = |row: Imported| {
        let state = row.state.title().to_owned();
        [row.number, row.account, state, row.lrn.unwrap_or_default(), row.problem.unwrap_or_default()]
    };
    csv("import.csv", &["order", "account", "state", "lrn", "problem"], all.into_iter().map(cells))
}

async fn stop(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    bulk::stop(&ask.app.store, id, ask.by()).await?;
    Ok(Redirect::to(&format!("/orders/imports/{id}")).into_response())
}
