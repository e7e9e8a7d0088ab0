//! Taking an invitation: a password is chosen, or an account elsewhere takes its place. Checks nothing itself.

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use grantor_site::people::{Person, Proof};
use grantor_web::answer::{page, refused};
use grantor_web::frame::Frame;
use grantor_web::password;

use super::door::{enter, frame, words};
use super::form::Form;
use super::provider::buttons;
use crate::http::{App, Failure, Peer};
use crate::signin;

#[derive(Template)]
#[template(path = "invitation.html")]
struct Invitation {
    frame: Frame,
    person: Person,
    secret: String,
    shortest: usize,
    wrong: Option<String>,
    providers: Vec<(String, String)>,
}

impl Invitation {
    fn of(app: &App, person: Person, secret: String, wrong: Option<String>) -> Self {
        let providers = buttons(app);
        Self { frame: frame(), person, secret, shortest: password::SHORTEST, wrong, providers }
    }
}

pub(crate) async fn ask(State(app): State<App>, Path(secret): Path<String>) -> Result<Response, Failure> {
    let (person, _) = signin::invited(&app, &secret)?;
    Ok(page(&Invitation::of(&app, person, secret, None)))
}

pub(crate) async fn take(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Path(secret): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    signin::not_too_often(&app, peer.ip())?;
    let (person, invitation) = signin::invited(&app, &secret)?;
    let known = [person.name.as_str(), person.display.as_str()];
    let chosen = match form.raw("password") == form.raw("again") {
        true => signin::new_password(&app, form.raw("password"), &known).await.map_err(|wrong| words(&wrong)),
        false => Err("the two passwords differ".to_owned()),
    };
    match chosen {
        Ok(password) => {
            let proof = Proof::Invitation { invitation, password: Some(password), account: None };
            enter(&app, (peer.ip(), &headers), &person.name, proof, "/").await
        }
        Err(wrong) => Ok(refused(&Invitation::of(&app, person, secret, Some(wrong)))),
    }
}
