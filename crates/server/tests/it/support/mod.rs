//! A license server in this process with a publisher of its own, and a plain HTTP client. For the tests beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::panic,
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "each test uses its part of it"
)]

use std::time::{Duration, Instant};

pub mod browser;
pub mod issue;
pub mod peer;
pub mod raw;
pub mod sink;
pub mod trio;

use grantor_license::DraftLine;
use grantor_server::config::{Applications, Config, Publisher};
use grantor_server::run::{self, Running};
#[allow(unused_imports, reason = "each test uses its part of it")]
pub use issue::{Keys, PUBLISHER, license, license_numbered, license_of, license_with, line, line_with};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse battery staple";

/// A server and the folder it lives in.
pub struct Site {
    pub folder: TempDir,
    pub keys: Keys,
    pub config: Config,
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    pub admin: String,
}

impl Site {
    /// A server with one license file, and an administrator's token.
    pub fn with(lines: Vec<DraftLine>) -> Self {
        Self::configured(lines, |_| {})
    }

    pub fn configured(lines: Vec<DraftLine>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::default();
        let licenses = folder.path().join("licenses");
        std::fs::create_dir(&licenses).unwrap();
        if !lines.is_empty() {
            std::fs::write(licenses.join("acme.lic"), license(&keys, lines)).unwrap();
        }
        let mut config = Config {
            port: 0,
            data_dir: folder.path().join("data"),
            license_files: vec![licenses],
            publishers: vec![Publisher { name: PUBLISHER.to_owned(), root_keys: vec![keys.root.public()] }],
            applications: Applications::OpenOnPrivate,
            zone: Some("UTC".to_owned()),
            ..Config::default()
        };
        change(&mut config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut site = Self { folder, keys, config, runtime, running: None, admin: String::new() };
        site.start();
        site.admin = site.set_up();
        site
    }

    pub fn start(&mut self) {
        self.running = Some(self.runtime.block_on(run::start(&self.config)).unwrap());
    }

    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    fn set_up(&self) -> String {
        let token = self.running.as_ref().unwrap().setup_token.clone().expect("a new server offers set-up");
        let (status, body) = self
            .post("/v1/admin/setup", json!({ "setup_token": token, "name": "ada", "password": PASSWORD }));
        assert_eq!(status, 201, "{body}");
        body["token"].as_str().unwrap().to_owned()
    }

    pub fn address(&self) -> std::net::SocketAddr {
        let port = self.running.as_ref().unwrap().address.port();
        ([127, 0, 0, 1], port).into()
    }

    pub fn setup_token(&self) -> Option<String> {
        self.running.as_ref().unwrap().setup_token.clone()
    }

    pub fn write_license(&self, name: &str, lines: Vec<DraftLine>) {
        std::fs::write(self.folder.path().join("licenses").join(name), license(&self.keys, lines)).unwrap();
    }

    pub fn request(&self, method: &str, path: &str, token: Option<&str>, body: &[u8]) -> (u16, String) {
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let agent: ureq::Agent =
            ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).build().into();
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("https://{}{path}", self.address()));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = agent.run(request.body(body.to_vec()).unwrap()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    fn json(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, text) = self.request(method, path, token, &bytes);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        self.json("GET", path, None, &Value::Null)
    }

    pub fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.json("POST", path, None, &body)
    }

    pub fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.json("PUT", path, None, &body)
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        self.json("DELETE", path, None, &Value::Null)
    }

    /// The same as an administrator.
    pub fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.json(method, path, Some(&self.admin), &body)
    }

    pub fn status(&self) -> Value {
        self.admin("GET", "/v1/admin/status", Value::Null).1
    }

    pub fn feature(&self, name: &str) -> Value {
        let status = self.status();
        let found = status["features"].as_array().unwrap().iter().find(|feature| feature["feature"] == name);
        found.cloned().unwrap_or(Value::Null)
    }

    /// Opens a session and gives its id.
    pub fn session(&self, user: &str) -> String {
        let (status, body) = self.post(
            "/v1/sessions",
            json!({ "user": user, "host": "host-of-".to_owned() + user, "application": "test" }),
        );
        assert_eq!(status, 201, "{body}");
        body["session"].as_str().unwrap().to_owned()
    }

    pub fn checkout(&self, session: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/v1/sessions/{session}/checkouts"), body)
    }

    /// Waits until `what` holds; tells of the last status when it doesn't within 20 seconds.
    pub fn wait_until(&self, what: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !what(self) {
            assert!(Instant::now() < end, "it did not happen; status: {:#}", self.status());
            std::thread::yield_now();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}
