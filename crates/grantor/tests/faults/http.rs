//! One request to one server, and what came of it.

use std::time::Duration;

use serde_json::Value;

/// An agent that gives up soon: there are other servers.
pub fn agent(seconds: u64) -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_millis(800)))
        .timeout_global(Some(Duration::from_secs(seconds)));
    config.build().into()
}

/// Status and body; status 0 when no answer came.
pub fn ask(agent: &ureq::Agent, method: &str, url: &str, token: &str, body: &Value) -> (u16, Value) {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    send(agent, method, url, token, bytes)
}

/// The same with a body that is no JSON.
pub fn send(agent: &ureq::Agent, method: &str, url: &str, token: &str, bytes: Vec<u8>) -> (u16, Value) {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if !token.is_empty() {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let failed = |error: ureq::Error| (0, Value::String(error.to_string()));
    let mut response = match agent.run(request.body(bytes).unwrap()) {
        Ok(response) => response,
        Err(error) => return failed(error),
    };
    match response.body_mut().read_to_string() {
        Ok(text) => {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            (response.status().as_u16(), value)
        }
        Err(error) => failed(error),
    }
}

/// Whether the answer says nothing about the question: ask again, or another.
pub fn is_no_answer(status: u16) -> bool {
    matches!(status, 0 | 500..)
}
