//! Several servers as one: how they come to know each other, how they talk, how a server joins and leaves, and how a
//! request that reaches any of them gets to the leader. What is agreed on, and how, is [`crate::consensus`]'s.
//!
//! All traffic between servers goes over the one TLS port, told apart by its protocol name (ALPN). Each server is known by
//! the fingerprint of a certificate of its own, which stands in the replicated membership: who isn't there is a stranger.

pub(crate) mod clocks;
mod forming;
mod forward;
mod join;
pub(crate) mod level;
mod licenses;
mod member;
mod peers;
pub(crate) mod place;
mod record;
mod tls;
mod token;
mod wire;

pub(crate) use forming::{Formed, Forming};
pub(crate) use forward::{here_only, to_leader};
pub(crate) use join::{BACKUP_TOKEN, Node, look_after};
pub(crate) use licenses::LicenseSet;
pub(crate) use member::address;
pub use member::{Fingerprint, Member};
pub(crate) use peers::{Peers, Wire};
pub use place::take_over;
pub(crate) use record::Record;
pub(crate) use tls::PeerIdentity;
pub use token::JoinToken;
pub(crate) use wire::{FromMember, PeerDoor, is_peer};
