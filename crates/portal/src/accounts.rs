//! Accounts of the publisher: end users, whom it sold to, partners and service providers, in a hierarchy.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, SqlErr,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::catalogues::digest;
use crate::entity::account;
use crate::refusal::text;
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// What an account is to the publisher (seed 002, "Sold to Account", "End User Account").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Uses the product.
    EndUser,
    /// Receives the invoice.
    SoldTo,
    /// Sells and installs for others.
    Partner,
    /// Runs the product for tenants, which are accounts under it.
    ServiceProvider,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EndUser, Self::SoldTo, Self::Partner, Self::ServiceProvider];

    /// As it is kept and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::EndUser => "end-user",
            Self::SoldTo => "sold-to",
            Self::Partner => "partner",
            Self::ServiceProvider => "service-provider",
        }
    }
}

/// An account as it is created.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its reference number, up to 40 characters; never given twice.
    pub reference: String,
    /// Its name, up to 200 characters.
    pub name: String,
    /// What it is to the publisher.
    pub kind: Kind,
    /// The reference number of the account above it.
    pub parent: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Account {
    /// The database's number of it.
    #[serde(skip)]
    pub id: i64,
    /// Its reference number.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// [`Kind::word`].
    pub kind: String,
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self { id: row.id, reference: row.reference, name: row.name, kind: row.kind }
    }
}

/// Creates an account; `by` is who does it, `at` now in milliseconds since 1970.
///
/// # Errors
/// A field that is missing or too long; a reference number that is taken; a parent that is not there; the database's.
pub async fn create(store: &Store, new: &NewAccount, (by, at): (&str, i64)) -> Result<Account, Failure> {
    let reference = text("reference number", &new.reference, 40)?;
    let name = text("name", &new.name, 200)?;
    let tx = store.write().await?;
    let parent_id = match &new.parent {
        Some(parent) => Some(find(&tx, parent).await?.id),
        None => None,
    };
    let row = account::ActiveModel {
        reference: Set(reference.clone()),
        name: Set(name),
        kind: Set(new.kind.word().to_owned()),
        parent_id: Set(parent_id),
        created_at: Set(at),
        ..Default::default()
    };
    let made = match account::Entity::insert(row).exec_with_returning(&tx).await {
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            return Err(Refusal::AccountExists(reference).into());
        }
        made => Account::from(made?),
    };
    let more = json!({ "account": made, "parent": new.parent });
    log::append(&tx, at, by, "account created", more).await?;
    tx.commit().await?;
    Ok(made)
}

/// What can be changed of an account; its reference number stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name, up to 200 characters.
    pub name: String,
    /// What it is to the publisher.
    pub kind: Kind,
    /// The reference number of the account above it.
    pub parent: Option<String>,
}

/// An account as it is changed: with the one above it, and which state of it this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Whole {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// The reference number of the account above it.
    pub parent: Option<String>,
    /// Another one after each change; a change names the one that was seen.
    pub version: String,
}

/// The account with the one above it. Whoever is of the account itself does not reach that one: show it to the publisher's staff.
///
/// # Errors
/// [`Refusal::UnknownAccount`]; the database's.
pub async fn whole(db: &impl ConnectionTrait, account: &Account) -> Result<Whole, Failure> {
    let row = account::Entity::find_by_id(account.id).one(db).await?;
    let row = row.ok_or_else(|| Refusal::UnknownAccount(account.reference.clone()))?;
    let parent = match row.parent_id {
        Some(id) => Some(by_id(db, id).await?.reference),
        None => None,
    };
    let state = json!([row.name, row.kind, row.parent_id]).to_string();
    let version = digest(state.as_bytes()).chars().take(16).collect();
    Ok(Whole { account: row.into(), parent, version })
}

/// Changes an account, if it is still the version that the editor saw. `by` is who does it, `at` now in milliseconds since 1970.
///
/// # Errors
/// A name that is missing or too long; an account above it that is not there; [`Refusal::Circle`]; [`Refusal::ChangedMeanwhile`]; the
/// database's.
pub async fn edit(
    store: &Store,
    account: &Account,
    version: &str,
    change: &Change,
    (by, at): (&str, i64),
) -> Result<Whole, Failure> {
    let name = text("name", &change.name, 200)?;
    let tx = store.write().await?;
    let was = whole(&tx, account).await?;
    let more = json!({
        "account": account.reference, "name": name, "kind": change.kind, "parent": change.parent,
        "was": { "name": was.account.name, "kind": was.account.kind, "parent": was.parent },
    });
    // Changes of accounts wait for each other at the log's head: two that are right alone could close a circle together.
    log::append(&tx, at, by, "account changed", more).await?;
    if whole(&tx, account).await?.version != version {
        return Err(Refusal::ChangedMeanwhile(account.reference.clone()).into());
    }
    let parent_id = match &change.parent {
        Some(parent) => Some(above(&tx, account, &find(&tx, parent).await?).await?),
        None => None,
    };
    let row = account::ActiveModel {
        id: Set(account.id),
        name: Set(name),
        kind: Set(change.kind.word().to_owned()),
        parent_id: Set(parent_id),
        ..Default::default()
    };
    account::Entity::update(row).exec(&tx).await?;
    let made = whole(&tx, account).await?;
    tx.commit().await?;
    Ok(made)
}

/// The account may stand under that one: neither is it the account itself, nor under it.
async fn above(db: &impl ConnectionTrait, account: &Account, parent: &Account) -> Result<i64, Failure> {
    let (mut next, mut seen) = (Some(parent.id), BTreeSet::new());
    while let Some(id) = next.filter(|id| seen.insert(*id)) {
        if id == account.id {
            let (account, parent) = (account.reference.clone(), parent.reference.clone());
            return Err(Refusal::Circle { account, parent }.into());
        }
        next = account::Entity::find_by_id(id).one(db).await?.and_then(|row| row.parent_id);
    }
    Ok(parent.id)
}

/// The account with that reference number.
///
/// # Errors
/// [`Refusal::UnknownAccount`]; the database's.
pub async fn find(db: &impl ConnectionTrait, reference: &str) -> Result<Account, Failure> {
    let found =
        account::Entity::find().filter(account::Column::Reference.eq(reference.trim())).one(db).await?;
    Ok(found.ok_or_else(|| Refusal::UnknownAccount(reference.trim().to_owned()))?.into())
}

/// The account with the database's number.
///
/// # Errors
/// [`Refusal::UnknownAccount`]; the database's.
pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Account, Failure> {
    let found = account::Entity::find_by_id(id).one(db).await?;
    Ok(found.ok_or_else(|| Refusal::UnknownAccount(id.to_string()))?.into())
}

/// The reference numbers of accounts by the database's.
///
/// # Errors
/// The database's.
pub(crate) async fn references(
    db: &impl ConnectionTrait,
    ids: BTreeSet<i64>,
) -> Result<BTreeMap<i64, String>, Failure> {
    let rows = account::Entity::find().filter(account::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.reference)).collect())
}

/// Accounts whose name or reference number contains the text, by name: how many there are, and one page of them, counted
/// from 0.
///
/// # Errors
/// The database's.
pub async fn search(
    store: &Store,
    text: &str,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Account>), Failure> {
    search_within(store, None, text, page, per_page).await
}

/// Accounts directly under one, for example a service provider's tenants, as [`search`] gives them.
///
/// # Errors
/// The database's.
pub async fn under(
    store: &Store,
    account: &Account,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Account>), Failure> {
    let within = account::Column::ParentId.eq(account.id);
    search_within(store, Some(within), "", page, per_page).await
}

/// As [`search`], among those only that the condition lets through.
pub(crate) async fn search_within(
    store: &Store,
    within: Option<SimpleExpr>,
    text: &str,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Account>), Failure> {
    let mut query =
        account::Entity::find().order_by_asc(account::Column::Name).order_by_asc(account::Column::Id);
    if let Some(within) = within {
        query = query.filter(within);
    }
    if !text.is_empty() {
        let found = account::Column::Name.contains(text).or(account::Column::Reference.contains(text));
        query = query.filter(found);
    }
    let pages = query.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, rows.into_iter().map(Account::from).collect()))
}
