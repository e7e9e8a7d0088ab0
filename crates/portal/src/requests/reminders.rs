//! Reminds the publisher's staff of first answers: when one is due soon, and once when it is late. A service level that nobody
//! hears of before a customer does is none (seed 002, "Request an Activation File").

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::json;

use super::{HOUR, House, Request, State};
use crate::entity::request;
use crate::people::{self, Person};
use crate::rights::Right;
use crate::store::{self, Store};
use crate::{Failure, log, mails};

/// Requests looked at in one transaction.
const BATCH: u64 = 20;
/// A request is due soon when this part of its time is left: of 48 hours six, of eight one.
const LEFT: i64 = 8;
/// Of what has been late for longer than this nobody is told any more: the queue shows it. A week.
const TOO_LATE: i64 = 7 * 24 * HOUR;

/// How far somebody was reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Soon = 1,
    Late = 2,
}

impl Told {
    fn of(request: &Request, at: i64) -> Self {
        if request.is_late(at) { Self::Late } else { Self::Soon }
    }

    fn kind(self) -> mails::Kind {
        match self {
            Self::Soon => mails::Kind::RequestDue,
            Self::Late => mails::Kind::RequestLate,
        }
    }
}

/// Tells whoever looks after each request that is due soon or late, once of each, by mail and in the log; gives of how many requests.
/// `at` is in milliseconds since 1970.
///
/// # Errors
/// The database's; what was told is told then, and the rest waits.
pub async fn remind(store: &Store, house: &House<'_>, at: i64) -> Result<usize, Failure> {
    let mut told = 0;
    loop {
        // Most often there is nothing: looking keeps nobody from writing.
        if some(store.read(), at).await?.is_empty() {
            return Ok(told);
        }
        let tx = store.write().await?;
        store::one_at_a_time(&tx, "reminders of requests").await?;
        for request in some(&tx, at).await? {
            tell(&tx, house, &request, at).await?;
            told += 1;
        }
        tx.commit().await?;
    }
}

/// Those that nobody was reminded of yet as far as they are.
async fn some(db: &impl sea_orm::ConnectionTrait, at: i64) -> Result<Vec<Request>, Failure> {
    use request::Column::{AnsweredAt, CreatedAt, DueAt, Reminded, State as Whose};
    let left = Expr::col(DueAt).sub(Expr::col(CreatedAt)).div(LEFT);
    let soon = Expr::col(DueAt).sub(left).lt(at).and(Reminded.lt(Told::Soon as i64));
    let late = DueAt.lt(at).and(Reminded.lt(Told::Late as i64));
    let rows = request::Entity::find()
        .filter(Whose.ne(State::Done.word()))
        .filter(AnsweredAt.is_null())
        .filter(DueAt.gte(at - TOO_LATE))
        .filter(soon.or(late))
        .order_by_asc(DueAt)
        .limit(BATCH);
    Ok(rows.all(db).await?.into_iter().map(Request::from).collect())
}

async fn tell(
    tx: &DatabaseTransaction,
    house: &House<'_>,
    request: &Request,
    at: i64,
) -> Result<(), Failure> {
    let told = Told::of(request, at);
    let row = request::ActiveModel { id: Set(request.id), reminded: Set(told as i64), ..Default::default() };
    request::Entity::update(row).exec(tx).await?;
    let staff = people::staff(tx).await?;
    let page = format!("{}/requests/{}", house.portal, request.number);
    let assignee = assignee(request, &staff).map_or("", |person| person.name.as_str());
    let fields = mails::templates::with(request.in_mails(page), json!({ "assignee": assignee }));
    let to = whom(house, request, told, &staff);
    for mail in &to {
        mails::of_request(tx, mail, (told.kind(), &fields), None, at).await?;
    }
    if told == Told::Late {
        let more = json!({ "number": request.number, "due": request.due_at, "told": to });
        log::append(tx, at, "portal", "request late", more).await?;
    }
    Ok(())
}

/// While there is time, whoever looks after it; once it is late, everybody who could answer in their place, too.
fn whom(house: &House<'_>, request: &Request, told: Told, staff: &[Person]) -> Vec<String> {
    let mut to: Vec<String> =
        assignee(request, staff).map(|person| person.mail.clone()).into_iter().collect();
    if told == Told::Late || to.is_empty() {
        let all = staff.iter().filter(|person| person.may(Right::Requests)).map(|person| person.mail.clone());
        match house.team {
            Some(team) => to.push(team.to_owned()),
            None => to.extend(all),
        }
    }
    to.sort();
    to.dedup();
    to
}

fn assignee<'a>(request: &Request, staff: &'a [Person]) -> Option<&'a Person> {
    staff.iter().find(|person| Some(person.id) == request.assignee)
}
