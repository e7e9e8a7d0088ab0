//! Mail that goes out: written in the transaction that it tells of, so that none is lost and none tells of what did not happen;
//! sent by [`crate::post`], with the publisher's own words where there are some ([`templates`]). Every mail keeps its `Message-ID` however often it is sent, so a doubled one is shown once.

pub mod templates;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::entity::mail;
use crate::people::Person;
use crate::store::Store;

use templates::with;
pub use templates::{Kind, Templates, Words};

const MINUTE: i64 = 60 * 1000;
/// A mail that could not be sent is tried again, ever more seldom, at least so often.
const SELDOM: i64 = 60 * MINUTE;
/// Whoever takes a mail up has so long to send it before others try.
const TURN: i64 = 5 * MINUTE;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The database's number of it.
    pub id: i64,
    /// The same however often it is sent; without its brackets.
    pub message_id: String,
    /// To whom.
    pub recipient: String,
    /// What about.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// What it tells, and what its template fills in; `None` for what an earlier version wrote.
    pub told: Option<(Kind, Value)>,
    /// Where replies go, if not to the sender.
    pub reply_to: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was sent.
    pub sent_at: Option<i64>,
    /// Why it was not sent yet.
    pub problem: Option<String>,
}

impl From<mail::Model> for Mail {
    fn from(row: mail::Model) -> Self {
        let kind = row.template.as_deref().and_then(Kind::parse);
        let fields = row.fields.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            told: kind.zip(fields),
            id: row.id,
            message_id: row.message_id,
            recipient: row.recipient,
            subject: row.subject,
            body: row.body,
            reply_to: row.reply_to,
            created_at: row.created_at,
            sent_at: row.sent_at,
            problem: row.problem,
        }
    }
}

async fn put(
    tx: &DatabaseTransaction,
    to: &str,
    (kind, fields): (Kind, Value),
    reply_to: Option<&str>,
    at: i64,
) -> Result<(), Failure> {
    let broken = |error: &dyn std::fmt::Display| DbErr::Custom(error.to_string());
    let bits = getrandom::u64().map_err(|error| broken(&error))?;
    let more = getrandom::u64().map_err(|error| broken(&error))?;
    let words = templates::built_in(kind, &fields).map_err(|error| broken(&error))?;
    let row = mail::ActiveModel {
        message_id: Set(format!("{bits:016x}{more:016x}@grantor")),
        recipient: Set(to.to_owned()),
        subject: Set(words.subject),
        body: Set(words.body),
        template: Set(Some(kind.name().to_owned())),
        fields: Set(Some(fields.to_string())),
        reply_to: Set(reply_to.map(str::to_owned)),
        created_at: Set(at),
        tries: Set(0),
        next_at: Set(at),
        ..Default::default()
    };
    mail::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A mail to a person who has, or is to have, an entry to the portal; beside these fields with their name.
async fn to_person(
    tx: &DatabaseTransaction,
    person: &Person,
    (kind, fields): (Kind, Value),
    at: i64,
) -> Result<(), Failure> {
    let fields = with(json!({ "name": person.name }), fields);
    put(tx, &person.mail, (kind, fields), None, at).await
}

/// Invites somebody to choose a password.
pub(crate) async fn invitation(
    tx: &DatabaseTransaction,
    person: &Person,
    link: &str,
    at: i64,
) -> Result<(), Failure> {
    let fields = json!({ "mail": person.mail, "link": link });
    to_person(tx, person, (Kind::Invitation, fields), at).await
}

/// Sends a link for a new password.
pub(crate) async fn reset(
    tx: &DatabaseTransaction,
    person: &Person,
    link: &str,
    at: i64,
) -> Result<(), Failure> {
    let fields = json!({ "mail": person.mail, "link": link });
    to_person(tx, person, (Kind::NewPassword, fields), at).await
}

/// Tells a person that their password is another one.
pub(crate) async fn password_changed(
    tx: &DatabaseTransaction,
    person: &Person,
    at: i64,
) -> Result<(), Failure> {
    to_person(tx, person, (Kind::PasswordChanged, json!({})), at).await
}

/// Tells a person that they have another passkey.
pub(crate) async fn passkey_added(
    tx: &DatabaseTransaction,
    person: &Person,
    name: &str,
    at: i64,
) -> Result<(), Failure> {
    to_person(tx, person, (Kind::PasskeyAdded, json!({ "passkey": name })), at).await
}

/// Tells a person that an account of another house signs in as them.
pub(crate) async fn identity_added(
    tx: &DatabaseTransaction,
    person: &Person,
    (issuer, name): (&str, &str),
    at: i64,
) -> Result<(), Failure> {
    let fields = json!({ "account": name, "issuer": issuer });
    to_person(tx, person, (Kind::AccountLinked, fields), at).await
}

/// The license letter: what was bought, and the number to activate it with.
pub(crate) async fn letter(
    tx: &DatabaseTransaction,
    person: &Person,
    letter: &impl Serialize,
    at: i64,
) -> Result<(), Failure> {
    to_person(tx, person, (Kind::LicenseLetter, json!(letter)), at).await
}

/// A mail of a request's thread; replies to it find their way back.
pub(crate) async fn of_request(
    tx: &DatabaseTransaction,
    to: &str,
    words: (Kind, &Value),
    reply_to: Option<&str>,
    at: i64,
) -> Result<(), Failure> {
    put(tx, to, (words.0, words.1.clone()), reply_to, at).await
}

/// A license file was signed anew, as the key of before is not to be trusted any more.
pub(crate) async fn signed_anew(
    tx: &DatabaseTransaction,
    person: &Person,
    file: &str,
    lrn: &str,
    at: i64,
) -> Result<(), Failure> {
    to_person(tx, person, (Kind::SignedAnew, json!({ "file": file, "lrn": lrn })), at).await
}

/// Takes up the mails that are due, at most `limit`: nobody else tries them for five minutes.
///
/// # Errors
/// The database's.
pub async fn take_up(store: &Store, at: i64, limit: u64) -> Result<Vec<Mail>, Failure> {
    let due = mail::Entity::find()
        .filter(mail::Column::SentAt.is_null())
        .filter(mail::Column::NextAt.lte(at))
        .order_by_asc(mail::Column::NextAt)
        .limit(limit)
        .all(store.read())
        .await?;
    let mut mine = Vec::new();
    for row in due {
        let turn = Ord::min(row.tries + 1, 12);
        let taken = mail::Entity::update_many()
            .col_expr(mail::Column::NextAt, Expr::value(at + Ord::min(TURN * turn, SELDOM)))
            .col_expr(mail::Column::Tries, Expr::value(row.tries + 1))
            .filter(mail::Column::Id.eq(row.id))
            .filter(mail::Column::Tries.eq(row.tries))
            .filter(mail::Column::SentAt.is_null())
            .exec(store.read())
            .await?;
        if taken.rows_affected == 1 {
            mine.push(row.into());
        }
    }
    Ok(mine)
}

/// A mail was handed over, with these words.
///
/// # Errors
/// The database's.
pub async fn was_sent(store: &Store, id: i64, words: &Words, at: i64) -> Result<(), Failure> {
    let row = mail::ActiveModel {
        id: Set(id),
        subject: Set(words.subject.clone()),
        body: Set(words.body.clone()),
        sent_at: Set(Some(at)),
        problem: Set(None),
        ..Default::default()
    };
    mail::Entity::update(row).exec(store.read()).await?;
    Ok(())
}

/// A mail could not be handed over; it is tried again at `next_at`, or when its turn is over.
///
/// # Errors
/// The database's.
pub async fn was_not_sent(
    store: &Store,
    id: i64,
    problem: &str,
    next_at: Option<i64>,
) -> Result<(), Failure> {
    let problem: String = problem.chars().take(500).collect();
    let mut row = mail::ActiveModel { id: Set(id), problem: Set(Some(problem)), ..Default::default() };
    if let Some(next_at) = next_at {
        row.next_at = Set(next_at);
    }
    mail::Entity::update(row).exec(store.read()).await?;
    Ok(())
}

/// All mails, the latest first: how many there are, and one page of them, counted from 0.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store, page: u64, per_page: u64) -> Result<(u64, Vec<Mail>), Failure> {
    let pages =
        mail::Entity::find().order_by_desc(mail::Column::Id).paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, rows.into_iter().map(Mail::from).collect()))
}

/// How many mails wait.
///
/// # Errors
/// The database's.
pub async fn waiting(db: &impl ConnectionTrait) -> Result<u64, Failure> {
    Ok(mail::Entity::find().filter(mail::Column::SentAt.is_null()).count(db).await?)
}
