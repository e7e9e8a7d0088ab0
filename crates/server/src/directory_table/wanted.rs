//! The state that a file wants: of `grantor apply` and, without anything to be taken away, of a table. Reads files;
//! compares nothing. What is left out is not managed.

use std::collections::BTreeMap;

use grantor_api::directory::{Medium, Method, Queue, StationKind};
use serde::Deserialize;

/// A whole `site.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedSite {
    /// Its tenants.
    #[serde(default)]
    pub tenants: Vec<Wanted>,
    /// Minutes by license type; 0 = it doesn't disconnect.
    #[serde(default)]
    pub disconnects: BTreeMap<String, u32>,
}

/// What may be removed when the file doesn't name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Managed {
    /// All but default users.
    Users,
    /// All stations.
    Stations,
    /// Groups and workgroups.
    Groups,
    /// All roles.
    Roles,
}

/// The wanted state of one tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Kinds of which the file names all there shall be.
    #[serde(default)]
    pub manage: Vec<Managed>,
    /// Its users.
    #[serde(default)]
    pub users: Vec<WantedUser>,
    /// Its stations.
    #[serde(default)]
    pub stations: Vec<WantedStation>,
    /// Its groups and workgroups.
    #[serde(default)]
    pub groups: Vec<WantedGroup>,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<WantedRole>,
    /// Lists only add to what there is, as a table's lines do.
    #[serde(skip)]
    pub only_adds: bool,
}

/// A user; what is left out stays as it is, or is the usual for a new one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedUser {
    /// Its name.
    pub name: String,
    /// Where notices go; empty for nowhere.
    pub mail: Option<String>,
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// One of the product's own; said when the user is made.
    pub default_user: Option<bool>,
    /// The right to log on with a number of one's own.
    pub own_number: Option<bool>,
    /// How access licenses are allocated.
    pub method: Option<Method>,
    /// Interaction types.
    pub media: Option<Vec<Medium>>,
    /// Access licenses.
    pub licenses: Option<Vec<String>>,
    /// "Enable Licenses".
    pub licenses_enabled: Option<bool>,
    /// Roles.
    pub roles: Option<Vec<String>>,
    /// By which id an identity provider or a directory service knows the user; empty for none, as below.
    pub external_id: Option<String>,
    /// What the user is called.
    pub display_name: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
}

/// A station.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedStation {
    /// Its name.
    pub name: String,
    /// Licensed machine name; a new station's own name if left out.
    pub machine: Option<String>,
    /// What it is.
    pub kind: Option<StationKind>,
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// Access licenses.
    pub licenses: Option<Vec<String>>,
    /// "Enable Licenses".
    pub licenses_enabled: Option<bool>,
}

/// A workgroup's queue, or that it shall be none: a group of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedQueue {
    /// No queue.
    None,
    /// By automatic distribution.
    Acd,
    /// One member after the other.
    HuntGroup,
    /// All members at once.
    SimultaneousRing,
}

impl WantedQueue {
    pub(super) const fn queue(self) -> Option<Queue> {
        match self {
            Self::None => None,
            Self::Acd => Some(Queue::Acd),
            Self::HuntGroup => Some(Queue::HuntGroup),
            Self::SimultaneousRing => Some(Queue::SimultaneousRing),
        }
    }
}

/// A group or workgroup.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedGroup {
    /// Its name.
    pub name: String,
    /// Its queue, or `none`.
    pub queue: Option<WantedQueue>,
    /// Interaction types.
    pub media: Option<Vec<Medium>>,
    /// Roles.
    pub roles: Option<Vec<String>>,
    /// Names of users.
    pub members: Option<Vec<String>>,
    /// By which id an identity provider or a directory service knows the group; empty for none.
    pub external_id: Option<String>,
}

/// A role.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedRole {
    /// Its name.
    pub name: String,
    /// The feature that it consumes; empty for none.
    pub application: Option<String>,
}
