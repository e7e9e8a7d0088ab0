//! What a browser was asked, kept until its answer comes, and used once: no answer counts twice, whichever process gets it.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::entity::challenge;
use crate::store::Store;
use crate::{Failure, Refusal};

/// Milliseconds that an answer may take.
const TIME: i64 = 10 * 60 * 1000;

/// Keeps what was asked for `purpose`, under the hash of a secret that the browser has.
///
/// # Errors
/// The database's.
pub async fn keep(
    store: &Store,
    (purpose, hash): (&str, &str),
    person: Option<i64>,
    state: &str,
    at: i64,
) -> Result<(), Failure> {
    let old = challenge::Column::EndsAt.lt(at);
    challenge::Entity::delete_many().filter(old).exec(store.read()).await?;
    let row = challenge::ActiveModel {
        hash: Set(hash.to_owned()),
        purpose: Set(purpose.to_owned()),
        person_id: Set(person),
        state: Set(state.to_owned()),
        ends_at: Set(at + TIME),
    };
    challenge::Entity::insert(row).exec_without_returning(store.read()).await?;
    Ok(())
}

/// Takes what was asked; nobody else can after that.
///
/// # Errors
/// [`Refusal::ChallengeEnded`]; the database's.
pub async fn take(
    store: &Store,
    (purpose, hash): (&str, &str),
    person: Option<i64>,
    at: i64,
) -> Result<String, Failure> {
    let found = challenge::Entity::find_by_id(hash.to_owned()).one(store.read()).await?;
    let right =
        |row: &challenge::Model| row.purpose == purpose && row.person_id == person && row.ends_at > at;
    let row = found.filter(right).ok_or(Refusal::ChallengeEnded)?;
    let taken = challenge::Entity::delete_by_id(hash.to_owned()).exec(store.read()).await?;
    if taken.rows_affected == 1 { Ok(row.state) } else { Err(Refusal::ChallengeEnded.into()) }
}
