//! Passkeys: made on one's own page, shown at the door. Scripts carry what the browser is asked and its answer; who has none
//! signs in with a password.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_api::{Code, Problem};
use grantor_site::people::{Passkey, PersonChange, Proof};
use grantor_site::{Refusal, Timestamp};
use grantor_web::answer::done;
use grantor_web::passkey::{Answer, Asked, Place, Wrong};
use serde_json::json;

use super::door::enter;
use super::form::Form;
use super::visit::Visit;
use crate::http::{App, Failure, Peer, bad_request, required};
use crate::signin::{self, Question};

/// Characters of what a person calls a passkey, at most.
const NAME: usize = 80;

fn place(app: &App) -> Result<Place, Failure> {
    app.place().ok_or_else(|| {
        let problem = Problem::new(
            Code::NotSignedIn,
            "there are no passkeys here",
            "the console has no address that is one for all servers and a name",
        );
        problem.hint("set `address` in the table `console` of the configuration").into()
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn wrong(error: Wrong) -> Failure {
    tracing::info!(%error, "a passkey was refused");
    Refusal::NotSignedInSo.into()
}

fn kept(passkey: &Passkey) -> grantor_web::passkey::Passkey {
    grantor_web::passkey::Passkey {
        id: passkey.id.clone(),
        handle: passkey.handle,
        key: passkey.key.clone(),
        counter: passkey.counter,
    }
}

/// What a passkey is called in addresses.
pub(super) fn address_of(passkey: &Passkey) -> String {
    URL_SAFE_NO_PAD.encode(&passkey.id)
}

/// Gives the browser what it is asked, with the secret that brings the answer back.
fn asked(app: &App, asked: &Asked, question: impl FnOnce(Vec<u8>) -> Question) -> Result<Response, Failure> {
    let challenge = app.door.asked.keep(question(asked.state.clone()))?;
    let options: serde_json::Value = serde_json::from_str(&asked.options).map_err(|_| App::confused())?;
    Ok(Json(json!({ "challenge": challenge, "options": options })).into_response())
}

pub(crate) async fn ask_new(visit: Visit) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    let made = || {
        let ids: Vec<Vec<u8>> = person.passkeys.iter().map(|passkey| passkey.id.clone()).collect();
        let mut new = [0; 16];
        getrandom::fill(&mut new).map_err(|_| App::confused())?;
        // By which authenticators know the person: as the other passkeys do, or this new one.
        let handle = person.passkeys.first().map_or(new, |passkey| passkey.handle);
        let question = place(&visit.app)?.ask_new(handle, &person.name, &ids).map_err(wrong)?;
        let person = person.name.clone();
        asked(&visit.app, &question, |state| Question::NewPasskey { person, handle, state })
    };
    made().map_err(|failure: Failure| failure.into_response())
}

pub(crate) async fn add(visit: Visit, Form(form): Form) -> Result<Response, Response> {
    let name = visit.fresh_person()?.name;
    let added = added(&visit, &name, &form).await;
    added.map_err(IntoResponse::into_response)
}

async fn added(visit: &Visit, name: &str, form: &grantor_web::form::Fields) -> Result<Response, Failure> {
    required("name", form.text("name"), NAME)?;
    let question = visit.app.door.asked.take(form.text("challenge"))?;
    let Question::NewPasskey { person, handle, state } = question else { return Err(App::confused()) };
    if person != name {
        return Err(bad_request("this passkey was asked of somebody else").into());
    }
    let made = place(&visit.app)?.made(&state, handle, form.raw("answer")).map_err(wrong)?;
    let passkey = Passkey {
        id: made.id,
        name: form.text("name").to_owned(),
        handle,
        key: made.key,
        counter: made.counter,
        since: Timestamp::default(),
        used: None,
    };
    visit.app.change_person(name, PersonChange::AddPasskey(passkey), name).await?;
    Ok(done("/me", "passkey"))
}

pub(crate) async fn remove(visit: Visit, Path(id): Path<String>) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    let id = URL_SAFE_NO_PAD.decode(id).unwrap_or_default();
    let removed = visit.app.change_person(&person.name, PersonChange::RemovePasskey(id), &person.name).await;
    removed.map(|()| done("/me", "removed")).map_err(IntoResponse::into_response)
}

pub(crate) async fn ask(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
) -> Result<Response, Failure> {
    signin::not_too_often(&app, peer.ip())?;
    let question = place(&app)?.ask().map_err(wrong)?;
    asked(&app, &question, |state| Question::Passkey { state })
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, Failure> {
    let Question::Passkey { state } = app.door.asked.take(form.text("challenge"))? else {
        return Err(App::confused());
    };
    let answer = Answer::parse(form.raw("answer")).map_err(wrong)?;
    let person = app.consensus.view().access().with_passkey(&answer.id()).ok_or(Refusal::NotSignedInSo)?;
    let found = person.passkeys.iter().find(|passkey| passkey.id == answer.id());
    let found = found.ok_or(Refusal::NotSignedInSo)?;
    let counter = place(&app)?.shown(&state, &answer, &kept(found)).map_err(wrong)?;
    let proof = Proof::Passkey { id: found.id.clone(), counter };
    enter(&app, (peer.ip(), &headers), &person.name, proof, &form.next()).await
}
