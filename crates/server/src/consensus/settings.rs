//! What a server is started with, and why it may refuse to start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use grantor_site::Timestamp;
use openraft::error::Fatal;
use openraft::{Config, SnapshotPolicy, StorageError};

use super::ServerId;
use super::network::{Alone, Transport};
use super::proposer::Limits;
use super::timers::Timers;
use crate::log::{ClusterId, Disk, Files, Identity, LogError, Options};

/// Tells the time; the only clock that consensus reads.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Entries kept after a snapshot, for followers that are only a little behind.
const KEPT_FOR_FOLLOWERS: u64 = 64;

/// What a server is started with.
#[derive(Clone)]
pub struct Settings {
    /// Where everything durable is.
    pub data_dir: PathBuf,
    /// This server's id.
    pub server: ServerId,
    /// The cluster that the server belongs to; a new one for an empty folder if nothing is said.
    pub cluster: Option<ClusterId>,
    /// This server's election window, if it isn't its position among the members.
    pub slot: Option<usize>,
    /// All servers of the cluster, this one included, with their addresses.
    pub members: BTreeMap<ServerId, String>,
    /// Whether an empty folder may take part in a cluster of several servers: only at their very first
    /// start. The one with the lowest id founds the cluster.
    pub form_cluster: bool,
    /// Tells the time.
    pub clock: Clock,
    /// Carries messages to the other members.
    pub transport: Arc<dyn Transport>,
    /// How long servers wait for each other.
    pub timers: Timers,
    /// Bytes of log after which a snapshot is taken.
    pub snapshot_log_bytes: u64,
    /// Time after which a snapshot is taken if anything has changed.
    pub snapshot_age: Duration,
    /// How much may wait and go together.
    pub limits: Limits,
    /// How the log lays out its files.
    pub log: Options,
    /// What the data folder lies on.
    pub disk: Arc<dyn Disk>,
}

impl Settings {
    /// Settings of a single server.
    pub fn single(data_dir: &Path, clock: Clock) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            server: 1,
            cluster: None,
            slot: None,
            members: BTreeMap::from([(1, String::new())]),
            form_cluster: false,
            clock,
            transport: Arc::new(Alone),
            timers: Timers::Near,
            snapshot_log_bytes: 32 << 20,
            snapshot_age: Duration::from_secs(3600),
            limits: Limits::default(),
            log: Options::default(),
            disk: Arc::new(Files),
        }
    }

    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.members.contains_key(&self.server) {
            return Ok(());
        }
        Err(StartError::NotAMember { server: self.server })
    }

    /// A member that lost its folder has forgotten its votes: coming back empty it could help to elect a
    /// leader that lacks what was agreed on.
    pub(crate) fn refuse_a_wiped_member(&self) -> Result<(), StartError> {
        let known = self.disk.exists(&self.data_dir.join(crate::log::IDENTITY));
        if known || self.form_cluster || self.members.len() == 1 {
            return Ok(());
        }
        Err(StartError::EmptyFolder { folder: self.data_dir.clone(), server: self.server })
    }

    /// An identity whose log is gone has forgotten its votes as well.
    pub(crate) fn refuse_a_lost_log(&self) -> Result<(), StartError> {
        let known = self.data_dir.join(crate::log::IDENTITY).exists();
        if self.members.len() == 1 || !known || self.data_dir.join(crate::log::SEGMENTS).exists() {
            return Ok(());
        }
        Err(StartError::EmptyFolder { folder: self.data_dir.clone(), server: self.server })
    }

    pub(crate) fn raft_config(&self, identity: Identity) -> Result<Config, StartError> {
        let position = self.slot.unwrap_or_else(|| self.members.range(..self.server).count());
        let times = self.timers.times(position);
        let config = Config {
            cluster_name: identity.cluster.to_string(),
            heartbeat_interval: times.heartbeat,
            election_timeout_min: times.election_min,
            election_timeout_max: times.election_max,
            install_snapshot_timeout: 10_000,
            max_payload_entries: KEPT_FOR_FOLLOWERS,
            // Snapshots go by bytes and age, since an entry is anything from one command to thousands.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: if self.members.len() > 1 { KEPT_FOR_FOLLOWERS } else { 0 },
            ..Config::default()
        };
        config.validate().map_err(|error| StartError::Raft(error.to_string()))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("data_dir", &self.data_dir)
            .field("server", &self.server)
            .field("members", &self.members)
            .field("timers", &self.timers)
            .finish_non_exhaustive()
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The server is not in its own list of members.
    #[error(
        "server {server} is not among the members of its cluster\nhint: add its id and address to the list of members"
    )]
    NotAMember {
        /// The id in the settings.
        server: ServerId,
    },
    /// A member of a cluster came with an empty folder.
    #[error(
        "data folder `{}` is empty, but server {server} is a member of a cluster\n\
         hint: at the very first start of all servers, say that a cluster is to be formed; a server that has \
         lost its folder must be removed from the cluster and added again under a new id",
        folder.display()
    )]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
        /// The id in the settings.
        server: ServerId,
    },
    /// What is on disk cannot be replayed.
    #[error("cannot restore the state from the data folder: {0}")]
    Restore(Box<StorageError<ServerId>>),
    /// The consensus core refused.
    #[error("the consensus core does not start: {0}")]
    Raft(String),
}

impl From<StorageError<ServerId>> for StartError {
    fn from(error: StorageError<ServerId>) -> Self {
        Self::Restore(Box::new(error))
    }
}

impl From<Fatal<ServerId>> for StartError {
    fn from(error: Fatal<ServerId>) -> Self {
        match error {
            Fatal::StorageError(error) => error.into(),
            other => Self::Raft(other.to_string()),
        }
    }
}
