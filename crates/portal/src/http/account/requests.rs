//! An account's requests, each with the way to its page.

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;

use super::{Top, top};
use crate::http::ask::{Ask, Of};
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{PER_PAGE, Turn, csv, every, instant, page, turn};
use crate::http::request::path;
use crate::http::{Need, Route};
use crate::requests::{self, Request};
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/accounts/{account}/requests", Need::Account(Right::See), list)]
}

#[derive(Template)]
#[template(path = "account/requests.html")]
struct Requests {
    frame: Frame,
    top: Top,
    /// With the addresses of their pages.
    rows: Vec<(Request, String)>,
    turn: Turn,
}

async fn list(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let (store, account) = (&ask.app.store, &of.0);
    if asked.text("format") == "csv" {
        let page = |page, count| async move {
            requests::of_account(store, account, page, count).await.map(|(_, rows)| rows)
        };
        let rows = every(page).await?;
        let cells = |row: Request| {
            [
                row.number,
                row.kind.title().to_owned(),
                row.subject,
                row.state.to_string(),
                instant(row.created_at),
            ]
        };
        return csv(
            "requests.csv",
            &["number", "kind", "subject", "state", "filed"],
            rows.into_iter().map(cells),
        );
    }
    let (total, rows) = requests::of_account(store, account, asked.page(), PER_PAGE).await?;
    let with_path = |row: Request| {
        let path = path(&ask.app, &row);
        (row, path)
    };
    Ok(page(&Requests {
        frame: ask.frame(),
        top: top(&ask, &of.0, "/requests"),
        rows: rows.into_iter().map(with_path).collect(),
        turn: turn(&asked, total),
    }))
}
