//! Any server takes any request: one that doesn't lead passes it on to the leader and the answer back, byte for byte. When
//! there is no leader, it says why it can't help; a minority never answers for itself.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Problem};

use super::Member;
use super::peers::{Lane, Sender};
use super::wire::ASKER;
use crate::http::{App, Failure, Peer};

/// Time for the leader to begin its answer. A checkout waits for two disks at most; argon2 for half a second.
const ANSWER: Duration = Duration::from_secs(8);

/// How long a request waits for a leader: an election takes a second.
const ELECTION: Duration = Duration::from_secs(2);
/// How often it is looked whether there is one.
const LOOK: Duration = Duration::from_millis(25);

/// Answers here if this server leads, passes on otherwise. While a leader is being elected, requests wait.
pub(crate) async fn to_leader(State(app): State<App>, request: Request, next: Next) -> Response {
    let until = tokio::time::Instant::now() + ELECTION;
    loop {
        if app.serves().await {
            return next.run(request).await;
        }
        let refused = match app.cluster.leader(&app.consensus) {
            Some(leader) => match app.cluster.peers.ready(&leader, Lane::Requests).await {
                Ok(sender) => return pass_on(sender, &leader, request).await,
                Err(error) => away(&leader.address, &error),
            },
            None => no_leader(&app),
        };
        if tokio::time::Instant::now() > until {
            return refused.into_response();
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Answers a request that another server passed on, if this one leads indeed: it is never passed on twice.
pub(crate) async fn here_only(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.serves().await {
        true => next.run(request).await,
        false => no_leader(&app).into_response(),
    }
}

async fn pass_on(mut sender: Sender, leader: &Member, mut request: Request) -> Response {
    let asker = request.extensions().get::<Peer>().map(|peer| peer.0.to_string());
    // Under which name the client reached this server: addresses in the answer are by it, and pages are told by it from
    // those of others. Of HTTP/2 it is a part of the address, and between servers it is a header.
    let named = request.uri().authority().and_then(|named| HeaderValue::from_str(named.as_str()).ok());
    let headers = request.headers_mut();
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", ASKER] {
        headers.remove(name);
    }
    if let Some(named) = named {
        headers.insert(header::HOST, named);
    }
    if let Some(asker) = asker.and_then(|asker| HeaderValue::from_str(&asker).ok()) {
        headers.insert(ASKER, asker);
    }
    // h2 wants an authority of a request that says it is HTTP/2; between servers there is none to name.
    *request.version_mut() = axum::http::Version::HTTP_11;
    match tokio::time::timeout(ANSWER, sender.send_request(request)).await {
        Ok(Ok(answer)) => answer.map(Body::new).into_response(),
        Ok(Err(_)) | Err(_) => unknown(&leader.address).into_response(),
    }
}

fn unknown(leader: &str) -> Failure {
    let detail = format!("the leader {leader} was asked and did not answer");
    Problem::new(Code::Unknown, "it is not known whether this was done", detail)
        .hint("ask again with the same request key or session id: nothing is taken twice")
        .into()
}

fn away(leader: &str, error: &std::io::Error) -> Failure {
    let detail = format!("the leader {leader} can't be reached: {error}");
    Problem::new(Code::Unavailable, "the server can't answer now", detail)
        .hint("try again in a second, or another server")
        .into()
}

/// Why this server can't help: it sees no leader.
pub(crate) fn no_leader(app: &App) -> Failure {
    if app.cluster.is_out.load(std::sync::atomic::Ordering::SeqCst) {
        let detail = "the other servers say that this one is no longer one of them: it was taken out, or its backup has taken over";
        return Problem::new(Code::Unavailable, "this server is out of its cluster", detail)
            .hint("ask another server; to bring this one back, empty its data folder and use `grantor cluster add`")
            .into();
    }
    let members = app.cluster.members(&app.consensus);
    let voters = members.len();
    let detail = format!(
        "this is one of {voters} servers, and it sees no majority of them: alone it grants nothing, since the others may be \
         granting the same seats"
    );
    Problem::new(Code::Unavailable, "the server has no majority", detail)
        .hint("try again in a second, or another server; `grantor cluster status` shows which servers see each other")
        .into()
}
