//! Answers of SCIM: resources, lists, and errors with their `scimType` (RFC 7644, section 3.12). The words of refusals are
//! those of the API.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Problem};
use grantor_site::Refusal;
use serde_json::{Value, json};

use super::super::answer::{Failure, problem};

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// `scimType`: what is wrong with a request, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Uniqueness,
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Uniqueness => "uniqueness",
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::Mutability => "mutability",
            Self::NoTarget => "noTarget",
        }
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) kind: Option<Kind>,
    pub(super) detail: String,
}

impl Fault {
    /// A request that makes no sense.
    pub(super) fn bad(kind: Kind, detail: impl Into<String>) -> Self {
        Self { status: 400, kind: Some(kind), detail: detail.into() }
    }

    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    /// There is no such resource.
    pub(super) fn no_such(what: &str, id: &str) -> Self {
        Self::new(404, format!("no {what} has the id `{id}`"))
    }
}

impl From<Failure> for Fault {
    fn from(Failure(problem): Failure) -> Self {
        let Problem { code, status, detail, hint, .. } = problem;
        let kind = match code {
            Code::NameTaken => Some(Kind::Uniqueness),
            Code::BadRequest => Some(Kind::InvalidValue),
            _ => None,
        };
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Self { status, kind, detail: format!("{detail}{hint}") }
    }
}

impl From<Refusal> for Fault {
    /// Which change of the batch it was says nothing to whoever sent one resource.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InBatch { why, .. } => Self::from(*why),
            refusal => Failure(problem(refusal)).into(),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut body =
            json!({ "schemas": [ERROR], "status": self.status.to_string(), "detail": self.detail });
        if let Some(kind) = self.kind {
            body["scimType"] = kind.word().into();
        }
        let mut response = answer(self.status, &body);
        let headers = response.headers_mut();
        match self.status {
            401 => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            503 => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        response
    }
}

/// A body with its status.
pub(super) fn answer(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// One resource, with its version and its place in the headers.
pub(super) fn resource(status: u16, body: &Value) -> Response {
    let mut response = answer(status, body);
    let meta = |name: &str| body["meta"][name].as_str().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(version) = meta("version") {
        response.headers_mut().insert(header::ETAG, version);
    }
    if let Some(location) = meta("location") {
        let name = if status == 201 { header::LOCATION } else { header::CONTENT_LOCATION };
        response.headers_mut().insert(name, location);
    }
    response
}

/// Done, and nothing to show.
pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// One page of `total` resources, from `start` on.
pub(super) fn list(total: usize, start: usize, resources: Vec<Value>) -> Response {
    let count = resources.len();
    answer(
        200,
        &json!({ "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": count, "Resources": resources }),
    )
}
