//! Orders of all accounts, found by how their numbers begin: with a million of them, an index has to serve.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::BookedOrder;
use super::show::named;
use crate::Failure;
use crate::entity::order;
use crate::store::Store;

/// Orders that a search gives, at most.
pub const MOST_FOUND: u64 = 1000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many, up to [`MOST_FOUND`].
    pub total: u64,
    /// Whether there are more, which are not among these.
    pub more: bool,
    /// One page of them.
    pub rows: Vec<BookedOrder>,
}

/// An order's number as it is compared.
pub(super) fn folded(number: &str) -> String {
    number.trim().to_ascii_lowercase()
}

/// A license reference number as it is compared, or the beginning of one.
pub(super) fn lrn_folded(lrn: &str) -> String {
    let small = lrn.trim().to_ascii_lowercase();
    small.strip_prefix("lrn").unwrap_or(&small).replace([' ', '-'], "")
}

/// Orders whose number or license reference number begins so, in large or small letters, the latest first. Gives one page of them,
/// counted from 0. Of more than [`MOST_FOUND`] those are taken whose numbers come first.
///
/// # Errors
/// The database's.
pub async fn search(store: &Store, text: &str, page: u64, per_page: u64) -> Result<Found, Failure> {
    let db = store.read();
    let mut ids = beginning(db, order::Column::Folded, &folded(text)).await?;
    ids.extend(beginning(db, order::Column::LrnFolded, &lrn_folded(text)).await?);
    let more = ids.len() as u64 > MOST_FOUND;
    let ids: Vec<i64> = ids.into_iter().take(usize::try_from(MOST_FOUND).unwrap_or(usize::MAX)).collect();
    let per_page = per_page.clamp(1, 200);
    let rows = order::Entity::find()
        .filter(order::Column::Id.is_in(ids.iter().copied()))
        .order_by_desc(order::Column::PlacedAt)
        .order_by_desc(order::Column::Id)
        .offset(page.saturating_mul(per_page))
        .limit(per_page)
        .all(db)
        .await?;
    Ok(Found { total: ids.len() as u64, more, rows: named(db, rows).await? })
}

/// The numbers of the first rows whose column begins so; of nothing, none does.
async fn beginning(
    db: &impl ConnectionTrait,
    column: order::Column,
    begin: &str,
) -> Result<BTreeSet<i64>, Failure> {
    if begin.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids: Vec<i64> = order::Entity::find()
        .select_only()
        .column(order::Column::Id)
        .filter(column.gte(begin))
        // No text that begins so is greater, and in the order of bytes none that begins otherwise is between.
        .filter(column.lt(format!("{begin}{}", char::MAX)))
        .order_by_asc(column)
        .limit(MOST_FOUND + 1)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().collect())
}
