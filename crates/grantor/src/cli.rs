//! The command line: every subcommand, flag and help text. Says what can be asked; does nothing.

mod cluster;
mod directory;
mod keys;
mod ldap;
mod person;
mod portal;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use cluster::ClusterAction;
pub(crate) use directory::{
    AllocateAction, Allocation, Apply, Assign, GroupAction, Import, Members, MembersAction, RoleAction,
    Search, StationAction, Tenant, UserAction, Way,
};
pub(crate) use keys::{HolderArgs, Keys};
pub(crate) use ldap::{GroupsBy, ImportFrom, Ldap, ServiceKind};
pub(crate) use person::PersonAction;
pub(crate) use portal::{
    AccountKind, Audit, KeyWish, Password, Portal, PortalAccount, PortalAction, PortalCatalogue, PortalFile,
    PortalKey, PortalOrder, PortalPerson, PortalSite, Signer,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the server, or a check found errors
  2  the command line or an input file makes no sense
  3  no server answers, or it is not trusted
  4  not signed in, or not allowed
  5  a file or the network failed
  otherwise `grantor checkout` gives the exit code of the command it ran

Examples:
  grantor demo                                   see everything at work in a fresh folder
  grantor keys new keys --publisher acme         make a publisher's keys
  grantor issue order.toml --keys keys           turn an order into a signed license file
  grantor server --config grantor.toml           run a license server
  grantor stat -a                                who holds what
  grantor checkout tserver_sdn -- ./app          hold a seat while a command runs";

/// Software licensing from order to checkout
#[derive(Parser)]
#[command(name = "grantor", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show everything at work: an order becomes a license file, a server loads it, applications use it
    Demo(Demo),
    /// Run a license server, or check its configuration
    Server(Server),
    /// Run several servers as one: look at them, add, remove, hand the lead over
    #[command(subcommand)]
    Cluster(ClusterAction),
    /// Make, certify, rotate and revoke a publisher's keys: the offline side
    #[command(subcommand)]
    Keys(Keys),
    /// Look at what is sold
    #[command(subcommand)]
    Catalogue(Catalogue),
    /// Turn an order into a signed license file
    Issue(Issue),
    /// Keep a publisher's books: accounts, orders, entitlement, license files
    Portal(Portal),
    /// Run the process that holds the signing keys
    #[command(subcommand)]
    Signer(Signer),
    /// Prove that a publisher's log was not changed
    #[command(subcommand)]
    Audit(Audit),
    /// Activate an order for an installation, at the publisher's portal
    Activate(Activate),
    /// Look at, verify, compare and combine license files
    #[command(subcommand)]
    License(License),
    /// Show the host ids of this machine, to order licenses for
    Hostid(HostId),
    /// Make the first administrator of a license server
    Setup(Setup),
    /// Sign in to a license server as one who administers it
    Login(Login),
    /// Show a license server's state: features, who holds them, who waits
    Stat(Stat),
    /// Hold seats while a command runs
    Checkout(Checkout),
    /// Borrow a seat until a date, for a machine that leaves the network
    Borrow(Borrow),
    /// Have a license server read its license files again
    Reread(AtServer),
    /// Take a grant away from its holder
    Remove(Remove),
    /// Stop a license server
    Down(Down),
    /// Keep users: who there is, enabled or not, with which settings
    #[command(subcommand)]
    User(UserAction),
    /// Keep stations
    #[command(subcommand)]
    Station(StationAction),
    /// Keep groups and workgroups, and who is in them
    #[command(subcommand)]
    Group(GroupAction),
    /// Keep roles, and who has them
    #[command(subcommand)]
    Role(RoleAction),
    /// Allocate access licenses to users and stations, and see what is allocated
    #[command(subcommand)]
    Allocate(AllocateAction),
    /// Bring in users, stations, groups, roles and allocations from a table, or users and groups from a directory service
    Import(Import),
    /// Write users, stations, groups, roles and allocations as a table
    Export(Tenant),
    /// Make a site what a file says: show a plan, ask, do it
    Apply(Apply),
    /// Keep the people who administer a license server: invite, change roles, remove
    #[command(subcommand)]
    Person(PersonAction),
    /// Show version and build
    Version,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write man pages into a folder
    Man {
        /// The folder; made if it is not there
        folder: PathBuf,
    },
}

/// Show everything at work.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  grantor demo\n  grantor demo --once    run through, print a summary, exit 0"
)]
pub(crate) struct Demo {
    /// Run through once and exit, for scripts
    #[arg(long)]
    pub(crate) once: bool,
    /// The folder to use; a fresh one under the system's temporary folder if left out
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// Run a license server.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  grantor server\n  grantor server --config /etc/grantor.toml\n  grantor server check --config /etc/grantor.toml"
)]
pub(crate) struct Server {
    #[command(subcommand)]
    pub(crate) action: Option<ServerAction>,
    /// The configuration file; every key in it is optional
    #[arg(long, short, value_name = "FILE", env = "GRANTOR_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// What else can be done with a server's configuration.
#[derive(Subcommand)]
pub(crate) enum ServerAction {
    /// Check a configuration and the license files it names, and start nothing
    Check {
        /// The configuration file
        #[arg(long, short, value_name = "FILE", env = "GRANTOR_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Catalogues.
#[derive(Subcommand)]
pub(crate) enum Catalogue {
    /// Check catalogue files; the built-in ones if none is named
    Check {
        /// Catalogue files in TOML
        files: Vec<PathBuf>,
    },
    /// Explain line by line what an order expands to
    #[command(after_help = "Example:\n  grantor catalogue explain order.toml")]
    Explain {
        /// The order in TOML
        order: PathBuf,
        /// More catalogue files, beside the built-in ones
        #[arg(long, value_name = "FILE")]
        catalogue: Vec<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List what a catalogue sells; the catalogues if none is named
    List {
        /// Its name, such as `genesys-8`
        name: Option<String>,
    },
}

/// Turn an order into a license file.
#[derive(Args)]
#[command(after_help = "Example:\n  grantor issue order.toml --keys keys --output licenses/acme.lic")]
pub(crate) struct Issue {
    /// The order in TOML
    pub(crate) order: PathBuf,
    /// The folder that `grantor keys new` made
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: PathBuf,
    /// Where to write the license file; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// More catalogue files, beside the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Vec<PathBuf>,
}

/// Activate an order.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  grantor activate LRN-7K2M-9QXA-0TBD-4H --portal licensing.example.com:7270 --output licenses/acme.lic\n  grantor activate LRN-7K2M-9QXA-0TBD-4H --registration-key KEY --request request.json    for a USB stick: the portal's page Activate takes it"
)]
pub(crate) struct Activate {
    /// The license reference number of the license letter
    pub(crate) lrn: String,
    /// The publisher's portal: `host:port`
    #[arg(long, value_name = "HOST:PORT", env = "GRANTOR_PORTAL", required_unless_present = "request")]
    pub(crate) portal: Option<String>,
    /// The portal's certificate in PEM, or its SHA-256 fingerprint in hex
    #[arg(long, value_name = "FILE|HEX", env = "GRANTOR_PORTAL_CERT")]
    pub(crate) portal_cert: Option<String>,
    /// The installation's registration key; the license server is asked for it as an administrator if left out
    #[arg(long, value_name = "KEY")]
    pub(crate) registration_key: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// The machine's host id, where the product's files name it
    #[arg(long, value_name = "ID")]
    pub(crate) hostid: Option<String>,
    /// The machine's name
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// Where to write the license file; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write a request file instead, for a machine that reaches no network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["portal", "output"])]
    pub(crate) request: Option<PathBuf>,
}

/// License files.
#[derive(Subcommand)]
pub(crate) enum License {
    /// Show what a license file grants, in a table
    Show {
        /// License files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Verify every signature against the publisher's root keys
    #[command(
        after_help = "Example:\n  grantor license verify acme.lic --root acme=BASE64\n  grantor license verify acme.lic --root acme=keys/root.pub"
    )]
    Verify {
        /// License files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Check grammar, signatures, host and dates: what a server on this machine would load, and why not the rest
    Check {
        /// License files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Show what changed from one license file to another
    Diff {
        /// The old file
        old: PathBuf,
        /// The new file
        new: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Combine license files of one site into one
    Combine {
        /// License files for the same host ids
        #[arg(required = true, num_args = 2..)]
        files: Vec<PathBuf>,
        /// Where to write the result; standard output if left out
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell the publisher's portal what a server has loaded, and learn which of it does not count any more
    #[command(
        after_help = "Ends with 1 if a file does not count any more. Have a timer do it once a day.\n\nExample:\n  grantor license report --portal licensing.example.com:7270"
    )]
    Report(LicenseReport),
}

/// A server's license files, for the portal.
#[derive(Args)]
pub(crate) struct LicenseReport {
    /// The publisher's portal: `host:port`
    #[arg(long, value_name = "HOST:PORT", env = "GRANTOR_PORTAL")]
    pub(crate) portal: String,
    /// The portal's certificate in PEM, or its SHA-256 fingerprint in hex
    #[arg(long, value_name = "FILE|HEX", env = "GRANTOR_PORTAL_CERT")]
    pub(crate) portal_cert: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whom to trust.
#[derive(Args)]
pub(crate) struct TrustArgs {
    /// A publisher's root key: in base64, or a file that holds it; may be given more than once
    #[arg(long, value_name = "PUBLISHER=KEY", required = true)]
    pub(crate) root: Vec<String>,
}

/// Host ids.
#[derive(Args)]
pub(crate) struct HostId {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only the preferred one, nothing else
    #[arg(long, short = 'n')]
    pub(crate) bare: bool,
}

/// Which server to talk to.
#[derive(Args, Clone)]
pub(crate) struct AtServer {
    /// License servers: `port@host`, `@host`, or a license file; several separated by `:` or `;`
    #[arg(long, short = 'c', value_name = "SERVERS")]
    pub(crate) server: Option<String>,
    /// The server's certificate in PEM, or its SHA-256 fingerprint in hex
    #[arg(long, value_name = "FILE|HEX", env = "GRANTOR_SERVER_CERT")]
    pub(crate) cert: Option<String>,
}

/// The first administrator.
#[derive(Args)]
#[command(
    after_help = "The password is read from the terminal, or from the first line of standard input.\n\nExample:\n  grantor setup -c 7260@localhost --name ada --token grt_…"
)]
pub(crate) struct Setup {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// The administrator's name
    #[arg(long)]
    pub(crate) name: String,
    /// The set-up token that the server printed, or a file that holds it
    #[arg(long, value_name = "TOKEN|FILE")]
    pub(crate) token: String,
}

/// Sign in.
#[derive(Args)]
#[command(
    after_help = "The password is read from the terminal, or from the first line of standard input; where a code is asked for,\nit is the next line, or `--code`."
)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// A code from your telephone, or a spare one; asked for where it is needed
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// Your name
    #[arg(long)]
    pub(crate) name: String,
}

/// Status.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  grantor stat -a\n  grantor stat -f tserver_sdn\n  grantor stat -i\n  grantor stat --json | jq '.features[].in_use'"
)]
pub(crate) struct Stat {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// Everything: features, holders, queues
    #[arg(short = 'a')]
    pub(crate) all: bool,
    /// Who holds one feature
    #[arg(short = 'f', value_name = "FEATURE")]
    pub(crate) feature: Option<String>,
    /// The license lines, in a table
    #[arg(short = 'i', value_name = "FEATURE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) info: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Hold seats while a command runs.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  grantor checkout tserver_sdn -- ./app\n  grantor checkout router_seats --count 10 --version 8.0 --queue 60 -- make test"
)]
pub(crate) struct Checkout {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// The feature
    pub(crate) feature: String,
    /// The version that is needed; that of the first line of the feature if left out
    #[arg(long = "version", value_parser = version, value_name = "VERSION")]
    pub(crate) feature_version: Option<String>,
    /// How many seats
    #[arg(long, default_value_t = 1, conflicts_with_all = ["up_to", "all_left"], value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// As many as there are, up to this
    #[arg(long, value_name = "COUNT")]
    pub(crate) up_to: Option<u32>,
    /// All that are left
    #[arg(long, conflicts_with = "up_to")]
    pub(crate) all_left: bool,
    /// Wait in line for so many seconds when there are none left
    #[arg(long, value_name = "SECONDS")]
    pub(crate) queue: Option<u32>,
    /// Take the seats out of a reservation: the id of a lease of `POST /v1/checkouts`
    #[arg(long, value_name = "TOKEN", conflicts_with = "queue")]
    pub(crate) reservation: Option<grantor_api::HexId>,
    /// Have the server end the session after so many seconds without a sign of life, 5 to 86400
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(5..=86_400))]
    pub(crate) heartbeat: Option<u32>,
    /// What to do when the seats are lost while the command runs
    #[arg(long, value_enum, default_value_t = OnLoss::Warn)]
    pub(crate) on_loss: OnLoss,
    /// Take only grants that derive from this publisher's root key: `PUBLISHER=KEY`, in base64 or a file
    #[arg(long, value_name = "PUBLISHER=KEY")]
    pub(crate) root: Vec<String>,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

fn version(text: &str) -> Result<String, grantor_license::VersionError> {
    grantor_license::Version::parse(text).map(|_| text.to_owned())
}

/// Borrow a seat.
#[derive(Args)]
#[command(
    after_help = "The line must say `BORROW`. The keys of loans are kept in `grantor/loans.json` under `$XDG_STATE_HOME` or `~/.local/state`.\n\nExamples:\n  grantor borrow drawing --days 3\n  grantor borrow drawing --version 8.0 --until 2026-12-24    that day included\n  grantor borrow --list\n  grantor borrow --return drawing"
)]
pub(crate) struct Borrow {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// The feature
    #[arg(required_unless_present_any = ["list", "give_back"])]
    pub(crate) feature: Option<String>,
    /// The version that is needed; that of the first line of the feature if left out
    #[arg(long = "version", value_parser = version, value_name = "VERSION", requires = "feature")]
    pub(crate) feature_version: Option<String>,
    /// For so many days of 24 hours
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650), conflicts_with = "until", required_unless_present_any = ["until", "list", "give_back"])]
    pub(crate) days: Option<u32>,
    /// Until the end of a day on this machine's calendar, or until an instant such as `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "DATE", value_parser = end)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// Show what this user has borrowed on this machine
    #[arg(long, conflicts_with_all = ["feature", "days", "until"])]
    pub(crate) list: bool,
    /// Give every loan of a feature back before its end
    #[arg(long = "return", value_name = "FEATURE", conflicts_with_all = ["feature", "days", "until", "list"])]
    pub(crate) give_back: Option<String>,
}

/// The end of a day, or an instant.
fn end(text: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let day: jiff::civil::Date = text
        .parse()
        .map_err(|_| "write a date such as `2026-12-24`, or `2026-12-24T18:00:00Z`".to_owned())?;
    let next = day.tomorrow().and_then(|next| next.to_zoned(jiff::tz::TimeZone::system()));
    next.map(|next| next.timestamp()).map_err(|error| error.to_string())
}

/// What to do when seats are lost.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnLoss {
    /// Say so on standard error and go on
    Warn,
    /// End the command with SIGTERM
    Terminate,
}

/// Take a grant away.
#[derive(Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// The grant's number, as `grantor stat -a` shows it
    pub(crate) grant: u64,
    /// Told to the holder and kept in the log
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

/// Stop a server.
#[derive(Args)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) at: AtServer,
    /// Don't ask
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_do_not_contradict_one_another() {
        super::Cli::command().debug_assert();
    }
}
