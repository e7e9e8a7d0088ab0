//! Looking through the log, from its end backwards: for who did something, what was done, and what about. A log of millions of
//! entries is not looked through at once: after a while what was found is shown, with the place to go on from.

use std::time::{Duration, Instant};

use sea_orm::sea_query::{Expr, Func, LikeExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use super::Entry;
use crate::Failure;
use crate::entity::log_entry;

/// Entries looked at together.
const CHUNK: u64 = 2000;

/// What is looked for: parts of texts, in large or small letters. What is empty is not looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In who did it.
    pub who: String,
    /// In what was done.
    pub what: String,
    /// In everything that is told of it: numbers of accounts, orders and files, names, reasons.
    pub about: String,
}

impl Wanted {
    /// Whether anything is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.who.is_empty() && self.what.is_empty() && self.about.is_empty()
    }

    fn is_in(&self, entry: &Entry) -> bool {
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let about = self.about.is_empty() || body.get("more").is_some_and(|more| tells(more, &self.about));
        has(text("by"), &self.who) && has(text("what"), &self.what) && about
    }
}

fn has(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

/// Whether any text or number in there has the part.
fn tells(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => has(text, part),
        Value::Number(number) => number.to_string() == part,
        Value::Array(all) => all.iter().any(|one| tells(one, part)),
        Value::Object(all) => all.values().any(|one| tells(one, part)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Entries, the latest first.
    pub entries: Vec<Entry>,
    /// The place to go on before; `None`: everything was looked through.
    pub next: Option<u64>,
}

/// Looks for at most `most` entries before the place `before`, and gives up for now after `patience`.
///
/// # Errors
/// The database's.
pub async fn search(
    db: &impl ConnectionTrait,
    wanted: &Wanted,
    before: u64,
    most: usize,
    patience: Duration,
) -> Result<Found, Failure> {
    let (began, mut end, mut entries) = (Instant::now(), before, Vec::new());
    while end > 0 && entries.len() < most && (end == before || began.elapsed() < patience) {
        let start = end.saturating_sub(CHUNK);
        let rows = chunk(db, wanted, start, end).await?;
        end = start;
        for row in rows.into_iter().filter(|entry| wanted.is_in(entry)) {
            let position = row.position;
            entries.push(row);
            if entries.len() == most {
                end = position;
                break;
            }
        }
    }
    Ok(Found { entries, next: (end > 0).then_some(end) })
}

/// Entries of a part of the log that may be wanted: the database sorts out most that are not.
async fn chunk(
    db: &impl ConnectionTrait,
    wanted: &Wanted,
    start: u64,
    end: u64,
) -> Result<Vec<Entry>, Failure> {
    let place = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let mut query = log_entry::Entity::find()
        .filter(log_entry::Column::Position.gte(place(start)))
        .filter(log_entry::Column::Position.lt(place(end)))
        .order_by_desc(log_entry::Column::Position);
    for text in [&wanted.who, &wanted.what, &wanted.about] {
        let part = plain(text);
        if !part.is_empty() {
            let like = LikeExpr::new(format!("%{part}%")).escape('!');
            query = query.filter(Expr::expr(Func::lower(Expr::col(log_entry::Column::Body))).like(like));
        }
    }
    let rows = query.limit(CHUNK).all(db).await?;
    Ok(rows.into_iter().map(|row| Entry { position: row.position.unsigned_abs(), body: row.body }).collect())
}

/// The longest part of a text that stands in an entry as it is, in small letters, for every database: letters beyond ASCII are
/// folded by each in its own way.
fn plain(text: &str) -> String {
    let odd = |sign: char| !(sign.is_ascii_graphic() || sign == ' ') || matches!(sign, '"' | '\\');
    let longest = text.split(odd).max_by_key(|part| part.len()).unwrap_or_default();
    let mut like = String::new();
    for sign in longest.to_ascii_lowercase().chars() {
        if matches!(sign, '%' | '_' | '!') {
            like.push('!');
        }
        like.push(sign);
    }
    like
}
