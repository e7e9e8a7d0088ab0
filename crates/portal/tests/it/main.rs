//! The tests of `grantor-portal` from outside, in one program: each program of tests links the whole product again,
//! so one for each file fills the disk of a small machine and takes minutes.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod accounts;
mod activation;
mod activity;
mod api;
mod api_files;
mod api_house;
mod api_orders;
mod at_once;
mod backup;
mod bulk;
mod certified;
mod entitlements;
mod export;
mod files;
mod gates;
mod hooks;
#[path = "../../../web/tests/support/idp.rs"]
mod idp;
mod keys;
mod log;
mod logged;
mod moves;
mod orders;
mod passkeys;
mod post;
mod providers;
mod reach;
mod recovery;
mod reminders;
mod reported;
mod requests;
mod signin;
mod signing;
mod support;
mod tabs;
mod terms;
mod trials;
mod two_people;
mod types;
mod upgrades;
