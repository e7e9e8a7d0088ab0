//! How what programs send is read, and how a request that makes something is named by the header `Idempotency-Key`, so that it is
//! done once however often it is sent.

use axum::Json;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Caller, Problem};
use crate::http::Shared;
use crate::http::fault::Fault;
use crate::once::Once;

pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// A file as the body.
pub(super) type File = Result<Bytes, BytesRejection>;

/// A file's bytes, or what is wrong with it.
pub(super) fn bytes(file: File) -> Result<Bytes, Problem> {
    let wrong = |_| Fault::Senseless("the file is too large, or did not arrive whole".to_owned()).into();
    file.map_err(wrong)
}

/// What stands in the address; what can't is not there.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let named = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        named.map(|axum::extract::Path(named)| Self(named)).map_err(|_| Fault::Nowhere.into())
    }
}

/// A person's own: nobody else's file is found by it.
pub(super) fn request_key(caller: &Caller, headers: &HeaderMap) -> Result<String, Problem> {
    Ok(format!("{}/api/{}", caller.person.id, given_key(headers)?))
}

/// The same for something of another kind: a name that was used for a file is not that of a move.
pub(super) fn own_key(caller: &Caller, kind: &str, headers: &HeaderMap) -> Result<String, Problem> {
    Ok(format!("{}/api-{kind}/{}", caller.person.id, given_key(headers)?))
}

/// A named request for what was asked.
pub(super) fn once(
    caller: &Caller,
    kind: &str,
    headers: &HeaderMap,
    asked: &impl Serialize,
) -> Result<Once, Problem> {
    Ok(Once::new(own_key(caller, kind, headers)?, asked))
}

fn given_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !(8..=200).contains(&key.len()) {
        let says =
            "the header Idempotency-Key is needed, with 8 to 200 characters: the same again is done once";
        return Err(Fault::Senseless(says.to_owned()).into());
    }
    Ok(key)
}
