//! People's passkeys as they are kept. What makes one right is the business of `grantor_web::passkey`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use grantor_web::passkey::{HANDLE, Passkey};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, SqlErr};
use serde_json::json;

use crate::entity::passkey;
use crate::people::Person;
use crate::refusal::text;
use crate::store::Store;
use crate::{Failure, log, mails};

/// Passkeys that one person may have.
const MOST: usize = 20;

/// A passkey as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The database's number of it.
    pub id: i64,
    /// What the person calls it.
    pub name: String,
    /// Whose it is.
    pub person: i64,
    /// The passkey.
    pub passkey: Passkey,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was last used.
    pub used_at: Option<i64>,
}

fn bytes<const LEN: usize>(text: &str) -> [u8; LEN] {
    STANDARD_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; LEN])
}

impl From<passkey::Model> for Kept {
    fn from(row: passkey::Model) -> Self {
        let passkey = Passkey {
            id: STANDARD_NO_PAD.decode(&row.credential).unwrap_or_default(),
            handle: bytes(&row.handle),
            key: STANDARD_NO_PAD.decode(&row.public_key).unwrap_or_default(),
            counter: bytes(&row.counter),
        };
        let (created_at, used_at) = (row.created_at, row.used_at);
        Self { id: row.id, name: row.name, person: row.person_id, passkey, created_at, used_at }
    }
}

/// A person's passkeys, the oldest first.
///
/// # Errors
/// The database's.
pub async fn of(db: &impl ConnectionTrait, person: i64) -> Result<Vec<Kept>, Failure> {
    let rows = passkey::Entity::find()
        .filter(passkey::Column::PersonId.eq(person))
        .order_by_asc(passkey::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// The passkey that an authenticator knows by that number.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, credential: &[u8]) -> Result<Option<Kept>, Failure> {
    let same = passkey::Column::Credential.eq(STANDARD_NO_PAD.encode(credential));
    Ok(passkey::Entity::find().filter(same).one(db).await?.map(Kept::from))
}

/// By which authenticators know the person: as their other passkeys do, or this new one.
#[must_use]
pub fn handle(has: &[Kept], new: [u8; HANDLE]) -> [u8; HANDLE] {
    has.first().map_or(new, |kept| kept.passkey.handle)
}

/// Adds a passkey, and tells its person by mail.
///
/// # Errors
/// A name that is missing or too long, too many, one that is somebody's already; the database's.
pub async fn add(store: &Store, person: &Person, name: &str, new: &Passkey, at: i64) -> Result<(), Failure> {
    let name = text("name", name, 80)?;
    let tx = store.write().await?;
    if of(&tx, person.id).await?.len() >= MOST {
        return Err(Failure::field("name", format!("there are {MOST} already; remove one")));
    }
    let row = passkey::ActiveModel {
        person_id: Set(person.id),
        name: Set(name.clone()),
        credential: Set(STANDARD_NO_PAD.encode(&new.id)),
        handle: Set(STANDARD_NO_PAD.encode(new.handle)),
        public_key: Set(STANDARD_NO_PAD.encode(&new.key)),
        counter: Set(STANDARD_NO_PAD.encode(new.counter)),
        created_at: Set(at),
        ..Default::default()
    };
    let added = passkey::Entity::insert(row).exec_without_returning(&tx).await;
    added.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Failure::field("passkey", "is somebody's already"),
        _ => error.into(),
    })?;
    mails::passkey_added(&tx, person, &name, at).await?;
    log::append(&tx, at, &person.mail, "passkey added", json!({ "mail": person.mail, "name": name })).await?;
    tx.commit().await?;
    Ok(())
}

/// A passkey was used.
///
/// # Errors
/// The database's.
pub async fn used(store: &Store, id: i64, counter: [u8; 7], at: i64) -> Result<(), Failure> {
    let row = passkey::ActiveModel {
        id: Set(id),
        counter: Set(STANDARD_NO_PAD.encode(counter)),
        used_at: Set(Some(at)),
        ..Default::default()
    };
    passkey::Entity::update(row).exec(store.read()).await?;
    Ok(())
}

/// Removes one of a person's passkeys.
///
/// # Errors
/// The database's.
pub async fn remove(store: &Store, person: &Person, id: i64, at: i64) -> Result<(), Failure> {
    let tx = store.write().await?;
    let removed = passkey::Entity::delete_many()
        .filter(passkey::Column::PersonId.eq(person.id))
        .filter(passkey::Column::Id.eq(id))
        .exec(&tx)
        .await?;
    if removed.rows_affected == 1 {
        log::append(&tx, at, &person.mail, "passkey removed", json!({ "mail": person.mail })).await?;
    }
    tx.commit().await?;
    Ok(())
}
