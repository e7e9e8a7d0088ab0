//! What was done and what was sent: the log of everything, and the mails.

use std::time::Duration;

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;
use serde_json::Value;

use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{PER_PAGE, Turn, csv, download, instant, page, turn};
use crate::http::{Need, Route};
use crate::ledger;
use crate::log::{self, Wanted};
use crate::mails::{self, Mail};
use crate::rights::Right;

/// How long the log is looked through for one page.
pub(in crate::http) const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/log", Need::House(Right::Log), list),
        Route::get("/log/export", Need::House(Right::Log), export),
        Route::get("/mail", Need::House(Right::People), mail),
    ]
}

/// An entry as people read it.
struct Row {
    position: u64,
    at: String,
    by: String,
    what: String,
    more: String,
}

fn row(entry: log::Entry) -> Row {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    Row {
        position: entry.position,
        at: instant(body.get("at").and_then(Value::as_i64).unwrap_or(0)),
        by: text("by"),
        what: text("what"),
        more: body.get("more").map(ToString::to_string).unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "house/log.html")]
struct Log {
    frame: Frame,
    rows: Vec<Row>,
    turn: Turn,
    /// Entries that the signer's latest checkpoint covers.
    witnessed: Option<u64>,
    wanted: Wanted,
    /// Where a search got to, and the way on.
    further: Option<(u64, String)>,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let db = ask.app.store.read();
    let text = |name: &str| asked.text(name).to_owned();
    let wanted = Wanted { who: text("who"), what: text("what"), about: text("about") };
    if !wanted.is_empty() {
        return found(&ask, &asked, wanted).await;
    }
    let (size, checkpoint) = log::head(db).await?;
    let count = if asked.text("format") == "csv" { 1000 } else { PER_PAGE };
    let end = size.saturating_sub(asked.page() * PER_PAGE);
    let entries = log::entries(db, end.saturating_sub(count), count.min(end)).await?;
    let rows: Vec<Row> = entries.into_iter().rev().map(row).collect();
    if asked.text("format") == "csv" {
        return as_csv(rows);
    }
    let witnessed = checkpoint.as_deref().and_then(ledger::open_size);
    let turn = turn(&asked, size);
    Ok(page(&Log { frame: ask.frame(), rows, turn, witnessed, wanted, further: None }))
}

fn as_csv(rows: Vec<Row>) -> Result<Response, Fault> {
    let cells = |row: Row| [row.position.to_string(), row.at, row.by, row.what, row.more];
    csv("log.csv", &["place", "at", "by", "what", "more"], rows.into_iter().map(cells))
}

/// A page of what is looked for, from the latest entry or from where the page before ended.
async fn found(ask: &Ask, asked: &Fields, wanted: Wanted) -> Result<Response, Fault> {
    let db = ask.app.store.read();
    let (size, checkpoint) = log::head(db).await?;
    let before = asked.text("before").parse().map_or(size, |before: u64| before.min(size));
    let as_file = asked.text("format") == "csv";
    let most = if as_file { 1000 } else { usize::try_from(PER_PAGE).unwrap_or(usize::MAX) };
    let log::Found { entries, next } = log::search(db, &wanted, before, most, PATIENCE).await?;
    let rows: Vec<Row> = entries.into_iter().map(row).collect();
    if as_file {
        return as_csv(rows);
    }
    let on = |place: u64| (place, asked.with(&[("before", &place.to_string())]));
    Ok(page(&Log {
        frame: ask.frame(),
        rows,
        turn: turn(asked, size),
        witnessed: checkpoint.as_deref().and_then(ledger::open_size),
        further: next.map(on),
        wanted,
    }))
}

/// The whole log with the signer's checkpoint, for `grantor audit verify`.
async fn export(ask: Ask) -> Result<Response, Fault> {
    let text = log::export(ask.app.store.read()).await?;
    let text = text.ok_or_else(|| Fault::Senseless("no signer has seen the log yet".to_owned()))?;
    Ok(download("log.txt", "text/plain; charset=utf-8", text))
}

#[derive(Template)]
#[template(path = "house/mail.html")]
struct Mails {
    frame: Frame,
    rows: Vec<Mail>,
    turn: Turn,
}

async fn mail(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (total, rows) = mails::list(&ask.app.store, asked.page(), PER_PAGE).await?;
    if asked.text("format") == "csv" {
        let cells = |mail: Mail| {
            let sent = mail.sent_at.map(instant).unwrap_or_default();
            [mail.recipient, mail.subject, instant(mail.created_at), sent, mail.problem.unwrap_or_default()]
        };
        return csv(
            "mail.csv",
            &["to", "subject", "written", "sent", "problem"],
            rows.into_iter().map(cells),
        );
    }
    Ok(page(&Mails { frame: ask.frame(), rows, turn: turn(&asked, total) }))
}
