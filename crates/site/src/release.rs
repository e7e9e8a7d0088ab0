//! How seats come back: given back, held on by a window, revoked, removed; and the two steps on which everything that
//! touches a pool's count stands, [`Site::attach`] and [`Site::detach`].

use crate::Site;
use crate::event::{Event, GrantEvent, RevokeReason};
use crate::grant::Grant;
use crate::ids::{GrantId, PoolId, SessionId};
use crate::outcome::{Refusal, Reply};
use crate::pool::{FeatureKey, GroupKey, Pool};
use crate::time::Timestamp;
use crate::timers::Due;

impl Site {
    pub(crate) fn check_in(&mut self, session: SessionId, id: GrantId) -> Result<Reply, Refusal> {
        if !self.sessions.contains(session) {
            return Err(Refusal::NoSuchSession);
        }
        self.held_grant(session, id)?;
        Ok(Reply::CheckedIn { held_until: self.give_back(id) })
    }

    /// A grant that the session holds and may let go.
    pub(crate) fn held_grant(&self, session: SessionId, id: GrantId) -> Result<&Grant, Refusal> {
        match self.grants.get(id) {
            Some(grant) if grant.is_companion() || grant.is_allocated() => Err(Refusal::NoSuchGrant),
            Some(grant) if grant.session() == Some(session) => Ok(grant),
            Some(grant) if grant.taken_by != session => Err(Refusal::NoSuchGrant),
            None if id.0 == 0 || id.0 >= self.next_grant => Err(Refusal::NoSuchGrant),
            _ => Err(Refusal::AlreadyReturned),
        }
    }

    /// When the windows of a grant that is let go now end.
    pub(crate) fn windows_end(&self, since: Timestamp, pool: PoolId) -> Option<Timestamp> {
        let terms = &self.pools.get(pool)?.terms;
        Some(since.plus_seconds(terms.hold_seconds).max(self.now.plus_seconds(terms.linger_seconds)))
    }

    /// The holder lets go. The seats are free at once, or when the pool's windows end: `hold` counts from the checkout
    /// (seed 004, "held for 60 minutes upon receiving a callback request"), linger from now.
    pub(crate) fn give_back(&mut self, id: GrantId) -> Option<Timestamp> {
        if self.return_to_lease(id) {
            return None;
        }
        let grant = self.grants.get(id)?;
        let companion = grant.companion();
        let until = self.windows_end(grant.since, grant.pool)?;
        let held_until = (until > self.now).then_some(until);
        let grant_event = self.grant_event(id)?;
        self.take_from_session(id);
        self.tell(Event::CheckedIn { grant: grant_event, held_until });
        match held_until {
            Some(until) => self.start_hold(id, until),
            None => self.free(id),
        }
        if let Some(companion) = companion {
            self.give_back(companion);
        }
        held_until
    }

    pub(crate) fn start_hold(&mut self, id: GrantId, until: Timestamp) {
        if let Some(grant) = self.grants.get_mut(id) {
            grant.hold_until(until);
            self.timers.add(until, Due::Hold(id));
        }
        // Nothing is free yet, but its holder may hold more now than its limit let it.
        if let Some(key) = self.pool_of(id).map(|pool| pool.terms.key.clone()) {
            self.serve_queue(&key);
        }
    }

    pub(crate) fn end_hold(&mut self, id: GrantId) {
        if let Some(event) = self.grant_event(id) {
            self.tell(Event::HoldEnded(event));
        }
        self.free(id);
    }

    pub(crate) fn remove_grant(&mut self, id: GrantId, by: &str, reason: &str) -> Result<Reply, Refusal> {
        let gone =
            if id.0 != 0 && id.0 < self.next_grant { Refusal::AlreadyReturned } else { Refusal::NoSuchGrant };
        if self.grants.get(id).ok_or(gone)?.is_allocated() {
            return Err(Refusal::Allocated);
        }
        self.revoke(id, RevokeReason::Removed { by: by.to_owned(), reason: reason.to_owned() });
        Ok(Reply::Done)
    }

    /// Takes a grant away, hold window and all, and what came with it. A suite's seat takes its component along: the
    /// one is not licensed without the other.
    pub(crate) fn revoke(&mut self, id: GrantId, why: RevokeReason) {
        let id = self.came_with(id).unwrap_or(id);
        let Some(event) = self.grant_event(id) else { return };
        let companion = self.grants.get(id).and_then(Grant::companion);
        self.take_from_session(id);
        self.tell(Event::Revoked { grant: event, why: why.clone() });
        self.free(id);
        if let Some(companion) = companion {
            self.revoke(companion, why);
        }
    }

    /// The grant that a suite's seat came with, while both are held.
    pub(crate) fn came_with(&self, id: GrantId) -> Option<GrantId> {
        let grant = self.grants.get(id).filter(|grant| grant.is_companion())?;
        let mut held = self.sessions.get(grant.session()?)?.grants().iter().copied();
        held.find(|other| self.grants.get(*other).is_some_and(|other| other.companion() == Some(id)))
    }

    /// The seats are free: whoever waits may have them.
    pub(crate) fn free(&mut self, id: GrantId) {
        let Some(pool) = self.grants.get(id).map(|grant| grant.pool) else { return };
        self.detach(id);
        self.ties.reserved.remove(id);
        self.loans.forget(id);
        if let Some(until) = self.grants.remove(id).and_then(|grant| grant.until()) {
            self.timers.remove(until, Due::Hold(id));
        }
        if let Some(key) = self.pools.get(pool).map(|pool| pool.terms.key.clone()) {
            self.forget_empty(pool);
            self.capacity_came(&key);
        }
    }

    /// Something may be free for `key` now.
    pub(crate) fn capacity_came(&mut self, key: &FeatureKey) {
        self.serve_queue(key);
        self.review_violations(key);
        // A seat of a suite lets a component go.
        let of_suite = |pool: &&Pool| pool.terms.suite.as_ref().is_some_and(|suite| suite.key == *key);
        let waiting: Vec<FeatureKey> = self
            .queues
            .keys()
            .filter(|other| self.pools_of(other).any(|pool| of_suite(&pool)))
            .cloned()
            .collect();
        for component in waiting {
            self.serve_queue(&component);
        }
    }

    pub(crate) fn take_from_session(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get(id) else { return };
        let (session, request) = (grant.session(), grant.request);
        if let Some(session) = session.and_then(|session| self.sessions.get_mut(session)) {
            session.let_go(id);
            session.remember(request);
        }
    }

    /// What another grant of `count` would spend of the pool, given those that share its seat.
    pub(crate) fn cost(&self, pool: &Pool, group: Option<&GroupKey>, count: u32) -> u32 {
        count.saturating_sub(self.shared(pool, group))
    }

    /// Seats that the group spends already.
    pub(crate) fn shared(&self, pool: &Pool, group: Option<&GroupKey>) -> u32 {
        let members = group.and_then(|group| pool.groups.get(group));
        members.into_iter().flatten().filter_map(|id| self.grants.get(*id)).map(|grant| grant.spends).sum()
    }

    /// Puts a grant that is in no pool into `pool` and makes it spend its cost there. The caller has seen that it fits.
    pub(crate) fn attach(&mut self, id: GrantId, mut grant: Grant, to: PoolId) {
        let Some(pool) = self.pools.get(to) else { return };
        grant.spends = self.cost(pool, grant.group(), grant.count);
        grant.pool = to;
        self.link(id, &mut grant);
        if let Some(pool) = self.pools.get_mut(to) {
            pool.used = pool.used.saturating_add(grant.spends);
            pool.grants += 1;
            pool.keep_spelling(&grant.asked);
            if let Some(group) = grant.group() {
                pool.groups.entry(group.clone()).or_default().push(id);
            }
        }
        self.grants.insert(id, grant);
    }

    /// Takes a grant out of its pool's count; the seats it spent pass to others of its group as far as they need them.
    pub(crate) fn detach(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get(id).cloned() else { return };
        self.unlink(&grant);
        let heirs = self.leave_group(id, &grant);
        let inherited = self.inherit(&heirs);
        if let Some(pool) = self.pools.get_mut(grant.pool) {
            pool.used = pool.used.saturating_sub(grant.spends).saturating_add(inherited);
            pool.grants = pool.grants.saturating_sub(1);
        }
        if let Some(left) = self.grants.get_mut(id) {
            left.spends = 0;
        }
    }

    fn leave_group(&mut self, id: GrantId, grant: &Grant) -> Vec<GrantId> {
        let Some(group) = grant.group() else { return Vec::new() };
        let Some(pool) = self.pools.get_mut(grant.pool) else { return Vec::new() };
        let Some(members) = pool.groups.get_mut(group) else { return Vec::new() };
        members.retain(|member| *member != id);
        let heirs = members.clone();
        if heirs.is_empty() {
            pool.groups.remove(group);
        }
        heirs
    }

    /// Together a group spends what its largest member holds: the largest makes up what is missing.
    fn inherit(&mut self, heirs: &[GrantId]) -> u32 {
        let grants = || heirs.iter().filter_map(|id| Some((*id, self.grants.get(*id)?)));
        let spent: u32 = grants().map(|(_, grant)| grant.spends).sum();
        let largest = grants().max_by_key(|(id, grant)| (grant.count, std::cmp::Reverse(*id)));
        let Some((id, count)) = largest.map(|(id, grant)| (id, grant.count)) else { return 0 };
        let missing = count.saturating_sub(spent);
        if missing > 0
            && let Some(heir) = self.grants.get_mut(id)
        {
            heir.spends += missing;
        }
        missing
    }

    /// Puts the grant into its pool's list, which runs from the one held longest to the newest.
    fn link(&mut self, id: GrantId, grant: &mut Grant) {
        let mut older = self.pools.get(grant.pool).and_then(|pool| pool.newest);
        let mut newer = None;
        while let Some(at) = older
            && let Some(other) = self.grants.get(at)
            && (other.since, at) > (grant.since, id)
        {
            newer = older;
            older = other.older.get();
        }
        (grant.older, grant.newer) = (older.into(), newer.into());
        self.join(grant.pool, older, Some(id));
        self.join(grant.pool, Some(id), newer);
    }

    fn unlink(&mut self, grant: &Grant) {
        self.join(grant.pool, grant.older.get(), grant.newer.get());
    }

    /// Makes two grants neighbours in a pool's list; `None` is an end of it.
    fn join(&mut self, pool: PoolId, older: Option<GrantId>, newer: Option<GrantId>) {
        match older.map(|id| self.grants.get_mut(id)) {
            Some(Some(grant)) => grant.newer = newer.into(),
            Some(None) => {}
            None => {
                if let Some(pool) = self.pools.get_mut(pool) {
                    pool.oldest = newer;
                }
            }
        }
        match newer.map(|id| self.grants.get_mut(id)) {
            Some(Some(grant)) => grant.older = older.into(),
            Some(None) => {}
            None => {
                if let Some(pool) = self.pools.get_mut(pool) {
                    pool.newest = older;
                }
            }
        }
    }

    pub(crate) fn grant_event(&self, id: GrantId) -> Option<GrantEvent> {
        let grant = self.grants.get(id)?;
        let terms = &self.pools.get(grant.pool)?.terms;
        Some(GrantEvent {
            grant: id,
            session: grant.taken_by,
            tenant: terms.key.tenant.clone(),
            who: grant.who.clone(),
            feature: terms.feature.clone(),
            version: grant.asked.clone(),
            count: grant.count,
            since: grant.since,
            at: self.now,
            ticket: None,
        })
    }
}
