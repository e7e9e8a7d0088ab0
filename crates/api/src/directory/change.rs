//! Changes of a tenant's directory, and what comes of them: `POST /v1/tenants/{tenant}/changes`.

use serde::{Deserialize, Serialize};

use super::{Medium, Method, Queue, StationKind};

/// Changes to be carried out in their order: all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// 1 to 10,000, with at most as many names in all; with `dry_run` 300,000.
    pub changes: Vec<Change>,
    /// Only say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

/// Whom a license is allocated to, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Holder {
    /// A user.
    User(String),
    /// A station.
    Station(String),
    /// Each who is a member of the group or workgroup now.
    Members(String),
}

const fn yes() -> bool {
    true
}

/// One change. Names are compared without case and without blanks around them.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Change {
    /// A new user; a default user consumes nothing by role.
    AddUser {
        name: String,
        #[serde(default)]
        mail: Option<String>,
        #[serde(default = "yes")]
        enabled: bool,
        #[serde(default)]
        default_user: bool,
    },
    /// Enable a user, who then consumes what the user's roles ask for.
    EnableUser { user: String },
    /// Disable a user: ends the user's sessions and frees what roles consume.
    DisableUser { user: String },
    /// Give a user another name.
    RenameUser { user: String, name: String },
    /// Set where notices to a user go.
    SetMail { user: String, mail: Option<String> },
    /// Delete a user: ends the user's sessions and frees everything.
    RemoveUser { user: String },
    /// Grant or take the right to log on with a telephone number of one's own.
    SetOwnNumber { user: String, granted: bool },
    /// Choose the interaction types that a user receives.
    SetMedia { user: String, media: Vec<Medium> },
    /// A new group; with a queue, a workgroup.
    AddGroup {
        name: String,
        #[serde(default)]
        queue: Option<Queue>,
        #[serde(default)]
        media: Vec<Medium>,
    },
    /// Change a workgroup's queue.
    SetQueue { group: String, queue: Option<Queue>, media: Vec<Medium> },
    /// Give a group another name.
    RenameGroup { group: String, name: String },
    /// Delete a group.
    RemoveGroup { group: String },
    /// Put users into a group: all of them or, if a license falls short, none.
    AddMembers { group: String, users: Vec<String> },
    /// Take users out of a group.
    RemoveMembers { group: String, users: Vec<String> },
    /// Take everybody out of a group.
    EmptyGroup { group: String },
    /// A new role, or another application for one: the feature that it consumes, if any.
    DefineRole {
        role: String,
        #[serde(default)]
        application: Option<String>,
    },
    /// Delete a role, and take it from everybody.
    RemoveRole { role: String },
    /// Assign a role to a user.
    AssignRole { role: String, user: String },
    /// Take a role from a user.
    WithdrawRole { role: String, user: String },
    /// Assign a role to a group: one license for each member, or nothing.
    AssignGroupRole { role: String, group: String },
    /// Take a role from a group.
    WithdrawGroupRole { role: String, group: String },
    /// A new station.
    AddStation {
        name: String,
        machine: String,
        #[serde(default)]
        kind: StationKind,
        #[serde(default = "yes")]
        enabled: bool,
    },
    /// Change what a station is.
    SetStation { station: String, machine: String, kind: StationKind, enabled: bool },
    /// Give a station another name; who is logged on stays so.
    RenameStation { station: String, name: String },
    /// Delete a station: ends the log-on at it and frees its licenses.
    RemoveStation { station: String },
    /// Allocate an access license: to all of these or, if it falls short, to none.
    License {
        feature: String,
        #[serde(default)]
        method: Method,
        to: Vec<Holder>,
    },
    /// Take an access license away.
    Unlicense { feature: String, from: Vec<Holder> },
    /// Switch all of a user's access licenses to the other method.
    SetMethod { user: String, method: Method },
    /// "Enable Licenses": off keeps the settings and frees the seats.
    EnableLicenses { of: Holder, enabled: bool },
    /// Set by which id an identity provider or a directory service knows a user; left out = by none. One user's only.
    SetExternalId {
        user: String,
        #[serde(default)]
        external_id: Option<String>,
    },
    /// The same for a group.
    SetGroupExternalId {
        group: String,
        #[serde(default)]
        external_id: Option<String>,
    },
    /// Set how a user is called; what is left out is not known.
    SetPersonNames {
        user: String,
        #[serde(default)]
        display_name: Option<String>,
        #[serde(default)]
        given_name: Option<String>,
        #[serde(default)]
        family_name: Option<String>,
    },
}

/// What came of changes, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many changes there were.
    pub changes: u32,
    /// What an administrator should see to; a hundred at most.
    pub warnings: Vec<Warning>,
    /// Features whose use is another than before. Without `dry_run`, what others changed at the same moment shows, too.
    pub allocation: Vec<Difference>,
}

/// What became of one feature in one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// The feature as its line spells it.
    pub feature: String,
    /// `assignable`, `concurrent` or `role`.
    pub model: String,
    /// Seats purchased; left out if uncounted.
    pub allowed: Option<u32>,
    /// Configured before; for roles, what is consumed.
    pub configured_before: u32,
    /// Configured after.
    pub configured_after: u32,
    /// Seats out before.
    pub in_use_before: u32,
    /// Seats out after.
    pub in_use_after: u32,
}

/// What an administrator should see to. Nothing was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// `needs-basic-station`, `media-limited` or `no-acd-access`.
    pub kind: String,
    /// The user or the station that it is about.
    pub about: String,
    /// The workgroup, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workgroup: Option<String>,
    /// The interaction types that are not received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Medium>,
    /// The same in a sentence, and what to do.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_by_its_name_and_a_mistyped_field_is_refused() {
        let text = r#"{"change":"license","feature":"acd","to":[{"user":"ann"},{"members":"sales"}]}"#;
        let to = vec![Holder::User("ann".to_owned()), Holder::Members("sales".to_owned())];
        let license = Change::License { feature: "acd".to_owned(), method: Method::Assignable, to };
        assert_eq!(serde_json::from_str::<Change>(text).unwrap(), license);
        let mistyped = r#"{"change":"add-user","name":"ann","enalbed":false}"#;
        assert!(serde_json::from_str::<Change>(mistyped).unwrap_err().to_string().contains("enalbed"));
    }
}
