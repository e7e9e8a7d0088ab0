//! Administration: bodies of `/v1/admin/…` other than status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Makes the first administrator: `POST /v1/admin/setup`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Setup {
    /// The single-use token that the server printed when it first started.
    pub setup_token: String,
    /// The administrator's name.
    pub name: String,
    /// 12 characters at least.
    pub password: String,
}

/// Signs somebody in who administers: `POST /v1/admin/login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Login {
    /// The person's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// A code from the person's telephone, or a spare one, where codes are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Everything, tokens included.
    Admin,
    /// Load, replace and remove license files; set policies.
    Licenses,
    /// Take grants away and end sessions.
    Release,
    /// See status, files and violations.
    Read,
    /// Open sessions where applications aren't let in freely.
    Checkout,
    /// Bring a new server into the cluster, once.
    Join,
    /// Change who may use what: users, stations, groups, roles, allocation.
    Allocate,
}

/// Makes a token: `POST /v1/admin/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// Unique among the living tokens.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Only for this tenant; for all if left out.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Of no use after so many seconds; never ends if left out.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
}

/// A token or a visit, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenMade {
    /// The token's name, or the person's.
    pub name: String,
    /// The secret, to be sent as `Authorization: Bearer …`.
    pub token: String,
    /// Of no use after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

/// A token as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Only for this tenant.
    pub tenant: Option<String>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Who made it.
    pub by: String,
    /// Of no use after this.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

/// What came of loading license files: `PUT /v1/admin/files/{name}` and `POST /v1/admin/reread`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Loaded {
    /// Files that were loaded or replaced.
    pub loaded: Vec<String>,
    /// Files that had not changed.
    pub unchanged: Vec<String>,
    /// Files that were removed.
    pub removed: Vec<String>,
    /// Capacity that changed.
    pub changes: Vec<CapacityChange>,
    /// What is wrong with lines that were not taken, one text each with file, line, column and hint.
    pub problems: Vec<String>,
    /// What is good to know and no problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A pool whose capacity changed; uncounted is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapacityChange {
    /// Whose.
    pub tenant: String,
    /// The feature.
    pub feature: String,
    /// Its version.
    pub version: String,
    /// Seats before.
    pub from: Option<u32>,
    /// Seats now.
    pub to: Option<u32>,
}

/// How one feature is granted: `PUT /v1/admin/policies/{tenant}/{feature}`. What is left out follows the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// Most seats that one session may hold.
    pub limit_per_client: Option<u32>,
    /// Most requests that may wait.
    pub queue_bound: Option<u32>,
    /// `keep`, `revoke-newest` or `revoke-oldest` when capacity shrinks below what is held.
    pub shrink: Option<String>,
}

/// Why an administrator takes something away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
pub struct Why {
    /// Told to the holder and kept in the log.
    pub reason: String,
}

/// What those who look after licenses were told lately: `GET /v1/admin/notices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notices {
    /// The newest first: the last 200, and those that wait.
    pub notices: Vec<Notice>,
}

/// Something that those who look after licenses are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Its number, given once.
    pub number: u64,
    /// When it came about.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// `ending`, `grace`, `ended`, `limit`, `violation`, `cleared`, `server-lost`, `server-back` or `test`.
    pub kind: String,
    /// Whose licenses it is about; nothing if it is about the servers.
    pub tenant: Option<String>,
    /// One line.
    pub subject: String,
    /// What it is, in detail, and what to do.
    pub text: String,
    /// Ways that it has yet to go, such as `mail ada@example.com`.
    pub waits_for: Vec<String>,
    /// Ways that it never went, and why.
    pub failed: std::collections::BTreeMap<String, String>,
}

/// Tries the ways of notices: `POST /v1/admin/notices/test`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestNotice {
    /// Whose notices; the server's own tenant if left out.
    #[serde(default)]
    pub tenant: Option<String>,
}
