//! What programs ask: JSON in and out, refusals as problem details (RFC 9457).

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::ask::now;
use super::fault::Fault;
use super::{Need, Route, Shared};
use crate::activation::{self, Activated, Asked};
use crate::{Failure, files, signing};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post("/api/v1/activations", Need::Nobody, activate)]
}

/// A fault as problem details.
struct Problem(Fault);

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
        let body = json!({ "title": title, "status": status.as_u16(), "detail": detail, "hint": hint });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, body.to_string()).into_response()
    }
}

/// Activates, has the file signed, and gives it.
pub(super) async fn activated(app: &Shared, asked: &Asked) -> Result<(Activated, String), Fault> {
    let today = jiff::Zoned::now().date();
    let activated = activation::activate(&app.store, asked, today, now()).await?;
    if let Some(signer) = &app.signer
        && let Err(error) = signing::sign_all(&app.store, signer).await
    {
        tracing::warn!(%error, file = activated.file, "an activated file waits for its signatures");
    }
    app.wake.notify_one();
    let text = files::document(&app.store, &activated.account, &activated.file).await?;
    Ok((activated, text))
}

async fn activate(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften.into());
    }
    let Json(asked) = asked.map_err(|error| Fault::Senseless(error.body_text()))?;
    let (activated, text) = activated(&app, &asked).await?;
    let body = Json(json!({ "file": activated.file, "license_file": text }));
    Ok((StatusCode::OK, body).into_response())
}
