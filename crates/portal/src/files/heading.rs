//! What stands over the lines of a license file: its license reference number, its serial number and generation, and through which day
//! maintenance is paid.

use grantor_catalogue::Catalogue;
use grantor_license::parse;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, Select,
};
use sha2::{Digest, Sha256};

use super::make::Request;
use super::types;
use crate::Failure;
use crate::catalogues::digest;
use crate::entity::{edition, file, order, order_line};
use crate::lrn::Lrn;
use crate::sites::Site;

/// A file and those that take its place have one serial number, and count on. Servers never go back to an earlier one.
pub(super) fn generation(replaced: Option<&file::Model>, key: Option<&str>) -> Option<(String, u32)> {
    match (replaced, key) {
        (Some(row), _) => Some((serial_of(row), u32::try_from(row.generation + 1).unwrap_or(u32::MAX))),
        (None, key) => key.map(|key| (serial(key), 1)),
    }
}

/// The serial number that a file has.
pub(crate) fn serial_of(row: &file::Model) -> String {
    let document = parse("license", row.unsigned.as_bytes()).document;
    let serials = document.statements().iter().filter_map(|statement| match &statement.body {
        grantor_license::Body::License(line) => Some(line.serial.clone()),
        _ => None,
    });
    let found = serials.into_iter().find(|serial| !serial.is_empty());
    found.unwrap_or_else(|| serial(&row.request))
}

/// A serial number that no other request has.
fn serial(key: &str) -> String {
    digest(key.as_bytes()).chars().take(16).collect()
}

/// A file keeps its number through all updates. A new one has that of the order that is activated, or else of the site's first order
/// of one of its parts, as long as no other file has it: lines of two files with one number would count once on a server, and
/// the end of one would be the end of the other. Then it has a number of its own.
pub(super) async fn lrn(
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    catalogue: &Catalogue,
    (replaced, activated): (Option<&file::Model>, Option<&str>),
) -> Result<String, Failure> {
    if let Some(replaced) = replaced {
        return Ok(replaced.lrn.clone());
    }
    let of_type = catalogue.license_types.get(&request.selection.license_type);
    // Nobody ordered it.
    if of_type.is_some_and(|of_type| of_type.partners_only || of_type.not_owned) {
        return own(tx, request).await;
    }
    let orders = orders(request, catalogue);
    let orders = match activated {
        Some(lrn) => orders.filter(order::Column::Lrn.eq(lrn)),
        None => orders,
    };
    if orders.clone().one(tx).await?.is_none() {
        return Err(Failure::field("part", "the site has no order of what is chosen"));
    }
    let in_no_file = Expr::exists(files_with_its_number(request.site)).not();
    match orders.filter(in_no_file).one(tx).await? {
        Some(row) => Ok(row.lrn),
        None => own(tx, request).await,
    }
}

/// The site's orders of what is chosen, the first one first.
fn orders(request: &Request<'_>, catalogue: &Catalogue) -> Select<order::Entity> {
    let parts = types::ordered_as(catalogue, request.selection);
    let of_parts = Query::select()
        .column(order_line::Column::OrderId)
        .from(order_line::Entity)
        .and_where(order_line::Column::Part.is_in(parts))
        .and_where(order_line::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)))
        .to_owned();
    order::Entity::find()
        .filter(order::Column::SiteId.eq(request.site.id))
        // Not `in`: SQLite would gather all orders of these parts first, of every account.
        .filter(Expr::exists(of_parts))
        .order_by_asc(order::Column::Id)
}

/// Files of the site that have the order's license reference number, for a condition on `orders`.
fn files_with_its_number(site: &Site) -> SelectStatement {
    Query::select()
        .column(file::Column::Id)
        .from(file::Entity)
        .and_where(file::Column::SiteId.into_expr().eq(site.id))
        .and_where(file::Column::Lrn.into_expr().equals((order::Entity, order::Column::Lrn)))
        .to_owned()
}

/// A number that no order has: the same until the site has another file, so that a preview shows it.
async fn own(db: &impl ConnectionTrait, request: &Request<'_>) -> Result<String, Failure> {
    let Request { account, site, today, selection, .. } = request;
    let files = file::Entity::find().filter(file::Column::SiteId.eq(site.id)).count(db).await?;
    let machine = &selection.machine.host_id;
    let digest = Sha256::digest(format!("{}\n{}\n{machine}\n{today}\n{files}", account.reference, site.id));
    let bits = digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte));
    Ok(Lrn::from_random(bits).to_string())
}

/// Through which day the site's maintenance of a product is paid, by any of its orders.
pub(super) async fn maintenance(
    tx: &DatabaseTransaction,
    site: &Site,
    catalogue: &str,
) -> Result<Option<Date>, Failure> {
    let of_product = Query::select()
        .column(order_line::Column::OrderId)
        .from(order_line::Entity)
        .inner_join(
            edition::Entity,
            Expr::col((edition::Entity, edition::Column::Id))
                .equals((order_line::Entity, order_line::Column::EditionId)),
        )
        .and_where(Expr::col((edition::Entity, edition::Column::Catalogue)).eq(catalogue))
        .and_where(order_line::Column::OrderId.into_expr().equals((order::Entity, order::Column::Id)))
        .to_owned();
    let last = order::Entity::find()
        .filter(order::Column::SiteId.eq(site.id))
        .filter(order::Column::MaintenanceUntil.is_not_null())
        .filter(Expr::exists(of_product))
        .order_by_desc(order::Column::MaintenanceUntil)
        .one(tx)
        .await?;
    Ok(last.and_then(|row| row.maintenance_until).and_then(|day| day.parse().ok()))
}
