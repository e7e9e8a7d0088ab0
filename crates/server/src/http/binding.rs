//! Binds answers to their requests and their time for applications that ask for it with a nonce. The key is one for each
//! session, worked out from the cluster's secret, so that every server of the cluster has it and none keeps it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_api::HexId;
use grantor_api::binding::{ANSWER, Bound, LONGEST_NONCE, NONCE, SESSION, TIME, VERSION};
use hmac::{Hmac, Mac};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::App;

/// Most bytes of an answer that is bound; those of applications are far smaller.
const MOST: usize = 1 << 20;

/// The key that binds answers to a session's requests.
pub(crate) fn session_key(secret: &[u8; 32], session: u128) -> [u8; 32] {
    mac(secret, &[b"grantor session key 1\0", &session.to_be_bytes()])
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// What the request asks to be bound to.
pub(super) struct Wish {
    method: String,
    path: String,
    nonce: String,
    session: u128,
}

impl Wish {
    pub(super) fn of(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let nonce = text(NONCE).filter(|nonce| (16..=LONGEST_NONCE).contains(&nonce.len()))?;
        let session = text(SESSION)?.parse::<HexId>().ok()?;
        let (method, path) = (method.to_string(), path.to_owned());
        Some(Self { method, path, nonce, session: session.0 })
    }
}

/// Answers as `next` does, with the binding in the headers where it was asked for. Streams are not bound.
pub(crate) async fn bind(State(app): State<App>, request: Request, next: Next) -> Response {
    let wish = Wish::of(request.method(), request.uri().path(), request.headers());
    let answer = next.run(request).await;
    match wish {
        Some(wish) if !is_stream(answer.headers()) => bound(&app, &wish, answer).await,
        _ => answer,
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

pub(super) async fn bound(app: &App, wish: &Wish, answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    // An answer that is cut off or too long goes out unbound, and is refused where it arrives.
    let Ok(body) = http_body_util::Limited::new(body, MOST).collect().await else {
        return Response::from_parts(parts, Body::empty());
    };
    let body = body.to_bytes();
    let time = app.now().0;
    let bound = Bound {
        method: &wish.method,
        path: &wish.path,
        nonce: &wish.nonce,
        time,
        status: parts.status.as_u16(),
        body: Sha256::digest(&body).into(),
    };
    let key = session_key(&app.answer_secret, wish.session);
    let value = format!("{VERSION}{}", STANDARD.encode(mac(&key, &[&bound.to_bytes()])));
    if let Ok(value) = HeaderValue::from_str(&value) {
        parts.headers.insert(ANSWER, value);
        parts.headers.insert(TIME, HeaderValue::from(time));
    }
    Response::from_parts(parts, Body::from(body))
}

/// The session's key as an answer hands it out.
pub(crate) fn handed_out(app: &App, session: u128) -> String {
    STANDARD.encode(session_key(&app.answer_secret, session))
}
