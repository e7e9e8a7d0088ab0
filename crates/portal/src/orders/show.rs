//! Looking orders up: of an account or of all, and one with its lines.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::Serialize;

use crate::entitlements::Part;
use crate::entity::{account, edition, order, order_line, site};
use crate::store::Store;
use crate::{Failure, Refusal};

/// A booked order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BookedOrder {
    /// The database's number of it.
    #[serde(skip)]
    pub id: i64,
    /// Its number in the publisher's books.
    pub number: String,
    /// Its license reference number.
    pub lrn: String,
    /// The reference number of the account that uses it.
    pub account: String,
    /// The name of that account.
    pub account_name: String,
    /// The name of the account that is invoiced.
    pub sold_to: String,
    /// The install site's name.
    pub site: String,
    /// Perpetual, term or subscription.
    pub term: String,
    /// Through which day, `yyyy-mm-dd`.
    pub last_day: String,
    /// Through which day maintenance is paid, `yyyy-mm-dd`.
    pub maintenance_until: Option<String>,
    /// Who booked it.
    pub placed_by: String,
    /// When, in milliseconds since 1970.
    pub placed_at: i64,
}

impl BookedOrder {
    /// The day it was booked, in UTC.
    #[must_use]
    pub fn booked_on(&self) -> String {
        let day = jiff::Timestamp::from_millisecond(self.placed_at);
        day.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OrderLine {
    /// Which part.
    #[serde(flatten)]
    pub part: Part,
    /// The catalogue's edition at that time.
    pub edition: String,
    /// How many.
    pub quantity: u32,
}

/// What a list of orders is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// When it was booked.
    #[default]
    Placed,
    /// Its number.
    Number,
    /// Its license reference number.
    Lrn,
    /// The install site's name.
    Site,
    /// The name of the account that is invoiced.
    SoldTo,
    /// How long it is for.
    Term,
    /// Its last day.
    LastDay,
    /// Through which day maintenance is paid; those without first.
    Maintenance,
}

/// The latest first.
pub const LATEST: (Sort, bool) = (Sort::Placed, true);

impl Sort {
    fn expression(self) -> SimpleExpr {
        let own = |column: order::Column| Expr::col((order::Entity, column));
        match self {
            Self::Placed => own(order::Column::PlacedAt),
            Self::Number => own(order::Column::Folded),
            Self::Lrn => own(order::Column::Lrn),
            Self::Site => Expr::cust("(select name from sites where sites.id = orders.site_id)"),
            Self::SoldTo => Expr::cust("(select name from accounts where accounts.id = orders.sold_to_id)"),
            Self::Term => own(order::Column::Term),
            Self::LastDay => own(order::Column::LastDay),
            // Each database has a place of its own for what is not there.
            Self::Maintenance => Expr::cust("coalesce(maintenance_until, '')"),
        }
    }
}

/// Orders in the wanted order, falling or rising: all, or an account's with this in their number or license reference number. Gives
/// how many there are, and one page of them, counted from 0; those that are equal in what they are sorted by, the latest first. Among
/// all, [`search()`](super::search()) looks for a text.
///
/// # Errors
/// The database's.
pub async fn list(
    store: &Store,
    account: Option<i64>,
    text: &str,
    (sort, falling): (Sort, bool),
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<BookedOrder>), Failure> {
    let wanted = if falling { Order::Desc } else { Order::Asc };
    let query = order::Entity::find().order_by(sort.expression(), wanted.clone());
    let mut query = match sort {
        Sort::Placed => query.order_by(order::Column::Id, wanted),
        _ => query.order_by_desc(order::Column::PlacedAt).order_by_desc(order::Column::Id),
    };
    if let Some(account) = account {
        query = query.filter(order::Column::AccountId.eq(account));
    }
    if !text.is_empty() {
        query = query.filter(
            order::Column::Number.contains(text).or(order::Column::Lrn.contains(text.to_uppercase())),
        );
    }
    let pages = query.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, named(store.read(), rows).await?))
}

/// Rows with the names that they refer to.
pub(super) async fn named(
    db: &impl ConnectionTrait,
    rows: Vec<order::Model>,
) -> Result<Vec<BookedOrder>, Failure> {
    let ids: BTreeSet<i64> = rows.iter().flat_map(|row| [row.account_id, row.sold_to_id]).collect();
    let accounts = account::Entity::find().filter(account::Column::Id.is_in(ids)).all(db).await?;
    let accounts: BTreeMap<i64, (String, String)> =
        accounts.into_iter().map(|row| (row.id, (row.reference, row.name))).collect();
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.site_id).collect();
    let sites = site::Entity::find().filter(site::Column::Id.is_in(ids)).all(db).await?;
    let sites: BTreeMap<i64, String> = sites.into_iter().map(|row| (row.id, row.name)).collect();
    let account = |id: i64| accounts.get(&id).cloned().unwrap_or_default();
    let shown = rows.into_iter().map(|row| BookedOrder {
        id: row.id,
        number: row.number,
        lrn: row.lrn,
        account: account(row.account_id).0,
        account_name: account(row.account_id).1,
        sold_to: account(row.sold_to_id).1,
        site: sites.get(&row.site_id).cloned().unwrap_or_default(),
        term: row.term,
        last_day: row.last_day,
        maintenance_until: row.maintenance_until,
        placed_by: row.placed_by,
        placed_at: row.placed_at,
    });
    Ok(shown.collect())
}

/// An account's order and its lines.
///
/// # Errors
/// [`Refusal::UnknownOrder`], also for those of other accounts; the database's.
pub async fn one(
    store: &Store,
    account: i64,
    number: &str,
) -> Result<(BookedOrder, Vec<OrderLine>), Failure> {
    let found = order::Entity::find()
        .filter(order::Column::AccountId.eq(account))
        .filter(order::Column::Number.eq(number))
        .one(store.read())
        .await?;
    let row = found.ok_or_else(|| Refusal::UnknownOrder(number.to_owned()))?;
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(row.id))
        .order_by_asc(order_line::Column::Position)
        .all(store.read())
        .await?;
    let editions = editions(store.read()).await?;
    let line = |line: order_line::Model| {
        let (catalogue, edition) = editions.get(&line.edition_id).cloned().unwrap_or_default();
        let quantity = u32::try_from(line.quantity).unwrap_or(u32::MAX);
        OrderLine { part: Part { catalogue, number: line.part }, edition, quantity }
    };
    let order = named(store.read(), vec![row]).await?.into_iter().next();
    let order = order.ok_or_else(|| Refusal::UnknownOrder(number.to_owned()))?;
    Ok((order, lines.into_iter().map(line).collect()))
}

/// Catalogue and edition by the database's number.
async fn editions(db: &impl ConnectionTrait) -> Result<BTreeMap<i64, (String, String)>, Failure> {
    use edition::Column::{Catalogue, Edition, Id};
    let rows: Vec<(i64, String, String)> =
        edition::Entity::find().select_only().columns([Id, Catalogue, Edition]).into_tuple().all(db).await?;
    Ok(rows.into_iter().map(|(id, catalogue, edition)| (id, (catalogue, edition))).collect())
}

/// Whom each of an account's parts was sold to.
///
/// # Errors
/// The database's.
pub async fn sold_to(
    db: &impl ConnectionTrait,
    account: i64,
) -> Result<BTreeMap<Part, BTreeSet<String>>, Failure> {
    let of_account = order::Column::AccountId.eq(account);
    let rows: Vec<(i64, String, i64)> = order_line::Entity::find()
        .select_only()
        .column(order_line::Column::EditionId)
        .column(order_line::Column::Part)
        .column(order::Column::SoldToId)
        .inner_join(order::Entity)
        .filter(of_account)
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.2).collect();
    let names = account::Entity::find().filter(account::Column::Id.is_in(ids)).all(db).await?;
    let names: BTreeMap<i64, String> = names.into_iter().map(|row| (row.id, row.name)).collect();
    let editions = editions(db).await?;
    let mut sold: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
    for (edition, number, to) in rows {
        let catalogue = editions.get(&edition).map(|(name, _)| name.clone()).unwrap_or_default();
        sold.entry(Part { catalogue, number }).or_default().extend(names.get(&to).cloned());
    }
    Ok(sold)
}
