//! What programs ask: JSON in and out, a token in the header, refusals as problem details (RFC 9457). Does what the pages do, by the
//! same rules; `docs/src/portal-api.md` tells it to strangers.

mod account;
mod ask;
mod attachments;
mod catalogues;
mod description;
mod files;
mod filters;
mod hooks;
mod imports;
mod list;
mod log;
mod orders;
mod people;
mod requests;
mod sites;
mod still_used;
mod upgrades;

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use grantor_web::cookie;
use serde_json::json;

use super::ask::now;
use super::fault::Fault;
use super::{Need, Route, Shared};
use crate::accounts::Account;
use crate::activation::{self, Activated, Asked, Judged, Report};
use crate::people::Person;
use crate::rights::Right;
use crate::{Failure, Refusal, signing, tokens};

pub(super) fn routes() -> Vec<Route> {
    let open = vec![
        Route::post("/api/v1/activations", Need::Nobody, activate),
        Route::get("/api/v1/openapi.json", Need::Nobody, description::show),
        Route::post("/api/v1/reports", Need::Nobody, report),
    ];
    let all = [
        open,
        account::routes(),
        orders::routes(),
        sites::routes(),
        files::routes(),
        requests::routes(),
        still_used::routes(),
        upgrades::routes(),
        imports::routes(),
        catalogues::routes(),
        people::routes(),
        hooks::routes(),
        log::routes(),
        attachments::routes(),
        filters::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// Problem details (RFC 9457).
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct Refused {
    /// In a few words.
    title: &'static str,
    /// As of HTTP.
    status: u16,
    /// What is wrong.
    detail: String,
    /// What to do.
    hint: &'static str,
}

/// A fault as problem details.
pub(super) struct Problem(Fault);

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self(failure.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let (title, detail, hint) = self.0.words();
        let body = Refused { title, status: status.as_u16(), detail, hint };
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, json!(body).to_string()).into_response()
    }
}

/// For whom a program acts, with a right that person and token both have.
pub(super) struct Caller {
    pub(super) app: Shared,
    pub(super) person: Person,
    scopes: std::collections::BTreeSet<tokens::Scope>,
}

impl Caller {
    /// Who does it, and now, for the log.
    pub(super) fn by(&self) -> (&str, i64) {
        (&self.person.mail, now())
    }

    /// Whether person and token may.
    pub(super) fn needs(&self, right: Right) -> Result<(), Problem> {
        let may = self.person.may(right) && self.scopes.iter().any(|scope| scope.covers(right));
        if may { Ok(()) } else { Err(Fault::NotAllowed.into()) }
    }

    /// Whether the token has the scope, for what anybody may who has signed in.
    pub(super) fn has(&self, scope: tokens::Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Fault::NotAllowed.into()) }
    }

    /// The account, if the person reaches it and may do that there.
    pub(super) async fn account(&self, reference: &str, right: Right) -> Result<Account, Problem> {
        let account = crate::people::reached(self.app.store.read(), &self.person, reference).await?;
        self.needs(right)?;
        Ok(account)
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers).ok_or(Failure::from(Refusal::TokenEnded))?;
        let (person, scopes) = tokens::holder(&app.store, &cookie::hash(secret), now()).await?;
        Ok(Self { app: app.clone(), person, scopes })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// A body, or what is wrong with it.
pub(super) fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    body.map(|Json(body)| body).map_err(|error| Fault::Senseless(error.body_text()).into())
}

/// Has what was just made signed; what can't be now is signed soon.
pub(super) async fn sign(app: &Shared) {
    if let Some(signer) = &app.signer
        && let Err(error) = signing::sign_all(&app.store, signer).await
    {
        tracing::warn!(%error, "a file waits for its signatures");
    }
    app.wake.notify_one();
}

/// Activates, has the file signed, and gives it.
pub(super) async fn activated(app: &Shared, asked: &Asked) -> Result<(Activated, String), Fault> {
    let today = jiff::Zoned::now().date();
    let activated = activation::activate(&app.store, asked, today, now()).await?;
    sign(app).await;
    let text = crate::files::document(&app.store, &activated.account, &activated.file).await?;
    Ok((activated, text))
}

/// What an activation gives.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct Active {
    /// The file's number.
    file: String,
    /// Its signed text.
    license_file: String,
}

/// Activates an order for an installation, without a token. Asked again, it gives the same file.
#[utoipa::path(post, path = "/api/v1/activations", request_body = Asked, responses((status = 200, body = Active), (status = "default", body = Refused, content_type = "application/problem+json")), security(()))]
pub(super) async fn activate(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften.into());
    }
    let (activated, text) = activated(&app, &body(asked)?).await?;
    let body = Json(Active { file: activated.file, license_file: text });
    Ok((StatusCode::OK, body).into_response())
}

/// What the portal knows of the files that an installation has loaded.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct Reported {
    loaded: Vec<Judged>,
}

/// Takes a license server's word for which license files it has loaded, and says which of them don't count any more.
#[utoipa::path(post, path = "/api/v1/reports", request_body = Report, responses((status = 200, body = Reported), (status = "default", body = Refused, content_type = "application/problem+json")), security(()))]
pub(super) async fn report(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: Result<Json<Report>, JsonRejection>,
) -> Result<Json<Reported>, Problem> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften.into());
    }
    let loaded = activation::report(&app.store, &body(asked)?, now()).await?;
    Ok(Json(Reported { loaded }))
}
