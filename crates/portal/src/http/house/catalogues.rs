//! What is sold: catalogues in their latest editions and in earlier ones, and loading a new one.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use crate::catalogues::{self, Edition, Kept};
use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::Upload;
use crate::http::render::{done, page, refused};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/catalogues", Need::House(Right::Catalogue), list),
        Route::upload("/catalogues", Need::House(Right::Catalogue), load),
        Route::get("/catalogues/{name}", Need::House(Right::Catalogue), one),
    ]
}

#[derive(Template)]
#[template(path = "house/catalogues.html")]
struct Catalogues {
    frame: Frame,
    editions: Vec<(String, Edition)>,
    /// What is wrong, a line each, and what to do.
    wrong: Vec<String>,
}

async fn shown(ask: &Ask, wrong: Option<Refusal>) -> Result<Catalogues, Fault> {
    let editions = catalogues::current(&ask.app.store, ask.app.store.read()).await?;
    Ok(Catalogues {
        frame: ask.frame(),
        editions: editions.into_iter().collect(),
        wrong: wrong.map(lines).unwrap_or_default(),
    })
}

fn lines(refusal: Refusal) -> Vec<String> {
    let hint = refusal.hint().to_owned();
    refusal.to_string().lines().map(str::to_owned).chain([hint]).collect()
}

async fn list(ask: Ask) -> Result<Response, Fault> {
    Ok(page(&shown(&ask, None).await?))
}

/// A name that may stand in files, addresses and orders.
pub(in crate::http) fn checked_name(name: &str) -> Result<(), Refusal> {
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-' || sign == '_';
    if (1..=60).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    let message = "small letters, digits and `-`, up to 60, such as `pureconnect-4`".to_owned();
    Err(Refusal::Field { field: "name", message })
}

async fn load(ask: Ask, upload: Upload) -> Result<Response, Fault> {
    let name = upload.fields.text("name");
    if let Err(wrong) = checked_name(name) {
        return Ok(refused(&shown(&ask, Some(wrong)).await?));
    }
    let text = String::from_utf8_lossy(&upload.file);
    match catalogues::load(&ask.app.store, name, &text, ask.by()).await {
        Ok(_) => Ok(done(&format!("/catalogues/{name}"), "loaded")),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}

/// A sellable item: number, title, group, what replaces it, and whether it is still sold.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(in crate::http) struct Item {
    /// Its part number.
    number: String,
    title: String,
    group: String,
    /// The part number that takes its place in an upgrade; empty: none.
    upgrades_to: String,
    /// Whether it is not sold any more.
    retired: bool,
    /// Whether it is a server.
    server: bool,
}

/// What an edition sells, or sold.
pub(in crate::http) fn items(edition: &Edition) -> Vec<Item> {
    let item = |item: &grantor_catalogue::Item| Item {
        number: item.name.clone(),
        title: item.title.clone().unwrap_or_default(),
        group: item.group.clone().unwrap_or_default(),
        upgrades_to: item.upgrades_to.clone().unwrap_or_default(),
        retired: item.retired,
        server: item.server,
    };
    edition.catalogue.items.values().map(item).collect()
}

#[derive(Template)]
#[template(path = "house/catalogue.html")]
struct One {
    frame: Frame,
    edition: Edition,
    /// All that were loaded, the latest first.
    kept: Vec<Kept>,
    items: Vec<Item>,
}

impl One {
    fn is_shown(&self, one: &Kept) -> bool {
        one.id == self.edition.id
    }

    fn is_latest(&self) -> bool {
        self.kept.first().is_some_and(|latest| self.is_shown(latest))
    }
}

async fn one(ask: Ask, Path(name): Path<String>, asked: Fields) -> Result<Response, Fault> {
    let wanted = match asked.text("edition") {
        "" => None,
        id => Some(id.parse().map_err(|_| Fault::Nowhere)?),
    };
    let (edition, kept) = catalogues::one(&ask.app.store, &name, wanted).await?.ok_or(Fault::Nowhere)?;
    let items = items(&edition);
    Ok(page(&One { frame: ask.frame(), edition, kept, items }))
}
