//! The tests of the program from outside, but for faults that need the machine to themselves (`faults`, `portal_faults`).
//! They are one program: each program of tests links the whole product again, so one for each file fills the disk of a
//! small machine and takes minutes.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod cli;
mod directory;
mod house;
#[path = "../../../server/tests/it/support/issue.rs"]
mod issue;
mod keys;
mod kill;
mod ldap;
mod portal;
mod portal_config;
mod process;
mod site;
mod slapd;
