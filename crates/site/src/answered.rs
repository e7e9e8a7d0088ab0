//! Which requests for seats were answered lately: networks deliver late, and servers pass on what they could not at first.
//! Knows no seats and decides nothing.

use serde::{Deserialize, Serialize};

use crate::ids::{RequestKey, SessionId};
use crate::shards::{Key, Shards};
use crate::time::Timestamp;

/// Milliseconds for which an answer is remembered at least. A server lets a request wait two seconds and its leader eight
/// more; what TCP sends again on a link that comes back is rarely older than a minute.
const REMEMBERED: u64 = 60_000;

/// Most answers of one generation: with more, the older generation is forgotten early.
const MOST: usize = 500_000;

/// A request and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Asked(SessionId, RequestKey);

impl Key for Asked {
    fn spread(self) -> u64 {
        let both = self.0.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.1.0);
        (both ^ (both >> 64)) as u64
    }
}

/// Two generations: while the young one grows for a minute, the old one is still known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// Since when the young one has been growing.
    since: Timestamp,
    young: Shards<Asked, ()>,
    old: Shards<Asked, ()>,
}

impl Answered {
    /// Whether there is nothing that a snapshot must have a place for.
    pub(crate) fn is_empty(&self) -> bool {
        self.young.len() + self.old.len() == 0
    }

    pub(crate) fn has(&self, session: SessionId, request: RequestKey) -> bool {
        let asked = Asked(session, request);
        self.young.contains(asked) || self.old.contains(asked)
    }

    pub(crate) fn note(&mut self, session: SessionId, request: RequestKey, now: Timestamp) {
        if now.millis_since(self.since) >= REMEMBERED || self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
            self.since = now;
        }
        self.young.insert(Asked(session, request), ());
    }
}
