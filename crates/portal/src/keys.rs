//! Changes of signing keys: one administrator asks, another one decides (ASVS 2.3.5), and the log has both. The signer follows the
//! log, so nothing changes before the entry is there. May not verify certificates: the signer knows the root keys.

use grantor_license::{KeyCertificate, Revocation};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder,
};
use serde::Serialize;
use serde_json::json;

use crate::entity::key_change;
use crate::people::{self, Person};
use crate::refusal::text;
use crate::rights::Right;
use crate::signer::decided::{PUT_TO_USE, RETIRED, REVOKED};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// What is wished for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// That it signs from now on: its certificate, a `KEY` line.
    Use(String),
    /// That it signs no more; what it signed stays valid.
    Retire {
        /// Whose key it is.
        publisher: String,
        /// Its id.
        key: String,
    },
    /// That it signs no more and nothing it signed counts from a day on: a `REVOKED` line.
    Revoke(String),
}

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its number.
    pub id: i64,
    /// `use`, `retire` or `revoke`.
    pub what: String,
    /// Whose key it is.
    pub publisher: String,
    /// The key's id.
    pub key: String,
    /// The `KEY` or `REVOKED` line.
    pub line: String,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When, in milliseconds since 1970.
    pub asked_at: i64,
    /// `approved` or `declined`; `None`: it waits.
    pub outcome: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
}

impl From<key_change::Model> for Change {
    fn from(row: key_change::Model) -> Self {
        Self {
            id: row.id,
            what: row.what,
            publisher: row.publisher,
            key: row.signing_key,
            line: row.line,
            reason: row.reason,
            asked_by: row.asked_by,
            asked_at: row.asked_at,
            outcome: row.outcome,
            decided_by: row.decided_by,
        }
    }
}

impl Wish {
    /// What is wished with this `KEY` or `REVOKED` line.
    #[must_use]
    pub fn of_line(line: &str) -> Self {
        let line = line.trim().to_owned();
        if line.starts_with("REVOKED") { Self::Revoke(line) } else { Self::Use(line) }
    }

    /// What is wished with these lines: a `KEY` line, or any number of `REVOKED` lines, one for each key that is revoked. Comments
    /// are left out.
    #[must_use]
    pub fn of_lines(text: &str) -> Vec<Self> {
        let revoked = text.lines().map(str::trim).filter(|line| line.starts_with("REVOKED"));
        let all: Vec<Self> = revoked.map(Self::of_line).collect();
        if all.is_empty() { vec![Self::of_line(text)] } else { all }
    }

    /// The line that the signer must be able to follow.
    #[must_use]
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Use(line) | Self::Revoke(line) => Some(line),
            Self::Retire { .. } => None,
        }
    }

    /// What it is, whose, which key, and the line that says so.
    fn parts(&self) -> Result<(&'static str, String, String, String), Failure> {
        let none = |what: &str| Failure::field("line", format!("is no {what} line"));
        match self {
            Self::Use(line) => {
                let one = KeyCertificate::parse(line).ok_or_else(|| none("KEY"))?;
                Ok(("use", one.publisher().to_owned(), one.id().to_owned(), one.to_line()))
            }
            Self::Revoke(line) => {
                let one = Revocation::parse(line).ok_or_else(|| none("REVOKED"))?;
                Ok(("revoke", one.publisher().to_owned(), one.key().to_owned(), one.to_line()))
            }
            Self::Retire { publisher, key } => {
                Ok(("retire", text("publisher", publisher, 200)?, text("key", key, 16)?, String::new()))
            }
        }
    }
}

/// Only administrators, also at the command line.
fn allowed(by: &Person) -> Result<(), Failure> {
    if by.may(Right::Keys) { Ok(()) } else { Err(Refusal::NotAnAdministrator(by.mail.clone()).into()) }
}

/// Asks for a change; gives it with its number. It waits for another administrator.
///
/// # Errors
/// [`Refusal::NotAnAdministrator`], [`Refusal::KeyChangeWaits`], [`Refusal::KeyInUse`], [`Refusal::KeyEnded`]; a line that is none; the database's.
pub async fn ask(store: &Store, wish: &Wish, reason: &str, by: &Person, at: i64) -> Result<Change, Failure> {
    let tx = store.write().await?;
    let change = ask_in(&tx, wish, reason, by, at).await?;
    tx.commit().await?;
    Ok(change)
}

/// Asks for several changes, all of them or none: so every key of a publisher is revoked.
///
/// # Errors
/// As for [`ask`].
pub async fn ask_all(
    store: &Store,
    wishes: &[Wish],
    reason: &str,
    by: &Person,
    at: i64,
) -> Result<Vec<Change>, Failure> {
    let tx = store.write().await?;
    let mut changes = Vec::new();
    for wish in wishes {
        changes.push(ask_in(&tx, wish, reason, by, at).await?);
    }
    tx.commit().await?;
    Ok(changes)
}

async fn ask_in(
    tx: &DatabaseTransaction,
    wish: &Wish,
    reason: &str,
    by: &Person,
    at: i64,
) -> Result<Change, Failure> {
    allowed(by)?;
    let reason = text("reason", reason, 500)?;
    let (what, publisher, key, line) = wish.parts()?;
    let same = key_change::Entity::find()
        .filter(key_change::Column::What.eq(what))
        .filter(key_change::Column::SigningKey.eq(&key))
        .filter(key_change::Column::Outcome.is_null())
        .one(tx)
        .await?;
    if let Some(row) = same {
        return Err(Refusal::KeyChangeWaits(row.id).into());
    }
    match what {
        "use" => not_ended(tx, &key).await?,
        "retire" => not_in_use(tx, &publisher, &key).await?,
        _ => {}
    }
    let row = key_change::ActiveModel {
        what: Set(what.to_owned()),
        publisher: Set(publisher),
        signing_key: Set(key),
        line: Set(line),
        reason: Set(reason),
        asked_by: Set(by.mail.clone()),
        asked_at: Set(at),
        ..Default::default()
    };
    let row = key_change::Entity::insert(row).exec_with_returning(tx).await?;
    let more = json!({
        "change": row.id, "what": what, "publisher": row.publisher, "key": row.signing_key, "line": row.line,
        "reason": row.reason,
    });
    log::append(tx, at, &by.mail, "key change asked for", more).await?;
    Ok(row.into())
}

/// The signer would refuse a key that signs no more, and the publisher's files would wait.
async fn not_ended(tx: &DatabaseTransaction, key: &str) -> Result<(), Failure> {
    let ended = key_change::Entity::find()
        .filter(key_change::Column::What.is_in(["retire", "revoke"]))
        .filter(key_change::Column::SigningKey.eq(key))
        .filter(key_change::Column::Outcome.eq("approved"))
        .one(tx)
        .await?;
    if ended.is_some() { Err(Refusal::KeyEnded(key.to_owned()).into()) } else { Ok(()) }
}

/// Lets pass what two administrators decided on: that another key signs, or that this one does no more. What a key signed is signed anew
/// after that alone.
///
/// # Errors
/// [`Refusal::NotDecided`]; the database's.
pub(crate) async fn was_decided(db: &impl ConnectionTrait, key: &str) -> Result<(), Failure> {
    use key_change::Column::{Outcome, SigningKey, What};
    let ended = What.is_in(["retire", "revoke"]).and(SigningKey.eq(key));
    let other = What.eq("use").and(SigningKey.ne(key));
    let decided = key_change::Entity::find().filter(Outcome.eq("approved")).filter(ended.or(other));
    let decided = decided.one(db).await?;
    if decided.is_some() { Ok(()) } else { Err(Refusal::NotDecided(key.to_owned()).into()) }
}

/// A key that signs can't be retired: the publisher's files would wait.
async fn not_in_use(tx: &DatabaseTransaction, publisher: &str, key: &str) -> Result<(), Failure> {
    let in_use = key_change::Entity::find()
        .filter(key_change::Column::What.eq("use"))
        .filter(key_change::Column::Publisher.eq(publisher))
        .filter(key_change::Column::Outcome.eq("approved"))
        .order_by_desc(key_change::Column::DecidedAt)
        .order_by_desc(key_change::Column::Id)
        .one(tx)
        .await?;
    match in_use {
        Some(row) if row.signing_key != key => Ok(()),
        _ => Err(Refusal::KeyInUse(key.to_owned()).into()),
    }
}

/// Approves a change that somebody else asked for: from its entry in the log on the signer follows it.
///
/// # Errors
/// [`Refusal::SamePerson`], [`Refusal::OneSide`], [`Refusal::NotAnAdministrator`], [`Refusal::KeyChangeDecided`], [`Refusal::UnknownKeyChange`],
/// [`Refusal::KeyInUse`], [`Refusal::KeyEnded`]; the database's.
pub async fn approve(store: &Store, id: i64, by: &Person, at: i64) -> Result<Change, Failure> {
    let tx = store.write().await?;
    let change = approve_in(&tx, id, by, at).await?;
    tx.commit().await?;
    Ok(change)
}

/// Approves several changes, all of them or none.
///
/// # Errors
/// As for [`approve`].
pub async fn approve_all(store: &Store, ids: &[i64], by: &Person, at: i64) -> Result<Vec<Change>, Failure> {
    let tx = store.write().await?;
    let mut changes = Vec::new();
    for &id in ids {
        changes.push(approve_in(&tx, id, by, at).await?);
    }
    tx.commit().await?;
    Ok(changes)
}

async fn approve_in(tx: &DatabaseTransaction, id: i64, by: &Person, at: i64) -> Result<Change, Failure> {
    let row = decide(tx, id, "approved", by, at).await?;
    let (what, name) = match row.what.as_str() {
        "use" => (PUT_TO_USE, "certificate"),
        "retire" => (RETIRED, "line"),
        _ => (REVOKED, "revocation"),
    };
    match row.what.as_str() {
        "use" => not_ended(tx, &row.signing_key).await?,
        "retire" => not_in_use(tx, &row.publisher, &row.signing_key).await?,
        _ => {}
    }
    let more = json!({
        "change": row.id, "publisher": row.publisher, "key": row.signing_key, name: row.line, "reason": row.reason,
        "asked_by": row.asked_by,
    });
    log::append(tx, at, &by.mail, what, more).await?;
    Ok(row.into())
}

/// Declines a change; who asked for it may do so, too.
///
/// # Errors
/// As for [`approve`].
pub async fn decline(store: &Store, id: i64, by: &Person, at: i64) -> Result<Change, Failure> {
    let tx = store.write().await?;
    let row = decide(&tx, id, "declined", by, at).await?;
    let more = json!({
        "change": row.id, "what": row.what, "publisher": row.publisher, "key": row.signing_key,
        "asked_by": row.asked_by,
    });
    log::append(&tx, at, &by.mail, "key change declined", more).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// An administrator can make another one, so one who made the other, and two whom the same made, count as one.
async fn two_sides(tx: &DatabaseTransaction, asked_by: &str, by: &Person) -> Result<(), Failure> {
    let asker = people::by_mail(tx, asked_by).await?;
    if people::of_one_side(tx, asker.id, by.id).await? {
        return Err(Refusal::OneSide { by: by.mail.clone(), asked_by: asked_by.to_owned() }.into());
    }
    Ok(())
}

/// Of two who decide at once one does.
async fn decide(
    tx: &DatabaseTransaction,
    id: i64,
    outcome: &str,
    by: &Person,
    at: i64,
) -> Result<key_change::Model, Failure> {
    allowed(by)?;
    let row = key_change::Entity::find_by_id(id).one(tx).await?.ok_or(Refusal::UnknownKeyChange(id))?;
    if outcome == "approved" && row.asked_by == by.mail {
        return Err(Refusal::SamePerson(by.mail.clone()).into());
    }
    if outcome == "approved" {
        two_sides(tx, &row.asked_by, by).await?;
    }
    let decided = key_change::Entity::update_many()
        .col_expr(key_change::Column::Outcome, Expr::value(outcome))
        .col_expr(key_change::Column::DecidedBy, Expr::value(by.mail.clone()))
        .col_expr(key_change::Column::DecidedAt, Expr::value(at))
        .filter(key_change::Column::Id.eq(id))
        .filter(key_change::Column::Outcome.is_null())
        .exec(tx)
        .await?;
    if decided.rows_affected == 0 {
        return Err(Refusal::KeyChangeDecided(id).into());
    }
    let (outcome, decided_by) = (Some(outcome.to_owned()), Some(by.mail.clone()));
    Ok(key_change::Model { outcome, decided_by, decided_at: Some(at), ..row })
}

/// All changes, the latest first.
///
/// # Errors
/// The database's.
pub async fn changes(db: &impl ConnectionTrait) -> Result<Vec<Change>, Failure> {
    let rows = key_change::Entity::find().order_by_desc(key_change::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(Change::from).collect())
}

/// The `REVOKED` lines of all keys that were revoked, a line each: a file for license servers.
///
/// # Errors
/// The database's.
pub async fn revoked(db: &impl ConnectionTrait) -> Result<String, Failure> {
    let rows = key_change::Entity::find()
        .filter(key_change::Column::What.eq("revoke"))
        .filter(key_change::Column::Outcome.eq("approved"))
        .order_by_asc(key_change::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| format!("{}\n", row.line)).collect())
}
