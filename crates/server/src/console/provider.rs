//! Signing in at another house: sent there, and back with a code. For three purposes: to sign in, to link an account to whoever
//! is signed in, and to take an invitation. What was asked belongs to one browser, by a cookie.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use grantor_api::{Code, Problem};
use grantor_site::people::{Account, Person, PersonChange, Proof, Second};
use grantor_site::{Refusal, Timestamp};
use grantor_web::answer::{done, page};
use grantor_web::cookie::{self, Secret};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;
use grantor_web::providers::{NoSignIn, Provider, Said, Worth, way_back};

use super::door::{enter, frame, go_on};
use super::visit::{self, Visit};
use crate::http::{App, Failure, Peer};
use crate::signin::{self, Began, Purpose, Question};

/// A provider's name and title, for a button.
pub(super) fn buttons(app: &App) -> Vec<(String, String)> {
    app.door.providers.iter().map(|one| (one.name.clone(), one.title.clone())).collect()
}

fn provider(app: &App, name: &str) -> Result<Arc<Provider>, Failure> {
    let found = app.door.providers.iter().find(|one| one.name == name).cloned();
    let unknown =
        || Problem::new(Code::NotFound, "there is no such provider", format!("none is called `{name}`"));
    Ok(found.ok_or_else(unknown)?)
}

/// Why the provider signs nobody in.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(provider: &Provider, why: NoSignIn) -> Failure {
    let code = if why == NoSignIn::Away { Code::Unavailable } else { Code::NotSignedIn };
    Problem::new(code, &format!("{} signs nobody in", provider.title), why.to_string())
        .hint(why.hint())
        .into()
}

/// Off the threads that serve: a provider takes its time.
async fn aside<T: Send + 'static>(
    provider: &Arc<Provider>,
    work: impl FnOnce(&Provider) -> Result<T, NoSignIn> + Send + 'static,
) -> Result<T, Failure> {
    let asked = provider.clone();
    let answer = tokio::task::spawn_blocking(move || work(&asked)).await.map_err(|_| App::confused())?;
    answer.map_err(|why| refused(provider, why))
}

/// Keeps what a browser is sent away for; gives the address, and the cookie that it comes back with.
async fn begin(
    app: &App,
    name: &str,
    (purpose, next, anew): (Purpose, String, bool),
) -> Result<(String, header::HeaderValue), Failure> {
    let provider = provider(app, name)?;
    let (browser, state) = (new_secret("grb_")?, new_secret("gro_")?);
    let (back, sent) = (way_back(&app.public_address(), name), state.text().to_owned());
    let away = aside(&provider, move |provider| provider.send(&back, sent, anew)).await?;
    let (provider, browser_hash) = (name.to_owned(), browser.hash());
    let began = Began { provider, purpose, browser: browser_hash, next, kept: away.kept };
    app.door.asked.keep_as(state.text(), Question::Elsewhere(Box::new(began)))?;
    Ok((away.address, browser.set_away()))
}

fn new_secret(prefix: &str) -> Result<Secret, Failure> {
    Secret::new(prefix).map_err(|_| App::confused())
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Path(name): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    signin::not_too_often(&app, peer.ip())?;
    let (address, cookie) = begin(&app, &name, (Purpose::SignIn, fields.next(), fields.has("again"))).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response())
}

#[derive(Template)]
#[template(path = "onward.html")]
struct Onward {
    frame: Frame,
    title: String,
    address: String,
}

/// A form that was sent can't lead to another site, for good reasons; a link on the page that answers it can.
async fn onward(app: &App, name: &str, purpose: Purpose, next: &str) -> Result<Response, Failure> {
    let title = provider(app, name)?.title.clone();
    let (address, cookie) = begin(app, name, (purpose, next.to_owned(), false)).await?;
    let shown = page(&Onward { frame: frame(), title, address });
    Ok(([(header::SET_COOKIE, cookie)], shown).into_response())
}

pub(crate) async fn take_invitation(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Path((secret, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    signin::not_too_often(&app, peer.ip())?;
    let (_, invitation) = signin::invited(&app, &secret)?;
    onward(&app, &name, Purpose::Invitation(invitation), "/").await
}

pub(crate) async fn link(visit: Visit, Path(name): Path<String>) -> Result<Response, Response> {
    let person = visit.fresh_person()?.name;
    let sent = onward(&visit.app, &name, Purpose::Link(person), "/me").await;
    sent.map_err(IntoResponse::into_response)
}

/// Unlinks the account of the issuer that stands there in the person's list, counted from 0.
pub(crate) async fn unlink(visit: Visit, Path(place): Path<usize>) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    if let Some(account) = person.accounts.get(place) {
        let change = PersonChange::Unlink { issuer: account.issuer.clone() };
        let done = visit.app.change_person(&person.name, change, &person.name).await;
        done.map_err(IntoResponse::into_response)?;
    }
    Ok(done("/me", "removed"))
}

pub(crate) async fn back(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Failure> {
    let Question::Elsewhere(began) = app.door.asked.take(fields.text("state"))? else {
        return Err(App::confused());
    };
    let provider = provider(&app, &name)?;
    let said = answer(&app, &provider, &began, &headers, &fields).await?;
    let account = Account {
        issuer: said.issuer.clone(),
        subject: said.subject.clone(),
        name: said.mail.clone().unwrap_or_else(|| said.subject.clone()),
        since: Timestamp::default(),
        used: None,
    };
    match &began.purpose {
        Purpose::SignIn => {
            let (person, links) = whom(&app, &provider, &said)?;
            let is_enough = provider.counts_as == Worth::Both;
            let proof = Proof::Elsewhere { account, links, is_enough, second: Second::None };
            go_on(&app, (peer.ip(), &headers), &person, proof, &began.next).await
        }
        Purpose::Invitation(invitation) => {
            let invited = app.consensus.view().access().invited(invitation, app.now());
            let person = invited.ok_or(Refusal::InvitationOver)?;
            let proof = Proof::Invitation { invitation: *invitation, password: None, account: Some(account) };
            enter(&app, (peer.ip(), &headers), &person.name, proof, "/").await
        }
        Purpose::Link(person) => linked(&app, &provider, (person, account), (peer.ip(), &headers)).await,
    }
}

/// Whom an account elsewhere signs in: whose it is, or who has its verified mail address as a name, to whom it is linked then.
fn whom(app: &App, provider: &Provider, said: &Said) -> Result<(Person, bool), Failure> {
    if !provider.domains.is_empty() {
        provider.mail(said).map_err(|why| refused(provider, why))?;
    }
    let site = app.consensus.view();
    if let Some(person) = site.access().with_account(&said.issuer, &said.subject) {
        return Ok((person, false));
    }
    let mail = provider.mail(said).map_err(|why| refused(provider, why))?;
    let person = site.access().person(&mail).ok_or_else(|| refused(provider, NoSignIn::Nobody(mail)))?;
    if person.accounts.iter().any(|account| account.issuer == said.issuer) {
        return Err(refused(provider, NoSignIn::OtherAccount(person.name)));
    }
    Ok((person, true))
}

/// Whom the provider vouches for, if the answer is to what this browser was sent away for.
async fn answer(
    app: &App,
    provider: &Arc<Provider>,
    began: &Began,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<Said, Failure> {
    if began.provider != provider.name || cookie::shown_away(headers).as_ref() != Some(&began.browser) {
        return Err(refused(provider, NoSignIn::OtherBrowser));
    }
    // Providers say who they are (RFC 9207), so that no other one's code is taken for theirs.
    if fields.has("iss") && fields.text("iss") != provider.issuer() {
        return Err(refused(provider, NoSignIn::WrongIssuer));
    }
    let Some(code) = fields.given("code") else {
        let error = fields.text("error");
        tracing::info!(provider = provider.name, error, "nobody was signed in elsewhere");
        return Err(refused(provider, NoSignIn::Declined));
    };
    let (back, kept) = (way_back(&app.public_address(), &provider.name), began.kept.clone());
    aside(provider, move |provider| provider.vouched(&back, &kept, &code)).await
}

/// Links the account to whoever began it, if the browser is still theirs.
async fn linked(
    app: &App,
    provider: &Provider,
    (person, account): (&str, Account),
    (peer, headers): (IpAddr, &HeaderMap),
) -> Result<Response, Failure> {
    let cookie = visit::cookie(headers);
    let here = cookie.and_then(|hash| app.consensus.view().access().visit(&hash, app.now()).cloned());
    if here.is_none_or(|visit| visit.person != person) {
        return Err(refused(provider, NoSignIn::OtherBrowser));
    }
    let theirs = app.person(person)?;
    let same = |kept: &Account| kept.issuer == account.issuer && kept.subject == account.subject;
    if !theirs.accounts.iter().any(same) {
        app.change_person(person, PersonChange::Link(account), person).await?;
        tracing::info!(%peer, person, provider = provider.name, "an account elsewhere was linked");
    }
    let clear = AppendHeaders([(header::SET_COOKIE, cookie::clear_away())]);
    Ok((clear, done("/me", "linked")).into_response())
}
