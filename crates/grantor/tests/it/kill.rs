//! `kill -9` at any moment loses nothing that was acknowledged: a real server process is killed 100 times under load, and
//! what every client was told is compared with what is there afterwards.

use crate::issue;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const KILLS: u64 = 100;
const CLIENTS: usize = 6;
/// Most grants that a client holds at a time.
const HELD: usize = 5;

/// A small generator with a seed, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn agent() -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)));
    config.build().into()
}

/// The answer, or `None` when none came.
fn ask(agent: &ureq::Agent, method: &str, url: String, body: &str) -> Option<(u16, Value)> {
    let request =
        ureq::http::Request::builder().method(method).uri(url).body(body.as_bytes().to_vec()).unwrap();
    let mut response = agent.run(request).ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    Some((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
}

fn start(folder: &Path, port: u16) -> Child {
    let server = Command::new(env!("CARGO_BIN_EXE_grantor"))
        .args(["server", "--config", "grantor.toml"])
        .current_dir(folder)
        .stderr(Stdio::from(
            std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap(),
        ))
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while ask(&agent(), "GET", format!("https://localhost:{port}/readyz"), "")
        .is_none_or(|(status, _)| status != 200)
    {
        assert!(Instant::now() < end, "no server: {}", std::fs::read_to_string(folder.join("log")).unwrap());
        std::thread::yield_now();
    }
    server
}

/// What one client was told, and what it asked last without an answer.
struct Client {
    base: String,
    session: String,
    held: BTreeSet<u64>,
    unanswered: Option<Ask>,
    dice: Dice,
}

enum Ask {
    CheckOut { request: String },
    CheckIn { grant: u64 },
}

impl Client {
    fn open(port: u16, number: u64) -> Self {
        let session = format!("{:032x}", 0xfeed_0000 + number);
        let base = format!("https://localhost:{port}/v1/sessions");
        let body = json!({ "session": session, "user": format!("user{number}"), "host": "h", "heartbeat_seconds": 3600 });
        assert_eq!(ask(&agent(), "POST", base.clone(), &body.to_string()).unwrap().0, 201);
        Self { base, session, held: BTreeSet::new(), unanswered: None, dice: Dice(number * 7919 + 1) }
    }

    fn send(&mut self, agent: &ureq::Agent, what: Ask) -> bool {
        let checkouts = format!("{}/{}/checkouts", self.base, self.session);
        let answer = match &what {
            Ask::CheckOut { request } => ask(
                agent,
                "POST",
                checkouts,
                &json!({ "request": request, "feature": "cad", "version": "8.0" }).to_string(),
            ),
            Ask::CheckIn { grant } => ask(agent, "DELETE", format!("{checkouts}/{grant}"), ""),
        };
        let Some((status, body)) = answer.filter(|(status, _)| *status != 503) else {
            self.unanswered = Some(what);
            return false;
        };
        match what {
            Ask::CheckOut { .. } => {
                assert_eq!(status, 201, "{body}");
                self.held.insert(body["grants"][0]["grant"].as_u64().unwrap());
            }
            Ask::CheckIn { grant } => {
                assert!(status == 200 || status == 410, "{status} {body}");
                self.held.remove(&grant);
            }
        }
        true
    }

    /// Takes and gives back until no answer comes.
    fn work(&mut self, acknowledged: &AtomicU64) {
        let agent = agent();
        loop {
            let give_back = self.held.len() >= HELD || (!self.held.is_empty() && self.dice.roll(2) == 0);
            let what = if give_back {
                Ask::CheckIn { grant: *self.held.iter().next().unwrap() }
            } else {
                Ask::CheckOut {
                    request: format!("{:016x}{:016x}", self.dice.roll(u64::MAX), self.dice.roll(u64::MAX)),
                }
            };
            if !self.send(&agent, what) {
                return;
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Holds what the server has against what it said, then asks the unanswered question again.
    fn compare(&mut self, kill: u64) {
        let agent = agent();
        let there = self.there(&agent);
        let lost: Vec<_> = self.held.difference(&there).collect();
        let extra: Vec<_> = there.difference(&self.held).collect();
        match &self.unanswered {
            Some(Ask::CheckIn { grant }) => {
                assert!(lost.iter().all(|id| *id == grant), "kill {kill}: {} lost {lost:?}", self.session);
                assert!(extra.is_empty(), "kill {kill}: {} got {extra:?} back", self.session);
            }
            Some(Ask::CheckOut { .. }) => {
                assert!(lost.is_empty(), "kill {kill}: {} lost {lost:?}", self.session);
                assert!(extra.len() <= 1, "kill {kill}: {} has {extra:?} too many", self.session);
            }
            None => assert_eq!(there, self.held, "kill {kill}"),
        }
        if let Some(what) = self.unanswered.take() {
            assert!(self.send(&agent, what), "kill {kill}: no answer from a server that is ready");
        }
        assert_eq!(self.there(&agent), self.held, "kill {kill}: a retry took a second seat or lost one");
    }

    fn there(&self, agent: &ureq::Agent) -> BTreeSet<u64> {
        let (status, body) = ask(agent, "GET", format!("{}/{}", self.base, self.session), "").unwrap();
        assert_eq!(status, 200, "the session is gone: {body}");
        body["grants"].as_array().unwrap().iter().map(|grant| grant["grant"].as_u64().unwrap()).collect()
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_hundred_kills_under_load_lose_no_acknowledged_grant_and_double_none() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let keys = issue::Keys::default();
    std::fs::write(
        folder.path().join("acme.lic"),
        issue::license(&keys, vec![issue::line("cad", "8.0", 1000)]),
    )
    .unwrap();
    let config = format!(
        "port = {port}\nlisten = \"127.0.0.1\"\nlicense_files = [\"acme.lic\"]\n[[publishers]]\nname = \"acme\"\nroot_keys = [\"{}\"]\n",
        keys.root.public()
    );
    std::fs::write(folder.path().join("grantor.toml"), config).unwrap();
    let mut server = start(folder.path(), port);
    let mut clients: Vec<Client> = (1..=CLIENTS as u64).map(|number| Client::open(port, number)).collect();
    let mut dice = Dice(20_261_123);
    let acknowledged = Arc::new(AtomicU64::new(0));
    for kill in 1..=KILLS {
        let until = acknowledged.load(Ordering::Relaxed) + 1 + dice.roll(60);
        std::thread::scope(|scope| {
            for client in &mut clients {
                let acknowledged = acknowledged.clone();
                scope.spawn(move || client.work(&acknowledged));
            }
            while acknowledged.load(Ordering::Relaxed) < until {
                std::thread::yield_now();
            }
            server.kill().unwrap();
            server.wait().unwrap();
        });
        server = start(folder.path(), port);
        for client in &mut clients {
            client.compare(kill);
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let answers = acknowledged.load(Ordering::Relaxed);
    assert!(answers > KILLS, "only {answers} answers: that was no load");
    println!("{KILLS} kills, {answers} acknowledged operations, none lost or doubled");
}
