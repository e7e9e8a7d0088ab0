//! Everything that an account owns, for the account to keep: as one JSON text, or a CSV table for each kind of thing.

mod tables;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::accounts::Account;
use crate::entitlements::{Balance, balances};
use crate::entity::{activation, moved, order, person};
use crate::files::{self, Filter, LicenseFile, Sort};
use crate::orders::{self, BookedOrder, OrderLine};
use crate::people::Person;
use crate::requests::{self, Request, attachments, thread};
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
    /// What was said since, but for the notes of the publisher's staff.
    pub messages: Vec<Said>,
    /// What is attached to it.
    pub attachments: Vec<Attached>,
}

/// Something that was said of a request.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// On whose side.
    pub side: &'static str,
    /// Who.
    pub author: String,
    /// What.
    pub body: String,
    /// When, in milliseconds since 1970.
    pub written_at: i64,
}

/// A file that is attached to a request; its bytes are downloaded, or written by `grantor portal account export`.
#[derive(Debug, Clone, Serialize)]
pub struct Attached {
    /// The database's number of it.
    pub id: i64,
    /// The file's name.
    pub name: String,
    /// What its bytes are.
    pub kind: String,
    /// How many bytes.
    pub size: i64,
    /// Who attached it.
    pub author: String,
}

/// An order that was activated.
#[derive(Debug, Clone, Serialize)]
pub struct Activated {
    /// The order's license reference number.
    pub lrn: String,
    /// The installation.
    pub registration_key: String,
    /// The number of the file that came of it; nothing for what is too old to know.
    pub file: Option<String>,
    /// When, in milliseconds since 1970.
    pub activated_at: i64,
}

/// A license that went to another machine.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    /// What it was bound to.
    pub from: String,
    /// What it is bound to since.
    pub to: String,
    /// Why.
    pub reason: String,
    /// Who moved it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
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
    /// Its orders that were activated.
    pub activations: Vec<Activated>,
    /// Its licenses that went to other machines.
    pub moves: Vec<Moved>,
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
        activations: activations(store, account).await?,
        moves: moves(store, account).await?,
    })
}

async fn activations(store: &Store, account: &Account) -> Result<Vec<Activated>, Failure> {
    let mut all = Vec::new();
    let of_account =
        order::Entity::find().filter(order::Column::AccountId.eq(account.id)).order_by_asc(order::Column::Id);
    for of in of_account.all(store.read()).await? {
        let found = activation::Entity::find_by_id(of.id).one(store.read()).await?;
        all.extend(found.map(|row| Activated {
            lrn: of.lrn,
            registration_key: row.registration_key,
            file: row.file_id.map(files::number),
            activated_at: row.activated_at,
        }));
    }
    Ok(all)
}

async fn moves(store: &Store, account: &Account) -> Result<Vec<Moved>, Failure> {
    let of_account =
        moved::Entity::find().filter(moved::Column::AccountId.eq(account.id)).order_by_asc(moved::Column::Id);
    let one = |row: moved::Model| Moved {
        from: row.from_key,
        to: row.to_key,
        reason: row.reason,
        by: row.moved_by,
        at: row.moved_at,
    };
    Ok(of_account.all(store.read()).await?.into_iter().map(one).collect())
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
        let (_, rows) = orders::list(store, Some(account.id), "", orders::LATEST, page, ROWS).await?;
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
    let mut all = Vec::new();
    for page in 0.. {
        let (_, rows) = requests::of_account(store, account, page, ROWS).await?;
        let last = (rows.len() as u64) < ROWS;
        for request in rows {
            all.push(asked(store, request).await?);
        }
        if last {
            break;
        }
    }
    Ok(all)
}

async fn asked(store: &Store, request: Request) -> Result<Asked, Failure> {
    let said = |message: thread::Message| Said {
        side: message.side.word(),
        author: message.author,
        body: message.body,
        written_at: message.written_at,
    };
    let attached = |one: attachments::Attachment| Attached {
        id: one.id,
        name: one.name,
        kind: one.kind,
        size: one.size,
        author: one.author,
    };
    let messages = thread::messages(store.read(), &request, false).await?.into_iter().map(said).collect();
    let attachments = attachments::list(store.read(), &request).await?.into_iter().map(attached).collect();
    Ok(Asked {
        number: request.number,
        kind: request.kind.word(),
        subject: request.subject,
        mail: request.mail,
        state: request.state.word(),
        fields: request.fields,
        created_at: request.created_at,
        messages,
        attachments,
    })
}

impl Everything {
    /// As one JSON text.
    ///
    /// # Errors
    /// None that is known.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
