//! The agreement between servers: what goes in are commands, what comes out are outcomes that are on disk
//! on a majority. A thin adapter of openraft 0.9.25 over [`crate::log`] and [`Site`]; no HTTP, no rules of
//! licensing, no clock but the one it is given.
//!
//! One entry of the replicated log is a batch of commands with one time. A single server is a cluster of
//! one and runs the same code.

mod batch;
mod machine;
mod members;
mod network;
mod proposer;
mod settings;
mod snapshot;
mod status;
mod store;
mod takeover;
mod timers;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use grantor_site::{Command, Refusal, Reply, Site};
use openraft::metrics::RaftServerMetrics;
use openraft::{BasicNode, Raft, ServerState};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use self::machine::Machine;
use self::network::Network;
use self::proposer::{Counters, Proposer, Queue};
use self::snapshot::Snapshots;
use self::store::Store;
use crate::log::{Folder, Identity, Log};

pub use batch::Applied;
pub use members::{ChangeError, Seen};
pub use network::{Alone, BadMessage, Sending, Transport};
pub use proposer::{Limits, ProposeError};
pub use settings::{Clock, Settings, StartError};
pub use status::{Role, Status, Stopped};
pub use takeover::take_over;
pub use timers::Timers;

/// A server's number in its cluster; never reused.
pub type ServerId = u64;

openraft::declare_raft_types!(
    /// The types that openraft is instantiated with.
    pub(crate) TypeConfig:
        D = Arc<batch::Batch>,
        R = Arc<batch::Applied>,
        NodeId = ServerId,
        SnapshotData = snapshot::State,
);

type Entry = openraft::Entry<TypeConfig>;
type LogId = openraft::LogId<ServerId>;
type Vote = openraft::Vote<ServerId>;
type Snapshot = openraft::Snapshot<TypeConfig>;
type SnapshotMeta = openraft::SnapshotMeta<ServerId, BasicNode>;
type StoredMembership = openraft::StoredMembership<ServerId, BasicNode>;

/// A running member of a cluster.
pub struct Consensus {
    raft: Raft<TypeConfig>,
    /// What the core says of itself; kept, since making a receiver for each look costs more than the look.
    metrics: watch::Receiver<RaftServerMetrics<ServerId, BasicNode>>,
    log: Arc<Log>,
    snapshots: Arc<Snapshots>,
    machine: Arc<machine::Shared>,
    queue: Queue,
    counters: Arc<Counters>,
    identity: Identity,
    /// When a majority was last asked, and agreed, whether this server leads.
    confirmed: std::sync::Mutex<Option<std::time::Instant>>,
    confirming: tokio::sync::Mutex<()>,
    paused: Arc<std::sync::atomic::AtomicBool>,
    /// Where the log ended at the start.
    found: u64,
    started: tokio::time::Instant,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the data folder, replays what is in it and joins the cluster. A single server leads and has
/// applied everything when this returns.
pub async fn start(settings: Settings) -> Result<Consensus, StartError> {
    settings.check()?;
    settings.refuse_a_wiped_member()?;
    settings.refuse_a_lost_log()?;
    let folder =
        Folder::open_in(settings.disk.clone(), &settings.data_dir, settings.server, settings.cluster)?;
    let identity = folder.identity();
    let (snapshots, held) = Snapshots::open(settings.disk.clone(), folder.path(), identity.cluster)?;
    let opened = Log::open(folder, &settings.log)?;
    if let Some(torn) = &opened.torn {
        tracing::warn!(file = %torn.file.display(), torn.offset, torn.dropped, "dropped an unfinished write");
    }
    snapshots.check_against(&opened.meta)?;
    let found = opened.log.range().end;
    let (log, snapshots) = (Arc::new(opened.log), Arc::new(snapshots));
    let store = Store::new(log.clone(), &opened.meta)?.behind(snapshots.clone());
    let machine = Machine::new(log.clone(), snapshots.clone(), held, settings.snapshot_log_bytes)?;
    let shared = machine.shared.clone();
    let network = Network { transport: settings.transport.clone() };
    let config = Arc::new(settings.raft_config(identity)?);
    let raft = Raft::new(settings.server, config, network, store, machine).await?;
    let mut consensus = Consensus::assemble(raft, (log, snapshots), shared, identity, &settings);
    consensus.found = found;
    consensus.form(&settings).await?;
    Ok(consensus)
}

impl Consensus {
    fn assemble(
        raft: Raft<TypeConfig>,
        (log, snapshots): (Arc<Log>, Arc<Snapshots>),
        machine: Arc<machine::Shared>,
        identity: Identity,
        settings: &Settings,
    ) -> Self {
        let (queue, waiting) = Queue::new(&settings.limits);
        let counters = Arc::new(Counters::default());
        let paused = Arc::default();
        let proposer = Proposer {
            paused: Arc::clone(&paused),
            raft: raft.clone(),
            machine: machine.clone(),
            clock: settings.clock.clone(),
            limits: settings.limits.clone(),
            counters: counters.clone(),
            last: machine.latest(),
        };
        let keeper = keep_snapshots(raft.clone(), machine.clone(), settings.snapshot_age);
        let tasks = vec![tokio::spawn(proposer.run(waiting)), tokio::spawn(keeper)];
        Self {
            metrics: raft.server_metrics(),
            raft,
            log,
            snapshots,
            machine,
            queue,
            counters,
            identity,
            confirmed: std::sync::Mutex::default(),
            confirming: tokio::sync::Mutex::default(),
            paused,
            found: 0,
            started: tokio::time::Instant::now(),
            tasks,
        }
    }

    /// Makes a new cluster of the members the first time, and waits until a single server leads.
    async fn form(&self, settings: &Settings) -> Result<(), StartError> {
        // Only one server founds the cluster: several would depose each other when they meet.
        let founder = settings.members.keys().next() == Some(&settings.server);
        if founder && !self.raft.is_initialized().await? {
            let members: BTreeMap<_, _> =
                settings.members.iter().map(|(id, address)| (*id, BasicNode::new(address))).collect();
            let founded = self.raft.initialize(members).await;
            founded.map_err(|error| StartError::Raft(error.to_string()))?;
        }
        let me = settings.server;
        let alone = self.raft.with_raft_state(move |state| {
            state.membership_state.effective().membership().voter_ids().eq([me])
        });
        if !alone.await? {
            return Ok(());
        }
        // Nobody else has a vote, so there is nothing to wait for.
        self.raft.trigger().elect().await?;
        let applied = |index: Option<u64>, applied: Option<LogId>| applied.map(|id| id.index) == index;
        let wait = self.raft.wait(Some(Duration::from_secs(60)));
        let led = wait.metrics(
            |metrics| {
                metrics.state == ServerState::Leader && applied(metrics.last_log_index, metrics.last_applied)
            },
            "the only server leads and has applied its log",
        );
        led.await.map(drop).map_err(|error| StartError::Raft(error.to_string()))
    }

    /// Has a command agreed on, written on a majority and applied, and returns the site's answer. What else came of it
    /// is told by [`Consensus::events`].
    pub async fn propose(&self, command: Command) -> Result<Result<Reply, Refusal>, ProposeError> {
        if !self.may_propose(&command) {
            return Err(ProposeError::HeldBack);
        }
        self.queue.propose(command).await
    }

    /// Whether every server knows this kind of command; what is too new waits until all are upgraded.
    pub fn may_propose(&self, command: &Command) -> bool {
        let level = command.level();
        level == 0 || level <= self.machine.look(Site::level)
    }

    /// The state as of the last applied batch on this server. Cheap; take a new one for each page.
    pub fn view(&self) -> Arc<Site> {
        self.machine.view()
    }

    /// Looks at a few fields of that state without making a view: the next batch waits meanwhile.
    pub fn look<T>(&self, at: impl FnOnce(&Site) -> T) -> T {
        self.machine.look(at)
    }

    /// The same with the index of the last applied entry: both of one moment.
    pub fn view_at(&self) -> (Option<u64>, Arc<Site>) {
        self.machine.view_at()
    }

    /// Waits until this server has applied all that was agreed on before the call, and still leads: a view
    /// taken then is as good as a write. `false` if it cannot be told.
    pub async fn caught_up(&self) -> bool {
        // A restarted leader goes on leading, and openraft then takes the state on disk for all that was
        // agreed on, though what it had committed may only be found in its log.
        self.raft.ensure_linearizable().await.is_ok() && self.has_applied_what_it_found()
    }

    fn has_applied_what_it_found(&self) -> bool {
        let applied = self.raft.data_metrics().borrow().last_applied.map(|id| id.index);
        self.found == 0 || applied.is_some_and(|applied| applied + 1 >= self.found)
    }

    /// All batches applied from now on, in order. A subscriber that lags far behind is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<Arc<Applied>> {
        self.machine.events.subscribe()
    }

    /// Who this server is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Answers a message that another server's [`Transport`] carried here. The caller has made sure of
    /// who sent it.
    pub async fn receive(&self, message: &[u8]) -> Result<Vec<u8>, BadMessage> {
        // Before it was started, this server may have told a leader that it leads, and has forgotten it: as long as that
        // word holds, it helps to elect no other.
        if network::is_vote(message) {
            tokio::time::sleep_until(self.started + members::LEAD).await;
        }
        network::receive(&self.raft, message).await
    }

    /// Stops in good order and gives up the data folder.
    pub async fn shutdown(&self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = self.raft.shutdown().await {
            tracing::error!(%error, "the consensus core did not stop in good order");
        }
        let (log, snapshots) = (self.log.clone(), self.snapshots.clone());
        let close = move || {
            snapshots.close();
            log.close();
            Ok(())
        };
        if let Err(error) = self.snapshots.run(close).await {
            tracing::error!(%error, "the data folder was not given up in good order");
        }
    }
}

/// Takes a snapshot when enough has been written or enough time has passed; Raft then purges the log.
async fn keep_snapshots(raft: Raft<TypeConfig>, machine: Arc<machine::Shared>, age: Duration) {
    loop {
        tokio::select! {
            biased;
            () = machine.full.notified() => {}
            () = tokio::time::sleep(age) => {}
        }
        let (applied, taken) = {
            let metrics = raft.data_metrics();
            let metrics = metrics.borrow();
            (metrics.last_applied, metrics.snapshot)
        };
        if applied > taken && raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}
