//! Questions and requests for license files: who wants what, who looks after it, and by when (seed 002, "Request an Activation
//! File"). What was said is in [`thread`], what was attached in [`attachments`], what the forms ask in [`forms`], mail that
//! comes in is read by [`inbox`], and [`reminders`] tell the staff when an answer is due.
//!
//! A request's page needs no account: whoever has its address has its key ([`address`]).

pub mod address;
pub mod attachments;
pub mod forms;
pub mod inbox;
mod kinds;
pub mod reminders;
pub mod thread;

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait,
    QueryFilter, QueryOrder, Select,
};
use serde_json::{Value, json};

use crate::accounts::Account;
use crate::entity::request;
use crate::people::Person;
use crate::sealed::Seal;
use crate::store::Store;
use crate::{Failure, Refusal, log};

pub use kinds::{Kind, State};

const HOUR: i64 = 60 * 60 * 1000;
/// What is counted of the past: 30 days.
const LATELY: i64 = 30 * 24 * HOUR;

/// How soon the publisher answers, in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// What is not urgent. 1 to 8,760.
    pub answer_hours: u32,
    /// What is. 1 to 8,760.
    pub urgent_hours: u32,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The database's number of it.
    pub id: i64,
    /// As people name it: `AFR-0000001`.
    pub number: String,
    /// What is wanted.
    pub kind: Kind,
    /// Who wants it.
    pub name: String,
    /// Their mail address.
    pub mail: String,
    /// Further addresses that get the answers.
    pub others: Vec<String>,
    /// In short.
    pub subject: String,
    /// Whether it is urgent.
    pub urgent: bool,
    /// Every other field of the form, by its name.
    pub fields: BTreeMap<String, String>,
    /// The database's number of the account it is for, if that is known.
    pub account: Option<i64>,
    /// Who of the staff looks after it.
    pub assignee: Option<i64>,
    /// Whose turn it is.
    pub state: State,
    /// When it came, in milliseconds since 1970.
    pub created_at: i64,
    /// When the first answer is due.
    pub due_at: i64,
    /// When the first answer went out.
    pub answered_at: Option<i64>,
}

impl Request {
    /// Whether the first answer is late.
    #[must_use]
    pub fn is_late(&self, at: i64) -> bool {
        self.state != State::Done && self.answered_at.is_none() && self.due_at < at
    }

    /// What every mail of it may say; `page` is where its reader finds it.
    fn in_mails(&self, page: String) -> Value {
        let due = jiff::Timestamp::from_millisecond(self.due_at);
        let due = due.map_or_else(|_| String::new(), |due| due.strftime("%Y-%m-%d %H:%M UTC").to_string());
        json!({
            "number": self.number, "subject": self.subject, "urgent": self.urgent, "name": self.name, "mail": self.mail, "due": due,
            "page": page,
        })
    }

    /// Everybody who gets the answers.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.mail.as_str()).chain(self.others.iter().map(String::as_str))
    }
}

impl From<request::Model> for Request {
    fn from(row: request::Model) -> Self {
        Self {
            id: row.id,
            number: address::number(row.id),
            kind: Kind::parse(&row.kind).unwrap_or(Kind::Question),
            name: format!("{} {}", row.first_name, row.last_name).trim().to_owned(),
            mail: row.mail,
            others: row.others.split_whitespace().map(str::to_owned).collect(),
            subject: row.subject,
            urgent: row.urgent,
            fields: serde_json::from_str(&row.fields).unwrap_or_default(),
            account: row.account_id,
            assignee: row.assignee_id,
            state: State::parse(&row.state),
            created_at: row.created_at,
            due_at: row.due_at,
            answered_at: row.answered_at,
        }
    }
}

/// What surrounds a request: where its page is, and who is told of it.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The portal's own address, `https://…` without a slash at its end.
    pub portal: &'a str,
    /// Makes the keys of pages and replies.
    pub seal: &'a Seal,
    /// The mail address that replies come to, if there is one.
    pub replies: Option<&'a str>,
    /// The mail address of those who look after requests, if there is one.
    pub team: Option<&'a str>,
}

/// Files a request; the form that was sent twice (`once`) gives the same. Who asked gets a mail that can be replied to.
///
/// # Errors
/// [`Refusal::Fields`] with everything that is wrong; the database's.
pub async fn file(
    store: &Store,
    house: &House<'_>,
    asked: &forms::Asked<'_>,
    levels: Levels,
    at: i64,
) -> Result<Request, Failure> {
    let checked = asked.checked()?;
    let hours = if checked.urgent { levels.urgent_hours } else { levels.answer_hours };
    let tx = store.write().await?;
    if let Some(row) = request::Entity::find().filter(request::Column::Once.eq(asked.once)).one(&tx).await? {
        return same(row.into(), asked, &checked);
    }
    let row = request::ActiveModel {
        once: Set(asked.once.to_owned()),
        kind: Set(asked.kind.word().to_owned()),
        first_name: Set(checked.first_name),
        last_name: Set(checked.last_name),
        mail: Set(checked.mail),
        others: Set(checked.others.join(" ")),
        subject: Set(checked.subject),
        urgent: Set(checked.urgent),
        fields: Set(json!(checked.fields).to_string()),
        account_id: Set(asked.account),
        state: Set(State::Open.word().to_owned()),
        created_at: Set(at),
        due_at: Set(at + i64::from(hours) * HOUR),
        changed_at: Set(at),
        ..Default::default()
    };
    let request: Request = request::Entity::insert(row).exec_with_returning(&tx).await?.into();
    thread::confirm(&tx, house, &request, at).await?;
    log::append(&tx, at, &request.mail, "request filed", json!({ "number": request.number })).await?;
    tx.commit().await?;
    Ok(request)
}

/// What was filed under the same name, if it is that. Where none was named, its account may have been found out since.
fn same(filed: Request, named: &forms::Asked<'_>, checked: &forms::Checked) -> Result<Request, Failure> {
    let own =
        |request: &Request| (request.kind, request.subject.clone(), request.mail.clone(), request.urgent);
    let asked = (named.kind, checked.subject.clone(), checked.mail.clone(), checked.urgent);
    let before = filed.fields.iter().map(|(name, text)| (name.as_str(), text));
    let of_account = named.account.is_none() || named.account == filed.account;
    if of_account
        && own(&filed) == asked
        && before.eq(checked.fields.iter().map(|(name, text)| (*name, text)))
    {
        Ok(filed)
    } else {
        Err(Refusal::KeyReused.into())
    }
}

/// The request with that number, `AFR-0000001`.
///
/// # Errors
/// [`Refusal::UnknownRequest`]; the database's.
pub async fn find(db: &impl ConnectionTrait, number: &str) -> Result<Request, Failure> {
    let unknown = || Failure::from(Refusal::UnknownRequest(number.to_owned()));
    let id = address::id(number).ok_or_else(unknown)?;
    let row = request::Entity::find_by_id(id).one(db).await?;
    row.map(Request::from).ok_or_else(unknown)
}

/// Which requests a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those whose turn is the publisher's.
    Open,
    /// Those of them that one person looks after.
    Of(i64),
    /// Those of them that nobody looks after.
    Unassigned,
    /// Those whose first answer is late.
    Late,
    /// Those that wait for the requester.
    Waiting,
    /// All.
    All,
}

impl Which {
    /// The list with that name, for that person; without one, those whose turn is the publisher's.
    #[must_use]
    pub fn parse(word: &str, person: i64) -> Self {
        match word {
            "mine" => Self::Of(person),
            "unassigned" => Self::Unassigned,
            "late" => Self::Late,
            "waiting" => Self::Waiting,
            "all" => Self::All,
            _ => Self::Open,
        }
    }
}

fn shown(which: Which, at: i64) -> Condition {
    use request::Column::{AnsweredAt, AssigneeId, DueAt, State as Whose};
    let open = Condition::all().add(Whose.eq(State::Open.word()));
    match which {
        Which::Open => open,
        Which::Of(person) => open.add(AssigneeId.eq(person)),
        Which::Unassigned => open.add(AssigneeId.is_null()),
        Which::Late => {
            Condition::all().add(Whose.ne(State::Done.word())).add(AnsweredAt.is_null()).add(DueAt.lt(at))
        }
        Which::Waiting => Condition::all().add(Whose.eq(State::Waiting.word())),
        Which::All => Condition::all(),
    }
}

async fn paged(
    query: Select<request::Entity>,
    store: &Store,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Request>), Failure> {
    let pages = query.paginate(store.read(), per_page.clamp(1, 200));
    let (total, rows) = (pages.num_items().await?, pages.fetch_page(page).await?);
    Ok((total, rows.into_iter().map(Request::from).collect()))
}

/// The queue, what is due first on top: how many there are, and one page of them, counted from 0. `text` is looked for in
/// subject, name and mail address.
///
/// # Errors
/// The database's.
pub async fn queue(
    store: &Store,
    which: Which,
    text: &str,
    at: i64,
    (page, per_page): (u64, u64),
) -> Result<(u64, Vec<Request>), Failure> {
    use request::Column::{Id, LastName, Mail, Subject};
    let mut query = request::Entity::find().filter(shown(which, at));
    if let Some(id) = address::id(text) {
        query = query.filter(Id.eq(id));
    } else if !text.is_empty() {
        query = query.filter(Subject.contains(text).or(LastName.contains(text)).or(Mail.contains(text)));
    }
    query = match which {
        Which::All => query.order_by_desc(Id),
        _ => query.order_by_asc(request::Column::DueAt).order_by_asc(Id),
    };
    paged(query, store, page, per_page).await
}

/// An account's requests, the latest first.
///
/// # Errors
/// The database's.
pub async fn of_account(
    store: &Store,
    account: &Account,
    page: u64,
    per_page: u64,
) -> Result<(u64, Vec<Request>), Failure> {
    let query = request::Entity::find().filter(request::Column::AccountId.eq(account.id));
    paged(query.order_by_desc(request::Column::Id), store, page, per_page).await
}

/// How the queue is: for the picture on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Whose turn is the publisher's.
    pub open: u64,
    /// Those that nobody looks after.
    pub unassigned: u64,
    /// Those whose first answer is late.
    pub late: u64,
    /// Of the last 30 days: those whose first answer was in time,
    pub in_time: u64,
    /// of so many that were answered or are late.
    pub due: u64,
}

/// Counts the queue.
///
/// # Errors
/// The database's.
pub async fn counts(store: &Store, at: i64) -> Result<Counts, Failure> {
    use request::Column::{AnsweredAt, CreatedAt, DueAt};
    let count = |condition: Condition| request::Entity::find().filter(condition).count(store.read());
    let lately = Condition::all().add(CreatedAt.gte(at - LATELY));
    let answered = lately.clone().add(AnsweredAt.is_not_null());
    let in_time = count(answered.clone().add(Expr::col(AnsweredAt).lte(Expr::col(DueAt)))).await?;
    let answered = count(answered).await?;
    let late = count(lately.add(shown(Which::Late, at))).await?;
    Ok(Counts {
        open: count(shown(Which::Open, at)).await?,
        unassigned: count(shown(Which::Unassigned, at)).await?,
        late: count(shown(Which::Late, at)).await?,
        in_time,
        due: answered + late,
    })
}

/// What an analyst changes of a request.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Who looks after it, or nobody.
    pub assignee: Option<Option<i64>>,
    /// Whose turn it is.
    pub state: Option<State>,
    /// The account it is for, or none that is known.
    pub account: Option<Option<i64>>,
}

/// Changes who looks after a request, whose turn it is, or which account it is for.
///
/// # Errors
/// The database's.
pub async fn change(
    store: &Store,
    request: &Request,
    change: &Change,
    (by, at): (&Person, i64),
) -> Result<(), Failure> {
    let tx = store.write().await?;
    let mut row = request::ActiveModel { id: Set(request.id), changed_at: Set(at), ..Default::default() };
    let mut told = json!({ "number": request.number });
    if let Some(assignee) = change.assignee {
        row.assignee_id = Set(assignee);
        told["assignee"] = json!(assignee);
    }
    if let Some(state) = change.state {
        row.state = Set(state.word().to_owned());
        told["state"] = json!(state.word());
    }
    if let Some(account) = change.account {
        row.account_id = Set(account);
        told["account"] = json!(account);
    }
    request::Entity::update(row).exec(&tx).await?;
    log::append(&tx, at, &by.mail, "request changed", told).await?;
    tx.commit().await?;
    Ok(())
}
