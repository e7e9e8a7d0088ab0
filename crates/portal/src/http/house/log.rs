//! What was done and what was sent: the log of everything, and the mails.

use askama::Template;
use axum::response::Response;
use grantor_web::frame::Frame;
use serde_json::Value;

use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::render::{PER_PAGE, Turn, csv, download, instant, page, turn};
use crate::http::{Need, Route};
use crate::mails::{self, Mail};
use crate::rights::Right;
use crate::{ledger, log};

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
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let db = ask.app.store.read();
    let (size, checkpoint) = log::head(db).await?;
    let count = if asked.text("format") == "csv" { 1000 } else { PER_PAGE };
    let end = size.saturating_sub(asked.page() * PER_PAGE);
    let entries = log::entries(db, end.saturating_sub(count), count.min(end)).await?;
    let rows: Vec<Row> = entries.into_iter().rev().map(row).collect();
    if asked.text("format") == "csv" {
        let cells = |row: Row| [row.position.to_string(), row.at, row.by, row.what, row.more];
        return csv("log.csv", &["place", "at", "by", "what", "more"], rows.into_iter().map(cells));
    }
    let witnessed = checkpoint.as_deref().and_then(ledger::open_size);
    Ok(page(&Log { frame: ask.frame(), rows, turn: turn(&asked, size), witnessed }))
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
