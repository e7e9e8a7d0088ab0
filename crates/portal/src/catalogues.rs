//! Catalogues in editions: what was ever sold stays readable, and the latest edition is what is sold today.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use grantor_catalogue::Catalogue;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};

use crate::entity::edition;
use crate::store::Store;
use crate::{Failure, Refusal};

/// A catalogue in one edition.
#[derive(Debug, Clone)]
pub struct Edition {
    /// The database's number of it; orders keep it.
    pub id: i64,
    /// What it says.
    pub catalogue: Catalogue,
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Loads an edition of the catalogue `name`; the same text twice is the same edition. `at` is now, in milliseconds since 1970.
///
/// # Errors
/// [`Refusal::Catalogue`] with every mistake; the database's.
pub async fn load(store: &Store, name: &str, text: &str, at: i64) -> Result<Edition, Failure> {
    let catalogue = read(name, text)?;
    let row = edition::ActiveModel {
        catalogue: Set(name.to_owned()),
        edition: Set(catalogue.edition.clone()),
        digest: Set(digest(text.as_bytes())),
        text: Set(text.to_owned()),
        loaded_at: Set(at),
        ..Default::default()
    };
    let same = OnConflict::columns([edition::Column::Catalogue, edition::Column::Digest])
        .update_column(edition::Column::LoadedAt)
        .to_owned();
    let row = edition::Entity::insert(row).on_conflict(same).exec_with_returning(store.read()).await?;
    Ok(Edition { id: row.id, catalogue })
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
pub async fn current(db: &impl ConnectionTrait) -> Result<BTreeMap<String, Edition>, Failure> {
    let rows = edition::Entity::find()
        .order_by_asc(edition::Column::LoadedAt)
        .order_by_asc(edition::Column::Id)
        .all(db)
        .await?;
    let latest: BTreeMap<String, edition::Model> =
        rows.into_iter().map(|row| (row.catalogue.clone(), row)).collect();
    latest.into_iter().map(|(name, row)| opened(&row).map(|edition| (name, edition))).collect()
}

/// The edition with that number.
///
/// # Errors
/// The database's.
pub async fn edition(db: &impl ConnectionTrait, id: i64) -> Result<Option<Edition>, Failure> {
    let row = edition::Entity::find().filter(edition::Column::Id.eq(id)).one(db).await?;
    row.map(|row| opened(&row)).transpose()
}

fn opened(row: &edition::Model) -> Result<Edition, Failure> {
    Ok(Edition { id: row.id, catalogue: read(&row.catalogue, &row.text)? })
}
