//! Sessions: bodies of `/v1/sessions`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checkout::{Grant, Waiting};
use crate::id::HexId;
use crate::problem::Problem;

/// Opens a session, or finds it again: `POST /v1/sessions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenSession {
    /// Chosen at random by the application, so that a repeated request finds the same session; the server chooses if it
    /// is left out.
    pub session: Option<HexId>,
    /// Whose licenses; `default` if left out.
    pub tenant: Option<String>,
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Display, terminal or instance.
    pub display: String,
    /// The application's own name.
    pub application: String,
    /// Process number; 0 if unknown.
    pub process: u32,
    /// Wished seconds between signs of life; the server's default if left out.
    pub heartbeat_seconds: Option<u32>,
    /// What the machine can show for lines locked to one: host ids as `grantor hostid` prints them.
    pub host_ids: Vec<String>,
    /// The application's instance, such as a container's name: a session of the same tenant, application and instance ends,
    /// and this one takes over what it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// An open session: answer to `POST`, `PUT` and `GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id. Whoever knows it may act for the session.
    pub session: HexId,
    /// A sign of life is due within so many seconds.
    pub heartbeat_seconds: u32,
    /// Whether it was open before this request.
    pub resumed: bool,
    /// The server's time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub now: Timestamp,
    /// What it holds.
    pub grants: Vec<Grant>,
    /// Where it waits.
    pub waiting: Vec<Waiting>,
    /// The servers of the cluster as `host:port`: each takes any request of this session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// The one among them that leads: asking it first saves a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Answer to `POST` only: the key in base64 that binds answers to this session's requests (`Grantor-Answer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_key: Option<String>,
}

/// What a session is told over `GET /v1/sessions/{id}/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Notice {
    /// It was its turn in the queue.
    Granted {
        /// Its place in the queue.
        ticket: u64,
        /// What it got.
        grant: Grant,
    },
    /// A request left the queue with nothing.
    Dequeued {
        /// Its place in the queue.
        ticket: u64,
        /// The feature it waited for.
        feature: String,
        /// Why, in words.
        reason: String,
    },
    /// Seats were taken away.
    Revoked {
        /// The grant's number.
        grant: u64,
        /// Its feature.
        feature: String,
        /// Why, in words.
        reason: String,
    },
    /// The session is over.
    Ended {
        /// Why, in words.
        reason: String,
    },
    /// Notices may have been missed: look at the session again.
    Missed,
}

/// Answer to a sign of life: `PUT /v1/sessions/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alive {
    /// The next is due within so many seconds.
    pub heartbeat_seconds: u32,
    /// The server's time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub now: Timestamp,
    /// What happened since the last one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// Signs of life of several sessions at once: `POST /v1/sessions/alive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignsOfLife {
    /// Which sessions; 1000 at most.
    pub sessions: Vec<HexId>,
}

/// Answer to signs of life of several sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllAlive {
    /// The server's time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub now: Timestamp,
    /// One for each session, in the order of the request.
    pub sessions: Vec<OneAlive>,
}

/// What one session is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OneAlive {
    /// Which.
    pub session: HexId,
    /// The next sign of life is due within so many seconds; 0 if there is no such session.
    #[serde(default)]
    pub heartbeat_seconds: u32,
    /// What happened since the last one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// What is wrong: there is no such session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
