//! What a person does alone: password, codes, spare codes, visits. What the visit may do is told, too. Passkeys and accounts
//! elsewhere have modules of their own.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use grantor_site::access::Secret;
use grantor_site::people::{Person, PersonChange, Which};
use grantor_web::answer::{done, page, refused};
use grantor_web::frame::Frame;
use grantor_web::{password, totp};

use super::door::words;
use super::form::Form;
use super::passkey::address_of;
use super::people::post_text;
use super::render::{PRODUCT, instant};
use super::visit::Visit;
use crate::http::{App, Failure, Peer, means};
use crate::signin;

/// A visit as the page lists it.
struct VisitRow {
    name: String,
    since: String,
    until: String,
    means: String,
    from: String,
    is_this: bool,
}

/// A way to sign in that has a name: its address, its name, what else is to be said, its last use.
struct Way {
    address: String,
    name: String,
    of: String,
    used: String,
}

#[derive(Template)]
#[template(path = "me.html")]
struct Me {
    frame: Frame,
    person: Person,
    roles: Vec<String>,
    visits: Vec<VisitRow>,
    passkeys: Vec<Way>,
    can_passkeys: bool,
    accounts: Vec<Way>,
    /// Providers where none is linked yet: name and title.
    providers: Vec<(String, String)>,
    spare_left: usize,
    /// Spare codes that were just made, shown once.
    made: Vec<String>,
    shortest: usize,
    wrong: Option<String>,
}

/// What a visit is called on pages: enough of its hash to tell one from another, and not the hash.
fn visit_name(hash: &Secret) -> String {
    crate::tls::hex(&hash.0[..6])
}

fn used(at: Option<grantor_site::Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), instant)
}

impl Me {
    fn of(visit: &Visit, person: Person, wrong: Option<String>) -> Self {
        let (site, now) = (visit.app.consensus.view(), visit.app.now());
        let row = |(hash, one): (&Secret, &grantor_site::people::Visit)| VisitRow {
            name: visit_name(hash),
            since: instant(one.since),
            until: instant(one.until),
            means: means(&one.means),
            from: one.from.to_string(),
            is_this: *hash == visit.cookie,
        };
        let mut visits: Vec<VisitRow> = site.access().visits(&person.name, now).map(row).collect();
        visits.sort_by(|one, other| other.since.cmp(&one.since));
        let linked = |issuer: &str| person.accounts.iter().any(|account| account.issuer == issuer);
        let free = visit.app.door.providers.iter().filter(|one| !linked(one.issuer()));
        Self {
            frame: visit.frame(),
            roles: person.posts.iter().map(post_text).collect(),
            visits,
            passkeys: passkeys(&person),
            can_passkeys: visit.app.place().is_some(),
            accounts: accounts(&person),
            providers: free.map(|one| (one.name.clone(), one.title.clone())).collect(),
            spare_left: person.codes.as_ref().map_or(0, |codes| codes.spare.len()),
            made: Vec::new(),
            shortest: password::SHORTEST,
            wrong,
            person,
        }
    }
}

fn passkeys(person: &Person) -> Vec<Way> {
    let way = |passkey: &grantor_site::people::Passkey| Way {
        address: address_of(passkey),
        name: passkey.name.clone(),
        of: String::new(),
        used: used(passkey.used),
    };
    person.passkeys.iter().map(way).collect()
}

fn accounts(person: &Person) -> Vec<Way> {
    let way = |(place, account): (usize, &grantor_site::people::Account)| Way {
        address: place.to_string(),
        name: account.name.clone(),
        of: account.issuer.clone(),
        used: used(account.used),
    };
    person.accounts.iter().enumerate().map(way).collect()
}

/// A visit that is a token's, of a program or of before people had roles.
#[derive(Template)]
#[template(path = "me_token.html")]
struct OfToken {
    frame: Frame,
    name: String,
}

pub(crate) async fn show(visit: Visit) -> Response {
    match visit.own_person() {
        Ok(person) => page(&Me::of(&visit, person, None)),
        Err(_) => page(&OfToken { frame: visit.frame(), name: visit.caller.name().to_owned() }),
    }
}

fn again(visit: &Visit, failure: &Failure) -> Result<Response, Failure> {
    let shown = page(&Me::of(visit, visit.own_person()?, Some(words(failure))));
    let status = StatusCode::from_u16(failure.0.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Ok((status, shown).into_response())
}

pub(crate) async fn change_password(
    visit: Visit,
    Extension(Peer(peer)): Extension<Peer>,
    Form(form): Form,
) -> Result<Response, Response> {
    let person = visit.own_person().map_err(IntoResponse::into_response)?;
    if person.password.is_none() {
        // There is none to show: a fresh visit takes its place.
        visit.fresh_person()?;
    }
    match changed(&visit, peer.ip(), &person, &form).await {
        Ok(()) => Ok(done("/me", "password")),
        Err(failure) => again(&visit, &failure).map_err(IntoResponse::into_response),
    }
}

async fn changed(
    visit: &Visit,
    peer: IpAddr,
    person: &Person,
    form: &grantor_web::form::Fields,
) -> Result<(), Failure> {
    if form.raw("password") != form.raw("again") {
        return Err(crate::http::bad_request("the two new passwords differ").into());
    }
    if person.password.is_some() {
        signin::by_password(&visit.app, peer, &person.name, form.raw("now").to_owned()).await?;
    }
    let known = [person.name.as_str(), person.display.as_str()];
    let password = signin::new_password(&visit.app, form.raw("password"), &known).await?;
    let change = PersonChange::Password { password, keep: Some(visit.cookie) };
    visit.app.change_person(&person.name, change, &person.name).await
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Codes {
    frame: Frame,
    has_codes: bool,
    picture: String,
    text: String,
    /// The new key, sealed; it comes back with the first code.
    sealed: String,
    wrong: bool,
}

/// Sealed for this use of it by this person: a key that is only on its way can't be taken for one that counts.
fn on_its_way(person: &Person) -> String {
    format!("new codes of {}", person.name)
}

fn codes(visit: &Visit, person: &Person, key: &totp::Key, wrong: bool) -> Result<Codes, Failure> {
    let sealed = visit.app.door.seal.seal(&on_its_way(person), key.bytes()).map_err(|_| App::confused())?;
    Ok(Codes {
        frame: visit.frame(),
        has_codes: person.codes.is_some(),
        picture: key.picture(PRODUCT, &person.name).unwrap_or_default(),
        text: key.text(),
        sealed,
        wrong,
    })
}

pub(crate) async fn ask_codes(visit: Visit) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    let key = totp::Key::new().map_err(|_| App::confused().into_response())?;
    codes(&visit, &person, &key, false).map(|shown| page(&shown)).map_err(IntoResponse::into_response)
}

pub(crate) async fn turn_codes_on(visit: Visit, Form(form): Form) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    turned_on(&visit, person, &form).await.map_err(IntoResponse::into_response)
}

async fn turned_on(
    visit: &Visit,
    person: Person,
    form: &grantor_web::form::Fields,
) -> Result<Response, Failure> {
    let key = visit.app.door.seal.unseal(&on_its_way(&person), form.text("sealed"));
    let key = key.and_then(|bytes| totp::Key::from_bytes(&bytes));
    let key = key.ok_or_else(|| crate::http::bad_request("this key was not made for you here"))?;
    let Some((new, made)) = signin::turned_on(&visit.app, &person, &key, form.text("code"))? else {
        return Ok(refused(&codes(visit, &person, &key, true)?));
    };
    visit.app.change_person(&person.name, PersonChange::Codes(Some(new)), &person.name).await?;
    show_spare(visit, made)
}

/// The page with spare codes that were just made: the only time that they are shown.
fn show_spare(visit: &Visit, made: Vec<String>) -> Result<Response, Failure> {
    Ok(page(&Me { made, ..Me::of(visit, visit.own_person()?, None) }))
}

pub(crate) async fn turn_codes_off(visit: Visit) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    let off = visit.app.change_person(&person.name, PersonChange::Codes(None), &person.name).await;
    off.map(|()| done("/me", "codes-off")).map_err(IntoResponse::into_response)
}

pub(crate) async fn make_spare(visit: Visit) -> Result<Response, Response> {
    let person = visit.fresh_person()?;
    let (made, kept) = signin::new_spare().map_err(IntoResponse::into_response)?;
    let changed = visit.app.change_person(&person.name, PersonChange::Spare(kept), &person.name).await;
    changed.and_then(|()| show_spare(&visit, made)).map_err(IntoResponse::into_response)
}

pub(crate) async fn end_others(visit: Visit) -> Result<Response, Failure> {
    let name = visit.own_person()?.name;
    signin::sign_out(&visit.app, &name, Which::AllBut(visit.cookie), &name).await?;
    Ok(done("/me", "visits"))
}

pub(crate) async fn end_visit(visit: Visit, Path(which): Path<String>) -> Result<Response, Failure> {
    let name = visit.own_person()?.name;
    let site = visit.app.consensus.view();
    let mut theirs = site.access().visits(&name, visit.app.now());
    if let Some(hash) = theirs.find_map(|(hash, _)| (visit_name(hash) == which).then_some(*hash)) {
        signin::sign_out(&visit.app, &name, Which::One(hash), &name).await?;
    }
    Ok(done("/me", "visits"))
}
