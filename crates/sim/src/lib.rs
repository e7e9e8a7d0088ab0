//! A cluster in one process and in virtual time: three real servers (consensus, log, site) on simulated disks
//! and a simulated network, clients, and faults. One seed decides everything and replays.
//!
//! What is real: `grantor_server::consensus`, its log with framing, recovery and purge, and `grantor_site`.
//! What is simulated: disks, network, clocks, power, and the thin layer above consensus that answers clients
//! and watches signs of life. Never part of the product.

mod bug;
mod client;
mod disk;
mod history;
mod kills;
mod license;
mod members;
mod network;
mod options;
mod oracle;
mod power;
mod run;
mod server;
mod shapes;
mod trace;
mod world;

pub use bug::Bug;
pub use kills::{Kills, kill_leaders};
pub use options::{Fault, Options};
pub use run::{Run, run};

/// The seed and the way to see it again; stands in every failure.
#[must_use]
pub fn replay_command(seed: u64) -> String {
    format!("GRANTOR_SIM_SEED={seed} cargo nextest run -p grantor-sim --run-ignored all --no-capture replay")
}
