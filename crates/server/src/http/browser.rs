//! What browsers are told: a page of another origin may not ask anything of this server, and no answer may be kept,
//! sniffed or framed. License servers on localhost were misused by web pages before (reliability-security §0, finding 8).

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Problem};

use super::answer::Failure;

/// On every answer.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Refuses what a page of another origin asks, and dresses every answer.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let response = if is_foreign(request.headers()) {
        let problem = Problem::new(
            Code::Forbidden,
            "not for web pages",
            "the request comes from a page of another origin",
        );
        Failure(problem).into_response()
    } else {
        next.run(request).await
    };
    dressed(response)
}

/// With the headers that every answer has.
pub(super) fn dressed(mut response: Response) -> Response {
    // Copying a map costs less than filling one.
    static DRESS: LazyLock<HeaderMap> = LazyLock::new(|| HeaderMap::from_iter(HEADERS));
    let own = std::mem::replace(response.headers_mut(), DRESS.clone());
    for (name, value) in own.iter().filter(|(name, _)| !DRESS.contains_key(*name)) {
        response.headers_mut().append(name.clone(), value.clone());
    }
    // A page for people says itself what it loads.
    if let Some(policy) = own.get(header::CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

/// Browsers say where a request comes from; applications and tools say nothing of the kind.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fetch = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    let foreign_origin =
        text(header::ORIGIN).is_some_and(|origin| origin.strip_prefix("https://") != Some(host));
    foreign_origin || fetch.is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(headers: &[(&'static str, &'static str)]) -> bool {
        is_foreign(
            &headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect(),
        )
    }

    #[test]
    fn pages_of_other_origins_are_told_from_tools_and_own_pages() {
        assert!(!foreign(&[("host", "lic:7260")]));
        assert!(!foreign(&[
            ("host", "lic:7260"),
            ("origin", "https://lic:7260"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(foreign(&[("host", "lic:7260"), ("origin", "https://evil.example")]));
        assert!(foreign(&[("host", "lic:7260"), ("origin", "null")]));
        assert!(foreign(&[("host", "lic:7260"), ("sec-fetch-site", "cross-site")]));
    }
}
