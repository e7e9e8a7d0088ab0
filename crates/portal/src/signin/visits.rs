//! A person's visits, seen and ended: by themselves, and by an administrator. May begin none.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::goes_on;
use crate::entity::visit;
use crate::people::Person;
use crate::store::Store;
use crate::{Failure, log};

/// A person's visits that go on, the latest first: when each began and was last seen, and its hash.
///
/// # Errors
/// The database's.
pub async fn visits(store: &Store, person: i64, at: i64) -> Result<Vec<(i64, i64, String)>, Failure> {
    let rows = visit::Entity::find()
        .filter(visit::Column::PersonId.eq(person))
        .order_by_desc(visit::Column::SeenAt)
        .all(store.read())
        .await?;
    let open = rows.into_iter().filter(|row| goes_on(row, at));
    Ok(open.map(|row| (row.began_at, row.seen_at, row.hash)).collect())
}

/// What a visit is called on pages: enough of its hash to tell one from another, and not the hash.
#[must_use]
pub fn visit_name(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Ends a person's visit of that name, or all with `None`, and logs who did it; gives how many ended. A visit that `keep` has as
/// its hash goes on.
///
/// # Errors
/// The database's.
pub async fn end_visits(
    store: &Store,
    person: &Person,
    name: Option<&str>,
    keep: &str,
    (by, at): (&str, i64),
) -> Result<u64, Failure> {
    let tx = store.write().await?;
    let theirs = visit::Entity::find().filter(visit::Column::PersonId.eq(person.id)).all(&tx).await?;
    let meant = |hash: &String| hash != keep && name.is_none_or(|name| visit_name(hash) == name);
    let these: Vec<String> = theirs.into_iter().map(|row| row.hash).filter(meant).collect();
    let ended = visit::Entity::delete_many().filter(visit::Column::Hash.is_in(these)).exec(&tx).await?;
    let ended = ended.rows_affected;
    if ended > 0 {
        log::append(&tx, at, by, "visits ended", json!({ "mail": person.mail, "count": ended })).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// Ends a person's visits, but for one.
///
/// # Errors
/// The database's.
pub async fn end_others(db: &impl ConnectionTrait, person: i64, keep: &str) -> Result<(), Failure> {
    visit::Entity::delete_many()
        .filter(visit::Column::PersonId.eq(person))
        .filter(visit::Column::Hash.ne(keep))
        .exec(db)
        .await?;
    Ok(())
}
