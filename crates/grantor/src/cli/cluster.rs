//! The command line of `grantor cluster`.

use std::path::PathBuf;

use clap::Subcommand;

use super::AtServer;

/// Several servers as one.
#[derive(Subcommand)]
pub(crate) enum ClusterAction {
    /// Make a join token for servers that are to form a cluster; asks no server
    #[command(after_help = "Example:\n  (umask 077; grantor cluster token > join-token)")]
    Token,
    /// Show every server: who leads, who is silent, who is behind; exit code 1 if they don't serve
    #[command(after_help = "Example:\n  grantor cluster status -c 7260@lic1,7260@lic2,7260@lic3")]
    Status {
        #[command(flatten)]
        at: AtServer,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a join token, of use once, for a server that is to join
    #[command(after_help = "Example:\n  (umask 077; grantor cluster add -c @lic1 > join-token)")]
    Add {
        #[command(flatten)]
        at: AtServer,
        /// For the second server of a switchover pair: it follows without a vote, and takes over by hand
        #[arg(long)]
        backup: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make the server of a stopped data folder the whole cluster, when the others are lost for good
    #[command(
        after_help = "Example:\n  grantor cluster takeover --config grantor.toml --others-are-gone && grantor server --config grantor.toml"
    )]
    Takeover {
        /// The configuration file of the server on this machine
        #[arg(long, short, value_name = "FILE", env = "GRANTOR_CONFIG")]
        config: Option<PathBuf>,
        /// You have made sure that the other servers do not run and will not be started as they were
        #[arg(long, required = true)]
        others_are_gone: bool,
    },
    /// Take a server out; it can only come back as a new one
    #[command(after_help = "Example:\n  grantor cluster remove lic3:7260 -c @lic1")]
    Remove {
        #[command(flatten)]
        at: AtServer,
        /// Its number or its address
        #[arg(value_name = "NUMBER|ADDRESS")]
        member: String,
        /// Print the cluster as JSON
        #[arg(long)]
        json: bool,
    },
    /// Have another server lead; sessions and seats stay
    #[command(after_help = "Example:\n  grantor cluster transfer --to 2 -c @lic1")]
    Transfer {
        #[command(flatten)]
        at: AtServer,
        /// Number of the server that is to lead; the one that is most up to date if left out
        #[arg(long, value_name = "NUMBER")]
        to: Option<u64>,
        /// Print the cluster as JSON
        #[arg(long)]
        json: bool,
    },
}
