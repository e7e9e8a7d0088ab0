//! Who looks at a page: a person whom the browser's cookie names. The cookie stands for a visit that every server knows, so
//! taking it away ends the visit everywhere; what the person may do is looked up with each page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_site::Site;
use grantor_site::access::{Scope, Secret};
use grantor_site::people::{Bearer, Person};
use grantor_web::answer::quoted;
use grantor_web::cookie;
use grantor_web::form::Fields;
use grantor_web::frame::{Frame, Link};

use super::render::{PRODUCT, VERSION, said};
use crate::http::{App, Caller, Failure};
use crate::signin;

/// A page that is asked for, and by whom.
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    /// The query.
    pub(crate) asked: Fields,
    /// Whose licenses and people are looked at.
    pub(crate) tenant: Arc<str>,
    /// What the browser's cookie stands for.
    pub(crate) cookie: Secret,
    path: String,
    /// What was done is told once: on the page that a redirect leads to.
    said: Option<String>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let site = app.consensus.view();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default();
        let Some((cookie, bearer)) = shown(&site, app, parts) else {
            let first = if site.access().is_new() { "/set-up".to_owned() } else { sign_in(parts) };
            return Err(Redirect::to(&first).into_response());
        };
        let asked = Fields::parse(query.as_bytes());
        let tenant = asked.given("tenant").map_or_else(|| first_tenant(&bearer, app), Into::into);
        let caller = Caller::of(bearer);
        caller.need_for(Scope::Read, &tenant).map_err(IntoResponse::into_response)?;
        let said = said(asked.text("done")).filter(|_| parts.method == axum::http::Method::GET);
        Ok(Self { app: app.clone(), caller, asked, tenant, cookie, path, said })
    }
}

/// The hash of what the browser's cookie has.
pub(super) fn cookie(headers: &HeaderMap) -> Option<Secret> {
    crate::tls::unhex(&cookie::shown(headers)?).map(Secret)
}

fn shown(site: &Site, app: &App, parts: &Parts) -> Option<(Secret, Bearer)> {
    let hash = cookie(&parts.headers)?;
    Some((hash, site.access().bearer(&hash, app.now())?))
}

/// The server's own tenant, if the bearer may see anything of it; else one that the bearer may.
fn first_tenant(bearer: &Bearer, app: &App) -> Arc<str> {
    let bound: Option<Vec<&Arc<str>>> = bearer.rights.iter().map(|right| right.tenant.as_ref()).collect();
    let bound = bound.filter(|bound| !bound.contains(&&app.tenant));
    bound
        .and_then(|bound| bound.first().map(|tenant| Arc::clone(tenant)))
        .unwrap_or_else(|| app.tenant.clone())
}

fn sign_in(parts: &Parts) -> String {
    let to = if parts.method == axum::http::Method::GET { parts.uri.to_string() } else { "/".to_owned() };
    format!("/sign-in?next={}", quoted(&to))
}

/// The console's rooms, with the paths that belong to each.
const ROOMS: [(&str, &[&str]); 7] = [
    ("Overview", &["/"]),
    ("Licenses", &["/licenses", "/features", "/activate"]),
    ("Allocation", &["/allocation"]),
    ("People", &["/users", "/stations", "/groups", "/roles", "/directory"]),
    ("In use", &["/in-use", "/refusals", "/violations"]),
    ("Cluster", &["/cluster"]),
    ("Settings", &["/settings", "/audit", "/notices"]),
];

impl Visit {
    /// Whether the caller may do what `scope` stands for in this tenant; who it is.
    pub(crate) fn need(&self, scope: Scope) -> Result<String, Failure> {
        self.caller.need_for(scope, &self.tenant)
    }

    /// Whether a button for it is of any use.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.need(scope).is_ok()
    }

    /// An address of the console for the same tenant.
    pub(crate) fn to(&self, path: &str) -> String {
        if *self.tenant == *self.app.tenant {
            return path.to_owned();
        }
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}tenant={}", quoted(&self.tenant))
    }

    /// Whether the caller may do it for every tenant and for the site itself.
    pub(crate) fn may_everywhere(&self, scope: Scope) -> bool {
        self.caller.need(scope).is_ok()
    }

    /// Whether a room has anything for the caller; and the first page of it that the caller may open.
    fn door_of(&self, label: &str, paths: &[&'static str]) -> Option<&'static str> {
        let first = paths.first().copied().unwrap_or("/");
        match label {
            "Cluster" => self.may_everywhere(Scope::Read).then_some(first),
            "Settings" if self.may_everywhere(Scope::Admin) => Some(first),
            "Settings" => self.may_everywhere(Scope::Read).then_some("/audit"),
            _ => Some(first),
        }
    }

    /// What surrounds the page.
    pub(crate) fn frame(&self) -> Frame {
        let is_here = |under: &str| match under {
            "/" => self.path == "/",
            _ => {
                self.path == under || self.path.strip_prefix(under).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        let link = |(label, paths): (&'static str, &'static [&'static str])| {
            let current = paths.iter().any(|path| is_here(path));
            Some(Link { label, address: self.to(self.door_of(label, paths)?), current })
        };
        Frame {
            product: PRODUCT,
            version: VERSION,
            links: ROOMS.into_iter().filter_map(link).collect(),
            person: Some(self.person_name()),
            said: self.said.clone(),
            small: false,
        }
    }

    /// The person at the browser.
    pub(crate) fn own_person(&self) -> Result<Person, Failure> {
        self.app.person(self.caller.person()?.0)
    }

    /// The same, for what matters most: who signed in a while ago does it once more.
    pub(crate) fn fresh_person(&self) -> Result<Person, Response> {
        let (name, since) = self.caller.person().map_err(IntoResponse::into_response)?;
        if !signin::is_fresh(since, self.app.now()) {
            return Err(Redirect::to("/sign-in?next=/me&again=1").into_response());
        }
        self.app.person(name).map_err(IntoResponse::into_response)
    }

    /// What the person at the browser is called.
    pub(crate) fn person_name(&self) -> String {
        let known = self.caller.person().ok().and_then(|(name, _)| self.app.person(name).ok());
        // Visits that began before people had roles are tokens, with names of their own.
        let before = || self.caller.name().split(", signed in").next().unwrap_or_default().to_owned();
        known.map_or_else(before, |person| person.called().to_owned())
    }

    /// Every tenant that the caller may see anything of, for the choice of one.
    pub(crate) fn tenants(&self) -> Vec<String> {
        let mut all: Vec<String> = match self.caller.reads() {
            Ok(Some(bound)) => bound.iter().map(|tenant| tenant.to_string()).collect(),
            _ => {
                self.app.consensus.view().index().features.keys().map(|key| key.tenant.to_string()).collect()
            }
        };
        if !self.caller.is_bound() {
            all.extend([self.app.tenant.to_string(), self.tenant.to_string()]);
        }
        all.sort();
        all.dedup();
        if all.len() > 1 { all } else { Vec::new() }
    }
}
