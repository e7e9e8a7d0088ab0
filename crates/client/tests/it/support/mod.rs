//! A real license server in this process with a publisher of its own, and a proxy that loses answers. For the tests
//! beside it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses its part of it"
)]

#[path = "../../../../server/tests/it/support/issue.rs"]
mod issue;
pub mod proxy;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use grantor_client::api::admin::{Loaded, Setup, TokenMade};
use grantor_client::api::status::{Feature, Status};
use grantor_client::{Builder, Client, Error, Event, Http, Server, ServerTrust};
use grantor_license::{DraftLine, Expiry, RootKey, SigningKey};
use grantor_server::config::{Config, Publisher};
use grantor_server::run::{self, Running};
use jiff::civil::date;
use tempfile::TempDir;

pub use issue::{PUBLISHER, line};

/// Nothing here takes longer on a slow machine.
pub const LONG: Duration = Duration::from_secs(30);

pub fn root() -> RootKey {
    issue::Keys::default().root
}

/// A key that signed nothing here.
pub fn other_root() -> RootKey {
    RootKey::from_seed([9; 32])
}

/// A line with one attribute.
pub fn line_with(feature: &str, count: u32, name: &str, value: &str) -> DraftLine {
    DraftLine { attributes: vec![(name.to_owned(), Some(value.to_owned()))], ..line(feature, "8.1", count) }
}

/// A signed license file for any host.
pub fn license(lines: Vec<DraftLine>) -> String {
    issue::license(&issue::Keys::default(), lines)
}

/// The same, with further lines as text.
pub fn license_and(lines: Vec<DraftLine>, more: &str) -> String {
    let text = license(lines) + more;
    let document = grantor_license::parse("more.lic", text.as_bytes()).document;
    let signing = SigningKey::from_seed([2; 32]);
    let certificate = root().certify(PUBLISHER, &signing.public_key(), date(2020, 1, 1), Expiry::Permanent);
    String::from_utf8(grantor_license::sign(&document, &signing, &certificate).to_bytes()).unwrap()
}

/// A server and the folder it lives in.
pub struct Site {
    pub folder: TempDir,
    config: Config,
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    admin: Option<Http>,
}

impl Site {
    /// A server with one license file, and an administrator.
    pub fn with(lines: Vec<DraftLine>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let licenses = folder.path().join("licenses");
        std::fs::create_dir(&licenses).unwrap();
        std::fs::write(licenses.join("acme.lic"), license(lines)).unwrap();
        let config = Config {
            port: 0,
            data_dir: folder.path().join("data"),
            license_files: vec![licenses],
            publishers: vec![Publisher { name: PUBLISHER.to_owned(), root_keys: vec![root().public()] }],
            zone: Some("UTC".to_owned()),
            ..Config::default()
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut site = Self { folder, config, runtime, running: None, admin: None };
        site.start();
        site.admin = Some(site.set_up());
        site
    }

    /// Starts, at the same port as before.
    pub fn start(&mut self) {
        let running = self.runtime.block_on(run::start(&self.config)).unwrap();
        self.config.port = running.address.port();
        self.running = Some(running);
    }

    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    /// The next start makes another certificate.
    pub fn forget_certificate(&self) {
        std::fs::remove_file(self.config.data_dir.join("server.crt")).unwrap();
        std::fs::remove_file(self.config.data_dir.join("server.key")).unwrap();
    }

    /// A server set up anew at the same place with the same certificate: it knows nobody.
    pub fn start_with_nothing(&mut self) {
        self.stop();
        let data = &self.config.data_dir;
        for entry in std::fs::read_dir(data).unwrap().map(Result::unwrap) {
            let name = entry.file_name();
            match entry.file_type().unwrap().is_dir() {
                _ if name == "server.crt" || name == "server.key" => {}
                true => std::fs::remove_dir_all(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        self.start();
        self.admin = Some(self.set_up());
    }

    fn set_up(&self) -> Http {
        let setup_token =
            self.running.as_ref().unwrap().setup_token.clone().expect("a new server offers set-up");
        let http = Http::new(self.server(), &self.trust()).unwrap();
        let password = "correct horse battery staple".to_owned();
        let made: TokenMade =
            http.post("/v1/admin/setup", &Setup { setup_token, name: "ada".to_owned(), password }).unwrap();
        http.with_token(Some(made.token))
    }

    /// Over HTTP as an administrator.
    pub fn admin(&self) -> &Http {
        self.admin.as_ref().unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.config.port).into()
    }

    pub fn server(&self) -> Server {
        Server { host: "127.0.0.1".to_owned(), port: self.config.port }
    }

    pub fn fingerprint(&self) -> String {
        self.running.as_ref().unwrap().fingerprint.clone()
    }

    pub fn trust(&self) -> ServerTrust {
        ServerTrust::Pinned(self.fingerprint().parse().unwrap())
    }

    pub fn pem(&self) -> std::path::PathBuf {
        self.config.data_dir.join("server.crt")
    }

    /// Replaces the license file.
    pub fn load(&self, lines: Vec<DraftLine>) {
        let _: Loaded = self.admin().put_text("/v1/admin/files/default/acme.lic", license(lines)).unwrap();
    }

    /// Replaces the license file by a text.
    pub fn load_text(&self, text: String) {
        let _: Loaded = self.admin().put_text("/v1/admin/files/default/acme.lic", text).unwrap();
    }

    /// A client in the making, as the application of this publisher would make it.
    pub fn builder(&self) -> Builder {
        self.builder_at(self.server())
    }

    pub fn builder_at(&self, server: Server) -> Builder {
        Client::builder("test")
            .servers(server.into())
            .trust(self.trust())
            .publisher(PUBLISHER, &root().public())
    }

    pub fn client(&self) -> Client {
        self.builder().connect().unwrap()
    }

    pub fn status(&self) -> Status {
        self.admin().get("/v1/admin/status?holders=10").unwrap()
    }

    pub fn feature(&self, name: &str) -> Feature {
        self.status().features.into_iter().find(|feature| feature.feature == name).unwrap()
    }

    pub fn in_use(&self, name: &str) -> u32 {
        self.feature(name).in_use
    }

    /// The number of the one grant that is out.
    pub fn only_grant(&self, name: &str) -> u64 {
        let feature = self.feature(name);
        let holders: Vec<u64> =
            feature.pools.iter().flat_map(|pool| &pool.holders).map(|holding| holding.grant).collect();
        assert_eq!(holders.len(), 1, "{feature:?}");
        holders[0]
    }

    pub fn take_away(&self, grant: u64) {
        let _: serde_json::Value =
            self.admin().delete(&format!("/v1/admin/grants/{grant}?reason=needed")).unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits until `what` holds.
pub fn wait_until(what: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !what() {
        assert!(Instant::now() < end, "it did not happen");
        std::thread::yield_now();
    }
}

/// Events as they come.
pub fn events() -> (impl Fn(Event) + Send + Sync + 'static, Receiver<Event>) {
    let (sender, receiver) = channel();
    (move |event| drop(sender.send(event)), receiver)
}

/// The next event.
pub fn next(events: &Receiver<Event>) -> Event {
    events.recv_timeout(LONG).expect("an event")
}

pub fn code(error: &Error) -> grantor_client::api::Code {
    error.code().unwrap_or_else(|| panic!("not a problem of the server's: {error}"))
}
