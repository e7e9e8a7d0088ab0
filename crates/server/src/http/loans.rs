//! Borrowing: a grant stands until an instant, whatever becomes of its session. The loan's key gives it back early.

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::HexId;
use grantor_api::loan::{Borrow, Borrowed};
use grantor_site::ids::{GrantId, LoanKey, SessionId};
use grantor_site::{Command, Reply, Timestamp};

use super::App;
use super::answer::Failure;
use super::body::{Json, Path};
use crate::clock::instant;

/// Borrows a grant that the session holds.
#[utoipa::path(put, path = "/v1/sessions/{session}/checkouts/{grant}/loan", tag = "applications",
    params(("session" = HexId, Path), ("grant" = u64, Path)), request_body = Borrow,
    responses((status = 200, body = Borrowed), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn borrow(
    State(app): State<App>,
    Path((session, grant)): Path<(HexId, u64)>,
    Json(body): Json<Borrow>,
) -> Result<axum::Json<Borrowed>, Failure> {
    let command = Command::Borrow {
        session: SessionId(session.0),
        grant: GrantId(grant),
        loan: LoanKey(body.loan.0),
        until: Timestamp(body.until.as_millisecond()),
    };
    let Reply::Borrowed { until } = app.propose(command).await? else { return Err(App::confused()) };
    Ok(axum::Json(Borrowed { until: instant(until) }))
}

/// Gives a loan back before its time: whoever knows its key may.
#[utoipa::path(delete, path = "/v1/loans/{loan}", tag = "applications", params(("loan" = HexId, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn give_back(
    State(app): State<App>,
    Path(loan): Path<HexId>,
) -> Result<StatusCode, Failure> {
    app.propose(Command::ReturnLoan { loan: LoanKey(loan.0) }).await?;
    Ok(StatusCode::NO_CONTENT)
}
