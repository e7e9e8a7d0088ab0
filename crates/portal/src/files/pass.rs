//! Making a file, or only looking at what would come of it: what a preview takes for ended and given back, without changing or
//! locking anything.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::id_of;
use super::make::spent;
use crate::accounts::Account;
use crate::entitlements::{Spent, Way};
use crate::entity::file;
use crate::{Failure, Refusal};

/// How a request is gone through.
pub(super) struct Pass {
    /// Only to show what would come of it: nothing is locked or changed. What the file with that number of the database gives back
    /// is there, by its entitlements, and the file itself counts no more. `None`: for good.
    look: Option<(Option<i64>, BTreeMap<i64, i64>)>,
    /// Quantities through this day are taken first.
    first: Option<String>,
}

impl Pass {
    /// For good.
    pub(super) fn make() -> Self {
        Self { look: None, first: None }
    }

    /// The same, taking quantities through that day first.
    pub(super) fn first(self, first: Option<String>) -> Self {
        Self { first, ..self }
    }

    /// How quantities are taken.
    pub(super) fn way(&self) -> Way<'_> {
        let first = self.first.as_deref();
        Way { back: self.look.as_ref().map(|(_, back)| back), first }
    }

    /// A file that counts as ended, though it is active still.
    pub(super) fn without(&self) -> i64 {
        self.look.as_ref().and_then(|(id, _)| *id).unwrap_or(0)
    }

    /// Whether others have to wait.
    pub(super) fn locks(&self) -> bool {
        self.look.is_none()
    }
}

/// Begins a preview: the file that would be replaced, if there is one, and what it would give back.
pub(super) async fn look(
    tx: &DatabaseTransaction,
    account: &Account,
    replaces: Option<&str>,
) -> Result<(Option<file::Model>, Pass), Failure> {
    let Some(number) = replaces else { return Ok((None, looking(None, BTreeMap::new()))) };
    let row = as_if_ended(tx, account, number).await?;
    let back = back(&spent(tx, row.id).await?);
    let id = row.id;
    Ok((Some(row), looking(Some(id), back)))
}

fn looking(without: Option<i64>, back: BTreeMap<i64, i64>) -> Pass {
    Pass { look: Some((without, back)), first: None }
}

/// An active file that a preview takes for ended.
async fn as_if_ended(
    tx: &DatabaseTransaction,
    account: &Account,
    number: &str,
) -> Result<file::Model, Failure> {
    let unknown = || Refusal::UnknownFile(number.to_owned());
    let id = id_of(number).ok_or_else(unknown)?;
    let row = file::Entity::find_by_id(id).filter(file::Column::AccountId.eq(account.id)).one(tx).await?;
    let row = row.ok_or_else(unknown)?;
    if row.active { Ok(row) } else { Err(Refusal::FileEnded(number.to_owned()).into()) }
}

/// What was spent, by entitlements.
fn back(spent: &[Spent]) -> BTreeMap<i64, i64> {
    let mut back = BTreeMap::new();
    for one in spent {
        *back.entry(one.entitlement).or_default() += i64::from(one.quantity);
    }
    back
}
