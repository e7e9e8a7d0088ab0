//! Tells hooks what the log has; `web::hook` makes each call. An entry that isn't taken holds up those after it: they come in order.

pub use grantor_web::hook::signature;
use grantor_web::hook::{Call, Untold};
use serde_json::{Value, json};

use super::{Hook, Then, take_up, told};
use crate::Failure;
use crate::log::{self, Entry};
use crate::sealed::Seal;
use crate::store::Store;

/// Entries told in one turn: at most this many times 10 seconds, well within a hook's turn.
const BATCH: u64 = 20;

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

async fn post(hook: &Hook, secret: &[u8], entry: &Entry, body: String, seconds: i64) -> Result<(), Then> {
    let id = format!("log-{}", entry.position);
    let call = Call { address: hook.address.clone(), id, seconds, body };
    grantor_web::hook::tell(call, secret).await.map_err(|untold| match untold {
        Untold::Gone => Then::Gone,
        Untold::Failed(problem) => Then::Failed(problem),
    })
}
