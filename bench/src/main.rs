//! Prints figures of Grantor: checkouts per second of separate server processes over TLS, beside what teams run instead,
//! `apply` alone, and loading a large license file. Measures and prints; asserts nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod console;
mod core;
mod directory;
mod drive;
mod engine;
mod figures;
mod hold;
mod https;
mod issue;
mod job;
mod load;
mod peers;
mod portal;
mod process;
mod storm;
mod usage;

use std::time::Duration;

use clap::{Parser, Subcommand};

/// The one of the product: the servers that are driven are this program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// Ours beside Redis, PostgreSQL and etcd, one server and three, in one go
    Peers {
        /// Numbers of connections, separated by commas
        #[arg(long, value_delimiter = ',', default_value = "1,64,1000")]
        clients: Vec<usize>,
        /// Seconds for each setting
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// How often, one after the other; medians are printed
        #[arg(long, default_value_t = 1)]
        rounds: usize,
        /// Only these: ours, ours-logging, redis, postgres, etcd, etcd3, ours3
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// So many seats held at once: memory, longest wait, restart
    Hold {
        /// How many
        #[arg(default_value_t = 1_000_000)]
        seats: u64,
    },
    /// So many clients come back at once after the leader of three servers was killed
    Storm {
        /// How many
        #[arg(default_value_t = 10_000)]
        clients: usize,
    },
    /// `apply` alone, without log and network
    Core {
        /// Seconds for each setting
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// 100,000 users, 20,000 stations, 500 groups and 40 licenses in the core: assignments, log-ons, snapshot
    Directory,
    /// Commands through consensus and the log, in one process, beside the bare engine
    Engine {
        /// Numbers of proposers, separated by commas
        #[arg(long, value_delimiter = ',', default_value = "256,4096")]
        proposers: Vec<u64>,
        /// Seconds for each setting
        #[arg(long, default_value_t = 4)]
        seconds: u64,
    },
    /// Measures everything and writes the page of figures; takes about half an hour
    Figures {
        /// Seconds for each setting beside peers
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Rounds of all of them
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// The page
        #[arg(default_value = "docs/src/figures.md")]
        page: std::path::PathBuf,
    },
    /// The console with 100,000 users and 20,000 stations: every page, a search, a change
    Console {
        /// Users
        #[arg(long, default_value_t = 100_000)]
        users: usize,
        /// Stations
        #[arg(long, default_value_t = 20_000)]
        stations: usize,
        /// Groups of 1,000
        #[arg(long, default_value_t = 500)]
        groups: usize,
        /// Requests of each page
        #[arg(long, default_value_t = 200)]
        requests: usize,
    },
    /// Reads, verifies and pools a license file
    Load {
        /// Its lines
        #[arg(long, default_value_t = 10_000)]
        lines: usize,
    },
    /// The portal with the books of a large publisher: every tab, a license file, an order of 10,000 lines
    Portal {
        /// Accounts
        #[arg(long, default_value_t = 10_000)]
        accounts: u64,
        /// Order lines
        #[arg(long, default_value_t = 1_000_000)]
        lines: u64,
        /// License files
        #[arg(long, default_value_t = 1_000_000)]
        files: u64,
        /// Requests of each page
        #[arg(long, default_value_t = 200)]
        requests: usize,
        /// A PostgreSQL server: `postgres://user@host:port`; without, one of Debian's is started
        #[arg(long, env = "GRANTOR_TEST_POSTGRES")]
        postgres: Option<String>,
    },
    /// The server that `checkout` drives; started by it
    #[command(hide = true)]
    Serve {
        /// Its folder
        folder: std::path::PathBuf,
        /// Log every event, as the shipped server does
        #[arg(long)]
        log: bool,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match Cli::parse().what {
        What::Checkout { clients, seconds } => drive::run(&clients, Duration::from_secs(seconds)),
        What::Peers { clients, seconds, rounds, only } => {
            let options = peers::Options { clients, time: Duration::from_secs(seconds), rounds, only };
            let rows = driven(peers::run(&options))?;
            print!("{}", peers::verdict(&rows));
            Ok(())
        }
        What::Hold { seats } => driven(hold::run(seats)),
        What::Storm { clients } => driven(storm::run(clients)),
        What::Core { seconds } => {
            core::run(Duration::from_secs(seconds));
            Ok(())
        }
        What::Directory => {
            directory::run();
            Ok(())
        }
        What::Console { users, stations, groups, requests } => {
            driven(console::run(console::Options { users, stations, groups, requests }))
        }
        What::Load { lines } => load::run(lines),
        What::Engine { proposers, seconds } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(engine::run(&proposers, Duration::from_secs(seconds)))
        }
        What::Figures { seconds, rounds, page } => figures::run(&page, seconds, rounds),
        What::Portal { accounts, lines, files, requests, postgres } => {
            let size = portal::Size { accounts: accounts.max(3), lines, files };
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(portal::run(&portal::Options { size, requests, postgres }))
        }
        What::Serve { folder, log } => process::serve(&folder, log),
    }
}

/// Runs until it is done or told to stop; either way, whatever was started is dropped and thereby ended. One thread drives
/// all connections, each in its turn, so that the servers have the rest of the machine and no connection waits for the
/// others here.
fn driven<T>(work: impl Future<Output = Result<T, drive::Failure>>) -> Result<T, drive::Failure> {
    // A thousand connections need more descriptors than many a shell allows; without them, opening fails in plain words.
    let _raised = std::process::Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string(), "--nofile=20000:20000"])
        .status();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut told = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err("stopped".into()),
            _ = told.recv() => Err("stopped".into()),
        }
    })
}
