//! Group commit: commands that wait are gathered into one batch while the batch before is on its way.
//! One batch at a time; two or four in flight were measured and are slower. Every proposer is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use grantor_site::{Command, Refusal, Reply, Timestamp};
use openraft::error::ClientWriteError;
use openraft::{Raft, ServerState};
use tokio::sync::{mpsc, oneshot};

use super::batch::{Applied, Batch};
use super::machine::Shared;
use super::{Clock, ServerId, TypeConfig};

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeError {
    /// Too many commands are waiting; this one was not taken.
    #[error("the server is busy\nhint: try again in a moment")]
    Busy,
    /// Another server decides; this command was not taken.
    #[error(
        "this server is not the leader of its cluster\nhint: ask the leader, or try again in a second if there is none"
    )]
    NotLeader {
        /// The leader, if there is one that this server knows of.
        leader: Option<ServerId>,
    },
    /// The answer did not come in time: the command may or may not take effect.
    #[error("it is not known whether the command took effect\nhint: try again with the same request id")]
    Unknown,
    /// The command is longer than a batch may be; it was not taken.
    #[error("the command is too large: more than {max_bytes} bytes")]
    TooLarge {
        /// The most that is taken.
        max_bytes: usize,
    },
    /// Not every server of the cluster knows this kind of command yet; it was not taken.
    #[error("not every server of the cluster is upgraded to a version that can do this")]
    HeldBack,
    /// The server is stopping; this command was not taken, or its fate is unknown.
    #[error("the server is stopping\nhint: ask another server, or try again with the same request id")]
    Stopping,
}

/// How much waits, and how much goes together.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands that may wait; one more is answered [`ProposeError::Busy`].
    pub queue: usize,
    /// Commands in one batch.
    pub batch_commands: usize,
    /// Encoded bytes after which a batch takes no further command, and the most that one command may have.
    pub batch_bytes: usize,
    /// How long a batch may be on its way before its proposers are told that its fate is unknown.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let patience = Duration::from_secs(5);
        Self { queue: 16_384, batch_commands: 4096, batch_bytes: 4 << 20, patience }
    }
}

type Decided = Result<(Arc<Applied>, usize), ProposeError>;

/// One command and who waits for it.
pub(crate) struct Proposal {
    command: Command,
    answer: oneshot::Sender<Decided>,
}

/// What has gone through so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicU64,
    pub(crate) commands: AtomicU64,
}

/// The end where commands go in.
#[derive(Debug, Clone)]
pub(crate) struct Queue(mpsc::Sender<Proposal>);

impl Queue {
    pub(crate) fn new(limits: &Limits) -> (Self, mpsc::Receiver<Proposal>) {
        let (sender, receiver) = mpsc::channel(limits.queue);
        (Self(sender), receiver)
    }

    pub(crate) async fn propose(&self, command: Command) -> Result<Result<Reply, Refusal>, ProposeError> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Proposal { command, answer }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => ProposeError::Busy,
            mpsc::error::TrySendError::Closed(_) => ProposeError::Stopping,
        })?;
        let (applied, position) = answered.await.unwrap_or(Err(ProposeError::Stopping))?;
        // Copied here, by the proposer's own task, and not by the one that answers all of them.
        applied.outcomes.get(position).map(|outcome| outcome.reply.clone()).ok_or(ProposeError::Unknown)
    }
}

/// Forms batches and has them decided, until the queue is closed.
pub(crate) struct Proposer {
    pub(crate) raft: Raft<TypeConfig>,
    pub(crate) machine: Arc<Shared>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) last: Timestamp,
    /// The lead is being handed over.
    pub(crate) paused: Arc<std::sync::atomic::AtomicBool>,
}

impl Proposer {
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Proposal>) {
        while let Some(first) = queue.recv().await {
            // Those just answered propose again right now: one turn of the scheduler lets them in.
            tokio::task::yield_now().await;
            let (batch, answers) = self.gather(first, &mut queue);
            if answers.is_empty() {
                continue;
            }
            let decided = self.decide(batch).await;
            if matches!(decided, Err(ProposeError::Unknown)) {
                turn_away(&mut queue);
            }
            tell(answers, &decided);
        }
    }

    fn gather(
        &mut self,
        first: Proposal,
        queue: &mut mpsc::Receiver<Proposal>,
    ) -> (Batch, Vec<oneshot::Sender<Decided>>) {
        let mut batch = Batch::new();
        let mut answers = Vec::with_capacity(queue.len() + 1);
        let mut next = Some(first);
        while let Some(Proposal { command, answer }) = next {
            match batch.push(command, self.limits.batch_bytes) {
                Ok(()) => answers.push(answer),
                Err(_) => {
                    let max_bytes = self.limits.batch_bytes;
                    drop(answer.send(Err(ProposeError::TooLarge { max_bytes })));
                }
            }
            let room = batch.len() < self.limits.batch_commands && batch.bytes() < self.limits.batch_bytes;
            next = room.then(|| queue.try_recv().ok()).flatten();
        }
        // A clock set back, or a leader whose clock is behind the one before it, never turns time back.
        self.last = (self.clock)().max(self.last).max(self.machine.latest());
        batch.stamp(self.last);
        (batch, answers)
    }

    async fn decide(&self, batch: Batch) -> Result<Arc<Applied>, ProposeError> {
        self.refuse_unless_leader()?;
        let commands = batch.len() as u64;
        let decided = self.raft.client_write_ff(Arc::new(batch)).await;
        let decided = decided.map_err(|_stopped| ProposeError::Stopping)?;
        self.counters.batches.fetch_add(1, Relaxed);
        self.counters.commands.fetch_add(commands, Relaxed);
        tokio::select! {
            biased;
            result = decided => match result {
                Ok(Ok(response)) => Ok(response.data),
                Ok(Err(ClientWriteError::ForwardToLeader(forward))) => {
                    Err(ProposeError::NotLeader { leader: forward.leader_id })
                }
                Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
            },
            // The core of a deposed leader may keep a write waiting for ever.
            () = self.deposed() => Err(ProposeError::Unknown),
            () = tokio::time::sleep(self.limits.patience) => Err(ProposeError::Unknown),
        }
    }

    fn refuse_unless_leader(&self) -> Result<(), ProposeError> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow();
        match metrics.state {
            ServerState::Leader if self.paused.load(Relaxed) => Err(ProposeError::Busy),
            ServerState::Leader => Ok(()),
            _ => Err(ProposeError::NotLeader { leader: metrics.current_leader }),
        }
    }

    async fn deposed(&self) {
        let mut metrics = self.raft.server_metrics();
        let gone = metrics.wait_for(|metrics| metrics.state != ServerState::Leader).await;
        drop(gone);
    }
}

/// After a batch of unknown fate those that waited behind it have waited long enough. None was taken.
fn turn_away(queue: &mut mpsc::Receiver<Proposal>) {
    while let Ok(proposal) = queue.try_recv() {
        drop(proposal.answer.send(Err(ProposeError::Busy)));
    }
}

/// A proposer that has gone away needs no answer.
fn tell(answers: Vec<oneshot::Sender<Decided>>, decided: &Result<Arc<Applied>, ProposeError>) {
    for (position, answer) in answers.into_iter().enumerate() {
        drop(answer.send(decided.clone().map(|applied| (applied, position))));
    }
}
