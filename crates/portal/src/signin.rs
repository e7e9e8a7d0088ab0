//! How people prove who they are: passwords, codes, and the visits that come of it. Hashing passwords takes long and is done by
//! the caller; this keeps only hashes. Times are milliseconds since 1970 (reliability-security §4.2 gives the limits).

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
};
use serde_json::json;

use crate::entity::{person, ticket, visit};
use crate::people::{self, Details, Person};
use crate::store::Store;
use crate::{Failure, Refusal, log, mails};

mod visits;

pub use visits::{end_others, end_visits, visit_name, visits};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A visit ends when nothing was asked for so long,
const IDLE: i64 = 30 * MINUTE;
/// and after so long in any case.
const LONGEST: i64 = 12 * HOUR;
/// A second factor must be shown within this time.
const HALF: i64 = 10 * MINUTE;
/// What matters most needs a proof no older than this.
const PROVED: i64 = 10 * MINUTE;
/// An invitation can be taken so long,
const INVITATION: i64 = 7 * DAY;
/// and a new password be set after it was asked for.
const RESET: i64 = HOUR;

/// A try to sign in that counts. `hash` is `None` for somebody who is not there: checking takes as long for them.
#[derive(Debug, Clone)]
pub struct Try {
    /// Whoever has this mail address.
    pub person: Option<i64>,
    /// The hash of their password.
    pub hash: Option<String>,
}

/// Milliseconds until the next try counts after so many wrong ones: it grows, and never shuts anybody out for good.
fn pause(failures: i64) -> i64 {
    match failures {
        ..=2 => 0,
        3 => SECOND,
        4 => 3 * SECOND,
        5 => 5 * SECOND,
        6..100 => 10 * SECOND,
        _ => DAY,
    }
}

/// Begins a try, which counts as wrong until [`passed`]: of many at once, those beyond the first don't count.
///
/// # Errors
/// The database's.
pub async fn attempt(store: &Store, mail: &str, at: i64) -> Result<Try, Failure> {
    let nobody = Try { person: None, hash: None };
    let mail = mail.trim().to_lowercase();
    let found = person::Entity::find()
        .filter(person::Column::Mail.eq(mail))
        .filter(person::Column::Active.eq(true))
        .one(store.read())
        .await?;
    let Some(row) = found else { return Ok(nobody) };
    let failures = row.failures + 1;
    let counted = person::Entity::update_many()
        .col_expr(person::Column::Failures, Expr::value(failures))
        .col_expr(person::Column::TryAfter, Expr::value(at + pause(failures)))
        .filter(person::Column::Id.eq(row.id))
        .filter(person::Column::Failures.eq(row.failures))
        .filter(person::Column::TryAfter.lte(at))
        .exec(store.read())
        .await?;
    if counted.rows_affected == 0 {
        return Ok(nobody);
    }
    Ok(Try { person: Some(row.id), hash: row.password })
}

/// The password was right: begins a visit, known by the hash of its secret. Whoever shows codes has still to show one.
///
/// # Errors
/// The database's.
pub async fn passed(store: &Store, person: i64, visit: &str, at: i64) -> Result<Person, Failure> {
    enter(store, person, visit, false, at).await
}

/// As [`passed`], for what is two factors in one, a passkey. No code is asked for.
///
/// # Errors
/// [`Refusal::UnknownPerson`] for somebody who may not come any more; the database's.
pub async fn passed_strongly(store: &Store, person: i64, visit: &str, at: i64) -> Result<Person, Failure> {
    enter(store, person, visit, true, at).await
}

async fn enter(store: &Store, person: i64, visit: &str, strong: bool, at: i64) -> Result<Person, Failure> {
    let tx = store.write().await?;
    clear_failures(&tx, person).await?;
    let person = people::by_id(&tx, person).await?;
    if !person.active {
        return Err(Refusal::UnknownPerson(person.mail).into());
    }
    begin(&tx, &person, visit, strong, at).await?;
    tx.commit().await?;
    Ok(person)
}

/// The password was right, and no visit begins: somebody at the command line says who they are.
///
/// # Errors
/// The database's.
pub async fn was_right(store: &Store, person: i64) -> Result<Person, Failure> {
    let tx = store.write().await?;
    clear_failures(&tx, person).await?;
    let person = people::by_id(&tx, person).await?;
    tx.commit().await?;
    Ok(person)
}

async fn clear_failures(tx: &DatabaseTransaction, person: i64) -> Result<(), Failure> {
    let row =
        person::ActiveModel { id: Set(person), failures: Set(0), try_after: Set(0), ..Default::default() };
    person::Entity::update(row).exec(tx).await?;
    Ok(())
}

async fn begin(
    tx: &DatabaseTransaction,
    person: &Person,
    hash: &str,
    strong: bool,
    at: i64,
) -> Result<(), Failure> {
    let old = visit::Column::BeganAt.lt(at - LONGEST);
    visit::Entity::delete_many().filter(old).exec(tx).await?;
    let row = visit::ActiveModel {
        hash: Set(hash.to_owned()),
        person_id: Set(person.id),
        half: Set(person.has_codes && !strong),
        strong: Set(strong),
        began_at: Set(at),
        seen_at: Set(at),
        proved_at: Set(at),
    };
    visit::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Somebody's visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Who.
    pub person: Person,
    /// The hash it is known by.
    pub hash: String,
    /// Whether a code has still to be shown.
    pub half: bool,
    /// When it began.
    pub began_at: i64,
    /// Whether it began with two factors in one.
    pub strong: bool,
    /// Whether the person proved lately who they are, which changing people and passwords needs.
    pub proved: bool,
}

/// The visit with that hash, unless it has ended or its person may not come any more.
///
/// # Errors
/// The database's.
pub async fn visit(store: &Store, hash: &str, at: i64) -> Result<Option<Visit>, Failure> {
    let found = visit::Entity::find_by_id(hash.to_owned()).one(store.read()).await?;
    let Some(row) = found.filter(|row| goes_on(row, at)) else { return Ok(None) };
    let person = people::by_id(store.read(), row.person_id).await?;
    if !person.active {
        return Ok(None);
    }
    if row.seen_at + MINUTE < at {
        let seen = visit::ActiveModel { hash: Set(hash.to_owned()), seen_at: Set(at), ..Default::default() };
        visit::Entity::update_many()
            .set(seen)
            .filter(visit::Column::Hash.eq(hash))
            .exec(store.read())
            .await?;
    }
    let proved = row.proved_at + PROVED > at;
    Ok(Some(Visit {
        person,
        hash: row.hash,
        half: row.half,
        began_at: row.began_at,
        strong: row.strong,
        proved,
    }))
}

fn goes_on(row: &visit::Model, at: i64) -> bool {
    let longest = if row.half { HALF } else { LONGEST };
    row.began_at + longest > at && row.seen_at + IDLE > at
}

/// Ends a visit.
///
/// # Errors
/// The database's.
pub async fn end(store: &Store, hash: &str) -> Result<(), Failure> {
    visit::Entity::delete_by_id(hash.to_owned()).exec(store.read()).await?;
    Ok(())
}

/// A visit's person has just proved who they are.
///
/// # Errors
/// The database's.
pub async fn prove(store: &Store, visit: &Visit, at: i64) -> Result<(), Failure> {
    let tx = store.write().await?;
    clear_failures(&tx, visit.person.id).await?;
    let proved =
        visit::ActiveModel { half: Set(false), proved_at: Set(at), seen_at: Set(at), ..Default::default() };
    visit::Entity::update_many().set(proved).filter(visit::Column::Hash.eq(&visit.hash)).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// The sealed key of a person's codes.
///
/// # Errors
/// The database's.
pub async fn sealed_codes(store: &Store, person: i64) -> Result<Option<(String, Option<i64>)>, Failure> {
    let row = person::Entity::find_by_id(person).one(store.read()).await?;
    Ok(row.and_then(|row| Some((row.totp?, row.totp_step))))
}

/// Has a person show codes from now on (the sealed key), or not any more.
///
/// # Errors
/// The database's.
pub async fn set_codes(
    store: &Store,
    person: &Person,
    sealed: Option<String>,
    at: i64,
) -> Result<(), Failure> {
    let what = if sealed.is_some() { "codes turned on" } else { "codes turned off" };
    let tx = store.write().await?;
    let row = person::ActiveModel {
        id: Set(person.id),
        totp: Set(sealed),
        totp_step: Set(None),
        ..Default::default()
    };
    person::Entity::update(row).exec(&tx).await?;
    log::append(&tx, at, &person.mail, what, json!({ "mail": person.mail })).await?;
    tx.commit().await?;
    Ok(())
}

/// Uses a code's step up; `false`: it or a later one was used.
///
/// # Errors
/// The database's.
pub async fn use_step(store: &Store, person: i64, step: u64) -> Result<bool, Failure> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let unused = person::Column::TotpStep.is_null().or(person::Column::TotpStep.lt(step));
    let used = person::Entity::update_many()
        .col_expr(person::Column::TotpStep, Expr::value(step))
        .filter(person::Column::Id.eq(person))
        .filter(unused)
        .exec(store.read())
        .await?;
    Ok(used.rows_affected == 1)
}

/// Where a link leads: the page's address without the ticket, and the ticket's secret and hash.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The portal's own address, `https://…` without a slash at its end.
    pub portal: &'a str,
    /// What the link ends with; never kept.
    pub secret: &'a str,
    /// What is kept of it.
    pub hash: &'a str,
}

impl Link<'_> {
    /// As it stands in a mail.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}/password/{}", self.portal, self.secret)
    }
}

/// Enters a person and invites them by mail.
///
/// # Errors
/// As for [`people::enter`].
pub async fn invite(
    store: &Store,
    mail: &str,
    details: &Details,
    link: &Link<'_>,
    (by, at): (&str, i64),
) -> Result<Person, Failure> {
    let tx = store.write().await?;
    let person = people::enter(&tx, mail, details, (by, at)).await?;
    put_ticket(&tx, &person, link.hash, at + INVITATION).await?;
    mails::invitation(&tx, &person, &link.address(), at).await?;
    tx.commit().await?;
    Ok(person)
}

/// Has a link for a new password sent to whoever has this address; whether there is anybody is not told.
///
/// # Errors
/// The database's.
pub async fn forgot(store: &Store, mail: &str, link: &Link<'_>, at: i64) -> Result<(), Failure> {
    let person = match people::by_mail(store.read(), mail).await {
        Ok(person) if person.active => person,
        Ok(_) | Err(Failure::Refused(_)) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let tx = store.write().await?;
    put_ticket(&tx, &person, link.hash, at + RESET).await?;
    mails::reset(&tx, &person, &link.address(), at).await?;
    tx.commit().await?;
    Ok(())
}

/// Has a link for a new password sent to somebody who lost theirs, by whoever looks after people; logged. Who may not sign in gets none.
///
/// # Errors
/// The database's.
pub async fn send_link(
    store: &Store,
    person: &Person,
    link: &Link<'_>,
    (by, at): (&str, i64),
) -> Result<(), Failure> {
    if !person.active {
        return Ok(());
    }
    let tx = store.write().await?;
    put_ticket(&tx, person, link.hash, at + RESET).await?;
    mails::reset(&tx, person, &link.address(), at).await?;
    log::append(&tx, at, by, "link sent", json!({ "mail": person.mail })).await?;
    tx.commit().await?;
    Ok(())
}

/// The latest ticket counts; those of before don't any more.
async fn put_ticket(
    tx: &DatabaseTransaction,
    person: &Person,
    hash: &str,
    ends_at: i64,
) -> Result<(), Failure> {
    ticket::Entity::delete_many().filter(ticket::Column::PersonId.eq(person.id)).exec(tx).await?;
    let row =
        ticket::ActiveModel { hash: Set(hash.to_owned()), person_id: Set(person.id), ends_at: Set(ends_at) };
    ticket::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whose ticket it is, if it can still be used.
///
/// # Errors
/// [`Refusal::TicketEnded`]; the database's.
pub async fn ticket_of(db: &impl ConnectionTrait, hash: &str, at: i64) -> Result<Person, Failure> {
    let found = ticket::Entity::find_by_id(hash.to_owned()).one(db).await?;
    let row = found.filter(|row| row.ends_at > at).ok_or(Refusal::TicketEnded)?;
    let person = people::by_id(db, row.person_id).await?;
    if person.active { Ok(person) } else { Err(Refusal::TicketEnded.into()) }
}

/// Uses a ticket up for a new password (its hash). All visits of before end.
///
/// # Errors
/// [`Refusal::TicketEnded`]; the database's.
pub async fn take_ticket(store: &Store, ticket: &str, password: String, at: i64) -> Result<Person, Failure> {
    let tx = store.write().await?;
    let person = ticket_of(&tx, ticket, at).await?;
    let used = ticket::Entity::delete_by_id(ticket.to_owned()).exec(&tx).await?;
    if used.rows_affected == 0 {
        return Err(Refusal::TicketEnded.into());
    }
    set_password(&tx, &person, password, "", at).await?;
    tx.commit().await?;
    Ok(person)
}

/// Changes a person's password (its hash). All their visits end but the one with the hash `keep`.
///
/// # Errors
/// The database's.
pub async fn change_password(
    store: &Store,
    person: &Person,
    password: String,
    keep: &str,
    at: i64,
) -> Result<(), Failure> {
    let tx = store.write().await?;
    set_password(&tx, person, password, keep, at).await?;
    tx.commit().await?;
    Ok(())
}

async fn set_password(
    tx: &DatabaseTransaction,
    person: &Person,
    password: String,
    keep: &str,
    at: i64,
) -> Result<(), Failure> {
    let row = person::ActiveModel {
        id: Set(person.id),
        password: Set(Some(password)),
        failures: Set(0),
        try_after: Set(0),
        ..Default::default()
    };
    person::Entity::update(row).exec(tx).await?;
    end_others(tx, person.id, keep).await?;
    mails::password_changed(tx, person, at).await?;
    log::append(tx, at, &person.mail, "password set", json!({ "mail": person.mail })).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn the_pause_between_tries_grows_and_ends_at_a_day() {
        let pauses: Vec<i64> = [1, 2, 3, 4, 5, 6, 99, 100, 1000].into_iter().map(pause).collect();
        assert_eq!(pauses, [0, 0, 1000, 3000, 5000, 10_000, 10_000, 86_400_000, 86_400_000]);
    }
}
