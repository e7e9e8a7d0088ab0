//! The list of accounts, which everybody begins with; creating one, and changing its name, its kind and the account above it.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::frame::Frame;

use crate::accounts::{self, Account, Change, Kind, NewAccount};
use crate::http::account::{Top, home, top};
use crate::http::ask::{Ask, Of};
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
        Route::get("/accounts/{account}/edit", Need::Account(Right::Accounts), ask_edit),
        Route::post("/accounts/{account}/edit", Need::Account(Right::Accounts), edit),
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
        return as_csv(every(page).await?);
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

fn as_csv(rows: Vec<Account>) -> Result<Response, Fault> {
    let cells = |account: Account| [account.reference, account.name, account.kind];
    csv("accounts.csv", &["reference", "name", "kind"], rows.into_iter().map(cells))
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

/// Begins under the account that is named in the address, if one is.
async fn ask_new(ask: Ask, asked: Fields) -> Response {
    page(&dialog(&ask, asked, None))
}

fn kind(form: &Fields) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.word() == form.text("kind")).unwrap_or(Kind::EndUser)
}

async fn create(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let new = NewAccount {
        reference: form.text("reference").to_owned(),
        name: form.text("name").to_owned(),
        kind: kind(&form),
        parent: form.given("parent"),
    };
    match accounts::create(&ask.app.store, &new, ask.by()).await {
        Ok(account) => Ok(done(&home(&account), "created")),
        Err(Failure::Refused(refusal)) => Ok(refused(&dialog(&ask, form, Some(refusal)))),
        Err(failure) => Err(failure.into()),
    }
}

#[derive(Template)]
#[template(path = "house/edit_account.html")]
struct Edit {
    frame: Frame,
    top: Top,
    name: String,
    kind: String,
    parent: String,
    /// The change that was seen.
    version: String,
    kinds: Vec<&'static str>,
    /// Accounts under it.
    under: Vec<Account>,
    turn: Turn,
    wrong: Option<Refusal>,
}

/// The dialog with what the account is, and the accounts under it.
async fn shown(ask: &Ask, of: &Of, asked: &Fields) -> Result<Edit, Fault> {
    let store = &ask.app.store;
    let whole = accounts::whole(store.read(), &of.0).await?;
    let (total, under) = accounts::under(store, &of.0, asked.page(), PER_PAGE).await?;
    Ok(Edit {
        frame: ask.frame(),
        top: top(ask, &of.0, "/edit"),
        name: whole.account.name,
        kind: whole.account.kind,
        parent: whole.parent.unwrap_or_default(),
        version: whole.version,
        kinds: Kind::ALL.map(Kind::word).to_vec(),
        under,
        turn: turn(asked, total),
        wrong: None,
    })
}

async fn ask_edit(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    if asked.text("format") == "csv" {
        let (store, account) = (&ask.app.store, &of.0);
        let page = |page, count| async move {
            accounts::under(store, account, page, count).await.map(|(_, rows)| rows)
        };
        return as_csv(every(page).await?);
    }
    Ok(page(&shown(&ask, &of, &asked).await?))
}

async fn edit(ask: Ask, of: Of, Form(form): Form) -> Result<Response, Fault> {
    let change =
        Change { name: form.text("name").to_owned(), kind: kind(&form), parent: form.given("parent") };
    match accounts::edit(&ask.app.store, &of.0, form.text("version"), &change, ask.by()).await {
        Ok(_) => Ok(done(&format!("{}/edit", home(&of.0)), "changed")),
        Err(Failure::Refused(refusal)) => {
            let (name, parent) = (change.name, change.parent.unwrap_or_default());
            let (kind, version) = (change.kind.word().to_owned(), form.text("version").to_owned());
            let before = shown(&ask, &of, &Fields::default()).await?;
            Ok(refused(&Edit { wrong: Some(refusal), name, kind, parent, version, ..before }))
        }
        Err(failure) => Err(failure.into()),
    }
}
