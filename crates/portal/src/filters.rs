//! Filters that people saved under a name, for one page each.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Failure;
use crate::entity::saved_filter;
use crate::people::Person;
use crate::refusal::text;
use crate::store::Store;

/// Characters of a query, at most.
const QUERY: usize = 2000;
/// Filters that one person may keep for one page.
const MOST: usize = 50;

/// A saved filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// The database's number of it.
    pub id: i64,
    /// What the person calls it.
    pub name: String,
    /// The page's query, with its question mark.
    pub query: String,
}

/// Saves a filter; the same name again changes it.
///
/// # Errors
/// A name that is missing or too long, too many of them; the database's.
pub async fn save(
    store: &Store,
    person: &Person,
    page: &str,
    name: &str,
    query: &str,
) -> Result<(), Failure> {
    let (name, query) = (text("name", name, 80)?, text("filter", query, QUERY)?);
    let kept = list(store, person, page).await?;
    if kept.len() >= MOST && kept.iter().all(|one| one.name != name) {
        return Err(Failure::field("name", format!("there are {MOST} filters already; remove one")));
    }
    let row = saved_filter::ActiveModel {
        person_id: Set(person.id),
        page: Set(page.to_owned()),
        name: Set(name),
        query: Set(query),
        ..Default::default()
    };
    use saved_filter::Column::{Name, Page, PersonId, Query};
    let again = OnConflict::columns([PersonId, Page, Name]).update_column(Query).to_owned();
    saved_filter::Entity::insert(row).on_conflict(again).exec_without_returning(store.read()).await?;
    Ok(())
}

/// A person's filters for a page, by name.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, person: &Person, page: &str) -> Result<Vec<SavedFilter>, Failure> {
    let rows = saved_filter::Entity::find()
        .filter(saved_filter::Column::PersonId.eq(person.id))
        .filter(saved_filter::Column::Page.eq(page))
        .order_by_asc(saved_filter::Column::Name)
        .all(store.read())
        .await?;
    Ok(rows.into_iter().map(|row| SavedFilter { id: row.id, name: row.name, query: row.query }).collect())
}

/// Removes one of a person's filters.
///
/// # Errors
/// The database's.
pub async fn remove(store: &Store, person: &Person, id: i64) -> Result<(), Failure> {
    saved_filter::Entity::delete_many()
        .filter(saved_filter::Column::PersonId.eq(person.id))
        .filter(saved_filter::Column::Id.eq(id))
        .exec(store.read())
        .await?;
    Ok(())
}
