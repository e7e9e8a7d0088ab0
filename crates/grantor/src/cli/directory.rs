//! The command line of who may use what: `grantor user`, `station`, `group`, `role`, `allocate`, `import`, `export`, `apply`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use grantor_api::directory::{Medium, Method, Queue, StationKind};

use super::AtServer;
use super::ldap::ImportFrom;

/// Which server, whose directory, and how to answer.
#[derive(Args, Clone)]
pub(crate) struct Way {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// Whose directory
    #[arg(long, value_name = "TENANT", default_value = "default", env = "GRANTOR_TENANT")]
    pub(crate) tenant: String,
    /// Only say what would come of it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads a word as the API spells it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_lowercase())).map_err(|error| error.to_string())
}

fn method(text: &str) -> Result<Method, String> {
    word(text)
}

fn medium(text: &str) -> Result<Medium, String> {
    word(text)
}

fn queue(text: &str) -> Result<Queue, String> {
    word(text)
}

fn kind(text: &str) -> Result<StationKind, String> {
    word(text)
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On
    On,
    /// Off
    Off,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// What is looked for in a list.
#[derive(Args)]
pub(crate) struct Search {
    /// Only names that contain this
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) search: String,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// One thing by its name.
#[derive(Args)]
pub(crate) struct Named {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// Another name.
#[derive(Args)]
pub(crate) struct Rename {
    /// Its name
    pub(crate) name: String,
    /// Its new name
    pub(crate) new: String,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// Users.
#[derive(Subcommand)]
pub(crate) enum UserAction {
    /// List users
    List(Search),
    /// Show a user: licenses, groups, roles, what is consumed
    Show(Named),
    /// Add a user
    #[command(
        after_help = "Example:\n  grantor user add ann --mail ann@example.com --role WFM_AGENT --group SALES"
    )]
    Add {
        /// The user's name
        name: String,
        /// Where notices go
        #[arg(long)]
        mail: Option<String>,
        /// Not to work yet
        #[arg(long)]
        disabled: bool,
        /// One of the product's own users, who consume nothing by role
        #[arg(long)]
        default_user: bool,
        /// Assign a role; may be given more than once
        #[arg(long)]
        role: Vec<String>,
        /// Put into a group; may be given more than once
        #[arg(long)]
        group: Vec<String>,
        #[command(flatten)]
        way: Way,
    },
    /// Change a user's settings
    #[command(after_help = "Example:\n  grantor user change ann --method concurrent --media chat,email")]
    Change {
        /// The user's name
        name: String,
        /// Where notices go; empty for nowhere
        #[arg(long)]
        mail: Option<String>,
        /// The right to log on with a telephone number of one's own
        #[arg(long, value_enum)]
        own_number: Option<Switch>,
        /// The interaction types to receive: call, chat, email, generic
        #[arg(long, value_delimiter = ',', value_parser = medium)]
        media: Option<Vec<Medium>>,
        /// Allocate all licenses in this way: assignable or concurrent
        #[arg(long, value_parser = method)]
        method: Option<Method>,
        /// "Enable Licenses": off keeps the settings and frees the seats
        #[arg(long, value_enum)]
        licenses: Option<Switch>,
        #[command(flatten)]
        way: Way,
    },
    /// Enable a user
    Enable(Named),
    /// Disable a user: ends the user's sessions and frees what roles consume
    Disable(Named),
    /// Give a user another name
    Rename(Rename),
    /// Delete a user: ends the user's sessions and frees everything
    Remove(Named),
}

/// Stations.
#[derive(Subcommand)]
pub(crate) enum StationAction {
    /// List stations
    List(Search),
    /// Show a station
    Show(Named),
    /// Add a station
    #[command(after_help = "Example:\n  grantor station add desk-1 --machine pc-0815 --kind workstation")]
    Add {
        /// The station's name
        name: String,
        /// "Licensed Machine Name", unique; the station's name if left out
        #[arg(long)]
        machine: Option<String>,
        /// workstation, managed-workstation, stand-alone-phone, stand-alone-fax, configured-remote, sip-workstation
        #[arg(long, value_parser = kind, default_value = "workstation")]
        kind: StationKind,
        /// Not in use yet
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        way: Way,
    },
    /// Change what a station is
    Change {
        /// The station's name
        name: String,
        /// "Licensed Machine Name"
        #[arg(long)]
        machine: Option<String>,
        /// What it is
        #[arg(long, value_parser = kind)]
        kind: Option<StationKind>,
        /// Whether it is in use at all
        #[arg(long, value_enum)]
        enabled: Option<Switch>,
        /// "Enable Licenses": off keeps the settings and frees the seats
        #[arg(long, value_enum)]
        licenses: Option<Switch>,
        #[command(flatten)]
        way: Way,
    },
    /// Give a station another name; who is logged on stays so
    Rename(Rename),
    /// Delete a station: ends the log-on at it and frees its licenses
    Remove(Named),
}

/// Groups and workgroups.
#[derive(Subcommand)]
pub(crate) enum GroupAction {
    /// List groups and workgroups
    List(Search),
    /// Show a group with its members
    Show(Named),
    /// Add a group; with a queue it is a workgroup
    Add {
        /// The group's name
        name: String,
        /// acd, hunt-group or simultaneous-ring
        #[arg(long, value_parser = queue)]
        queue: Option<Queue>,
        /// The queue's interaction types: call, chat, email, generic
        #[arg(long, value_delimiter = ',', value_parser = medium)]
        media: Vec<Medium>,
        #[command(flatten)]
        way: Way,
    },
    /// Change a workgroup's queue
    Change {
        /// The group's name
        name: String,
        /// acd, hunt-group or simultaneous-ring; a group without a queue if left out
        #[arg(long, value_parser = queue)]
        queue: Option<Queue>,
        /// The queue's interaction types: call, chat, email, generic
        #[arg(long, value_delimiter = ',', value_parser = medium)]
        media: Vec<Medium>,
        #[command(flatten)]
        way: Way,
    },
    /// Give a group another name
    Rename(Rename),
    /// Delete a group
    Remove(Named),
    /// Put users into a group, or take them out
    #[command(subcommand)]
    Members(MembersAction),
}

/// Members of a group.
#[derive(Subcommand)]
pub(crate) enum MembersAction {
    /// Put users into a group: all of them or, if a license falls short, none
    Add(Members),
    /// Take users out of a group
    Remove(Members),
}

/// Whom, and which group.
#[derive(Args)]
pub(crate) struct Members {
    /// The group's name
    pub(crate) group: String,
    /// Names of users
    #[arg(required = true)]
    pub(crate) users: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// Roles.
#[derive(Subcommand)]
pub(crate) enum RoleAction {
    /// List roles
    List(Search),
    /// Add a role, or give one another application
    Add {
        /// The role's name
        name: String,
        /// The feature that a user of the role consumes one license of; needs no license if left out
        #[arg(long, value_name = "FEATURE")]
        application: Option<String>,
        #[command(flatten)]
        way: Way,
    },
    /// Delete a role, and take it from everybody
    Remove(Named),
    /// Assign a role to users and groups: one license for each enabled user, or nothing
    #[command(after_help = "Example:\n  grantor role assign WFM_AGENT --group AGENTS --dry-run")]
    Assign(Assign),
    /// Take a role from users and groups
    Withdraw(Assign),
}

/// Which role, and whom.
#[derive(Args)]
pub(crate) struct Assign {
    /// The role's name
    pub(crate) role: String,
    /// A user; may be given more than once
    #[arg(long, required_unless_present = "group")]
    pub(crate) user: Vec<String>,
    /// A group; may be given more than once
    #[arg(long)]
    pub(crate) group: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// Allocation.
#[derive(Subcommand)]
pub(crate) enum AllocateAction {
    /// Allocate an access license: to all of these or, if it falls short, to none
    #[command(
        after_help = "Example:\n  grantor allocate add I3_ACCESS_ACD_MEDIA1 --user ann --members SALES --method concurrent"
    )]
    Add {
        #[command(flatten)]
        to: Allocation,
        /// assignable or concurrent
        #[arg(long, value_parser = method, default_value = "assignable")]
        method: Method,
    },
    /// Take an access license away
    Remove(Allocation),
    /// The table: allowed, configured and in use of every license that was purchased
    Table(Tenant),
    /// Whom it concerns that more is out than was purchased
    Beyond(Tenant),
    /// Users whose licenses do not cover the media of their workgroups
    Warnings(Tenant),
}

/// Whose.
#[derive(Args)]
pub(crate) struct Tenant {
    #[command(flatten)]
    pub(crate) way: Way,
}

/// Which license, and whom.
#[derive(Args)]
pub(crate) struct Allocation {
    /// The feature
    pub(crate) feature: String,
    /// A user; may be given more than once
    #[arg(long, required_unless_present_any = ["station", "members"])]
    pub(crate) user: Vec<String>,
    /// A station; may be given more than once
    #[arg(long)]
    pub(crate) station: Vec<String>,
    /// Everybody who is in this group now; may be given more than once
    #[arg(long, value_name = "GROUP")]
    pub(crate) members: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// A table of users, stations, groups, roles and allocations.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "The first line names the columns; `what` says what a line is: user, station, group, member, role, assignment, allocation.\nNothing is taken away by it, and repeating it is harmless. An allocation to a group goes to each of its members.\n\nExamples:\n  grantor import people.csv --dry-run\n  grantor export > people.csv\n  grantor import ldap --url ldaps://ldap.example.com --base ou=people,dc=example,dc=com --dry-run"
)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub(crate) from: Option<ImportFrom>,
    /// The table in CSV
    #[arg(required = true)]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// A wanted state.
#[derive(Args)]
#[command(
    after_help = "Only what the file names is touched; `manage = [\"users\"]` lets it remove users that it does not name.\n\nExamples:\n  grantor apply site.toml --dry-run\n  grantor apply site.toml --yes"
)]
pub(crate) struct Apply {
    /// The wanted state in TOML
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// Only show the plan
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Don't ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}
