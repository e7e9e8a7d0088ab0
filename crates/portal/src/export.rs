//! Everything that an account owns, for the account to keep: as one JSON text, or a CSV table for each kind of thing.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::accounts::Account;
use crate::entitlements::{Balance, balances};
use crate::entity::person;
use crate::files::{self, Filter, LicenseFile, Sort};
use crate::orders::{self, BookedOrder, OrderLine};
use crate::people::Person;
use crate::requests::{self, Request};
use crate::sites::{self, Site};
use crate::store::Store;
use crate::{Failure, Refusal, rights};

/// The version of the text's form.
const VERSION: u32 = 1;
/// Rows read at a time.
const ROWS: u64 = 200;

/// An order with its lines.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    /// The order.
    #[serde(flatten)]
    pub order: BookedOrder,
    /// What was bought.
    pub lines: Vec<OrderLine>,
}

/// A license file with its text.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// The file.
    #[serde(flatten)]
    pub file: LicenseFile,
    /// Its signed text; nothing while it waits for its signatures.
    pub text: Option<String>,
}

/// Of a site and part: what is owned.
#[derive(Debug, Clone, Serialize)]
pub struct Owned {
    /// The install site's name.
    pub site: String,
    /// Part and quantities.
    #[serde(flatten)]
    pub balance: Balance,
}

/// Somebody of the account.
#[derive(Debug, Clone, Serialize)]
pub struct Contact {
    /// What they sign in with.
    pub mail: String,
    /// Their name.
    pub name: String,
    /// What they are, with commas between.
    pub roles: String,
    /// Whether they may sign in.
    pub active: bool,
}

/// A request that is known to be the account's.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// Its number.
    pub number: String,
    /// What is wanted.
    pub kind: &'static str,
    /// In short.
    pub subject: String,
    /// By whom.
    pub mail: String,
    /// Whose turn it is.
    pub state: &'static str,
    /// Every other field.
    pub fields: std::collections::BTreeMap<String, String>,
    /// When it came, in milliseconds since 1970.
    pub created_at: i64,
}

/// Everything that an account owns.
#[derive(Debug, Clone, Serialize)]
pub struct Everything {
    /// The version of this form.
    pub version: u32,
    /// The account.
    pub account: Account,
    /// Its install sites.
    pub sites: Vec<Site>,
    /// Its people.
    pub people: Vec<Contact>,
    /// Its orders, the latest first.
    pub orders: Vec<Order>,
    /// What it owns at each site.
    pub entitlement: Vec<Owned>,
    /// Its license files, the latest first.
    pub files: Vec<File>,
    /// Its requests, the latest first.
    pub requests: Vec<Asked>,
}

/// Reads everything that the account owns today (`yyyy-mm-dd`).
///
/// # Errors
/// The database's.
pub async fn everything(store: &Store, account: &Account, today: &str) -> Result<Everything, Failure> {
    let sites = sites::list(store, account, None).await?;
    let mut entitlement = Vec::new();
    for site in &sites {
        let owned = balances(store.read(), account.id, Some(site.id), today).await?;
        let name = &site.details.name;
        entitlement.extend(owned.into_iter().map(|balance| Owned { site: name.clone(), balance }));
    }
    Ok(Everything {
        version: VERSION,
        account: account.clone(),
        sites,
        people: people(store, account).await?,
        orders: all_orders(store, account).await?,
        entitlement,
        files: all_files(store, account).await?,
        requests: all_requests(store, account).await?,
    })
}

async fn people(store: &Store, account: &Account) -> Result<Vec<Contact>, Failure> {
    let of_account = person::Entity::find()
        .filter(person::Column::AccountId.eq(account.id))
        .order_by_asc(person::Column::Name);
    let contact = |person: Person| Contact {
        roles: rights::words(&person.roles),
        mail: person.mail,
        name: person.name,
        active: person.active,
    };
    Ok(of_account.all(store.read()).await?.into_iter().map(|row| contact(row.into())).collect())
}

async fn all_orders(store: &Store, account: &Account) -> Result<Vec<Order>, Failure> {
    let mut all = Vec::new();
    for page in 0.. {
        let (_, rows) = orders::list(store, Some(account.id), "", page, ROWS).await?;
        let last = (rows.len() as u64) < ROWS;
        for row in rows {
            let (order, lines) = orders::one(store, account.id, &row.number).await?;
            all.push(Order { order, lines });
        }
        if last {
            break;
        }
    }
    Ok(all)
}

async fn all_files(store: &Store, account: &Account) -> Result<Vec<File>, Failure> {
    let mut all = Vec::new();
    for page in 0.. {
        let sort = (Sort::Generated, true);
        let (_, rows) = files::list(store, account, &Filter::default(), sort, page, ROWS).await?;
        let last = (rows.len() as u64) < ROWS;
        for file in rows {
            let text = match files::document(store, account, &file.number).await {
                Ok(text) => Some(text),
                Err(Failure::Refused(Refusal::NotSigned(_))) => None,
                Err(failure) => return Err(failure),
            };
            all.push(File { file, text });
        }
        if last {
            break;
        }
    }
    Ok(all)
}

async fn all_requests(store: &Store, account: &Account) -> Result<Vec<Asked>, Failure> {
    let asked = |request: Request| Asked {
        number: request.number,
        kind: request.kind.word(),
        subject: request.subject,
        mail: request.mail,
        state: request.state.word(),
        fields: request.fields,
        created_at: request.created_at,
    };
    let mut all = Vec::new();
    for page in 0.. {
        let (_, rows) = requests::of_account(store, account, page, ROWS).await?;
        let last = (rows.len() as u64) < ROWS;
        all.extend(rows.into_iter().map(asked));
        if last {
            break;
        }
    }
    Ok(all)
}

impl Everything {
    /// As one JSON text.
    ///
    /// # Errors
    /// None that is known.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// As CSV: the name of each table, and its text.
    ///
    /// # Errors
    /// None that is known.
    pub fn tables(&self) -> Result<Vec<(&'static str, String)>, csv::Error> {
        Ok(vec![
            ("sites", table(&SITES, self.sites.iter().map(site_row))?),
            ("people", table(&["mail", "name", "roles", "active"], self.people.iter().map(person_row))?),
            ("orders", table(&ORDERS, self.orders.iter().flat_map(order_rows))?),
            ("entitlement", table(&ENTITLEMENT, self.entitlement.iter().map(owned_row))?),
            ("files", table(&FILES, self.files.iter().map(file_row))?),
            (
                "requests",
                table(
                    &["number", "kind", "subject", "mail", "state"],
                    self.requests.iter().map(request_row),
                )?,
            ),
        ])
    }
}

const SITES: [&str; 9] =
    ["name", "address1", "address2", "address3", "city", "state", "country", "postal_code", "active"];
const ORDERS: [&str; 12] = [
    "number",
    "lrn",
    "site",
    "sold_to",
    "term",
    "last_day",
    "maintenance_until",
    "placed_by",
    "catalogue",
    "edition",
    "part",
    "quantity",
];
const ENTITLEMENT: [&str; 8] =
    ["site", "catalogue", "part", "perpetual", "dated", "used", "available", "mirrored"];
const FILES: [&str; 8] =
    ["number", "lrn", "site", "catalogue", "license_type", "machine", "generated_on", "generated_by"];

fn table<const COLUMNS: usize>(
    heading: &[&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for row in rows {
        writer.write_record(row.map(grantor_web::answer::harmless))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn site_row(site: &Site) -> [String; 9] {
    let of = &site.details;
    let texts = [
        &of.name,
        &of.address1,
        &of.address2,
        &of.address3,
        &of.city,
        &of.state,
        &of.country,
        &of.postal_code,
    ];
    let [name, address1, address2, address3, city, state, country, postal_code] = texts.map(String::clone);
    [name, address1, address2, address3, city, state, country, postal_code, site.active.to_string()]
}

fn person_row(person: &Contact) -> [String; 4] {
    [person.mail.clone(), person.name.clone(), person.roles.clone(), person.active.to_string()]
}

fn order_rows(order: &Order) -> impl Iterator<Item = [String; 12]> {
    let of = &order.order;
    order.lines.iter().map(move |line| {
        [
            of.number.clone(),
            of.lrn.clone(),
            of.site.clone(),
            of.sold_to.clone(),
            of.term.clone(),
            of.last_day.clone(),
            of.maintenance_until.clone().unwrap_or_default(),
            of.placed_by.clone(),
            line.part.catalogue.clone(),
            line.edition.clone(),
            line.part.number.clone(),
            line.quantity.to_string(),
        ]
    })
}

fn owned_row(owned: &Owned) -> [String; 8] {
    let of = &owned.balance;
    [
        owned.site.clone(),
        of.part.catalogue.clone(),
        of.part.number.clone(),
        of.perpetual.to_string(),
        of.dated.to_string(),
        of.used.to_string(),
        of.available().to_string(),
        of.mirrored.to_string(),
    ]
}

fn file_row(file: &File) -> [String; 8] {
    let of = &file.file;
    let texts = [
        &of.number,
        &of.lrn,
        &of.site,
        &of.catalogue,
        &of.license_type,
        &of.machine,
        &of.generated_on,
        &of.generated_by,
    ];
    texts.map(String::clone)
}

fn request_row(asked: &Asked) -> [String; 5] {
    [
        asked.number.clone(),
        asked.kind.to_owned(),
        asked.subject.clone(),
        asked.mail.clone(),
        asked.state.to_owned(),
    ]
}
