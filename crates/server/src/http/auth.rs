//! Who asks: a bearer token and its scopes, or an application that is let in freely. Every handler names what it needs;
//! there is no way past [`Caller::need`] to license or user data.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use grantor_api::{Code, Problem};
use grantor_site::access::{Scope, Token};

use super::App;
use super::answer::Failure;
use crate::config::Applications;
use crate::secret;

/// The address a connection comes from.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who sends a request.
#[derive(Clone)]
pub(crate) struct Caller {
    peer: IpAddr,
    token: Option<Token>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<Peer>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| address.ip().to_canonical());
        let Some(bearer) = bearer(&parts.headers)? else { return Ok(Self { peer, token: None }) };
        let site = app.consensus.view();
        let token = site.access().token(&secret::hash(bearer), app.now()).cloned();
        match token {
            Some(token) => Ok(Self { peer, token: Some(token) }),
            None => Err(unauthenticated("the token is not known, or no longer of use").into()),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
    token
        .map(|token| Some(token.trim()))
        .ok_or_else(|| unauthenticated("the `Authorization` header is not `Bearer TOKEN`").into())
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "who are you?", detail)
        .hint("`grantor setup` makes the first administrator, `grantor login` a token; send it as `Authorization: Bearer …`")
}

impl Caller {
    /// Whom a browser's cookie names.
    pub(crate) fn of(token: Token) -> Self {
        Self { peer: IpAddr::from([0, 0, 0, 0]), token: Some(token) }
    }

    /// The token's name; empty without one.
    pub(crate) fn name(&self) -> &str {
        self.token.as_ref().map_or("", |token| &token.name)
    }

    /// Whether the token is for one tenant only.
    pub(crate) fn is_bound(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.tenant.is_some())
    }

    /// Whether the caller may do what `scope` stands for, for every tenant; who it is, for the log.
    pub(crate) fn need(&self, scope: Scope) -> Result<String, Failure> {
        let token = self.token.as_ref().ok_or_else(|| unauthenticated("this needs a token"))?;
        if token.tenant.is_some() {
            return Err(forbidden("the token is for one tenant only"));
        }
        Self::may(token, scope)?;
        Ok(token.name.clone())
    }

    /// Whether the caller may do it for `tenant`.
    pub(crate) fn need_for(&self, scope: Scope, tenant: &str) -> Result<String, Failure> {
        let token = self.token.as_ref().ok_or_else(|| unauthenticated("this needs a token"))?;
        if token.tenant.as_deref().is_some_and(|of| of != tenant) {
            return Err(forbidden("the token is for another tenant"));
        }
        Self::may(token, scope)?;
        Ok(token.name.clone())
    }

    /// The tenant that the caller is bound to and may read.
    pub(crate) fn reads(&self) -> Result<Option<Arc<str>>, Failure> {
        let token = self.token.as_ref().ok_or_else(|| unauthenticated("this needs a token"))?;
        Self::may(token, Scope::Read)?;
        Ok(token.tenant.clone())
    }

    fn may(token: &Token, scope: Scope) -> Result<(), Failure> {
        if token.scopes.contains(&scope) || token.scopes.contains(&Scope::Admin) {
            return Ok(());
        }
        Err(forbidden(&format!("the token `{}` lacks the scope `{}`", token.name, scope_name(scope))))
    }

    /// Whether an application may open sessions of `tenant` (design.md §5).
    pub(crate) fn enter(&self, policy: Applications, tenant: &str) -> Result<(), Failure> {
        let free = match policy {
            Applications::Open => true,
            Applications::OpenOnPrivate => is_private(self.peer),
            Applications::Token => false,
        };
        if free && self.token.is_none() {
            return Ok(());
        }
        self.need_for(Scope::Checkout, tenant).map(drop)
    }
}

fn forbidden(detail: &str) -> Failure {
    Problem::new(Code::Forbidden, "not allowed", detail)
        .hint("ask an administrator for a token with the scope")
        .into()
}

/// How the API spells a scope.
pub(crate) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Admin => "admin",
        Scope::Licenses => "licenses",
        Scope::Release => "release",
        Scope::Read => "read",
        Scope::Checkout => "checkout",
        Scope::Join => "join",
        Scope::Allocate => "allocate",
    }
}

/// Loopback, private and link-local networks.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_told_from_the_rest() {
        for near in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.5.5", "::1", "fd00::1", "fe80::1"] {
            assert!(is_private(near.parse().unwrap()), "{near}");
        }
        for far in ["8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(far.parse().unwrap()), "{far}");
        }
    }
}
