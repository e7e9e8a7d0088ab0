//! What a site owns: total, used and available of each part. The one thing that license files are made from.
//!
//! Spending and giving back happen in the caller's transaction, which holds the sites first; the table itself refuses
//! less than nothing and more than there is, so that nothing is spent twice however many generate at once.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{CaseStatement, Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use serde::Serialize;

use crate::entity::entitlement;
use crate::{Failure, Refusal, store};

/// The last day of what never ends.
pub const NEVER: &str = "9999-12-31";

/// In place of an entitlement's number: what comes without an order.
pub const AT_NO_COST: i64 = 0;

/// A part by catalogue and part number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
pub struct Part {
    /// Which catalogue sells it.
    pub catalogue: String,
    /// Its part number.
    pub number: String,
}

/// Whose entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The account.
    pub account: i64,
    /// Its install site.
    pub site: i64,
}

/// A quantity of a part that is spent, with its last day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// The entitlement's number, for giving it back; or [`AT_NO_COST`].
    pub entitlement: i64,
    /// Which part.
    #[serde(flatten)]
    pub part: Part,
    /// Through which day, `yyyy-mm-dd`; [`NEVER`] for what is perpetual.
    pub last_day: String,
    /// How many.
    pub quantity: u32,
}

/// A row of the account summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Which part.
    #[serde(flatten)]
    pub part: Part,
    /// Of them without an end.
    pub perpetual: u64,
    /// Of them with one.
    pub dated: u64,
    /// How many are in license files.
    pub used: u64,
    /// Whether any of them came from an upgrade that mirrors.
    pub mirrored: bool,
}

impl Balance {
    /// Perpetual and dated ones together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.perpetual + self.dated
    }

    /// What new license files can be made of.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.total().saturating_sub(self.used)
    }
}

/// Adds what was bought.
///
/// # Errors
/// The database's.
pub(crate) async fn add(
    tx: &DatabaseTransaction,
    owner: Owner,
    last_day: &str,
    bought: &BTreeMap<Part, i64>,
) -> Result<(), Failure> {
    add_as(tx, owner, last_day, bought, false).await
}

/// Adds what was bought, or what came of an upgrade that mirrors.
///
/// # Errors
/// The database's.
pub(crate) async fn add_as(
    tx: &DatabaseTransaction,
    owner: Owner,
    last_day: &str,
    bought: &BTreeMap<Part, i64>,
    mirrored: bool,
) -> Result<(), Failure> {
    let rows = bought.iter().map(|(part, total)| entitlement::ActiveModel {
        account_id: Set(owner.account),
        site_id: Set(owner.site),
        catalogue: Set(part.catalogue.clone()),
        part: Set(part.number.clone()),
        last_day: Set(last_day.to_owned()),
        total: Set(*total),
        used: Set(0),
        mirrored: Set(mirrored),
        ..Default::default()
    });
    use entitlement::Column::{AccountId, Catalogue, LastDay, Mirrored, Part as Number, SiteId, Total};
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(1000) {
        let sum = Expr::col((entitlement::Entity, Total)).add(Expr::col(("excluded", Total)));
        let more = OnConflict::columns([AccountId, SiteId, Catalogue, Number, LastDay, Mirrored])
            .value(Total, sum)
            .to_owned();
        entitlement::Entity::insert_many(some.to_vec()).on_conflict(more).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Takes all that is wanted, or nothing: what is perpetual first, then what lasts longest. `today` is `yyyy-mm-dd`; what ended
/// before is not there.
///
/// # Errors
/// [`Refusal::NotAvailable`] for the first part that is short (the caller then rolls back); the database's.
pub async fn spend(
    tx: &DatabaseTransaction,
    owner: Owner,
    wanted: &BTreeMap<Part, u32>,
    today: &str,
) -> Result<Vec<Spent>, Failure> {
    take(tx, owner, wanted, today, Way::default()).await
}

/// How quantities are taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way<'a> {
    /// Only looked at, as if these had been given back, by their entitlements: nothing is locked or changed. `None`: for good; rows are
    /// locked, and count what is spent.
    pub(crate) back: Option<&'a BTreeMap<i64, i64>>,
    /// What is through this day is taken first.
    pub(crate) first: Option<&'a str>,
}

/// As [`spend`], in that way.
///
/// # Errors
/// As [`spend`].
pub(crate) async fn take(
    tx: &DatabaseTransaction,
    owner: Owner,
    wanted: &BTreeMap<Part, u32>,
    today: &str,
    way: Way<'_>,
) -> Result<Vec<Spent>, Failure> {
    let mut rows = rows_of(tx, owner, wanted, today, way).await?;
    let mut spent = Vec::new();
    for (part, &quantity) in wanted {
        spent.extend(take_part(part, quantity, rows.remove(part).unwrap_or_default(), way)?);
    }
    if way.back.is_none() {
        change(tx, &by_row(&spent)).await?;
    }
    Ok(spent)
}

fn take_part(
    part: &Part,
    wanted: u32,
    mut rows: Vec<entitlement::Model>,
    way: Way<'_>,
) -> Result<Vec<Spent>, Failure> {
    if let Some(day) = way.first {
        rows.sort_by_key(|row| row.last_day != day);
    }
    if let Some(back) = way.back {
        rows.iter_mut().for_each(|row| row.used -= back.get(&row.id).copied().unwrap_or(0));
    }
    let available: i64 = rows.iter().map(|row| row.total - row.used).sum();
    let available = u32::try_from(available).unwrap_or(u32::MAX);
    if available < wanted {
        return Err(Refusal::NotAvailable { part: part.number.clone(), wanted, available }.into());
    }
    let (mut left, mut spent) = (wanted, Vec::new());
    for row in rows {
        let quantity = Ord::min(left, u32::try_from(row.total - row.used).unwrap_or(u32::MAX));
        if quantity > 0 {
            spent.push(Spent { entitlement: row.id, part: part.clone(), last_day: row.last_day, quantity });
            left -= quantity;
        }
    }
    Ok(spent)
}

/// The owner's rows of these parts, each part's in the order in which they are spent; locked where they are to be spent from. One
/// statement for all parts: each is a way to the database and back while others wait for the site.
async fn rows_of(
    tx: &DatabaseTransaction,
    owner: Owner,
    wanted: &BTreeMap<Part, u32>,
    today: &str,
    way: Way<'_>,
) -> Result<BTreeMap<Part, Vec<entitlement::Model>>, Failure> {
    let parts: Vec<&Part> = wanted.keys().collect();
    let mut rows: BTreeMap<Part, Vec<entitlement::Model>> = BTreeMap::new();
    for some in parts.chunks(AT_ONCE) {
        let query = owned(owner, today)
            .filter(entitlement::Column::Catalogue.is_in(some.iter().map(|part| part.catalogue.as_str())))
            .filter(entitlement::Column::Part.is_in(some.iter().map(|part| part.number.as_str())));
        let query = if way.back.is_none() { query.lock_exclusive() } else { query };
        for row in query.all(tx).await? {
            let part = Part { catalogue: row.catalogue.clone(), number: row.part.clone() };
            rows.entry(part).or_default().push(row);
        }
    }
    Ok(rows)
}

/// Until the transaction ends, nobody else changes what these sites own. Files are given back and made of parts in whatever order, so
/// rows alone would be locked crosswise.
pub(crate) async fn hold(tx: &DatabaseTransaction, sites: BTreeSet<i64>) -> Result<(), Failure> {
    for site in sites {
        store::one_at_a_time(tx, &format!("what site {site} owns")).await?;
    }
    Ok(())
}

/// What the owner has through `today` at least, in the order in which rows are spent, and locked everywhere.
pub(crate) fn owned(owner: Owner, today: &str) -> Select<entitlement::Entity> {
    entitlement::Entity::find()
        .filter(entitlement::Column::AccountId.eq(owner.account))
        .filter(entitlement::Column::SiteId.eq(owner.site))
        .filter(entitlement::Column::LastDay.gte(today))
        .order_by_asc(entitlement::Column::Catalogue)
        .order_by_asc(entitlement::Column::Part)
        .order_by_desc(entitlement::Column::LastDay)
        .order_by_asc(entitlement::Column::Id)
}

/// How many rows one statement names: databases bound the number of values.
const AT_ONCE: usize = 500;

/// Changes what is used of each row.
async fn change(tx: &DatabaseTransaction, by_row: &BTreeMap<i64, i64>) -> Result<(), Failure> {
    let rows: Vec<(i64, i64)> = by_row.iter().map(|(&id, &by)| (id, by)).collect();
    for some in rows.chunks(AT_ONCE) {
        let by = some.iter().fold(CaseStatement::new(), |case, &(id, by)| {
            case.case(Expr::col(entitlement::Column::Id).eq(id), by)
        });
        entitlement::Entity::update_many()
            .col_expr(entitlement::Column::Used, Expr::col(entitlement::Column::Used).add(by.finally(0)))
            .filter(entitlement::Column::Id.is_in(some.iter().map(|&(id, _)| id)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// How much of each row.
fn by_row(spent: &[Spent]) -> BTreeMap<i64, i64> {
    let mut by_row = BTreeMap::new();
    for one in spent {
        *by_row.entry(one.entitlement).or_default() += i64::from(one.quantity);
    }
    by_row
}

/// Gives back what was spent, also where it has ended by now.
///
/// # Errors
/// The database's; it refuses to take back more than is out.
pub async fn give_back(tx: &DatabaseTransaction, spent: &[Spent]) -> Result<(), Failure> {
    let back = by_row(spent).into_iter().map(|(id, quantity)| (id, -quantity)).collect();
    change(tx, &back).await
}

/// The account's parts by catalogue and number, of one site or of all; what ended before `today` is not there. The database adds up:
/// there are as many rows as parts on sale, however many sites and days there are.
///
/// # Errors
/// The database's.
pub async fn balances(
    db: &impl ConnectionTrait,
    account: i64,
    site: Option<i64>,
    today: &str,
) -> Result<Vec<Balance>, Failure> {
    use entitlement::Column::{AccountId, Catalogue, LastDay, Part as Number, SiteId};
    let mut query = entitlement::Entity::find().filter(AccountId.eq(account)).filter(LastDay.gte(today));
    if let Some(site) = site {
        query = query.filter(SiteId.eq(site));
    }
    type Row = (String, String, i64, i64, i64, i64);
    let sum = |what: &str| Expr::cust(format!("cast(sum({what}) as bigint)"));
    let rows: Vec<Row> = query
        .select_only()
        .columns([Catalogue, Number])
        .column_as(sum(&format!("case when last_day = '{NEVER}' then total else 0 end")), "perpetual")
        .column_as(sum(&format!("case when last_day = '{NEVER}' then 0 else total end")), "dated")
        .column_as(sum("used"), "used")
        .column_as(sum("case when mirrored then 1 else 0 end"), "mirrored")
        .group_by(Catalogue)
        .group_by(Number)
        .into_tuple()
        .all(db)
        .await?;
    let balance = |(catalogue, number, perpetual, dated, used, mirrored): Row| Balance {
        part: Part { catalogue, number },
        perpetual: perpetual.unsigned_abs(),
        dated: dated.unsigned_abs(),
        used: used.unsigned_abs(),
        mirrored: mirrored > 0,
    };
    let mut all: Vec<Balance> = rows.into_iter().map(balance).collect();
    // Each database has an order of letters of its own.
    all.sort_by(|one, other| one.part.cmp(&other.part));
    Ok(all)
}
