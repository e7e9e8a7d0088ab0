//! Several license servers in this process, as one cluster over real TLS.
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

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use grantor_license::DraftLine;
use grantor_server::cluster::JoinToken;
use grantor_server::config::{Applications, Cluster, Config, Publisher};
use grantor_server::run::{self, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Keys, PASSWORD, PUBLISHER, license};

/// Servers by number from 1, which is their order in the list, not always that of the cluster.
pub struct Trio {
    pub folder: TempDir,
    pub keys: Keys,
    runtime: tokio::runtime::Runtime,
    pub configs: BTreeMap<usize, Config>,
    running: BTreeMap<usize, Running>,
    pub admin: String,
    pub last: std::cell::RefCell<String>,
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Trio {
    /// Three servers that have formed a cluster, with one license file and an administrator.
    pub fn formed(lines: Vec<DraftLine>) -> Self {
        let mut trio = Self::prepared(lines);
        trio.start_all();
        trio.set_up();
        trio
    }

    /// Three servers that have not been started yet.
    pub fn prepared(lines: Vec<DraftLine>) -> Self {
        if let Ok(filter) = std::env::var("GRANTOR_TEST_LOG") {
            let _set_before = tracing_subscriber::fmt().with_env_filter(filter).try_init();
        }
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::default();
        let text = license(&keys, lines);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut trio = Self {
            folder,
            keys,
            runtime,
            configs: BTreeMap::new(),
            running: BTreeMap::new(),
            admin: String::new(),
            last: std::cell::RefCell::default(),
        };
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let servers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let token = JoinToken::new(Vec::new()).unwrap();
        for (number, port) in (1..=3).zip(&ports) {
            let mut config = trio.config(number, *port, &text);
            config.cluster.servers.clone_from(&servers);
            config.cluster.token_file = Some(trio.token_file(number, token.reveal()));
            trio.configs.insert(number, config);
        }
        trio
    }

    fn home(&self, number: usize) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    pub fn token_file(&self, number: usize, token: &str) -> PathBuf {
        let path = self.home(number).join("join-token");
        std::fs::write(&path, token).unwrap();
        path
    }

    pub fn config(&self, number: usize, port: u16, license: &str) -> Config {
        let licenses = self.home(number).join("licenses");
        std::fs::create_dir_all(&licenses).unwrap();
        if !license.is_empty() {
            std::fs::write(licenses.join("acme.lic"), license).unwrap();
        }
        Config {
            listen: [127, 0, 0, 1].into(),
            port,
            data_dir: self.home(number).join("data"),
            license_files: vec![licenses],
            publishers: vec![Publisher {
                name: PUBLISHER.to_owned(),
                root_keys: vec![self.keys.root.public()],
            }],
            applications: Applications::OpenOnPrivate,
            zone: Some("UTC".to_owned()),
            cluster: Cluster { address: Some(format!("127.0.0.1:{port}")), ..Cluster::default() },
            ..Config::default()
        }
    }

    pub fn start_all(&mut self) {
        let numbers: Vec<usize> = self.configs.keys().copied().collect();
        self.start_together(&numbers);
    }

    pub fn start_together(&mut self, numbers: &[usize]) {
        let starting = numbers.iter().map(|number| run::start(&self.configs[number]));
        let started = self.runtime.block_on(futures::future::join_all(starting));
        for (number, running) in numbers.iter().zip(started) {
            self.running.insert(*number, running.unwrap());
        }
    }

    /// Starts a server that is expected to be refused, and gives its words.
    pub fn refused(&self, number: usize) -> String {
        match self.runtime.block_on(run::start(&self.configs[&number])) {
            Ok(_) => panic!("server {number} was not refused"),
            Err(error) => error.to_string(),
        }
    }

    /// Begins to start a server that may never get ready.
    pub fn start_hopeless(&self, number: usize) -> tokio::task::JoinHandle<()> {
        let config = self.configs[&number].clone();
        self.runtime.spawn(async move {
            let _never = run::start(&config).await;
        })
    }

    pub fn stop(&mut self, number: usize) {
        let running = self.running.remove(&number).unwrap();
        self.runtime.block_on(running.stop());
    }

    /// Makes a stopped server the whole cluster.
    pub fn take_over(&self, number: usize) {
        self.runtime.block_on(grantor_server::cluster::take_over(&self.configs[&number])).unwrap();
    }

    pub fn set_up(&mut self) {
        let token = self.wait(|trio| {
            let files = trio.configs.values().map(|config| config.data_dir.join("setup-token"));
            files.filter_map(|path| std::fs::read_to_string(path).ok()).find(|token| token.len() > 40)
        });
        let body = json!({ "setup_token": token, "name": "ada", "password": PASSWORD });
        let first = *self.running.keys().next().unwrap();
        let (status, body) = self.request(first, "POST", "/v1/admin/setup", None, &body);
        assert_eq!(status, 201, "{body}");
        self.admin = body["token"].as_str().unwrap().to_owned();
    }

    pub fn request(
        &self,
        number: usize,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let uri = format!("https://127.0.0.1:{}{path}", self.configs[&number].port);
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        match agent.run(request.body(bytes).unwrap()) {
            Ok(mut response) => {
                let text = response.body_mut().read_to_string().unwrap();
                let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                (response.status().as_u16(), value)
            }
            Err(error) => (0, Value::String(error.to_string())),
        }
    }

    pub fn ask(&self, number: usize, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.request(number, method, path, None, &body)
    }

    pub fn admin(&self, number: usize, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.request(number, method, path, Some(&self.admin), &body)
    }

    pub fn cluster(&self, number: usize) -> Value {
        self.admin(number, "GET", "/v1/admin/cluster", Value::Null).1
    }

    /// Number in the list of the server that leads by the word of `number`.
    pub fn leader(&self, number: usize) -> Option<usize> {
        let cluster = self.cluster(number);
        let leader = cluster["leader"].as_u64()?;
        let member = cluster["servers"].as_array()?.iter().find(|member| member["server"] == leader)?;
        let address = member["address"].as_str()?;
        self.configs
            .iter()
            .find(|(_, config)| config.cluster.address.as_deref() == Some(address))
            .map(|(number, _)| *number)
    }

    pub fn session(&self, number: usize, user: &str) -> String {
        self.wait(|trio| {
            let body = json!({ "user": user, "host": "h", "application": "test" });
            let (status, body) = trio.ask(number, "POST", "/v1/sessions", body);
            *trio.last.borrow_mut() = format!("{status} {body}");
            (status == 201).then(|| body["session"].as_str().unwrap().to_owned())
        })
    }

    pub fn checkout(&self, number: usize, session: &str, feature: &str) -> (u16, Value) {
        let body = json!({ "feature": feature, "version": "8.0" });
        self.ask(number, "POST", &format!("/v1/sessions/{session}/checkouts"), body)
    }

    /// Waits until there is something; gives up after 30 seconds.
    pub fn wait<T>(&self, what: impl Fn(&Self) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = what(self) {
                return found;
            }
            assert!(Instant::now() < end, "it did not happen; last: {}", self.last.borrow());
            std::thread::yield_now();
        }
    }
}

impl Drop for Trio {
    fn drop(&mut self) {
        let numbers: Vec<usize> = self.running.keys().copied().collect();
        let running: Vec<Running> = numbers.iter().filter_map(|number| self.running.remove(number)).collect();
        self.runtime.block_on(futures::future::join_all(running.into_iter().map(Running::stop)));
    }
}
