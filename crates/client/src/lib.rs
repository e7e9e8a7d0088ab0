//! The SDK that applications link: find a license server, check out, verify that the grant derives from a line signed
//! by the publisher, keep the session alive, give back.
//!
//! Blocking, with a few background threads for all clients of the process; no async runtime. It may not know the server's inside
//! (`grantor-site`, `grantor-server`): it speaks the HTTP API alone.
//!
//! ```no_run
//! use grantor_client::{Client, Event, Servers};
//!
//! # fn main() -> Result<(), grantor_client::Error> {
//! let client = Client::builder("drawing-board")
//!     .servers(Servers::find(None)?)
//!     .publisher("acme", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
//!     .on_event(|event| match event {
//!         Event::Revoked { feature, reason, .. } => eprintln!("{feature} was taken away: {reason}"),
//!         Event::SessionLost { reason } => eprintln!("no license any more: {reason}"),
//!         _ => {}
//!     })
//!     .connect()?;
//! let seats = client.checkout("drawing", "8.1").count(2).take()?;
//! assert_eq!(seats.count(), 2);
//! // Work; ask `seats.is_valid()` now and then. Dropping gives the seats back.
//! # Ok(())
//! # }
//! ```
//!
//! Tools that speak to a server on their own use [`Http`].

mod attempt;
mod backoff;
mod binding;
mod boot;
mod builder;
mod certificate;
mod client;
mod engine;
mod error;
mod event;
mod heart;
mod held;
mod http;
mod inherited;
mod known;
mod listen;
pub mod patterns;
mod places;
mod proof;
mod random;
mod reconcile;
mod redundant;
mod request;
mod seats;
mod servers;
mod session;
mod silence;
mod tls;
mod trust;
mod vital;

pub use builder::Builder;
pub use client::Client;
pub use error::Error;
pub use event::Event;
pub use grantor_api as api;
pub use http::Http;
pub use request::Checkout;
pub use seats::Seats;
pub use servers::{FindError, PORT, Server, Servers};
pub use silence::Silence;
pub use trust::{Fingerprint, ServerTrust};
