//! Reading requests: bounded in size and time, unknown fields refused with line and column, names checked. Nothing
//! that came from the network gets past this module unmeasured.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use grantor_api::{Code, Problem, limits};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::App;
use super::answer::{Failure, bad_request};

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        json(request.into_body(), app).await.map(Self)
    }
}

/// Reads a JSON body; an empty one says nothing.
pub(super) async fn json<T, B>(body: B, app: &App) -> Result<T, Failure>
where
    T: DeserializeOwned,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    measured(body, limits::BODY, app).await.map(|(read, _)| read)
}

/// The same for a body of at most `most` bytes, and how many it had: for what has other bounds depending on what it says.
pub(super) async fn measured<T, B>(body: B, most: usize, app: &App) -> Result<(T, usize), Failure>
where
    T: DeserializeOwned,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let bytes = read(body, most, app.body_time()).await?;
    let text = if bytes.is_empty() { b"{}".as_slice() } else { &bytes };
    // The reader would take an array for an object, field by field.
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(bad_request("body: it is not a JSON object").into());
    }
    let read = serde_json::from_slice(text).map_err(|error| {
        bad_request(format!("body: {error}")).hint("`/openapi.json` describes every request")
    })?;
    Ok((read, bytes.len()))
}

/// Names and numbers in the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let read = axum::extract::Path::from_request_parts(parts, app).await;
        read.map(|axum::extract::Path(value)| Self(value))
            .map_err(|error| bad_request(format!("path: {error}")).into())
    }
}

/// Words behind the question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let read = axum::extract::Query::from_request_parts(parts, app).await;
        read.map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| bad_request(format!("query: {error}")).into())
    }
}

/// Reads a body of at most `most` bytes within `time`.
pub(crate) async fn read<B>(body: B, most: usize, time: Duration) -> Result<Bytes, Failure>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = std::pin::pin!(body);
    let collected = tokio::time::timeout(time, Limited::new(body.as_mut(), most).collect()).await;
    let read = collected
        .map_err(|_| bad_request(format!("the body did not arrive within {} seconds", time.as_secs())))?;
    match read {
        Ok(all) => Ok(all.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            grantor_web::unread::drain(&mut body).await;
            let most = format!("{most} bytes are the most");
            Err(Problem::new(Code::TooLarge, "the body is too large", most).into())
        }
        Err(_) => Err(bad_request("the body broke off").into()),
    }
}

/// A name within its bounds: no control characters, and not longer than it may be.
pub(crate) fn name(field: &str, value: &str, most: usize) -> Result<(), Failure> {
    if value.len() > most {
        return Err(Problem::new(
            Code::TooLarge,
            "a field is too long",
            format!("`{field}` has {} bytes, and {most} are the most", value.len()),
        )
        .into());
    }
    if value.chars().any(char::is_control) {
        return Err(bad_request(format!("`{field}` has control characters")).into());
    }
    Ok(())
}

/// A name that must not be empty.
pub(crate) fn required(field: &str, value: &str, most: usize) -> Result<(), Failure> {
    if value.trim().is_empty() {
        return Err(bad_request(format!("`{field}` is empty")).into());
    }
    name(field, value, most)
}

/// A number within its bounds.
pub(crate) fn within(field: &str, value: u32, bounds: &std::ops::RangeInclusive<u32>) -> Result<(), Failure> {
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(bad_request(format!("`{field}` is {value}, and may be {} to {}", bounds.start(), bounds.end()))
        .into())
}
