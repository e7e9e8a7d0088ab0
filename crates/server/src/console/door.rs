//! The door: signing in and out, and the first administrator. Checks nothing itself: names and passwords are the API's way.

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use grantor_api::admin::TokenMade;
use grantor_api::limits;
use grantor_site::Command;
use grantor_site::access::Secret;
use grantor_web::answer::page;
use grantor_web::cookie;
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::form::Form;
use super::render::{PRODUCT, VERSION};
use crate::http::{App, Failure, Peer, make_first, sign_in_as};

fn frame() -> Frame {
    Frame { product: PRODUCT, version: VERSION, small: true, ..Frame::default() }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    name: String,
    next: String,
    wrong: Option<String>,
}

pub(crate) async fn ask(State(app): State<App>, asked: Fields) -> Response {
    if app.consensus.view().access().is_new() {
        return Redirect::to("/set-up").into_response();
    }
    page(&SignIn { frame: frame(), name: String::new(), next: next(&asked), wrong: None })
}

/// Where somebody wanted to go: a path of ours, and nothing else.
fn next(fields: &Fields) -> String {
    fields.next()
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Form(form): Form,
) -> Response {
    let name = form.text("name").to_owned();
    match sign_in_as(&app, peer.ip(), &name, form.raw("password").to_owned()).await {
        Ok(made) => enter(&made, &next(&form)),
        Err(Failure(problem)) => {
            let wrong = Some(format!("{}: {}", problem.title, problem.detail));
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            (status, page(&SignIn { frame: frame(), name, next: next(&form), wrong })).into_response()
        }
    }
}

/// Hands the visit to the browser.
fn enter(made: &TokenMade, to: &str) -> Response {
    ([(header::SET_COOKIE, cookie::given(&made.token))], Redirect::to(to)).into_response()
}

pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let hash = cookie::shown(&headers).and_then(|hash| crate::tls::unhex(&hash));
    let token = hash.and_then(|hash| app.consensus.view().access().token(&Secret(hash), app.now()).cloned());
    if let Some(token) = token {
        app.propose(Command::RevokeToken { name: token.name, by: token.by }).await?;
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
        true => make_first(&app, peer.ip(), token, &name, password.to_owned()).await.map_err(|failure| {
            let Failure(problem) = failure;
            format!("{}: {}", problem.title, problem.detail)
        }),
        false => Err("the two passwords differ".to_owned()),
    };
    match made {
        Ok(made) => enter(&made, "/set-up/licenses"),
        Err(wrong) => {
            (StatusCode::UNPROCESSABLE_ENTITY, page(&SetUp::of(&app, &name, Some(wrong)))).into_response()
        }
    }
}
