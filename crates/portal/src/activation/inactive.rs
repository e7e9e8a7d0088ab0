//! An inactive file that has a license reference number of its own, as no order's was left for it (`files/heading.rs`), becomes
//! active by that number: it stands in the file, so whoever has the file has it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{Activated, BY, needs_activation};
use crate::entity::{file, site};
use crate::files::{self, Leave, Request, Selection};
use crate::people::Actor;
use crate::store::Store;
use crate::{Failure, Refusal, accounts, log};

/// Activates the file with this number for an installation; one that was activated for it is given again.
///
/// # Errors
/// [`Refusal::UnknownLrn`] if no file has the number, [`Refusal::ActivatedElsewhere`], [`Refusal::FileEnded`]; the database's.
pub(super) async fn activate(
    store: &Store,
    lrn: &str,
    key: &str,
    (today, at): (jiff::civil::Date, i64),
) -> Result<Activated, Failure> {
    let row = newest(store, lrn).await?;
    let account = accounts::by_id(store.read(), row.account_id).await?;
    match row.registration_key.as_deref() {
        _ if !row.active => return Err(Refusal::FileEnded(lrn.to_owned()).into()),
        Some(bound) if bound == key => return Ok(Activated { account, file: files::number(row.id) }),
        Some(_) => return Err(Refusal::ActivatedElsewhere(lrn.to_owned()).into()),
        None if !needs_activation(store, &row).await? => {
            return Err(Refusal::UnknownLrn(lrn.to_owned()).into());
        }
        None => {}
    }
    let site = site::Entity::find_by_id(row.site_id).one(store.read()).await?;
    let site =
        site.ok_or_else(|| Failure::field("license reference number", "its file has no install site"))?;
    let selection =
        Selection { registration_key: Some(key.to_owned()), ..files::selection_of(store, &row).await? };
    let inactive = files::number(row.id);
    let by = Actor::House(BY);
    let request = Request {
        account: &account,
        site: &site.into(),
        selection: &selection,
        replaces: Some(&inactive),
        by,
        at,
        today,
    };
    let leave = Leave { order: Some(lrn), ..Leave::default() };
    let tx = store.write().await?;
    let file = files::generate_in(store, &tx, &request, leave, &format!("{BY}/{lrn}/{key}")).await?;
    let more = json!({ "lrn": lrn, "registration_key": key, "account": account.reference, "file": inactive });
    log::append(&tx, at, BY, "file activated", more).await?;
    tx.commit().await?;
    Ok(Activated { account, file: files::number(file) })
}

/// The newest file with the number.
async fn newest(store: &Store, lrn: &str) -> Result<file::Model, Failure> {
    let files = file::Entity::find().filter(file::Column::Lrn.eq(lrn)).order_by_desc(file::Column::Id);
    Ok(files.one(store.read()).await?.ok_or_else(|| Refusal::UnknownLrn(lrn.to_owned()))?)
}
