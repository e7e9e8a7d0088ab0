//! How well-known servers consume licenses, by name, so that an application asks as administrators expect (design.md §6,
//! seed 004 "License Check Process"). Each is a few words on a [`Checkout`], no more.
//!
//! | who | asks for | if there are fewer |
//! | --- | --- | --- |
//! | [T-Server](Checkout::for_tserver) | a configured number | takes what is left |
//! | [Universal Routing Server](Checkout::for_urs) | all that are left | takes what is left |
//! | [Outbound Contact Server](Checkout::for_ocs) | a configured number | takes what is left |
//! | [Universal Callback Server](Checkout::for_ucs) | up to a configured number | takes what is left |
//! | [Interaction Server](Checkout::for_interaction_server) | a configured number of each type | is refused |
//! | [Desktop](Checkout::for_desktop) | one for each log-on | is refused |
//! | [Integration Server](Checkout::for_gis) | one for each connection | is refused |
//! | [a redundant pair](Checkout::for_pair) | its seats once for both | – |

use crate::request::Checkout;

/// The most seats that one client may hold of a feature.
const PER_CLIENT: u32 = 9999;

impl Checkout {
    /// T-Server: `n` for its configured devices at startup; if that is more than are left, the most that are. None at all
    /// is a refusal, and T-Server exits.
    pub fn for_tserver(self, n: u32) -> Self {
        self.up_to(n).at_least(1)
    }

    /// Universal Routing Server: all that are left, at startup; it allots them to agents by itself.
    pub fn for_urs(self) -> Self {
        self.all_left()
    }

    /// Outbound Contact Server: its option `num-of-licenses` at startup, as far as they go.
    pub fn for_ocs(self, n: u32) -> Self {
        self.up_to(n)
    }

    /// Universal Callback Server: up to `n` at startup, 9999 at most. Each callback uses one up for 60 minutes: the server
    /// counts, or the license line says so with a hold of its own and each callback is a checkout.
    pub fn for_ucs(self, n: u32) -> Self {
        self.up_to(n.min(PER_CLIENT))
    }

    /// Interaction Server: just the number that its option of the feature's name says, and anew when the option changes.
    pub fn for_interaction_server(self, n: u32) -> Self {
        self.count(n)
    }

    /// Desktop: one seat when a user logs on, given back at log-off, when the window closes or breaks off.
    pub fn for_desktop(self) -> Self {
        self.count(1)
    }

    /// Integration Server: one seat of the connection's type when a client connects, given back when the connection ends.
    pub fn for_gis(self) -> Self {
        self.count(1)
    }

    /// A redundant pair: primary and backup give the same `name` and hold their seats once, where the license line says
    /// `DUP_GROUP=V`.
    pub fn for_pair(self, name: &str) -> Self {
        self.share(name)
    }
}
