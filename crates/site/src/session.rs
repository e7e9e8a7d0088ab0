//! Sessions: opening, finding again, renewing a lease, ending. Heartbeats are the leader's; here one only ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_license::Machine;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Site;
use crate::command::{EndReason, OpenSession};
use crate::event::{DequeueReason, Event};
use crate::ids::{GrantId, RequestKey, SessionId, TicketId};
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::time::Timestamp;
use crate::timers::Due;
use crate::who::Who;

/// How many requests that were granted and given back a session remembers, against late retries.
const REMEMBERED: usize = 8;

/// How many tenants' names are kept for sessions to share.
const TENANTS: usize = 1024;

/// A connected application, or a script's lease.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose pools it takes from.
    pub tenant: Arc<Arc<str>>,
    /// Who it is, as claimed.
    pub who: Who,
    /// Since when.
    pub opened: Timestamp,
    /// Seconds without a sign of life after which the leader ends it; not for leases.
    pub heartbeat_seconds: u32,
    /// All that it holds, if that is one grant; 0 = it holds none, or several.
    sole: GrantId,
    more: Option<Box<More>>,
}

/// What not every session has.
#[derive(Clone, Debug, Default)]
struct More {
    machine: Option<Box<Machine>>,
    lease_until: Option<Timestamp>,
    grants: Vec<GrantId>,
    tickets: Vec<TicketId>,
    done: Vec<RequestKey>,
}

impl More {
    fn is_empty(&self) -> bool {
        self.machine.is_none()
            && self.lease_until.is_none()
            && self.grants.is_empty()
            && self.tickets.is_empty()
            && self.done.is_empty()
    }
}

impl Session {
    fn new(open: &OpenSession, tenant: Arc<Arc<str>>, heartbeat_seconds: u32, now: Timestamp) -> Self {
        let mut session = Self {
            tenant,
            who: Who::from(&open.who),
            opened: now,
            heartbeat_seconds,
            sole: GrantId(0),
            more: None,
        };
        if open.machine.is_some() || open.lease_until.is_some() {
            let more = session.more();
            (more.machine, more.lease_until) = (open.machine.clone(), open.lease_until);
        }
        session
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// What it runs on, as claimed.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine> {
        self.more.as_ref()?.machine.as_deref()
    }

    /// For a script's lease: its end.
    #[must_use]
    pub fn lease_until(&self) -> Option<Timestamp> {
        self.more.as_ref()?.lease_until
    }

    /// What it holds.
    #[must_use]
    pub fn grants(&self) -> &[GrantId] {
        match &self.more {
            _ if self.sole != GrantId(0) => std::slice::from_ref(&self.sole),
            Some(more) => &more.grants,
            None => &[],
        }
    }

    /// Where it waits.
    #[must_use]
    pub fn tickets(&self) -> &[TicketId] {
        self.more.as_ref().map_or(&[], |more| &more.tickets)
    }

    /// Requests that were granted and given back.
    pub(crate) fn done(&self) -> &[RequestKey] {
        self.more.as_ref().map_or(&[], |more| &more.done)
    }

    pub(crate) fn take(&mut self, grant: GrantId) {
        if self.grants().is_empty() {
            self.sole = grant;
            return;
        }
        let sole = std::mem::take(&mut self.sole);
        let more = self.more();
        more.grants.extend(Some(sole).filter(|sole| *sole != GrantId(0)));
        more.grants.push(grant);
    }

    pub(crate) fn let_go(&mut self, grant: GrantId) {
        if self.sole == grant {
            self.sole = GrantId(0);
        } else if let Some(more) = &mut self.more {
            more.grants.retain(|held| *held != grant);
            self.tidy();
        }
    }

    pub(crate) fn set_grants(&mut self, grants: Vec<GrantId>) {
        self.sole = GrantId(0);
        match *grants {
            [sole] => (self.sole, self.more().grants) = (sole, Vec::new()),
            _ => self.more().grants = grants,
        }
        self.tidy();
    }

    pub(crate) fn wait(&mut self, ticket: TicketId) {
        self.more().tickets.push(ticket);
    }

    pub(crate) fn wait_no_more(&mut self, ticket: TicketId) {
        if let Some(more) = &mut self.more {
            more.tickets.retain(|other| *other != ticket);
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        if self.more.as_ref().is_some_and(|more| more.is_empty()) {
            self.more = None;
        }
    }

    /// Moves the end of a lease and returns where it was.
    fn renew(&mut self, until: Timestamp) -> Option<Timestamp> {
        self.more.as_mut()?.lease_until.as_mut().map(|end| std::mem::replace(end, until))
    }

    pub(crate) fn remember(&mut self, request: RequestKey) {
        if request == RequestKey::default() || self.done().contains(&request) {
            return;
        }
        let done = &mut self.more().done;
        if done.len() == REMEMBERED {
            done.remove(0);
        }
        done.push(request);
    }
}

/// A session as it is saved.
#[derive(Serialize, Deserialize)]
struct Saved<T, W, M, G, Q, D> {
    tenant: T,
    who: W,
    machine: Option<M>,
    opened: Timestamp,
    heartbeat_seconds: u32,
    lease_until: Option<Timestamp>,
    grants: G,
    tickets: Q,
    done: D,
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = Saved {
            tenant: &**self.tenant,
            who: &self.who,
            machine: self.machine(),
            opened: self.opened,
            heartbeat_seconds: self.heartbeat_seconds,
            lease_until: self.lease_until(),
            grants: self.grants(),
            tickets: self.tickets(),
            done: self.done(),
        };
        saved.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Read = Saved<Arc<str>, Who, Box<Machine>, Vec<GrantId>, Vec<TicketId>, Vec<RequestKey>>;
        let saved = Read::deserialize(deserializer)?;
        let Saved { tenant, who, machine, opened, heartbeat_seconds, lease_until, .. } = saved;
        let more =
            More { machine, lease_until, tickets: saved.tickets, done: saved.done, grants: Vec::new() };
        let more = (!more.is_empty()).then(|| Box::new(more));
        let mut session =
            Self { tenant: Arc::new(tenant), who, opened, heartbeat_seconds, sole: GrantId(0), more };
        saved.grants.into_iter().for_each(|grant| session.take(grant));
        Ok(session)
    }
}

impl Site {
    pub(crate) fn open_session(&mut self, open: &OpenSession) -> Result<Reply, Refusal> {
        self.open_in_place_of(open, false)
    }

    /// Opens a session; `another` is about to end and needs no place beside it.
    pub(crate) fn open_in_place_of(&mut self, open: &OpenSession, another: bool) -> Result<Reply, Refusal> {
        if let Some(session) = self.sessions.get(open.session) {
            return if session.who == open.who && *session.tenant == open.tenant {
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
        let session = Session::new(open, self.known_tenant(&open.tenant), heartbeat, self.now);
        self.tell(Event::SessionOpened {
            session: open.session,
            tenant: (*session.tenant).clone(),
            who: session.who.clone(),
        });
        self.sessions.insert(open.session, session);
        if let Some(until) = open.lease_until {
            self.timers.add(until, Due::Lease(open.session));
        }
        Ok(opened(open.session, heartbeat, false))
    }

    /// The tenant's name as other sessions have it, so that a million share one.
    pub(crate) fn known_tenant(&mut self, tenant: &Arc<str>) -> Arc<Arc<str>> {
        if let Some(known) = self.tenants.get(tenant) {
            return known.clone();
        }
        let known = Arc::make_mut(&mut self.tenants);
        if known.len() >= TENANTS {
            known.clear();
        }
        let tenant = Arc::new(tenant.clone());
        known.insert(tenant.clone());
        tenant
    }

    pub(crate) fn renew_session(&mut self, id: SessionId, until: Timestamp) -> Result<Reply, Refusal> {
        let session = self.sessions.get_mut(id).ok_or(Refusal::NoSuchSession)?;
        let before = session.renew(until).ok_or(Refusal::NotALease)?;
        self.timers.remove(before, Due::Lease(id));
        self.timers.add(until, Due::Lease(id));
        Ok(Reply::Done)
    }

    pub(crate) fn end_session(&mut self, id: SessionId, why: &EndReason) -> Result<Reply, Refusal> {
        let session = self.sessions.get(id).cloned().ok_or(Refusal::NoSuchSession)?;
        if let Some(until) = session.lease_until() {
            self.timers.remove(until, Due::Lease(id));
        }
        let waits = session.tickets().iter().filter_map(|ticket| self.tickets.get(*ticket));
        let keys: BTreeSet<FeatureKey> = waits.map(|waiting| waiting.key.clone()).collect();
        // All its places first: else what one leaves behind could be granted to another, and nobody would hold it.
        for ticket in session.tickets() {
            self.leave(*ticket, DequeueReason::Left);
        }
        for key in keys {
            self.serve_queue(&key);
        }
        for grant in session.grants() {
            self.give_back(*grant);
        }
        self.leave_presence(id);
        self.sessions.remove(id);
        self.ties.release(id);
        self.tell(Event::SessionEnded {
            session: id,
            tenant: (*session.tenant).clone(),
            who: session.who,
            why: why.clone(),
        });
        Ok(Reply::Done)
    }
}

fn opened(session: SessionId, heartbeat_seconds: u32, resumed: bool) -> Reply {
    Reply::Opened { session, heartbeat_seconds, resumed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_holds_one_grant_takes_no_more_than_a_seat_may() {
        assert_eq!(size_of::<Session>(), 48);
    }
}
