//! Upgrading what a site owns to a newer version of the software (seed 002, "Upgrade Software").
//!
//! An upgraded quantity leaves the old part and joins the new one, through the same last day. Mirroring instead leaves the old
//! version usable beside the new one: once for each quantity, and for all parts that have the upgrade or none ("if mirroring is
//! available, you must upgrade all products with the upgrade option").

use std::collections::{BTreeMap, BTreeSet};

use grantor_catalogue::Catalogue;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Select,
};
use serde::Serialize;
use serde_json::json;

use crate::accounts::Account;
use crate::entitlements::{self, Owner, Part, add_as, owned};
use crate::entity::entitlement;
use crate::once::Once;
use crate::sites::Site;
use crate::store::Store;
use crate::{Failure, Refusal, catalogues, log};

/// A part that can be upgraded, or one that can't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Offer {
    /// What is owned.
    #[serde(flatten)]
    pub part: Part,
    /// The part number that takes its place; `None`: no upgrade is offered.
    pub to: Option<String>,
    /// How many are owned and were not mirrored before.
    pub quantity: u32,
    /// Of them in no license file: so many can be upgraded without mirroring.
    pub free: u32,
}

/// What is to be upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// So many of each of these, which must be in no license file.
    Some(BTreeMap<Part, u32>),
    /// Everything that has an upgrade, the old version staying usable.
    MirrorAll,
}

/// The site's parts with and without an upgrade, by catalogue and number; what ended before `today` is not there.
///
/// # Errors
/// The database's.
pub async fn offers(store: &Store, owner: Owner, today: &str) -> Result<Vec<Offer>, Failure> {
    let found = rows(owner, today).all(store.read()).await?;
    let catalogues = catalogues::current(store, store.read()).await?;
    let mut offers: BTreeMap<Part, Offer> = BTreeMap::new();
    for row in found {
        let part = part(&row);
        let to =
            catalogues.get(&part.catalogue).and_then(|edition| upgrade(&edition.catalogue, &part.number));
        let offer = offers.entry(part.clone()).or_insert(Offer { part, to, quantity: 0, free: 0 });
        offer.quantity += u32::try_from(row.total).unwrap_or(u32::MAX);
        offer.free += u32::try_from(row.total - row.used).unwrap_or(u32::MAX);
    }
    Ok(offers.into_values().collect())
}

/// The part that takes a part's place, if that is sold.
fn upgrade(catalogue: &Catalogue, number: &str) -> Option<String> {
    let to = catalogue.items.get(number)?.upgrades_to.clone()?;
    catalogue.items.get(&to).filter(|item| !item.retired).map(|_| to)
}

fn part(row: &entitlement::Model) -> Part {
    Part { catalogue: row.catalogue.clone(), number: row.part.clone() }
}

/// What was not mirrored yet.
fn rows(owner: Owner, today: &str) -> Select<entitlement::Entity> {
    owned(owner, today)
        .filter(entitlement::Column::Mirrored.eq(false))
        .filter(entitlement::Column::Total.gt(0))
}

/// A quantity on its way from one part to another.
#[derive(Serialize)]
struct Move {
    from: Part,
    to: String,
    last_day: String,
    quantity: u32,
    #[serde(skip)]
    row: i64,
}

/// Upgrades, and logs it. `at` is now in milliseconds since 1970, `by` who does it.
///
/// # Errors
/// [`Refusal::NoUpgrade`], [`Refusal::NotAvailable`]; the database's. Nothing is upgraded then.
pub async fn apply(
    store: &Store,
    of: (&Account, &Site),
    choice: &Choice,
    today: &str,
    by: (&str, i64),
) -> Result<(), Failure> {
    apply_once(store, of, choice, today, by, None).await
}

/// The same for a request that may be sent twice.
///
/// # Errors
/// As for [`apply`]; [`Refusal::KeyReused`].
pub async fn apply_once(
    store: &Store,
    (account, site): (&Account, &Site),
    choice: &Choice,
    today: &str,
    (by, at): (&str, i64),
    once: Option<&Once>,
) -> Result<(), Failure> {
    if !site.active {
        let says = format!("the install site `{}` is not active", site.details.name);
        return Err(Failure::field("install site", says));
    }
    let owner = Owner { account: account.id, site: site.id };
    let tx = store.write().await?;
    entitlements::hold(&tx, BTreeSet::from([site.id])).await?;
    if let Some(once) = once {
        if once.before::<()>(&tx).await?.is_some() {
            return Ok(());
        }
        once.keep(&tx, &(), at).await?;
    }
    let rows = rows(owner, today).lock_exclusive().all(&tx).await?;
    let catalogues = catalogues::current(store, &tx).await?;
    let to = |part: &Part| upgrade(&catalogues.get(&part.catalogue)?.catalogue, &part.number);
    let (moves, mirrored) = match choice {
        Choice::Some(chosen) => (some(&rows, chosen, to)?, false),
        Choice::MirrorAll => (all(&rows, to)?, true),
    };
    for one in &moves {
        take(&tx, one, mirrored).await?;
        let new = Part { catalogue: one.from.catalogue.clone(), number: one.to.clone() };
        let bought = BTreeMap::from([(new, i64::from(one.quantity))]);
        add_as(&tx, owner, &one.last_day, &bought, mirrored).await?;
    }
    let more = json!({
        "account": account.reference, "site": site.details.name, "mirrored": mirrored, "upgraded": moves,
    });
    log::append(&tx, at, by, "software upgraded", more).await?;
    tx.commit().await?;
    Ok(())
}

/// The chosen quantities, taken from what lasts longest and is free.
fn some(
    rows: &[entitlement::Model],
    chosen: &BTreeMap<Part, u32>,
    to: impl Fn(&Part) -> Option<String>,
) -> Result<Vec<Move>, Refusal> {
    let mut moves = Vec::new();
    for (from, &wanted) in chosen {
        let to = to(from).ok_or_else(|| Refusal::NoUpgrade(from.number.clone()))?;
        let mut left = wanted;
        for row in rows.iter().filter(|row| part(row) == *from) {
            let free = u32::try_from(row.total - row.used).unwrap_or(u32::MAX);
            let quantity = left.min(free);
            left -= quantity;
            let last_day = row.last_day.clone();
            moves.push(Move { from: from.clone(), to: to.clone(), last_day, quantity, row: row.id });
        }
        if left > 0 || wanted == 0 {
            let available = wanted - left;
            return Err(Refusal::NotAvailable { part: from.number.clone(), wanted, available });
        }
    }
    moves.retain(|one| one.quantity > 0);
    if moves.is_empty() { Err(Refusal::NoUpgrade("nothing".to_owned())) } else { Ok(moves) }
}

/// Everything that has an upgrade, used or not: the old version stays.
fn all(rows: &[entitlement::Model], to: impl Fn(&Part) -> Option<String>) -> Result<Vec<Move>, Refusal> {
    let moves = rows.iter().filter_map(|row| {
        let from = part(row);
        let to = to(&from)?;
        let quantity = u32::try_from(row.total).unwrap_or(u32::MAX);
        Some(Move { from, to, last_day: row.last_day.clone(), quantity, row: row.id })
    });
    let moves: Vec<Move> = moves.collect();
    if moves.is_empty() { Err(Refusal::NoUpgrade("nothing".to_owned())) } else { Ok(moves) }
}

/// Takes an upgraded quantity from its row, or marks the row as mirrored.
async fn take(tx: &DatabaseTransaction, one: &Move, mirrored: bool) -> Result<(), Failure> {
    let change = entitlement::Entity::update_many().filter(entitlement::Column::Id.eq(one.row));
    let change = if mirrored {
        change.set(entitlement::ActiveModel { mirrored: Set(true), ..Default::default() })
    } else {
        use sea_orm::ExprTrait;
        let total = Expr::col(entitlement::Column::Total).sub(i64::from(one.quantity));
        change.col_expr(entitlement::Column::Total, total)
    };
    change.exec(tx).await?;
    Ok(())
}
