//! Booking an order: one transaction for the order, its lines and the entitlement that comes of them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, SqlErr,
};
use serde::Serialize;
use serde_json::json;

use super::letter;
use super::problems::{problem, problems};
use super::search::{folded, lrn_folded};
use super::{CsvOrders, NewOrder, OrderProblem, bulk, read_csv};
use crate::accounts::{self, Account};
use crate::catalogues::{self, Edition, digest};
use crate::entitlements::{self, NEVER, Owner, Part};
use crate::entity::{order, order_line};
use crate::lrn::Lrn;
use crate::sites::{self, Site};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// A booked order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Booked {
    /// The order's number.
    pub number: String,
    /// Its license reference number, the same however often it is sent.
    pub lrn: String,
    /// Whether this was the first time.
    pub new: bool,
}

/// Everything an order refers to.
struct Place {
    account: Account,
    sold_to: Account,
    site: Site,
    editions: BTreeMap<String, Edition>,
}

/// Books the order, or finds it booked. `by` is who does it, `at` now in milliseconds since 1970, `bits` random.
///
/// # Errors
/// [`Refusal::Order`] with every problem; [`Refusal::OrderDiffers`]; the database's. Nothing is booked then.
pub async fn book(store: &Store, order: &NewOrder, by: &str, at: i64, bits: u64) -> Result<Booked, Failure> {
    book_as(store, order, by, at, bits, None).await
}

/// As [`book`]; where it is the order of an import, the same transaction says there that it is booked.
pub(super) async fn book_as(
    store: &Store,
    order: &NewOrder,
    by: &str,
    at: i64,
    bits: u64,
    imported: Option<i64>,
) -> Result<Booked, Failure> {
    let contents = serde_json::to_vec(order).map_err(|error| Failure::field("order", error.to_string()))?;
    let digest = digest(&contents);
    if let Some(booked) = booked(store.read(), order, &digest).await? {
        return Ok(booked);
    }
    let place = place(store, order).await?;
    let tx = store.write().await?;
    let lrn = Lrn::from_random(bits).to_string();
    match write(&tx, order, &place, &Heading { digest: &digest, lrn: &lrn, by, at }).await {
        Ok(()) => {
            if let Some(imported) = imported {
                bulk::decide(&tx, imported, bulk::State::Booked, Some(lrn.clone()), None).await?;
            }
            tx.commit().await?;
        }
        Err(Failure::Database(error)) if is_taken(&error) => {
            // Somebody else booked it between our look and our writing.
            tx.rollback().await?;
            return booked(store.read(), order, &digest).await?.ok_or_else(|| error.into());
        }
        Err(failure) => return Err(failure),
    }
    Ok(Booked { number: order.number.trim().to_owned(), lrn, new: true })
}

fn is_taken(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

async fn booked(
    db: &impl ConnectionTrait,
    order: &NewOrder,
    digest: &str,
) -> Result<Option<Booked>, Failure> {
    let number = order.number.trim();
    let Some(row) = order::Entity::find().filter(order::Column::Number.eq(number)).one(db).await? else {
        return Ok(None);
    };
    if row.digest != digest {
        return Err(Refusal::OrderDiffers(number.to_owned()).into());
    }
    Ok(Some(Booked { number: row.number, lrn: row.lrn, new: false }))
}

/// Every problem that would keep the order from being booked now; none where it is booked already. Changes nothing.
///
/// # Errors
/// The database's.
pub async fn check(store: &Store, order: &NewOrder) -> Result<Vec<OrderProblem>, Failure> {
    let contents = serde_json::to_vec(order).map_err(|error| Failure::field("order", error.to_string()))?;
    match booked(store.read(), order, &digest(&contents)).await {
        Ok(Some(_)) => return Ok(Vec::new()),
        Ok(None) => {}
        Err(Failure::Refused(refusal)) => {
            return Ok(vec![problem(order, None, "number", refusal.to_string())]);
        }
        Err(failure) => return Err(failure),
    }
    match place(store, order).await {
        Ok(_) => Ok(Vec::new()),
        Err(Failure::Refused(Refusal::Order(problems))) => Ok(problems),
        Err(failure) => Err(failure),
    }
}

/// A file of orders with every problem of it, also those that only the books know. Changes nothing.
///
/// # Errors
/// The database's.
pub async fn check_csv(store: &Store, bytes: &[u8]) -> Result<CsvOrders, Failure> {
    let mut read = read_csv(bytes);
    for order in &read.orders {
        read.problems.extend(check(store, order).await?);
    }
    Ok(read)
}

/// What the order refers to, or every problem of it.
async fn place(store: &Store, order: &NewOrder) -> Result<Place, Failure> {
    let db = store.read();
    let editions = catalogues::current(store, db).await?;
    let mut found = problems(order, &editions);
    let account = told(order, "account", accounts::find(db, &order.account).await, &mut found)?;
    let sold_to = order.sold_to.as_deref().unwrap_or(&order.account);
    let sold_to = told(order, "sold_to", accounts::find(db, sold_to).await, &mut found)?;
    let site = match &account {
        Some(account) => told(order, "site", sites::find(db, account, &order.site).await, &mut found)?,
        None => None,
    };
    if let Some(site) = site.as_ref().filter(|site| !site.active) {
        let says = format!("the install site `{}` is not active", site.details.name);
        found.push(problem(order, None, "site", says));
    }
    match (account, sold_to, site) {
        (Some(account), Some(sold_to), Some(site)) if found.is_empty() => {
            Ok(Place { account, sold_to, site, editions })
        }
        _ => Err(Refusal::Order(found).into()),
    }
}

/// A refusal becomes a problem of the order; the database's failures stay what they are.
fn told<T>(
    order: &NewOrder,
    field: &'static str,
    found: Result<T, Failure>,
    problems: &mut Vec<OrderProblem>,
) -> Result<Option<T>, Failure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Failure::Refused(refusal)) => {
            problems.push(problem(order, None, field, refusal.to_string()));
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// What stands over the lines.
struct Heading<'a> {
    digest: &'a str,
    lrn: &'a str,
    by: &'a str,
    at: i64,
}

async fn write(
    tx: &DatabaseTransaction,
    order: &NewOrder,
    place: &Place,
    heading: &Heading<'_>,
) -> Result<(), Failure> {
    // Before its row, which holds the account for those who make files of what it owns.
    entitlements::hold(tx, BTreeSet::from([place.site.id])).await?;
    let last_day = order.last_day.as_deref().unwrap_or(NEVER);
    let row = order::ActiveModel {
        number: Set(order.number.trim().to_owned()),
        digest: Set(heading.digest.to_owned()),
        lrn: Set(heading.lrn.to_owned()),
        account_id: Set(place.account.id),
        sold_to_id: Set(place.sold_to.id),
        site_id: Set(place.site.id),
        term: Set(order.term.word().to_owned()),
        last_day: Set(last_day.to_owned()),
        maintenance_until: Set(order.maintenance_until.clone()),
        placed_by: Set(heading.by.to_owned()),
        placed_at: Set(heading.at),
        folded: Set(folded(&order.number)),
        lrn_folded: Set(lrn_folded(heading.lrn)),
        ..Default::default()
    };
    let id = order::Entity::insert(row).exec(tx).await?.last_insert_id;
    write_lines(tx, order, place, id).await?;
    let owner = Owner { account: place.account.id, site: place.site.id };
    entitlements::add(tx, owner, last_day, &bought(order)).await?;
    let more = json!({ "order": order, "lrn": heading.lrn, "sha256": heading.digest });
    log::append(tx, heading.at, heading.by, "order booked", more).await?;
    let letter = letter::Order {
        number: order.number.trim(),
        lrn: heading.lrn,
        account: &place.account,
        site: &place.site.details.name,
        lines: order.lines.iter().map(|line| (line.part.as_str(), line.quantity)).collect(),
    };
    letter::write(tx, &letter, heading.at).await?;
    Ok(())
}

async fn write_lines(
    tx: &DatabaseTransaction,
    order: &NewOrder,
    place: &Place,
    id: i64,
) -> Result<(), Failure> {
    let rows = (1..).zip(&order.lines).filter_map(|(position, line)| {
        Some(order_line::ActiveModel {
            order_id: Set(id),
            position: Set(position),
            edition_id: Set(place.editions.get(&line.catalogue)?.id),
            part: Set(line.part.clone()),
            quantity: Set(i64::from(line.quantity)),
            ..Default::default()
        })
    });
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(1000) {
        order_line::Entity::insert_many(some.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// How many of each part, in the order in which rows are locked everywhere.
fn bought(order: &NewOrder) -> BTreeMap<Part, i64> {
    let mut sums = BTreeMap::new();
    for line in &order.lines {
        let part = Part { catalogue: line.catalogue.clone(), number: line.part.clone() };
        *sums.entry(part).or_default() += i64::from(line.quantity);
    }
    sums
}
