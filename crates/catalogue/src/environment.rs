//! What the rules need to know beyond the ordered quantities. May not judge: [`crate::Quantity`] does.

use serde::Serialize;

/// Whether the same agents handle what several items are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// The same group of agents handles interactions of two or more solutions: the larger number of seats counts.
    Blended,
    /// Dedicated agents handle each: the seats add up.
    Separate,
}

impl Deployment {
    pub(crate) const WORDS: [(&'static str, Self); 2] =
        [("blended", Self::Blended), ("separate", Self::Separate)];
}

/// The installation that an order is for. Every number from 1 to 1,000,000, except where another range is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Whether agents are shared; `None`: blended, with a warning where it matters.
    pub deployment: Option<Deployment>,
    /// Agents' seats, for items that are not sold by the seat. `None`: the seats of the order.
    pub seats: Option<u32>,
    /// People logged on at the same time. `None`: one for every seat.
    pub concurrent_users: Option<u32>,
    /// Ports, for items that are not sold by the port.
    pub ports: Option<u32>,
    /// Running instances of each licensed server. `None`: 1.
    pub instances: Option<u32>,
    /// Configuration environments. `None`: 1.
    pub environments: Option<u32>,
    /// Sites: T-Servers and Network T-Servers, a redundant pair as one. `None`: 1.
    pub sites: Option<u32>,
    /// IVR Servers at work with those sites: one more multi-site license for each. `None`: none; from 0.
    pub ivr_servers: Option<u32>,
    /// Pairs of a primary and a backup server. `None`: 1.
    pub redundant_pairs: Option<u32>,
    /// Clients connected to a server at the same time. `None`: one for every seat.
    pub connections: Option<u32>,
    /// Callback requests within 60 minutes.
    pub callbacks_per_hour: Option<u32>,
    /// Agents' DNs, such as extensions and positions. `None`: one for every seat and port.
    pub seat_dns: Option<u32>,
    /// Other DNs, such as queues and routing points. `None`: 999,999, as the publisher issues them; from 0.
    pub technical_dns: Option<u32>,
}
