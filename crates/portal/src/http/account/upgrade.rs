//! Upgrade Software: what has a newer version, with quantities or mirroring all (seed 002).

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;

use super::{Top, home, top};
use crate::catalogues;
use crate::entitlements::{Owner, Part};
use crate::http::ask::{Ask, Of};
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form, number};
use crate::http::render::{Column, columns, csv, done, page, refused};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::sites::{self, Site};
use crate::upgrades::{self, Choice, Offer};
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts/{account}/upgrade", Need::Account(Right::See), ask_upgrade),
        Route::post("/accounts/{account}/upgrade", Need::Account(Right::Files), upgrade),
    ]
}

/// A part that may have an upgrade.
struct Row {
    offer: Offer,
    /// What its field is called.
    field: String,
    description: String,
    becomes: String,
}

const COLUMNS: [(&str, &str, bool); 5] = [
    ("part", "Part Number", false),
    ("description", "Description", false),
    ("becomes", "Becomes", false),
    ("owned", "Owned", true),
    ("free", "In no file", true),
];

fn sort(rows: &mut [Row], by: &str, falling: bool) {
    rows.sort_by(|a, b| {
        let order = match by {
            "description" => a.description.cmp(&b.description),
            "becomes" => a.becomes.cmp(&b.becomes),
            "owned" => a.offer.quantity.cmp(&b.offer.quantity),
            "free" => a.offer.free.cmp(&b.offer.free),
            _ => std::cmp::Ordering::Equal,
        };
        let order = order.then_with(|| a.offer.part.cmp(&b.offer.part));
        if falling { order.reverse() } else { order }
    });
}

#[derive(Template)]
#[template(path = "account/upgrade.html")]
struct Upgrade {
    frame: Frame,
    top: Top,
    sites: Sites,
    site: String,
    with: Vec<Row>,
    without: Vec<Row>,
    columns: Vec<Column>,
    csv: String,
    wrong: Option<Refusal>,
}

/// Active sites to choose from, by number and name.
pub(super) type Sites = Vec<(String, String)>;

/// The site that is asked for, or the first.
pub(super) async fn chosen_site(ask: &Ask, of: &Of, asked: &Fields) -> Result<(Sites, Option<Site>), Fault> {
    let (store, wanted) = (&ask.app.store, asked.text("site").parse().ok());
    let sites = sites::choices(store, &of.0, true, wanted).await?;
    let is_there = |id: &i64| sites.iter().any(|site| site.0 == *id);
    let chosen = match wanted.filter(is_there).or(sites.first().map(|site| site.0)) {
        Some(id) => sites::by_id(store.read(), &of.0, id).await?,
        None => None,
    };
    Ok((sites.into_iter().map(|(id, name)| (id.to_string(), name)).collect(), chosen))
}

/// The site's parts in the wanted order.
async fn rows(ask: &Ask, of: &Of, asked: &Fields, site: Option<&Site>) -> Result<Vec<Row>, Fault> {
    let store = &ask.app.store;
    let editions = catalogues::current(store, store.read()).await?;
    let offers = match site {
        Some(site) => {
            let owner = Owner { account: of.0.id, site: site.id };
            upgrades::offers(store, owner, &ask.today().to_string()).await?
        }
        None => Vec::new(),
    };
    let row = |offer: Offer| {
        let catalogue = editions.get(&offer.part.catalogue).map(|edition| &*edition.catalogue);
        let becomes =
            offer.to.as_deref().map(|to| super::parts::described(catalogue, to)).unwrap_or_default();
        Row {
            field: format!("part/{}/{}", offer.part.catalogue, offer.part.number),
            description: super::parts::described(catalogue, &offer.part.number),
            becomes,
            offer,
        }
    };
    let mut rows: Vec<Row> = offers.into_iter().map(row).collect();
    sort(&mut rows, asked.text("sort"), asked.has("falling"));
    Ok(rows)
}

async fn shown(ask: &Ask, of: &Of, asked: &Fields, wrong: Option<Refusal>) -> Result<Upgrade, Fault> {
    let (sites, site) = chosen_site(ask, of, asked).await?;
    let rows = rows(ask, of, asked, site.as_ref()).await?;
    let (with, without) = rows.into_iter().partition(|row| row.offer.to.is_some());
    Ok(Upgrade {
        frame: ask.frame(),
        top: top(ask, &of.0, "/upgrade"),
        sites,
        site: site.map(|site| site.id.to_string()).unwrap_or_default(),
        with,
        without,
        columns: columns(asked, &COLUMNS),
        csv: asked.with(&[("format", "csv")]),
        wrong,
    })
}

fn as_csv(rows: Vec<Row>) -> Result<Response, Fault> {
    let heading = ["part", "product", "description", "becomes", "owned", "in no file"];
    let cells = |row: Row| {
        let (owned, free) = (row.offer.quantity.to_string(), row.offer.free.to_string());
        let Offer { part, to, .. } = row.offer;
        [part.number, part.catalogue, row.description, to.unwrap_or_default(), owned, free]
    };
    csv("upgrades.csv", &heading, rows.into_iter().map(cells))
}

async fn ask_upgrade(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    if asked.text("format") == "csv" {
        let (_, site) = chosen_site(&ask, &of, &asked).await?;
        return as_csv(rows(&ask, &of, &asked, site.as_ref()).await?);
    }
    Ok(page(&shown(&ask, &of, &asked, None).await?))
}

fn choice(form: &Fields) -> Result<Choice, Fault> {
    if form.has("mirror") {
        return Ok(Choice::MirrorAll);
    }
    let mut chosen = BTreeMap::new();
    for (part, text) in form.beginning("part/") {
        let quantity = number(part, text)?;
        let Some((catalogue, part)) = part.split_once('/').filter(|_| quantity > 0) else { continue };
        chosen.insert(Part { catalogue: catalogue.to_owned(), number: part.to_owned() }, quantity);
    }
    Ok(Choice::Some(chosen))
}

async fn upgrade(ask: Ask, of: Of, Form(form): Form) -> Result<Response, Fault> {
    let (_, site) = chosen_site(&ask, &of, &form).await?;
    let site = site.ok_or_else(|| Fault::Senseless("the account has no active install site".to_owned()))?;
    let today = ask.today().to_string();
    match upgrades::apply(&ask.app.store, (&of.0, &site), &choice(&form)?, &today, ask.by()).await {
        Ok(()) => Ok(done(&format!("{}/upgrade?site={}", home(&of.0), site.id), "upgraded")),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, &of, &form, Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}
