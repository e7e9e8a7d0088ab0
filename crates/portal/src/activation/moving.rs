//! Moving an installation's license to another one: people of the account do it themselves, so many times a year; the publisher's
//! staff as often as needed. The old binding is retired: its orders are not activated for it any more.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use crate::accounts::Account;
use crate::entity::{activation, file, moved, order, site};
use crate::files::{self, Request, Selection, registration_key};
use crate::people::Actor;
use crate::refusal::text;
use crate::store::Store;
use crate::{Failure, Refusal, log};

const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;

/// A license that is to move.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// The number of the active file that the installation has.
    pub file: &'a str,
    /// The registration key of the new installation.
    pub to: &'a str,
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
    let used = moved::Entity::find()
        .filter(moved::Column::AccountId.eq(account.id))
        .filter(moved::Column::MovedAt.gt(at - YEAR))
        .count(store.read())
        .await?;
    Ok(most.saturating_sub(used))
}

/// Moves a license; gives the number of the new installation's file. `most` moves a year are the account's own; `None`: as many as
/// needed.
///
/// # Errors
/// [`Refusal::TooManyMoves`], a file that is bound to no installation, a key that is none or the same; the database's.
pub async fn move_to(
    store: &Store,
    account: &Account,
    wanted: &Move<'_>,
    most: Option<u64>,
    (by, today, at): (Actor<'_>, jiff::civil::Date, i64),
) -> Result<String, Failure> {
    let (to, reason) = (registration_key(wanted.to)?, text("reason", wanted.reason, 500)?);
    let done =
        moved::Entity::find().filter(moved::Column::Request.eq(wanted.request)).one(store.read()).await?;
    let begun =
        file::Entity::find().filter(file::Column::Request.eq(wanted.request)).one(store.read()).await?;
    if let (Some(_), Some(row)) = (&done, &begun) {
        return Ok(files::number(row.id));
    }
    if let Some(most) = most
        && begun.is_none()
        && moves_left(store, account, most, at).await? == 0
    {
        return Err(Refusal::TooManyMoves(most).into());
    }
    let details = files::details(store, account, wanted.file).await?;
    let from = details.selection.registration_key.clone();
    let from = from.ok_or_else(|| Failure::field("file", "is bound to no installation"))?;
    if from == to {
        return Err(Failure::field("registration key", "is that of the installation that has it"));
    }
    let found = site::Entity::find()
        .filter(site::Column::AccountId.eq(account.id))
        .filter(site::Column::Name.eq(&details.file.site))
        .one(store.read())
        .await?;
    let site = found.ok_or_else(|| Failure::field("file", "has no install site"))?.into();
    let selection = Selection { registration_key: Some(to.clone()), ..details.selection };
    let request =
        Request { account, site: &site, selection: &selection, replaces: Some(wanted.file), by, at, today };
    let number = files::generate(store, &request, wanted.request).await?;
    // A process that is killed here has made the file; sent again, the form does the rest.
    let why = Why { reason: &reason, request: wanted.request };
    rebind(store, account, (&from, &to), &why, (by.name(), at)).await?;
    Ok(number)
}

/// Why a license moves, and what its form calls it.
struct Why<'a> {
    reason: &'a str,
    request: &'a str,
}

/// The account's orders that were the old installation's are the new one's.
async fn rebind(
    store: &Store,
    account: &Account,
    (from, to): (&str, &str),
    why: &Why<'_>,
    (by, at): (&str, i64),
) -> Result<(), Failure> {
    let tx = store.write().await?;
    let own = sea_orm::sea_query::Query::select()
        .column(order::Column::Id)
        .from(order::Entity)
        .and_where(sea_orm::ExprTrait::eq(Expr::col(order::Column::AccountId), account.id))
        .to_owned();
    activation::Entity::update_many()
        .col_expr(activation::Column::RegistrationKey, Expr::value(to))
        .filter(activation::Column::RegistrationKey.eq(from))
        .filter(activation::Column::OrderId.in_subquery(own))
        .exec(&tx)
        .await?;
    let row = moved::ActiveModel {
        account_id: Set(account.id),
        from_key: Set(from.to_owned()),
        to_key: Set(to.to_owned()),
        request: Set(why.request.to_owned()),
        reason: Set(why.reason.to_owned()),
        moved_by: Set(by.to_owned()),
        moved_at: Set(at),
        ..Default::default()
    };
    moved::Entity::insert(row).exec_without_returning(&tx).await?;
    let more = json!({ "account": account.reference, "from": from, "to": to, "reason": why.reason });
    log::append(&tx, at, by, "license moved", more).await?;
    tx.commit().await?;
    Ok(())
}
