//! Signing in at another house: sent there, and back with a code. For four purposes: to sign in, to link an account to whoever is
//! signed in, to take an invitation, and to prove once more who one is.
//!
//! What was asked is kept under the hash of the state, and belongs to one browser, by a cookie: nobody is signed in by a link that
//! somebody else began.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use grantor_web::cookie::{self, Secret};
use grantor_web::frame::Frame;
use serde::{Deserialize, Serialize};

use super::ask::{Ask, Asker, now};
use super::door::{frame, next};
use super::fault::Fault;
use super::form::{Fields, Form};
use super::render::{done, page, quoted};
use super::{App, Need, Route, Shared};
use crate::providers::{self, Kept, NoSignIn, Provider, Said, Worth};
use crate::{Failure, challenges, identities, signin};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/sign-in/with/{name}", Need::Nobody, sign_in),
        Route::get("/sign-in/with/{name}/back", Need::Nobody, back),
        Route::post("/password/{ticket}/with/{name}", Need::Nobody, take_invitation),
        Route::post("/me/accounts/{name}", Need::Person, link),
        Route::post("/me/accounts/{id}/remove", Need::Person, remove),
        Route::post("/me/prove/with/{name}", Need::Person, prove),
    ]
}

/// What a browser was sent away for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Purpose {
    SignIn,
    /// Links the account to the person with that number,
    Link(i64),
    /// or to whom the ticket with that hash is for.
    Invitation(String),
    /// The person with that number proves who they are.
    Prove(i64),
}

/// What is kept until it comes back.
#[derive(Serialize, Deserialize)]
struct Began {
    provider: String,
    purpose: Purpose,
    /// The hash of what the browser's cookie has.
    browser: String,
    next: String,
    kept: Kept,
}

/// A provider's name and title, for a button.
pub(super) fn buttons(app: &App) -> Vec<(String, String)> {
    app.providers.iter().map(|one| (one.name.clone(), one.title.clone())).collect()
}

fn provider(app: &App, name: &str) -> Result<Arc<Provider>, Fault> {
    app.providers.iter().find(|one| one.name == name).cloned().ok_or(Fault::Nowhere)
}

/// Off the threads that serve: a provider takes its time.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Fault> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Bug)??)
}

/// Keeps what a browser is sent away for; gives the address, and the cookie that it comes back with.
async fn begin(
    app: &App,
    name: &str,
    (purpose, next): (Purpose, String),
) -> Result<(String, header::HeaderValue), Fault> {
    let (provider, secret) = (provider(app, name)?, Secret::new("gro_").map_err(|_| Fault::Bug)?);
    let browser = Secret::new("grb_").map_err(|_| Fault::Bug)?;
    let (way_back, state) = (providers::way_back(&app.settings.address, name), secret.text().to_owned());
    let anew = matches!(purpose, Purpose::Prove(_));
    let send =
        move || provider.send(&way_back, state, anew).map_err(|why| Failure::no_sign_in(&provider, why));
    let away = aside(send).await?;
    let began = Began { provider: name.to_owned(), purpose, browser: browser.hash(), next, kept: away.kept };
    let began = serde_json::to_string(&began).map_err(|_| Fault::Bug)?;
    challenges::keep(&app.store, ("provider", &secret.hash()), None, &began, now()).await?;
    Ok((away.address, browser.set_away()))
}

async fn sign_in(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    fields: Fields,
) -> Result<Response, Fault> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let (address, cookie) = begin(&app, &name, (Purpose::SignIn, next(&fields))).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response())
}

#[derive(Template)]
#[template(path = "door/onward.html")]
struct Onward {
    frame: Frame,
    title: String,
    address: String,
    why: &'static str,
}

/// A form that was sent can't lead to another site, for good reasons; a link on the page that answers it can.
async fn onward(
    app: &App,
    name: &str,
    purpose: Purpose,
    next: String,
    why: &'static str,
) -> Result<Response, Fault> {
    let title = provider(app, name)?.title.clone();
    let (address, cookie) = begin(app, name, (purpose, next)).await?;
    let shown = page(&Onward { frame: frame(), title, address, why });
    Ok(([(header::SET_COOKIE, cookie)], shown).into_response())
}

async fn take_invitation(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((ticket, name)): Path<(String, String)>,
) -> Result<Response, Fault> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let ticket = cookie::hash(&ticket);
    signin::ticket_of(app.store.read(), &ticket, now()).await?;
    let why = "From then on that account signs you in.";
    onward(&app, &name, Purpose::Invitation(ticket), "/".to_owned(), why).await
}

async fn link(ask: Ask, Path(name): Path<String>) -> Result<Response, Fault> {
    proved(&ask)?;
    let why = "From then on that account signs you in.";
    onward(&ask.app, &name, Purpose::Link(ask.person().id), "/me".to_owned(), why).await
}

async fn prove(ask: Ask, Path(name): Path<String>, Form(form): Form) -> Result<Response, Fault> {
    let why = "It asks you once more who you are.";
    onward(&ask.app, &name, Purpose::Prove(ask.person().id), next(&form), why).await
}

/// A stolen cookie alone links nothing: whoever does it proved lately who they are.
fn proved(ask: &Ask) -> Result<(), Fault> {
    if ask.visit.proved { Ok(()) } else { Err(Fault::Elsewhere(Redirect::to("/me/prove?next=/me"))) }
}

async fn remove(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    proved(&ask)?;
    identities::remove(&ask.app.store, ask.person(), id, now()).await?;
    Ok(done("/me", "removed"))
}

async fn back(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Asker(visit): Asker,
    Path(name): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Fault> {
    let state = cookie::hash(fields.text("state"));
    let began = challenges::take(&app.store, ("provider", &state), None, now()).await?;
    let began: Began = serde_json::from_str(&began).map_err(|_| Fault::Bug)?;
    let provider = provider(&app, &name)?;
    let said = answer(&app, &provider, &began, &headers, &fields).await?;
    let of_visit = visit.as_ref().map(|visit| visit.person.id);
    let person = match &began.purpose {
        Purpose::SignIn => identities::enter(&app.store, &provider, &said, now()).await?,
        Purpose::Invitation(ticket) => {
            identities::link_by_ticket(&app.store, &provider, &said, ticket, now()).await?
        }
        Purpose::Link(person) | Purpose::Prove(person) => {
            let visit = visit.filter(|_| of_visit == Some(*person));
            let visit = visit.ok_or_else(|| Failure::no_sign_in(&provider, NoSignIn::OtherBrowser))?;
            return known(&app, &provider, &said, (&visit, &began)).await;
        }
    };
    app.wake.notify_one();
    let strong = provider.counts_as == Worth::Both;
    let secret = Secret::new("grs_").map_err(|_| Fault::Bug)?;
    let person = if strong {
        signin::passed_strongly(&app.store, person, &secret.hash(), now()).await?
    } else {
        signin::passed(&app.store, person, &secret.hash(), now()).await?
    };
    tracing::info!(%peer, mail = person.mail, provider = provider.name, "signed in elsewhere");
    let to = if person.has_codes && !strong {
        format!("/sign-in/code?next={}", quoted(&began.next))
    } else {
        began.next
    };
    let cookies = [(header::SET_COOKIE, secret.set()), (header::SET_COOKIE, cookie::clear_away())];
    Ok((AppendHeaders(cookies), Redirect::to(&to)).into_response())
}

/// Whom the provider vouches for, if the answer is to what this browser was sent away for.
async fn answer(
    app: &App,
    provider: &Arc<Provider>,
    began: &Began,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<Said, Fault> {
    let refuses = |why| Fault::from(Failure::no_sign_in(provider, why));
    if began.provider != provider.name || cookie::shown_away(headers).as_ref() != Some(&began.browser) {
        return Err(refuses(NoSignIn::OtherBrowser));
    }
    // Providers say who they are (RFC 9207), so that no other one's code is taken for theirs.
    if fields.has("iss") && fields.text("iss") != provider.issuer() {
        return Err(refuses(NoSignIn::WrongIssuer));
    }
    let Some(code) = fields.given("code") else {
        tracing::info!(
            provider = provider.name,
            error = fields.text("error"),
            "nobody was signed in elsewhere"
        );
        return Err(refuses(NoSignIn::Declined));
    };
    let way_back = providers::way_back(&app.settings.address, &provider.name);
    let (provider, kept) = (provider.clone(), began.kept.clone());
    let ask =
        move || provider.vouched(&way_back, &kept, &code).map_err(|why| Failure::no_sign_in(&provider, why));
    aside(ask).await
}

/// For somebody who is signed in: links the account, or sees that it is theirs.
async fn known(
    app: &App,
    provider: &Provider,
    said: &Said,
    (visit, began): (&signin::Visit, &Began),
) -> Result<Response, Fault> {
    let person = &visit.person;
    let clear = AppendHeaders([(header::SET_COOKIE, cookie::clear_away())]);
    if matches!(began.purpose, Purpose::Link(_)) {
        identities::link(&app.store, provider, said, person, now()).await?;
        app.wake.notify_one();
        return Ok((clear, done("/me", "linked")).into_response());
    }
    if visit.half || !identities::is_of(app.store.read(), said, person.id).await? {
        return Err(Failure::no_sign_in(provider, NoSignIn::OtherAccount(person.mail.clone())).into());
    }
    signin::prove(&app.store, visit, now()).await?;
    Ok((clear, Redirect::to(&began.next)).into_response())
}
