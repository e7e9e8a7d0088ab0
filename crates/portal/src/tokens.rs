//! Tokens by which programs act for a person: never more than the person may, and of that only what the scopes say.

use std::collections::BTreeSet;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;

use crate::entity::api_token;
use crate::people::{self, Person};
use crate::refusal::text;
use crate::rights::Right;
use crate::store::Store;
use crate::{Failure, Refusal, log};

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;
/// A token ends after this many days at the latest.
pub const LONGEST_DAYS: u32 = 366;
/// Tokens that one person may have.
const MOST: u64 = 50;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading what accounts have.
    Read,
    /// Install sites and license files.
    Files,
    /// Accounts and orders.
    Orders,
    /// Requests.
    Requests,
    /// What is sold.
    Catalogues,
    /// People, webhooks, and what was sent by mail; only for who may.
    People,
    /// The log.
    Log,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Files, Self::Orders, Self::Requests, Self::Catalogues, Self::People, Self::Log];

    /// As it is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Files => "files",
            Self::Orders => "orders",
            Self::Requests => "requests",
            Self::Catalogues => "catalogues",
            Self::People => "people",
            Self::Log => "log",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Read => "Read what accounts have",
            Self::Files => "Install sites and license files",
            Self::Orders => "Accounts and orders",
            Self::Requests => "Requests: file, reply, answer",
            Self::Catalogues => "Catalogues: load what is sold",
            Self::People => "People, webhooks and mail",
            Self::Log => "Read the log",
        }
    }

    /// The scope with that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    /// Whether the person may have a token of this scope. What changes people is for who may when the token is made, and not for
    /// who may later.
    #[must_use]
    pub fn is_for(self, person: &Person) -> bool {
        self != Self::People || person.may(Right::People)
    }

    /// Whether a token of this scope may use the right, if its person has it.
    #[must_use]
    pub fn covers(self, right: Right) -> bool {
        match self {
            Self::Read => right == Right::See,
            Self::Files => matches!(right, Right::See | Right::Sites | Right::Files),
            Self::Orders => matches!(right, Right::See | Right::Accounts | Right::Orders),
            Self::Requests => matches!(right, Right::See | Right::Requests),
            Self::Catalogues => matches!(right, Right::See | Right::Catalogue),
            Self::People => right == Right::People,
            Self::Log => right == Right::Log,
        }
    }
}

/// A token as its person sees it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The database's number of it.
    pub id: i64,
    /// What the person calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// When it ends, in milliseconds since 1970.
    pub ends_at: i64,
    /// When it was last used, to the minute.
    pub used_at: Option<i64>,
}

impl From<api_token::Model> for Token {
    fn from(row: api_token::Model) -> Self {
        let scopes = row.scopes.split_whitespace().filter_map(Scope::parse).collect();
        Self { id: row.id, name: row.name, scopes, ends_at: row.ends_at, used_at: row.used_at }
    }
}

/// Makes a token, known by the hash of its secret, for `days`.
///
/// # Errors
/// A name that is missing or too long, no scope, too many days or tokens; the database's.
pub async fn make(
    store: &Store,
    person: &Person,
    (name, scopes): (&str, &BTreeSet<Scope>),
    hash: &str,
    days: u32,
    at: i64,
) -> Result<(), Failure> {
    let name = text("name", name, 80)?;
    if scopes.is_empty() {
        return Err(Failure::field("scopes", "choose at least one"));
    }
    if let Some(scope) = scopes.iter().find(|scope| !scope.is_for(person)) {
        return Err(Failure::field("scopes", format!("`{}` is for administrators", scope.word())));
    }
    if !(1..=LONGEST_DAYS).contains(&days) {
        return Err(Failure::field("days", format!("from 1 to {LONGEST_DAYS}")));
    }
    let tx = store.write().await?;
    let has = api_token::Entity::find().filter(api_token::Column::PersonId.eq(person.id)).count(&tx).await?;
    if has >= MOST {
        return Err(Failure::field("name", format!("there are {MOST} tokens already; remove one")));
    }
    let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let row = api_token::ActiveModel {
        person_id: Set(person.id),
        name: Set(name.clone()),
        hash: Set(hash.to_owned()),
        scopes: Set(words.join(" ")),
        created_at: Set(at),
        ends_at: Set(at + i64::from(days) * DAY),
        used_at: Set(None),
        ..Default::default()
    };
    api_token::Entity::insert(row).exec_without_returning(&tx).await?;
    let more = json!({ "mail": person.mail, "token": name, "scopes": words, "days": days });
    log::append(&tx, at, &person.mail, "token made", more).await?;
    tx.commit().await?;
    Ok(())
}

/// A person's tokens by name.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, person: &Person) -> Result<Vec<Token>, Failure> {
    let rows = api_token::Entity::find()
        .filter(api_token::Column::PersonId.eq(person.id))
        .order_by_asc(api_token::Column::Name)
        .order_by_asc(api_token::Column::Id)
        .all(store.read())
        .await?;
    Ok(rows.into_iter().map(Token::from).collect())
}

/// Removes one of a person's tokens, which counts at once.
///
/// # Errors
/// The database's.
pub async fn remove(store: &Store, person: &Person, id: i64, at: i64) -> Result<(), Failure> {
    let tx = store.write().await?;
    let gone = api_token::Entity::delete_many()
        .filter(api_token::Column::PersonId.eq(person.id))
        .filter(api_token::Column::Id.eq(id))
        .exec(&tx)
        .await?;
    if gone.rows_affected > 0 {
        log::append(&tx, at, &person.mail, "token removed", json!({ "mail": person.mail, "token": id }))
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// For whom a token acts, and with which scopes.
///
/// # Errors
/// [`Refusal::TokenEnded`]; the database's.
pub async fn holder(store: &Store, hash: &str, at: i64) -> Result<(Person, BTreeSet<Scope>), Failure> {
    let found = api_token::Entity::find().filter(api_token::Column::Hash.eq(hash)).one(store.read()).await?;
    let row = found.filter(|row| row.ends_at > at).ok_or(Refusal::TokenEnded)?;
    let person = people::by_id(store.read(), row.person_id).await?;
    if !person.active {
        return Err(Refusal::TokenEnded.into());
    }
    if row.used_at.is_none_or(|used| used + MINUTE < at) {
        let used = api_token::ActiveModel { used_at: Set(Some(at)), ..Default::default() };
        api_token::Entity::update_many()
            .set(used)
            .filter(api_token::Column::Id.eq(row.id))
            .exec(store.read())
            .await?;
    }
    Ok((person, Token::from(row).scopes))
}
