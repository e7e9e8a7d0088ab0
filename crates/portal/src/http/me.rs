//! What a person does for themselves: password, codes, visits, saved filters; and proving once more who they are.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::cookie::Secret;
use grantor_web::frame::Frame;
use grantor_web::{password, totp};

use super::ask::{Ask, now};
use super::door::{check, is_code, new_password, next};
use super::fault::Fault;
use super::form::{Fields, Form};
use super::provider::buttons;
use super::render::{PRODUCT, done, instant, page, refused};
use super::{Need, Route};
use crate::people::Person;
use crate::tokens::{self, Scope};
use crate::{Failure, certifications, filters, identities, passkeys, signin};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/me", Need::Person, me),
        Route::post("/me/password", Need::Person, change_password),
        Route::get("/me/codes", Need::Person, ask_codes),
        Route::post("/me/codes", Need::Person, turn_codes_on),
        Route::post("/me/codes/off", Need::Person, turn_codes_off),
        Route::post("/me/visits/end", Need::Person, end_visits),
        Route::post("/me/visits/{name}/end", Need::Person, end_visit),
        Route::get("/me/prove", Need::Person, ask_proof),
        Route::post("/me/prove", Need::Person, prove),
        Route::post("/me/tokens", Need::Person, make_token),
        Route::post("/me/tokens/{id}/remove", Need::Person, remove_token),
        Route::post("/me/filters", Need::Person, save_filter),
        Route::post("/me/filters/{id}/remove", Need::Person, remove_filter),
    ]
}

pub(super) struct VisitRow {
    /// What it is called in addresses.
    pub(super) name: String,
    pub(super) began: String,
    pub(super) seen: String,
    /// Whether it is the one that the page is seen by.
    pub(super) this: bool,
}

#[derive(Template)]
#[template(path = "me.html")]
struct Me {
    frame: Frame,
    person: Person,
    certifications: Vec<(String, String)>,
    visits: Vec<VisitRow>,
    shortest: usize,
    wrong: Option<String>,
    tokens: Vec<TokenRow>,
    /// Those that the person may have.
    scopes: Vec<Scope>,
    passkeys: Vec<(i64, String, String)>,
    /// Accounts elsewhere: number, issuer, name, last use.
    accounts: Vec<(i64, String, String, String)>,
    /// Providers where none is linked yet.
    providers: Vec<(String, String)>,
    /// A token that was just made, shown once.
    made: Option<String>,
}

/// A token as the page lists it.
struct TokenRow {
    id: i64,
    name: String,
    scopes: String,
    ends: String,
    used: String,
}

fn token_row(token: tokens::Token) -> TokenRow {
    TokenRow {
        id: token.id,
        scopes: token.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(", "),
        name: token.name,
        ends: instant(token.ends_at),
        used: token.used_at.map_or_else(|| "never".to_owned(), instant),
    }
}

fn passkey_row(kept: passkeys::Kept) -> (i64, String, String) {
    let used = kept.used_at.map_or_else(|| "never".to_owned(), instant);
    (kept.id, kept.name, used)
}

fn account_row(kept: identities::Kept) -> (i64, String, String, String) {
    let used = kept.used_at.map_or_else(|| "never".to_owned(), instant);
    (kept.id, kept.issuer, kept.name, used)
}

fn not_linked(ask: &Ask, accounts: &[identities::Kept]) -> Vec<(String, String)> {
    let linked = |issuer: &str| accounts.iter().any(|kept| kept.issuer == issuer);
    let free = ask.app.providers.iter().filter(|one| !linked(one.issuer()));
    free.map(|one| (one.name.clone(), one.title.clone())).collect()
}

/// Visits as pages list them.
pub(super) fn visit_rows(ask: &Ask, visits: Vec<(i64, i64, String)>) -> Vec<VisitRow> {
    let row = |(began, seen, hash): (i64, i64, String)| VisitRow {
        name: signin::visit_name(&hash).to_owned(),
        began: instant(began),
        seen: instant(seen),
        this: hash == ask.visit.hash,
    };
    visits.into_iter().map(row).collect()
}

async fn shown(ask: &Ask, wrong: Option<String>) -> Result<Me, Fault> {
    let store = &ask.app.store;
    let visits = signin::visits(store, ask.person().id, now()).await?;
    let keys = passkeys::of(store.read(), ask.person().id).await?;
    let accounts = identities::of(store.read(), ask.person().id).await?;
    Ok(Me {
        frame: ask.frame(),
        person: ask.person().clone(),
        certifications: certifications::of(store.read(), ask.person().id).await?.into_iter().collect(),
        visits: visit_rows(ask, visits),
        shortest: password::SHORTEST,
        wrong,
        tokens: tokens::list(store, ask.person()).await?.into_iter().map(token_row).collect(),
        scopes: Scope::ALL.into_iter().filter(|scope| scope.is_for(ask.person())).collect(),
        passkeys: keys.into_iter().map(passkey_row).collect(),
        providers: not_linked(ask, &accounts),
        accounts: accounts.into_iter().map(account_row).collect(),
        made: None,
    })
}

async fn me(ask: Ask) -> Result<Response, Fault> {
    Ok(page(&shown(&ask, None).await?))
}

/// Whether the person proves who they are with their password.
async fn is_password(ask: &Ask, password: &str) -> Result<bool, Fault> {
    let attempt = signin::attempt(&ask.app.store, &ask.person().mail, now()).await?;
    let right = check(&ask.app, password, attempt.hash).await? && attempt.person.is_some();
    if right {
        signin::prove(&ask.app.store, &ask.visit, now()).await?;
    }
    Ok(right)
}

async fn change_password(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    if !is_password(&ask, form.raw("now")).await? {
        let says = "the present password is not right, or it was tried too often".to_owned();
        return Ok(refused(&shown(&ask, Some(says)).await?));
    }
    let known = [ask.person().mail.as_str(), ask.person().name.as_str()];
    match new_password(&ask.app, &form, &known).await? {
        Err(wrong) => Ok(refused(&shown(&ask, Some(wrong)).await?)),
        Ok(hash) => {
            signin::change_password(&ask.app.store, ask.person(), hash, &ask.visit.hash, now()).await?;
            ask.app.wake.notify_one();
            Ok(done("/me", "password"))
        }
    }
}

async fn end_visits(ask: Ask) -> Result<Response, Fault> {
    signin::end_visits(&ask.app.store, ask.person(), None, &ask.visit.hash, ask.by()).await?;
    Ok(done("/me", "ended"))
}

async fn end_visit(ask: Ask, Path(name): Path<String>) -> Result<Response, Fault> {
    signin::end_visits(&ask.app.store, ask.person(), Some(&name), &ask.visit.hash, ask.by()).await?;
    Ok(done("/me", "ended"))
}

/// Making one needs the password: a stolen cookie alone makes none.
async fn make_token(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    if !is_password(&ask, form.raw("now")).await? {
        let says = "the password is not right, or it was tried too often".to_owned();
        return Ok(refused(&shown(&ask, Some(says)).await?));
    }
    let secret = Secret::new("grp_").map_err(|_| Fault::Bug)?;
    let scopes: BTreeSet<Scope> = form.all("scope").filter_map(Scope::parse).collect();
    let (name, days) = (form.text("name"), form.number("days")?);
    let made = tokens::make(&ask.app.store, ask.person(), (name, &scopes), &secret.hash(), days, now()).await;
    match made {
        Ok(()) => Ok(page(&Me { made: Some(secret.text().to_owned()), ..shown(&ask, None).await? })),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, Some(refusal.to_string())).await?)),
        Err(failure) => Err(failure.into()),
    }
}

async fn remove_token(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    tokens::remove(&ask.app.store, ask.person(), id, now()).await?;
    Ok(done("/me", "removed"))
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Codes {
    frame: Frame,
    has_codes: bool,
    must: bool,
    picture: String,
    text: String,
    /// The new key, sealed; it comes back with the first code.
    sealed: String,
    wrong: bool,
}

/// Sealed for this use of it by this person: a key that is only on its way can't be taken for one that counts.
fn on_its_way(person: &Person) -> String {
    format!("new codes of {}", person.mail)
}

fn codes(ask: &Ask, key: &totp::Key, wrong: bool) -> Result<Codes, Fault> {
    let sealed = ask.app.seal.seal(&on_its_way(ask.person()), key.bytes()).map_err(|_| Fault::Bug)?;
    let must = ask.app.settings.staff_shows_codes && ask.person().is_staff();
    Ok(Codes {
        frame: ask.frame(),
        has_codes: ask.person().has_codes,
        must,
        picture: key.picture(PRODUCT, &ask.person().mail).unwrap_or_default(),
        text: key.text(),
        sealed,
        wrong,
    })
}

async fn ask_codes(ask: Ask) -> Result<Response, Fault> {
    let key = totp::Key::new().map_err(|_| Fault::Bug)?;
    Ok(page(&codes(&ask, &key, false)?))
}

async fn turn_codes_on(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let key = ask.app.seal.unseal(&on_its_way(ask.person()), form.text("sealed"));
    let key = key.and_then(|bytes| totp::Key::from_bytes(&bytes));
    let key = key.ok_or_else(|| Fault::Senseless("this key was not made for you here".to_owned()))?;
    // Whoever has codes already shows one of them: a stolen cookie alone doesn't change them.
    let may = !ask.person().has_codes || is_code(&ask.app, &ask.visit, form.text("old")).await?;
    if !may || key.step(form.text("code"), now().unsigned_abs() / 1000, None).is_none() {
        return Ok(refused(&codes(&ask, &key, true)?));
    }
    let sealed = ask.app.seal.seal(&ask.person().mail, key.bytes()).map_err(|_| Fault::Bug)?;
    signin::set_codes(&ask.app.store, ask.person(), Some(sealed), now()).await?;
    signin::prove(&ask.app.store, &ask.visit, now()).await?;
    Ok(done("/me", "codes-on"))
}

async fn turn_codes_off(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    if !is_code(&ask.app, &ask.visit, form.text("code")).await? {
        return Ok(refused(&shown(&ask, Some("this is not the code, or it was used".to_owned())).await?));
    }
    signin::set_codes(&ask.app.store, ask.person(), None, now()).await?;
    signin::prove(&ask.app.store, &ask.visit, now()).await?;
    Ok(done("/me", "codes-off"))
}

#[derive(Template)]
#[template(path = "prove.html")]
struct Prove {
    frame: Frame,
    next: String,
    wrong: bool,
    providers: Vec<(String, String)>,
}

fn proof(ask: &Ask, next: String, wrong: bool) -> Prove {
    Prove { frame: Frame { small: true, ..ask.frame() }, next, wrong, providers: buttons(&ask.app) }
}

async fn ask_proof(ask: Ask, fields: Fields) -> Response {
    page(&proof(&ask, next(&fields), false))
}

async fn prove(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    if is_password(&ask, form.raw("password")).await? {
        return Ok(Redirect::to(&next(&form)).into_response());
    }
    Ok(refused(&proof(&ask, next(&form), true)))
}

async fn save_filter(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    filters::save(&ask.app.store, ask.person(), form.text("page"), form.text("name"), form.text("query"))
        .await?;
    Ok(done(&next(&form), "saved"))
}

async fn remove_filter(ask: Ask, Path(id): Path<i64>, Form(form): Form) -> Result<Response, Fault> {
    filters::remove(&ask.app.store, ask.person(), id).await?;
    Ok(done(&next(&form), "removed"))
}
