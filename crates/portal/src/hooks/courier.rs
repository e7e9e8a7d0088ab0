//! Tells hooks by HTTP POST, signed as Standard Webhooks have it: id, time and body under HMAC-SHA256, so that the other side knows
//! who tells, and takes nothing twice or late. An entry that isn't taken holds up those after it: they come in order.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Hook, Then, take_up, told};
use crate::Failure;
use crate::log::{self, Entry};
use crate::sealed::Seal;
use crate::store::Store;

/// Entries told in one turn: at most this many times [`TIME`] seconds, well within a hook's turn.
const BATCH: u64 = 20;
/// Time for one.
const TIME: Duration = Duration::from_secs(10);

/// Tells every hook what it was not told yet; gives how many entries were taken. `now` tells the time in milliseconds since 1970.
///
/// # Errors
/// The database's. What the other side does not take stays, with the reason.
pub async fn tell_all(store: &Store, seal: &Seal, now: impl Fn() -> i64) -> Result<usize, Failure> {
    let mut taken = 0;
    for hook in take_up(store, now()).await? {
        let (count, next, then) = tell(store, seal, &hook, &now).await?;
        if let Then::Failed(problem) = &then {
            tracing::warn!(hook = hook.id, problem, "a hook was not told");
        }
        told(store, &hook, next, then, now()).await?;
        taken += count;
    }
    Ok(taken)
}

async fn tell(
    store: &Store,
    seal: &Seal,
    hook: &Hook,
    now: &impl Fn() -> i64,
) -> Result<(usize, u64, Then), Failure> {
    let Some(secret) = hook.secret(seal) else {
        let problem = "its secret was sealed by another key; remove it and add it again".to_owned();
        return Ok((0, hook.next_position, Then::Failed(problem)));
    };
    let (mut next, mut count) = (hook.next_position, 0);
    for entry in log::entries(store.read(), next, BATCH).await? {
        let Some(body) = body(hook, &entry) else {
            next = entry.position + 1;
            continue;
        };
        match post(hook, &secret, &entry, body, now() / 1000).await {
            Ok(()) => {
                next = entry.position + 1;
                count += 1;
            }
            Err(then) => return Ok((count, next, then)),
        }
    }
    Ok((count, next, Then::Waits))
}

/// What an entry says, if the hook wants to know.
fn body(hook: &Hook, entry: &Entry) -> Option<String> {
    let told: Value = serde_json::from_str(&entry.body).ok()?;
    let what = told["what"].as_str()?;
    hook.wants(what).then(|| {
        let body = json!({
            "type": what.replace(' ', "."), "position": entry.position, "at": told["at"], "by": told["by"], "data": told["more"],
        });
        body.to_string()
    })
}

/// The signature over what is told: `v1,` and base64.
#[must_use]
pub fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("any length will do"));
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn post(hook: &Hook, secret: &[u8], entry: &Entry, body: String, seconds: i64) -> Result<(), Then> {
    let id = format!("log-{}", entry.position);
    let signature = signature(secret, &id, seconds, &body);
    let address = hook.address.clone();
    let sent = tokio::task::spawn_blocking(move || {
        agent()
            .post(&address)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature)
            .send(body)
            .map(|answer| answer.status().as_u16())
    });
    match sent.await {
        Ok(Ok(200..=299)) => Ok(()),
        Ok(Ok(410)) => Err(Then::Gone),
        Ok(Ok(status)) => Err(Then::Failed(format!("it answered {status}"))),
        Ok(Err(error)) => Err(Then::Failed(error.to_string())),
        Err(error) => Err(Then::Failed(error.to_string())),
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
