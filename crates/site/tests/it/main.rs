//! The tests of `grantor-site` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod allocation;
mod directory_at_random;
mod directory_oracle;
mod directory_replay;
mod loans;
mod log_on;
mod media;
mod model;
mod notices;
mod oracle;
mod people;
mod profiles;
mod replay;
mod roles;
mod sequences;
mod session_licenses;
mod small_sites;
mod stories;
mod support;
mod ties;
mod ties_at_random;
