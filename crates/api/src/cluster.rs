//! Several servers as one: `GET /v1/admin/cluster` and what changes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The cluster as the answering server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cluster {
    /// The cluster's id, which is the registration key.
    pub cluster: String,
    /// Number of the server that answers.
    pub server: u64,
    /// Number of the leader, if a majority has one.
    pub leader: Option<u64>,
    /// How many servers have a vote.
    pub voters: u32,
    /// How many of them are needed.
    pub majority: u32,
    /// Whether the cluster grants: a leader with a majority behind it answers.
    pub serves: bool,
    /// Every server.
    pub servers: Vec<Member>,
}

/// One server of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// Its number, never used again.
    pub server: u64,
    /// Where it is reached.
    pub address: String,
    /// Whether it has a vote yet.
    pub votes: bool,
    /// What it says of itself; left out if it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
    /// What came instead of an answer, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<String>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Own {
    /// Its host name.
    pub host: String,
    /// Version of the program.
    pub version: String,
    /// `leader`, `follower`, `candidate`, `learner` or `stopped`.
    pub role: String,
    /// Number of the leader that it knows of.
    pub leader: Option<u64>,
    /// The entry that it has applied last.
    pub applied: u64,
    /// SHA-256 of its state after that entry, in hex: equal on every server that has applied as much.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Milliseconds that its last write to disk took.
    pub last_write_ms: u64,
    /// When it started.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started: Timestamp,
    /// The level of commands that it knows. What is newer than the lowest of all servers waits until that one is upgraded.
    #[serde(default)]
    pub level: u16,
    /// How its license files differ from what is loaded, in words; left out if they don't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_files: Option<String>,
}

/// What kind of join token is wanted: `POST /v1/admin/cluster/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewJoinToken {
    /// For the second server of a switchover pair: it follows, has no vote, and takes over by hand.
    pub backup: bool,
}

/// A join token: `POST /v1/admin/cluster/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinTokenMade {
    /// For the new server; shown this once, of use once.
    pub token: String,
    /// Of no use after this.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

/// Hands the lead over: `POST /v1/admin/cluster/transfer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transfer {
    /// Number of the server that is to lead; any that is up to date if left out.
    pub to: Option<u64>,
}
