//! Who comes in: looked up anew for every request, so that a right taken away is gone at once.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::RequestExt;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::cookie;

use super::ask::{Guest, now};
use super::fault::Fault;
use super::render::quoted;
use super::{Need, Shared};
use crate::people;
use crate::signin::{self, Visit};

/// Time for a request, its body included.
const TIME: Duration = Duration::from_secs(60);

/// Lets a request through to its handler if its person may open the page; the handler finds who it is as [`Guest`].
pub(super) async fn gate(
    State((app, need)): State<(Shared, Need)>,
    mut request: Request,
    next: Next,
) -> Response {
    let visit = match cookie::shown(request.headers()) {
        Some(hash) => signin::visit(&app.store, &hash, now()).await,
        None => Ok(None),
    };
    let guest = match visit {
        Ok(visit) => admit(&app, need, visit, &mut request).await,
        Err(failure) => Err(failure.into()),
    };
    match guest {
        Ok(guest) => {
            request.extensions_mut().insert(guest);
            next.run(request).await
        }
        Err(fault) => fault.into_response(),
    }
}

async fn admit(
    app: &Shared,
    need: Need,
    visit: Option<Visit>,
    request: &mut Request,
) -> Result<Guest, Fault> {
    if matches!(need, Need::Nobody | Need::Token) {
        return Ok(Guest { visit, account: None });
    }
    let visit = visit.ok_or_else(|| Fault::Elsewhere(to_sign_in(request)))?;
    if visit.half != (need == Need::Half) {
        let to = if visit.half { "/sign-in/code" } else { "/" };
        return Err(Fault::Elsewhere(Redirect::to(to)));
    }
    let path = request.uri().path();
    let must_show_codes =
        app.settings.staff_shows_codes && visit.person.is_staff() && !visit.person.has_codes && !visit.strong;
    if must_show_codes && need != Need::Half && !path.starts_with("/me") && path != "/sign-out" {
        return Err(Fault::Elsewhere(Redirect::to("/me/codes")));
    }
    match need {
        Need::Nobody | Need::Token | Need::Half | Need::Person => {
            Ok(Guest { visit: Some(visit), account: None })
        }
        Need::House(right) if visit.person.may(right) => Ok(Guest { visit: Some(visit), account: None }),
        Need::Proved(right) if visit.person.may(right) => {
            if visit.proved {
                Ok(Guest { visit: Some(visit), account: None })
            } else {
                Err(to_prove(request))
            }
        }
        Need::House(_) | Need::Proved(_) => Err(Fault::NotAllowed),
        Need::Account(right) => {
            let Path(names) = request
                .extract_parts::<Path<BTreeMap<String, String>>>()
                .await
                .map_err(|_| Fault::Nowhere)?;
            let reference = names.get("account").ok_or(Fault::Nowhere)?;
            let account = people::reached(app.store.read(), &visit.person, reference).await?;
            if !visit.person.may(right) {
                return Err(Fault::NotAllowed);
            }
            Ok(Guest { visit: Some(visit), account: Some(account) })
        }
    }
}

/// Whoever only looks comes back after signing in.
fn to_sign_in(request: &Request) -> Redirect {
    Redirect::to(&format!("/sign-in{}", back(request)))
}

fn to_prove(request: &Request) -> Fault {
    Fault::Elsewhere(Redirect::to(&format!("/me/prove{}", back(request))))
}

fn back(request: &Request) -> String {
    match (request.method(), request.uri().path_and_query()) {
        (&Method::GET, Some(asked)) if asked.as_str() != "/" => format!("?next={}", quoted(asked.as_str())),
        _ => String::new(),
    }
}

/// Ends a request that takes too long.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let slow = || (StatusCode::REQUEST_TIMEOUT, "The request took too long.\n").into_response();
    tokio::time::timeout(TIME, next.run(request)).await.unwrap_or_else(|_| slow())
}

/// For balancers: whether this process serves and reaches its database.
pub(super) async fn health(State(app): State<Shared>) -> Response {
    match app.store.read().ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// There is no such page.
pub(super) async fn nowhere() -> Fault {
    Fault::Nowhere
}
