//! The peers' side of the one TLS port: who may come in, and what each may ask. Members bring consensus messages and
//! requests of others; who knows a join token may ask to come in; anybody else is refused.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use grantor_site::Outcome;
use grantor_site::access::Secret;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tower::ServiceBuilder;

use super::forming::INTRODUCTION;
use super::member::Fingerprint;
use super::peers::{EXPORTER, MESSAGE};
use super::{clocks, join, level, tls, token};
use crate::http::{App, Peer};
use crate::socket::Socket;

/// The header in which both ends show that they know the token.
pub(crate) const PROOF: &str = "grantor-proof";
/// The header in which a member says for whom it asks.
pub(crate) const ASKER: &str = "grantor-asker";
/// A peer is asked for a sign of life so often.
const ALIVE: Duration = Duration::from_secs(5);

/// Connections of strangers at a time.
const STRANGERS: usize = 16;
/// Time for a stranger, as much as a server that joins has patience for.
const VISIT: Duration = Duration::from_secs(25);

/// The other end of a peer connection.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) exporter: [u8; 32],
}

/// Whether a connection wants to speak the peers' protocol.
pub(crate) fn is_peer(hello: &rustls::server::ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut names| names.any(|name| name == tls::PROTOCOL))
}

/// Who is at the other end of an accepted connection.
fn caller(stream: &TlsStream<Socket>) -> Option<Caller> {
    let (_, connection) = stream.get_ref();
    let fingerprint = tls::fingerprint(connection.peer_certificates()?.first()?);
    let exporter = connection.export_keying_material([0; 32], EXPORTER, None).ok()?;
    Some(Caller { fingerprint, exporter })
}

/// The peers' side of the port: what it answers, to whom it gives room.
#[derive(Clone)]
pub(crate) struct PeerDoor {
    router: Router,
    knows: Arc<dyn Fn(&Fingerprint) -> bool + Send + Sync>,
    strangers: Arc<Semaphore>,
}

impl PeerDoor {
    pub(crate) fn new(router: Router, knows: impl Fn(&Fingerprint) -> bool + Send + Sync + 'static) -> Self {
        Self { router, knows: Arc::new(knows), strangers: Arc::new(Semaphore::new(STRANGERS)) }
    }

    /// The door of a member.
    pub(crate) fn of(app: &App, requests: Router) -> Self {
        let known = app.clone();
        let knows = move |fingerprint: &Fingerprint| known.cluster.knows(&known.consensus, fingerprint);
        Self::new(router(app, requests), knows)
    }

    /// Serves one peer connection until it ends. Whoever isn't a member gets little room and little time: enough to
    /// show a join token, not enough to keep members out.
    pub(crate) async fn serve(self, stream: TlsStream<Socket>) -> io::Result<()> {
        let caller = caller(&stream).ok_or_else(|| io::Error::other("no certificate was shown"))?;
        let service = ServiceBuilder::new().layer(Extension(caller)).service(self.router);
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
        if (self.knows)(&caller.fingerprint) {
            return for_members().serve_connection(stream, service).await.map_err(io::Error::other);
        }
        let full = |_| io::Error::other("too many strangers at a time");
        let _room = self.strangers.try_acquire_owned().map_err(full)?;
        let served = for_strangers().serve_connection(stream, service);
        let late = |_| io::Error::other("a stranger stayed too long");
        tokio::time::timeout(VISIT, served).await.map_err(late)?.map_err(io::Error::other)
    }
}

fn with_signs_of_life() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new()).keep_alive_interval(ALIVE).keep_alive_timeout(ALIVE);
    http
}

fn for_members() -> http2::Builder<TokioExecutor> {
    let mut http = with_signs_of_life();
    http.max_concurrent_streams(65_536)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_pending_accept_reset_streams(4096)
        .max_local_error_reset_streams(None);
    http
}

/// Bounds on resets and errors are those of the library, which are small.
fn for_strangers() -> http2::Builder<TokioExecutor> {
    let mut http = with_signs_of_life();
    http.max_concurrent_streams(4).max_header_list_size(16 << 10);
    http
}

/// What members may ask of each other. Whatever else they bring are requests of applications and administrators.
fn router(app: &App, requests: Router) -> Router {
    Router::new()
        .route("/peer/raft", post(raft).layer(DefaultBodyLimit::max(MESSAGE)))
        .route("/peer/propose", post(propose).layer(DefaultBodyLimit::max(MESSAGE)))
        .route("/peer/announce", post(join::announce))
        .route("/peer/campaign", post(join::campaign))
        .route("/peer/status", post(crate::http::own_status))
        .route("/peer/clock", post(clocks::own))
        .route("/peer/level", post(level::own))
        .route("/peer/members", post(join::members))
        .route("/peer/hello", introduction(post(join::hello)))
        .route("/peer/found", introduction(post(join::found)))
        .route("/peer/join", introduction(post(join::join)))
        .with_state(app.clone())
        .fallback_service(
            ServiceBuilder::new()
                .layer(axum::middleware::from_fn_with_state(app.clone(), asked_by_member))
                .service(requests),
        )
}

/// Introductions hold a signature for every line of the license files.
fn introduction(route: MethodRouter<App>) -> MethodRouter<App> {
    route.layer(DefaultBodyLimit::max(INTRODUCTION))
}

/// A request that another member passes on: the one who asked is named by it.
async fn asked_by_member(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    mut request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if !app.cluster.knows(&app.consensus, &caller.fingerprint) {
        return stranger();
    }
    let asker = request.headers_mut().remove(ASKER);
    let asker = asker.and_then(|value| value.to_str().ok()?.parse::<SocketAddr>().ok());
    if let Some(asker) = asker {
        request.extensions_mut().insert(Peer(asker));
    }
    next.run(request).await
}

/// Words for a server that is not, or no longer, a member.
pub(crate) fn stranger() -> Response {
    (StatusCode::FORBIDDEN, "this server is not a member of the cluster; it may have been removed")
        .into_response()
}

/// A request of a member.
pub(crate) struct FromMember;

impl FromRequestParts<App> for FromMember {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>();
        match caller.filter(|caller| app.cluster.knows(&app.consensus, &caller.fingerprint)) {
            Some(_) => Ok(Self),
            None => Err(stranger()),
        }
    }
}

/// Consensus messages: also those of a server that came in while this one was away.
async fn raft(State(app): State<App>, Extension(caller): Extension<Caller>, message: Bytes) -> Response {
    if !app.cluster.comes_to_know(&app.consensus, &caller.fingerprint).await {
        return stranger();
    }
    match app.consensus.receive(&message).await {
        Ok(answer) => answer.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// A member has a command to be agreed on: the outcome, or who leads instead in words.
async fn propose(State(app): State<App>, _: FromMember, command: Bytes) -> Response {
    let Ok(command) = postcard::from_bytes(&command) else {
        return (StatusCode::BAD_REQUEST, "this version does not know the command").into_response();
    };
    // What else came of it is told by the log, on every server: the events stay here.
    let outcome = app.consensus.propose(command).await.map(|reply| Outcome { reply, events: Vec::new() });
    match outcome.map(|outcome| postcard::to_stdvec(&outcome)) {
        Ok(Ok(outcome)) => outcome.into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Which of the tokens the caller knows, if it shows one, and the proof to answer with.
pub(crate) fn known_token(
    caller: &Caller,
    headers: &HeaderMap,
    tokens: impl IntoIterator<Item = Secret>,
) -> Option<(Secret, HeaderValue)> {
    let shown = super::member::bytes(headers.get(PROOF)?.to_str().ok()?)?;
    let known =
        tokens.into_iter().find(|secret| token::is_proof(&shown, secret, "client", &caller.exporter))?;
    let answer = crate::tls::hex(&token::proof(&known, "server", &caller.exporter));
    Some((known, HeaderValue::from_str(&answer).ok()?))
}

/// Words for whoever doesn't know the token.
pub(crate) fn wrong_token() -> Response {
    (StatusCode::FORBIDDEN, "the join token is not the cluster's, was used before, or has run out")
        .into_response()
}
