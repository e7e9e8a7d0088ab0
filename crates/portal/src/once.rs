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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{KEPT, Once};
    use crate::store::Store;
    use crate::{Failure, Refusal};

    #[tokio::test]
    async fn a_named_request_is_known_for_thirty_days_and_another_one_of_its_name_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("portal.db")).await.unwrap();
        let db = store.read();
        let named = |asked: u32| Once::new("1/api-test/name".to_owned(), &asked);
        assert_eq!(named(1).before::<String>(db).await.unwrap(), None);
        named(1).keep(db, &"done", 0).await.unwrap();
        assert_eq!(named(1).before::<String>(db).await.unwrap().as_deref(), Some("done"));
        let other = named(2).before::<String>(db).await.unwrap_err();
        assert!(matches!(other, Failure::Refused(Refusal::KeyReused)), "{other}");
        let later = Once::new("1/api-test/later".to_owned(), &1);
        later.keep(db, &"done", KEPT).await.unwrap();
        assert!(named(1).before::<String>(db).await.unwrap().is_some(), "to the day");
        Once::new("1/api-test/last".to_owned(), &1).keep(db, &"done", KEPT + 1).await.unwrap();
        assert_eq!(named(1).before::<String>(db).await.unwrap(), None);
    }
}
