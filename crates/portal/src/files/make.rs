//! Previewing and generating files: the transactions.

use std::collections::BTreeMap;

use grantor_catalogue::Catalogue;
use grantor_license::{diff, parse};
use jiff::civil::Date;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};
use serde_json::json;

use super::contents::{Contents, For, contents};
use super::end::{end, hold};
use super::pass::{self, Pass};
use super::{Preview, Selection, binding, heading, id_of, number, types};
use crate::accounts::Account;
use crate::catalogues::{self, Edition, digest};
use crate::entitlements::{AT_NO_COST, Part, Spent};
use crate::entity::{entitlement, file, file_item};
use crate::people::Actor;
use crate::sites::Site;
use crate::store::{self, Store};
use crate::{Failure, Refusal, certifications, log};

/// A file that somebody asks for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Whose.
    pub account: &'a Account,
    /// Where.
    pub site: &'a Site,
    /// What.
    pub selection: &'a Selection,
    /// The number of the active file that it takes the place of.
    pub replaces: Option<&'a str>,
    /// Who asks.
    pub by: Actor<'a>,
    /// Now, in milliseconds since 1970.
    pub at: i64,
    /// The day of issue.
    pub today: Date,
}

/// What whoever moves or activates a license may beyond what people choose themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leave<'a> {
    /// The license reference number of the order that is activated: the file has it.
    pub(crate) order: Option<&'a str>,
    /// Through which day that order is: what it brought is taken first.
    pub(crate) first: Option<&'a str>,
    /// The file may go to another machine: the policy of moves was asked.
    pub(crate) other_machine: bool,
}

/// What came of a request within its transaction.
struct Made {
    contents: Contents,
    spent: Vec<Spent>,
    edition: Edition,
    lrn: String,
    replaced: Option<file::Model>,
}

/// Shows what would come of a request; changes nothing.
///
/// # Errors
/// As for [`generate`].
pub async fn preview(store: &Store, request: &Request<'_>) -> Result<Preview, Failure> {
    let selection = request.selection.as_servers_write()?;
    let tx = store.look().await?;
    let asked = Request { selection: &selection, ..request.clone() };
    let made = make(store, &tx, &asked, Leave::default(), None).await;
    tx.rollback().await?;
    let made = made?;
    let before = made.replaced.as_ref().map(|row| parse("license", row.unsigned.as_bytes()).document);
    let document = &made.contents.document;
    Ok(Preview {
        text: String::from_utf8_lossy(&document.to_bytes()).into_owned(),
        explained: made.contents.explained,
        warnings: made.contents.warnings,
        changes: before.map_or_else(Vec::new, |before| diff(&before, document)),
        last_day: made.contents.last_day,
    })
}

/// Plans the file and logs it; gives its number. The same `key` again gives the same file and changes nothing.
///
/// # Errors
/// [`Refusal::NotAvailable`], and whatever else the rules don't allow; the database's. Nothing is spent or logged then.
pub async fn generate(store: &Store, request: &Request<'_>, key: &str) -> Result<String, Failure> {
    let tx = store.write().await?;
    let id = generate_in(store, &tx, request, Leave::default(), key).await?;
    tx.commit().await?;
    Ok(number(id))
}

/// The same within a transaction that does more; gives the file's row.
pub(crate) async fn generate_in(
    store: &Store,
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    leave: Leave<'_>,
    key: &str,
) -> Result<i64, Failure> {
    // The same request at another process would take what the first one leaves, or find it gone.
    store::one_at_a_time(tx, key).await?;
    if let Some(row) = file::Entity::find().filter(file::Column::Request.eq(key)).one(tx).await? {
        return same(&row, request, leave);
    }
    let selection = request.selection.as_servers_write()?;
    let request = &Request { selection: &selection, ..request.clone() };
    let made = make(store, tx, request, leave, Some(key)).await?;
    write(tx, request, &made, key).await
}

/// A key that is used for another file is a mistake, and nobody else's file is given away for it. What an order is activated into may
/// change between two tries: other orders come to the installation.
fn same(row: &file::Model, request: &Request<'_>, leave: Leave<'_>) -> Result<i64, Failure> {
    let own = (row.account_id, row.site_id) == (request.account.id, request.site.id);
    let kept = row.selection.as_deref().and_then(|text| serde_json::from_str::<Selection>(text).ok());
    let asked = request.selection.as_servers_write()?;
    let same = kept.is_none_or(|kept| kept == asked) && row.replaces_id == request.replaces.and_then(id_of);
    if own && (same || leave.order.is_some()) { Ok(row.id) } else { Err(Refusal::KeyReused.into()) }
}

async fn make(
    store: &Store,
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    leave: Leave<'_>,
    key: Option<&str>,
) -> Result<Made, Failure> {
    if !request.site.active {
        let says = format!("the install site `{}` is not active", request.site.details.name);
        return Err(Failure::field("install site", says));
    }
    if key.is_some() {
        hold(tx, Some(request.site.id), request.replaces).await?;
    }
    let (replaced, pass) = match (request.replaces, key) {
        (Some(number), Some(_)) => {
            (Some(end(tx, request.account, number, "superseded").await?), Pass::make())
        }
        (None, Some(_)) => (None, Pass::make()),
        (replaces, None) => pass::look(tx, request.account, replaces).await?,
    };
    if let Some(replaced) = replaced.as_ref().filter(|_| !leave.other_machine) {
        binding::stays(replaced, request)?;
    }
    let edition = edition(store, tx, &request.selection.catalogue).await?;
    certifications::required(tx, request.by, &request.selection.catalogue, &request.today.to_string())
        .await?;
    if let Some(of_type) = edition.catalogue.license_types.get(&request.selection.license_type) {
        types::required(&edition.catalogue, of_type, request.selection, request.by)?;
    }
    let pass = pass
        .first(leave.first.map(str::to_owned).or_else(|| own_days(&edition.catalogue, replaced.as_ref())));
    let types::Taken { spent, given } = types::take(tx, request, &edition.catalogue, &pass).await?;
    if let Some(replaced) = &replaced {
        let before = match catalogues::current(store, tx).await?.remove(&replaced.catalogue) {
            Some(before) => before.catalogue,
            None => edition.catalogue.clone(),
        };
        types::covers_recovery(tx, &before, replaced, Some(request.selection), &pass).await?;
    }
    let lrn = heading::lrn(tx, request, &edition.catalogue, (replaced.as_ref(), leave.order)).await?;
    let whose = For {
        customer: &request.account.name,
        site: &request.site.details.name,
        lrn: &lrn,
        today: request.today,
        maintenance: heading::maintenance(tx, request.site, &request.selection.catalogue).await?,
        generation: heading::generation(replaced.as_ref(), key),
        given: given.as_deref(),
    };
    let contents = contents(&edition.catalogue, request.selection, &spent, &whose)?;
    Ok(Made { contents, spent, edition, lrn, replaced })
}

/// The last day of the file that is replaced, where it stands alone: a pilot stays made of what was bought for it.
fn own_days(catalogue: &Catalogue, replaced: Option<&file::Model>) -> Option<String> {
    let replaced = replaced.filter(|row| row.catalogue == catalogue.name)?;
    let of_type = catalogue.license_types.get(&replaced.license_type)?;
    (of_type.needs_activation && !of_type.merges).then(|| replaced.last_day.clone())
}

async fn edition(store: &Store, tx: &DatabaseTransaction, name: &str) -> Result<Edition, Failure> {
    let found = catalogues::current(store, tx).await?.remove(name);
    found.ok_or_else(|| Failure::field("product", format!("there is no catalogue `{name}`")))
}

/// How many of each part, in the order in which rows are locked everywhere.
pub(super) fn wanted(selection: &Selection) -> Result<BTreeMap<Part, u32>, Failure> {
    let mut wanted = BTreeMap::new();
    for chosen in &selection.items {
        if chosen.quantity == 0 || chosen.pooled > chosen.quantity {
            let says = format!("{} of {}, {} of them pooled", chosen.quantity, chosen.part, chosen.pooled);
            return Err(Failure::field("quantity", says));
        }
        let part = Part { catalogue: selection.catalogue.clone(), number: chosen.part.clone() };
        if wanted.insert(part, chosen.quantity).is_some() {
            return Err(Failure::field("part", format!("{} is chosen twice", chosen.part)));
        }
    }
    Ok(wanted)
}

async fn write(
    tx: &DatabaseTransaction,
    request: &Request<'_>,
    made: &Made,
    key: &str,
) -> Result<i64, Failure> {
    let selection = request.selection;
    let unsigned = String::from_utf8_lossy(&made.contents.document.to_bytes()).into_owned();
    let sha256 = digest(unsigned.as_bytes());
    let row = file::ActiveModel {
        request: Set(key.to_owned()),
        account_id: Set(request.account.id),
        site_id: Set(request.site.id),
        edition_id: Set(made.edition.id),
        catalogue: Set(selection.catalogue.clone()),
        license_type: Set(selection.license_type.clone()),
        lrn: Set(made.lrn.clone()),
        host_id: Set(selection.machine.host_id.trim().to_owned()),
        machine: Set(selection.machine.name.trim().to_owned()),
        switchover_host_id: Set(selection.switchover.as_ref().map(|other| other.host_id.trim().to_owned())),
        switchover_machine: Set(selection.switchover.as_ref().map(|other| other.name.trim().to_owned())),
        system_type: Set(selection.system_type.clone()),
        mail_connector: Set(selection.mail_connector.clone()),
        registration_key: Set(selection.registration_key.clone()),
        replaces_id: Set(made.replaced.as_ref().map(|row| row.id)),
        generation: Set(made.replaced.as_ref().map_or(0, |row| row.generation) + 1),
        last_day: Set(made.contents.last_day.clone()),
        generated_on: Set(request.today.to_string()),
        generated_by: Set(request.by.name().to_owned()),
        generated_at: Set(request.at),
        active: Set(true),
        ended: Set(None),
        unsigned: Set(unsigned),
        signed: Set(None),
        selection: Set(serde_json::to_string(selection).ok()),
        deactivates: Set(false),
        ..Default::default()
    };
    let id = file::Entity::insert(row).exec(tx).await?.last_insert_id;
    let owned = made.spent.iter().filter(|one| one.entitlement != AT_NO_COST);
    let items = owned.map(|one| file_item::ActiveModel {
        file_id: Set(id),
        entitlement_id: Set(one.entitlement),
        quantity: Set(i64::from(one.quantity)),
        ..Default::default()
    });
    let items: Vec<_> = items.collect();
    if !items.is_empty() {
        file_item::Entity::insert_many(items).exec_without_returning(tx).await?;
    }
    let more = json!({
        "file": number(id), "account": request.account.reference, "site": request.site.details.name,
        "lrn": made.lrn, "replaces": request.replaces, "sha256": sha256, "items": made.spent,
    });
    log::append(tx, request.at, request.by.name(), "file generated", more).await?;
    Ok(id)
}

/// What a file was made from.
pub(super) async fn spent(db: &impl ConnectionTrait, id: i64) -> Result<Vec<Spent>, Failure> {
    let items = file_item::Entity::find().filter(file_item::Column::FileId.eq(id)).all(db).await?;
    let of: Vec<i64> = items.iter().map(|item| item.entitlement_id).collect();
    let rows = entitlement::Entity::find().filter(entitlement::Column::Id.is_in(of)).all(db).await?;
    let rows: BTreeMap<i64, entitlement::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let spent = items.iter().filter_map(|item| {
        let row = rows.get(&item.entitlement_id)?;
        Some(Spent {
            entitlement: row.id,
            part: Part { catalogue: row.catalogue.clone(), number: row.part.clone() },
            last_day: row.last_day.clone(),
            quantity: u32::try_from(item.quantity).unwrap_or(u32::MAX),
        })
    });
    Ok(spent.collect())
}
