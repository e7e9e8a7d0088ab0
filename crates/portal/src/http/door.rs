//! The door: signing in, out, and choosing a password with a link from a mail.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::cookie::{self, Secret};
use grantor_web::frame::Frame;
use grantor_web::{password, totp};

use super::ask::{Ask, now};
use super::fault::Fault;
use super::form::{Fields, Form};
use super::provider::buttons;
use super::render::{PRODUCT, VERSION, page, refused};
use super::{App, Need, Route, Shared};
use crate::signin::{self, Link, Visit};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/", Need::Person, first),
        Route::get("/sign-in", Need::Nobody, ask),
        Route::post("/sign-in", Need::Nobody, sign_in),
        Route::get("/sign-in/code", Need::Half, ask_code),
        Route::post("/sign-in/code", Need::Half, show_code),
        Route::post("/sign-out", Need::Nobody, sign_out),
        Route::get("/forgot", Need::Nobody, ask_address),
        Route::post("/forgot", Need::Nobody, forgot),
        Route::get("/password/{ticket}", Need::Nobody, ask_password),
        Route::post("/password/{ticket}", Need::Nobody, set_password),
    ]
}

/// Whoever is signed in begins with the accounts.
async fn first(_: Ask) -> Redirect {
    Redirect::to("/accounts")
}

pub(super) fn frame() -> Frame {
    Frame { product: PRODUCT, version: VERSION, small: true, ..Frame::default() }
}

#[derive(Template)]
#[template(path = "door/sign_in.html")]
struct SignIn {
    frame: Frame,
    mail: String,
    next: String,
    wrong: bool,
    /// Names and titles.
    providers: Vec<(String, String)>,
}

impl SignIn {
    fn of(app: &App, mail: String, next: String, wrong: bool) -> Self {
        Self { frame: frame(), mail, next, wrong, providers: buttons(app) }
    }
}

async fn ask(State(app): State<Shared>, fields: Fields) -> Response {
    page(&SignIn::of(&app, String::new(), next(&fields), false))
}

/// Where somebody wanted to go: a path of ours, and nothing else.
pub(super) fn next(fields: &Fields) -> String {
    fields.next()
}

async fn sign_in(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form,
) -> Result<Response, Fault> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let mail = form.text("mail").to_lowercase();
    let attempt = signin::attempt(&app.store, &mail, now()).await?;
    let right = check(&app, form.raw("password"), attempt.hash).await?;
    let Some(person) = attempt.person.filter(|_| right) else {
        tracing::warn!(%peer, "somebody could not sign in");
        return Ok(refused(&SignIn::of(&app, mail, next(&form), true)));
    };
    let secret = Secret::new("grs_").map_err(|_| Fault::Bug)?;
    let person = signin::passed(&app.store, person, &secret.hash(), now()).await?;
    tracing::info!(%peer, mail = person.mail, "signed in");
    let to = if person.has_codes {
        format!("/sign-in/code?next={}", super::render::quoted(&next(&form)))
    } else {
        next(&form)
    };
    Ok(([(header::SET_COOKIE, secret.set())], Redirect::to(&to)).into_response())
}

/// Checks a password, off the threads that serve and a few at a time.
pub(super) async fn check(app: &App, password: &str, hash: Option<String>) -> Result<bool, Fault> {
    if password.len() > 4 * password::LONGEST {
        return Ok(false);
    }
    let password = zeroize::Zeroizing::new(password.to_owned());
    let _turn = app.hashing.acquire().await.map_err(|_| Fault::Bug)?;
    let checked = tokio::task::spawn_blocking(move || password::check(&password, hash.as_deref()));
    checked.await.map_err(|_| Fault::Bug)
}

/// Hashes a new password, if it is good enough.
pub(super) async fn hash(app: &App, password: &str, known: &[&str]) -> Result<Result<String, String>, Fault> {
    if let Some(weakness) = password::weakness(password, known) {
        return Ok(Err(weakness));
    }
    let password = zeroize::Zeroizing::new(password.to_owned());
    let _turn = app.hashing.acquire().await.map_err(|_| Fault::Bug)?;
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hashed.map_err(|_| Fault::Bug)?.map(Ok).map_err(|_| Fault::Bug)
}

#[derive(Template)]
#[template(path = "door/code.html")]
struct Code {
    frame: Frame,
    next: String,
    wrong: bool,
}

async fn ask_code(fields: Fields) -> Response {
    page(&Code { frame: frame(), next: next(&fields), wrong: false })
}

async fn show_code(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    if is_code(&ask.app, &ask.visit, form.text("code")).await? {
        signin::prove(&ask.app.store, &ask.visit, now()).await?;
        return Ok(Redirect::to(&next(&form)).into_response());
    }
    Ok(refused(&Code { frame: frame(), next: next(&form), wrong: true }))
}

/// Whether this is a code of the person's that was not used before; a wrong one counts like a wrong password.
pub(super) async fn is_code(app: &App, visit: &Visit, code: &str) -> Result<bool, Fault> {
    let person = &visit.person;
    if signin::attempt(&app.store, &person.mail, now()).await?.person.is_none() {
        return Ok(false);
    }
    let Some((sealed, last)) = signin::sealed_codes(&app.store, person.id).await? else { return Ok(false) };
    let key = app.seal.unseal(&person.mail, &sealed).and_then(|bytes| totp::Key::from_bytes(&bytes));
    let key = key.ok_or(Fault::Bug)?;
    let last = last.and_then(|last| u64::try_from(last).ok());
    match key.step(code, now().unsigned_abs() / 1000, last) {
        Some(step) => Ok(signin::use_step(&app.store, person.id, step).await?),
        None => Ok(false),
    }
}

async fn sign_out(State(app): State<Shared>, headers: axum::http::HeaderMap) -> Result<Response, Fault> {
    if let Some(hash) = cookie::shown(&headers) {
        signin::end(&app.store, &hash).await?;
    }
    let clear = [
        (header::SET_COOKIE, cookie::clear()),
        (header::HeaderName::from_static("clear-site-data"), header::HeaderValue::from_static("\"cache\"")),
    ];
    Ok((clear, Redirect::to("/sign-in")).into_response())
}

#[derive(Template)]
#[template(path = "door/forgot.html")]
struct Forgot {
    frame: Frame,
    sent: bool,
}

async fn ask_address() -> Response {
    page(&Forgot { frame: frame(), sent: false })
}

/// What a link of use once is made of: a new password is chosen by it.
pub(super) struct Ticket {
    secret: Secret,
    hash: String,
}

impl Ticket {
    pub(super) fn new() -> Result<Self, Fault> {
        let secret = Secret::new("grl_").map_err(|_| Fault::Bug)?;
        Ok(Self { hash: secret.hash(), secret })
    }

    /// The link, within this portal.
    pub(super) fn link<'a>(&'a self, app: &'a App) -> Link<'a> {
        Link { portal: &app.settings.address, secret: self.secret.text(), hash: &self.hash }
    }
}

async fn forgot(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form,
) -> Result<Response, Fault> {
    if !app.letters.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let ticket = Ticket::new()?;
    signin::forgot(&app.store, form.text("mail"), &ticket.link(&app), now()).await?;
    app.wake.notify_one();
    Ok(page(&Forgot { frame: frame(), sent: true }))
}

#[derive(Template)]
#[template(path = "door/password.html")]
struct Password {
    frame: Frame,
    mail: String,
    shortest: usize,
    wrong: Option<String>,
    ticket: String,
    providers: Vec<(String, String)>,
}

impl Password {
    fn of(app: &App, mail: &str, ticket: &str, wrong: Option<String>) -> Self {
        let (mail, ticket) = (mail.to_owned(), ticket.to_owned());
        Self { frame: frame(), mail, shortest: password::SHORTEST, wrong, ticket, providers: buttons(app) }
    }
}

async fn ask_password(State(app): State<Shared>, Path(ticket): Path<String>) -> Result<Response, Fault> {
    let person = signin::ticket_of(app.store.read(), &cookie::hash(&ticket), now()).await?;
    Ok(page(&Password::of(&app, &person.mail, &ticket, None)))
}

async fn set_password(
    State(app): State<Shared>,
    Path(ticket): Path<String>,
    Form(form): Form,
) -> Result<Response, Fault> {
    let shown = ticket;
    let ticket = cookie::hash(&shown);
    let person = signin::ticket_of(app.store.read(), &ticket, now()).await?;
    let hashed = match new_password(&app, &form, &[&person.mail, &person.name]).await? {
        Ok(hashed) => hashed,
        Err(wrong) => return Ok(refused(&Password::of(&app, &person.mail, &shown, Some(wrong)))),
    };
    signin::take_ticket(&app.store, &ticket, hashed, now()).await?;
    app.wake.notify_one();
    let said = SignIn::of(&app, person.mail, "/".to_owned(), false);
    Ok((
        StatusCode::OK,
        page(&SignIn {
            frame: Frame { said: Some("Your password is set. Sign in with it.".to_owned()), ..said.frame },
            ..said
        }),
    )
        .into_response())
}

/// A password that was typed twice, hashed; or what is wrong with it.
pub(super) async fn new_password(
    app: &App,
    form: &Fields,
    known: &[&str],
) -> Result<Result<String, String>, Fault> {
    if form.raw("password") != form.raw("again") {
        return Ok(Err("the two are not the same".to_owned()));
    }
    hash(app, form.raw("password"), known).await
}
