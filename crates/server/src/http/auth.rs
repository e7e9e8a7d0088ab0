//! Who asks: a person who is signed in or a token, with what it may do; or an application that is let in freely. Every handler names what it needs;
//! there is no way past [`Caller::need`] to license or user data.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use grantor_api::{Code, Problem};
use grantor_site::Timestamp;
use grantor_site::access::Scope;
use grantor_site::people::{Bearer, Right};

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
    bearer: Option<Bearer>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<Peer>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| address.ip().to_canonical());
        let Some(shown) = shown(&parts.headers)? else { return Ok(Self { peer, bearer: None }) };
        let site = app.consensus.view();
        match site.access().bearer(&secret::hash(shown), app.now()) {
            Some(bearer) => Ok(Self { peer, bearer: Some(bearer) }),
            None => Err(unauthenticated("the token is not known, or no longer of use").into()),
        }
    }
}

/// The secret that a request shows.
pub(super) fn shown(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
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
    pub(crate) fn of(bearer: Bearer) -> Self {
        Self { peer: IpAddr::from([0, 0, 0, 0]), bearer: Some(bearer) }
    }

    fn bearer(&self) -> Result<&Bearer, Failure> {
        self.bearer.as_ref().ok_or_else(|| unauthenticated("this needs a token").into())
    }

    /// The token's or the person's name; empty without one.
    pub(crate) fn name(&self) -> &str {
        self.bearer.as_ref().map_or("", |bearer| &bearer.name)
    }

    /// The person who is signed in, and since when.
    pub(crate) fn person(&self) -> Result<(&str, Timestamp), Failure> {
        let bearer = self.bearer()?;
        let since = bearer.signed_in.ok_or_else(|| {
            Failure(
                Problem::new(Code::Forbidden, "not for a token", "only a person who signed in has this page")
                    .hint("sign in: `grantor login`, or the console's page"),
            )
        })?;
        Ok((&bearer.name, since))
    }

    /// Whether everything that the caller may do is for some tenants only.
    pub(crate) fn is_bound(&self) -> bool {
        self.bearer.as_ref().is_some_and(|bearer| bearer.rights.iter().all(|right| right.tenant.is_some()))
    }

    /// Whether the caller may do what `scope` stands for, for every tenant; who it is, for the log.
    pub(crate) fn need(&self, scope: Scope) -> Result<String, Failure> {
        let bearer = self.bearer()?;
        if bearer.rights.iter().any(|right| right.tenant.is_none() && gives(right, scope)) {
            return Ok(bearer.name.clone());
        }
        if self.is_bound() {
            return Err(forbidden(&format!("what `{}` may do is for one tenant only", bearer.name)));
        }
        Err(lacks(bearer, scope))
    }

    /// Whether the caller may do it for `tenant`.
    pub(crate) fn need_for(&self, scope: Scope, tenant: &str) -> Result<String, Failure> {
        let bearer = self.bearer()?;
        let mut here = bearer.rights.iter().filter(|right| counts_in(right, tenant)).peekable();
        if here.peek().is_none() {
            return Err(forbidden(&format!("what `{}` may do is for another tenant", bearer.name)));
        }
        if here.any(|right| gives(right, scope)) {
            Ok(bearer.name.clone())
        } else {
            Err(lacks(bearer, scope))
        }
    }

    /// The tenants that the caller is bound to and may read; `None` = all.
    pub(crate) fn reads(&self) -> Result<Option<Vec<Arc<str>>>, Failure> {
        let bearer = self.bearer()?;
        let read: Vec<&Right> = bearer.rights.iter().filter(|right| gives(right, Scope::Read)).collect();
        if read.is_empty() {
            return Err(lacks(bearer, Scope::Read));
        }
        // One that is for all makes it all.
        Ok(read.into_iter().map(|right| right.tenant.clone()).collect())
    }

    /// Whether an application may open sessions of `tenant` (design.md §5).
    pub(crate) fn enter(&self, policy: Applications, tenant: &str) -> Result<(), Failure> {
        let free = match policy {
            Applications::Open => true,
            Applications::OpenOnPrivate => is_private(self.peer),
            Applications::Token => false,
        };
        if free && self.bearer.is_none() {
            return Ok(());
        }
        self.need_for(Scope::Checkout, tenant).map(drop)
    }
}

fn counts_in(right: &Right, tenant: &str) -> bool {
    right.tenant.as_deref().is_none_or(|of| of == tenant)
}

fn gives(right: &Right, scope: Scope) -> bool {
    right.scopes.contains(&scope) || right.scopes.contains(&Scope::Admin)
}

fn lacks(bearer: &Bearer, scope: Scope) -> Failure {
    let scope = scope_name(scope);
    forbidden(&match bearer.signed_in {
        Some(_) => format!("none of the roles of `{}` allows what needs the scope `{scope}`", bearer.name),
        None => format!("the token `{}` lacks the scope `{scope}`", bearer.name),
    })
}

fn forbidden(detail: &str) -> Failure {
    Problem::new(Code::Forbidden, "not allowed", detail)
        .hint("ask an administrator for the role, or for a token with the scope")
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
