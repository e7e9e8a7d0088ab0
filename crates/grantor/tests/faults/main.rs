//! Faults with real processes: three servers, each in a network namespace of its own, lose their leader, their disk, their
//! network and their clock while clients work over the real HTTP API. What every client was told is recorded, and compared
//! with what may be and with what is there afterwards. Needs root on Linux, `ip`, `nft`, `strace` and libfaketime.
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

#[path = "../../../server/tests/it/support/issue.rs"]
mod issue;
#[path = "../../../server/tests/it/support/sink.rs"]
mod sink;

mod clocks;
mod disks;
mod floods;
mod history;
mod http;
mod kills;
mod load;
mod means;
mod net;
mod node;
mod notices;
mod partitions;
mod places;
mod storms;
mod trio;
mod upgrades;
