//! The door: signing in by password and code, signing out, and the first administrator. Checks nothing itself: that is the
//! business of [`crate::signin`].

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use grantor_api::limits;
use grantor_site::Command;
use grantor_site::people::{Person, Proof, Second, Which};
use grantor_web::answer::page;
use grantor_web::cookie;
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::form::Form;
use super::provider::buttons;
use super::render::{PRODUCT, VERSION};
use super::visit;
use crate::http::{App, Failure, Peer, make_first};
use crate::signin::{self, Question};

pub(super) fn frame() -> Frame {
    Frame { product: PRODUCT, version: VERSION, small: true, ..Frame::default() }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    name: String,
    next: String,
    /// Whether somebody who is signed in is to show once more who they are.
    again: bool,
    wrong: Option<String>,
    /// Names and titles.
    providers: Vec<(String, String)>,
    passkeys: bool,
}

impl SignIn {
    fn of(app: &App, fields: &Fields, wrong: Option<String>) -> Self {
        Self {
            frame: frame(),
            name: fields.text("name").to_owned(),
            next: fields.next(),
            again: fields.has("again"),
            wrong,
            providers: buttons(app),
            passkeys: app.place().is_some(),
        }
    }
}

pub(crate) async fn ask(State(app): State<App>, asked: Fields) -> Response {
    if app.consensus.view().access().is_new() {
        return Redirect::to("/set-up").into_response();
    }
    page(&SignIn::of(&app, &asked, None))
}

/// What went wrong, in words for a form.
pub(super) fn words(failure: &Failure) -> String {
    let problem = &failure.0;
    let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{}: {}{hint}", problem.title, problem.detail)
}

fn status(failure: &Failure) -> StatusCode {
    StatusCode::from_u16(failure.0.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, Failure> {
    let found =
        signin::by_password(&app, peer.ip(), form.text("name"), form.raw("password").to_owned()).await;
    match found {
        Ok(person) => {
            go_on(&app, (peer.ip(), &headers), &person, Proof::Password(Second::None), &form.next()).await
        }
        Err(failure) => {
            let shown = page(&SignIn::of(&app, &form, Some(words(&failure))));
            Ok((status(&failure), shown).into_response())
        }
    }
}

/// Something was right: begins the visit, or asks for the code that goes with it.
pub(super) async fn go_on(
    app: &App,
    (peer, headers): (IpAddr, &HeaderMap),
    person: &Person,
    proof: Proof,
    next: &str,
) -> Result<Response, Failure> {
    let is_enough = !matches!(proof, Proof::Password(_) | Proof::Elsewhere { is_enough: false, .. });
    if is_enough || person.codes.is_none() {
        return enter(app, (peer, headers), &person.name, proof, next).await;
    }
    let challenge = app.door.asked.keep(Question::Code { person: person.name.clone(), proof })?;
    Ok(page(&Code { frame: frame(), next: next.to_owned(), challenge, wrong: None }))
}

/// Begins a visit and hands it to the browser, which gives up the one it had.
pub(super) async fn enter(
    app: &App,
    (peer, headers): (IpAddr, &HeaderMap),
    person: &str,
    proof: Proof,
    next: &str,
) -> Result<Response, Failure> {
    let before = visit::cookie(headers);
    let made = signin::begin(app, peer, person, proof).await?;
    let access = app.consensus.view();
    if let Some((hash, old)) = before.and_then(|hash| Some((hash, access.access().visit(&hash, app.now())?)))
    {
        signin::sign_out(app, &old.person, Which::One(hash), &made.name).await?;
    }
    let cookies =
        [(header::SET_COOKIE, cookie::given(&made.token)), (header::SET_COOKIE, cookie::clear_away())];
    Ok((AppendHeaders(cookies), Redirect::to(next)).into_response())
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    frame: Frame,
    next: String,
    challenge: String,
    wrong: Option<String>,
}

/// Nobody begins with the code.
pub(crate) async fn ask_code() -> Redirect {
    Redirect::to("/sign-in")
}

pub(crate) async fn show_code(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, Failure> {
    let challenge = form.text("challenge").to_owned();
    let Question::Code { person, proof } = app.door.asked.look(&challenge)? else {
        return Err(App::confused());
    };
    let found = signin::second(&app, peer.ip(), &app.person(&person)?, form.text("code")).await;
    let done = match found {
        Ok(second) => {
            let proof = Question::with_code(proof, second);
            enter(&app, (peer.ip(), &headers), &person, proof, &form.next()).await
        }
        Err(failure) => Err(failure),
    };
    match done {
        Ok(response) => {
            app.door.asked.take(&challenge)?;
            Ok(response)
        }
        Err(failure) => {
            let (next, wrong) = (form.next(), Some(words(&failure)));
            let shown = page(&Code { frame: frame(), next, challenge, wrong });
            Ok((status(&failure), shown).into_response())
        }
    }
}

pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    if let Some(hash) = visit::cookie(&headers) {
        let site = app.consensus.view();
        let (visit, token) = (site.access().visit(&hash, app.now()), site.access().token(&hash, app.now()));
        if let Some(visit) = visit {
            signin::sign_out(&app, &visit.person, Which::One(hash), &visit.person).await?;
        } else if let Some(token) = token {
            // A visit that began before people had roles.
            app.propose(Command::RevokeToken { name: token.name.clone(), by: token.by.clone() }).await?;
        }
    }
    let clear = [
        (header::SET_COOKIE, cookie::clear()),
        (header::HeaderName::from_static("clear-site-data"), header::HeaderValue::from_static("\"cache\"")),
    ];
    Ok((clear, Redirect::to("/sign-in")).into_response())
}

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUp {
    frame: Frame,
    name: String,
    file: String,
    shortest: usize,
    wrong: Option<String>,
}

impl SetUp {
    fn of(app: &App, name: &str, wrong: Option<String>) -> Self {
        let file = app.setup_file.display().to_string();
        Self { frame: frame(), name: name.to_owned(), file, shortest: *limits::PASSWORD.start(), wrong }
    }
}

/// The set-up assistant's first step: who administers this site.
pub(crate) async fn ask_first(State(app): State<App>) -> Response {
    if !app.consensus.view().access().is_new() {
        return Redirect::to("/").into_response();
    }
    page(&SetUp::of(&app, "", None))
}

pub(crate) async fn first(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Form(form): Form,
) -> Response {
    let name = form.text("name").to_owned();
    let (token, password) = (form.text("token"), form.raw("password"));
    let made = match password == form.raw("again") {
        true => make_first(&app, peer.ip(), token, &name, password.to_owned())
            .await
            .map_err(|failure| words(&failure)),
        false => Err("the two passwords differ".to_owned()),
    };
    match made {
        Ok(made) => {
            let cookie = [(header::SET_COOKIE, cookie::given(&made.token))];
            (cookie, Redirect::to("/set-up/licenses")).into_response()
        }
        Err(wrong) => {
            (StatusCode::UNPROCESSABLE_ENTITY, page(&SetUp::of(&app, &name, Some(wrong)))).into_response()
        }
    }
}
