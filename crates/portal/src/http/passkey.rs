//! Passkeys: made on one's own page, shown at the door. Scripts carry what the browser is asked and its answer; who has none
//! signs in with a password.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use grantor_web::cookie::{self, Secret};
use grantor_web::passkey::{Answer, Asked, HANDLE, Place, Wrong};
use serde_json::json;

use super::ask::{Ask, now};
use super::door::next;
use super::fault::Fault;
use super::form::Form;
use super::render::done;
use super::{App, Need, Route, Shared};
use crate::{Failure, Refusal, challenges, passkeys, signin};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/me/passkeys/ask", Need::Person, ask_new),
        Route::post("/me/passkeys", Need::Person, add),
        Route::post("/me/passkeys/{id}/remove", Need::Person, remove),
        Route::post("/sign-in/passkey/ask", Need::Nobody, ask),
        Route::post("/sign-in/passkey", Need::Nobody, sign_in),
    ]
}

fn place(app: &App) -> Result<Place, Fault> {
    Place::new(&app.settings.address)
        .map_err(|_| Fault::Senseless("passkeys need a portal with a name for its address".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn wrong(error: Wrong) -> Fault {
    tracing::info!(%error, "a passkey was refused");
    Failure::from(Refusal::PasskeyWrong).into()
}

/// Keeps what is asked, and gives it to the browser with the secret that brings the answer back.
async fn asked(app: &App, purpose: &str, person: Option<i64>, asked: &Asked) -> Result<Response, Fault> {
    let secret = Secret::new("grc_").map_err(|_| Fault::Bug)?;
    let state = STANDARD_NO_PAD.encode(&asked.state);
    challenges::keep(&app.store, (purpose, &secret.hash()), person, &state, now()).await?;
    let options: serde_json::Value = serde_json::from_str(&asked.options).map_err(|_| Fault::Bug)?;
    Ok(Json(json!({ "challenge": secret.text(), "options": options })).into_response())
}

async fn state(app: &App, purpose: &str, person: Option<i64>, secret: &str) -> Result<Vec<u8>, Fault> {
    let kept = challenges::take(&app.store, (purpose, &cookie::hash(secret)), person, now()).await?;
    STANDARD_NO_PAD.decode(kept).map_err(|_| Fault::Bug)
}

/// A stolen cookie alone makes no passkey: whoever makes one proved lately who they are.
fn proved(ask: &Ask) -> Result<(), Fault> {
    if ask.visit.proved { Ok(()) } else { Err(Fault::Elsewhere(Redirect::to("/me/prove?next=/me"))) }
}

async fn ask_new(ask: Ask) -> Result<Response, Fault> {
    proved(&ask)?;
    let has = passkeys::of(ask.app.store.read(), ask.person().id).await?;
    let mut new = [0; HANDLE];
    getrandom::fill(&mut new).map_err(|_| Fault::Bug)?;
    let ids: Vec<Vec<u8>> = has.iter().map(|kept| kept.passkey.id.clone()).collect();
    let handle = passkeys::handle(&has, new);
    let mut question = place(&ask.app)?.ask_new(handle, &ask.person().mail, &ids).map_err(wrong)?;
    question.state = [&handle[..], &question.state].concat();
    asked(&ask.app, "new passkey", Some(ask.person().id), &question).await
}

async fn add(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    proved(&ask)?;
    let kept = state(&ask.app, "new passkey", Some(ask.person().id), form.text("challenge")).await?;
    let (handle, kept) = kept.split_first_chunk::<HANDLE>().ok_or(Fault::Bug)?;
    let made = place(&ask.app)?.made(kept, *handle, form.raw("answer")).map_err(wrong)?;
    passkeys::add(&ask.app.store, ask.person(), form.text("name"), &made, now()).await?;
    ask.app.wake.notify_one();
    Ok(done("/me", "passkey"))
}

async fn remove(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    proved(&ask)?;
    passkeys::remove(&ask.app.store, ask.person(), id, now()).await?;
    Ok(done("/me", "removed"))
}

async fn ask(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Result<Response, Fault> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let question = place(&app)?.ask().map_err(wrong)?;
    asked(&app, "passkey", None, &question).await
}

async fn sign_in(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form,
) -> Result<Response, Fault> {
    let kept = state(&app, "passkey", None, form.text("challenge")).await?;
    let answer = Answer::parse(form.raw("answer")).map_err(wrong)?;
    let found = passkeys::find(app.store.read(), &answer.id()).await?;
    let known = found.ok_or(Failure::from(Refusal::PasskeyWrong))?;
    let counter = place(&app)?.shown(&kept, &answer, &known.passkey).map_err(wrong)?;
    passkeys::used(&app.store, known.id, counter, now()).await?;
    let secret = Secret::new("grs_").map_err(|_| Fault::Bug)?;
    let person = signin::passed_strongly(&app.store, known.person, &secret.hash(), now()).await?;
    tracing::info!(%peer, mail = person.mail, "signed in with a passkey");
    Ok(([(header::SET_COOKIE, secret.set())], Redirect::to(&next(&form))).into_response())
}
