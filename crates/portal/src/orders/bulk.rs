//! Many orders at once, booked in the background: each in a transaction of its own that also says what became of it, so that a
//! process may be killed at any time and another one goes on. Nothing of an order is ever booked in part.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    SqlErr,
};

mod outcome;

pub use outcome::{Imported, Progress, latest, outcome, progress};

use serde_json::json;

use super::book::book_as;
use super::{Booked, NewOrder};
use crate::entity::{import, imported_order};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// A process that says nothing for so long is taken for gone, and another one goes on: half a minute.
const HOLD: i64 = 30_000;
/// Orders looked up at a time.
const BATCH: u64 = 100;
/// Orders of one import, at most.
pub const MAX_ORDERS: usize = 100_000;

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its turn comes.
    Waiting,
    /// It was booked by this import.
    Booked,
    /// It was booked before, with the same contents.
    Before,
    /// It can't be booked.
    Refused,
    /// Somebody stopped the import before its turn came.
    Stopped,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Booked, Self::Before, Self::Refused, Self::Stopped];

    /// As it is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Booked => "booked",
            Self::Before => "before",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Waiting => "waits",
            Self::Booked => "booked",
            Self::Before => "was booked before",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == word).unwrap_or(Self::Waiting)
    }
}

/// Keeps orders to be booked by [`work`]; gives the import's number. The form that was sent twice (`once`) is one import.
///
/// # Errors
/// No orders, or too many; the database's. Nothing is kept then.
pub async fn begin(
    store: &Store,
    once: &str,
    orders: &[NewOrder],
    (by, at): (&str, i64),
) -> Result<i64, Failure> {
    if orders.is_empty() || orders.len() > MAX_ORDERS || once.is_empty() {
        return Err(Failure::field("file", format!("has no orders, or more than {MAX_ORDERS}")));
    }
    if let Some(id) = begun(store.read(), once).await? {
        return Ok(id);
    }
    let tx = store.write().await?;
    let row = import::ActiveModel {
        once: Set(once.to_owned()),
        started_by: Set(by.to_owned()),
        started_at: Set(at),
        ended_at: Set(None),
        held_until: Set(0),
        ..Default::default()
    };
    let made = import::Entity::insert(row).exec(&tx).await;
    let id = match made {
        Ok(made) => made.last_insert_id,
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            tx.rollback().await?;
            return begun(store.read(), once).await?.ok_or_else(|| error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let rows = (1..).zip(orders).map(|(position, order)| imported_order::ActiveModel {
        import_id: Set(id),
        position: Set(position),
        number: Set(order.number.trim().to_owned()),
        account: Set(order.account.clone()),
        body: Set(serde_json::to_string(order).ok()),
        state: Set(State::Waiting.word().to_owned()),
        ..Default::default()
    });
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(500) {
        imported_order::Entity::insert_many(some.to_vec()).exec_without_returning(&tx).await?;
    }
    log::append(&tx, at, by, "import begun", json!({ "import": id, "orders": orders.len() })).await?;
    tx.commit().await?;
    Ok(id)
}

async fn begun(db: &impl ConnectionTrait, once: &str) -> Result<Option<i64>, Failure> {
    let found = import::Entity::find().filter(import::Column::Once.eq(once)).one(db).await?;
    Ok(found.map(|row| row.id))
}

/// Books what waits and no other process is at, until nothing does; gives how many orders were decided. Stopped at any time, it is
/// gone on with by whoever calls this next.
///
/// # Errors
/// The database's; what was decided stays.
pub async fn work(store: &Store, now: impl Fn() -> i64) -> Result<u64, Failure> {
    let mut count = 0;
    while let Some(import) = hold(store, now()).await? {
        let done = book_all(store, &import, &now).await;
        if done.is_err() {
            // Another try need not wait until the hold has ended.
            release(store, &import).await?;
        }
        count += done?;
    }
    Ok(count)
}

/// The next import that nobody is at, held from now on.
async fn hold(store: &Store, at: i64) -> Result<Option<import::Model>, Failure> {
    let waiting = import::Entity::find()
        .filter(import::Column::EndedAt.is_null())
        .filter(import::Column::HeldUntil.lt(at))
        .order_by_asc(import::Column::Id);
    let Some(row) = waiting.one(store.read()).await? else { return Ok(None) };
    let until = at + HOLD;
    let held = held_until(store, &row, until).await?;
    // Whoever was faster has it; there may be another one at the next look.
    Ok(held.then_some(import::Model { held_until: until, ..row }))
}

/// Holds it until then, if it is still held as it was seen.
async fn held_until(store: &Store, seen: &import::Model, until: i64) -> Result<bool, Failure> {
    let change = import::ActiveModel { held_until: Set(until), ..Default::default() };
    let held = import::Entity::update_many()
        .set(change)
        .filter(import::Column::Id.eq(seen.id))
        .filter(import::Column::HeldUntil.eq(seen.held_until))
        .exec(store.read())
        .await?;
    Ok(held.rows_affected == 1)
}

async fn release(store: &Store, import: &import::Model) -> Result<(), Failure> {
    let change = import::ActiveModel { held_until: Set(0), ..Default::default() };
    import::Entity::update_many()
        .set(change)
        .filter(import::Column::Id.eq(import.id))
        .exec(store.read())
        .await?;
    Ok(())
}

async fn book_all(store: &Store, import: &import::Model, now: &impl Fn() -> i64) -> Result<u64, Failure> {
    let (mut import, mut count) = (import.clone(), 0);
    loop {
        let waiting = of(import.id)
            .filter(imported_order::Column::State.eq(State::Waiting.word()))
            .order_by_asc(imported_order::Column::Position)
            .limit(BATCH)
            .all(store.read())
            .await?;
        if waiting.is_empty() {
            end(store.read(), import.id, now()).await?;
            return Ok(count);
        }
        for row in waiting {
            let at = now();
            if at > import.held_until - HOLD / 2 {
                if !held_until(store, &import, at + HOLD).await? {
                    return Ok(count);
                }
                import.held_until = at + HOLD;
            }
            book_one(store, &import, row, at).await?;
            count += 1;
        }
    }
}

async fn book_one(
    store: &Store,
    import: &import::Model,
    row: imported_order::Model,
    at: i64,
) -> Result<(), Failure> {
    let order = row.body.as_deref().and_then(|body| serde_json::from_str::<NewOrder>(body).ok());
    let Some(order) = order else {
        return decide(
            store.read(),
            row.id,
            State::Refused,
            None,
            Some("the order can't be read".to_owned()),
        )
        .await;
    };
    let bits = getrandom::u64().map_err(|error| DbErr::Custom(format!("no randomness: {error}")))?;
    match book_as(store, &order, &import.started_by, at, bits, Some(row.id)).await {
        Ok(Booked { new: true, .. }) => Ok(()),
        Ok(Booked { lrn, .. }) => decide(store.read(), row.id, State::Before, Some(lrn), None).await,
        Err(Failure::Refused(refusal)) => {
            let problem = match &refusal {
                Refusal::Order(problems) => {
                    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                }
                other => format!("{other}; {}", other.hint()),
            };
            decide(store.read(), row.id, State::Refused, None, Some(problem)).await
        }
        Err(failure) => Err(failure),
    }
}

/// Says what became of an order whose turn had not come; only once.
pub(super) async fn decide(
    db: &impl ConnectionTrait,
    id: i64,
    state: State,
    lrn: Option<String>,
    problem: Option<String>,
) -> Result<(), Failure> {
    let change = imported_order::ActiveModel {
        state: Set(state.word().to_owned()),
        lrn: Set(lrn),
        problem: Set(problem),
        body: Set(None),
        ..Default::default()
    };
    imported_order::Entity::update_many()
        .set(change)
        .filter(imported_order::Column::Id.eq(id))
        .filter(imported_order::Column::State.eq(State::Waiting.word()))
        .exec(db)
        .await?;
    Ok(())
}

async fn end(db: &impl ConnectionTrait, id: i64, at: i64) -> Result<(), Failure> {
    let change = import::ActiveModel { ended_at: Set(Some(at)), ..Default::default() };
    import::Entity::update_many()
        .set(change)
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Stops an import: what was decided stays, what waits is not booked. The order whose turn it is may still be.
///
/// # Errors
/// The database's.
pub async fn stop(store: &Store, id: i64, (by, at): (&str, i64)) -> Result<(), Failure> {
    let tx = store.write().await?;
    let change = imported_order::ActiveModel {
        state: Set(State::Stopped.word().to_owned()),
        body: Set(None),
        ..Default::default()
    };
    let stopped = imported_order::Entity::update_many()
        .set(change)
        .filter(imported_order::Column::ImportId.eq(id))
        .filter(imported_order::Column::State.eq(State::Waiting.word()))
        .exec(&tx)
        .await?;
    end(&tx, id, at).await?;
    let more = json!({ "import": id, "orders": stopped.rows_affected });
    log::append(&tx, at, by, "import stopped", more).await?;
    tx.commit().await?;
    Ok(())
}

fn of(import: i64) -> sea_orm::Select<imported_order::Entity> {
    imported_order::Entity::find().filter(imported_order::Column::ImportId.eq(import))
}
