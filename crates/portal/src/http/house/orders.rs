//! Orders of all accounts: found, booked one by one, or many from a CSV file, with every mistake told before any is booked.

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;

use crate::http::account::orders_as_csv;
use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form, Upload, number};
use crate::http::render::{PER_PAGE, Turn, done, page, quoted, refused, turn};
use crate::http::{Need, Route};
use crate::lrn::{Lrn, LrnError};
use crate::orders::{self, BookedOrder, NewLine, NewOrder, OrderProblem, Term};
use crate::rights::Right;
use crate::{Failure, Refusal, catalogues};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/orders", Need::House(Right::Orders), list),
        Route::get("/orders/new", Need::House(Right::Orders), ask_new),
        Route::post("/orders/new", Need::House(Right::Orders), book),
        Route::get("/orders/import", Need::House(Right::Orders), ask_import),
        Route::upload("/orders/import", Need::House(Right::Orders), check),
        Route::upload("/orders/import/book", Need::House(Right::Orders), import),
    ]
}

#[derive(Template)]
#[template(path = "house/orders.html")]
struct Orders {
    frame: Frame,
    rows: Vec<BookedOrder>,
    text: String,
    /// The number that a mistyped license reference number stands for.
    meant: Option<String>,
    turn: Turn,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (store, text) = (&ask.app.store, asked.text("text"));
    if asked.text("format") == "csv" {
        return orders_as_csv(orders::list(store, None, text, 0, 200).await?.1);
    }
    let (mut total, mut rows) = orders::list(store, None, text, asked.page(), PER_PAGE).await?;
    let mut meant = None;
    for number in if total == 0 { may_be_meant(text) } else { Vec::new() } {
        (total, rows) = orders::list(store, None, &number.to_string(), 0, PER_PAGE).await?;
        if total > 0 {
            meant = Some(number.to_string());
            break;
        }
    }
    let turn = turn(&asked, total);
    Ok(page(&Orders { frame: ask.frame(), rows, text: text.to_owned(), meant, turn }))
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
    products: Vec<(String, String)>,
    problems: Vec<String>,
}

async fn dialog(ask: &Ask, form: Fields, problems: Vec<String>) -> Result<New, Fault> {
    let editions = catalogues::current(&ask.app.store, ask.app.store.read()).await?;
    let products = editions.into_iter().map(|(name, edition)| (name, edition.catalogue.title.clone()));
    Ok(New { frame: ask.frame(), form, products: products.collect(), problems })
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

fn term(word: &str) -> Term {
    [Term::Term, Term::Subscription].into_iter().find(|term| term.word() == word).unwrap_or_default()
}

async fn book(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let order = NewOrder {
        number: form.text("number").to_owned(),
        account: form.text("account").to_owned(),
        sold_to: form.given("sold_to"),
        site: form.text("site").to_owned(),
        term: term(form.text("term")),
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
}

/// What a file of orders holds.
struct Read {
    orders: Vec<NewOrder>,
    problems: Vec<OrderProblem>,
    /// The file again, for the form that books it.
    text: String,
}

async fn ask_import(ask: Ask) -> Response {
    page(&Import { frame: ask.frame(), read: None })
}

async fn read(ask: &Ask, bytes: &[u8]) -> Result<Read, Fault> {
    let mut found = orders::read_csv(bytes);
    for order in &found.orders {
        found.problems.extend(orders::check(&ask.app.store, order).await?);
    }
    if found.orders.is_empty() && found.problems.is_empty() {
        return Err(Fault::Senseless("the file has no orders in it".to_owned()));
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    Ok(Read { orders: found.orders, problems: found.problems, text })
}

async fn check(ask: Ask, upload: Upload) -> Result<Response, Fault> {
    let read = Some(read(&ask, &upload.file).await?);
    Ok(page(&Import { frame: ask.frame(), read }))
}

/// Books all of a file's orders, unless any has a mistake. Sent twice, it books once.
async fn import(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let found = read(&ask, form.raw("text").as_bytes()).await?;
    if !found.problems.is_empty() {
        return Ok(refused(&Import { frame: ask.frame(), read: Some(found) }));
    }
    for order in &found.orders {
        let (by, at) = ask.by();
        let bits = getrandom::u64().map_err(|_| Fault::Bug)?;
        orders::book(&ask.app.store, order, by, at, bits).await?;
    }
    ask.app.wake.notify_one();
    Ok(done("/orders", "booked"))
}
