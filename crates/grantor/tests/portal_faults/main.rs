//! Faults of the publisher's portal with real processes: portals and their signer are killed, the database goes away or has no
//! room, the mail server keeps letters back, several portals serve one database. What clients were told is compared with what
//! stands in the books, in the log and at the signer afterwards. On SQLite and, with `GRANTOR_TEST_POSTGRES`, on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start processes and read clocks"
)]

#[allow(dead_code, reason = "the license server's faults use the rest")]
#[path = "../faults/means.rs"]
mod means;
#[path = "../../../server/tests/it/support/sink.rs"]
mod sink;

mod balancer;
mod books;
mod check;
mod disks;
mod gone;
mod halfway;
mod held;
mod http;
mod kills;
mod letters;
mod load;
mod office;
mod questions;
mod server;
