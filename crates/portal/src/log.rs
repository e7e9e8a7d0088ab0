//! The log of everything issued, changed and decided: appended in the transaction that does it, and never changed.

mod search;

pub use search::{Found, Wanted, search};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm::{ColumnTrait, DbErr};
use serde_json::{Value, json};

use crate::entity::{log_entry, log_head};
use crate::{Failure, ledger};

/// The version of an entry's form.
const VERSION: u32 = 1;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 0, without gaps.
    pub position: u64,
    /// JSON: `v`, `at` in milliseconds since 1970, `by` whom, `what`, and what that needs.
    pub body: String,
}

/// Appends an entry; gives its place. Those who append wait for each other here until they commit, so no place is left out.
pub(crate) async fn append(
    tx: &DatabaseTransaction,
    at: i64,
    by: &str,
    what: &str,
    more: Value,
) -> Result<u64, Failure> {
    let head = log_head::Entity::find_by_id(1).lock_exclusive().one(tx).await?;
    let head = head.ok_or_else(|| DbErr::Custom("the log has no head".to_owned()))?;
    let body = json!({ "v": VERSION, "at": at, "by": by, "what": what, "more": more }).to_string();
    let entry = log_entry::ActiveModel { position: Set(head.size), body: Set(body) };
    log_entry::Entity::insert(entry).exec_without_returning(tx).await?;
    let next = log_head::ActiveModel { id: Set(1), size: Set(head.size + 1), ..Default::default() };
    log_head::Entity::update(next).exec(tx).await?;
    Ok(head.size.unsigned_abs())
}

/// At most `limit` entries from the place `from` on.
///
/// # Errors
/// The database's.
pub async fn entries(db: &impl ConnectionTrait, from: u64, limit: u64) -> Result<Vec<Entry>, Failure> {
    let rows = log_entry::Entity::find()
        .filter(log_entry::Column::Position.gte(i64::try_from(from).unwrap_or(i64::MAX)))
        .order_by_asc(log_entry::Column::Position)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Entry { position: row.position.unsigned_abs(), body: row.body }).collect())
}

/// Whether an entry says that a file with this SHA-256 was generated.
pub(crate) async fn names(db: &impl ConnectionTrait, sha256: &str) -> Result<bool, Failure> {
    let said = log_entry::Column::Body.contains(format!("\"sha256\":\"{sha256}\""));
    let generated = log_entry::Column::Body.contains("\"what\":\"file generated\"");
    let found = log_entry::Entity::find().filter(said).filter(generated).one(db).await?;
    Ok(found.is_some())
}

/// How many entries there are, and the signer's latest checkpoint.
///
/// # Errors
/// The database's.
pub async fn head(db: &impl ConnectionTrait) -> Result<(u64, Option<String>), Failure> {
    let head = log_head::Entity::find_by_id(1).one(db).await?;
    let head = head.ok_or_else(|| DbErr::Custom("the log has no head".to_owned()))?;
    Ok((head.size.unsigned_abs(), head.checkpoint))
}

/// Keeps the signer's checkpoint.
pub(crate) async fn was_witnessed(db: &impl ConnectionTrait, checkpoint: &str) -> Result<(), Failure> {
    let checkpoint = Set(Some(checkpoint.to_owned()));
    let change = log_head::ActiveModel { id: Set(1), checkpoint, ..Default::default() };
    log_head::Entity::update(change).exec(db).await?;
    Ok(())
}

/// Everything that the signer's latest checkpoint covers, for offline verification; `None`: no signer has seen the log yet.
///
/// # Errors
/// The database's.
pub async fn export(db: &impl ConnectionTrait) -> Result<Option<String>, Failure> {
    let (_, checkpoint) = head(db).await?;
    let Some(checkpoint) = checkpoint else { return Ok(None) };
    let size = ledger::open_size(&checkpoint).unwrap_or(0);
    let (mut from, mut bodies) = (0, Vec::new());
    while from < size {
        let some = entries(db, from, (size - from).min(1000)).await?;
        let Some(last) = some.last() else { break };
        from = last.position + 1;
        bodies.extend(some.into_iter().map(|entry| entry.body));
    }
    Ok(Some(ledger::export(bodies.iter().map(String::as_str), &checkpoint)))
}
