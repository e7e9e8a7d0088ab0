//! Waiting in line: in order, with a bound, and never past somebody who waits for the same seats.

use std::collections::BTreeSet;

use grantor_license::DupGroup;
use serde::{Deserialize, Serialize};

use crate::Site;
use crate::command::CheckOut;
use crate::event::{DequeueReason, Event};
use crate::ids::{PoolId, RequestKey, SessionId, TicketId};
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::session::Session;
use crate::time::Timestamp;
use crate::timers::Due;

/// A request that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// What it waits for.
    pub key: FeatureKey,
    /// What was asked.
    pub ask: CheckOut,
    /// Since when.
    pub since: Timestamp,
    /// When it gives up.
    pub until: Timestamp,
}

impl Site {
    /// Puts a request that can't be served now at the end of the line, if it would wait and may.
    pub(crate) fn enqueue(
        &mut self,
        ask: &CheckOut,
        key: &FeatureKey,
        refusal: Refusal,
    ) -> Result<Reply, Refusal> {
        let Some(until) = ask.queue_until.filter(|until| *until > self.now) else { return Err(refusal) };
        if !matches!(refusal, Refusal::NoneLeft(_) | Refusal::QueuedAhead { .. }) {
            return Err(refusal);
        }
        let bound = self.policy(key).queue_bound.unwrap_or(self.settings.queue_bound);
        let ahead = self.queue_length(key);
        if ahead >= bound {
            return Err(Refusal::QueueFull { bound });
        }
        let ticket = TicketId(self.next_ticket);
        self.next_ticket += 1;
        self.stand_in_line(ticket, Waiting { key: key.clone(), ask: ask.clone(), since: self.now, until });
        self.tell_queued(ticket, ask, ahead);
        Ok(Reply::Queued { ticket, ahead })
    }

    fn stand_in_line(&mut self, ticket: TicketId, waiting: Waiting) {
        self.timers.add(waiting.until, Due::Ticket(ticket));
        self.queues.entry(waiting.key.clone()).or_default().insert(ticket);
        if let Some(session) = self.sessions.get_mut(waiting.ask.session) {
            session.wait(ticket);
        }
        self.tickets.insert(ticket, waiting);
    }

    fn tell_queued(&mut self, ticket: TicketId, ask: &CheckOut, ahead: u32) {
        let Some(session) = self.sessions.get(ask.session) else { return };
        let (tenant, who) = ((*session.tenant).clone(), session.who.clone());
        self.tell(Event::Queued {
            ticket,
            session: ask.session,
            tenant,
            who,
            feature: ask.feature.clone(),
            ahead,
        });
    }

    pub(crate) fn queue_length(&self, key: &FeatureKey) -> u32 {
        self.queues.get(key).map_or(0, |queue| u32::try_from(queue.len()).unwrap_or(u32::MAX))
    }

    /// Gives what is free to those who wait, in order. Somebody later may overtake only where no pool is contested.
    pub(crate) fn serve_queue(&mut self, key: &FeatureKey) {
        let Some(queue) = self.queues.get(key).cloned() else { return };
        let contested = self.pools_of(key).count();
        // Where seats are shared, somebody further back may join a group at nobody's cost.
        let shares = self.pools_of(key).any(|pool| pool.terms.dup != DupGroup::default());
        let mut claimed = BTreeSet::new();
        for ticket in queue {
            if claimed.len() == contested && !shares {
                break;
            }
            let Some(waiting) = self.tickets.get(ticket).cloned() else { continue };
            match self.plan(&waiting.ask, key, &claimed) {
                Ok(plan) => {
                    self.leave(ticket, DequeueReason::Granted);
                    self.grant(&waiting.ask, plan, Some(ticket));
                }
                Err(_) => claimed.extend(self.claims(&waiting)),
            }
        }
    }

    /// The pools that those who wait for `key` have a claim on.
    pub(crate) fn claimed(&self, key: &FeatureKey) -> BTreeSet<PoolId> {
        let Some(queue) = self.queues.get(key) else { return BTreeSet::new() };
        let contested = self.pools_of(key).count();
        let mut claimed = BTreeSet::new();
        for waiting in queue.iter().filter_map(|ticket| self.tickets.get(*ticket)) {
            claimed.extend(self.claims(waiting));
            if claimed.len() == contested {
                break;
            }
        }
        claimed
    }

    /// Who may hold no more of the feature claims nothing until it gives something back: it would keep seats from
    /// others that it can't have itself.
    pub(crate) fn claims(&self, waiting: &Waiting) -> Vec<PoolId> {
        let Some(session) = self.sessions.get(waiting.ask.session) else { return Vec::new() };
        if self.wanted(session, &waiting.key, &waiting.ask).is_err() {
            return Vec::new();
        }
        let pools = self.serving(session, &waiting.key, &waiting.ask).ok();
        pools.into_iter().flatten().map(|pool| pool.id).collect()
    }

    /// Those who wait for what is no longer licensed, or for more than there is now, needn't.
    pub(crate) fn dismiss_hopeless(&mut self, key: &FeatureKey) {
        let Some(queue) = self.queues.get(key).cloned() else { return };
        for ticket in queue {
            let Some(waiting) = self.tickets.get(ticket) else { continue };
            if self.is_hopeless(waiting) {
                self.leave(ticket, DequeueReason::Gone);
            }
        }
    }

    fn is_hopeless(&self, waiting: &Waiting) -> bool {
        let Some(session) = self.sessions.get(waiting.ask.session) else { return true };
        let plan = || self.plan(&waiting.ask, &waiting.key, &BTreeSet::new());
        self.serving(session, &waiting.key, &waiting.ask).is_err()
            || matches!(plan(), Err(Refusal::MoreThanExists { .. }))
    }

    /// Gives what is free to those who wait for any feature: limits have changed.
    pub(crate) fn serve_queues(&mut self) {
        let keys: Vec<FeatureKey> = self.queues.keys().cloned().collect();
        for key in keys {
            self.serve_queue(&key);
        }
    }

    pub(crate) fn leave_queue(&mut self, session: SessionId, ticket: TicketId) -> Result<Reply, Refusal> {
        if !self.sessions.contains(session) {
            return Err(Refusal::NoSuchSession);
        }
        let waiting = self.tickets.get(ticket).filter(|waiting| waiting.ask.session == session);
        let key = waiting.ok_or(Refusal::NoSuchTicket)?.key.clone();
        self.leave(ticket, DequeueReason::Left);
        self.serve_queue(&key);
        Ok(Reply::Done)
    }

    pub(crate) fn time_out(&mut self, ticket: TicketId) {
        let Some(key) = self.tickets.get(ticket).map(|waiting| waiting.key.clone()) else { return };
        self.leave(ticket, DequeueReason::TimedOut);
        self.serve_queue(&key);
    }

    pub(crate) fn leave(&mut self, ticket: TicketId, why: DequeueReason) {
        let Some(waiting) = self.tickets.remove(ticket) else { return };
        self.timers.remove(waiting.until, Due::Ticket(ticket));
        if let Some(queue) = self.queues.get_mut(&waiting.key) {
            queue.remove(&ticket);
            if queue.is_empty() {
                self.queues.remove(&waiting.key);
            }
        }
        let Some(session) = self.sessions.get_mut(waiting.ask.session) else { return };
        session.wait_no_more(ticket);
        let (tenant, who) = ((*session.tenant).clone(), session.who.clone());
        let (session, feature) = (waiting.ask.session, waiting.ask.feature);
        self.tell(Event::Dequeued { ticket, session, tenant, who, feature, why });
    }

    /// Where a request with this key waits already; it must be for the same feature.
    pub(crate) fn waiting_for(
        &self,
        session: &Session,
        key: &FeatureKey,
        request: RequestKey,
    ) -> Option<Result<Reply, Refusal>> {
        let same = |ticket: &&TicketId| {
            self.tickets.get(**ticket).is_some_and(|waiting| waiting.ask.request == request)
        };
        let ticket = *session.tickets().iter().find(same)?;
        if self.tickets.get(ticket)?.key != *key {
            return Some(Err(Refusal::RequestKeyReused));
        }
        let queue = self.queues.get(key)?;
        let ahead = queue.iter().take_while(|other| **other < ticket).count();
        Some(Ok(Reply::Queued { ticket, ahead: u32::try_from(ahead).unwrap_or(u32::MAX) }))
    }
}
