//! Requests: those of an account for whoever reaches it, the queue and answering for the publisher's staff. What sends mail
//! names its request by the header `Idempotency-Key`, so that it is sent once however often it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use axum::Json;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Path, once, request_key};
use super::attachments::Attached;
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body};
use crate::accounts;
use crate::catalogues::digest;
use crate::http::ask::now;
use crate::http::fault::Fault;
use crate::http::form::Fields;
use crate::http::{Need, Route, Shared};
use crate::people::{self, Person};
use crate::requests::attachments;
use crate::requests::forms::Asked;
use crate::requests::thread::{self, Message};
use crate::requests::{self, Change, Kind, Request, State, Which, address};
use crate::rights::Right;
use crate::tokens::Scope;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts/{account}/requests", Need::Token, of_account),
        Route::post("/api/v1/accounts/{account}/requests", Need::Token, file),
        Route::get("/api/v1/accounts/{account}/requests/{number}", Need::Token, one_of_account),
        Route::post("/api/v1/accounts/{account}/requests/{number}/reply", Need::Token, reply),
        Route::get("/api/v1/requests", Need::Token, queue),
        Route::get("/api/v1/requests/{number}", Need::Token, one),
        Route::post("/api/v1/requests/{number}/answer", Need::Token, answer),
        Route::post("/api/v1/requests/{number}/note", Need::Token, note),
        Route::post("/api/v1/requests/{number}/change", Need::Token, change),
    ]
}

/// A request in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    number: String,
    /// `question`, `publisher`, `third-party`, `hosted` or `order-kit`.
    kind: &'static str,
    subject: String,
    name: String,
    mail: String,
    urgent: bool,
    /// Whose turn it is: `open` is the publisher's, `waiting` the requester's, `done` nobody's.
    state: &'static str,
    /// Reference number, if it is known whose it is.
    account: Option<String>,
    /// Mail address of who looks after it.
    assignee: Option<String>,
    /// In milliseconds since 1970.
    created_at: i64,
    /// When the first answer is due.
    due_at: i64,
    answered_at: Option<i64>,
    /// Whether the first answer is late.
    late: bool,
    /// Its page, for whoever has this address.
    page: String,
}

/// What was said.
#[derive(Serialize, ToSchema)]
pub(super) struct Said {
    /// `requester`, `staff`, or `note`, which only staff reads.
    side: &'static str,
    author: String,
    body: String,
    written_at: i64,
}

/// A request with everything that was said of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Whole {
    #[serde(flatten)]
    request: Listed,
    /// Further addresses that get the answers.
    others: Vec<String>,
    /// Every other field of its form, by its name.
    fields: BTreeMap<String, String>,
    messages: Vec<Said>,
    attachments: Vec<Attached>,
}

/// The names behind the numbers in requests.
struct Names {
    accounts: BTreeMap<i64, String>,
    team: Vec<Person>,
}

async fn names(app: &Shared, all: &[Request]) -> Result<Names, Failure> {
    let ids: BTreeSet<i64> = all.iter().filter_map(|request| request.account).collect();
    let accounts = accounts::references(app.store.read(), ids).await?;
    Ok(Names { accounts, team: people::staff(app.store.read()).await? })
}

fn listed(app: &Shared, request: &Request, names: &Names) -> Listed {
    let assignee = names.team.iter().find(|person| Some(person.id) == request.assignee);
    Listed {
        number: request.number.clone(),
        kind: request.kind.word(),
        subject: request.subject.clone(),
        name: request.name.clone(),
        mail: request.mail.clone(),
        urgent: request.urgent,
        state: request.state.word(),
        account: request.account.and_then(|id| names.accounts.get(&id).cloned()),
        assignee: assignee.map(|person| person.mail.clone()),
        created_at: request.created_at,
        due_at: request.due_at,
        answered_at: request.answered_at,
        late: request.is_late(now()),
        page: address::page(&app.settings.address, &app.seal, &request.number),
    }
}

async fn list(app: &Shared, total: u64, found: Vec<Request>) -> Result<Json<Rows<Listed>>, Problem> {
    let names = names(app, &found).await?;
    Ok(rows(total, found.iter().map(|request| listed(app, request, &names)).collect()))
}

fn said(message: Message) -> Said {
    let Message { side, author, body, written_at } = message;
    Said { side: side.word(), author, body, written_at }
}

/// A request with what was said; notes are for staff.
async fn whole(app: &Shared, request: Request, notes: bool) -> Result<Whole, Problem> {
    let db = app.store.read();
    let names = names(app, std::slice::from_ref(&request)).await?;
    Ok(Whole {
        request: listed(app, &request, &names),
        messages: thread::messages(db, &request, notes).await?.into_iter().map(said).collect(),
        attachments: attachments::list(db, &request).await?.into_iter().map(Attached::from).collect(),
        others: request.others,
        fields: request.fields,
    })
}

/// Requests that are known to be the account's, the latest first.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/requests", params(("account" = String, Path, description = "Reference number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Listed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn of_account(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<Listed>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (total, found) = requests::of_account(&caller.app.store, &account, asked.page(), PER_PAGE).await?;
    list(&caller.app, total, found).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestBody {
    /// `question`, `publisher`, `third-party`, `hosted` or `order-kit`.
    kind: String,
    /// Needs the field `reason`.
    #[serde(default)]
    urgent: bool,
    /// The fields of the form by their names; name and mail are the token's person's where they are left out.
    fields: BTreeMap<String, String>,
}

/// Files a request of the account. Who asked gets a mail that confirms it.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/requests", params(("account" = String, Path, description = "Reference number"), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is the same request")), request_body = RequestBody, responses((status = 201, body = Whole), (status = 200, body = Whole, description = "It was filed before"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn file(
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(account): Path<String>,
    headers: HeaderMap,
    asked: Body<RequestBody>,
) -> Result<(StatusCode, Json<Whole>), Problem> {
    let account = caller.account(&account, Right::See).await?;
    caller.has(Scope::Requests)?;
    let RequestBody { kind, urgent, mut fields } = body(asked)?;
    let kind = Kind::parse(&kind).ok_or_else(|| Failure::field("kind", format!("`{kind}` is none")))?;
    known(&caller.person, &mut fields);
    let (app, once, at) = (&caller.app, digest(request_key(&caller, &headers)?.as_bytes()), now());
    if !app.letters.allows(peer.ip()) {
        return Err(Fault::TooOften.into());
    }
    let asked = Asked { kind, once: &once, urgent, fields: &fields, account: Some(account.id) };
    let levels = app.settings.requests.levels();
    let request = requests::file(&app.store, &app.house(), &asked, levels, at).await?;
    app.wake.notify_one();
    let status = if request.created_at == at { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(whole(app, request, false).await?)))
}

/// What is known of a token's person, where nothing else was said.
fn known(person: &Person, fields: &mut BTreeMap<String, String>) {
    let (first, last) = person.name.rsplit_once(' ').unwrap_or((&person.name, &person.name));
    for (name, text) in [("first_name", first), ("last_name", last), ("mail", &person.mail)] {
        fields.entry(name.to_owned()).or_insert_with(|| text.to_owned());
    }
    // Typing an address twice is for people.
    let mail = fields.get("mail").cloned().unwrap_or_default();
    fields.entry("mail_again".to_owned()).or_insert(mail);
}

/// The account's request of that number; others' are not there.
pub(super) async fn found(caller: &Caller, account: &str, number: &str) -> Result<Request, Problem> {
    let account = caller.account(account, Right::See).await?;
    let request = requests::find(caller.app.store.read(), number).await?;
    if request.account == Some(account.id) {
        Ok(request)
    } else {
        Err(Failure::from(Refusal::UnknownRequest(number.to_owned())).into())
    }
}

/// One of the account's requests, with what was said.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/requests/{number}", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one_of_account(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Json<Whole>, Problem> {
    let request = found(&caller, &account, &number).await?;
    Ok(Json(whole(&caller.app, request, false).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageBody {
    /// Up to 20,000 characters.
    message: String,
}

/// Adds something to the account's request, and opens it again.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/requests/{number}/reply", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is added once")), request_body = MessageBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn reply(
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Body<MessageBody>,
) -> Result<Json<Whole>, Problem> {
    let request = found(&caller, &account, &number).await?;
    caller.has(Scope::Requests)?;
    let (app, key, asked) = (&caller.app, request_key(&caller, &headers)?, body(asked)?);
    if !app.letters.allows(peer.ip()) {
        return Err(Fault::TooOften.into());
    }
    if !thread::was_said(app.store.read(), &request, &asked.message, &key).await? {
        let said = (caller.person.name.as_str(), asked.message.as_str());
        thread::say(&app.store, &app.house(), &request, said, Some(key), now()).await?;
        app.wake.notify_one();
    }
    let request = requests::find(app.store.read(), &number).await?;
    Ok(Json(whole(app, request, false).await?))
}

/// Any request, for who looks after them.
pub(super) async fn of_staff(caller: &Caller, number: &str) -> Result<Request, Problem> {
    caller.needs(Right::Requests)?;
    Ok(requests::find(caller.app.store.read(), number).await?)
}

/// The queue of the publisher's staff, what is due first on top.
#[utoipa::path(get, path = "/api/v1/requests", params(("which" = Option<String>, Query, description = "open (default), mine, unassigned, late, waiting or all"), ("text" = Option<String>, Query, description = "In subject, name or mail address; or a number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Listed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn queue(caller: Caller, asked: Fields) -> Result<Json<Rows<Listed>>, Problem> {
    caller.needs(Right::Requests)?;
    let which = Which::parse(asked.text("which"), caller.person.id);
    let pages = (asked.page(), PER_PAGE);
    let (total, found) = requests::queue(&caller.app.store, which, asked.text("text"), now(), pages).await?;
    list(&caller.app, total, found).await
}

/// Any request, for the publisher's staff: with notes.
#[utoipa::path(get, path = "/api/v1/requests/{number}", params(("number" = String, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(caller: Caller, Path(number): Path<String>) -> Result<Json<Whole>, Problem> {
    caller.needs(Right::Requests)?;
    let request = requests::find(caller.app.store.read(), &number).await?;
    Ok(Json(whole(&caller.app, request, true).await?))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    /// Up to 20,000 characters; goes by mail to everybody who gets the answers.
    message: String,
    /// Whether this closes the request.
    #[serde(default)]
    done: bool,
}

/// Answers a request; it waits for the requester then, or is done.
#[utoipa::path(post, path = "/api/v1/requests/{number}/answer", params(("number" = String, Path), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is sent once")), request_body = AnswerBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn answer(
    caller: Caller,
    Path(number): Path<String>,
    headers: HeaderMap,
    asked: Body<AnswerBody>,
) -> Result<Json<Whole>, Problem> {
    caller.needs(Right::Requests)?;
    let (app, asked) = (&caller.app, body(asked)?);
    let once = once(&caller, "answer", &headers, &(&number, &asked))?;
    let request = requests::find(app.store.read(), &number).await?;
    let then = if asked.done { State::Done } else { State::Waiting };
    let said = (&caller.person, asked.message.as_str());
    thread::answer_once(&app.store, &app.house(), &request, said, then, Some(&once), now()).await?;
    app.wake.notify_one();
    let request = requests::find(app.store.read(), &number).await?;
    Ok(Json(whole(app, request, true).await?))
}

/// Keeps a note for staff; no mail goes out.
#[utoipa::path(post, path = "/api/v1/requests/{number}/note", params(("number" = String, Path)), request_body = MessageBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn note(
    caller: Caller,
    Path(number): Path<String>,
    asked: Body<MessageBody>,
) -> Result<Json<Whole>, Problem> {
    caller.needs(Right::Requests)?;
    let (app, asked) = (&caller.app, body(asked)?);
    let request = requests::find(app.store.read(), &number).await?;
    thread::note(&app.store, &request, (&caller.person, &asked.message), now()).await?;
    Ok(Json(whole(app, request, true).await?))
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// Mail address of who looks after it from now on; empty: nobody.
    #[serde(default)]
    assignee: Option<String>,
    /// Reference number of the account it is for; empty: none that is known. Its people then see the request.
    #[serde(default)]
    account: Option<String>,
    /// `open`, `waiting` or `done`.
    #[serde(default)]
    state: Option<String>,
}

/// Changes who looks after a request, whose turn it is, or which account it is for.
#[utoipa::path(post, path = "/api/v1/requests/{number}/change", params(("number" = String, Path)), request_body = ChangeBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn change(
    caller: Caller,
    Path(number): Path<String>,
    asked: Body<ChangeBody>,
) -> Result<Json<Whole>, Problem> {
    caller.needs(Right::Requests)?;
    let (app, asked) = (&caller.app, body(asked)?);
    let request = requests::find(app.store.read(), &number).await?;
    let change = wanted(app, asked).await?;
    requests::change(&app.store, &request, &change, (&caller.person, now())).await?;
    let request = requests::find(app.store.read(), &number).await?;
    Ok(Json(whole(app, request, true).await?))
}

async fn wanted(app: &Shared, asked: ChangeBody) -> Result<Change, Problem> {
    let db = app.store.read();
    let assignee = match asked.assignee.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(mail) => {
            let person = people::by_mail(db, mail).await?;
            let none = || Failure::field("assignee", format!("`{mail}` does not look after requests"));
            let of_team = person.may(Right::Requests) && person.account.is_none();
            Some(Some(of_team.then_some(person.id).ok_or_else(none)?))
        }
    };
    let account = match asked.account.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(reference) => Some(Some(accounts::find(db, reference).await?.id)),
    };
    let state = match asked.state.as_deref() {
        None => None,
        Some("open") => Some(State::Open),
        Some("waiting") => Some(State::Waiting),
        Some("done") => Some(State::Done),
        Some(other) => return Err(Failure::field("state", format!("`{other}` is none")).into()),
    };
    Ok(Change { assignee, state, account })
}
