//! The license server: consensus adapter, HTTP API, log events, and the task that runs them.

pub mod cluster;
pub mod config;
pub mod consensus;
mod console;
pub mod log;
pub mod logging;
pub mod run;
pub mod secret;
mod signin;
pub use grantor_web::tls;

mod clock;
pub mod directory_table;
mod disconnects;
mod eventlog;
pub mod hostid;
mod http;
mod listen;
mod living;
mod loader;
pub mod notices;
pub mod portal;
mod recent;
mod reign;
mod revoked;
mod socket;

pub use config::Config;
pub use http::openapi;
