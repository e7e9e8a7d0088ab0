//! The command line of `grantor keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

/// Keys of a publisher.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a root key and a first signing key
    #[command(
        after_help = "Examples:\n  grantor keys new keys --publisher acme --holder ada --holder bob --holder cy    any two of them open the root key\n  grantor keys new keys --publisher acme    for a trial: one person alone can use it"
    )]
    New {
        /// The folder; made if it is not there
        folder: PathBuf,
        /// The publisher's name, as it stands on VENDOR and FEATURE lines
        #[arg(long, value_name = "NAME")]
        publisher: String,
        #[command(flatten)]
        holders: HolderArgs,
    },
    /// Make a new signing key, certified by the root key; what the old one signed stays valid
    Rotate {
        /// The folder that `keys new` made
        folder: PathBuf,
        #[command(flatten)]
        holders: HolderArgs,
    },
    /// Certify a signing key that is elsewhere, and print its KEY line
    #[command(
        after_help = "Examples:\n  grantor keys certify keys PUBLIC_KEY --holder ada --holder bob --output new.cert\n  grantor keys certify keys PUBLIC_KEY --from 2026-01-01    also for files issued since, to sign them anew"
    )]
    Certify {
        /// The folder that `keys new` made
        folder: PathBuf,
        /// The key in base64, as `grantor signer new-key` prints it
        public_key: String,
        /// First day of issue that it may sign for; today without it
        #[arg(long, value_name = "DAY")]
        from: Option<Date>,
        /// Last day of issue that it may sign for; in five years without it
        #[arg(long, value_name = "DAY")]
        until: Option<Date>,
        /// A file for the KEY line, which must not be there yet
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        holders: HolderArgs,
    },
    /// Revoke a signing key, and print the REVOKED line for the portal and for license servers
    Revoke {
        /// The folder that `keys new` made
        folder: PathBuf,
        /// The key's id
        key: String,
        /// From this day on nothing that the key signed counts, whenever that was issued; leave time to get files signed anew
        #[arg(long, value_name = "DAY")]
        from: Date,
        /// A file for the REVOKED line, which must not be there yet
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        holders: HolderArgs,
    },
    /// Give the root key other holders, any two of whom open it
    #[command(
        after_help = "Example:\n  grantor keys holders keys --holder ada --holder bob --new-holder ada --new-holder bob --new-holder dee"
    )]
    Holders {
        /// The folder that `keys new` made
        folder: PathBuf,
        /// Who holds it from now on
        #[arg(long, value_name = "NAME", required = true)]
        new_holder: Vec<String>,
        #[command(flatten)]
        holders: HolderArgs,
    },
}

/// Who holds the root key.
#[derive(Args)]
pub(crate) struct HolderArgs {
    /// A person who holds the root key with others; it takes two of them
    #[arg(long, value_name = "NAME")]
    pub(crate) holder: Vec<String>,
    /// A file with a holder's passphrase; asked for without it
    #[arg(long, value_name = "NAME=FILE")]
    pub(crate) passphrase_file: Vec<String>,
}
