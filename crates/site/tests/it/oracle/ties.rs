//! Instances that come back, and seats that pass out of a lease and back.

use grantor_site::command::{CheckOut, OpenSession};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use grantor_site::{Refusal, Reply};

use super::{Grant, Key, Oracle, key};

/// An instance of an application, and the sessions that it had.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Tenant, application and name.
    of: (String, String, String),
    pub session: SessionId,
    /// The latest eight.
    before: Vec<SessionId>,
}

/// Who is to hold how many, and for which request.
struct Part(SessionId, u32, RequestKey);

impl Oracle {
    pub fn open_instance(&mut self, open: &OpenSession, name: &str) -> Result<Reply, Refusal> {
        if self.session(open.session).is_some() {
            return self.open(open);
        }
        let of = (open.tenant.to_string(), open.who.application.to_string(), name.to_owned());
        let Some(mut known) = self.instances.iter().find(|instance| instance.of == of).cloned() else {
            let reply = self.open(open)?;
            self.instances.push(Instance { of, session: open.session, before: Vec::new() });
            return Ok(reply);
        };
        if known.before.contains(&open.session) {
            return Err(Refusal::SessionReplaced);
        }
        let old = known.session;
        // The old session makes room for the new one.
        let place = self.sessions.iter().position(|session| session.id == old).unwrap();
        let kept = self.sessions.remove(place);
        let reply = self.open(open);
        self.sessions.insert(place, kept);
        let reply = reply?;
        known.before.push(old);
        known.before = known.before.split_off(known.before.len().saturating_sub(8));
        known.session = open.session;
        self.instances.retain(|instance| instance.of != of);
        self.instances.push(known);
        self.take_over(old, open.session);
        self.end(old)?;
        Ok(reply)
    }

    fn take_over(&mut self, old: SessionId, new: SessionId) {
        let session = self.session(new).unwrap().clone();
        let may = |grant: &Grant| {
            let component = grant.came_with.and_then(|main| self.grant(main)).unwrap_or(grant);
            self.pool(&component.pool).is_some_and(|pool| pool.admits(&session))
        };
        let moving: Vec<GrantId> = self
            .grants
            .iter()
            .filter(|grant| grant.session == Some(old) && may(grant))
            .map(|grant| grant.id)
            .collect();
        for grant in self.grants.iter_mut().filter(|grant| moving.contains(&grant.id)) {
            (grant.session, grant.taken_by, grant.who) = (Some(new), new, session.open.who.clone());
        }
    }

    pub fn check_out_reserved(&mut self, ask: &CheckOut, lease: SessionId) -> Result<Reply, Refusal> {
        let session = self.session(ask.session).ok_or(Refusal::NoSuchSession)?;
        let key = key(&session.open.tenant, &ask.feature);
        if let Some(answer) = self.asked_before(ask, &key) {
            return answer;
        }
        let plan = self.plan_reserved(ask, &key, lease)?;
        let mut made = Vec::new();
        for (id, count) in plan {
            let grant = self.grant(id).unwrap().clone();
            let rest = Part(lease, grant.count - count, grant.request);
            let taken = Part(ask.session, count, ask.request);
            if let Some(new) = self.recast(&grant, &[rest, taken], ask.share.as_deref()) {
                self.reserved.push((new, lease));
                made.push(new);
            }
        }
        let grants: Vec<_> = made.iter().map(|id| self.granted(self.grant(*id).unwrap())).collect();
        self.capacity_came(&key);
        let left = grants.iter().map(|granted| granted.count).sum();
        if left < ask.amount.at_least {
            for id in &made {
                let _freed = self.give_back(*id);
            }
            return Err(Refusal::NotReserved { left });
        }
        Ok(Reply::CheckedOut { grants })
    }

    fn plan_reserved(
        &self,
        ask: &CheckOut,
        key: &Key,
        lease: SessionId,
    ) -> Result<Vec<(GrantId, u32)>, Refusal> {
        let tenant = &self.session(ask.session).unwrap().open.tenant;
        let is_lease = self.session(lease).is_some_and(|s| s.lease.is_some() && s.open.tenant == *tenant);
        if lease == ask.session || !is_lease {
            return Err(Refusal::NoSuchReservation);
        }
        let (room, _) = self.room(ask, key)?;
        let serving: Vec<_> =
            self.serving(ask)?.into_iter().map(|pool| (pool.key.0.clone(), pool.identity)).collect();
        let most = ask.amount.at_most.unwrap_or(u32::MAX).min(room);
        let mut own: Vec<&Grant> = self.grants.iter().filter(|grant| grant.session == Some(lease)).collect();
        own.sort_by_key(|grant| grant.id);
        let (mut plan, mut left) = (Vec::new(), most);
        for grant in own {
            let is_whole = grant.came_with.is_none()
                && self.grants.iter().all(|other| other.came_with != Some(grant.id));
            let count = grant.count.min(left);
            if count > 0 && is_whole && serving.contains(&grant.pool) {
                plan.push((grant.id, count));
                left -= count;
            }
        }
        if most - left < ask.amount.at_least {
            return Err(Refusal::NotReserved { left: most - left });
        }
        Ok(plan)
    }

    /// A seat that came out of a lease goes back to it while that lives; whether it did.
    pub fn return_to_lease(&mut self, id: GrantId) -> bool {
        let Some(place) = self.reserved.iter().position(|(grant, _)| *grant == id) else { return false };
        let (_, lease) = self.reserved.remove(place);
        let lives = self.session(lease).is_some_and(|session| session.lease.is_some());
        let grant = self.grant(id).unwrap().clone();
        if !lives || grant.session == Some(lease) {
            return false;
        }
        let back = Part(lease, grant.count, RequestKey::default());
        let is_back = self.recast(&grant, &[back], None).is_some();
        if is_back {
            let key =
                self.pools.iter().find(|pool| grant.pool == (pool.key.0.clone(), pool.identity.clone()));
            let key = key.unwrap().key.clone();
            self.capacity_came(&key);
        }
        is_back
    }

    /// Makes grants of one, in its pool; `share` is the last one's. Nothing changes where that would spend seats that
    /// the pool does not have.
    fn recast(&mut self, original: &Grant, parts: &[Part], share: Option<&str>) -> Option<GrantId> {
        let pool = self.pool(&original.pool)?.clone();
        let (before, grants, last) = (self.used(&pool), self.grants.clone(), self.last_grant);
        self.grants.retain(|grant| grant.id != original.id);
        for (number, Part(session, count, request)) in parts.iter().enumerate().filter(|(_, part)| part.1 > 0)
        {
            let who = self.session(*session)?.open.who.clone();
            let share = share.filter(|_| number + 1 == parts.len() && pool.dup.vendor).map(Into::into);
            let share = if original.session == Some(*session) { original.share.clone() } else { share };
            self.last_grant += 1;
            self.grants.push(Grant {
                id: GrantId(self.last_grant),
                session: Some(*session),
                taken_by: *session,
                who,
                share,
                count: *count,
                since: self.now,
                request: *request,
                ..original.clone()
            });
        }
        let after = self.used(&pool);
        if after > before && after > pool.limit() && pool.capacity.is_some() {
            (self.grants, self.last_grant) = (grants, last);
            return None;
        }
        self.note_done(original);
        Some(GrantId(self.last_grant))
    }
}
