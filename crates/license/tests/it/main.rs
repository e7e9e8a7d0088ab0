//! The tests of `grantor-license` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

#![allow(clippy::disallowed_macros, clippy::disallowed_types, clippy::unwrap_used, reason = "tests")]

mod admission;
mod common;
mod corpus;
mod grammar;
mod issuing;
mod pooling;
mod revoking;
mod signing;
mod total;
mod vectors;
