//! Who looks at a page: an administrator whom the browser's cookie names. The cookie is a token like those of the API, so
//! every server knows it and taking it away ends the visit everywhere.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_site::Site;
use grantor_site::access::{Scope, Secret, Token};
use grantor_web::answer::quoted;
use grantor_web::cookie;
use grantor_web::form::Fields;
use grantor_web::frame::{Frame, Link};

use super::render::{PRODUCT, VERSION, said};
use crate::http::{App, Caller, Failure};

/// A page that is asked for, and by whom.
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    /// The query.
    pub(crate) asked: Fields,
    /// Whose licenses and people are looked at.
    pub(crate) tenant: Arc<str>,
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
        let Some(token) = shown(&site, app, parts) else {
            let first = if site.access().is_new() { "/set-up".to_owned() } else { sign_in(parts) };
            return Err(Redirect::to(&first).into_response());
        };
        let asked = Fields::parse(query.as_bytes());
        let own = token.tenant.clone().unwrap_or_else(|| app.tenant.clone());
        let tenant = asked.given("tenant").map_or(own, Into::into);
        let caller = Caller::of(token);
        caller.need_for(Scope::Read, &tenant).map_err(IntoResponse::into_response)?;
        let said = said(asked.text("done")).filter(|_| parts.method == axum::http::Method::GET);
        Ok(Self { app: app.clone(), caller, asked, tenant, path, said })
    }
}

fn shown(site: &Site, app: &App, parts: &Parts) -> Option<Token> {
    let hash = cookie::shown(&parts.headers)?;
    site.access().token(&Secret(crate::tls::unhex(&hash)?), app.now()).cloned()
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
    ("People", &["/users", "/stations", "/groups", "/roles"]),
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

    /// What surrounds the page.
    pub(crate) fn frame(&self) -> Frame {
        let is_here = |under: &str| match under {
            "/" => self.path == "/",
            _ => {
                self.path == under || self.path.strip_prefix(under).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        let link = |(label, paths): (&'static str, &'static [&'static str])| Link {
            label,
            address: self.to(paths.first().copied().unwrap_or("/")),
            current: paths.iter().any(|path| is_here(path)),
        };
        Frame {
            product: PRODUCT,
            version: VERSION,
            links: ROOMS.into_iter().map(link).collect(),
            person: Some(self.caller.name().split(", signed in").next().unwrap_or_default().to_owned()),
            said: self.said.clone(),
            small: false,
        }
    }

    /// Every tenant that there is anything of, for the choice of one.
    pub(crate) fn tenants(&self) -> Vec<String> {
        if self.caller.is_bound() {
            return Vec::new();
        }
        let site = self.app.consensus.view();
        let mut all: Vec<String> = site.index().features.keys().map(|key| key.tenant.to_string()).collect();
        all.extend([self.app.tenant.to_string(), self.tenant.to_string()]);
        all.sort();
        all.dedup();
        if all.len() > 1 { all } else { Vec::new() }
    }
}
