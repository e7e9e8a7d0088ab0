//! Many people and things at once, for the command line and the console: tables and files say what is wanted, the plan says
//! what is to be done for it. Pure: asks nobody and does nothing, so both make of the same file the same plan.

mod cells;
mod here;
mod plan;
mod read;
mod wanted;
mod write;

use std::collections::BTreeMap;

use grantor_api::directory::{Group, Role, Station, User};
use serde::Serialize;

pub use cells::Problem;
pub use plan::{Step, otherwise_default, plan};
pub use read::read;
pub use wanted::{
    Managed, Wanted, WantedGroup, WantedQueue, WantedRole, WantedSite, WantedStation, WantedUser,
};
pub use write::{Part, write};

/// The columns of a table, each named in its first line.
pub const COLUMNS: [&str; 22] = [
    "what",
    "name",
    "mail",
    "enabled",
    "default_user",
    "machine",
    "kind",
    "queue",
    "media",
    "application",
    "user",
    "group",
    "role",
    "station",
    "feature",
    "method",
    "own_number",
    "licenses_enabled",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
];

/// What there is in a tenant, each by its folded name.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Users.
    pub users: BTreeMap<String, User>,
    /// Stations.
    pub stations: BTreeMap<String, Station>,
    /// Groups and workgroups.
    pub groups: BTreeMap<String, Group>,
    /// Roles.
    pub roles: BTreeMap<String, Role>,
}

impl Current {
    /// What there is, of lists in any order.
    #[must_use]
    pub fn of(users: Vec<User>, stations: Vec<Station>, groups: Vec<Group>, roles: Vec<Role>) -> Self {
        Self {
            users: users.into_iter().map(|user| (fold(&user.name), user)).collect(),
            stations: stations.into_iter().map(|station| (fold(&station.name), station)).collect(),
            groups: groups.into_iter().map(|group| (fold(&group.name), group)).collect(),
            roles: roles.into_iter().map(|role| (fold(&role.name), role)).collect(),
        }
    }
}

/// A name without what does not tell it from another.
#[must_use]
pub fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// A word as the API spells it.
#[must_use]
pub fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Words as the API spells them, with commas between them.
#[must_use]
pub fn words(of: &[impl Serialize]) -> String {
    of.iter().map(word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
