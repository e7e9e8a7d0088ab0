//! The tests of `grantor-client` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

mod failover;
mod find;
mod instance;
mod many;
mod resilience;
mod seats;
mod support;
mod suspend;
mod trust;
