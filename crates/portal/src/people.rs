//! People who come to the portal: invited by mail, with roles, of the publisher or of an account; and what they can reach.
//! How they prove who they are is the business of [`crate::signin`].

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, SqlErr,
};
use serde_json::json;

use crate::accounts::{self, Account};
use crate::entity::{account, person, visit};
use crate::refusal::text;
use crate::rights::{self, Right, Role};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// Whoever does something: for the log, and for what only certified people may.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// Somebody who signed in.
    Person(&'a Person),
    /// Whoever has the books in their hands, at the command line.
    House(&'a str),
}

impl Actor<'_> {
    /// As it stands in the log.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person(person) => &person.mail,
            Self::House(name) => name,
        }
    }
}

/// A person as invited or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Their name, up to 200 characters.
    pub name: String,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// The reference number of their account; `None`: the publisher's.
    pub account: Option<String>,
    /// Whether they may sign in.
    pub active: bool,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The database's number of them.
    pub id: i64,
    /// What they sign in with.
    pub mail: String,
    /// Their name.
    pub name: String,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// The database's number of their account; `None`: the publisher's.
    pub account: Option<i64>,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether they took their invitation.
    pub has_password: bool,
    /// Whether they show a code when they sign in.
    pub has_codes: bool,
    /// Which change of them this is; an edit must name the one it saw.
    pub version: i64,
}

impl Person {
    /// Whether they have the right, on the accounts that they reach.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.active && rights::may(&self.roles, self.account.is_some(), right)
    }

    /// Whether they are the publisher's staff.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.roles.iter().any(|role| role.is_staff())
    }
}

impl From<person::Model> for Person {
    fn from(row: person::Model) -> Self {
        Self {
            id: row.id,
            mail: row.mail,
            name: row.name,
            roles: rights::from_words(&row.roles),
            account: row.account_id,
            active: row.active,
            has_password: row.password.is_some(),
            has_codes: row.totp.is_some(),
            version: row.version,
        }
    }
}

/// A mail address in lower case, if it looks like one.
pub(crate) fn address(mail: &str) -> Result<String, Failure> {
    let mail = text("mail address", mail, 200)?.to_lowercase();
    let looks_right = mail.split_once('@').is_some_and(|(before, behind)| {
        !before.is_empty() && behind.contains('.') && !behind.starts_with('.') && !behind.ends_with('.')
    });
    let odd = |sign: char| sign.is_whitespace() || matches!(sign, '<' | '>' | ',' | ';' | '"');
    if !looks_right || mail.contains(odd) || mail.matches('@').count() != 1 {
        return Err(Failure::field("mail address", format!("`{mail}` is none")));
    }
    Ok(mail)
}

/// The details as they are kept, or what is wrong with them.
async fn checked(db: &impl ConnectionTrait, details: &Details) -> Result<(String, Option<i64>), Failure> {
    let name = text("name", &details.name, 200)?;
    let account = match details.account.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(reference) => Some(accounts::find(db, reference).await?.id),
        None => None,
    };
    match rights::contradiction(&details.roles, account.is_some()) {
        Some(message) => Err(Failure::field("roles", message)),
        None => Ok((name, account)),
    }
}

/// Enters a person, who can't sign in before they take an invitation ([`crate::signin::invite`]). `at` is now, in milliseconds
/// since 1970.
///
/// # Errors
/// A field that is not what it should be; [`Refusal::PersonExists`]; the database's.
pub async fn enter(
    tx: &DatabaseTransaction,
    mail: &str,
    details: &Details,
    (by, at): (&str, i64),
) -> Result<Person, Failure> {
    let mail = address(mail)?;
    let (name, account_id) = checked(tx, details).await?;
    let row = person::ActiveModel {
        mail: Set(mail.clone()),
        name: Set(name),
        roles: Set(rights::words(&details.roles)),
        account_id: Set(account_id),
        active: Set(details.active),
        version: Set(1),
        failures: Set(0),
        try_after: Set(0),
        created_at: Set(at),
        appointed_by: Set(appointed_by(tx, details, by).await?),
        ..Default::default()
    };
    let made =
        person::Entity::insert(row).exec_with_returning(tx).await.map_err(|error| taken(error, &mail))?;
    log::append(tx, at, by, "person entered", told(&mail, details)).await?;
    Ok(made.into())
}

fn is_administrator(roles: &BTreeSet<Role>, active: bool) -> bool {
    active && roles.contains(&Role::Administrator)
}

/// The number of the person who makes somebody an administrator; `None`: whoever has the books in their hands does, or they are none.
async fn appointed_by(
    db: &impl ConnectionTrait,
    details: &Details,
    by: &str,
) -> Result<Option<i64>, Failure> {
    if !is_administrator(&details.roles, details.active) {
        return Ok(None);
    }
    let row = person::Entity::find().filter(person::Column::Mail.eq(by)).one(db).await?;
    Ok(row.map(|row| row.id))
}

/// A person and everybody who stands behind their being an administrator: who made them one, who made that person one, and so on.
async fn behind(db: &impl ConnectionTrait, id: i64) -> Result<BTreeSet<i64>, Failure> {
    let (mut next, mut all) = (Some(id), BTreeSet::new());
    while let Some(id) = next.filter(|id| all.insert(*id)) {
        next = person::Entity::find_by_id(id).one(db).await?.and_then(|row| row.appointed_by);
    }
    Ok(all)
}

/// Whether one person could stand behind both: one made the other an administrator, or the same made both, also through others.
pub(crate) async fn of_one_side(db: &impl ConnectionTrait, one: i64, other: i64) -> Result<bool, Failure> {
    Ok(!behind(db, one).await?.is_disjoint(&behind(db, other).await?))
}

fn taken(error: sea_orm::DbErr, mail: &str) -> Failure {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Refusal::PersonExists(mail.to_owned()).into(),
        _ => error.into(),
    }
}

fn told(mail: &str, details: &Details) -> serde_json::Value {
    json!({
        "mail": mail, "name": details.name.trim(), "roles": details.roles, "account": details.account,
        "active": details.active,
    })
}

/// Changes a person, if they are still as the editor saw them. Their visits end: what they may do is looked up anew.
///
/// # Errors
/// As for [`enter`]; [`Refusal::ChangedMeanwhile`].
pub async fn edit(
    store: &Store,
    seen: &Person,
    details: &Details,
    (by, at): (&str, i64),
) -> Result<Person, Failure> {
    let tx = store.write().await?;
    let (name, account_id) = checked(&tx, details).await?;
    let becomes =
        is_administrator(&details.roles, details.active) && !is_administrator(&seen.roles, seen.active);
    let appointed = if becomes { Set(appointed_by(&tx, details, by).await?) } else { NotSet };
    let change = person::ActiveModel {
        name: Set(name),
        roles: Set(rights::words(&details.roles)),
        account_id: Set(account_id),
        active: Set(details.active),
        version: Set(seen.version + 1),
        appointed_by: appointed,
        ..Default::default()
    };
    let edited = person::Entity::update_many()
        .set(change)
        .filter(person::Column::Id.eq(seen.id))
        .filter(Expr::col(person::Column::Version).eq(seen.version))
        .exec(&tx)
        .await?;
    if edited.rows_affected == 0 {
        return Err(Refusal::ChangedMeanwhile(seen.mail.clone()).into());
    }
    if !details.active {
        visit::Entity::delete_many().filter(visit::Column::PersonId.eq(seen.id)).exec(&tx).await?;
    }
    log::append(&tx, at, by, "person changed", told(&seen.mail, details)).await?;
    tx.commit().await?;
    by_id(store.read(), seen.id).await
}

/// The person with that number.
///
/// # Errors
/// [`Refusal::UnknownPerson`]; the database's.
pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Person, Failure> {
    let row = person::Entity::find_by_id(id).one(db).await?;
    Ok(row.ok_or_else(|| Refusal::UnknownPerson(id.to_string()))?.into())
}

/// The person with that mail address.
///
/// # Errors
/// [`Refusal::UnknownPerson`]; the database's.
pub async fn by_mail(db: &impl ConnectionTrait, mail: &str) -> Result<Person, Failure> {
    let mail = mail.trim().to_lowercase();
    let row = person::Entity::find().filter(person::Column::Mail.eq(&mail)).one(db).await?;
    Ok(row.ok_or(Refusal::UnknownPerson(mail))?.into())
}

/// People with this in their name or mail address, by name: how many there are, and one page of them, counted from 0.
///
/// # Errors
/// The database's.
pub async fn search(
    store: &Store,
    text: &str,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Person>), Failure> {
    let mut query =
        person::Entity::find().order_by_asc(person::Column::Name).order_by_asc(person::Column::Id);
    if !text.is_empty() {
        query = query.filter(person::Column::Name.contains(text).or(person::Column::Mail.contains(text)));
    }
    let pages = query.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, rows.into_iter().map(Person::from).collect()))
}

/// The publisher's staff who may sign in, by name.
///
/// # Errors
/// The database's.
pub async fn staff(db: &impl ConnectionTrait) -> Result<Vec<Person>, Failure> {
    let all = person::Entity::find()
        .filter(person::Column::AccountId.is_null())
        .filter(person::Column::Active.eq(true))
        .order_by_asc(person::Column::Name);
    Ok(all.all(db).await?.into_iter().map(Person::from).collect())
}

/// Those who are told of an account's orders: its active partners and customers, or, as long as it has none, those of the nearest
/// account above it.
///
/// # Errors
/// The database's.
pub async fn contacts(db: &impl ConnectionTrait, account: i64) -> Result<Vec<Person>, Failure> {
    let (mut next, mut seen) = (Some(account), BTreeSet::new());
    while let Some(id) = next.filter(|id| seen.insert(*id)) {
        let of_account = person::Entity::find().filter(person::Column::AccountId.eq(id));
        let people = of_account.order_by_asc(person::Column::Id).all(db).await?;
        let mut people: Vec<Person> = people.into_iter().map(Person::from).collect();
        people.retain(|person| person.may(Right::Files));
        if !people.is_empty() {
            return Ok(people);
        }
        next = account::Entity::find_by_id(id).one(db).await?.and_then(|row| row.parent_id);
    }
    Ok(Vec::new())
}

/// An account's row and those under it, at any depth: for a condition on `accounts.id`.
fn below(root: i64) -> SimpleExpr {
    Expr::cust(format!(
        "accounts.id in (with recursive below(id) as (select cast({root} as bigint) union \
         select under.id from accounts under join below on under.parent_id = below.id) select id from below)"
    ))
}

/// The account with that reference number, if the person reaches it. To others it does not exist.
///
/// # Errors
/// [`Refusal::UnknownAccount`]; the database's.
pub async fn reached(
    db: &impl ConnectionTrait,
    person: &Person,
    reference: &str,
) -> Result<Account, Failure> {
    let mut query = account::Entity::find().filter(account::Column::Reference.eq(reference.trim()));
    if let Some(root) = person.account {
        query = query.filter(below(root));
    }
    let unknown = || Refusal::UnknownAccount(reference.trim().to_owned());
    if !person.may(Right::See) {
        return Err(unknown().into());
    }
    Ok(query.one(db).await?.ok_or_else(unknown)?.into())
}

/// Accounts that the person reaches, as [`accounts::search`] gives them.
///
/// # Errors
/// The database's.
pub async fn accounts(
    store: &Store,
    person: &Person,
    text: &str,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Account>), Failure> {
    let within = person.account.map(below);
    accounts::search_within(store, within, text, page, per_page).await
}
