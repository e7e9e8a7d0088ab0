//! What crosses the network between license server, SDK and tools: request and response bodies and problem details.
//!
//! Plain data. Requests refuse unknown fields, so that a mistyped one is not silently ignored; answers may grow fields.
//! Instants are RFC 3339 in UTC, durations whole seconds, ids of sessions 32 hex digits. Knows no state machine, no
//! HTTP library, no async.

pub mod admin;
pub mod binding;
pub mod checkout;
pub mod cluster;
pub mod directory;
pub mod id;
pub mod limits;
pub mod loan;
pub mod people;
pub mod problem;
pub mod session;
pub mod status;

pub use id::HexId;
pub use problem::{Code, Holder, Problem};
