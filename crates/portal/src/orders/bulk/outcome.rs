//! How far imports are, and what became of each of their orders. Changes nothing.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{State, of};
use crate::Failure;
use crate::entity::{import, imported_order};
use crate::store::Store;

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The database's number of it.
    pub id: i64,
    /// Who started it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How many orders it has.
    pub total: u64,
    /// How many of them are booked,
    pub booked: u64,
    /// were booked before,
    pub before: u64,
    /// are refused,
    pub refused: u64,
    /// or were stopped.
    pub stopped: u64,
}

impl Progress {
    /// How many orders are decided.
    #[must_use]
    pub fn decided(&self) -> u64 {
        self.booked + self.before + self.refused + self.stopped
    }
}

/// What became of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The order's number.
    pub number: String,
    /// Its account's reference number.
    pub account: String,
    /// What became of it.
    pub state: State,
    /// Its license reference number, once it is booked.
    pub lrn: Option<String>,
    /// Why it was refused, and what to do.
    pub problem: Option<String>,
}

/// How far the import with that number is; `None`: there is none.
///
/// # Errors
/// The database's.
pub async fn progress(store: &Store, id: i64) -> Result<Option<Progress>, Failure> {
    match import::Entity::find_by_id(id).one(store.read()).await? {
        Some(row) => Ok(Some(counted(store.read(), row).await?)),
        None => Ok(None),
    }
}

async fn counted(db: &impl ConnectionTrait, row: import::Model) -> Result<Progress, Failure> {
    let states: Vec<(String, i64)> = of(row.id)
        .select_only()
        .column(imported_order::Column::State)
        .column_as(imported_order::Column::Id.count(), "count")
        .group_by(imported_order::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let count = |state: State| {
        states.iter().find(|(word, _)| word == state.word()).map_or(0, |(_, count)| count.unsigned_abs())
    };
    Ok(Progress {
        id: row.id,
        by: row.started_by,
        started_at: row.started_at,
        ended_at: row.ended_at,
        total: State::ALL.into_iter().map(count).sum(),
        booked: count(State::Booked),
        before: count(State::Before),
        refused: count(State::Refused),
        stopped: count(State::Stopped),
    })
}

/// The latest imports, at most so many.
///
/// # Errors
/// The database's.
pub async fn latest(store: &Store, most: u64) -> Result<Vec<Progress>, Failure> {
    let rows = import::Entity::find().order_by_desc(import::Column::Id).limit(most);
    let mut all = Vec::new();
    for row in rows.all(store.read()).await? {
        all.push(counted(store.read(), row).await?);
    }
    Ok(all)
}

/// What became of an import's orders, in the order of the file, or of those only that were refused. One page of them, counted from
/// 0, and how many there are.
///
/// # Errors
/// The database's.
pub async fn outcome(
    store: &Store,
    id: i64,
    state: Option<State>,
    (page, per_page): (u64, u64),
) -> Result<(u64, Vec<Imported>), Failure> {
    let mut query = of(id).order_by_asc(imported_order::Column::Position);
    if let Some(state) = state {
        query = query.filter(imported_order::Column::State.eq(state.word()));
    }
    let pages = query.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    let one = |row: imported_order::Model| Imported {
        number: row.number,
        account: row.account,
        state: State::parse(&row.state),
        lrn: row.lrn,
        problem: row.problem,
    };
    Ok((total, rows.into_iter().map(one).collect()))
}
