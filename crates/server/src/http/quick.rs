//! The front door, and the short way behind it: checkouts, check-ins and signs of life on the server that leads don't pass
//! the router and its layers, which cost more than the work itself. Same handlers and same answers as there; whatever else
//! is asked, or asked of a server that doesn't lead, goes the long way. Decides nothing.

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use grantor_api::HexId;
use grantor_web::unread;
use hyper::body::Incoming;
use tower::ServiceExt;

use super::answer::Failure;
use super::auth::Peer;
use super::binding::Wish;
use super::{App, binding, body, browser, checkouts, sessions};

/// What answers applications and administrators.
pub(crate) struct Front {
    /// Whose short way there is; none before the server has its place.
    app: Option<App>,
    router: Router,
}

/// What applications ask all day.
#[derive(Clone, Copy)]
enum Hot {
    Take(HexId),
    GiveBack(HexId, u64),
    Alive(HexId),
}

impl Hot {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let (session, rest) = path.strip_prefix("/v1/sessions/")?.split_at_checked(32)?;
        let session: HexId = session.parse().ok()?;
        match (method, rest.strip_prefix("/checkouts")) {
            (&Method::POST, Some("")) => Some(Self::Take(session)),
            (&Method::DELETE, Some(grant)) => {
                Some(Self::GiveBack(session, grant.strip_prefix('/')?.parse().ok()?))
            }
            (&Method::PUT, None) if rest.is_empty() => Some(Self::Alive(session)),
            _ => None,
        }
    }
}

impl Front {
    pub(crate) fn new(app: Option<App>, router: Router) -> Self {
        Self { app, router }
    }

    /// Answers one request from `peer`.
    pub(crate) async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Response {
        let hot = Hot::of(request.method(), request.uri().path());
        match (hot, &self.app) {
            (Some(hot), Some(app)) if !browser::is_foreign(request.headers()) && app.serves().await => {
                let (parts, body) = request.into_parts();
                let wish = Wish::of(&parts.method, parts.uri.path(), &parts.headers);
                // They lie in the connection's read buffer, which is used again only if nobody holds them.
                drop(parts);
                browser::dressed(short_way(app, hot, wish, body).await)
            }
            // Boxed, so that the short way doesn't carry its size along.
            _ => Box::pin(self.long_way(peer, request)).await,
        }
    }

    async fn long_way(&self, peer: Peer, mut request: Request<Incoming>) -> Response {
        request.extensions_mut().insert(peer);
        let routes = self.router.clone();
        let answer = unread::answered(request, async move |request| routes.oneshot(request).await).await;
        answer.unwrap_or_else(|never| match never {})
    }
}

async fn short_way(app: &App, hot: Hot, wish: Option<Wish>, body: Incoming) -> Response {
    let answer = handle(app, hot, body).await.unwrap_or_else(IntoResponse::into_response);
    match wish {
        Some(wish) => binding::bound(app, &wish, answer).await,
        None => answer,
    }
}

async fn handle(app: &App, hot: Hot, body: Incoming) -> Result<Response, Failure> {
    match hot {
        Hot::Take(session) => checkouts::take_seats(app, session, body::json(body, app).await?).await,
        Hot::GiveBack(session, grant) => {
            checkouts::give_seats_back(app, session, grant).await.map(IntoResponse::into_response)
        }
        Hot::Alive(session) => sessions::is_alive(app, session).map(IntoResponse::into_response),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_everyday_requests_go_the_short_way() {
        let id = "0123456789abcdef0123456789abcdef";
        let hot = |method, rest: &str| Hot::of(&method, &format!("/v1/sessions/{id}{rest}"));
        assert!(matches!(hot(Method::POST, "/checkouts"), Some(Hot::Take(_))));
        assert!(matches!(hot(Method::DELETE, "/checkouts/17"), Some(Hot::GiveBack(_, 17))));
        assert!(matches!(hot(Method::PUT, ""), Some(Hot::Alive(_))));
        for rest in
            ["", "/", "/checkouts/", "/checkouts/x", "/checkouts17", "/checkouts/1/2", "/queue/1", "/events"]
        {
            assert!(hot(Method::DELETE, rest).is_none(), "{rest}");
        }
        assert!(hot(Method::GET, "").is_none() && hot(Method::POST, "/checkouts/").is_none());
        assert!(Hot::of(&Method::POST, "/v1/sessions/short/checkouts").is_none());
        assert!(Hot::of(&Method::POST, "/v1/sessions/äääääääääääääääx/checkouts").is_none());
    }
}
