//! Moving a license to another machine: people of the account do it themselves, so many times a year; the publisher's staff as often
//! as needed. The old binding is retired: what was activated into the file is the new installation's, and of that file alone.

use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    PaginatorTrait, QueryFilter,
};
use serde_json::json;

use super::reported::LONGEST_WAY;
use crate::accounts::Account;
use crate::entity::{activation, file, moved, order, site};
use crate::files::binding::is_bound;
use crate::files::{self, Leave, Machine, Request, Selection, registration_key};
use crate::people::Actor;
use crate::refusal::text;
use crate::sites::Site;
use crate::store::Store;
use crate::{Failure, Refusal, log};

const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;

/// A license that is to move.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// The number of the active file that the installation has.
    pub file: &'a str,
    /// The registration key of the new installation; empty where the file is bound to none, or keeps it.
    pub to: &'a str,
    /// The new machine; `None` where the file is bound to no host id, or keeps it. Without a name it keeps the old one's.
    pub machine: Option<Machine>,
    /// The new second machine of a switchover pair; `None`: it stays.
    pub switchover: Option<Machine>,
    /// Why; kept.
    pub reason: &'a str,
    /// What its form calls this request: sent twice, it moves once.
    pub request: &'a str,
}

/// How many moves the account has left this year, of `most` a year.
///
/// # Errors
/// The database's.
pub async fn moves_left(store: &Store, account: &Account, most: u64, at: i64) -> Result<u64, Failure> {
    left(store.read(), account, most, at).await
}

async fn left(db: &impl ConnectionTrait, account: &Account, most: u64, at: i64) -> Result<u64, Failure> {
    let used = moved::Entity::find()
        .filter(moved::Column::AccountId.eq(account.id))
        .filter(moved::Column::MovedAt.gt(at - YEAR))
        .count(db)
        .await?;
    Ok(most.saturating_sub(used))
}

/// Moves a license, all of it or nothing; gives the number of the new machine's file. `most` moves a year are the account's own;
/// `None`: as many as needed.
///
/// # Errors
/// [`Refusal::TooManyMoves`], a file that is bound to nothing, a key or host id that is none or the same; the database's.
pub async fn move_to(
    store: &Store,
    account: &Account,
    wanted: &Move<'_>,
    most: Option<u64>,
    (by, today, at): (Actor<'_>, jiff::civil::Date, i64),
) -> Result<String, Failure> {
    let reason = text("reason", wanted.reason, 500)?;
    let details = files::details(store, account, wanted.file).await?;
    let selection = on_its_machine(&details.selection, wanted)?;
    let site = site_of(store, account, &details.file.site).await?;
    let replaces = Some(wanted.file);
    let request = Request { account, site: &site, selection: &selection, replaces, by, at, today };
    let leave = Leave { other_machine: true, ..Leave::default() };
    let tx = store.write().await?;
    let file = files::generate_in(store, &tx, &request, leave, wanted.request).await?;
    let done = moved::Entity::find().filter(moved::Column::Request.eq(wanted.request)).one(&tx).await?;
    match done {
        Some(row) if row.reason == reason => return Ok(files::number(file)),
        Some(_) => return Err(Refusal::KeyReused.into()),
        None => {}
    }
    // Whoever has come so far has logged the file, and those who log wait for each other: of two moves at once the second one sees
    // the first here.
    if let Some(most) = most
        && left(&tx, account, most, at).await? == 0
    {
        return Err(Refusal::TooManyMoves(most).into());
    }
    let (from, to) = (&details.selection, &selection);
    rebind(&tx, account, wanted.file, (from, to)).await?;
    keep(&tx, account, (from, to), (&reason, wanted.request), (by.name(), at)).await?;
    tx.commit().await?;
    Ok(files::number(file))
}

async fn site_of(store: &Store, account: &Account, name: &str) -> Result<Site, Failure> {
    let found = site::Entity::find()
        .filter(site::Column::AccountId.eq(account.id))
        .filter(site::Column::Name.eq(name))
        .one(store.read())
        .await?;
    Ok(found.ok_or_else(|| Failure::field("file", "has no install site"))?.into())
}

/// The same license on the new machine. Everything that binds it to the old one has to go.
fn on_its_machine(before: &Selection, wanted: &Move<'_>) -> Result<Selection, Failure> {
    let mut after = before.clone();
    match (&before.registration_key, wanted.to.trim()) {
        (_, "") => {}
        (None, _) => return Err(Failure::field("registration key", "the file is bound to none")),
        (Some(_), to) => after.registration_key = Some(registration_key(to)?),
    }
    if let Some(machine) = &wanted.machine {
        after.machine = taking_the_place(machine, &before.machine);
    }
    if let (Some(other), Some(old)) = (&wanted.switchover, &before.switchover) {
        after.switchover = Some(taking_the_place(other, old));
    }
    let bound = is_bound(&before.machine.host_id);
    if before.registration_key.is_none() && !bound {
        return Err(Failure::field("file", "is bound to no installation"));
    }
    let other_key = after.registration_key != before.registration_key;
    if other_key && bound && wanted.machine.is_none() {
        return Err(Failure::field("host id", "is missing: the file is bound to that of the old machine"));
    }
    if !other_key && after.machine == before.machine && after.switchover == before.switchover {
        let field = if before.registration_key.is_some() { "registration key" } else { "host id" };
        return Err(Failure::field(field, "is that of the installation that has it"));
    }
    Ok(after)
}

fn taking_the_place(new: &Machine, old: &Machine) -> Machine {
    let name = if new.name.trim().is_empty() { &old.name } else { &new.name };
    Machine { host_id: new.host_id.trim().to_owned(), name: name.trim().to_owned() }
}

/// What was activated into the file, or into one that it took the place of, is the new installation's.
async fn rebind(
    tx: &DatabaseTransaction,
    account: &Account,
    number: &str,
    (from, to): (&Selection, &Selection),
) -> Result<(), Failure> {
    let (Some(from), Some(to)) = (&from.registration_key, &to.registration_key) else { return Ok(()) };
    let own = Query::select()
        .column(order::Column::Id)
        .from(order::Entity)
        .and_where(Expr::col(order::Column::AccountId).eq(account.id))
        .to_owned();
    let files = with_those_before(tx, files::id_of(number).unwrap_or(0)).await?;
    // Of those that were activated before it was kept into which file, all of the installation's move.
    let into = Condition::any()
        .add(activation::Column::FileId.is_in(files))
        .add(activation::Column::FileId.is_null());
    activation::Entity::update_many()
        .col_expr(activation::Column::RegistrationKey, Expr::value(to.as_str()))
        .filter(activation::Column::RegistrationKey.eq(from))
        .filter(activation::Column::OrderId.in_subquery(own))
        .filter(into)
        .exec(tx)
        .await?;
    Ok(())
}

/// A file and all that it took the place of.
async fn with_those_before(db: &impl ConnectionTrait, file: i64) -> Result<Vec<i64>, Failure> {
    let (mut all, mut next) = (Vec::new(), Some(file));
    while let Some(id) = next.filter(|_| all.len() < LONGEST_WAY) {
        all.push(id);
        next = file::Entity::find_by_id(id).one(db).await?.and_then(|row| row.replaces_id);
    }
    Ok(all)
}

/// Counts the move, and logs it.
async fn keep(
    tx: &DatabaseTransaction,
    account: &Account,
    (from, to): (&Selection, &Selection),
    (reason, request): (&str, &str),
    (by, at): (&str, i64),
) -> Result<(), Failure> {
    let (from, to) = (bound_to(from), bound_to(to));
    let row = moved::ActiveModel {
        account_id: Set(account.id),
        from_key: Set(from.clone()),
        to_key: Set(to.clone()),
        request: Set(request.to_owned()),
        reason: Set(reason.to_owned()),
        moved_by: Set(by.to_owned()),
        moved_at: Set(at),
        ..Default::default()
    };
    moved::Entity::insert(row).exec_without_returning(tx).await?;
    let more = json!({ "account": account.reference, "from": from, "to": to, "reason": reason });
    log::append(tx, at, by, "license moved", more).await?;
    Ok(())
}

/// What a file is bound to, as people read it: registration key and host ids.
fn bound_to(selection: &Selection) -> String {
    let key = selection.registration_key.iter().cloned();
    let machines = [Some(&selection.machine), selection.switchover.as_ref()].into_iter().flatten();
    let ids = machines.map(|machine| machine.host_id.clone()).filter(|id| is_bound(id));
    key.chain(ids).collect::<Vec<_>>().join(" ")
}
