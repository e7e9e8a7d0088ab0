//! Sessions: opening, finding again, renewing a lease, ending. Heartbeats are the leader's; here one only ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use grantor_license::Machine;
use serde::{Deserialize, Serialize};

use crate::Site;
use crate::command::{EndReason, Identity, OpenSession};
use crate::event::{DequeueReason, Event};
use crate::ids::{GrantId, RequestKey, SessionId, TicketId};
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::time::Timestamp;
use crate::timers::Due;

/// How many requests that were granted and given back a session remembers, against late retries.
const REMEMBERED: usize = 8;

/// A connected application, or a script's lease.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Whose pools it takes from.
    pub tenant: Arc<str>,
    /// Who it is, as claimed.
    pub who: Arc<Identity>,
    /// What it runs on, as claimed.
    pub machine: Option<Box<Machine>>,
    /// Since when.
    pub opened: Timestamp,
    /// Seconds without a sign of life after which the leader ends it; not for leases.
    pub heartbeat_seconds: u32,
    /// For a script's lease: its end.
    pub lease_until: Option<Timestamp>,
    /// What it holds.
    pub grants: Vec<GrantId>,
    /// Where it waits.
    pub tickets: Vec<TicketId>,
    pub(crate) done: VecDeque<RequestKey>,
}

impl Session {
    fn new(open: &OpenSession, heartbeat_seconds: u32, now: Timestamp) -> Self {
        Self {
            tenant: open.tenant.clone(),
            who: Arc::new(open.who.clone()),
            machine: open.machine.clone(),
            opened: now,
            heartbeat_seconds,
            lease_until: open.lease_until,
            grants: Vec::new(),
            tickets: Vec::new(),
            done: VecDeque::new(),
        }
    }

    pub(crate) fn remember(&mut self, request: RequestKey) {
        if request == RequestKey::default() || self.done.contains(&request) {
            return;
        }
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back(request);
    }
}

impl Site {
    pub(crate) fn open_session(&mut self, open: &OpenSession) -> Result<Reply, Refusal> {
        self.open_in_place_of(open, false)
    }

    /// Opens a session; `another` is about to end and needs no place beside it.
    pub(crate) fn open_in_place_of(&mut self, open: &OpenSession, another: bool) -> Result<Reply, Refusal> {
        if let Some(session) = self.sessions.get(open.session) {
            return if *session.who == open.who && session.tenant == open.tenant {
                Ok(opened(open.session, session.heartbeat_seconds, true))
            } else {
                Err(Refusal::SessionTaken)
            };
        }
        let bound = self.settings.max_sessions;
        if self.sessions.len() - usize::from(another) >= bound as usize {
            return Err(Refusal::TooManySessions { bound });
        }
        let heartbeat = match open.heartbeat_seconds {
            0 => self.settings.heartbeat_seconds,
            asked => asked,
        };
        let session = Session::new(open, heartbeat, self.now);
        self.tell(Event::SessionOpened {
            session: open.session,
            tenant: session.tenant.clone(),
            who: session.who.clone(),
        });
        self.sessions.insert(open.session, session);
        if let Some(until) = open.lease_until {
            self.timers.add(until, Due::Lease(open.session));
        }
        Ok(opened(open.session, heartbeat, false))
    }

    pub(crate) fn renew_session(&mut self, id: SessionId, until: Timestamp) -> Result<Reply, Refusal> {
        let session = self.sessions.get_mut(id).ok_or(Refusal::NoSuchSession)?;
        let before = session.lease_until.replace(until);
        let Some(before) = before else {
            session.lease_until = None;
            return Err(Refusal::NotALease);
        };
        self.timers.remove(before, Due::Lease(id));
        self.timers.add(until, Due::Lease(id));
        Ok(Reply::Done)
    }

    pub(crate) fn end_session(&mut self, id: SessionId, why: &EndReason) -> Result<Reply, Refusal> {
        let session = self.sessions.get(id).cloned().ok_or(Refusal::NoSuchSession)?;
        if let Some(until) = session.lease_until {
            self.timers.remove(until, Due::Lease(id));
        }
        let waits = session.tickets.iter().filter_map(|ticket| self.tickets.get(*ticket));
        let keys: BTreeSet<FeatureKey> = waits.map(|waiting| waiting.key.clone()).collect();
        // All its places first: else what one leaves behind could be granted to another, and nobody would hold it.
        for ticket in session.tickets {
            self.leave(ticket, DequeueReason::Left);
        }
        for key in keys {
            self.serve_queue(&key);
        }
        for grant in session.grants {
            self.give_back(grant);
        }
        self.sessions.remove(id);
        self.ties.release(id);
        self.tell(Event::SessionEnded {
            session: id,
            tenant: session.tenant,
            who: session.who,
            why: why.clone(),
        });
        Ok(Reply::Done)
    }
}

fn opened(session: SessionId, heartbeat_seconds: u32, resumed: bool) -> Reply {
    Reply::Opened { session, heartbeat_seconds, resumed }
}
