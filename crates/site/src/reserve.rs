//! Reservations: a lease holds seats for a scheduler's job, and the job's sessions take them from the lease. A seat that
//! comes back goes to the lease while that lives. Nothing is ever free in between, so nobody takes it.

use crate::Site;
use crate::command::CheckOut;
use crate::event::{Event, GrantEvent};
use crate::grant::{Grant, Taken};
use crate::ids::{GrantId, PoolId, RequestKey, SessionId};
use crate::outcome::{Granted, Refusal, Reply};
use crate::pool::FeatureKey;

/// Who is to hold how many, and for which request.
struct Part {
    session: SessionId,
    count: u32,
    request: RequestKey,
}

impl Site {
    pub(crate) fn check_out_reserved(&mut self, ask: &CheckOut, lease: SessionId) -> Result<Reply, Refusal> {
        let session = self.sessions.get(ask.session).ok_or(Refusal::NoSuchSession)?;
        let key = FeatureKey::new(&session.tenant, &ask.feature);
        if let Some(answer) = self.asked_before(session, &key, ask) {
            return answer;
        }
        let plan = self.plan_reserved(ask, &key, lease)?;
        let taken: Vec<GrantId> =
            plan.into_iter().filter_map(|(id, count)| self.take_reserved(ask, lease, id, count)).collect();
        // Told of when all are made: whether seats beyond the bought count are needed shows only then.
        let granted: Vec<Granted> = taken.into_iter().filter_map(|id| self.granted(id)).collect();
        self.capacity_came(&key);
        let found = granted.iter().map(|granted| granted.count).sum();
        if found < ask.amount.at_least {
            for granted in &granted {
                self.give_back(granted.grant);
            }
            return Err(Refusal::NotReserved { left: found });
        }
        Ok(Reply::CheckedOut { grants: granted })
    }

    /// How many to take of which grants of the lease.
    fn plan_reserved(
        &self,
        ask: &CheckOut,
        key: &FeatureKey,
        lease: SessionId,
    ) -> Result<Vec<(GrantId, u32)>, Refusal> {
        let session = self.sessions.get(ask.session).ok_or(Refusal::NoSuchSession)?;
        // What a lease holds is its own already; it reserves nothing for itself.
        let other = (lease != ask.session).then_some(lease);
        let reserved =
            other.and_then(|lease| self.sessions.get(lease)).filter(|lease| lease.lease_until().is_some());
        let reserved =
            reserved.filter(|lease| lease.tenant == session.tenant).ok_or(Refusal::NoSuchReservation)?;
        let wanted = self.wanted(session, key, ask)?;
        let serving: Vec<PoolId> = self.serving(session, key, ask)?.iter().map(|pool| pool.id).collect();
        let mut left = wanted.most();
        let mut plan = Vec::new();
        for (id, grant) in reserved.grants().iter().filter_map(|id| Some((*id, self.grants.get(*id)?))) {
            let count = grant.count.min(left);
            // A component and its suite's seat are one: they are taken whole.
            let is_whole = grant.companion().is_none() && !grant.is_companion();
            if count > 0 && is_whole && serving.contains(&grant.pool) {
                plan.push((id, count));
                left -= count;
            }
        }
        let found = wanted.most() - left;
        if found < wanted.least() { Err(Refusal::NotReserved { left: found }) } else { Ok(plan) }
    }

    fn take_reserved(
        &mut self,
        ask: &CheckOut,
        lease: SessionId,
        id: GrantId,
        count: u32,
    ) -> Option<GrantId> {
        let before = self.grants.get(id)?;
        let rest = Part { session: lease, count: before.count - count, request: before.request };
        let taken = Part { session: ask.session, count, request: ask.request };
        let new = self.recast(id, rest, taken, ask.share.as_deref())?;
        self.ties.reserved.insert(new, lease);
        Some(new)
    }

    /// A seat out of a reservation comes back to the lease, if that lives and it fits; whether it did.
    pub(crate) fn return_to_lease(&mut self, id: GrantId) -> bool {
        let Some(lease) = self.ties.reserved.remove(id) else { return false };
        let lives = self.sessions.get(lease).is_some_and(|lease| lease.lease_until().is_some());
        let Some(grant) = self.grants.get(id).filter(|grant| lives && grant.session() != Some(lease)) else {
            return false;
        };
        let (session, pool) = (grant.taken_by, grant.pool);
        let nothing = Part { session, count: 0, request: RequestKey::default() };
        let back = Part { session: lease, count: grant.count, request: RequestKey::default() };
        let is_back = self.recast(id, nothing, back, None).is_some();
        if let Some(key) = self.pools.get(pool).map(|pool| pool.terms.key.clone()).filter(|_| is_back) {
            self.capacity_came(&key);
        }
        is_back
    }

    /// Makes two grants of one, in the same pool, one of which may be empty. Changes nothing where that would spend
    /// more than the pool has: who shares seats with others holds more than it spends. Gives the second.
    fn recast(&mut self, id: GrantId, first: Part, second: Part, share: Option<&str>) -> Option<GrantId> {
        let original = self.grants.get(id)?.clone();
        let pool = self.pools.get(original.pool)?;
        let (before, limit) = (pool.used, pool.terms.limit());
        let is_uncounted = pool.terms.capacity.is_none();
        let event = self.grant_event(id)?;
        self.detach(id);
        self.grants.remove(id);
        let made: Vec<GrantId> = [(first, None), (second, share)]
            .into_iter()
            .filter(|(part, _)| part.count > 0)
            .filter_map(|(part, share)| self.remake(&original, &part, share))
            .collect();
        let after = self.pools.get(original.pool).map_or(0, |pool| pool.used);
        if after > before && after > limit && !is_uncounted {
            self.unmake(&made);
            self.attach(id, original.clone(), original.pool);
            return None;
        }
        self.pass_on(id, &original, event, &made);
        made.last().copied()
    }

    fn remake(&mut self, original: &Grant, part: &Part, share: Option<&str>) -> Option<GrantId> {
        let who = self.sessions.get(part.session)?.who.clone();
        let group = match original.session() == Some(part.session) {
            true => original.group().cloned(),
            false => self.pools.get(original.pool)?.terms.group(&who, share),
        };
        let id = GrantId(self.next_grant);
        self.next_grant += 1;
        let (session, since, count, request) = (part.session, self.now, part.count, part.request);
        let (pool, asked) = (original.pool, original.asked.clone());
        let taken = Taken { pool, session, who, count, since, asked, request };
        let mut grant = Grant::new(taken, group, original.is_companion());
        if original.companion().is_some() {
            grant.set_companion(original.companion());
        }
        self.attach(id, grant, original.pool);
        Some(id)
    }

    fn unmake(&mut self, made: &[GrantId]) {
        for id in made.iter().rev() {
            self.detach(*id);
            self.grants.remove(*id);
        }
        self.next_grant -= made.len() as u64;
    }

    /// The old grant is history; those made of it are their holders'.
    fn pass_on(&mut self, id: GrantId, original: &Grant, event: GrantEvent, made: &[GrantId]) {
        // It may itself have come out of a reservation; only those made of it are anybody's now.
        self.ties.reserved.remove(id);
        if let Some(session) = original.session().and_then(|session| self.sessions.get_mut(session)) {
            session.let_go(id);
            // A late retry of the request that made it finds that it is done.
            session.remember(original.request);
        }
        self.tell(Event::CheckedIn { grant: event, held_until: None });
        for id in made {
            let Some(session) = self.grants.get(*id).and_then(Grant::session) else { continue };
            if let Some(session) = self.sessions.get_mut(session) {
                session.take(*id);
            }
            if let Some(event) = self.grant_event(*id) {
                self.tell(Event::CheckedOut(event));
            }
        }
    }
}
