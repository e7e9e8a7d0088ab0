//! People: invited, changed, certified. Whoever does it proved lately who they are.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_web::frame::Frame;

use crate::accounts;
use crate::http::ask::{Ask, now};
use crate::http::door::Ticket;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::me::{VisitRow, visit_rows};
use crate::http::render::{PER_PAGE, Turn, csv, done, every, page, refused, turn};
use crate::http::{Need, Route};
use crate::people::{self, Details, Person};
use crate::rights::{Right, Role};
use crate::signin;
use crate::{Failure, Refusal, catalogues, certifications};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/people", Need::House(Right::People), list),
        Route::get("/people/new", Need::Proved(Right::People), ask_new),
        Route::post("/people/new", Need::Proved(Right::People), invite),
        Route::get("/people/{id}", Need::Proved(Right::People), one),
        Route::post("/people/{id}", Need::Proved(Right::People), edit),
        Route::post("/people/{id}/certifications", Need::Proved(Right::People), certify),
        Route::post("/people/{id}/visits/end", Need::Proved(Right::People), end_visits),
        Route::post("/people/{id}/visits/{name}/end", Need::Proved(Right::People), end_visit),
        Route::post("/people/{id}/link", Need::Proved(Right::People), send_link),
    ]
}

#[derive(Template)]
#[template(path = "house/people.html")]
struct People {
    frame: Frame,
    rows: Vec<Person>,
    text: String,
    turn: Turn,
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let text = asked.text("text");
    if asked.text("format") == "csv" {
        let store = &ask.app.store;
        let page =
            |page, count| async move { people::search(store, text, page, count).await.map(|(_, rows)| rows) };
        let rows = every(page).await?;
        let cells = |person: Person| [person.mail, person.name, crate::rights::words(&person.roles)];
        return csv("people.csv", &["mail", "name", "roles"], rows.into_iter().map(cells));
    }
    let (total, rows) = people::search(&ask.app.store, text, asked.page(), PER_PAGE).await?;
    Ok(page(&People { frame: ask.frame(), rows, text: text.to_owned(), turn: turn(&asked, total) }))
}

#[derive(Template)]
#[template(path = "house/person.html")]
struct One {
    frame: Frame,
    /// Nobody yet: a new one.
    person: Option<Person>,
    mail: String,
    details: Details,
    roles: [Role; 7],
    certifications: Vec<(String, String)>,
    products: Vec<(String, String)>,
    visits: Vec<VisitRow>,
    wrong: Option<Refusal>,
}

async fn new(ask: &Ask, mail: String, details: Details, wrong: Option<Refusal>) -> One {
    One {
        frame: ask.frame(),
        person: None,
        mail,
        details,
        roles: Role::ALL,
        certifications: Vec::new(),
        products: Vec::new(),
        visits: Vec::new(),
        wrong,
    }
}

async fn ask_new(ask: Ask) -> Response {
    let nobody = Details { name: String::new(), roles: BTreeSet::new(), account: None, active: true };
    page(&new(&ask, String::new(), nobody, None).await)
}

fn details(form: &Fields) -> Details {
    Details {
        name: form.text("name").to_owned(),
        roles: form.all("role").filter_map(Role::parse).collect(),
        account: form.given("account"),
        active: form.has("active"),
    }
}

async fn invite(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let ticket = Ticket::new()?;
    let details = Details { active: true, ..details(&form) };
    match signin::invite(&ask.app.store, form.text("mail"), &details, &ticket.link(&ask.app), ask.by()).await
    {
        Ok(person) => {
            ask.app.wake.notify_one();
            Ok(done(&format!("/people/{}", person.id), "invited"))
        }
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&new(&ask, form.text("mail").to_owned(), details, Some(refusal)).await))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn shown(
    ask: &Ask,
    person: Person,
    details: Option<Details>,
    wrong: Option<Refusal>,
) -> Result<One, Fault> {
    let store = &ask.app.store;
    let account = match person.account {
        Some(id) => Some(accounts::by_id(store.read(), id).await?.reference),
        None => None,
    };
    let as_is =
        Details { name: person.name.clone(), roles: person.roles.clone(), account, active: person.active };
    let editions = catalogues::current(store, store.read()).await?;
    let products = editions.into_iter().map(|(name, edition)| (name, edition.catalogue.title.clone()));
    Ok(One {
        frame: ask.frame(),
        mail: person.mail.clone(),
        certifications: certifications::of(store.read(), person.id).await?.into_iter().collect(),
        visits: visit_rows(ask, signin::visits(store, person.id, now()).await?),
        person: Some(person),
        details: details.unwrap_or(as_is),
        roles: Role::ALL,
        products: products.collect(),
        wrong,
    })
}

async fn one(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    let person = people::by_id(ask.app.store.read(), id).await?;
    Ok(page(&shown(&ask, person, None, None).await?))
}

/// An administrator stays one, so that there is always one left.
pub(in crate::http) fn keeps_own(by: &Person, now: &Person, details: &Details) -> Result<(), Refusal> {
    let keeps = details.active && details.roles.contains(&Role::Administrator);
    if now.id != by.id || keeps {
        return Ok(());
    }
    let message = "you can't take your own away: another administrator does it".to_owned();
    Err(Refusal::Field { field: "roles", message })
}

async fn edit(ask: Ask, Path(id): Path<i64>, Form(form): Form) -> Result<Response, Fault> {
    let now = people::by_id(ask.app.store.read(), id).await?;
    let details = details(&form);
    if let Err(wrong) = keeps_own(ask.person(), &now, &details) {
        return Ok(refused(&shown(&ask, now, Some(details), Some(wrong)).await?));
    }
    let version = form.text("version").parse().unwrap_or(now.version);
    let seen = Person { version, ..now };
    match people::edit(&ask.app.store, &seen, &details, ask.by()).await {
        Ok(_) => Ok(done(&format!("/people/{id}"), "changed")),
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&shown(&ask, seen, Some(details), Some(refusal)).await?))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn certify(ask: Ask, Path(id): Path<i64>, Form(form): Form) -> Result<Response, Fault> {
    let person = people::by_id(ask.app.store.read(), id).await?;
    let (product, day) = (form.text("product"), form.text("last_day"));
    match certifications::enter(&ask.app.store, &person, product, day, ask.by()).await {
        Ok(()) => Ok(done(&format!("/people/{id}"), "certified")),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, person, None, Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}

/// The one that this page is seen by goes on: signing out ends it.
async fn end_visits(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    let person = people::by_id(ask.app.store.read(), id).await?;
    signin::end_visits(&ask.app.store, &person, None, &ask.visit.hash, ask.by()).await?;
    Ok(done(&format!("/people/{id}"), "ended"))
}

async fn end_visit(ask: Ask, Path((id, name)): Path<(i64, String)>) -> Result<Response, Fault> {
    let person = people::by_id(ask.app.store.read(), id).await?;
    signin::end_visits(&ask.app.store, &person, Some(&name), &ask.visit.hash, ask.by()).await?;
    Ok(done(&format!("/people/{id}"), "ended"))
}

/// Has a new link sent to somebody who lost theirs.
async fn send_link(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    let person = people::by_id(ask.app.store.read(), id).await?;
    signin::send_link(&ask.app.store, &person, &Ticket::new()?.link(&ask.app), ask.by()).await?;
    ask.app.wake.notify_one();
    Ok(done(&format!("/people/{id}"), "invited"))
}
