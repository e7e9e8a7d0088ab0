//! What a license type asks of whoever makes a file, and where its quantities come from (seed 002, "Server License Types", "Who Can
//! Generate Licenses"). Facts of types are the catalogue's; this acts on them, within the transaction that makes the file.

use std::collections::BTreeMap;

use grantor_catalogue::{Catalogue, Item, LicenseType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::make::{Request, spent, wanted};
use super::pass::Pass;
use super::trial::Trial;
use super::{Selection, number};
use crate::entitlements::{self, AT_NO_COST, Balance, NEVER, Owner, Part, Spent, balances, owned};
use crate::entity::{account, entitlement, file, file_item};
use crate::people::{Actor, Person};
use crate::rights::Role;
use crate::store::Store;
use crate::{Failure, Refusal};

/// Rows of a choice that has no bound of its own: what one file can have.
const ANY_NUMBER: u64 = 1_000_000;

/// Whether this person may make files of the type.
#[must_use]
pub fn may_make(of_type: &LicenseType, person: &Person) -> bool {
    let staff = person.is_staff();
    staff || !(of_type.staff_only || (of_type.partners_only && !person.roles.contains(&Role::Partner)))
}

/// Whether files of the type may have the part: every server item may be in them, and of the others what the type contains.
fn contains(catalogue: &Catalogue, of_type: &LicenseType, part: &str) -> bool {
    let listed = |items: &Vec<String>| items.iter().any(|item| item == part);
    of_type.contains.as_ref().is_none_or(listed) || is_server(catalogue, part)
}

/// Whether the part is a server item.
pub(super) fn is_server(catalogue: &Catalogue, part: &str) -> bool {
    catalogue.items.get(part).is_some_and(|item| item.server)
}

/// Lets those pass only who may make files of the type, of as much as it takes and of what it contains.
pub(super) fn required(
    catalogue: &Catalogue,
    of_type: &LicenseType,
    selection: &Selection,
    by: Actor<'_>,
) -> Result<(), Failure> {
    if let Actor::Person(person) = by
        && !may_make(of_type, person)
    {
        let (name, title) = (person.name.clone(), of_type.title.clone());
        return Err(Refusal::NotYourType { person: name, title, staff: of_type.staff_only }.into());
    }
    if of_type.fixed && selection.items.len() > 1 {
        let says = format!("{}: nothing can be added to its configuration", of_type.title);
        return Err(Failure::field("part", says));
    }
    let other = selection.items.iter().find(|chosen| !contains(catalogue, of_type, &chosen.part));
    match other {
        Some(chosen) => {
            Err(Refusal::NotOfType { part: chosen.part.clone(), title: of_type.title.clone() }.into())
        }
        None => Ok(()),
    }
}

/// What a file is made of.
pub(super) struct Taken {
    /// What was spent, or comes at no cost.
    pub(super) spent: Vec<Spent>,
    /// A part that the file names and whose lines another file of the site has.
    pub(super) given: Option<String>,
}

impl From<Vec<Spent>> for Taken {
    fn from(spent: Vec<Spent>) -> Self {
        Self { spent, given: None }
    }
}

/// Takes what the file is made of: from what the site owns, or from nothing where the type comes without an order.
pub(super) async fn take(
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    catalogue: &Catalogue,
    pass: &Pass,
) -> Result<Taken, Failure> {
    let owner = Owner { account: request.account.id, site: request.site.id };
    let (wanted, today) = (wanted(request.selection)?, request.today.to_string());
    let of_type = catalogue.license_types.get(&request.selection.license_type);
    let spent = match of_type {
        Some(of_type) if of_type.partners_only => from_nothing(&wanted, NEVER),
        Some(of_type) if of_type.not_owned => {
            let trial = Trial::at(tx, catalogue, owner, &today, pass.without()).await?;
            let given = trial.checked(&request.site.details.name, &wanted)?;
            return Ok(Taken { spent: from_nothing(&wanted, NEVER), given });
        }
        Some(of_type) if of_type.free && !owns_any(tx, owner, &wanted, &today).await? => {
            included(tx, request, catalogue, &wanted, pass).await?
        }
        Some(of_type) if of_type.within_production => {
            let spent = entitlements::take(tx, owner, &wanted, &today, pass.way()).await?;
            within_production(tx, request, catalogue, &wanted, pass).await?;
            spent
        }
        _ => entitlements::take(tx, owner, &wanted, &today, pass.way()).await?,
    };
    Ok(spent.into())
}

fn from_nothing(wanted: &BTreeMap<Part, u32>, last_day: &str) -> Vec<Spent> {
    let one = |(part, quantity): (&Part, &u32)| Spent {
        entitlement: AT_NO_COST,
        part: part.clone(),
        last_day: last_day.to_owned(),
        quantity: *quantity,
    };
    wanted.iter().map(one).collect()
}

/// Where a development system was booked, its files come from what was booked.
async fn owns_any(
    db: &impl ConnectionTrait,
    owner: Owner,
    wanted: &BTreeMap<Part, u32>,
    today: &str,
) -> Result<bool, Failure> {
    let parts: Vec<&str> = wanted.keys().map(|part| part.number.as_str()).collect();
    let rows = owned(owner, today).filter(entitlement::Column::Part.is_in(parts)).one(db).await?;
    Ok(rows.is_some())
}

/// The servers that this development system comes with.
fn servers_of<'a>(catalogue: &'a Catalogue, development: &'a str) -> impl Iterator<Item = &'a Item> {
    catalogue.items.values().filter(move |item| item.development.as_deref() == Some(development))
}

/// One development system for each production server that the site has, and nothing else in the file.
async fn included(
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    catalogue: &Catalogue,
    wanted: &BTreeMap<Part, u32>,
    pass: &Pass,
) -> Result<Vec<Spent>, Failure> {
    let mut parts = wanted.iter();
    let (Some((part, &quantity)), None) = (parts.next(), parts.next()) else {
        let says = "a development license at no cost is the development system alone";
        return Err(Failure::field("part", says));
    };
    let servers: Vec<&str> = servers_of(catalogue, &part.number).map(|item| item.name.as_str()).collect();
    let owner = Owner { account: request.account.id, site: request.site.id };
    // Locked: of two that ask for the last one, the second sees the first one's file.
    let rows = owned(owner, &request.today.to_string())
        .filter(entitlement::Column::Catalogue.eq(&part.catalogue))
        .filter(entitlement::Column::Part.is_in(servers));
    let rows = if pass.locks() { rows.lock_exclusive() } else { rows };
    let rows = rows.all(tx).await?;
    let comes: i64 = rows.iter().map(|row| row.total).sum();
    let made = made(tx, owner.site, request.selection, pass.without()).await?;
    let available = u32::try_from(comes).unwrap_or(u32::MAX).saturating_sub(made);
    if available < quantity {
        return Err(Refusal::NotAvailable { part: part.number.clone(), wanted: quantity, available }.into());
    }
    let last_day = rows.iter().map(|row| row.last_day.as_str()).max().unwrap_or(NEVER);
    Ok(from_nothing(wanted, last_day))
}

/// How many active files the site has of the same type and parts that cost nothing, beside one.
async fn made(
    db: &impl ConnectionTrait,
    site: i64,
    selection: &Selection,
    without: i64,
) -> Result<u32, Failure> {
    let rows = file::Entity::find()
        .filter(file::Column::SiteId.eq(site))
        .filter(file::Column::Catalogue.eq(&selection.catalogue))
        .filter(file::Column::LicenseType.eq(&selection.license_type))
        .filter(file::Column::Active.eq(true))
        .filter(file::Column::Id.ne(without))
        .all(db)
        .await?;
    let chosen = rows.iter().filter_map(|row| row.selection.as_deref());
    let chosen = chosen.filter_map(|text| serde_json::from_str::<Selection>(text).ok());
    let parts = |one: &Selection| one.items.iter().map(|chosen| chosen.part.clone()).collect::<Vec<_>>();
    let same = chosen.filter(|one| parts(one) == parts(selection)).count();
    Ok(u32::try_from(same).unwrap_or(u32::MAX))
}

/// The number of disaster recovery licenses does not exceed that of the related production licenses, of which there must be some.
async fn within_production(
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    catalogue: &Catalogue,
    wanted: &BTreeMap<Part, u32>,
    pass: &Pass,
) -> Result<(), Failure> {
    one_at_a_time(tx, request.account.id, pass).await?;
    let production = types_that(catalogue, |of_type| of_type.production);
    let of = (request.account.id, request.selection.catalogue.as_str(), pass.without());
    let has = in_files(tx, of, &production).await?;
    let recovery = in_files(tx, of, &[request.selection.license_type.as_str()]).await?;
    for (part, &quantity) in wanted {
        let of = |counts: &BTreeMap<String, u32>| counts.get(&part.number).copied().unwrap_or(0);
        let (production, recovery) = (of(&has), of(&recovery));
        if recovery.saturating_add(quantity) > production {
            let part = part.number.clone();
            return Err(Refusal::BeyondProduction { part, wanted: quantity, recovery, production }.into());
        }
    }
    Ok(())
}

/// Two sites of one account wait for each other here.
async fn one_at_a_time(tx: &DatabaseTransaction, account: i64, pass: &Pass) -> Result<(), Failure> {
    if pass.locks() {
        account::Entity::find_by_id(account).lock_exclusive().one(tx).await?;
    }
    Ok(())
}

pub(super) fn types_that(catalogue: &Catalogue, which: impl Fn(&LicenseType) -> bool) -> Vec<&str> {
    let types = catalogue.license_types.values().filter(|of_type| which(of_type));
    types.map(|of_type| of_type.name.as_str()).collect()
}

/// Production that ends or shrinks leaves as much as disaster recovery has: its files are given back first. `ended` has ended
/// already, `instead` takes its place.
pub(super) async fn covers_recovery(
    tx: &DatabaseTransaction,
    catalogue: &Catalogue,
    ended: &file::Model,
    instead: Option<&Selection>,
    pass: &Pass,
) -> Result<(), Failure> {
    let production = types_that(catalogue, |of_type| of_type.production);
    let recovery = types_that(catalogue, |of_type| of_type.within_production);
    if recovery.is_empty() || !production.contains(&ended.license_type.as_str()) {
        return Ok(());
    }
    one_at_a_time(tx, ended.account_id, pass).await?;
    let of = (ended.account_id, ended.catalogue.as_str(), pass.without());
    let mut has = in_files(tx, of, &production).await?;
    let same = instead.filter(|one| one.catalogue == ended.catalogue);
    for chosen in
        same.filter(|one| production.contains(&one.license_type.as_str())).iter().flat_map(|one| &one.items)
    {
        *has.entry(chosen.part.clone()).or_insert(0) += chosen.quantity;
    }
    let wants = in_files(tx, of, &recovery).await?;
    for lost in spent(tx, ended.id).await? {
        let count = |counts: &BTreeMap<String, u32>| counts.get(&lost.part.number).copied().unwrap_or(0);
        let (production, needed) = (count(&has), count(&wants));
        if needed > production {
            let files = with_part(tx, of, &recovery, &lost.part.number).await?.join(", ");
            let part = lost.part.number;
            return Err(Refusal::RecoveryFirst { part, production, recovery: needed, files }.into());
        }
    }
    Ok(())
}

/// Whose files, of which catalogue, and one that counts as ended.
type OfFiles<'a> = (i64, &'a str, i64);

/// The account's active files of these types.
fn active_of((account, catalogue, without): OfFiles<'_>, types: &[&str]) -> sea_orm::Select<file::Entity> {
    file::Entity::find()
        .filter(file::Column::AccountId.eq(account))
        .filter(file::Column::Catalogue.eq(catalogue))
        .filter(file::Column::LicenseType.is_in(types.iter().copied()))
        .filter(file::Column::Active.eq(true))
        .filter(file::Column::Id.ne(without))
}

/// The numbers of those that have the part.
async fn with_part(
    tx: &DatabaseTransaction,
    of: OfFiles<'_>,
    types: &[&str],
    part: &str,
) -> Result<Vec<String>, Failure> {
    let mut numbers = Vec::new();
    for row in active_of(of, types).order_by_asc(file::Column::Id).all(tx).await? {
        if spent(tx, row.id).await?.iter().any(|one| one.part.number == part) {
            numbers.push(number(row.id));
        }
    }
    Ok(numbers)
}

/// How many of each part are in the account's active files of these types.
async fn in_files(
    db: &impl ConnectionTrait,
    of: OfFiles<'_>,
    types: &[&str],
) -> Result<BTreeMap<String, u32>, Failure> {
    let files = active_of(of, types).select_only().column(file::Column::Id).into_query();
    let items =
        file_item::Entity::find().filter(file_item::Column::FileId.in_subquery(files)).all(db).await?;
    let rows = entitlement::Entity::find()
        .filter(entitlement::Column::AccountId.eq(of.0))
        .filter(entitlement::Column::Catalogue.eq(of.1))
        .all(db)
        .await?;
    let parts: BTreeMap<i64, String> = rows.into_iter().map(|row| (row.id, row.part)).collect();
    let mut counts = BTreeMap::new();
    for item in items {
        let Some(part) = parts.get(&item.entitlement_id) else { continue };
        *counts.entry(part.clone()).or_insert(0) += u32::try_from(item.quantity).unwrap_or(u32::MAX);
    }
    Ok(counts)
}

/// The parts that an order must have for the file to carry its number: the chosen ones, and the servers that they come with.
pub(super) fn ordered_as(catalogue: &Catalogue, selection: &Selection) -> Vec<String> {
    let chosen = selection.items.iter().map(|chosen| chosen.part.clone());
    let servers = selection.items.iter().flat_map(|chosen| servers_of(catalogue, &chosen.part));
    chosen.chain(servers.map(|item| item.name.clone())).collect()
}

/// What files of the type can be made of at the site: what it owns, what comes with that, what it does not own, or everything on sale.
///
/// # Errors
/// The database's.
pub async fn offered(
    store: &Store,
    catalogue: &Catalogue,
    of_type: &LicenseType,
    owner: Owner,
    today: &str,
) -> Result<Vec<Balance>, Failure> {
    let balance = |number: &str, perpetual: u64, used: u64| Balance {
        part: Part { catalogue: catalogue.name.clone(), number: number.to_owned() },
        perpetual,
        dated: 0,
        used,
        mirrored: false,
    };
    let on_sale = || catalogue.list().into_iter().map(|item| item.name.as_str());
    if of_type.partners_only {
        return Ok(on_sale().map(|part| balance(part, ANY_NUMBER, 0)).collect());
    }
    if of_type.not_owned {
        let trial = Trial::at(store.read(), catalogue, owner, today, 0).await?;
        let tried = on_sale().filter(|part| trial.may_have(part));
        return Ok(tried.map(|part| balance(part, ANY_NUMBER, 0)).collect());
    }
    let mut has = balances(store.read(), owner.account, Some(owner.site), today).await?;
    has.retain(|one| one.part.catalogue == catalogue.name && contains(catalogue, of_type, &one.part.number));
    if !of_type.free {
        return Ok(has);
    }
    let mut offers: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &has {
        let item = catalogue.items.get(&one.part.number);
        if let Some(development) = item.and_then(|item| item.development.as_deref()) {
            *offers.entry(development).or_default() += one.total();
        }
    }
    let mut rows = Vec::new();
    for (development, comes) in offers {
        if let Some(booked) = has.iter().find(|one| one.part.number == development) {
            rows.push(booked.clone());
            continue;
        }
        let item = super::Chosen { part: development.to_owned(), quantity: 1, pooled: 0 };
        let made =
            made(store.read(), owner.site, &Selection::of(&catalogue.name, &of_type.name, item), 0).await?;
        rows.push(balance(development, comes, u64::from(made)));
    }
    Ok(rows)
}
