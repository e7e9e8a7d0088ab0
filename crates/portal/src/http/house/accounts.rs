//! The list of accounts, which everybody begins with, and creating one.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::frame::Frame;

use crate::accounts::{self, Account, Kind, NewAccount};
use crate::http::account::home;
use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::render::{PER_PAGE, Turn, csv, done, every, page, refused, turn};
use crate::http::{Need, Route};
use crate::people;
use crate::rights::Right;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts", Need::Person, list),
        Route::get("/new-account", Need::House(Right::Accounts), ask_new),
        Route::post("/new-account", Need::House(Right::Accounts), create),
    ]
}

#[derive(Template)]
#[template(path = "house/accounts.html")]
struct Accounts {
    frame: Frame,
    rows: Vec<Account>,
    text: String,
    turn: Turn,
    may_create: bool,
}

/// Whoever reaches one account only is led to it.
async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    let (store, person, text) = (&ask.app.store, ask.person(), asked.text("text"));
    if asked.text("format") == "csv" {
        let page = |page, count| async move {
            people::accounts(store, person, text, page, count).await.map(|(_, rows)| rows)
        };
        let rows = every(page).await?;
        let cells = |account: Account| [account.reference, account.name, account.kind];
        return csv("accounts.csv", &["reference", "name", "kind"], rows.into_iter().map(cells));
    }
    let (total, rows) = people::accounts(store, person, text, asked.page(), PER_PAGE).await?;
    if let ([only], true, true) = (rows.as_slice(), text.is_empty(), person.account.is_some()) {
        return Ok(Redirect::to(&home(only)).into_response());
    }
    Ok(page(&Accounts {
        frame: ask.frame(),
        rows,
        text: text.to_owned(),
        turn: turn(&asked, total),
        may_create: ask.may(Right::Accounts),
    }))
}

#[derive(Template)]
#[template(path = "house/new_account.html")]
struct New {
    frame: Frame,
    form: Fields,
    kinds: Vec<&'static str>,
    wrong: Option<Refusal>,
}

fn dialog(ask: &Ask, form: Fields, wrong: Option<Refusal>) -> New {
    New { frame: ask.frame(), form, kinds: Kind::ALL.map(Kind::word).to_vec(), wrong }
}

async fn ask_new(ask: Ask) -> Response {
    page(&dialog(&ask, Fields::default(), None))
}

async fn create(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == form.text("kind")).unwrap_or(Kind::EndUser);
    let new = NewAccount {
        reference: form.text("reference").to_owned(),
        name: form.text("name").to_owned(),
        kind,
        parent: form.given("parent"),
    };
    match accounts::create(&ask.app.store, &new, ask.by()).await {
        Ok(account) => Ok(done(&home(&account), "created")),
        Err(Failure::Refused(refusal)) => Ok(refused(&dialog(&ask, form, Some(refusal)))),
        Err(failure) => Err(failure.into()),
    }
}
