//! Names of things in a site. Numbers given by the core are handed out once and never again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::shards::Key;

/// A session's name: 128 bits chosen by the application (or the leader) at random, and the secret that speaks for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u128);

impl fmt::Debug for SessionId {
    /// Shows the first eighth only: whoever knows the whole may act for the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:04x}…)", self.0 >> 112)
    }
}

/// A loan's name: 128 bits chosen at random by whoever borrows, and the secret that gives the seat back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoanKey(pub u128);

impl fmt::Debug for LoanKey {
    /// Shows the first eighth only, as for sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoanKey({:04x}…)", self.0 >> 112)
    }
}

impl Key for LoanKey {
    fn spread(self) -> u64 {
        (self.0 ^ (self.0 >> 64)) as u64
    }
}

impl Key for SessionId {
    fn spread(self) -> u64 {
        (self.0 ^ (self.0 >> 64)) as u64
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Key for $name {
            fn spread(self) -> u64 {
                u64::from(self.0)
            }
        }
    };
}

number!(
    /// A grant's number; later grants have larger ones.
    GrantId(u64)
);
number!(
    /// A pool's number; a pool keeps it while the same lines stand behind it.
    PoolId(u32)
);
number!(
    /// A place in a queue; later ones are larger.
    TicketId(u64)
);
number!(
    /// A user's number in the directory. Users, stations, groups and roles are numbered together.
    UserId(u32)
);
number!(
    /// A station's number.
    StationId(u32)
);
number!(
    /// A group's or workgroup's number.
    GroupId(u32)
);
number!(
    /// A role's number.
    RoleId(u32)
);

/// An application's own name for one request, so that a retry never takes two seats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestKey(pub u128);
