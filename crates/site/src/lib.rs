//! One customer's site as a deterministic state machine: pools, grants, sessions, queues, violations.
//!
//! [`Site::apply`] takes one [`Entry`] of the replicated log and gives an [`Outcome`]. It is synchronous and total, and
//! knows no clock, randomness, hash order, floating point or I/O (design.md §4): the same entries give the same state on
//! every server and at every replay. Capacity is spent on grants alone.

pub mod access;
pub mod acts;
mod answered;
mod checkout;
pub mod command;
pub mod directory;
mod disconnect;
pub mod event;
pub mod files;
pub mod grant;
pub mod ids;
mod instance;
mod invariants;
pub mod level;
mod loan;
mod nearest;
pub mod notices;
pub mod outcome;
pub mod people;
pub mod pool;
mod queue;
mod release;
mod reserve;
pub mod session;
pub mod settings;
mod shards;
mod site;
mod snapshot;
mod ties;
pub mod time;
mod timers;
pub mod violation;
pub mod who;

pub use command::{Command, Entry};
pub use event::Event;
pub use outcome::{Outcome, Refusal, Reply};
pub use queue::Waiting;
pub use site::Site;
pub use snapshot::SnapshotError;
pub use time::Timestamp;
