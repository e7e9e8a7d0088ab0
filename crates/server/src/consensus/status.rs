//! What a running server says about itself, and how its end is noticed.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use openraft::ServerState;
use openraft::error::Fatal;

use super::{Consensus, ServerId};

/// A server's part in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Decides the order of commands.
    Leader,
    /// Follows the leader.
    Follower,
    /// Asks to become the leader.
    Candidate,
    /// Follows without a vote.
    Learner,
    /// No longer takes part.
    Stopped,
}

/// A server's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its part in the cluster.
    pub role: Role,
    /// The leader it knows of.
    pub leader: Option<ServerId>,
    /// The number of elections the cluster has seen, more or less.
    pub term: u64,
    /// Index of the last entry in its log.
    pub last_log: Option<u64>,
    /// Index of the last entry applied to its state.
    pub applied: Option<u64>,
    /// Index that its newest snapshot reaches to.
    pub snapshot: Option<u64>,
    /// Index up to which its log is purged.
    pub purged: Option<u64>,
    /// Leader only: time since a majority was last heard of.
    pub quorum_silence: Option<Duration>,
    /// Whether it knows a leader and has applied its whole log.
    pub ready: bool,
    /// Bytes of log on disk.
    pub log_bytes: u64,
    /// Bytes written to the log since the start.
    pub written_bytes: u64,
    /// Writes flushed since the start.
    pub fsyncs: u64,
    /// Batches proposed since the start.
    pub batches: u64,
    /// Commands proposed since the start.
    pub commands: u64,
    /// Duration of the last write and flush.
    pub last_fsync: Duration,
    /// The longest write and flush since the start.
    pub longest_fsync: Duration,
}

/// Why a server no longer takes part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// It was asked to.
    #[error("stopped on request")]
    OnRequest,
    /// Something failed: the process must exit, and may be started again.
    #[error("stopped by a failure: {0}")]
    Failed(String),
}

impl Consensus {
    /// How this server is doing.
    pub fn status(&self) -> Status {
        // Copied, never borrowed for longer: the core waits for whoever holds its metrics.
        let raft = self.raft.metrics().borrow().clone();
        let log = self.log.counters();
        let applied = raft.last_applied.map(|id| id.index);
        Status {
            role: role(raft.state),
            leader: raft.current_leader,
            term: raft.current_term,
            last_log: raft.last_log_index,
            applied,
            snapshot: raft.snapshot.map(|id| id.index),
            purged: raft.purged.map(|id| id.index),
            quorum_silence: raft.millis_since_quorum_ack.map(Duration::from_millis),
            ready: raft.current_leader.is_some() && applied == raft.last_log_index,
            log_bytes: log.on_disk(),
            written_bytes: log.bytes(),
            fsyncs: log.fsyncs(),
            batches: self.counters.batches.load(Relaxed),
            commands: self.counters.commands.load(Relaxed),
            last_fsync: log.last_fsync(),
            longest_fsync: log.longest_fsync(),
        }
    }

    /// Waits until this server no longer takes part, and says why. Whoever started it must then end the
    /// process, with a failure if it is [`Stopped::Failed`]: a core that has stopped answers nobody.
    pub fn stopped(&self) -> impl Future<Output = Stopped> + Send + 'static {
        let mut log = self.log.watch_failure();
        let mut raft = self.raft.metrics();
        async move {
            let mut log_alive = true;
            loop {
                // The log's own words say more than what Raft makes of them.
                if let Some(failure) = log.borrow_and_update().as_ref() {
                    return Stopped::Failed(failure.to_string());
                }
                if let Err(fatal) = &raft.borrow_and_update().running_state {
                    return reason(fatal);
                }
                tokio::select! {
                    biased;
                    alive = log.changed(), if log_alive => log_alive = alive.is_ok(),
                    alive = raft.changed() => if alive.is_err() {
                        return Stopped::Failed("the consensus core panicked".to_owned());
                    },
                }
            }
        }
    }

    /// Ends the process with exit code 1 as soon as this server has failed.
    pub fn exit_on_failure(&self) {
        let stopped = self.stopped();
        tokio::spawn(async move {
            if let Stopped::Failed(reason) = stopped.await {
                tracing::error!(%reason, "the server stops, so that it acknowledges nothing it cannot keep");
                std::process::exit(1);
            }
        });
    }
}

fn reason(fatal: &Fatal<ServerId>) -> Stopped {
    match fatal {
        Fatal::Stopped => Stopped::OnRequest,
        other => Stopped::Failed(other.to_string()),
    }
}

fn role(state: ServerState) -> Role {
    match state {
        ServerState::Leader => Role::Leader,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Shutdown => Role::Stopped,
    }
}
