//! `/v1/sessions`: opening, signs of life, notices, ending.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use grantor_api::checkout::Waiting;
use grantor_api::session::{AllAlive, Notice, OneAlive, OpenSession, Session, SignsOfLife};
use grantor_api::{HexId, limits};
use grantor_license::{HostId, Machine};
use grantor_site::command::{EndReason, Identity, OpenSession as Open};
use grantor_site::ids::SessionId;
use grantor_site::{Command, Refusal, Reply, Site};

use super::answer::{Failure, bad_request};
use super::auth::Caller;
use super::body::{Json, Path, name, required, within};
use super::{App, binding, checkouts};
use crate::clock::instant;
use crate::secret;

/// Opens a session, or finds it again.
#[utoipa::path(post, path = "/v1/sessions", tag = "applications", request_body = OpenSession,
    responses((status = 201, body = Session), (status = 200, body = Session, description = "It was open already"),
        (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn open(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<OpenSession>,
) -> Result<Response, Failure> {
    let tenant = body.tenant.clone().unwrap_or_else(|| app.tenant.to_string());
    caller.enter(app.rules().applications, &tenant)?;
    let open = command(&body, &tenant)?;
    let command = match body.instance.as_deref() {
        Some(instance) => Command::OpenInstance { open, instance: instance.into() },
        None => Command::OpenSession(open),
    };
    let Reply::Opened { session, heartbeat_seconds, resumed } = app.propose(command).await? else {
        return Err(App::confused());
    };
    app.living.opened(session, heartbeat_seconds);
    let answer = if resumed || body.instance.is_some() {
        Session { resumed, ..describe(&app, &app.consensus.view(), session)? }
    } else {
        Session {
            session: HexId(session.0),
            heartbeat_seconds,
            resumed,
            now: instant(app.now()),
            grants: Vec::new(),
            waiting: Vec::new(),
            servers: app.servers(),
            leader: app.leader(),
            answer_key: None,
        }
    };
    let answer = Session { answer_key: Some(binding::handed_out(&app, session.0)), ..answer };
    let status = if resumed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(answer)).into_response())
}

fn command(body: &OpenSession, tenant: &str) -> Result<Open, Failure> {
    let fields = [
        ("tenant", tenant),
        ("user", &body.user),
        ("host", &body.host),
        ("display", &body.display),
        ("application", &body.application),
    ];
    fields.into_iter().try_for_each(|(field, value)| name(field, value, limits::NAME))?;
    if let Some(instance) = &body.instance {
        required("instance", instance, limits::NAME)?;
    }
    if let Some(heartbeat) = body.heartbeat_seconds {
        within("heartbeat_seconds", heartbeat, &limits::HEARTBEAT)?;
    }
    let session = match body.session {
        Some(id) => id.0,
        None => secret::random_id().map_err(|_| App::confused())?,
    };
    Ok(Open {
        session: SessionId(session),
        tenant: tenant.into(),
        who: Identity {
            user: body.user.as_str().into(),
            host: body.host.as_str().into(),
            display: body.display.as_str().into(),
            application: body.application.as_str().into(),
            process: body.process,
        },
        machine: machine(&body.host_ids)?,
        heartbeat_seconds: body.heartbeat_seconds.unwrap_or(0),
        lease_until: None,
    })
}

/// Most host ids that a machine may show.
const HOST_IDS: usize = 64;

fn machine(host_ids: &[String]) -> Result<Option<Box<Machine>>, Failure> {
    if host_ids.is_empty() {
        return Ok(None);
    }
    if host_ids.len() > HOST_IDS {
        return Err(bad_request(format!(
            "`host_ids` has {} entries, and {HOST_IDS} are the most",
            host_ids.len()
        ))
        .into());
    }
    let mut machine = Machine::default();
    for text in host_ids {
        name("host_ids", text, limits::NAME)?;
        let id = HostId::parse(text).map_err(|error| bad_request(format!("`host_ids`: {error}")))?;
        crate::hostid::claim(&mut machine, id);
    }
    Ok(Some(Box::new(machine)))
}

/// What a session holds and where it waits.
#[utoipa::path(get, path = "/v1/sessions/{session}", tag = "applications", params(("session" = HexId, Path)),
    responses((status = 200, body = Session), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<HexId>,
) -> Result<axum::Json<Session>, Failure> {
    Ok(axum::Json(describe(&app, &app.consensus.view(), SessionId(id.0))?))
}

fn describe(app: &App, site: &Site, id: SessionId) -> Result<Session, Failure> {
    let session = site.session(id).ok_or(Refusal::NoSuchSession)?;
    let waiting = session.tickets().iter().filter_map(|ticket| {
        let waiting = site.ticket(*ticket)?;
        let ahead = site.waiting(&waiting.key).take_while(|(other, _)| other < ticket).count();
        Some(Waiting {
            ticket: ticket.0,
            feature: waiting.ask.feature.clone(),
            ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
        })
    });
    Ok(Session {
        session: HexId(id.0),
        heartbeat_seconds: session.heartbeat_seconds,
        resumed: true,
        now: instant(app.now()),
        grants: session
            .grants()
            .iter()
            .filter_map(|grant| site.granted(*grant))
            .map(checkouts::grant)
            .collect(),
        waiting: waiting.collect(),
        servers: app.servers(),
        leader: app.leader(),
        answer_key: None,
    })
}

/// A sign of life. The answer holds what the session was not told yet.
#[utoipa::path(put, path = "/v1/sessions/{session}", tag = "applications", params(("session" = HexId, Path)),
    responses((status = 200, body = Alive), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn alive(
    State(app): State<App>,
    Path(id): Path<HexId>,
) -> Result<axum::Json<Alive>, Failure> {
    is_alive(&app, id)
}

/// The same for those who have read the request themselves.
pub(super) fn is_alive(app: &App, id: HexId) -> Result<axum::Json<Alive>, Failure> {
    let (heartbeat_seconds, notices) = app.living.heard(SessionId(id.0)).ok_or(Refusal::NoSuchSession)?;
    Ok(axum::Json(Alive { heartbeat_seconds, now: instant(app.now()), notices }))
}

/// Signs of life of several sessions of one process.
#[utoipa::path(post, path = "/v1/sessions/alive", tag = "applications", request_body = SignsOfLife,
    responses((status = 200, body = AllAlive), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn all_alive(
    State(app): State<App>,
    Json(body): Json<SignsOfLife>,
) -> Result<axum::Json<AllAlive>, Failure> {
    let asked = body.sessions.len();
    if asked > limits::SESSIONS {
        let most = limits::SESSIONS;
        return Err(bad_request(format!("`sessions` has {asked} entries, and {most} are the most")).into());
    }
    let sessions = body.sessions.into_iter().map(|id| one_alive(&app, id)).collect();
    Ok(axum::Json(AllAlive { now: instant(app.now()), sessions }))
}

fn one_alive(app: &App, session: HexId) -> OneAlive {
    let (heartbeat_seconds, notices, problem) = match app.living.heard(SessionId(session.0)) {
        Some((heartbeat_seconds, notices)) => (heartbeat_seconds, notices, None),
        None => (0, Vec::new(), Some(Failure::from(Refusal::NoSuchSession).0)),
    };
    OneAlive { session, heartbeat_seconds, notices, problem }
}

/// Answer to a sign of life.
pub(crate) use grantor_api::session::Alive;

/// Ends a session and gives back what it holds.
#[utoipa::path(delete, path = "/v1/sessions/{session}", tag = "applications", params(("session" = HexId, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn close(State(app): State<App>, Path(id): Path<HexId>) -> Result<StatusCode, Failure> {
    app.propose(Command::EndSession { session: SessionId(id.0), why: EndReason::Closed }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notices for a session as server-sent events. The open connection is a sign of life.
#[utoipa::path(get, path = "/v1/sessions/{session}/events", tag = "applications", params(("session" = HexId, Path)),
    responses((status = 200, body = Notice, content_type = "text/event-stream"), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(app): State<App>,
    Path(id): Path<HexId>,
) -> Result<impl IntoResponse, Failure> {
    let session = SessionId(id.0);
    let (number, receiver) = app.living.listen(session).ok_or(Refusal::NoSuchSession)?;
    let line = Line { app, session, number };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(axum::response::Sse::new(notices(line, receiver)).keep_alive(keep_alive))
}

/// An open event stream; when it is dropped, the connection is gone.
struct Line {
    app: App,
    session: SessionId,
    number: u64,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.app.living.hung_up(self.session, self.number, self.app.reconnect);
    }
}

fn notices(
    line: Line,
    receiver: tokio::sync::mpsc::Receiver<Notice>,
) -> impl Stream<Item = Result<Sse, Infallible>> {
    futures::stream::unfold((line, receiver), |(line, mut receiver)| async move {
        let notice = receiver.recv().await?;
        let event = Sse::default().json_data(&notice).unwrap_or_default();
        Some((Ok(event), (line, receiver)))
    })
}
