//! What a program and a person ask a portal, and what came of it.

use std::time::Duration;

use serde_json::Value;

/// Somebody with a token for programs, and a browser that is signed in.
#[derive(Clone)]
pub struct Caller {
    pub agent: ureq::Agent,
    pub token: String,
    pub cookie: String,
}

/// Status 0: no answer came.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub cookie: String,
    pub kind: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It says nothing about the question: ask again.
    pub fn is_none(&self) -> bool {
        matches!(self.status, 0 | 408 | 500..)
    }

    /// The portal says in words that its books can't be reached, as problem details or as a page, and what to do.
    pub fn is_without_books(&self) -> bool {
        let page = self.kind.starts_with("application/problem+json") || self.kind.starts_with("text/html");
        let told = self.body.contains("The portal can") && self.body.contains("Try again in a moment");
        self.status == 503 && page && told
    }
}

pub fn agent(seconds: u64) -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(Some(Duration::from_secs(seconds)));
    config.build().into()
}

impl Caller {
    fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let failed = |error: String| Answer { status: 0, body: error, ..Answer::default() };
        let mut answer = match self.agent.run(request.body(body).unwrap()) {
            Ok(answer) => answer,
            Err(error) => return failed(error.to_string()),
        };
        let text = |name: &str| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, location) = (answer.status().as_u16(), text("location"));
        let (cookie, kind) = (text("set-cookie"), text("content-type"));
        match answer.body_mut().read_to_string() {
            Ok(body) => Answer { status, location, cookie, kind, body },
            Err(error) => failed(error.to_string()),
        }
    }

    /// As a program asks; `key` is its `Idempotency-Key`.
    pub fn program(&self, method: &str, url: &str, key: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, url, &headers, body)
    }

    /// As a browser opens a page.
    pub fn page(&self, url: &str) -> Answer {
        self.send("GET", url, &[("cookie", &format!("__Host-grantor={}", self.cookie))], String::new())
    }

    /// As a browser sends a form.
    pub fn form(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
        let cookie = format!("__Host-grantor={}", self.cookie);
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", url, &headers, body.join("&"))
    }
}

fn quoted(text: &str) -> String {
    let sign = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(sign).collect()
}
