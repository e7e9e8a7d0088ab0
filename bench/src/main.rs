//! Prints figures of Grantor: checkouts per second of a separate server process over TLS, `apply` alone, and loading a
//! large license file. Measures and prints; asserts nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod core;
mod drive;
mod issue;
mod load;
mod process;

use std::time::Duration;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Figures of Grantor")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Checkouts and check-ins against a separate server process over TLS: one hot pool, then 100 pools
    Checkout {
        /// Numbers of connections, separated by commas
        #[arg(long, value_delimiter = ',', default_value = "1,64,1000")]
        clients: Vec<usize>,
        /// Seconds for each setting
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// `apply` alone, without log and network
    Core {
        /// Seconds for each setting
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// Reads, verifies and pools a license file
    Load {
        /// Its lines
        #[arg(long, default_value_t = 10_000)]
        lines: usize,
    },
    /// The server that `checkout` drives; started by it
    #[command(hide = true)]
    Serve {
        /// Its folder
        folder: std::path::PathBuf,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match Cli::parse().what {
        What::Checkout { clients, seconds } => drive::run(&clients, Duration::from_secs(seconds)),
        What::Core { seconds } => {
            core::run(Duration::from_secs(seconds));
            Ok(())
        }
        What::Load { lines } => load::run(lines),
        What::Serve { folder } => process::serve(&folder),
    }
}
