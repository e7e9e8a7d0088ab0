//! People's accounts at other houses as they are kept: which issuer and subject is whom. Makes no new person; that a subject is
//! who it says is the business of [`crate::providers`].

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, SqlErr,
};
use serde_json::json;

use crate::entity::{identity, ticket};
use crate::people::{self, Person};
use crate::providers::{NoSignIn, Provider, Said};
use crate::store::Store;
use crate::{Failure, Refusal, log, mails, signin};

/// An account elsewhere as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The database's number of it.
    pub id: i64,
    /// Who vouches.
    pub issuer: String,
    /// What the person is called there.
    pub name: String,
    /// When it last signed the person in, in milliseconds since 1970.
    pub used_at: Option<i64>,
}

/// A person's accounts elsewhere, the oldest first.
///
/// # Errors
/// The database's.
pub async fn of(db: &impl ConnectionTrait, person: i64) -> Result<Vec<Kept>, Failure> {
    let rows = identity::Entity::find()
        .filter(identity::Column::PersonId.eq(person))
        .order_by_asc(identity::Column::Id)
        .all(db)
        .await?;
    let kept =
        |row: identity::Model| Kept { id: row.id, issuer: row.issuer, name: row.name, used_at: row.used_at };
    Ok(rows.into_iter().map(kept).collect())
}

/// Whose account that is, if it was linked.
async fn known(db: &impl ConnectionTrait, said: &Said) -> Result<Option<identity::Model>, Failure> {
    let found = identity::Entity::find()
        .filter(identity::Column::Issuer.eq(&said.issuer))
        .filter(identity::Column::Subject.eq(&said.subject));
    Ok(found.one(db).await?)
}

/// Whom an account elsewhere signs in: whose it is, or who has its mail address and no other account there, who is linked to it
/// from now on.
///
/// # Errors
/// [`NoSignIn::Nobody`], [`NoSignIn::OtherAccount`] or what [`Provider::mail`] refuses; the database's.
pub async fn enter(store: &Store, provider: &Provider, said: &Said, at: i64) -> Result<i64, Failure> {
    if !provider.domains.is_empty() {
        provider.mail(said).map_err(|why| Failure::no_sign_in(provider, why))?;
    }
    let tx = store.write().await?;
    let person = match known(&tx, said).await? {
        Some(row) => {
            let used =
                identity::ActiveModel { id: Set(row.id), used_at: Set(Some(at)), ..Default::default() };
            identity::Entity::update(used).exec(&tx).await?;
            people::by_id(&tx, row.person_id).await?
        }
        None => by_mail(&tx, provider, said, at).await?,
    };
    if !person.active {
        return Err(Failure::no_sign_in(provider, NoSignIn::Nobody(person.mail)));
    }
    tx.commit().await?;
    Ok(person.id)
}

async fn by_mail(
    tx: &DatabaseTransaction,
    provider: &Provider,
    said: &Said,
    at: i64,
) -> Result<Person, Failure> {
    let mail = provider.mail(said).map_err(|why| Failure::no_sign_in(provider, why))?;
    let person = match people::by_mail(tx, &mail).await {
        Ok(person) if person.active => person,
        Ok(_) | Err(Failure::Refused(_)) => {
            return Err(Failure::no_sign_in(provider, NoSignIn::Nobody(mail)));
        }
        Err(failure) => return Err(failure),
    };
    put(tx, provider, said, &person, at).await?;
    Ok(person)
}

async fn put(
    tx: &DatabaseTransaction,
    provider: &Provider,
    said: &Said,
    person: &Person,
    at: i64,
) -> Result<(), Failure> {
    let name = said.mail.clone().unwrap_or_else(|| said.subject.clone());
    let row = identity::ActiveModel {
        person_id: Set(person.id),
        issuer: Set(said.issuer.clone()),
        subject: Set(said.subject.clone()),
        name: Set(name.clone()),
        created_at: Set(at),
        used_at: Set(Some(at)),
        ..Default::default()
    };
    // Whatever is there already: this account is somebody's, or this person has another one there.
    identity::Entity::insert(row).exec_without_returning(tx).await.map_err(|error| {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Failure::no_sign_in(provider, NoSignIn::OtherAccount(person.mail.clone()))
            }
            _ => error.into(),
        }
    })?;
    mails::identity_added(tx, person, (&said.issuer, &name), at).await?;
    let what = json!({ "mail": person.mail, "issuer": said.issuer, "name": name });
    log::append(tx, at, &person.mail, "account linked", what).await?;
    Ok(())
}

/// Links an account elsewhere to somebody who is signed in here; their own mail address there is of no importance.
///
/// # Errors
/// [`NoSignIn::OtherAccount`]; the database's.
pub async fn link(
    store: &Store,
    provider: &Provider,
    said: &Said,
    person: &Person,
    at: i64,
) -> Result<(), Failure> {
    let tx = store.write().await?;
    if known(&tx, said).await?.is_some_and(|row| row.person_id == person.id) {
        return Ok(());
    }
    put(&tx, provider, said, person, at).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes an invitation by an account elsewhere, instead of a password. The ticket (its hash) is used up.
///
/// # Errors
/// [`Refusal::TicketEnded`]; as for [`link`].
pub async fn link_by_ticket(
    store: &Store,
    provider: &Provider,
    said: &Said,
    ticket: &str,
    at: i64,
) -> Result<i64, Failure> {
    let tx = store.write().await?;
    let person = signin::ticket_of(&tx, ticket, at).await?;
    let used = ticket::Entity::delete_by_id(ticket.to_owned()).exec(&tx).await?;
    if used.rows_affected == 0 {
        return Err(Refusal::TicketEnded.into());
    }
    if known(&tx, said).await?.is_none_or(|row| row.person_id != person.id) {
        put(&tx, provider, said, &person, at).await?;
    }
    tx.commit().await?;
    Ok(person.id)
}

/// Whether this account elsewhere is that person's.
///
/// # Errors
/// The database's.
pub async fn is_of(db: &impl ConnectionTrait, said: &Said, person: i64) -> Result<bool, Failure> {
    Ok(known(db, said).await?.is_some_and(|row| row.person_id == person))
}

/// Unlinks one of a person's accounts elsewhere.
///
/// # Errors
/// The database's.
pub async fn remove(store: &Store, person: &Person, id: i64, at: i64) -> Result<(), Failure> {
    let tx = store.write().await?;
    let mine = identity::Column::PersonId.eq(person.id);
    let found = identity::Entity::find_by_id(id).filter(mine).one(&tx).await?;
    let Some(row) = found else { return Ok(()) };
    identity::Entity::delete_by_id(id).exec(&tx).await?;
    let what = json!({ "mail": person.mail, "issuer": row.issuer, "name": row.name });
    log::append(&tx, at, &person.mail, "account unlinked", what).await?;
    tx.commit().await?;
    Ok(())
}
