//! Checkouts: bodies of `/v1/sessions/{id}/checkouts` and of `/v1/checkouts` for scripts.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::HexId;

/// Asks for seats of one feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckOut {
    /// The asker's name for this request: the same one again never takes twice.
    pub request: Option<HexId>,
    /// The feature; compared without case.
    pub feature: String,
    /// The application's version, such as `8.1`; that of the first line of the feature if left out.
    pub version: String,
    /// Just so many; 1 if nothing else is said.
    pub count: Option<u32>,
    /// As many as there are, up to this.
    pub up_to: Option<u32>,
    /// All that are left.
    pub all: bool,
    /// With `up_to` or `all`: fewer than these are of no use; 1 if left out.
    pub at_least: Option<u32>,
    /// Wait in line for so many seconds when there are none left.
    pub queue_seconds: Option<u32>,
    /// Data for lines with `DUP_GROUP=V`: two servers of a redundant pair give the same.
    pub share: Option<String>,
    /// A lease that holds the seats already: they are taken from it, and go back to it while it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<HexId>,
}

/// Seats that were granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grant {
    /// Its number.
    pub grant: u64,
    /// The feature as its line spells it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub feature: Arc<str>,
    /// The publisher of the line.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub publisher: Arc<str>,
    /// The version of the line.
    pub version: String,
    /// How many seats.
    pub count: u32,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Whether seats beyond the bought count were needed.
    pub overdraft: bool,
    /// A minimal license document with the signed line; the SDK verifies it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub proof: Arc<str>,
}

/// A place in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// Its number; the notice that grants it names it.
    pub ticket: u64,
    /// The feature it waits for.
    pub feature: String,
    /// How many requests stand before it.
    pub ahead: u32,
}

/// Answer to a checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckedOut {
    /// One for each pool that seats came from; empty while the request waits.
    pub grants: Vec<Grant>,
    /// The request waits in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// Answer to giving a grant back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckedIn {
    /// A hold window keeps the seats out until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub held_until: Option<Timestamp>,
}

/// A checkout with an end, for scripts: `POST /v1/checkouts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenLease {
    /// Chosen at random by the script, so that a repeated request takes only once.
    #[serde(default)]
    pub lease: Option<HexId>,
    /// Whose licenses; `default` if left out.
    #[serde(default)]
    pub tenant: Option<String>,
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// The application's own name.
    #[serde(default)]
    pub application: String,
    /// Seconds until it ends, unless renewed.
    pub ttl_seconds: u32,
    /// What is wanted.
    pub checkout: CheckOut,
}

/// Moves a lease's end: `PUT /v1/checkouts/{lease}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RenewLease {
    /// Seconds from now.
    pub ttl_seconds: u32,
}

/// A checkout with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// Its id. Whoever knows it may renew it and give it back.
    pub lease: HexId,
    /// Its end, unless renewed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// What it holds.
    pub grants: Vec<Grant>,
}
