//! The publisher's service: from an order to the right license file on the right machine.
//!
//! May use the license and catalogue crates; never the site, the server or the SDK.
//!
//! The way through: [`accounts`] and their [`sites`] → [`catalogues`] in editions → [`orders`] with an [`lrn`] →
//! [`entitlements`] (and [`upgrades`] of them), the one thing that [`files`] are made from. [`log`] has everything that was decided, [`ledger`] makes it provable, and the [`signer`], a process of its own, signs only what is in it ([`signing`]). [`store`] keeps it all, on SQLite or PostgreSQL by
//! the same statements. Whatever the rules don't allow is a [`Refusal`]; every other failure is the database's.

pub mod accounts;
pub mod activation;
pub mod backup;
pub mod catalogues;
pub mod certifications;
pub mod challenges;
pub mod draft;
pub mod entitlements;
mod entity;
pub mod export;
pub mod files;
pub mod filters;
pub mod hooks;
pub mod http;
pub mod identities;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod lrn;
pub mod mails;
mod migrations;
pub mod once;
pub mod orders;
pub mod passkeys;
mod passphrase;
pub mod people;
pub mod post;
mod refusal;
pub mod requests;
pub mod rights;
pub mod root;
pub mod serve;
pub mod signer;
pub mod signin;
pub mod signing;
pub mod sites;
pub mod store;
pub mod tokens;
pub mod upgrades;

pub use grantor_web::{providers, sealed};
pub use refusal::{Failure, Refusal};
