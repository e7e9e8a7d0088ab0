//! Tells a webhook one thing by HTTP POST, signed as Standard Webhooks have it: id, time and body under HMAC-SHA256, so that the
//! other side knows who tells, and takes nothing twice or late. Keeps no list of what is to be told.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Time for one.
const TIME: Duration = Duration::from_secs(10);

/// What is told, and to whom.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where.
    pub address: String,
    /// The same however often it is told.
    pub id: String,
    /// Now, in seconds since 1970.
    pub seconds: i64,
    /// JSON.
    pub body: String,
}

/// Why the other side did not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It answered 410: it wants to hear nothing any more.
    Gone,
    /// Anything else.
    Failed(String),
}

/// `https://…`, or `http://` to this machine; without a name and a password.
#[must_use]
pub fn is_address(address: &str) -> bool {
    let here = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    let host = address.strip_prefix("https://").unwrap_or("");
    let right = host.starts_with(|sign: char| sign.is_ascii_alphanumeric() || sign == '[')
        && !host.split('/').next().unwrap_or("").contains('@');
    right || here.iter().any(|here| address.starts_with(here))
}

/// The signature over what is told: `v1,` and base64.
#[must_use]
pub fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("any length will do"));
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Tells it once.
///
/// # Errors
/// [`Untold`].
pub async fn tell(call: Call, secret: &[u8]) -> Result<(), Untold> {
    let signature = signature(secret, &call.id, call.seconds, &call.body);
    let sent = tokio::task::spawn_blocking(move || {
        agent()
            .post(&call.address)
            .header("content-type", "application/json")
            .header("webhook-id", call.id)
            .header("webhook-timestamp", call.seconds.to_string())
            .header("webhook-signature", signature)
            .send(call.body)
            .map(|answer| answer.status().as_u16())
    });
    match sent.await {
        Ok(Ok(200..=299)) => Ok(()),
        Ok(Ok(410)) => Err(Untold::Gone),
        Ok(Ok(status)) => Err(Untold::Failed(format!("it answered {status}"))),
        Ok(Err(error)) => Err(Untold::Failed(error.to_string())),
        Err(error) => Err(Untold::Failed(error.to_string())),
    }
}

/// Follows no redirect: what is signed for one address goes to no other.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIME))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}
