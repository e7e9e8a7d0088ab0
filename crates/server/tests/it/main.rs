//! The tests of `grantor-server` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod api;
mod cluster;
mod console_hostile;
mod console_people;
mod console_tables;
mod directory;
mod disconnect;
mod floods;
mod generations;
mod hostile;
#[path = "../../../web/tests/support/idp.rs"]
mod idp;
mod notices;
mod openapi;
mod people;
mod revoked;
mod scim;
mod support;
