//! The first administrator, signing in, invitations and one's own password. How somebody shows who they are is the business of
//! [`crate::signin`].

use std::net::IpAddr;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use grantor_api::admin::{Login, Setup, TokenMade};
use grantor_api::limits;
use grantor_api::people::{Accept, NewPassword};
use grantor_site::Command;
use grantor_site::people::{PersonChange, Proof, Second};

use super::App;
use super::answer::{Failure, bad_request};
use super::auth::{Caller, Peer, shown};
use super::body::{Json, required};
use crate::secret;
use crate::signin::{self, begin};

/// Makes the first administrator with the token that the server printed, and a visit for them.
#[utoipa::path(post, path = "/v1/admin/setup", tag = "administration", request_body = Setup,
    responses((status = 201, body = TokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn setup(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Json(body): Json<Setup>,
) -> Result<(StatusCode, axum::Json<TokenMade>), Failure> {
    let made = make_first(&app, peer.ip(), &body.setup_token, &body.name, body.password).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// The same for those who have read the request themselves.
pub(crate) async fn make_first(
    app: &App,
    peer: IpAddr,
    token: &str,
    name: &str,
    password: String,
) -> Result<TokenMade, Failure> {
    required("name", name, limits::NAME)?;
    if !limits::PASSWORD.contains(&password.len()) {
        return Err(bad_request(format!("`password` has {} bytes", password.len()))
            .hint(format!("choose {} at least; a sentence is easy to keep in mind", limits::PASSWORD.start()))
            .into());
    }
    // A wrong set-up token is a guess like any other.
    let turn = app.door.guesses.turn(peer, "set-up token").await?;
    let hash = tokio::task::spawn_blocking(move || grantor_web::password::hash(&password)).await;
    let password_hash = hash.ok().and_then(Result::ok).ok_or_else(App::confused)?;
    let setup = secret::hash(token);
    let made =
        app.propose(Command::CreateAdministrator { setup, name: name.to_owned(), password_hash }).await;
    turn.was(made.is_ok());
    made?;
    app.forget_setup_token();
    begin(app, peer, name, Proof::Password(Second::None)).await
}

/// Signs somebody in who administers: the answer is a token that is of use for 12 hours. Where codes are asked for, the refusal
/// `code-needed` says that the password is right.
#[utoipa::path(post, path = "/v1/admin/login", tag = "administration", request_body = Login,
    responses((status = 201, body = TokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn login(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Json(body): Json<Login>,
) -> Result<(StatusCode, axum::Json<TokenMade>), Failure> {
    let person = signin::by_password(&app, peer.ip(), &body.name, body.password).await?;
    let code = body.code.unwrap_or_default();
    let second = signin::second(&app, peer.ip(), &person, &code).await?;
    let made = begin(&app, peer.ip(), &person.name, Proof::Password(second)).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Takes an invitation: chooses a password and signs in.
#[utoipa::path(post, path = "/v1/admin/invitation", tag = "administration", request_body = Accept,
    responses((status = 201, body = TokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn accept(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Json(body): Json<Accept>,
) -> Result<(StatusCode, axum::Json<TokenMade>), Failure> {
    let made = signin::accept(&app, peer.ip(), &body.invitation, &body.password).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Changes one's own password. Every other visit of the person ends.
#[utoipa::path(put, path = "/v1/admin/me/password", tag = "administration", request_body = NewPassword,
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Extension(Peer(peer)): Extension<Peer>,
    headers: axum::http::HeaderMap,
    Json(body): Json<NewPassword>,
) -> Result<StatusCode, Failure> {
    let (name, _) = caller.person()?;
    let person = signin::by_password(&app, peer.ip(), name, body.now).await?;
    let password = signin::new_password(&app, &body.password, &[&person.name, &person.display]).await?;
    let keep = shown(&headers)?.map(secret::hash);
    app.change_person(name, PersonChange::Password { password, keep }, name).await?;
    Ok(StatusCode::NO_CONTENT)
}
