//! Asking a publisher's portal as anybody may: what it says, or its problem in words.

use grantor_client::{Http, Server, ServerTrust};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// What the portal says when it does not do it.
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: String,
    hint: String,
}

/// Sends a body to the portal at that address, `host:port`, which shows that certificate.
pub(crate) fn post<T: DeserializeOwned>(
    (portal, cert): (&str, Option<&str>),
    path: &str,
    body: &impl Serialize,
) -> Result<T, Failure> {
    let portal = portal.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = portal.rsplit_once(':').unwrap_or((portal, "443"));
    let port = port.parse().map_err(|_| Failure::new(Exit::Usage, format!("`{port}` is no port")))?;
    let server = Server { host: host.trim_matches(['[', ']']).to_owned(), port };
    let trust = cert.map(ServerTrust::parse).transpose()?.unwrap_or_default();
    let (status, text) = Http::new(server, &trust)?.post_elsewhere(path, body)?;
    let strange = || {
        Failure::new(Exit::NoServer, format!("{portal} answered {status}, and not as a portal does"))
            .hint("is the address right? `--portal HOST:PORT`")
    };
    if status == 200 {
        return serde_json::from_str(&text).map_err(|_| strange());
    }
    let problem: Problem = serde_json::from_str(&text).map_err(|_| strange())?;
    let says = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let exit = if status == 503 { Exit::NoServer } else { Exit::Refused };
    Err(Failure::new(exit, says).hint(&problem.hint))
}
