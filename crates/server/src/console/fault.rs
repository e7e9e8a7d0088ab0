//! Failures as pages: the same words that the API gives, with a way back. Decides nothing.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_api::{Code, Problem};
use grantor_web::answer::page;
use grantor_web::frame::Frame;
use grantor_web::guard::CSP;

use super::render::{PRODUCT, VERSION};

/// Bytes of a problem, at most.
const LONGEST: usize = 1 << 20;

#[derive(Template)]
#[template(path = "fault.html")]
struct Fault {
    frame: Frame,
    problem: Problem,
    back: String,
}

/// Turns every answer that is a problem into a page that says so.
pub(crate) async fn in_words(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    for_people(&headers, next.run(request).await).await
}

/// An answer to a request with these headers: to a person, a problem is shown as a page.
pub(crate) async fn for_people(headers: &HeaderMap, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_by_person(headers) || kind.is_none_or(|kind| kind != "application/problem+json") {
        return response;
    }
    let status = response.status();
    let bytes = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) if problem.code == Code::Unauthenticated => Redirect::to("/sign-in").into_response(),
        Ok(problem) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, CSP)];
            (status, policy, page(&Fault { frame: frame(), problem, back: came_from(headers) }))
                .into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Body::from(bytes)).into_response(),
    }
}

/// Browsers say that they would rather have a page.
fn is_by_person(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

fn frame() -> Frame {
    Frame { product: PRODUCT, version: VERSION, small: true, ..Frame::default() }
}

/// The page of ours that the request comes from; the first page if there is none.
fn came_from(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let path = || text(header::REFERER)?.strip_prefix("https://")?.strip_prefix(text(header::HOST)?);
    path().filter(|path| path.starts_with('/') && !path.starts_with("//")).unwrap_or("/").to_owned()
}
