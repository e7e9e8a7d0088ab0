//! Settings in force, and access tokens of programs.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_api::limits;
use grantor_site::Command;
use grantor_site::access::Scope;
use grantor_site::settings::Settings;
use grantor_web::answer::{done, page};
use grantor_web::frame::Frame;

use super::form::Form;
use super::render::instant;
use super::visit::Visit;
use crate::http::{App, Failure, required, scope_name};
use crate::secret;

/// What may be chosen for a token.
const SCOPES: [(Scope, &str); 6] = [
    (Scope::Read, "see status, files, people and violations"),
    (Scope::Licenses, "load, replace and remove license files"),
    (Scope::Allocate, "give licenses to users, stations and roles"),
    (Scope::Release, "take seats back, end sessions, dismiss violations"),
    (Scope::Checkout, "open sessions where applications aren't let in freely"),
    (Scope::Admin, "everything, tokens included"),
];

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    settings: Settings,
    zone: String,
    people: usize,
    tokens: Vec<Token>,
    scopes: Vec<(&'static str, &'static str)>,
    made: Option<String>,
}

struct Token {
    name: String,
    scopes: String,
    since: String,
    until: String,
}

impl Page {
    fn of(visit: &Visit, made: Option<String>) -> Self {
        let site = visit.app.consensus.view();
        let now = visit.app.now();
        let token = |token: &grantor_site::access::Token| Token {
            name: token.name.clone(),
            scopes: token.scopes.iter().map(|scope| scope_name(*scope)).collect::<Vec<_>>().join(", "),
            since: format!("{} by {}", instant(token.since), token.by),
            until: token.until.map_or_else(|| "as long as it is not revoked".to_owned(), instant),
        };
        Self {
            frame: visit.frame(),
            settings: site.settings().clone(),
            zone: visit.app.rules().loader.zone_name(),
            people: site.access().head_count(),
            tokens: site.access().secrets(now).map(|(_, one)| token(one)).collect(),
            scopes: SCOPES.into_iter().map(|(scope, what)| (scope_name(scope), what)).collect(),
            made,
        }
    }
}

pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.caller.need(Scope::Admin)?;
    Ok(page(&Page::of(&visit, None)))
}

pub(crate) async fn new_token(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    let name = form.text("name").to_owned();
    required("name", &name, limits::NAME)?;
    let chosen = |(scope, _): &(Scope, &str)| form.has(scope_name(*scope)).then_some(*scope);
    let scopes: Vec<Scope> = SCOPES.iter().filter_map(chosen).collect();
    if scopes.is_empty() {
        return Err(crate::http::bad_request("nothing is chosen that the token lets its bearer do").into());
    }
    let days = form.number("days").map_err(|wrong| crate::http::bad_request(wrong.0))?;
    let until = (days > 0).then(|| visit.app.now().plus_seconds(days.saturating_mul(86_400)));
    let (token, hash) = secret::new_token().map_err(|_| App::confused())?;
    visit.app.propose(Command::AddToken { token: hash, name, scopes, tenant: None, until, by }).await?;
    Ok(page(&Page::of(&visit, Some(token))))
}

pub(crate) async fn revoke(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    visit.app.propose(Command::RevokeToken { name, by }).await?;
    Ok(done("/settings", "revoked"))
}
