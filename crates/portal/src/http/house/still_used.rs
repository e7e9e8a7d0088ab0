//! Servers of all accounts that use license files which don't count any more.

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;

use crate::activation;
use crate::http::account::Lingering;
use crate::http::ask::{Ask, now};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{PER_PAGE, Turn, csv, every, page, turn};
use crate::http::{Need, Route};
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/still-used", Need::House(Right::Requests), list)]
}

#[derive(Template)]
#[template(path = "house/still_used.html")]
struct Page {
    frame: Frame,
    rows: Vec<Lingering>,
    turn: Turn,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (store, at) = (&ask.app.store, now());
    if asked.text("format") == "csv" {
        let page = |page, count| async move {
            activation::still_used(store, None, None, at, (page, count)).await.map(|(_, rows)| rows)
        };
        let rows = every(page).await?.into_iter().map(Lingering::from);
        let heading = ["account", "machine", "registration key", "file", "standing", "since", "last report"];
        return csv("still-used.csv", &heading, rows.map(cells));
    }
    let (total, found) = activation::still_used(store, None, None, at, (asked.page(), PER_PAGE)).await?;
    let rows = found.into_iter().map(Lingering::from).collect();
    Ok(page(&Page { frame: ask.frame(), rows, turn: turn(&asked, total) }))
}

fn cells(row: Lingering) -> [String; 7] {
    let standing = row.used.standing.title().to_owned();
    let used = row.used;
    [used.account, used.machine, used.registration_key, used.file, standing, row.since, row.seen]
}
