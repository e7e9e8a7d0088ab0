//! What `grantor stat` and dashboards see: `GET /v1/admin/status`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The whole of a server and its site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// The server that answers.
    pub server: Server,
    /// The site's time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub now: Timestamp,
    /// The loaded license files.
    pub files: Vec<File>,
    /// The loaded features, by tenant and name.
    pub features: Vec<Feature>,
    /// The standing violations.
    pub violations: Vec<Violation>,
    /// How many sessions are open.
    pub sessions: u64,
    /// How many grants are out.
    pub grants: u64,
}

/// The server that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Server {
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Version of the program.
    pub version: String,
    /// `leader`, `follower`, `candidate`.
    pub role: String,
    /// When it started.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started: Timestamp,
    /// The entry applied last.
    pub applied: u64,
    /// Bytes of log behind the last snapshot.
    pub log_bytes: u64,
    /// The time zone in which days end.
    pub zone: String,
}

/// A loaded license file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct File {
    /// Whose.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
    /// How many of its lines give capacity, now or at another time.
    pub lines: u32,
    /// Its orders.
    pub licenses: Vec<License>,
}

/// A `LICENSE` line of a loaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct License {
    /// License reference number.
    pub lrn: String,
    /// Whose.
    pub customer: String,
    /// `OK`, `NOT_ACTIVATED`, `EXPIRED` …
    pub state: String,
}

/// A feature, all its pools together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Feature {
    /// Whose.
    pub tenant: String,
    /// Its name, as its line spells it.
    pub feature: String,
    /// Seats bought and in force; left out if uncounted.
    pub capacity: Option<u32>,
    /// Seats that are out.
    pub in_use: u32,
    /// Its pools, in serving order.
    pub pools: Vec<Pool>,
    /// Who waits, in order.
    pub queue: Vec<Queued>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pool {
    /// The publisher.
    pub publisher: String,
    /// The lines' version.
    pub version: String,
    /// `floating`, `uncounted` …
    pub model: String,
    /// Seats bought and in force; left out if uncounted.
    pub capacity: Option<u32>,
    /// Seats beyond these.
    pub overdraft: u32,
    /// Seats that are out.
    pub in_use: u32,
    /// The first instant at which a line behind it no longer works.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ends: Option<Timestamp>,
    /// What its lines are locked to.
    pub locked_to: Vec<String>,
    /// The publisher's text.
    pub vendor_string: Option<String>,
    /// Who holds seats, the one who has held longest first; so many as were asked for.
    pub holders: Vec<Holding>,
}

/// A grant that is out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Holding {
    /// Its number, for `grantor remove`.
    pub grant: u64,
    /// User, as claimed.
    pub user: String,
    /// Host, as claimed.
    pub host: String,
    /// Display, as claimed.
    pub display: String,
    /// The application's own name.
    pub application: String,
    /// Process number; 0 if unknown.
    pub process: u32,
    /// The version asked for.
    pub version: String,
    /// How many seats.
    pub count: u32,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// A hold window runs until then; the holder has let go.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub held_until: Option<Timestamp>,
    /// It is borrowed until then; whatever becomes of its session.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub borrowed_until: Option<Timestamp>,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    /// The place.
    pub ticket: u64,
    /// User, as claimed.
    pub user: String,
    /// Host, as claimed.
    pub host: String,
    /// Display, as claimed.
    pub display: String,
    /// The version asked for.
    pub version: String,
    /// The fewest seats that would do.
    pub count: u32,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

/// A standing breach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// Its number, for `POST /v1/admin/violations/{number}/clear`.
    pub number: u64,
    /// The violation type, as log event 07100 spells it.
    pub kind: String,
    /// Whose, if it is a tenant's.
    pub tenant: Option<String>,
    /// The feature, if it is one's.
    pub feature: Option<String>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}
