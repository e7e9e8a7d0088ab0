//! Requests that programs name (`Idempotency-Key`), for what has no number of its own: done once however often they are sent, in the
//! transaction that does it. The same name with something else asked is a mistake, and told. Does nothing itself.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::catalogues::digest;
use crate::entity::request_once;
use crate::{Failure, Refusal};

/// What was asked longer ago is forgotten: 30 days, in milliseconds.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;

/// A named request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    key: String,
    digest: String,
}

impl Once {
    /// A request with that name, for what was asked with it.
    #[must_use]
    pub fn new(key: String, asked: &impl Serialize) -> Self {
        let text = serde_json::to_string(asked).unwrap_or_default();
        Self { key, digest: digest(text.as_bytes()) }
    }

    /// Its name, among those of everybody.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What came of it, if it was done before.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`]; the database's.
    pub(crate) async fn before<T: DeserializeOwned>(
        &self,
        db: &impl ConnectionTrait,
    ) -> Result<Option<T>, Failure> {
        let named = request_once::Entity::find().filter(request_once::Column::Key.eq(&self.key));
        let Some(row) = named.one(db).await? else { return Ok(None) };
        if row.digest != self.digest {
            return Err(Refusal::KeyReused.into());
        }
        Ok(serde_json::from_str(&row.answer).ok())
    }

    /// Keeps what came of it. Of two at once the second one fails as the database does, and asks again.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn keep(
        &self,
        db: &impl ConnectionTrait,
        answer: &impl Serialize,
        at: i64,
    ) -> Result<(), Failure> {
        let forgotten = request_once::Column::AskedAt.lt(at - KEPT);
        request_once::Entity::delete_many().filter(forgotten).exec(db).await?;
        let row = request_once::ActiveModel {
            key: Set(self.key.clone()),
            digest: Set(self.digest.clone()),
            answer: Set(serde_json::to_string(answer).unwrap_or_default()),
            asked_at: Set(at),
            ..Default::default()
        };
        request_once::Entity::insert(row).exec_without_returning(db).await?;
        Ok(())
    }
}
