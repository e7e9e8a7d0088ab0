//! The first administrator and signing in. Passwords are checked one at a time and guesses slowed down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use grantor_api::admin::{Login, Setup, TokenMade};
use grantor_api::{Code, Problem, limits};
use grantor_site::Command;
use grantor_site::access::Scope;
use grantor_web::password;

use super::App;
use super::answer::{Failure, bad_request};
use super::auth::Peer;
use super::body::{Json, required};
use crate::clock::instant;
use crate::secret;

/// How long a token from signing in is of use, in seconds.
const SIGNED_IN: u32 = 12 * 3600;
/// Most addresses whose wrong guesses are remembered.
const REMEMBERED: usize = 10_000;

/// Wrong guesses by address, and the one place where passwords are checked.
#[derive(Default)]
pub(crate) struct Guesses {
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Guesses {
    /// How long an address must still wait: 1, 2, 4 … 60 seconds after its third wrong guess and each later one.
    fn wait(&self, address: IpAddr) -> Option<Duration> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = *wrong.get(&address)?;
        let delay = Duration::from_secs(1u64.checked_shl(count.checked_sub(3)?).unwrap_or(60).min(60));
        delay.checked_sub(last.elapsed())
    }

    fn note(&self, address: IpAddr, was_right: bool) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if was_right {
            wrong.remove(&address);
            return;
        }
        if wrong.len() >= REMEMBERED {
            wrong.retain(|_, (_, last)| last.elapsed() < Duration::from_secs(60));
        }
        let entry = wrong.entry(address).or_insert((0, Instant::now()));
        *entry = (entry.0.saturating_add(1), Instant::now());
    }
}

fn too_many(wait: Duration) -> Failure {
    let seconds = wait.as_secs() + 1;
    Problem::new(Code::TooManyTries, "too many wrong guesses", format!("wait {seconds} seconds")).into()
}

/// Makes the first administrator with the token that the server printed, and a token for them.
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
    if let Some(wait) = app.guesses.wait(peer.to_canonical()) {
        return Err(too_many(wait));
    }
    let password_hash = hashed(app, password).await?;
    let setup = secret::hash(token);
    let made =
        app.propose(Command::CreateAdministrator { setup, name: name.to_owned(), password_hash }).await;
    app.guesses.note(peer.to_canonical(), made.is_ok());
    made?;
    app.forget_setup_token();
    sign_in(app, name).await
}

async fn hashed(app: &App, password: String) -> Result<String, Failure> {
    let _turn = app.guesses.one_at_a_time.lock().await;
    let hash = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hash.ok().and_then(Result::ok).ok_or_else(App::confused)
}

/// Signs an administrator in: the answer is a token that is of use for 12 hours.
#[utoipa::path(post, path = "/v1/admin/login", tag = "administration", request_body = Login,
    responses((status = 201, body = TokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn login(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Json(body): Json<Login>,
) -> Result<(StatusCode, axum::Json<TokenMade>), Failure> {
    let made = sign_in_as(&app, peer.ip(), &body.name, body.password).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// The same for those who have read the request themselves.
pub(crate) async fn sign_in_as(
    app: &App,
    peer: IpAddr,
    name: &str,
    password: String,
) -> Result<TokenMade, Failure> {
    if let Some(wait) = app.guesses.wait(peer.to_canonical()) {
        return Err(too_many(wait));
    }
    let hash = app.consensus.view().access().administrator(name).map(|person| person.password_hash.clone());
    let right = {
        let _turn = app.guesses.one_at_a_time.lock().await;
        tokio::task::spawn_blocking(move || password::check(&password, hash.as_deref()))
            .await
            .unwrap_or(false)
    };
    app.guesses.note(peer.to_canonical(), right);
    if !right {
        return Err(Problem::new(
            Code::Unauthenticated,
            "wrong name or password",
            "nobody of that name has that password",
        )
        .into());
    }
    sign_in(app, name).await
}

async fn sign_in(app: &App, name: &str) -> Result<TokenMade, Failure> {
    let (token, hash) = secret::new_token().map_err(|_| App::confused())?;
    let until = app.now().plus_seconds(SIGNED_IN);
    let suffix = secret::random_id().map_err(|_| App::confused())? >> 96;
    let token_name = format!("{name}, signed in {} ({suffix:08x})", instant(app.now()));
    app.propose(Command::AddToken {
        token: hash,
        name: token_name.clone(),
        scopes: vec![Scope::Admin],
        tenant: None,
        until: Some(until),
        by: name.to_owned(),
    })
    .await?;
    Ok(TokenMade { name: token_name, token, until: Some(instant(until)) })
}
