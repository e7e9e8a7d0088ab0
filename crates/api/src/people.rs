//! The people who administer a site: bodies of `/v1/admin/people` and of what a person does alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Does everything, people and tokens included.
    Administrator,
    /// Loads, replaces and removes license files; sets policies.
    ManageLicenses,
    /// Gives licenses to users, stations and roles.
    Allocate,
    /// Takes seats back, ends sessions, dismisses violations.
    Release,
    /// Looks.
    Read,
}

/// A role, and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Post {
    /// The role.
    pub role: Role,
    /// Only for this tenant; for all, and for what concerns the whole site, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// Lets somebody in: `POST /v1/admin/people`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPerson {
    /// What the person signs in with; a mail address lets an OpenID Connect provider vouch for the person by it.
    pub name: String,
    /// What the person is called; the same if left out.
    #[serde(default)]
    pub display_name: String,
    /// What the person may do: one role at least.
    pub roles: Vec<Post>,
}

/// Changes somebody: `PUT /v1/admin/people/{name}`. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedPerson {
    /// What the person is called.
    pub display_name: Option<String>,
    /// What the person may do. Other roles than before end the person's visits.
    pub roles: Option<Vec<Post>>,
}

/// An invitation, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Whose.
    pub name: String,
    /// The secret, for `grantor person accept` or `POST /v1/admin/invitation`.
    pub invitation: String,
    /// The page where the person chooses a password.
    pub link: String,
    /// Of no use after this.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

/// Takes an invitation: `POST /v1/admin/invitation`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Accept {
    /// Its secret.
    pub invitation: String,
    /// The new password: 12 characters at least, and hard to guess.
    pub password: String,
}

/// Changes one's own password: `PUT /v1/admin/me/password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPassword {
    /// The present one.
    pub now: String,
    /// The new one: 12 characters at least, and hard to guess.
    pub password: String,
}

/// Somebody who administers, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonInfo {
    /// What the person signs in with.
    pub name: String,
    /// What the person is called.
    pub display_name: String,
    /// What the person may do.
    pub roles: Vec<Post>,
    /// When the person was entered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Whether the person has a password.
    pub has_password: bool,
    /// Whether the person shows a code beside the password.
    pub has_codes: bool,
    /// How many passkeys the person has.
    pub passkeys: u32,
    /// The OpenID Connect issuers who vouch for the person.
    pub accounts: Vec<String>,
    /// Until when the person's invitation is of use, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub invited_until: Option<Timestamp>,
    /// The person's visits that go on.
    pub visits: Vec<VisitInfo>,
}

/// A visit of a person, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VisitInfo {
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it ends at the latest.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// How the person showed who they are.
    pub means: String,
    /// The address from where.
    pub from: String,
}
