//! The queue of requests: what is due, who looks after it, and answering.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_web::frame::Frame;

use crate::accounts;
use crate::activation;
use crate::http::ask::{Ask, now};
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::render::{PER_PAGE, Turn as Pages, csv, done, every, instant, page, refused, turn};
use crate::http::request::{path, told};
use crate::http::{Need, Route};
use crate::people::{self, Person};
use crate::requests::attachments::{self, Attachment};
use crate::requests::thread::{self, Message, Side};
use crate::requests::{self, Change, Counts, Request, State, Which};
use crate::rights::Right;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/requests", Need::House(Right::Requests), list),
        Route::get("/requests/{number}", Need::House(Right::Requests), one),
        Route::post("/requests/{number}/answer", Need::House(Right::Requests), answer),
        Route::post("/requests/{number}/note", Need::House(Right::Requests), note),
        Route::post("/requests/{number}/change", Need::House(Right::Requests), change),
    ]
}

/// A row of the queue.
struct Row {
    request: Request,
    assignee: String,
    due: String,
    late: bool,
}

#[derive(Template)]
#[template(path = "house/requests.html")]
struct Queue {
    frame: Frame,
    rows: Vec<Row>,
    counts: Counts,
    /// Servers that use license files which don't count any more.
    still: u64,
    which: String,
    choices: Vec<(String, String)>,
    text: String,
    turn: Pages,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (store, at) = (&ask.app.store, now());
    let which = Which::parse(asked.text("which"), ask.person().id);
    let (team, text) = (team(&ask).await?, asked.text("text"));
    let shown = |found: Vec<Request>| found.into_iter().map(|request| row(request, &team, at)).collect();
    if asked.text("format") == "csv" {
        let page = |page, count| async move {
            requests::queue(store, which, text, at, (page, count)).await.map(|(_, rows)| rows)
        };
        return queue_as_csv(shown(every(page).await?));
    }
    let (total, found) = requests::queue(store, which, text, at, (asked.page(), PER_PAGE)).await?;
    let rows: Vec<Row> = shown(found);
    let choices = [
        ("", "Open"),
        ("mine", "Open, mine"),
        ("unassigned", "Open, nobody's"),
        ("late", "First answer late"),
        ("waiting", "Wait for the requester"),
        ("all", "All"),
    ];
    Ok(page(&Queue {
        frame: ask.frame(),
        rows,
        counts: requests::counts(store, at).await?,
        still: activation::still_used(store, None, None, at, (0, 1)).await?.0,
        which: asked.text("which").to_owned(),
        choices: choices.map(|(word, label)| (word.to_owned(), label.to_owned())).to_vec(),
        text: asked.text("text").to_owned(),
        turn: turn(&asked, total),
    }))
}

fn row(request: Request, team: &[Person], at: i64) -> Row {
    let assignee = team.iter().find(|person| Some(person.id) == request.assignee);
    Row {
        assignee: assignee.map_or_else(String::new, |person| person.name.clone()),
        due: instant(request.due_at),
        late: request.is_late(at),
        request,
    }
}

fn queue_as_csv(rows: Vec<Row>) -> Result<Response, Fault> {
    let heading = ["number", "kind", "subject", "name", "mail", "urgent", "state", "assignee", "due"];
    let cells = |row: Row| {
        let urgent = if row.request.urgent { "yes" } else { "no" }.to_owned();
        let kind = row.request.kind.word().to_owned();
        let state = row.request.state.word().to_owned();
        let Request { number, subject, name, mail, .. } = row.request;
        [number, kind, subject, name, mail, urgent, state, row.assignee, row.due]
    };
    csv("requests.csv", &heading, rows.into_iter().map(cells))
}

/// Those who may look after requests.
async fn team(ask: &Ask) -> Result<Vec<Person>, Fault> {
    let staff = people::staff(ask.app.store.read()).await?;
    Ok(staff.into_iter().filter(|person| person.may(Right::Requests)).collect())
}

#[derive(Template)]
#[template(path = "house/request.html")]
struct One {
    frame: Frame,
    row: Row,
    path: String,
    fields: Vec<(&'static str, String)>,
    messages: Vec<Message>,
    attachments: Vec<Attachment>,
    team: Vec<(String, String)>,
    assignee: String,
    account: String,
    written: String,
    wrong: Option<Refusal>,
}

async fn shown(ask: &Ask, request: Request, written: &str, wrong: Option<Refusal>) -> Result<One, Fault> {
    let db = ask.app.store.read();
    let team = team(ask).await?;
    let account = match request.account {
        Some(id) => accounts::by_id(db, id).await?.reference,
        None => String::new(),
    };
    Ok(One {
        frame: ask.frame(),
        path: path(&ask.app, &request),
        fields: told(&request),
        messages: thread::messages(db, &request, true).await?,
        attachments: attachments::list(db, &request).await?,
        assignee: request.assignee.map_or_else(String::new, |id| id.to_string()),
        account,
        written: written.to_owned(),
        wrong,
        row: row(request, &team, now()),
        team: team.into_iter().map(|person| (person.id.to_string(), person.name)).collect(),
    })
}

async fn one(ask: Ask, Path(number): Path<String>) -> Result<Response, Fault> {
    let request = requests::find(ask.app.store.read(), &number).await?;
    Ok(page(&shown(&ask, request, "", None).await?))
}

fn there(request: &Request, code: &str) -> Response {
    done(&format!("/requests/{}", request.number), code)
}

async fn answer(ask: Ask, Path(number): Path<String>, Form(form): Form) -> Result<Response, Fault> {
    let request = requests::find(ask.app.store.read(), &number).await?;
    let then = if form.has("done") { State::Done } else { State::Waiting };
    let said = (ask.person(), form.raw("message"));
    match thread::answer(&ask.app.store, &ask.app.house(), &request, said, then, now()).await {
        Ok(()) => {
            ask.app.wake.notify_one();
            Ok(there(&request, "answered"))
        }
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&shown(&ask, request, form.raw("message"), Some(refusal)).await?))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn note(ask: Ask, Path(number): Path<String>, Form(form): Form) -> Result<Response, Fault> {
    let request = requests::find(ask.app.store.read(), &number).await?;
    match thread::note(&ask.app.store, &request, (ask.person(), form.raw("message")), now()).await {
        Ok(()) => Ok(there(&request, "changed")),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, request, "", Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}

async fn change(ask: Ask, Path(number): Path<String>, Form(form): Form) -> Result<Response, Fault> {
    let store = &ask.app.store;
    let request = requests::find(store.read(), &number).await?;
    let team = team(&ask).await?;
    let assignee =
        team.iter().find(|person| person.id.to_string() == form.text("assignee")).map(|person| person.id);
    let account = match form.given("account") {
        Some(reference) => match accounts::find(store.read(), &reference).await {
            Ok(account) => Some(account.id),
            Err(Failure::Refused(refusal)) => {
                return Ok(refused(&shown(&ask, request, "", Some(refusal)).await?));
            }
            Err(failure) => return Err(failure.into()),
        },
        None => None,
    };
    let state = match form.text("state") {
        "open" => Some(State::Open),
        "waiting" => Some(State::Waiting),
        "done" => Some(State::Done),
        _ => None,
    };
    let change = Change { assignee: Some(assignee), account: Some(account), state };
    requests::change(store, &request, &change, (ask.person(), now())).await?;
    Ok(there(&request, "changed"))
}
