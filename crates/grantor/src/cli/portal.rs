//! The command line of `grantor portal`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `grantor portal …`.
#[derive(Args)]
pub(crate) struct Portal {
    /// Where the books are: a SQLite file, made if it is not there, or postgres://user:password@host/name. Without it, what
    /// `database` in the configuration file says, or portal.db
    #[arg(long, global = true, env = "GRANTOR_PORTAL_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// The portal's configuration file; every key in it is optional
    #[arg(long, short, global = true, value_name = "FILE", env = "GRANTOR_PORTAL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Who does it, for the log
    #[arg(long, global = true, env = "USER", default_value = "staff")]
    pub(crate) by: String,
    /// The signer's socket; files that are generated wait without it
    #[arg(long, global = true, env = "GRANTOR_SIGNER")]
    pub(crate) signer: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: PortalAction,
}

/// What is kept.
#[derive(Subcommand)]
pub(crate) enum PortalAction {
    /// What is sold, in editions
    #[command(subcommand)]
    Catalogue(PortalCatalogue),
    /// Whom it is sold to
    #[command(subcommand)]
    Account(PortalAccount),
    /// Where it is installed
    #[command(subcommand)]
    Site(PortalSite),
    /// What was bought
    #[command(subcommand)]
    Order(PortalOrder),
    /// What an account owns of each part: total, used, available
    Summary {
        /// The account's reference number
        account: String,
        /// Of this install site only
        #[arg(long)]
        site: Option<String>,
    },
    /// What a site can upgrade to a newer version; with --part or --mirror-all, upgrade it
    Upgrade {
        /// The account's reference number
        account: String,
        /// The install site's name
        site: String,
        /// Upgrade so many of a part, which then leave it
        #[arg(long = "part", value_name = "PART=QUANTITY")]
        parts: Vec<String>,
        /// Upgrade all parts that have an upgrade; the old version stays usable
        #[arg(long, conflicts_with = "parts")]
        mirror_all: bool,
    },
    /// License files made from what an account owns
    #[command(subcommand)]
    File(PortalFile),
    /// Who comes to the portal's pages
    #[command(subcommand)]
    Person(PortalPerson),
    /// Signing keys: changes that take two administrators, and what to do when one is compromised
    #[command(subcommand)]
    Key(PortalKey),
    /// Serve the portal's pages over HTTPS, until it is stopped
    #[command(
        after_help = "The first administrator is invited at the command line:\n  grantor portal person add ada@example.com \"Ada Lovelace\" --role administrator"
    )]
    Serve,
    /// Take a mail from standard input that replies to a request, as a mail server's alias hands it over
    #[command(
        after_help = "In the mail server's aliases, with `replies = \"licensing@example.com\"` under `[requests]` in the configuration:\n  licensing: \"|grantor portal --config /etc/grantor/portal.toml --database /var/lib/grantor/portal.db mail\"\n\nIt exits as mail servers expect: 0 taken, 67 no reply to a request, 75 try again later."
    )]
    Mail {
        /// The address it was delivered to, if its head doesn't say so
        #[arg(long, value_name = "ADDRESS", env = "ORIGINAL_RECIPIENT")]
        to: Vec<String>,
    },
    /// Write what the portal's mails say into a folder, as templates to change; those that are there stay, and are tried
    #[command(
        after_help = "The portal sends your words once the folder is named in its configuration:\n  [mail]\n  templates = \"/etc/grantor/mail\"\n\nThe first line is the subject. {{ name }} fills something in, {% if urgent %} … {% endif %} is there if it is so. A kind of mail without\na file has the words that are built in."
    )]
    Templates {
        /// The folder, made if it is not there
        folder: PathBuf,
    },
    /// Write all of the books into a file, while work goes on
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Read a backup into an empty database, which may be of the other kind
    Restore {
        /// The file
        file: PathBuf,
    },
    /// Have every file signed that waits for it
    Sign,
    /// Export everything that was issued, changed and decided, with the signer's checkpoint, for `grantor audit verify`
    Log,
}

/// `grantor portal catalogue …`.
#[derive(Subcommand)]
pub(crate) enum PortalCatalogue {
    /// Load catalogues; those that every grantor carries if none is named
    Load {
        /// TOML files
        files: Vec<PathBuf>,
    },
}

/// `grantor portal account …`.
#[derive(Subcommand)]
pub(crate) enum PortalAccount {
    /// Create an account
    Add {
        /// Its reference number, never given twice
        reference: String,
        /// Its name
        name: String,
        /// What it is to the publisher
        #[arg(long, value_enum, default_value = "end-user")]
        kind: AccountKind,
        /// The reference number of the account above it
        #[arg(long)]
        parent: Option<String>,
    },
    /// List accounts by name
    List {
        /// Only those with this in their name or reference number
        #[arg(default_value = "")]
        text: String,
    },
    /// Write everything that an account owns into a folder: account.json, a CSV table for each kind of thing, and its license files
    Export {
        /// The account's reference number
        reference: String,
        /// The folder, made if it is not there
        folder: PathBuf,
    },
}

/// What an account is to the publisher.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum AccountKind {
    /// Uses the product
    EndUser,
    /// Receives the invoice
    SoldTo,
    /// Sells and installs for others
    Partner,
    /// Runs the product for tenants
    ServiceProvider,
}

/// `grantor portal site …`.
#[derive(Subcommand)]
pub(crate) enum PortalSite {
    /// Create an install site
    Add {
        /// The account's reference number
        account: String,
        /// The site's name
        name: String,
        /// Its city
        #[arg(long, default_value = "")]
        city: String,
        /// Its country
        #[arg(long, default_value = "")]
        country: String,
    },
    /// List an account's install sites
    List {
        /// The account's reference number
        account: String,
    },
}

/// `grantor portal person …`.
#[derive(Subcommand)]
pub(crate) enum PortalPerson {
    /// Enter a person and print the link by which they choose a password
    Add {
        /// What they sign in with
        mail: String,
        /// Their name
        name: String,
        /// catalogue, orders, analyst, administrator, partner, customer or auditor; may be given more than once
        #[arg(long, required = true, value_parser = role)]
        role: Vec<grantor_portal::rights::Role>,
        /// The reference number of their account; for partners and customers
        #[arg(long)]
        account: Option<String>,
        /// Where people reach the portal
        #[arg(long, default_value = "https://localhost:7270")]
        address: String,
    },
    /// Enter that a person is certified for a product
    Certify {
        /// What they sign in with
        mail: String,
        /// A catalogue
        product: String,
        /// Through which day, such as 2027-12-31
        last_day: String,
    },
    /// List people by name
    List {
        /// Only those with this in their name or mail address
        #[arg(default_value = "")]
        text: String,
    },
}

fn role(word: &str) -> Result<grantor_portal::rights::Role, String> {
    use grantor_portal::rights::Role;
    let known = || Role::ALL.map(Role::word).join(", ");
    Role::parse(word).ok_or_else(|| format!("it is none of {}", known()))
}

/// `grantor portal key …`.
#[derive(Subcommand)]
pub(crate) enum PortalKey {
    /// List the signer's keys, and the changes that were asked for
    List,
    /// Ask for a change, as the administrator of --by; another one approves it
    Ask {
        #[command(subcommand)]
        wish: KeyWish,
        /// Why
        #[arg(long, global = true, default_value = "")]
        reason: String,
        #[command(flatten)]
        password: Password,
    },
    /// Approve a change that another administrator asked for, as the administrator of --by
    Approve {
        /// The change's number, or several: all of them are approved, or none
        #[arg(required = true)]
        changes: Vec<i64>,
        #[command(flatten)]
        password: Password,
    },
    /// Decline a change, as the administrator of --by
    Decline {
        /// The change's number
        change: i64,
        #[command(flatten)]
        password: Password,
    },
    /// List the files that a key signed
    Files {
        /// The key's id
        key: String,
        /// Only those signed at this instant or later, such as 2026-11-24T00:00:00Z
        #[arg(long, value_name = "INSTANT")]
        since: Option<jiff::Timestamp>,
    },
    /// Have every active file that a key signed signed anew by the key in use
    SignAnew {
        /// The key's id
        key: String,
        /// Only those signed at this instant or later
        #[arg(long, value_name = "INSTANT")]
        since: Option<jiff::Timestamp>,
    },
    /// Tell where each line of license files that turned up comes from; exit code 1 if one is not in the log
    Origin {
        /// License files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the REVOKED lines of all revoked keys: a file for license servers
    Revoked,
}

/// What is asked for.
#[derive(Subcommand)]
pub(crate) enum KeyWish {
    /// That a key signs from now on
    Use {
        /// A file with its KEY line, of `grantor keys certify`
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
    /// That a key signs no more; what it signed stays valid
    Retire {
        /// Whose key it is
        publisher: String,
        /// Its id
        key: String,
    },
    /// That a key signs no more, and nothing it signed counts from a day on
    Revoke {
        /// A file with the REVOKED line, of `grantor keys revoke`
        #[arg(long, value_name = "FILE")]
        revocation: PathBuf,
    },
}

/// Who somebody is.
#[derive(Args)]
pub(crate) struct Password {
    /// A file with the password of --by; asked for without it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) password_file: Option<PathBuf>,
}

/// `grantor portal order …`.
#[derive(Subcommand)]
pub(crate) enum PortalOrder {
    /// Read orders from a CSV file and say what is wrong with them; book them with --book
    ///
    /// The heading names the columns: order, account, site, catalogue, part, quantity and, where wanted, sold_to, term
    /// (perpetual, term, subscription), last_day, maintenance_until. Rows of one order number are one order.
    Import {
        /// The file
        file: PathBuf,
        /// Book them; nothing is booked while any row is wrong
        #[arg(long)]
        book: bool,
    },
    /// Find an order by its license reference number, typing mistakes and all
    Find {
        /// The number
        lrn: String,
    },
}

/// `grantor portal file …`.
#[derive(Subcommand)]
pub(crate) enum PortalFile {
    /// Show what a selection would become, or generate it
    New {
        /// The account's reference number
        account: String,
        /// The install site's name
        site: String,
        /// A TOML file: `catalogue`, `license_type`, tables `machine` and `switchover`, and `items`
        selection: PathBuf,
        /// The number of the file that it takes the place of
        #[arg(long)]
        replaces: Option<String>,
        /// Generate it; without, it is only shown
        #[arg(long)]
        generate: bool,
        /// A name for this request: the same one again gives the same file
        #[arg(long)]
        key: Option<String>,
    },
    /// List an account's files, the latest first
    List {
        /// The account's reference number
        account: String,
        /// Ended ones, too
        #[arg(long, short)]
        all: bool,
    },
    /// Write a file's signed text, as often as wanted
    Get {
        /// The account's reference number
        account: String,
        /// The file's number
        number: String,
    },
    /// End a file and give its quantities back
    Deactivate {
        /// The account's reference number
        account: String,
        /// The file's number
        number: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// `grantor signer …`.
#[derive(Subcommand)]
pub(crate) enum Signer {
    /// Make a signer's folder: the log's key and, with --keys, a publisher's signing key, sealed with a passphrase
    Init {
        /// The signer's folder, made if it is not there
        folder: PathBuf,
        /// The folder of `grantor keys new`; delete its `signing.key` afterwards, keep `root.key` offline
        #[arg(long)]
        keys: Option<PathBuf>,
        /// What the log is called; the publisher's name without it
        #[arg(long, value_name = "NAME")]
        log: Option<String>,
        /// A file with the passphrase; asked for without it
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Have the signer sign for another publisher, too, from its next start on
    Add {
        /// The signer's folder
        folder: PathBuf,
        /// The folder of `grantor keys new`: `publisher`, `root.pub`, `signing.cert`, and `signing.key` unless the signer has it
        #[arg(long)]
        keys: PathBuf,
        /// A file with the signer's passphrase; asked for without it
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Make a new signing key in the signer and print its public half, for `grantor keys certify`
    NewKey {
        /// The signer's folder
        folder: PathBuf,
        /// On the PKCS#11 token that `signer.toml` names, which it never leaves
        #[arg(long)]
        on_token: bool,
        /// A file with the signer's passphrase; asked for without it
        #[arg(long, conflicts_with = "on_token")]
        passphrase_file: Option<PathBuf>,
    },
    /// Sign what the portal's log says was generated, until it is stopped
    Run {
        /// The signer's folder
        folder: PathBuf,
        /// Where to listen; `signer.sock` in the folder without it
        #[arg(long)]
        socket: Option<PathBuf>,
        /// A file with the passphrase; asked for without it
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
}

/// `grantor audit …`.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Verify a log that `grantor portal log` exported: offline, and with nothing but the log's public key
    Verify {
        /// The exported log
        file: PathBuf,
        /// The log's key, as `grantor signer init` told it
        #[arg(long)]
        key: String,
    },
}
