//! Activation: a license reference number and an installation's registration key become a signed file for that installation
//! (seed 000, "License activation"; seed 001, "Activating a Commercial Inactive License").
//!
//! Knowing both is enough: no account is needed, so callers limit how often one may try. The same two again give the same file; an
//! order that was activated for one installation is not activated for another.

mod inactive;
mod moving;
mod reported;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, SqlErr};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accounts::{self, Account};
use crate::catalogues;
use crate::entity::{activation, edition, file, order, order_line, site};
use crate::files::{self, Chosen, Leave, Machine, Request, Selection, registration_key};
use crate::lrn::Lrn;
use crate::orders::Term;
use crate::people::Actor;
use crate::sites::Site;
use crate::store::Store;
use crate::{Failure, Refusal, log};

pub use moving::{Move, move_to, moves_left};
pub use reported::{Judged, Loaded, Report, Standing, StillUsed, report, still_used};

/// Who the log says did it.
const BY: &str = "activation";

/// What an installation asks; also what stands in a request file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The license reference number of the license letter.
    pub lrn: String,
    /// The installation's registration key, as its license server shows it.
    pub registration_key: String,
    /// The machine's host id; needed once, where the order has no file yet.
    #[serde(default)]
    pub host_id: Option<String>,
    /// The machine's name.
    #[serde(default)]
    pub machine: Option<String>,
    /// Every license file that the installation has loaded; without it nothing is said of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<Vec<Loaded>>,
}

/// What was activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activated {
    /// Whose file it is.
    #[serde(skip)]
    pub account: Account,
    /// The file's number.
    pub file: String,
}

/// Activates an order for an installation. `at` is now in milliseconds since 1970, `today` the day of issue.
///
/// # Errors
/// [`Refusal::UnknownLrn`] and other refusals; the database's. Nothing is activated then.
pub async fn activate(
    store: &Store,
    asked: &Asked,
    today: jiff::civil::Date,
    at: i64,
) -> Result<Activated, Failure> {
    let key = registration_key(&asked.registration_key)?;
    if let Some(loaded) = &asked.loaded {
        let machine = asked.machine.clone();
        report(store, &Report { registration_key: key.clone(), machine, loaded: loaded.clone() }, at).await?;
    }
    let Some(order) = order_of(store, &asked.lrn).await? else {
        return inactive::activate(store, &number(&asked.lrn)?, &key, (today, at)).await;
    };
    let account = accounts::by_id(store.read(), order.account_id).await?;
    let site = site_of(store.read(), &order).await?;
    let claim = claim(store, &order, &account, &key, at).await?;
    if let Claim::Made(file) = claim {
        let file = latest(store, &order, &site, (&key, file)).await?;
        return Ok(Activated { account, file });
    }
    match make(store, asked, &order, (&account, &site), &key, (today, at)).await {
        Ok(file) => Ok(Activated { account, file }),
        Err(failure) => {
            if claim == Claim::New && matches!(failure, Failure::Refused(_)) {
                give_up(store, &order, &account, (&key, &failure), at).await?;
            }
            Err(failure)
        }
    }
}

/// The license reference number as it is written here.
fn number(said: &str) -> Result<String, Failure> {
    let lrn = Lrn::parse(said);
    Ok(lrn.map_err(|error| Failure::field("license reference number", error.to_string()))?.to_string())
}

async fn order_of(store: &Store, said: &str) -> Result<Option<order::Model>, Failure> {
    let lrn = number(said)?;
    Ok(order::Entity::find().filter(order::Column::Lrn.eq(lrn)).one(store.read()).await?)
}

async fn site_of(db: &impl ConnectionTrait, order: &order::Model) -> Result<Site, Failure> {
    let row = site::Entity::find_by_id(order.site_id).one(db).await?;
    let missing = || Failure::field("license reference number", "its order has no install site");
    Ok(row.ok_or_else(missing)?.into())
}

/// How far an order's activation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It was noted just now.
    New,
    /// It was noted before, and its file may not have been made.
    Begun,
    /// Its file was made: the row of it, where that was kept.
    Made(Option<i64>),
}

/// Notes for which installation the order is; of two at once one is first.
async fn claim(
    store: &Store,
    order: &order::Model,
    account: &Account,
    key: &str,
    at: i64,
) -> Result<Claim, Failure> {
    let tx = store.write().await?;
    let row = activation::ActiveModel {
        order_id: Set(order.id),
        registration_key: Set(key.to_owned()),
        made: Set(false),
        activated_at: Set(at),
        file_id: Set(None),
    };
    match activation::Entity::insert(row).exec_without_returning(&tx).await {
        Ok(_) => {
            let more = json!({ "lrn": order.lrn, "registration_key": key, "account": account.reference });
            log::append(&tx, at, BY, "order activated", more).await?;
            tx.commit().await?;
            return Ok(Claim::New);
        }
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {}
        Err(error) => return Err(error.into()),
    }
    tx.rollback().await?;
    let noted = activation::Entity::find_by_id(order.id).one(store.read()).await?;
    match noted {
        Some(row) if row.registration_key == key => {
            Ok(if row.made { Claim::Made(row.file_id) } else { Claim::Begun })
        }
        _ => Err(Refusal::ActivatedElsewhere(order.lrn.clone()).into()),
    }
}

async fn was_made(db: &impl ConnectionTrait, order: &order::Model, file: i64) -> Result<(), Failure> {
    let made = activation::ActiveModel {
        order_id: Set(order.id),
        made: Set(true),
        file_id: Set(Some(file)),
        ..Default::default()
    };
    activation::Entity::update(made).exec(db).await?;
    Ok(())
}

/// What was noted for nothing is taken back: no file came of it.
async fn give_up(
    store: &Store,
    order: &order::Model,
    account: &Account,
    (key, why): (&str, &Failure),
    at: i64,
) -> Result<(), Failure> {
    let tx = store.write().await?;
    let taken_back = activation::Entity::delete_many()
        .filter(activation::Column::OrderId.eq(order.id))
        .filter(activation::Column::RegistrationKey.eq(key))
        .filter(activation::Column::Made.eq(false))
        .exec(&tx)
        .await?;
    if taken_back.rows_affected > 0 {
        let more = json!({
            "lrn": order.lrn, "registration_key": key, "account": account.reference, "why": why.to_string(),
        });
        log::append(&tx, at, BY, "activation taken back", more).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The file, and in the same transaction that the order came into it.
async fn make(
    store: &Store,
    asked: &Asked,
    order: &order::Model,
    (account, site): (&Account, &Site),
    key: &str,
    (today, at): (jiff::civil::Date, i64),
) -> Result<String, Failure> {
    let (selection, replaces) = selection(store, asked, order, site, key).await?;
    let by = Actor::House(BY);
    let replaces = replaces.as_deref();
    let request = Request { account, site, selection: &selection, replaces, by, at, today };
    let leave = Leave { order: Some(&order.lrn), first: Some(&order.last_day), ..Leave::default() };
    let tx = store.write().await?;
    let file = files::generate_in(store, &tx, &request, leave, &format!("{BY}/{}/{key}", order.lrn)).await?;
    was_made(&tx, order, file).await?;
    tx.commit().await?;
    Ok(files::number(file))
}

/// What the installation is to have now: the file that the order came into, or the one that took its place since.
async fn latest(
    store: &Store,
    order: &order::Model,
    site: &Site,
    (key, made): (&str, Option<i64>),
) -> Result<String, Failure> {
    if let Some(row) = file::Entity::find_by_id(made.unwrap_or(0)).one(store.read()).await? {
        let latest = reported::latest(store.read(), row).await?;
        let ended = || Refusal::FileEnded(order.lrn.clone());
        return Ok(files::number(latest.active.then_some(latest.id).ok_or_else(ended)?));
    }
    before_it_was_kept(store, order, site, key).await
}

/// The same where it was not kept which file the order came into: the installation's latest of the product.
async fn before_it_was_kept(
    store: &Store,
    order: &order::Model,
    site: &Site,
    key: &str,
) -> Result<String, Failure> {
    let (catalogue, _) = lines(store, order).await?;
    let latest = active(site)
        .filter(file::Column::AccountId.eq(order.account_id))
        .filter(file::Column::Catalogue.eq(catalogue))
        .filter(file::Column::RegistrationKey.eq(key))
        .order_by_desc(file::Column::Id)
        .one(store.read())
        .await?;
    let ended = || Refusal::FileEnded(order.lrn.clone());
    Ok(files::number(latest.ok_or_else(ended)?.id))
}

fn active(site: &Site) -> sea_orm::Select<file::Entity> {
    file::Entity::find().filter(file::Column::SiteId.eq(site.id)).filter(file::Column::Active.eq(true))
}

/// What the file is made of, and which one it takes the place of: the order's inactive file; or the installation's latest, with
/// which the order is merged; or none.
async fn selection(
    store: &Store,
    asked: &Asked,
    order: &order::Model,
    site: &Site,
    key: &str,
) -> Result<(Selection, Option<String>), Failure> {
    let inactive = active(site)
        .filter(file::Column::Lrn.eq(&order.lrn))
        .filter(file::Column::RegistrationKey.is_null())
        .order_by_desc(file::Column::Id);
    for row in inactive.all(store.read()).await? {
        if needs_activation(store, &row).await? {
            let chosen = Selection {
                registration_key: Some(key.to_owned()),
                ..files::selection_of(store, &row).await?
            };
            return Ok((chosen, Some(files::number(row.id))));
        }
    }
    let ordered = ordered(store, asked, order, key).await?;
    let before = active(site)
        .filter(file::Column::Catalogue.eq(&ordered.catalogue))
        .filter(file::Column::RegistrationKey.eq(key))
        .order_by_desc(file::Column::Id)
        .all(store.read())
        .await?;
    for row in before {
        let has = files::selection_of(store, &row).await?;
        if merges(store, &has).await? && merges(store, &ordered).await? {
            return Ok((merged(has, ordered), Some(files::number(row.id))));
        }
    }
    Ok((ordered, None))
}

async fn needs_activation(store: &Store, row: &file::Model) -> Result<bool, Failure> {
    let editions = catalogues::current(store, store.read()).await?;
    let of_type = editions
        .get(&row.catalogue)
        .and_then(|edition| edition.catalogue.license_types.get(&row.license_type));
    Ok(of_type.is_some_and(|of_type| of_type.needs_activation))
}

/// Whether a file of this type joins the installation's others (seed 000: permanent and term ones do, pilot and temporary ones don't).
async fn merges(store: &Store, selection: &Selection) -> Result<bool, Failure> {
    let editions = catalogues::current(store, store.read()).await?;
    let catalogue = editions.get(&selection.catalogue).map(|edition| edition.catalogue.clone());
    let of_type =
        catalogue.as_ref().and_then(|catalogue| catalogue.license_types.get(&selection.license_type));
    Ok(of_type.is_some_and(|of_type| of_type.merges))
}

/// Both together; what never ends gives its name to the whole.
fn merged(mut has: Selection, new: Selection) -> Selection {
    for chosen in new.items {
        match has.items.iter_mut().find(|one| one.part == chosen.part) {
            Some(one) => one.quantity = one.quantity.saturating_add(chosen.quantity),
            None => has.items.push(chosen),
        }
    }
    if new.license_type == "permanent" {
        has.license_type = new.license_type;
    }
    has
}

/// The order's catalogue and parts.
async fn lines(store: &Store, order: &order::Model) -> Result<(String, Vec<Chosen>), Failure> {
    let db = store.read();
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(order.id))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    let first = lines.first().map(|line| line.edition_id);
    let edition = match first {
        Some(id) => edition::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    if lines.iter().any(|line| Some(line.edition_id) != first) {
        let says = "the order has parts of several products: make a file of each under New Activation File";
        return Err(Refusal::File(says.to_owned()).into());
    }
    let mut items: Vec<Chosen> = Vec::new();
    for line in lines {
        let quantity = u32::try_from(line.quantity).unwrap_or(u32::MAX);
        match items.iter_mut().find(|one| one.part == line.part) {
            Some(one) => one.quantity = one.quantity.saturating_add(quantity),
            None => items.push(Chosen { part: line.part, quantity, pooled: 0 }),
        }
    }
    Ok((edition.map(|edition| edition.catalogue).unwrap_or_default(), items))
}

/// The order as a selection.
async fn ordered(
    store: &Store,
    asked: &Asked,
    order: &order::Model,
    key: &str,
) -> Result<Selection, Failure> {
    let (catalogue, items) = lines(store, order).await?;
    Ok(Selection {
        license_type: license_type(store, &catalogue, &order.term).await?,
        catalogue,
        machine: Machine {
            host_id: asked.host_id.clone().unwrap_or_else(|| "ANY".to_owned()),
            name: asked.machine.clone().unwrap_or_else(|| "localhost".to_owned()),
        },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: Some(key.to_owned()),
        items,
    })
}

/// The type that an order's term means in its catalogue.
async fn license_type(store: &Store, catalogue: &str, term: &str) -> Result<String, Failure> {
    let editions = catalogues::current(store, store.read()).await?;
    let types =
        editions.get(catalogue).map(|edition| edition.catalogue.license_types.clone()).unwrap_or_default();
    let term = Term::parse(term).unwrap_or(Term::Term);
    let named = types.get(term.license_type()).filter(|of_type| of_type.needs_activation);
    let any = types.values().find(|of_type| of_type.needs_activation && !term.needs_its_type());
    let none =
        || Refusal::File("this product is not activated: make its file under New Activation File".to_owned());
    Ok(named.or(any).ok_or_else(none)?.name.clone())
}
