//! What the directory can be told. Durable, as [`crate::command`] is: variants are only ever appended, and what one
//! carries never changes. Nothing here acts.

use serde::{Deserialize, Serialize};

use crate::ids::{GroupId, UserId};

use super::allocate::Method;
use super::media::Media;

/// What a station is (seed 002, "Basic Station License" and "Configure Remote Stations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StationKind {
    /// A computer with a telephone.
    Workstation,
    /// The same, with a telephone that the system manages.
    ManagedWorkstation,
    /// A telephone without a computer.
    StandAlonePhone,
    /// A fax machine: it needs no audio.
    StandAloneFax,
    /// A fixed telephone number outside.
    ConfiguredRemote,
    /// A SIP device, wherever it stands; licensed as a workstation.
    SipWorkstation,
}

impl StationKind {
    /// Whether people log on at it.
    #[must_use]
    pub const fn takes_log_on(self) -> bool {
        !matches!(self, Self::StandAlonePhone | Self::StandAloneFax)
    }

    /// Whether it is of no use without audio.
    #[must_use]
    pub const fn needs_audio(self) -> bool {
        !matches!(self, Self::StandAloneFax)
    }
}

/// How a workgroup hands out interactions (seed 002, "ACD Workgroup Queues").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    /// By automatic distribution.
    Acd,
    /// One member after the other.
    HuntGroup,
    /// All members at once.
    SimultaneousRing,
}

/// Whom a license is allocated to, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolderName {
    /// A user.
    User(Box<str>),
    /// A station.
    Station(Box<str>),
    /// Each who is a member of the group or workgroup now.
    Members(Box<str>),
}

/// One change of a tenant's directory. Names are compared without case and without blanks around them.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new user, enabled or not; a default user consumes nothing by role.
    AddUser { name: Box<str>, mail: Option<Box<str>>, is_enabled: bool, is_default: bool },
    /// Enable a user, who then consumes what the user's roles ask for.
    EnableUser { user: Box<str> },
    /// Disable a user: ends the user's sessions and frees what roles consume.
    DisableUser { user: Box<str> },
    /// Give a user another name.
    RenameUser { user: Box<str>, name: Box<str> },
    /// Set where notices to a user go.
    SetMail { user: Box<str>, mail: Option<Box<str>> },
    /// Delete a user: ends the user's sessions and frees everything.
    RemoveUser { user: Box<str> },
    /// Grant or take the right to log on with a telephone number of one's own.
    SetOwnNumber { user: Box<str>, is_granted: bool },
    /// Choose the interaction types that a user receives.
    SetMedia { user: Box<str>, media: Media },
    /// A new group; with a queue, a workgroup.
    AddGroup { name: Box<str>, queue: Option<Queue>, media: Media },
    /// Change a workgroup's queue.
    SetQueue { group: Box<str>, queue: Option<Queue>, media: Media },
    /// Give a group another name.
    RenameGroup { group: Box<str>, name: Box<str> },
    /// Delete a group.
    RemoveGroup { group: Box<str> },
    /// Put users into a group: all of them or, if a license falls short, none.
    AddMembers { group: Box<str>, users: Vec<Box<str>> },
    /// Take users out of a group.
    RemoveMembers { group: Box<str>, users: Vec<Box<str>> },
    /// Take everybody out of a group.
    EmptyGroup { group: Box<str> },
    /// A new role, or another application for one: the feature that it consumes, if any.
    DefineRole { role: Box<str>, application: Option<Box<str>> },
    /// Delete a role, and take it from everybody.
    RemoveRole { role: Box<str> },
    /// Assign a role to a user.
    AssignRole { role: Box<str>, user: Box<str> },
    /// Take a role from a user.
    WithdrawRole { role: Box<str>, user: Box<str> },
    /// Assign a role to a group: one license for each member, or nothing.
    AssignGroupRole { role: Box<str>, group: Box<str> },
    /// Take a role from a group.
    WithdrawGroupRole { role: Box<str>, group: Box<str> },
    /// A new station.
    AddStation { name: Box<str>, machine: Box<str>, kind: StationKind, is_enabled: bool },
    /// Change what a station is.
    SetStation { station: Box<str>, machine: Box<str>, kind: StationKind, is_enabled: bool },
    /// Give a station another name; who is logged on stays so.
    RenameStation { station: Box<str>, name: Box<str> },
    /// Delete a station: ends the log-on at it and frees its licenses.
    RemoveStation { station: Box<str> },
    /// Allocate an access license: to all of these or, if it falls short, to none.
    License { feature: Box<str>, method: Method, to: Vec<HolderName> },
    /// Take an access license away.
    Unlicense { feature: Box<str>, from: Vec<HolderName> },
    /// Switch all of a user's access licenses to the other method.
    SetMethod { user: Box<str>, method: Method },
    /// "Enable Licenses": off keeps the settings and frees the seats.
    EnableLicenses { of: HolderName, is_enabled: bool },
    /// Set by which id an identity provider knows a user; blank or `None` = by none.
    SetExternalId { user: Box<str>, id: Option<Box<str>> },
    /// The same for a group.
    SetGroupExternalId { group: Box<str>, id: Option<Box<str>> },
    /// Set how a user is called; blank or `None` = not known.
    SetPersonNames {
        user: Box<str>,
        display: Option<Box<str>>,
        given: Option<Box<str>>,
        family: Option<Box<str>>,
    },
    /// Changes nothing: refuses the batch unless the name is still this user's and, with a version, the user as it was.
    ExpectUser { user: Box<str>, number: UserId, version: Option<u64> },
    /// The same of a group.
    ExpectGroup { group: Box<str>, number: GroupId, version: Option<u64> },
    /// Take users out of a group and put others in, by number: whatever they are called by now.
    ChangeMembers { group: Box<str>, add: Vec<UserId>, remove: Vec<UserId> },
}
