//! The command line of `grantor import ldap`: which directory service, what of it, and what its attributes mean.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::directory::Way;

/// What kind of directory service it is: which attributes and filters are usual there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServiceKind {
    /// inetOrgPerson, uid, entryUUID; groups name their members
    Openldap,
    /// sAMAccountName, objectGUID, userAccountControl; users name their groups (memberOf)
    ActiveDirectory,
}

/// Who names whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupsBy {
    /// Users name their groups, in `memberOf`
    MemberOf,
    /// Groups name their members, in `member`, `uniqueMember` or `memberUid`
    Objects,
}

/// Where else users and groups come from.
#[derive(Subcommand)]
pub(crate) enum ImportFrom {
    /// Bring in users and groups of a directory service: show a plan, ask, do it
    Ldap(Box<Ldap>),
}

/// Users and groups of a directory service.
#[derive(Args)]
#[command(
    after_help = "Users are found again by their id in the directory service, also under another name. Whoever does not fit into the\nlicenses that are left is named, and the others are done: first come, first served. Run it again to go on.\n\nExamples:\n  grantor import ldap --url ldaps://ldap.example.com --base ou=people,dc=example,dc=com --dry-run\n  grantor import ldap --kind active-directory --url ldap://dc1.example.com --start-tls --bind 'svc@example.com' \\\n    --password-file secret --base dc=example,dc=com --group-base ou=licenses,dc=example,dc=com --disable-missing --yes"
)]
pub(crate) struct Ldap {
    /// `ldap://HOST:PORT`, `ldaps://HOST:PORT` (without a port: the usual one) or `ldapi://PATH`
    #[arg(long)]
    pub(crate) url: String,
    /// Change over to TLS before anything is said (ldap:// only)
    #[arg(long)]
    pub(crate) start_tls: bool,
    /// Whom to trust as the directory service: certificates in PEM; the system's if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Send the password without TLS to another machine
    #[arg(long)]
    pub(crate) plain: bool,
    /// The name to sign in with; nobody if left out
    #[arg(long, value_name = "DN")]
    pub(crate) bind: Option<String>,
    /// A file with its password; asked for if left out
    #[arg(long, value_name = "FILE", requires = "bind")]
    pub(crate) password_file: Option<PathBuf>,
    /// Below which entry the users are
    #[arg(long, value_name = "DN")]
    pub(crate) base: String,
    /// What is usual there
    #[arg(long, value_enum, default_value = "openldap")]
    pub(crate) kind: ServiceKind,
    /// Which entries are users
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) attributes: Attributes,
    #[command(flatten)]
    pub(crate) groups: Groups,
    /// What stands in front of each id that comes from here; another for each directory service
    #[arg(long, default_value = "ldap", value_name = "WORD")]
    pub(crate) source: String,
    /// Disable users who came from here and are not found any more; enable those who are found again
    #[arg(long)]
    pub(crate) disable_missing: bool,
    /// Entries that are asked for at once
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(crate) page: u16,
    /// Don't ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// What attributes mean; what is left out is as usual for the kind.
#[derive(Args)]
pub(crate) struct Attributes {
    /// The user's name
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) name_attribute: Option<String>,
    /// The id that never changes
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) id_attribute: Option<String>,
    /// How the user is called
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) display_attribute: Option<String>,
    /// Where notices go
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) mail_attribute: Option<String>,
    /// Whether the user is enabled: userAccountControl, or TRUE and FALSE
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) enabled_attribute: Option<String>,
    /// Whether the user is locked: set to anything but FALSE or 0 (nsAccountLock, pwdAccountLockedTime)
    #[arg(long, value_name = "ATTRIBUTE", conflicts_with = "enabled_attribute")]
    pub(crate) locked_attribute: Option<String>,
}

/// Which groups are brought in, and who is in them.
#[derive(Args)]
pub(crate) struct Groups {
    /// Below which entry the groups are; no groups if left out
    #[arg(long, value_name = "DN")]
    pub(crate) group_base: Option<String>,
    /// Which entries are groups
    #[arg(long, value_name = "FILTER")]
    pub(crate) group_filter: Option<String>,
    /// The group's name
    #[arg(long, value_name = "ATTRIBUTE", default_value = "cn")]
    pub(crate) group_name_attribute: String,
    /// Who names whom; as usual for the kind if left out
    #[arg(long, value_enum)]
    pub(crate) groups_by: Option<GroupsBy>,
}
