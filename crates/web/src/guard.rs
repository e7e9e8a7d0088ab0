//! What stands between a browser and the pages: a request that would change something must come from a page of ours, and every
//! answer says what it may do (ASVS 3.4, 3.5; reliability-security §4.2: `Sec-Fetch-Site` and `Origin`, no change by `GET`).

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What a page of the kit may load and do.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// Refuses what another site sends on a person's behalf, and gives every answer its headers.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = if may_change(request.method(), request.headers()) {
        next.run(request).await
    } else {
        let says = "This came from another site and was not done. Open the page here and try again.\n";
        (StatusCode::FORBIDDEN, says).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Pages hold what only this person may see.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether the request changes nothing, or comes from a page of the same origin. One with a token of its own instead of the
/// cookie can't be sent by a stranger's page; nor can JSON, which a browser sends elsewhere only after it asked and was let.
fn may_change(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || headers.contains_key(header::AUTHORIZATION)
    {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host),
        (None, None, _) => text("content-type") == Some("application/json"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        may_change(&method, &pairs.collect())
    }

    #[test]
    fn only_a_page_of_ours_changes_something() {
        assert!(may(Method::GET, &[]));
        assert!(may(Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(may(Method::POST, &[("origin", "https://portal:7270"), ("host", "portal:7270")]));
        for strange in ["cross-site", "same-site", "none"] {
            assert!(!may(Method::POST, &[("sec-fetch-site", strange)]), "{strange}");
        }
        assert!(!may(Method::POST, &[("origin", "https://evil"), ("host", "portal:7270")]));
        assert!(!may(Method::POST, &[("origin", "null"), ("host", "portal:7270")]));
        assert!(!may(Method::POST, &[]));
        assert!(may(Method::POST, &[("content-type", "application/json")]));
        assert!(!may(Method::POST, &[("content-type", "text/plain")]));
        let elsewhere =
            [("content-type", "application/json"), ("origin", "https://evil"), ("host", "portal:7270")];
        assert!(!may(Method::POST, &elsewhere));
        assert!(!may(Method::DELETE, &[("sec-fetch-site", "cross-site"), ("origin", "https://portal:7270")]));
    }
}
