//! What falls due, in order of time. Kept in buckets shared on clone, like [`crate::shards`]. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, SessionId, TicketId};
use crate::time::Timestamp;

/// Width of a bucket in milliseconds: wide enough that a day has few, narrow enough that copying one is quick.
const BUCKET: i64 = 10_000;

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Due {
    /// A line comes into force or runs out: pools are to be worked out again.
    Pools,
    /// A lease for scripts ends.
    Lease(SessionId),
    /// A grant's hold window ends.
    Hold(GrantId),
    /// A place in the queue lapses.
    Ticket(TicketId),
    /// What disconnects every so many minutes does now.
    Disconnect(u32),
    /// There is something to tell of: a license ends in so many days, or attempts were gathered.
    Notices,
}

/// The instants at which the site must act on its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timers(BTreeMap<i64, Arc<BTreeSet<(Timestamp, Due)>>>);

impl Timers {
    pub(crate) fn add(&mut self, at: Timestamp, due: Due) {
        Arc::make_mut(self.0.entry(at.0.div_euclid(BUCKET)).or_default()).insert((at, due));
    }

    pub(crate) fn remove(&mut self, at: Timestamp, due: Due) {
        let bucket = at.0.div_euclid(BUCKET);
        let Some(set) = self.0.get_mut(&bucket) else { return };
        Arc::make_mut(set).remove(&(at, due));
        if set.is_empty() {
            self.0.remove(&bucket);
        }
    }

    /// The earliest instant at which something falls due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.values().next().and_then(|set| set.first()).map(|(at, _)| *at)
    }

    /// Takes out the earliest that is due by `now`.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let first = *self.0.values().next()?.first()?;
        if first.0 > now {
            return None;
        }
        self.remove(first.0, first.1);
        Some(first)
    }

    pub(crate) fn contains(&self, at: Timestamp, due: Due) -> bool {
        self.0.get(&at.0.div_euclid(BUCKET)).is_some_and(|set| set.contains(&(at, due)))
    }
}
