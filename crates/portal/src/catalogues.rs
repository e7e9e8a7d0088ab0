//! Catalogues in editions: what was ever sold stays readable, and the latest edition is what is sold today.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use grantor_catalogue::Catalogue;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::entity::edition;
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// A catalogue in one edition.
#[derive(Debug, Clone)]
pub struct Edition {
    /// The database's number of it; orders keep it.
    pub id: i64,
    /// What it says.
    pub catalogue: Arc<Catalogue>,
}

/// An edition that was loaded once, without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Kept {
    /// The database's number of it.
    pub id: i64,
    /// What it calls itself.
    pub edition: String,
    /// When it was loaded last, in milliseconds since 1970.
    pub loaded_at: i64,
}

/// Every edition of the catalogue that was loaded, the latest first: orders keep theirs.
///
/// # Errors
/// The database's.
pub async fn kept(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Kept>, Failure> {
    let rows: Vec<(i64, String, i64)> = edition::Entity::find()
        .select_only()
        .columns([edition::Column::Id, edition::Column::Edition, edition::Column::LoadedAt])
        .filter(edition::Column::Catalogue.eq(name))
        .order_by_desc(edition::Column::LoadedAt)
        .order_by_desc(edition::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, edition, loaded_at)| Kept { id, edition, loaded_at }).collect())
}

/// One of a catalogue's editions: that with the number, or the latest; nothing if the catalogue has none such.
///
/// # Errors
/// The database's.
pub async fn one(
    store: &Store,
    name: &str,
    id: Option<i64>,
) -> Result<Option<(Edition, Vec<Kept>)>, Failure> {
    let kept = kept(store.read(), name).await?;
    let found = kept.iter().find(|one| id.is_none_or(|id| one.id == id)).map(|one| one.id);
    let Some(id) = found else { return Ok(None) };
    Ok(edition(store, store.read(), id).await?.map(|edition| (edition, kept)))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Loads an edition of the catalogue `name`, and logs it; the same text twice is the same edition. `by` is who does it, `at` now, in
/// milliseconds since 1970.
///
/// # Errors
/// [`Refusal::Catalogue`] with every mistake; the database's.
pub async fn load(store: &Store, name: &str, text: &str, (by, at): (&str, i64)) -> Result<Edition, Failure> {
    let catalogue = read(name, text)?;
    let sha256 = digest(text.as_bytes());
    let row = edition::ActiveModel {
        catalogue: Set(name.to_owned()),
        edition: Set(catalogue.edition.clone()),
        digest: Set(sha256.clone()),
        text: Set(text.to_owned()),
        loaded_at: Set(at),
        ..Default::default()
    };
    let same = OnConflict::columns([edition::Column::Catalogue, edition::Column::Digest])
        .update_column(edition::Column::LoadedAt)
        .to_owned();
    let tx = store.write().await?;
    let row = edition::Entity::insert(row).on_conflict(same).exec_with_returning(&tx).await?;
    let more = json!({ "catalogue": name, "edition": catalogue.edition, "sha256": sha256 });
    log::append(&tx, at, by, "catalogue loaded", more).await?;
    tx.commit().await?;
    Ok(Edition { id: row.id, catalogue: Arc::new(catalogue) })
}

fn read(name: &str, text: &str) -> Result<Catalogue, Failure> {
    Catalogue::parse(name, text).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refusal::Catalogue(lines.join("\n")).into()
    })
}

/// The latest edition of every catalogue, by name.
///
/// # Errors
/// The database's.
pub async fn current(store: &Store, db: &impl ConnectionTrait) -> Result<BTreeMap<String, Edition>, Failure> {
    let rows: Vec<(String, i64)> = edition::Entity::find()
        .select_only()
        .columns([edition::Column::Catalogue, edition::Column::Id])
        .order_by_asc(edition::Column::LoadedAt)
        .order_by_asc(edition::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let latest: BTreeMap<String, i64> = rows.into_iter().collect();
    let mut current = BTreeMap::new();
    for (name, id) in latest {
        current.extend(edition(store, db, id).await?.map(|edition| (name, edition)));
    }
    Ok(current)
}

/// The edition with that number.
///
/// # Errors
/// The database's.
pub async fn edition(store: &Store, db: &impl ConnectionTrait, id: i64) -> Result<Option<Edition>, Failure> {
    let known = store.catalogues.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    if let Some(catalogue) = known {
        return Ok(Some(Edition { id, catalogue }));
    }
    let Some(row) = edition::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let catalogue = Arc::new(read(&row.catalogue, &row.text)?);
    store.catalogues.lock().unwrap_or_else(PoisonError::into_inner).insert(id, catalogue.clone());
    Ok(Some(Edition { id, catalogue }))
}
