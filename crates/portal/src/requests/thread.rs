//! What was said of a request, by whom; every word that is for others goes out by mail, too.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};

use super::{House, Request, State, address};
use crate::entity::{person, request, request_message};
use crate::once::Once;
use crate::people::Person;
use crate::store::Store;
use crate::{Failure, log, mails};

/// Characters of one message, at most.
const LONGEST: usize = 20_000;
/// Messages of one request, at most.
const MOST: u64 = 1000;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Whoever asks.
    Requester,
    /// The publisher's staff.
    Staff,
    /// The publisher's staff among themselves.
    Note,
}

impl Side {
    /// As it is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Staff => "staff",
            Self::Note => "note",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "staff" => Self::Staff,
            "note" => Self::Note,
            _ => Self::Requester,
        }
    }
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// On whose side.
    pub side: Side,
    /// Who.
    pub author: String,
    /// What.
    pub body: String,
    /// When, in milliseconds since 1970.
    pub written_at: i64,
}

/// Everything that was said; notes among staff only if they are asked for.
///
/// # Errors
/// The database's.
pub async fn messages(
    db: &impl ConnectionTrait,
    request: &Request,
    notes: bool,
) -> Result<Vec<Message>, Failure> {
    let mut query = request_message::Entity::find()
        .filter(request_message::Column::RequestId.eq(request.id))
        .order_by_asc(request_message::Column::Id);
    if !notes {
        query = query.filter(request_message::Column::Side.ne(Side::Note.word()));
    }
    let message = |row: request_message::Model| Message {
        side: Side::parse(&row.side),
        author: row.author,
        body: row.body,
        written_at: row.written_at,
    };
    Ok(query.all(db).await?.into_iter().map(message).collect())
}

/// A text that was written, bounded, with line ends of one kind and nothing that can't be shown.
fn cleaned(body: &str) -> Result<String, Failure> {
    let body: String = body
        .replace("\r\n", "\n")
        .chars()
        .filter(|sign| !sign.is_control() || matches!(sign, '\n' | '\t'))
        .collect();
    let body = body.trim();
    if body.is_empty() {
        return Err(Failure::field("message", "is missing"));
    }
    if body.chars().count() > LONGEST {
        return Err(Failure::field("message", format!("has more than {LONGEST} characters")));
    }
    Ok(body.to_owned())
}

async fn put(
    tx: &DatabaseTransaction,
    request: &Request,
    (side, author, body): (Side, &str, &str),
    message_id: Option<String>,
    at: i64,
) -> Result<(), Failure> {
    use sea_orm::PaginatorTrait;
    let of_request = request_message::Column::RequestId.eq(request.id);
    if request_message::Entity::find().filter(of_request).count(tx).await? >= MOST {
        return Err(Failure::field("message", format!("there are {MOST} already; file a new request")));
    }
    let row = request_message::ActiveModel {
        request_id: Set(request.id),
        side: Set(side.word().to_owned()),
        author: Set(author.to_owned()),
        body: Set(body.to_owned()),
        message_id: Set(message_id),
        written_at: Set(at),
        ..Default::default()
    };
    request_message::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether what has this name, a mail by its `Message-ID`, was taken before.
pub(crate) async fn was_taken(db: &impl ConnectionTrait, message_id: &str) -> Result<bool, Failure> {
    let same = request_message::Column::MessageId.eq(message_id);
    Ok(request_message::Entity::find().filter(same).one(db).await?.is_some())
}

/// Whether this was said under that name before.
///
/// # Errors
/// [`Refusal::KeyReused`](crate::Refusal::KeyReused): something else was; the database's.
pub(crate) async fn was_said(
    db: &impl ConnectionTrait,
    request: &Request,
    body: &str,
    once: &str,
) -> Result<bool, Failure> {
    let same = request_message::Column::MessageId.eq(once);
    let Some(row) = request_message::Entity::find().filter(same).one(db).await? else { return Ok(false) };
    if row.request_id == request.id && row.body == cleaned(body)? {
        return Ok(true);
    }
    Err(crate::Refusal::KeyReused.into())
}

/// Whoever asks says more: it is the publisher's turn, and whoever looks after it is told.
///
/// # Errors
/// A message that is missing or too long; the database's.
pub async fn say(
    store: &Store,
    house: &House<'_>,
    request: &Request,
    (author, body): (&str, &str),
    message_id: Option<String>,
    at: i64,
) -> Result<(), Failure> {
    let tx = store.write().await?;
    say_in(&tx, house, request, (author, body), message_id, at).await?;
    tx.commit().await?;
    Ok(())
}

/// The same within a transaction.
pub(super) async fn say_in(
    tx: &DatabaseTransaction,
    house: &House<'_>,
    request: &Request,
    (author, body): (&str, &str),
    message_id: Option<String>,
    at: i64,
) -> Result<(), Failure> {
    let body = cleaned(body)?;
    put(tx, request, (Side::Requester, author, &body), message_id, at).await?;
    turn(tx, request, State::Open, None, at).await?;
    log::append(tx, at, author, "request replied to", json!({ "number": request.number })).await?;
    tell_staff(tx, house, request, (author, &body), at).await
}

/// The publisher answers: everybody who is to get the answers gets it by mail, and it is the requester's turn, or it is done.
///
/// # Errors
/// A message that is missing or too long; the database's.
pub async fn answer(
    store: &Store,
    house: &House<'_>,
    request: &Request,
    said: (&Person, &str),
    then: State,
    at: i64,
) -> Result<(), Failure> {
    answer_once(store, house, request, said, then, None, at).await
}

/// As [`answer`], known by `once`: the same again is sent once.
///
/// # Errors
/// As [`answer`]; [`Refusal::KeyReused`](crate::Refusal::KeyReused).
pub(crate) async fn answer_once(
    store: &Store,
    house: &House<'_>,
    request: &Request,
    (by, body): (&Person, &str),
    then: State,
    once: Option<&Once>,
    at: i64,
) -> Result<(), Failure> {
    let body = cleaned(body)?;
    let tx = store.write().await?;
    if let Some(once) = once {
        if once.before::<bool>(&tx).await?.is_some() {
            return Ok(());
        }
        once.keep(&tx, &true, at).await?;
    }
    put(&tx, request, (Side::Staff, &by.name, &body), None, at).await?;
    turn(&tx, request, then, Some(request.answered_at.unwrap_or(at)), at).await?;
    let fields = json!({ "answer": body, "done": then == State::Done });
    tell_requester(&tx, house, request, (mails::Kind::RequestAnswered, fields), at).await?;
    log::append(
        &tx,
        at,
        &by.mail,
        "request answered",
        json!({ "number": request.number, "state": then.word() }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The publisher's staff notes something for themselves.
///
/// # Errors
/// A message that is missing or too long; the database's.
pub async fn note(
    store: &Store,
    request: &Request,
    (by, body): (&Person, &str),
    at: i64,
) -> Result<(), Failure> {
    let body = cleaned(body)?;
    let tx = store.write().await?;
    put(&tx, request, (Side::Note, &by.name, &body), None, at).await?;
    log::append(&tx, at, &by.mail, "request noted", json!({ "number": request.number })).await?;
    tx.commit().await?;
    Ok(())
}

async fn turn(
    tx: &DatabaseTransaction,
    request: &Request,
    state: State,
    answered_at: Option<i64>,
    at: i64,
) -> Result<(), Failure> {
    let mut row = request::ActiveModel {
        id: Set(request.id),
        state: Set(state.word().to_owned()),
        changed_at: Set(at),
        ..Default::default()
    };
    if answered_at.is_some() {
        row.answered_at = Set(answered_at);
    }
    request::Entity::update(row).exec(tx).await?;
    Ok(())
}

/// Confirms a request that was just filed, and tells those who look after requests.
pub(super) async fn confirm(
    tx: &DatabaseTransaction,
    house: &House<'_>,
    request: &Request,
    at: i64,
) -> Result<(), Failure> {
    let fields = json!({ "kind": request.kind.title(), "replies": house.replies.is_some() });
    tell_requester(tx, house, request, (mails::Kind::RequestFiled, fields), at).await?;
    let body = request.fields.get("description").map_or("", String::as_str);
    tell_staff(tx, house, request, (&request.mail, body), at).await
}

async fn tell_requester(
    tx: &DatabaseTransaction,
    house: &House<'_>,
    request: &Request,
    (kind, more): (mails::Kind, Value),
    at: i64,
) -> Result<(), Failure> {
    let reply_to = house.replies.and_then(|replies| address::reply_to(replies, house.seal, &request.number));
    let page = address::page(house.portal, house.seal, &request.number);
    let fields = mails::templates::with(request.in_mails(page), more);
    for to in request.recipients() {
        mails::of_request(tx, to, (kind, &fields), reply_to.as_deref(), at).await?;
    }
    Ok(())
}

/// Tells whoever looks after it, or all who look after requests.
async fn tell_staff(
    tx: &DatabaseTransaction,
    house: &House<'_>,
    request: &Request,
    (author, body): (&str, &str),
    at: i64,
) -> Result<(), Failure> {
    let assignee = match request.assignee {
        Some(id) => {
            person::Entity::find_by_id(id).one(tx).await?.filter(|row| row.active).map(|row| row.mail)
        }
        None => None,
    };
    let Some(to) = assignee.or_else(|| house.team.map(str::to_owned)) else { return Ok(()) };
    let page = format!("{}/requests/{}", house.portal, request.number);
    let more = json!({ "author": author, "message": body });
    let fields = mails::templates::with(request.in_mails(page), more);
    mails::of_request(tx, &to, (mails::Kind::RequestMessage, &fields), None, at).await
}
