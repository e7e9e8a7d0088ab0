//! Account Summary and Software Details: what the account owns of each part (seed 002).

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use grantor_catalogue::{Catalogue, Item, Need as PartNeed};
use grantor_web::frame::Frame;

use super::{Top, lingering, top};
use crate::catalogues::{self, Edition};
use crate::entitlements::{Balance, balances};
use crate::http::ask::{Ask, Of};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{Column, PER_PAGE, Turn, columns, csv, download, page, turn};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{orders, sites};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts/{account}/export", Need::Account(Right::See), export),
        Route::get("/accounts/{account}", Need::Account(Right::See), summary),
        Route::get("/accounts/{account}/software", Need::Account(Right::See), software),
    ]
}

/// A part of the account.
struct Row {
    number: String,
    category: String,
    description: String,
    balance: Balance,
    /// What one of it becomes.
    keys: Vec<String>,
    sold_to: String,
    /// Of 100, how much is used.
    share: u64,
}

/// What one of a part becomes, with how many of them assigned and pooled.
fn keys(item: &Item) -> Vec<String> {
    let of = |need: &PartNeed| {
        let name = need.license.split(' ').next().unwrap_or(&need.license);
        let (assigned, pooled) =
            need.fixed.as_ref().map_or((need.count, 0), |fixed| (fixed.assigned, fixed.pooled));
        format!("{name} ({assigned} assigned, {pooled} pooled)")
    };
    item.needs.iter().filter(|need| !need.optional).map(of).collect()
}

/// What people call a part.
pub(super) fn described(catalogue: Option<&Catalogue>, number: &str) -> String {
    let item = catalogue.and_then(|catalogue| catalogue.items.get(number));
    item.map_or_else(String::new, |item| item.title.clone().unwrap_or_else(|| item.name.clone()))
}

fn row(balance: Balance, editions: &BTreeMap<String, Edition>) -> Row {
    let catalogue = editions.get(&balance.part.catalogue).map(|edition| &*edition.catalogue);
    let item = catalogue.and_then(|catalogue| catalogue.items.get(&balance.part.number));
    let title = catalogue.map(|catalogue| catalogue.title.clone());
    Row {
        number: balance.part.number.clone(),
        category: title.unwrap_or_else(|| balance.part.catalogue.clone()),
        description: described(catalogue, &balance.part.number),
        keys: item.map(keys).unwrap_or_default(),
        sold_to: String::new(),
        share: (balance.used * 100).checked_div(balance.total()).unwrap_or(0),
        balance,
    }
}

fn sort(rows: &mut [Row], by: &str, falling: bool) {
    rows.sort_by(|a, b| {
        let order = match by {
            "category" => a.category.cmp(&b.category),
            "description" => a.description.cmp(&b.description),
            "total" => a.balance.total().cmp(&b.balance.total()),
            "used" => a.balance.used.cmp(&b.balance.used),
            "available" => a.balance.available().cmp(&b.balance.available()),
            _ => a.number.cmp(&b.number),
        };
        order.then_with(|| a.number.cmp(&b.number))
    });
    if falling {
        rows.reverse();
    }
}

/// The account's parts as the query wants them, its sites, and its product categories.
struct Found {
    /// One page of them, or all for a table of its own.
    rows: Vec<Row>,
    sites: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    turn: Turn,
}

async fn found(ask: &Ask, of: &Of, asked: &Fields) -> Result<Found, Fault> {
    let store = &ask.app.store;
    let site = asked.given("site").and_then(|id| id.parse().ok());
    let sites = sites::choices(store, &of.0, false, site).await?;
    let sites = sites.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let owned = balances(store.read(), of.0.id, site, &ask.today().to_string()).await?;
    let editions = catalogues::current(store, store.read()).await?;
    let mut rows: Vec<Row> = owned.into_iter().map(|balance| row(balance, &editions)).collect();
    let mut categories: Vec<(String, String)> =
        rows.iter().map(|row| (row.balance.part.catalogue.clone(), row.category.clone())).collect();
    categories.sort();
    categories.dedup();
    rows.retain(|row| !asked.has("category") || row.balance.part.catalogue == asked.text("category"));
    sort(&mut rows, asked.text("sort"), asked.has("falling"));
    let turn = turn(asked, rows.len() as u64);
    if asked.text("format") != "csv" {
        let before = usize::try_from(asked.page() * PER_PAGE).unwrap_or(usize::MAX);
        let most = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
        rows = rows.into_iter().skip(before).take(most).collect();
    }
    Ok(Found { rows, sites, categories, turn })
}

#[derive(Template)]
#[template(path = "account/summary.html")]
struct Summary {
    frame: Frame,
    top: Top,
    found: Found,
    site: String,
    category: String,
    columns: Vec<Column>,
    /// How many servers use license files that don't count any more.
    still: u64,
}

async fn summary(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let found = found(&ask, &of, &asked).await?;
    if asked.text("format") == "csv" {
        let heading = ["part", "product", "description", "total", "used", "available"];
        let cells = |row: &Row| {
            let counts = [row.balance.total(), row.balance.used, row.balance.available()];
            cells(row, [].into_iter(), counts)
        };
        return csv("summary.csv", &heading, found.rows.iter().map(cells));
    }
    let all = [
        ("part", "Part Number", false),
        ("category", "Product Category", false),
        ("description", "Description", false),
        ("total", "Total", true),
        ("used", "Used", true),
        ("available", "Available", true),
    ];
    Ok(page(&Summary {
        frame: ask.frame(),
        top: top(&ask, &of.0, ""),
        found,
        site: asked.text("site").to_owned(),
        category: asked.text("category").to_owned(),
        still: lingering(&ask, &of.0, None).await?.0,
        columns: columns(&asked, &all),
    }))
}

/// A row of a table as CSV.
fn cells(row: &Row, more: impl Iterator<Item = String>, counts: [u64; 3]) -> Vec<String> {
    let texts = [row.number.clone(), row.category.clone(), row.description.clone()];
    texts.into_iter().chain(more).chain(counts.map(|count| count.to_string())).collect()
}

#[derive(Template)]
#[template(path = "account/software.html")]
struct Software {
    frame: Frame,
    top: Top,
    rows: Vec<Row>,
    columns: Vec<Column>,
    turn: Turn,
}

async fn software(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let mut found = found(&ask, &of, &asked).await?;
    let sold = orders::sold_to(ask.app.store.read(), of.0.id).await?;
    for row in &mut found.rows {
        let to = sold.get(&row.balance.part);
        row.sold_to =
            to.map(|names| names.iter().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default();
    }
    if asked.text("format") == "csv" {
        let heading =
            ["part", "product", "description", "mirror", "sold to", "perpetual", "non perpetual", "total"];
        let cells = |row: &Row| {
            let mirror = if row.balance.mirrored { "yes" } else { "no" }.to_owned();
            let counts = [row.balance.perpetual, row.balance.dated, row.balance.total()];
            cells(row, [mirror, row.sold_to.clone()].into_iter(), counts)
        };
        return csv("software.csv", &heading, found.rows.iter().map(cells));
    }
    let all = [
        ("part", "Part Number", false),
        ("category", "Product Category", false),
        ("description", "Description", false),
    ];
    Ok(page(&Software {
        frame: ask.frame(),
        top: top(&ask, &of.0, "/software"),
        rows: found.rows,
        columns: columns(&asked, &all),
        turn: found.turn,
    }))
}

/// Everything that the account owns, as one file.
async fn export(ask: Ask, of: Of) -> Result<Response, Fault> {
    let all = crate::export::everything(&ask.app.store, &of.0, &ask.today().to_string()).await?;
    let text = all.json().map_err(|_| Fault::Bug)?;
    Ok(download(&format!("{}.json", of.0.reference), "application/json", text))
}
