//! What clients believe to hold, in virtual time: from the answer to a checkout until the request to give it back is
//! sent, or until the last accepted sign of life is too old. A belief is a promise that the servers made.

use grantor_site::ids::{GrantId, SessionId};

/// One grant that a client was told of and has not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    pub(crate) count: u32,
    /// Believed until then, in milliseconds.
    pub(crate) until: u64,
}

/// What is believed now.
#[derive(Debug, Default)]
pub(crate) struct History {
    holds: Vec<Hold>,
    /// Grants that were ever acknowledged.
    pub(crate) granted: u64,
    /// Those given back with an answer.
    pub(crate) given_back: u64,
}

impl History {
    pub(crate) fn take(&mut self, hold: Hold) {
        self.granted += 1;
        self.holds.push(hold);
    }

    /// A sign of life was accepted.
    pub(crate) fn extend(&mut self, session: SessionId, until: u64) {
        let own = self.holds.iter_mut().filter(|hold| hold.session == session);
        own.for_each(|hold| hold.until = hold.until.max(until));
    }

    /// From here on the client does not use the grant.
    pub(crate) fn let_go(&mut self, grant: GrantId) {
        self.holds.retain(|hold| hold.grant != grant);
    }

    /// From here on the client does not use the session.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.holds.retain(|hold| hold.session != session);
    }

    pub(crate) fn believed(&self, now: u64) -> Vec<Hold> {
        self.holds.iter().filter(|hold| now < hold.until).copied().collect()
    }

    /// Seats that are believed to be out. It only ever rises when an answer comes, so looking then is enough.
    pub(crate) fn out(&self, now: u64) -> u32 {
        self.believed(now).iter().map(|hold| hold.count).sum()
    }
}
