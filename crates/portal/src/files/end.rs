//! The end of a license file: its quantities are given back (seed 002, "Deactivate a License"), and a last file of its serial number
//! says so to servers. One that has loaded it goes back to no earlier file, so what was given back is not used twice.

use grantor_license::{
    Body, Document, Draft, DraftLicense, DraftServer, DraftVendor, LicenseLine, LicenseState, Server, parse,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::json;

use super::make::spent;
use super::pass::Pass;
use super::{heading, id_of, number, types};
use crate::accounts::Account;
use crate::catalogues::{self, digest};
use crate::entitlements::{self, give_back};
use crate::entity::file;
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// Ends a file and gives its quantities back; gives the number of the deactivation file, which is signed and downloaded as others
/// are. `reason` is logged.
///
/// # Errors
/// [`Refusal::UnknownFile`], [`Refusal::FileEnded`], [`Refusal::RecoveryFirst`]; the database's.
pub async fn deactivate(
    store: &Store,
    account: &Account,
    number: &str,
    reason: &str,
    (by, at): (&str, i64),
) -> Result<String, Failure> {
    let reason = crate::refusal::text("reason", reason, 500)?;
    let tx = store.write().await?;
    hold(&tx, None, Some(number)).await?;
    let ended = end(&tx, account, number, &reason).await?;
    if let Some(edition) = catalogues::current(store, &tx).await?.remove(&ended.catalogue) {
        types::covers_recovery(&tx, &edition.catalogue, &ended, None, &Pass::make()).await?;
    }
    let more = json!({ "file": number, "account": account.reference, "reason": reason });
    log::append(&tx, at, by, "file deactivated", more).await?;
    let last = write_last(&tx, account, &ended, (by, at)).await?;
    tx.commit().await?;
    Ok(last)
}

/// Plans the deactivation file, and logs it as the signer wants it.
async fn write_last(
    tx: &DatabaseTransaction,
    account: &Account,
    ended: &file::Model,
    (by, at): (&str, i64),
) -> Result<String, Failure> {
    let issued = day(at).max(ended.generated_on.parse().unwrap_or_default());
    let document = last(ended, issued)?;
    let unsigned = String::from_utf8_lossy(&document.to_bytes()).into_owned();
    let sha256 = digest(unsigned.as_bytes());
    let row = file::ActiveModel {
        id: NotSet,
        request: Set(format!("deactivation/{}", ended.id)),
        replaces_id: Set(Some(ended.id)),
        generation: Set(ended.generation + 1),
        generated_on: Set(issued.to_string()),
        generated_by: Set(by.to_owned()),
        generated_at: Set(at),
        active: Set(false),
        deactivates: Set(true),
        ended: Set(None),
        unsigned: Set(unsigned),
        signed: Set(None),
        signing_key: Set(None),
        signed_at: Set(None),
        ..ended.clone().into_active_model().reset_all()
    };
    let name = number(file::Entity::insert(row).exec(tx).await?.last_insert_id);
    let more = json!({
        "file": name, "account": account.reference, "lrn": ended.lrn, "replaces": number(ended.id), "sha256": sha256,
        "deactivates": true, "items": [],
    });
    log::append(tx, at, by, "file generated", more).await?;
    Ok(name)
}

/// The day of an instant in Greenwich: a server in the west takes the file hours before its day all the same, as it grants nothing.
fn day(at: i64) -> Date {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date()
}

/// The ended file's heading as deactivated, one generation on, without a line that grants.
fn last(ended: &file::Model, issued: Date) -> Result<Document, Failure> {
    let before = parse("license", ended.unsigned.as_bytes()).document;
    let (mut servers, mut vendor, mut licenses) = (Vec::new(), String::new(), Vec::new());
    for statement in before.statements() {
        match &statement.body {
            Body::Server(line) => servers.push(server(line)),
            Body::Vendor(line) => vendor.clone_from(&line.name),
            Body::License(line) => licenses.push(deactivated(line, ended, issued)),
            _ => {}
        }
    }
    let says =
        format!("{} is deactivated: load this in its place, what it used was given back", number(ended.id));
    let vendor = DraftVendor { name: vendor, port: None };
    let draft = Draft { comments: vec![says], servers, vendor, licenses, lines: Vec::new() };
    draft.to_document("license").map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refusal::File(problems.join("\n")).into()
    })
}

fn server(line: &Server) -> DraftServer {
    let ids: Vec<String> = line.host_ids.iter().map(ToString::to_string).collect();
    DraftServer { host: line.host.clone(), host_id: ids.join(" "), port: line.port }
}

fn deactivated(line: &LicenseLine, ended: &file::Model, issued: Date) -> DraftLicense {
    DraftLicense {
        lrn: line.lrn.clone(),
        customer: line.customer.clone(),
        site: line.site.clone(),
        license_type: line.license_type.clone(),
        product: line.product.clone(),
        state: LicenseState::Deactivated,
        issued,
        expires: line.expires,
        rk: line.rk.clone(),
        generation: heading::generation(Some(ended), None),
        disconnect: None,
    }
}

/// Holds what a site owns, and what the site of a file does, before anything of it changes.
pub(super) async fn hold(
    tx: &DatabaseTransaction,
    site: Option<i64>,
    number: Option<&str>,
) -> Result<(), Failure> {
    let row = match number.and_then(id_of) {
        Some(id) => file::Entity::find_by_id(id).one(tx).await?,
        None => None,
    };
    entitlements::hold(tx, site.into_iter().chain(row.map(|row| row.site_id)).collect()).await
}

/// Only who sets `active` to false may give back: of two at once one does.
pub(super) async fn end(
    tx: &DatabaseTransaction,
    account: &Account,
    number: &str,
    why: &str,
) -> Result<file::Model, Failure> {
    let unknown = || Refusal::UnknownFile(number.to_owned());
    let id = id_of(number).ok_or_else(unknown)?;
    let change =
        file::ActiveModel { active: Set(false), ended: Set(Some(why.to_owned())), ..Default::default() };
    let ended = file::Entity::update_many()
        .set(change)
        .filter(file::Column::Id.eq(id))
        .filter(file::Column::AccountId.eq(account.id))
        .filter(file::Column::Active.eq(true))
        .exec(tx)
        .await?;
    let row = file::Entity::find_by_id(id).filter(file::Column::AccountId.eq(account.id)).one(tx).await?;
    let row = row.ok_or_else(unknown)?;
    if ended.rows_affected == 0 {
        return Err(Refusal::FileEnded(number.to_owned()).into());
    }
    give_back(tx, &spent(tx, id).await?).await?;
    Ok(row)
}
