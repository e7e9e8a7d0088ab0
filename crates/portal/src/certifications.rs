//! Certifications: only people who hold a current one for a product generate its files (seed 002, "Who Can Generate Licenses").

use std::collections::BTreeMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use crate::entity::certification;
use crate::people::{Actor, Person};
use crate::store::Store;
use crate::{Failure, Refusal, catalogues, log};

/// Enters a certification through `last_day` (`yyyy-mm-dd`); the same product again changes its day.
///
/// # Errors
/// A product that is not sold, a day that is none; the database's.
pub async fn enter(
    store: &Store,
    person: &Person,
    catalogue: &str,
    last_day: &str,
    (by, at): (&str, i64),
) -> Result<(), Failure> {
    let day: jiff::civil::Date = last_day.trim().parse().map_err(|_| {
        Failure::field("last day", format!("`{}` is no day such as 2027-12-31", last_day.trim()))
    })?;
    let tx = store.write().await?;
    if !catalogues::current(store, &tx).await?.contains_key(catalogue) {
        return Err(Failure::field("product", format!("there is no catalogue `{catalogue}`")));
    }
    let row = certification::ActiveModel {
        person_id: Set(person.id),
        catalogue: Set(catalogue.to_owned()),
        last_day: Set(day.to_string()),
        ..Default::default()
    };
    let again = OnConflict::columns([certification::Column::PersonId, certification::Column::Catalogue])
        .update_column(certification::Column::LastDay)
        .to_owned();
    certification::Entity::insert(row).on_conflict(again).exec_without_returning(&tx).await?;
    let more = json!({ "mail": person.mail, "product": catalogue, "last_day": day.to_string() });
    log::append(&tx, at, by, "certification entered", more).await?;
    tx.commit().await?;
    Ok(())
}

/// The person's certifications by product: through which day, `yyyy-mm-dd`.
///
/// # Errors
/// The database's.
pub async fn of(db: &impl ConnectionTrait, person: i64) -> Result<BTreeMap<String, String>, Failure> {
    let rows = certification::Entity::find()
        .filter(certification::Column::PersonId.eq(person))
        .order_by_asc(certification::Column::Catalogue)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.catalogue, row.last_day)).collect())
}

/// Lets those pass only who may generate files of the product `today`, `yyyy-mm-dd`.
///
/// # Errors
/// [`Refusal::NotCertified`]; the database's.
pub(crate) async fn required(
    db: &impl ConnectionTrait,
    actor: Actor<'_>,
    catalogue: &str,
    today: &str,
) -> Result<(), Failure> {
    let Actor::Person(person) = actor else { return Ok(()) };
    let current = of(db, person.id).await?.remove(catalogue).is_some_and(|day| day.as_str() >= today);
    if current {
        return Ok(());
    }
    Err(Refusal::NotCertified { person: person.name.clone(), product: catalogue.to_owned() }.into())
}
