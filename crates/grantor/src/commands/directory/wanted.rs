//! The state that a file wants: of `grantor apply` and, without anything to be taken away, of `grantor import`. Reads
//! files; compares nothing. What is left out is not managed.

use std::collections::BTreeMap;

use grantor_api::directory::{Medium, Method, Queue, StationKind};
use serde::Deserialize;

/// A whole `site.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedSite {
    #[serde(default)]
    pub(super) tenants: Vec<Wanted>,
    /// Minutes by license type; 0 = it doesn't disconnect.
    #[serde(default)]
    pub(super) disconnects: BTreeMap<String, u32>,
}

/// What may be removed when the file doesn't name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Managed {
    Users,
    Stations,
    Groups,
    Roles,
}

/// The wanted state of one tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// Kinds of which the file names all there shall be.
    #[serde(default)]
    pub(super) manage: Vec<Managed>,
    #[serde(default)]
    pub(super) users: Vec<WantedUser>,
    #[serde(default)]
    pub(super) stations: Vec<WantedStation>,
    #[serde(default)]
    pub(super) groups: Vec<WantedGroup>,
    #[serde(default)]
    pub(super) roles: Vec<WantedRole>,
    /// Lists only add to what there is, as a table's lines do.
    #[serde(skip)]
    pub(super) only_adds: bool,
}

/// A user; what is left out stays as it is, or is the usual for a new one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedUser {
    pub(super) name: String,
    pub(super) mail: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) default_user: Option<bool>,
    pub(super) own_number: Option<bool>,
    pub(super) method: Option<Method>,
    pub(super) media: Option<Vec<Medium>>,
    pub(super) licenses: Option<Vec<String>>,
    /// "Enable Licenses".
    pub(super) licenses_enabled: Option<bool>,
    pub(super) roles: Option<Vec<String>>,
    /// By which id an identity provider or a directory service knows the user; empty for none, as below.
    pub(super) external_id: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
}

/// A station.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedStation {
    pub(super) name: String,
    pub(super) machine: Option<String>,
    pub(super) kind: Option<StationKind>,
    pub(super) enabled: Option<bool>,
    pub(super) licenses: Option<Vec<String>>,
    /// "Enable Licenses".
    pub(super) licenses_enabled: Option<bool>,
}

/// A group or workgroup.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedGroup {
    pub(super) name: String,
    pub(super) queue: Option<Queue>,
    pub(super) media: Option<Vec<Medium>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) members: Option<Vec<String>>,
    pub(super) external_id: Option<String>,
}

/// A role.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedRole {
    pub(super) name: String,
    /// The feature that it consumes; empty for none.
    pub(super) application: Option<String>,
}
