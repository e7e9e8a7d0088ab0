//! Install sites of an account: created, edited, deactivated, never deleted (seed 002, "Install Sites").

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Order, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accounts::Account;
use crate::entity::site;
use crate::refusal::{optional_text, text};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// Sites that a form lets people choose from, at most; the others are reached from the page Install Sites.
pub const CHOICES: u64 = 200;

/// What the dialog "Install Site Details" asks for. Only the name is needed; a line has up to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// Unique within the account.
    pub name: String,
    /// First line of the address.
    pub address1: String,
    /// Second line.
    pub address2: String,
    /// Third line.
    pub address3: String,
    /// City.
    pub city: String,
    /// State or province.
    pub state: String,
    /// Country.
    pub country: String,
    /// Postal code.
    pub postal_code: String,
}

/// An install site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Site {
    /// The database's number of it.
    pub id: i64,
    /// What was entered.
    #[serde(flatten)]
    pub details: Details,
    /// Nothing new is generated for one that is not.
    pub active: bool,
    /// Which change of it this is; an edit must name the one it saw.
    pub version: i64,
}

impl From<site::Model> for Site {
    fn from(row: site::Model) -> Self {
        let details = Details {
            name: row.name,
            address1: row.address1,
            address2: row.address2,
            address3: row.address3,
            city: row.city,
            state: row.state,
            country: row.country,
            postal_code: row.postal_code,
        };
        Self { id: row.id, details, active: row.active, version: row.version }
    }
}

/// The details without blanks around them, or what is wrong.
fn checked(details: &Details) -> Result<Details, Failure> {
    Ok(Details {
        name: text("name", &details.name, 200)?,
        address1: optional_text("address line 1", &details.address1, 200)?,
        address2: optional_text("address line 2", &details.address2, 200)?,
        address3: optional_text("address line 3", &details.address3, 200)?,
        city: optional_text("city", &details.city, 200)?,
        state: optional_text("state", &details.state, 200)?,
        country: optional_text("country", &details.country, 200)?,
        postal_code: optional_text("postal code", &details.postal_code, 200)?,
    })
}

fn row(details: Details) -> site::ActiveModel {
    site::ActiveModel {
        name: Set(details.name),
        address1: Set(details.address1),
        address2: Set(details.address2),
        address3: Set(details.address3),
        city: Set(details.city),
        state: Set(details.state),
        country: Set(details.country),
        postal_code: Set(details.postal_code),
        ..Default::default()
    }
}

/// Creates an active site; `by` is who does it, `at` now in milliseconds since 1970.
///
/// # Errors
/// A name that is missing or taken, a field that is too long; the database's.
pub async fn create(
    store: &Store,
    account: &Account,
    details: &Details,
    (by, at): (&str, i64),
) -> Result<Site, Failure> {
    let details = checked(details)?;
    let name = details.name.clone();
    let row =
        site::ActiveModel { account_id: Set(account.id), active: Set(true), version: Set(1), ..row(details) };
    let tx = store.write().await?;
    let made = site::Entity::insert(row).exec_with_returning(&tx).await;
    let made = Site::from(made.map_err(|error| taken(error, name))?);
    let more = json!({ "account": account.reference, "site": made });
    log::append(&tx, at, by, "site created", more).await?;
    tx.commit().await?;
    Ok(made)
}

/// Changes a site, also whether it is active, if it is still the version that the editor saw.
///
/// # Errors
/// As for [`create`]; [`Refusal::ChangedMeanwhile`]; a site of another account is unknown.
pub async fn edit(
    store: &Store,
    account: &Account,
    seen: &Site,
    details: &Details,
    active: bool,
    (by, at): (&str, i64),
) -> Result<Site, Failure> {
    let details = checked(details)?;
    let name = details.name.clone();
    let change = site::ActiveModel { active: Set(active), version: Set(seen.version + 1), ..row(details) };
    let tx = store.write().await?;
    let edited = site::Entity::update_many()
        .set(change)
        .filter(site::Column::Id.eq(seen.id))
        .filter(site::Column::AccountId.eq(account.id))
        .filter(Expr::col(site::Column::Version).eq(seen.version))
        .exec(&tx)
        .await
        .map_err(|error| taken(error, name.clone()))?;
    if edited.rows_affected == 0 {
        return Err(Refusal::ChangedMeanwhile(seen.details.name.clone()).into());
    }
    let made = find(&tx, account, &name).await?;
    let more = json!({ "account": account.reference, "was": seen.details.name, "site": made });
    log::append(&tx, at, by, "site changed", more).await?;
    tx.commit().await?;
    Ok(made)
}

fn taken(error: sea_orm::DbErr, name: String) -> Failure {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Refusal::SiteExists(name).into(),
        _ => error.into(),
    }
}

/// The account's site of that name.
///
/// # Errors
/// [`Refusal::UnknownSite`]; the database's.
pub async fn find(db: &impl ConnectionTrait, account: &Account, name: &str) -> Result<Site, Failure> {
    let found = site::Entity::find()
        .filter(site::Column::AccountId.eq(account.id))
        .filter(site::Column::Name.eq(name.trim()))
        .one(db)
        .await?;
    let unknown =
        || Refusal::UnknownSite { account: account.reference.clone(), site: name.trim().to_owned() };
    Ok(found.ok_or_else(unknown)?.into())
}

/// The account's site with the database's number; `None`: it has no such site.
///
/// # Errors
/// The database's.
pub async fn by_id(db: &impl ConnectionTrait, account: &Account, id: i64) -> Result<Option<Site>, Failure> {
    let found = site::Entity::find_by_id(id).filter(site::Column::AccountId.eq(account.id)).one(db).await?;
    Ok(found.map(Site::from))
}

/// What a list of sites is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Its name.
    #[default]
    Name,
    /// The first line of its address.
    Address,
    /// City.
    City,
    /// State or province.
    State,
    /// Country.
    Country,
    /// Postal code.
    PostalCode,
    /// Whether it is active.
    Active,
}

impl Sort {
    fn column(self) -> site::Column {
        match self {
            Self::Name => site::Column::Name,
            Self::Address => site::Column::Address1,
            Self::City => site::Column::City,
            Self::State => site::Column::State,
            Self::Country => site::Column::Country,
            Self::PostalCode => site::Column::PostalCode,
            Self::Active => site::Column::Active,
        }
    }
}

/// The account's sites with this in their name or city, in the wanted order, falling or rising: how many there are, and one page of
/// them, counted from 0. Those that are equal in it come by name.
///
/// # Errors
/// The database's.
pub async fn search(
    store: &Store,
    account: &Account,
    text: &str,
    (sort, falling): (Sort, bool),
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Site>), Failure> {
    let mut query = site::Entity::find().filter(site::Column::AccountId.eq(account.id));
    if !text.is_empty() {
        query = query.filter(site::Column::Name.contains(text).or(site::Column::City.contains(text)));
    }
    let order = if falling { Order::Desc } else { Order::Asc };
    let ordered = query.order_by(sort.column(), order).order_by_asc(site::Column::Name);
    let ordered = ordered.order_by_asc(site::Column::Id);
    let pages = ordered.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, rows.into_iter().map(Site::from).collect()))
}

/// Sites to choose from, number and name: the first [`CHOICES`] by name, and the one that is chosen. With `active`, only those that are.
///
/// # Errors
/// The database's.
pub async fn choices(
    store: &Store,
    account: &Account,
    active: bool,
    chosen: Option<i64>,
) -> Result<Vec<(i64, String)>, Failure> {
    let mut all = site::Entity::find().filter(site::Column::AccountId.eq(account.id));
    if active {
        all = all.filter(site::Column::Active.eq(true));
    }
    let named = |query: sea_orm::Select<site::Entity>| {
        let columns = query.select_only().column(site::Column::Id).column(site::Column::Name);
        columns.order_by_asc(site::Column::Name).limit(CHOICES).into_tuple::<(i64, String)>()
    };
    let mut rows = named(all.clone()).all(store.read()).await?;
    if let Some(id) = chosen.filter(|id| rows.iter().all(|row| row.0 != *id)) {
        rows.extend(named(all.filter(site::Column::Id.eq(id))).all(store.read()).await?);
    }
    Ok(rows)
}

/// The account's sites by name; with `active`, only those that are, or only those that are not.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, account: &Account, active: Option<bool>) -> Result<Vec<Site>, Failure> {
    let mut query = site::Entity::find().filter(site::Column::AccountId.eq(account.id));
    if let Some(active) = active {
        query = query.filter(site::Column::Active.eq(active));
    }
    let rows = query.order_by_asc(site::Column::Name).all(store.read()).await?;
    Ok(rows.into_iter().map(Site::from).collect())
}
