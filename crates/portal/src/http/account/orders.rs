//! An account's orders, with their license reference numbers.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_web::frame::Frame;

use super::{Top, home, top};
use crate::catalogues;
use crate::http::ask::{Ask, Of};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{Column, PER_PAGE, Turn, columns, csv, done, every, instant, page, turn, until};
use crate::http::{Need, Route};
use crate::orders::{self, BookedOrder, Sort};
use crate::people;
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts/{account}/orders", Need::Account(Right::See), list),
        Route::get("/accounts/{account}/orders/{number}", Need::Account(Right::See), one),
        Route::post("/accounts/{account}/orders/{number}/letter", Need::Account(Right::Orders), letter),
    ]
}

#[derive(Template)]
#[template(path = "account/orders.html")]
struct Orders {
    frame: Frame,
    top: Top,
    rows: Vec<BookedOrder>,
    columns: Vec<Column>,
    text: String,
    turn: Turn,
}

const COLUMNS: [(&str, &str, bool); 8] = [
    ("number", "Order", false),
    ("lrn", "License reference number", false),
    ("site", "Install Site", false),
    ("sold_to", "Sold To", false),
    ("term", "Term", false),
    ("last_day", "Last day", false),
    ("maintenance", "Maintenance", false),
    ("placed", "Booked", false),
];

/// How the list is sorted: the latest come first unless something else is wanted.
pub(in crate::http) fn order(asked: &Fields) -> (Sort, bool) {
    let falling = asked.has("falling");
    match asked.text("sort") {
        "number" => (Sort::Number, falling),
        "lrn" => (Sort::Lrn, falling),
        "site" => (Sort::Site, falling),
        "sold_to" => (Sort::SoldTo, falling),
        "term" => (Sort::Term, falling),
        "last_day" => (Sort::LastDay, falling),
        "maintenance" => (Sort::Maintenance, falling),
        "placed" => (Sort::Placed, falling),
        _ => orders::LATEST,
    }
}

/// Orders as CSV.
pub(in crate::http) fn as_csv(rows: Vec<BookedOrder>) -> Result<Response, Fault> {
    let heading =
        ["number", "lrn", "account", "sold to", "site", "term", "last day", "maintenance until", "placed by"];
    let cells = |order: BookedOrder| {
        let maintenance = order.maintenance_until.unwrap_or_default();
        let day = until(&order.last_day);
        [
            order.number,
            order.lrn,
            order.account,
            order.sold_to,
            order.site,
            order.term,
            day,
            maintenance,
            order.placed_by,
        ]
    };
    csv("orders.csv", &heading, rows.into_iter().map(cells))
}

async fn list(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let (store, account, text) = (&ask.app.store, Some(of.0.id), asked.text("text"));
    let order = order(&asked);
    if asked.text("format") == "csv" {
        let page = |page, count| async move {
            orders::list(store, account, text, order, page, count).await.map(|(_, rows)| rows)
        };
        return as_csv(every(page).await?);
    }
    let (total, rows) = orders::list(store, account, text, order, asked.page(), PER_PAGE).await?;
    let turn = turn(&asked, total);
    Ok(page(&Orders {
        frame: ask.frame(),
        top: top(&ask, &of.0, "/orders"),
        rows,
        columns: columns(&asked, &COLUMNS),
        text: text.to_owned(),
        turn,
    }))
}

#[derive(Template)]
#[template(path = "account/order.html")]
struct One {
    frame: Frame,
    top: Top,
    order: BookedOrder,
    placed: String,
    /// Part, description, edition, quantity.
    lines: Vec<(String, String, String, u32)>,
    /// Who would get the license letter now; nothing for whoever may not send it.
    letter: Option<Vec<String>>,
}

async fn one(ask: Ask, of: Of, Path((_, number)): Path<(String, String)>) -> Result<Response, Fault> {
    let store = &ask.app.store;
    let (order, lines) = orders::one(store, of.0.id, &number).await?;
    let editions = catalogues::current(store, store.read()).await?;
    let line = |line: orders::OrderLine| {
        let catalogue = editions.get(&line.part.catalogue).map(|edition| &*edition.catalogue);
        let described = super::parts::described(catalogue, &line.part.number);
        (line.part.number, described, format!("{} {}", line.part.catalogue, line.edition), line.quantity)
    };
    let lines = lines.into_iter().map(line).collect();
    let placed = instant(order.placed_at);
    let letter = match ask.person().may(Right::Orders) {
        true => Some(contacts(&ask, &of).await?),
        false => None,
    };
    Ok(page(&One { frame: ask.frame(), top: top(&ask, &of.0, "/orders"), order, placed, lines, letter }))
}

async fn contacts(ask: &Ask, of: &Of) -> Result<Vec<String>, Fault> {
    let people = people::contacts(ask.app.store.read(), of.0.id).await?;
    Ok(people.into_iter().map(|person| format!("{} ({})", person.name, person.mail)).collect())
}

async fn letter(ask: Ask, of: Of, Path((_, number)): Path<(String, String)>) -> Result<Response, Fault> {
    orders::send_letter(&ask.app.store, &of.0, &number, ask.by()).await?;
    ask.app.wake.notify_one();
    Ok(done(&format!("{}/orders/{number}", home(&of.0)), "letter"))
}
