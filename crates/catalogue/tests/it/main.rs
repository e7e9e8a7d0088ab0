//! The tests of `grantor-catalogue` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

mod checks;
mod common;
mod examples;
mod properties;
mod rules;
mod seed;
