//! Who may use what: bodies of `/v1/tenants/{tenant}/…`. Plain data, as everything that crosses the network.

mod change;
mod logon;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use change::{Change, Changed, Changes, Difference, Holder, Warning};
pub use logon::{LogOn, LoggedOn, ModuleOpened, OpenModule};

/// How a user's access licenses are allocated, all in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Method {
    /// Taken at once, logged on or not.
    #[default]
    Assignable,
    /// Taken at the log-on, given back at the log-off.
    Concurrent,
}

/// An interaction type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Medium {
    /// Calls and callbacks.
    Call,
    /// Chats.
    Chat,
    /// E-mail.
    Email,
    /// Everything else.
    Generic,
}

/// How a workgroup hands out interactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Queue {
    /// By automatic distribution.
    Acd,
    /// One member after the other.
    HuntGroup,
    /// All members at once.
    SimultaneousRing,
}

/// What a station is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StationKind {
    /// A computer with a telephone.
    #[default]
    Workstation,
    /// The same, with a telephone that the system manages.
    ManagedWorkstation,
    /// A telephone without a computer.
    StandAlonePhone,
    /// A fax machine: it needs no audio.
    StandAloneFax,
    /// A fixed telephone number outside.
    ConfiguredRemote,
    /// A SIP device, licensed as a workstation.
    SipWorkstation,
}

/// One page of a list, in the order of names without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Ask with this as `after` for what follows; left out on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The settings of a holder's "Licensing" page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Licensing {
    /// "Enable Licenses": if not, the settings stay and no seat is held.
    pub enabled: bool,
    /// How they are allocated; a station's are always assignable.
    pub method: Method,
    /// The access licenses that are configured, as their lines spell them.
    pub features: Vec<String>,
    /// Those of them whose seats are held now.
    pub held: Vec<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// As entered.
    pub name: String,
    /// Where notices go.
    pub mail: Option<String>,
    /// Whether the user may work.
    pub enabled: bool,
    /// One of the product's own users, who consume nothing by role.
    pub default_user: bool,
    /// The right to log on with a telephone number of one's own.
    pub own_number: bool,
    /// The access licenses.
    pub licensing: Licensing,
    /// The interaction types chosen for the ACD level.
    pub media: Vec<Medium>,
    /// The interaction types that the user receives now.
    pub receives: Vec<Medium>,
    /// Groups and workgroups.
    pub groups: Vec<String>,
    /// Roles assigned directly.
    pub roles: Vec<String>,
    /// Features of the applications that the user consumes a license of, by roles.
    pub consumes: Vec<String>,
    /// Where the user works; left out if the user doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<Presence>,
    /// By which id an identity provider or a directory service knows the user; compared with case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How the user is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
}

/// Somebody who works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Presence {
    /// Who.
    pub user: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The computer of the log-on; empty without one.
    pub host: String,
    /// The station; left out if only modules are open, or at a number.
    pub station: Option<String>,
    /// The telephone number of a dynamic remote station.
    pub number: Option<String>,
    /// How many sessions use the user's licenses.
    pub sessions: u32,
}

/// A station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Station {
    /// As entered.
    pub name: String,
    /// "Licensed Machine Name", unique.
    pub machine: String,
    /// What it is.
    pub kind: StationKind,
    /// Whether it is in use at all.
    pub enabled: bool,
    /// The access licenses.
    pub licensing: Licensing,
    /// Who is logged on at it.
    pub user: Option<String>,
}

/// A group; with a queue, a workgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// As entered.
    pub name: String,
    /// How it hands out interactions.
    pub queue: Option<Queue>,
    /// The interaction types of its queue.
    pub media: Vec<Medium>,
    /// The roles that its members have.
    pub roles: Vec<String>,
    /// How many members it has.
    pub size: u32,
    /// By which id an identity provider or a directory service knows the group; compared with case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Role {
    /// As entered.
    pub name: String,
    /// The feature that it consumes; left out if it needs no license.
    pub application: Option<String>,
}

/// A line of the allocation table. Counts of seats; left out = uncounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllocationRow {
    /// The feature as its line spells it.
    pub feature: String,
    /// Assignable licenses purchased.
    pub assignable_allowed: Option<u32>,
    /// Assignable licenses configured.
    pub assignable_configured: u32,
    /// Assignable licenses that are out.
    pub assignable_in_use: u32,
    /// Concurrent licenses purchased.
    pub concurrent_allowed: Option<u32>,
    /// Concurrent licenses configured; may be more than were purchased.
    pub concurrent_configured: u32,
    /// Concurrent licenses that are out.
    pub concurrent_in_use: u32,
    /// What is to be noted; empty if nothing is.
    pub notes: String,
}

/// Somebody who holds a seat beyond what was purchased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Beyond {
    /// The feature.
    pub feature: String,
    /// Who holds it: a user's or a station's name.
    pub holder: String,
    /// How many seats.
    pub count: u32,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The grant's number.
    pub grant: u64,
}

/// How often interactions disconnect under a license type: `PUT /v1/admin/disconnects/{type}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disconnect {
    /// Minutes, 1 to 1440; left out or 0 = they don't.
    pub minutes: Option<u32>,
}

/// A license type that disconnects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disconnecting {
    /// The license type, in lower case.
    pub license_type: String,
    /// Minutes.
    pub minutes: u32,
}
