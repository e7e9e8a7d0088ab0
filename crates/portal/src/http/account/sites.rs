//! Install Sites: created, edited, deactivated (seed 002).

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_web::frame::Frame;

use super::{Top, home, top};
use crate::http::ask::{Ask, Of};
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::render::{Column, PER_PAGE, Turn, columns, csv, done, every, page, refused, turn};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::sites::{self, Details, Site, Sort};
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts/{account}/sites", Need::Account(Right::See), list),
        Route::get("/accounts/{account}/sites/new", Need::Account(Right::Sites), ask_new),
        Route::post("/accounts/{account}/sites/new", Need::Account(Right::Sites), create),
        Route::get("/accounts/{account}/sites/{id}", Need::Account(Right::Sites), ask_edit),
        Route::post("/accounts/{account}/sites/{id}", Need::Account(Right::Sites), edit),
    ]
}

#[derive(Template)]
#[template(path = "account/sites.html")]
struct Sites {
    frame: Frame,
    top: Top,
    sites: Vec<Site>,
    columns: Vec<Column>,
    text: String,
    turn: Turn,
}

const COLUMNS: [(&str, &str, bool); 7] = [
    ("name", "Install Site", false),
    ("address", "Address", false),
    ("city", "City", false),
    ("state", "State or province", false),
    ("country", "Country", false),
    ("postal", "Postal code", false),
    ("active", "Active", false),
];

/// How the list is sorted: by name, unless something else is wanted.
pub(in crate::http) fn order(asked: &Fields) -> (Sort, bool) {
    let sort = match asked.text("sort") {
        "address" => Sort::Address,
        "city" => Sort::City,
        "state" => Sort::State,
        "country" => Sort::Country,
        "postal" => Sort::PostalCode,
        "active" => Sort::Active,
        _ => Sort::Name,
    };
    (sort, asked.has("falling"))
}

async fn list(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let (store, text, order) = (&ask.app.store, asked.text("text"), order(&asked));
    if asked.text("format") == "csv" {
        let account = &of.0;
        let page = |page, count| async move {
            sites::search(store, account, text, order, page, count).await.map(|(_, rows)| rows)
        };
        return as_csv(every(page).await?);
    }
    let (total, sites) = sites::search(store, &of.0, text, order, asked.page(), PER_PAGE).await?;
    Ok(page(&Sites {
        frame: ask.frame(),
        top: top(&ask, &of.0, "/sites"),
        sites,
        columns: columns(&asked, &COLUMNS),
        text: text.to_owned(),
        turn: turn(&asked, total),
    }))
}

fn as_csv(sites: Vec<Site>) -> Result<Response, Fault> {
    let heading =
        ["name", "address1", "address2", "address3", "city", "state", "country", "postal code", "active"];
    let cells = |site: Site| {
        let active = if site.active { "yes" } else { "no" }.to_owned();
        let of = site.details;
        [
            of.name,
            of.address1,
            of.address2,
            of.address3,
            of.city,
            of.state,
            of.country,
            of.postal_code,
            active,
        ]
    };
    csv("sites.csv", &heading, sites.into_iter().map(cells))
}

#[derive(Template)]
#[template(path = "account/site.html")]
struct Dialog {
    frame: Frame,
    top: Top,
    title: String,
    details: Details,
    active: bool,
    /// The change that was seen; nothing for a new one.
    version: String,
    wrong: Option<Refusal>,
}

impl Dialog {
    fn of(ask: &Ask, of: &Of, site: &Site) -> Self {
        Self {
            frame: ask.frame(),
            top: top(ask, &of.0, "/sites"),
            title: site.details.name.clone(),
            details: site.details.clone(),
            active: site.active,
            version: site.version.to_string(),
            wrong: None,
        }
    }

    fn new(ask: &Ask, of: &Of, details: Details) -> Self {
        let title = "New install site".to_owned();
        let (frame, top) = (ask.frame(), top(ask, &of.0, "/sites"));
        Self { frame, top, title, details, active: true, version: String::new(), wrong: None }
    }
}

fn details(form: &Fields) -> Details {
    let text = |name: &str| form.text(name).to_owned();
    Details {
        name: text("name"),
        address1: text("address1"),
        address2: text("address2"),
        address3: text("address3"),
        city: text("city"),
        state: text("state"),
        country: text("country"),
        postal_code: text("postal_code"),
    }
}

async fn ask_new(ask: Ask, of: Of) -> Response {
    page(&Dialog::new(&ask, &of, Details::default()))
}

async fn create(ask: Ask, of: Of, Form(form): Form) -> Result<Response, Fault> {
    match sites::create(&ask.app.store, &of.0, &details(&form), ask.by()).await {
        Ok(_) => Ok(done(&format!("{}/sites", home(&of.0)), "created")),
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&Dialog { wrong: Some(refusal), ..Dialog::new(&ask, &of, details(&form)) }))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn site(ask: &Ask, of: &Of, id: i64) -> Result<Site, Fault> {
    sites::by_id(ask.app.store.read(), &of.0, id).await?.ok_or(Fault::Nowhere)
}

async fn ask_edit(ask: Ask, of: Of, Path((_, id)): Path<(String, i64)>) -> Result<Response, Fault> {
    Ok(page(&Dialog::of(&ask, &of, &site(&ask, &of, id).await?)))
}

async fn edit(
    ask: Ask,
    of: Of,
    Path((_, id)): Path<(String, i64)>,
    Form(form): Form,
) -> Result<Response, Fault> {
    let now = site(&ask, &of, id).await?;
    let version = form.text("version").parse().unwrap_or(now.version);
    let seen = Site { version, ..now };
    let (details, active) = (details(&form), form.has("active"));
    match sites::edit(&ask.app.store, &of.0, &seen, &details, active, ask.by()).await {
        Ok(_) => Ok(done(&format!("{}/sites", home(&of.0)), "changed")),
        Err(Failure::Refused(refusal)) => {
            let dialog = Dialog::of(&ask, &of, &seen);
            Ok(refused(&Dialog { wrong: Some(refusal), details, active, ..dialog }))
        }
        Err(failure) => Err(failure.into()),
    }
}
