//! What installations say that they have loaded, and which of it does not count any more: superseded, deactivated, or moved to
//! another installation. It is kept and shown until the installation says otherwise.
//!
//! A report is the installation's word and proves nothing: it helps those who forgot a server, and takes no right away. Only who
//! has a file knows its serial number, so nobody is told of files that they don't have.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::BY;
use crate::accounts::Account;
use crate::entity::{account, file, still_used};
use crate::files::{self, registration_key};
use crate::refusal::optional_text;
use crate::store::Store;
use crate::{Failure, log};

/// License files of one report, at most.
const MOST: usize = 500;
/// Updates of one file that are followed, at most.
pub(super) const LONGEST_WAY: usize = 10_000;
/// What was said longer ago is not shown: 90 days.
const LATELY: i64 = 90 * 24 * 60 * 60 * 1000;

/// A license file that an installation has loaded, as its `LICENSE` line names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// Its license reference number.
    pub lrn: String,
    /// `SERIAL=`.
    pub serial: String,
    /// `GENERATION=`, from 1.
    pub generation: u32,
}

/// What an installation says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The installation's registration key, as its license server shows it.
    pub registration_key: String,
    /// The machine's name.
    #[serde(default)]
    pub machine: Option<String>,
    /// Every license file that it has loaded: at most 500.
    pub loaded: Vec<Loaded>,
}

/// What became of a license file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It counts, and is this installation's.
    Current,
    /// Another file took its place.
    Superseded,
    /// It was given back.
    Deactivated,
    /// It is another installation's, by now or ever since.
    Moved,
    /// This portal made no such file.
    Unknown,
}

impl Standing {
    /// As people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Current => "counts",
            Self::Superseded => "superseded",
            Self::Deactivated => "deactivated",
            Self::Moved => "another installation's",
            Self::Unknown => "not known here",
        }
    }

    /// What whoever looks after the license server does.
    #[must_use]
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::Current | Self::Unknown => "",
            Self::Superseded => "Load the file that took its place there.",
            Self::Deactivated => "Load its deactivation file there: what it used was given back.",
            Self::Moved => "Remove the file there, or move the license back.",
        }
    }

    fn is_over(self) -> bool {
        !matches!(self, Self::Current | Self::Unknown)
    }
}

/// What the portal knows of a file that an installation has loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Judged {
    /// The file, as it was named.
    #[serde(flatten)]
    pub loaded: Loaded,
    /// What became of it.
    pub standing: Standing,
    /// Its number, `AF-000123`.
    pub file: Option<String>,
    /// The number of the file that is active in its place.
    pub successor: Option<String>,
    /// What to do about it; empty where nothing is.
    pub what_to_do: &'static str,
}

/// An installation that uses a file which does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StillUsed {
    /// The account's reference number.
    pub account: String,
    /// The account's name.
    pub account_name: String,
    /// The file's number, `AF-000123`.
    pub file: String,
    /// Its license reference number.
    pub lrn: String,
    /// What became of it.
    pub standing: Standing,
    /// The number of the file that is active in its place.
    pub successor: Option<String>,
    /// The installation.
    pub registration_key: String,
    /// What its machine is called; empty where it did not say.
    pub machine: String,
    /// When it said first that it uses it though it does not count, in milliseconds since 1970.
    pub since: i64,
    /// When it said so last.
    pub seen_at: i64,
}

/// Takes an installation's word for what it has loaded: keeps what does not count any more, and forgets what it does not name.
///
/// # Errors
/// A key that is none, too many files; the database's. Nothing is kept then.
pub async fn report(store: &Store, report: &Report, at: i64) -> Result<Vec<Judged>, Failure> {
    let key = registration_key(&report.registration_key)?;
    let machine = optional_text("machine", report.machine.as_deref().unwrap_or_default(), 200)?;
    if report.loaded.len() > MOST {
        return Err(Failure::field("loaded", format!("has more than {MOST} license files")));
    }
    let (mut judged, mut over) = (Vec::new(), BTreeMap::new());
    for loaded in &report.loaded {
        let row = named(store.read(), loaded).await?;
        let (standing, successor) = match &row {
            Some(row) => standing(store.read(), row, &key).await?,
            None => (Standing::Unknown, None),
        };
        let file = row.as_ref().map(|row| files::number(row.id));
        if let Some(row) = row.filter(|_| standing.is_over()) {
            over.insert(row.id, row);
        }
        let what_to_do = standing.what_to_do();
        judged.push(Judged { loaded: loaded.clone(), standing, file, successor, what_to_do });
    }
    keep(store, (&key, &machine), &over, at).await?;
    Ok(judged)
}

/// The file that a `LICENSE` line names. Who does not have the file does not know its serial number.
async fn named(db: &impl ConnectionTrait, loaded: &Loaded) -> Result<Option<file::Model>, Failure> {
    let rows = file::Entity::find()
        .filter(file::Column::Lrn.eq(loaded.lrn.trim()))
        .filter(file::Column::Generation.eq(i64::from(loaded.generation)))
        .order_by_desc(file::Column::Id)
        .limit(1000)
        .all(db)
        .await?;
    Ok(rows.into_iter().find(|row| files::serial_of(row) == loaded.serial))
}

/// The file that counts in the place of this one, or the last of those that took its place.
pub(super) async fn latest(db: &impl ConnectionTrait, row: file::Model) -> Result<file::Model, Failure> {
    let mut latest = row;
    for _ in 0..LONGEST_WAY {
        if latest.active {
            break;
        }
        let after = file::Entity::find().filter(file::Column::ReplacesId.eq(latest.id));
        match after.order_by_desc(file::Column::Id).one(db).await? {
            Some(next) => latest = next,
            None => break,
        }
    }
    Ok(latest)
}

/// What became of a file that the installation with that key has, and which one is active in its place.
async fn standing(
    db: &impl ConnectionTrait,
    row: &file::Model,
    key: &str,
) -> Result<(Standing, Option<String>), Failure> {
    if row.deactivates {
        return Ok((Standing::Current, None));
    }
    let latest = latest(db, row.clone()).await?;
    let elsewhere = latest.registration_key.as_deref().is_some_and(|bound| bound != key);
    let successor =
        ((latest.active || latest.deactivates) && latest.id != row.id).then(|| files::number(latest.id));
    Ok(match (latest.active, elsewhere) {
        (false, _) => (Standing::Deactivated, successor),
        (true, true) => (Standing::Moved, successor),
        (true, false) if latest.id == row.id => (Standing::Current, None),
        (true, false) => (Standing::Superseded, successor),
    })
}

/// Keeps which ended files the installation uses; what is as it was is only touched.
async fn keep(
    store: &Store,
    (key, machine): (&str, &str),
    over: &BTreeMap<i64, file::Model>,
    at: i64,
) -> Result<(), Failure> {
    let known = still_used::Entity::find().filter(still_used::Column::RegistrationKey.eq(key));
    let known = known.all(store.read()).await?;
    if known.is_empty() && over.is_empty() {
        return Ok(());
    }
    let tx = store.write().await?;
    still_used::Entity::delete_many()
        .filter(still_used::Column::RegistrationKey.eq(key))
        .filter(still_used::Column::FileId.is_not_in(over.keys().copied()))
        .exec(&tx)
        .await?;
    still_used::Entity::update_many()
        .col_expr(still_used::Column::SeenAt, Expr::value(at))
        .col_expr(still_used::Column::Machine, Expr::value(machine))
        .filter(still_used::Column::RegistrationKey.eq(key))
        .exec(&tx)
        .await?;
    for row in over.values().filter(|row| known.iter().all(|known| known.file_id != row.id)) {
        begin(&tx, (key, machine), row, at).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// From now on it is known, and in the log, that the installation uses the file.
async fn begin(
    tx: &DatabaseTransaction,
    (key, machine): (&str, &str),
    row: &file::Model,
    at: i64,
) -> Result<(), Failure> {
    let used = still_used::ActiveModel {
        account_id: Set(row.account_id),
        file_id: Set(row.id),
        registration_key: Set(key.to_owned()),
        machine: Set(machine.to_owned()),
        since: Set(at),
        seen_at: Set(at),
        ..Default::default()
    };
    let once = sea_orm::sea_query::OnConflict::columns([
        still_used::Column::FileId,
        still_used::Column::RegistrationKey,
    ])
    .do_nothing()
    .to_owned();
    let made = still_used::Entity::insert(used).on_conflict(once).exec_without_returning(tx).await?;
    if made == 0 {
        return Ok(());
    }
    let owner = account::Entity::find_by_id(row.account_id).one(tx).await?;
    let more = json!({
        "account": owner.map(|owner| owner.reference), "file": files::number(row.id), "lrn": row.lrn,
        "registration_key": key, "machine": machine,
    });
    log::append(tx, at, BY, "ended file in use", more).await?;
    Ok(())
}

/// Ended files that installations said within 90 days that they use, what began last first: of one account or of all, and of one
/// file. Gives how many there are, and one page of them, counted from 0.
///
/// # Errors
/// The database's.
pub async fn still_used(
    store: &Store,
    of: Option<&Account>,
    file: Option<&str>,
    at: i64,
    (page, per_page): (u64, u64),
) -> Result<(u64, Vec<StillUsed>), Failure> {
    use still_used::Column::{AccountId, FileId, Id, SeenAt, Since};
    let mut query = still_used::Entity::find().filter(SeenAt.gt(at - LATELY));
    if let Some(account) = of {
        query = query.filter(AccountId.eq(account.id));
    }
    if let Some(number) = file {
        query = query.filter(FileId.eq(files::id_of(number).unwrap_or(0)));
    }
    let pages = query.order_by_desc(Since).order_by_desc(Id).paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    let mut shown = Vec::new();
    for row in rows {
        shown.extend(one(store.read(), row).await?);
    }
    Ok((total, shown))
}

async fn one(db: &impl ConnectionTrait, row: still_used::Model) -> Result<Option<StillUsed>, Failure> {
    let file = file::Entity::find_by_id(row.file_id).one(db).await?;
    let owner = account::Entity::find_by_id(row.account_id).one(db).await?;
    let (Some(file), Some(owner)) = (file, owner) else { return Ok(None) };
    let (standing, successor) = standing(db, &file, &row.registration_key).await?;
    Ok(Some(StillUsed {
        account: owner.reference,
        account_name: owner.name,
        file: files::number(file.id),
        lrn: file.lrn,
        standing,
        successor,
        registration_key: row.registration_key,
        machine: row.machine,
        since: row.since,
        seen_at: row.seen_at,
    }))
}
