//! Webhooks: other programs are told of what the log has, in its order. A hook is a place in the log that moves on when the other
//! side has taken an entry, so nothing is lost, and what is told twice has the same id. [`courier`] does the telling.

pub mod courier;

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use crate::entity::hook;
use crate::once::Once;
use crate::sealed::Seal;
use crate::store::Store;
use crate::{Failure, Refusal, log};

const MINUTE: i64 = 60 * 1000;
/// Whoever takes a hook up has so long before others try.
const TURN: i64 = 5 * MINUTE;
/// A hook that can't be told is tried again, ever more seldom, at least so often.
const SELDOM: i64 = 60 * MINUTE;
/// Hooks, at most.
const MOST: usize = 50;

/// What hooks can be told of: as the log calls it.
pub const EVENTS: [&str; 8] = [
    "order booked",
    "file generated",
    "file deactivated",
    "order activated",
    "software upgraded",
    "request filed",
    "request answered",
    "request late",
];

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The database's number of it.
    pub id: i64,
    /// Where it is told.
    pub address: String,
    /// Of what; empty for everything.
    pub events: BTreeSet<String>,
    /// Whether it is told.
    pub active: bool,
    /// The place in the log of the next entry to tell.
    pub next_position: u64,
    /// How often the next entry was tried.
    pub tries: i64,
    /// Why the latest try failed.
    pub problem: Option<String>,
    secret: String,
}

impl From<hook::Model> for Hook {
    fn from(row: hook::Model) -> Self {
        let words = row.events.split(',').filter(|word| !word.is_empty());
        Self {
            id: row.id,
            address: row.address,
            events: words.map(str::to_owned).collect(),
            active: row.active,
            next_position: row.next_position.unsigned_abs(),
            tries: row.tries,
            problem: row.problem,
            secret: row.secret,
        }
    }
}

impl Hook {
    /// Whether it is told of what the log calls so.
    #[must_use]
    pub fn wants(&self, what: &str) -> bool {
        self.events.is_empty() || self.events.contains(what)
    }

    /// The secret that signs.
    #[must_use]
    pub fn secret(&self, seal: &Seal) -> Option<Vec<u8>> {
        seal.unseal(&purpose(&self.address), &self.secret).map(|secret| secret.to_vec())
    }
}

/// A secret is sealed for one address: changed in the database, it opens nothing.
fn purpose(address: &str) -> String {
    format!("hook {address}")
}

/// `https://…`, or `http://` to this machine.
fn checked(address: &str) -> Result<String, Failure> {
    let address = crate::refusal::text("address", address, 500)?;
    if grantor_web::hook::is_address(&address) {
        Ok(address)
    } else {
        Err(Failure::field("address", "begins with https:// and a host, without a name and a password"))
    }
}

/// Adds a hook, told from now on; gives its number. `secret` signs what it is told.
///
/// # Errors
/// An address that won't do, an event there is not, too many; the database's.
pub async fn add(
    store: &Store,
    seal: &Seal,
    wanted: (&str, &BTreeSet<String>),
    secret: &[u8],
    by: (&str, i64),
) -> Result<i64, Failure> {
    add_named(store, seal, wanted, secret, by, None).await.map(|(id, _)| id)
}

/// The same for a request that may be sent twice; gives its number, and whether it is new.
///
/// # Errors
/// As for [`add`]; [`Refusal::KeyReused`].
pub async fn add_once(
    store: &Store,
    seal: &Seal,
    wanted: (&str, &BTreeSet<String>),
    secret: &[u8],
    by: (&str, i64),
    once: &Once,
) -> Result<(i64, bool), Failure> {
    add_named(store, seal, wanted, secret, by, Some(once)).await
}

async fn add_named(
    store: &Store,
    seal: &Seal,
    (address, events): (&str, &BTreeSet<String>),
    secret: &[u8],
    (by, at): (&str, i64),
    once: Option<&Once>,
) -> Result<(i64, bool), Failure> {
    let address = checked(address)?;
    if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Failure::field("events", format!("there is no `{unknown}`")));
    }
    let sealed =
        seal.seal(&purpose(&address), secret).map_err(|error| sea_orm::DbErr::Custom(error.to_string()))?;
    let tx = store.write().await?;
    if let Some(once) = once
        && let Some(id) = once.before(&tx).await?
    {
        return Ok((id, false));
    }
    if hook::Entity::find().all(&tx).await?.len() >= MOST {
        return Err(Failure::field("address", format!("there are {MOST} already; remove one")));
    }
    let told = json!({ "address": address, "events": events });
    let position = log::append(&tx, at, by, "hook added", told).await?;
    let row = hook::ActiveModel {
        address: Set(address),
        events: Set(events.iter().cloned().collect::<Vec<_>>().join(",")),
        secret: Set(sealed),
        active: Set(true),
        next_position: Set(i64::try_from(position + 1).unwrap_or(i64::MAX)),
        tries: Set(0),
        next_at: Set(at),
        created_at: Set(at),
        ..Default::default()
    };
    let id = hook::Entity::insert(row).exec(&tx).await?.last_insert_id;
    if let Some(once) = once {
        once.keep(&tx, &id, at).await?;
    }
    tx.commit().await?;
    Ok((id, true))
}

/// All hooks.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<Hook>, Failure> {
    let rows = hook::Entity::find().order_by_asc(hook::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(Hook::from).collect())
}

/// Tries a hook again at once; one that was turned off is told again, from where it stopped.
///
/// # Errors
/// [`Refusal::UnknownHook`]; the database's.
pub async fn resume(store: &Store, id: i64, (by, at): (&str, i64)) -> Result<(), Failure> {
    let tx = store.write().await?;
    let again =
        hook::ActiveModel { active: Set(true), tries: Set(0), next_at: Set(at), ..Default::default() };
    let changed = hook::Entity::update_many().set(again).filter(hook::Column::Id.eq(id)).exec(&tx).await?;
    if changed.rows_affected == 0 {
        return Err(Refusal::UnknownHook(id).into());
    }
    log::append(&tx, at, by, "hook resumed", json!({ "id": id })).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes a hook.
///
/// # Errors
/// [`Refusal::UnknownHook`]; the database's.
pub async fn remove(store: &Store, id: i64, (by, at): (&str, i64)) -> Result<(), Failure> {
    let tx = store.write().await?;
    let removed = hook::Entity::delete_by_id(id).exec(&tx).await?;
    if removed.rows_affected == 0 {
        return Err(Refusal::UnknownHook(id).into());
    }
    log::append(&tx, at, by, "hook removed", json!({ "id": id })).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes up the hooks that are due: nobody else tries them for five minutes.
pub(crate) async fn take_up(store: &Store, at: i64) -> Result<Vec<Hook>, Failure> {
    use hook::Column::{Active, Id, NextAt, NextPosition};
    let due = hook::Entity::find().filter(Active.eq(true)).filter(NextAt.lte(at)).all(store.read()).await?;
    let (size, _) = log::head(store.read()).await?;
    let mut mine = Vec::new();
    for row in due.into_iter().filter(|row| row.next_position.unsigned_abs() < size) {
        let taken = hook::Entity::update_many()
            .col_expr(NextAt, Expr::value(at + TURN))
            .filter(Id.eq(row.id))
            .filter(NextAt.eq(row.next_at))
            .filter(NextPosition.eq(row.next_position))
            .exec(store.read())
            .await?;
        if taken.rows_affected == 1 {
            mine.push(row.into());
        }
    }
    Ok(mine)
}

/// How a hook goes on after some of its entries were told.
pub(crate) enum Then {
    /// Everything that there is was told.
    Waits,
    /// The next entry was not taken.
    Failed(String),
    /// The other side wants no more.
    Gone,
}

/// Keeps how far a hook was told, and gives it free.
pub(crate) async fn told(store: &Store, hook: &Hook, next: u64, then: Then, at: i64) -> Result<(), Failure> {
    let moved = next > hook.next_position;
    let tries = if moved { 0 } else { hook.tries };
    let mut row = hook::ActiveModel {
        next_position: Set(i64::try_from(next).unwrap_or(i64::MAX)),
        tries: Set(0),
        next_at: Set(at),
        problem: Set(None),
        ..Default::default()
    };
    match then {
        Then::Waits => {}
        Then::Failed(problem) => {
            row.tries = Set(tries + 1);
            row.next_at = Set(at + pause(tries));
            row.problem = Set(Some(problem.chars().take(300).collect()));
        }
        Then::Gone => {
            row.active = Set(false);
            row.problem =
                Set(Some("the other side is gone for good (410); it is not told any more".to_owned()));
        }
    }
    hook::Entity::update_many().set(row).filter(hook::Column::Id.eq(hook.id)).exec(store.read()).await?;
    Ok(())
}

/// Milliseconds until the next try: 5 s, 10 s, 20 s … an hour.
fn pause(tries: i64) -> i64 {
    Ord::min(5000_i64.saturating_mul(1 << Ord::min(tries, 20)), SELDOM)
}

#[cfg(test)]
mod tests {
    use super::{checked, pause};

    #[test]
    fn pauses_grow_from_five_seconds_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 9, 10, 1000].map(pause),
            [5000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]
        );
    }

    #[test]
    fn hooks_go_to_https_or_to_this_machine() {
        for right in ["https://erp.example.com/hook", "https://[2001:db8::1]/x", "http://127.0.0.1:9/x"] {
            assert!(checked(right).is_ok(), "{right}");
        }
        for wrong in
            ["http://erp.example.com", "ftp://x", "https://", "https://user:secret@host/", "", "https:///x"]
        {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
