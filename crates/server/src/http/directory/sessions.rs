//! Log-ons, modules and log-offs: what an application asks for the person who uses it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::directory::{LogOn, LoggedOn, ModuleOpened, OpenModule};
use grantor_api::{HexId, limits};
use grantor_site::directory::Place;
use grantor_site::ids::SessionId;
use grantor_site::{Command, Reply};

use super::super::answer::{Failure, bad_request};
use super::super::body::{self, Path, required};
use super::super::checkouts;
use super::{App, show};

/// Logs the session's user on; the log-on before ends.
#[utoipa::path(put, path = "/v1/sessions/{session}/logon", tag = "applications", params(("session" = HexId, Path)), request_body = LogOn,
    responses((status = 200, body = LoggedOn), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn log_on(
    State(app): State<App>,
    Path(session): Path<HexId>,
    body::Json(body): body::Json<LogOn>,
) -> Result<Json<LoggedOn>, Failure> {
    let command = Command::LogOn { session: SessionId(session.0), place: place(body)? };
    let Reply::LoggedOn { user, station, media, warnings } = app.propose(command).await? else {
        return Err(App::confused());
    };
    Ok(Json(LoggedOn {
        user: user.to_string(),
        station: station.to_string(),
        media: show::media(media),
        warnings: warnings.iter().map(show::warning).collect(),
    }))
}

fn place(body: LogOn) -> Result<Place, Failure> {
    match (body.station, body.number) {
        (Some(station), None) => {
            required("station", &station, limits::NAME)?;
            Ok(Place::Station(station.into()))
        }
        (None, Some(number)) => {
            required("number", &number, limits::NAME)?;
            Ok(Place::Number(number.into()))
        }
        _ => Err(bad_request("name either a `station` or a `number`").into()),
    }
}

/// Opens a module: the session's user uses a license of the feature.
#[utoipa::path(post, path = "/v1/sessions/{session}/modules", tag = "applications", params(("session" = HexId, Path)), request_body = OpenModule,
    responses((status = 200, body = ModuleOpened), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn open_module(
    State(app): State<App>,
    Path(session): Path<HexId>,
    body::Json(body): body::Json<OpenModule>,
) -> Result<Json<ModuleOpened>, Failure> {
    required("feature", &body.feature, limits::NAME)?;
    let command = Command::OpenModule { session: SessionId(session.0), feature: body.feature.into() };
    let Reply::ModuleOpened { grants } = app.propose(command).await? else { return Err(App::confused()) };
    Ok(Json(ModuleOpened { grants: grants.into_iter().map(checkouts::grant).collect() }))
}

/// Logs the session's user off; the session stays open.
#[utoipa::path(delete, path = "/v1/sessions/{session}/logon", tag = "applications", params(("session" = HexId, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn log_off(
    State(app): State<App>,
    Path(session): Path<HexId>,
) -> Result<StatusCode, Failure> {
    app.propose(Command::LogOff { session: SessionId(session.0) }).await?;
    Ok(StatusCode::NO_CONTENT)
}
