//! Three server processes that are one cluster, an administrator, and what every test asks of them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{agent, ask, send};
use crate::issue;
use crate::net::Net;
use crate::node::{Node, Under};

pub const PORT: u16 = 7260;

/// In this order: the processes go before their network and their folders.
pub struct Trio {
    pub nodes: Vec<Node>,
    pub net: Net,
    _folder: tempfile::TempDir,
    pub admin: String,
    agent: ureq::Agent,
}

/// Waits for it; gives what was seen last when it does not happen.
pub fn within<T>(seconds: u64, what: &str, mut seen: impl FnMut() -> Result<T, String>) -> T {
    let limit = Instant::now() + Duration::from_secs(seconds);
    loop {
        match seen() {
            Ok(found) => return found,
            Err(last) => assert!(Instant::now() < limit, "not within {seconds} s: {what}; last: {last}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A request key or session id.
pub fn key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Trio {
    /// A cluster that serves, with so many seats of `cad`.
    pub fn formed(seats: u32) -> Self {
        let mut trio = Self::prepared(seats, "");
        trio.start_all();
        trio
    }

    /// Folders and configurations; nothing runs yet.
    pub fn prepared(seats: u32, limits: &str) -> Self {
        let (net, folder) = (Net::new(), tempfile::tempdir().unwrap());
        let homes = (1..=3).map(|host| folder.path().join(host.to_string()));
        let nodes = homes.zip(1..).map(|(home, host)| Node::new(home, net.namespace(host))).collect();
        let trio = Self { nodes, net, _folder: folder, admin: String::new(), agent: agent(6) };
        let token = grantor_server::cluster::JoinToken::new(Vec::new()).unwrap();
        (1..=3).for_each(|host| trio.configure(host, seats, token.reveal(), limits));
        trio
    }

    fn configure(&self, host: usize, seats: u32, token: &str, limits: &str) {
        let (home, keys) = (&self.nodes[host - 1].home, issue::Keys::default());
        std::fs::create_dir_all(home).unwrap();
        let license = issue::license(&keys, vec![issue::line("cad", "8.0", seats)]);
        std::fs::write(home.join("acme.lic"), license).unwrap();
        std::fs::write(home.join("join-token"), token).unwrap();
        let servers: Vec<String> =
            (1..=3).map(|host| format!("\"{}:{PORT}\"", self.net.address(host))).collect();
        let config = format!(
            "listen = \"0.0.0.0\"\nlicense_files = [\"acme.lic\"]\nzone = \"UTC\"\n\
             [cluster]\naddress = \"{}:{PORT}\"\nservers = [{}]\ntoken_file = \"join-token\"\n\
             [limits]\n{limits}\n[[publishers]]\nname = \"acme\"\nroot_keys = [\"{}\"]\n",
            self.net.address(host),
            servers.join(", "),
            keys.root.public()
        );
        std::fs::write(home.join("grantor.toml"), config).unwrap();
    }

    pub fn start_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::start);
        self.set_up();
    }

    pub fn set_up(&mut self) {
        let token = within(40, "a set-up token", || {
            let files = self.nodes.iter().map(|node| node.home.join("grantor-data/setup-token"));
            let mut found = files.filter_map(|path| std::fs::read_to_string(path).ok());
            found.find(|token| token.len() > 40).ok_or_else(|| self.logs())
        });
        let body = json!({ "setup_token": token, "name": "ada", "password": "correct horse battery" });
        self.admin = within(20, "an administrator", || {
            let (status, body) = self.ask(1, "POST", "/v1/admin/setup", &body);
            body["token"].as_str().map(str::to_owned).ok_or(format!("{status} {body}"))
        });
    }

    pub fn ready(&self, host: usize) {
        within(20, "it is ready again", || match self.ask(host, "GET", "/readyz", &Value::Null) {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status} {body}\n{}", self.nodes[host - 1].log())),
        });
    }

    pub fn logs(&self) -> String {
        self.nodes.iter().map(|node| node.log() + "\n--\n").collect()
    }

    pub fn url(&self, host: usize, path: &str) -> String {
        format!("https://{}:{PORT}{path}", self.net.address(host))
    }

    pub fn ask(&self, host: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        ask(&self.agent, method, &self.url(host, path), "", body)
    }

    pub fn admin(&self, host: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        ask(&self.agent, method, &self.url(host, path), &self.admin, body)
    }

    /// Opens a session at whichever server takes it.
    pub fn session(&self, heartbeat: u32) -> String {
        let session = key();
        let body = json!({ "session": session, "user": "u", "host": "h", "heartbeat_seconds": heartbeat });
        let mut host = 0;
        within(30, "a session", || {
            host = host % 3 + 1;
            match self.ask(host, "POST", "/v1/sessions", &body) {
                (200 | 201, _) => Ok(session.clone()),
                (status, body) => Err(format!("{status} {body}")),
            }
        })
    }

    /// Opens a session at `host`.
    pub fn session_at(&self, host: usize) -> String {
        let body = json!({ "user": "u", "host": "h" });
        within(10, "a session", || match self.ask(host, "POST", "/v1/sessions", &body) {
            (201, body) => Ok(body["session"].as_str().unwrap().to_owned()),
            (status, body) => Err(format!("{status} {body}")),
        })
    }

    pub fn checkout(&self, host: usize, session: &str) -> (u16, Value) {
        let body = json!({ "request": key(), "feature": "cad", "version": "8.0" });
        self.ask(host, "POST", &format!("/v1/sessions/{session}/checkouts"), &body)
    }

    pub fn beat(&self, host: usize, session: &str) -> (u16, Value) {
        self.ask(host, "PUT", &format!("/v1/sessions/{session}"), &Value::Null)
    }

    /// Loads a license file for `seats` of `cad` that is so many bytes long.
    pub fn load(&self, host: usize, seats: u32, bytes: usize, note: usize) -> (u16, Value) {
        let mut text = format!(
            "# {note}\n{}",
            issue::license(&issue::Keys::default(), vec![issue::line("cad", "8.0", seats)])
        );
        while text.len() < bytes {
            text.push_str("# The order's own words, which a license file may hold between its lines.\n");
        }
        let url = self.url(host, "/v1/admin/files/default/large.lic");
        send(&self.agent, "PUT", &url, &self.admin, text.into_bytes())
    }

    /// Has another server lead. It may have no vote yet, or lack what it should have: then it is asked again.
    pub fn transfer(&self, to: usize) {
        within(30, "the lead is handed over", || {
            if self.leader() == to { Ok(()) } else { Err(self.hand_over(to, to)) }
        });
    }

    /// Asks `host` once to have `to` lead.
    pub fn hand_over(&self, host: usize, to: usize) -> String {
        let address = format!("{}:{PORT}", self.net.address(to));
        let (_, cluster) = self.admin(host, "GET", "/v1/admin/cluster", &Value::Null);
        let servers = cluster["servers"].as_array().into_iter().flatten();
        let number = servers
            .filter(|server| server["address"] == *address)
            .find_map(|server| server["server"].as_u64());
        let (status, body) = self.admin(host, "POST", "/v1/admin/cluster/transfer", &json!({ "to": number }));
        format!("{status} {body}")
    }

    /// The violations that stand, by their type.
    pub fn violations(&self) -> Vec<String> {
        within(10, "the status", || {
            let (status, body) = self.admin(1, "GET", "/v1/admin/status?holders=0", &Value::Null);
            let all = body["violations"].as_array().ok_or(format!("{status} {body}"))?;
            Ok(all.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect())
        })
    }

    /// Who leads, by the word of the first of `asked` that knows.
    pub fn leader_by(&self, asked: &[usize]) -> usize {
        within(30, "a leader", || {
            let mut last = String::new();
            for host in asked {
                let (status, body) = self.admin(*host, "GET", "/v1/admin/cluster", &Value::Null);
                let found =
                    body["servers"].as_array().into_iter().flatten().find(|s| s["own"]["role"] == "leader");
                if let Some(found) = found.filter(|_| body["serves"] == true) {
                    return Ok(self.host(found["address"].as_str().unwrap()));
                }
                last = format!("{status} {body}");
            }
            Err(last)
        })
    }

    pub fn leader(&self) -> usize {
        self.leader_by(&[1, 2, 3])
    }

    fn host(&self, address: &str) -> usize {
        (1..=3).find(|host| address == format!("{}:{PORT}", self.net.address(*host))).unwrap()
    }

    /// Both others.
    pub fn others(host: usize) -> Vec<usize> {
        (1..=3).filter(|other| *other != host).collect()
    }

    /// All three are there, have applied the same, and have the same state.
    pub fn agree(&self) -> String {
        let from = Instant::now();
        let state = within(30, "all servers at one state", || {
            let (_, body) = self.admin(1, "GET", "/v1/admin/cluster", &Value::Null);
            let all: Vec<(u64, String)> = body["servers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|s| Some((s["own"]["applied"].as_u64()?, s["own"]["state"].as_str()?.to_owned())))
                .collect();
            let same_index = all.len() == 3 && all.iter().all(|(applied, _)| *applied == all[0].0);
            if !same_index {
                return Err(body.to_string());
            }
            assert!(all.iter().all(|(_, state)| *state == all[0].1), "equal index, other state: {body:#}");
            Ok(all[0].1.clone())
        });
        println!("all servers agree after {:?}", from.elapsed());
        state
    }

    /// Seats that are out by the servers' word.
    pub fn out(&self) -> u64 {
        within(10, "the status", || {
            let (status, body) = self.admin(1, "GET", "/v1/admin/status?holders=0", &Value::Null);
            body["grants"].as_u64().ok_or(format!("{status} {body}"))
        })
    }

    pub fn node(&mut self, host: usize) -> &mut Node {
        &mut self.nodes[host - 1]
    }

    pub fn restart_under(&mut self, host: usize, under: &Under) {
        self.node(host).kill();
        self.node(host).start_under(under);
    }
}
