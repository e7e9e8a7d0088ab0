//! Helpers of the consensus tests: commands, clocks, and three servers in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantor_site::command::{Identity, OpenSession};
use grantor_site::ids::SessionId;
use grantor_site::{Command, Timestamp};
use openraft::Raft;

use super::{
    Clock, Consensus, LogId, Role, Sending, ServerId, Settings, Status, Timers, Transport, TypeConfig,
    network,
};
use crate::log::Options;

/// Opens session number `session`.
pub(crate) fn open(session: u128) -> Command {
    open_for("", session)
}

pub(crate) fn open_for(user: &str, session: u128) -> Command {
    Command::OpenSession(OpenSession {
        session: SessionId(session),
        tenant: Arc::from("tenant"),
        who: Identity { user: user.into(), ..Identity::default() },
        machine: None,
        heartbeat_seconds: 0,
        lease_until: None,
    })
}

pub(crate) fn log_id(index: u64) -> LogId {
    LogId::new(openraft::CommittedLeaderId::new(1, 1), index)
}

pub(crate) fn stopped_clock() -> Clock {
    Arc::new(|| Timestamp(1_000))
}

/// Settings of a single server with small files.
pub(crate) fn single(dir: &Path) -> Settings {
    Settings { log: Options { segment_bytes: 64 << 10 }, ..Settings::single(dir, stopped_clock()) }
}

/// Carries messages between servers of this process.
#[derive(Default)]
pub(crate) struct Routes {
    servers: Mutex<BTreeMap<ServerId, Raft<TypeConfig>>>,
    cut_off: Mutex<BTreeSet<ServerId>>,
}

impl Routes {
    fn find(&self, server: ServerId) -> io::Result<Raft<TypeConfig>> {
        let cut = self.cut_off.lock().unwrap().contains(&server);
        let found = self.servers.lock().unwrap().get(&server).cloned();
        found.filter(|_| !cut).ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

/// One server's end of the routes.
struct End {
    me: ServerId,
    routes: Arc<Routes>,
}

impl Transport for End {
    fn send(&self, server: ServerId, _address: &str, message: Vec<u8>) -> Sending {
        let reached = self.routes.find(self.me).and_then(|_| self.routes.find(server));
        Box::pin(async move { network::receive(&reached?, &message).await.map_err(io::Error::other) })
    }
}

/// Three servers in one process.
pub(crate) struct Cluster {
    dir: tempfile::TempDir,
    routes: Arc<Routes>,
    pub(crate) servers: BTreeMap<ServerId, Consensus>,
    change: fn(&mut Settings),
}

impl Cluster {
    pub(crate) async fn start(change: fn(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut cluster = Self { dir, routes: Arc::default(), servers: BTreeMap::new(), change };
        for server in 1..=3 {
            cluster.start_server(server, true).await;
        }
        cluster
    }

    /// Where the servers keep their folders.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A cluster on folders that another one left behind.
    pub(crate) async fn restart(dir: tempfile::TempDir, change: fn(&mut Settings)) -> Self {
        let mut cluster = Self { dir, routes: Arc::default(), servers: BTreeMap::new(), change };
        for server in 1..=3 {
            cluster.start_server(server, false).await;
        }
        cluster
    }

    pub(crate) fn settings(&self, server: ServerId) -> Settings {
        let mut settings = Settings {
            server,
            members: (1..=3).map(|id| (id, format!("server-{id}"))).collect(),
            transport: Arc::new(End { me: server, routes: self.routes.clone() }),
            timers: Timers::Near,
            ..single(&self.dir.path().join(server.to_string()))
        };
        (self.change)(&mut settings);
        settings
    }

    pub(crate) async fn start_server(&mut self, server: ServerId, form_cluster: bool) {
        let settings = Settings { form_cluster, ..self.settings(server) };
        let consensus = super::start(settings).await.unwrap();
        self.routes.servers.lock().unwrap().insert(server, consensus.raft.clone());
        self.servers.insert(server, consensus);
    }

    pub(crate) async fn stop_server(&mut self, server: ServerId) {
        self.routes.servers.lock().unwrap().remove(&server);
        self.servers.remove(&server).unwrap().shutdown().await;
    }

    pub(crate) fn cut_off(&self, server: ServerId) {
        self.routes.cut_off.lock().unwrap().insert(server);
    }

    pub(crate) fn join_again(&self, server: ServerId) {
        self.routes.cut_off.lock().unwrap().remove(&server);
    }

    /// The leader, once a server other than `not` says that it is one.
    pub(crate) async fn leader(&self, not: Option<ServerId>) -> ServerId {
        let find = || {
            let mut servers = self.servers.iter().filter(|(id, _)| Some(**id) != not);
            servers.find(|(_, server)| server.status().role == Role::Leader).map(|(id, _)| *id)
        };
        eventually(|| find().is_some()).await;
        find().unwrap()
    }

    /// Waits until all running servers have applied the same, and are the same.
    pub(crate) async fn agree(&self) {
        let applied = || self.servers.values().map(|server| server.status().applied);
        eventually(|| applied().max() == applied().min()).await;
        let hashes: BTreeSet<_> = self.servers.values().map(|server| server.view().hash()).collect();
        assert_eq!(hashes.len(), 1);
    }
}

/// Waits for something that the servers do by themselves.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it did not come to pass");
}

pub(crate) async fn eventually_status(server: &Consensus, holds: impl Fn(&Status) -> bool) {
    eventually(|| holds(&server.status())).await;
}
