//! Whether the server lives and whether it serves. Open to all, and tells nothing of licenses or users.

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::{Code, Problem};

use super::App;
use super::answer::Failure;

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The server takes requests: it leads or knows who does, and all that was answered before its start is applied.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn ready(State(app): State<App>) -> Result<(StatusCode, &'static str), Failure> {
    let is_ready = if app.consensus.leads() { app.serves().await } else { app.consensus.status().ready };
    if is_ready && !*app.stop.borrow() {
        return Ok((StatusCode::OK, "ready\n"));
    }
    let why = "the server is starting or stopping, or sees no majority of its cluster";
    Err(Problem::new(Code::Unavailable, "not ready", why).into())
}
