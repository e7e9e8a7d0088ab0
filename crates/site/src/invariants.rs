//! What must hold after every step, checked from scratch: slow, for tests and simulation. Says what is broken, mends
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::Site;
use crate::ids::{GrantId, PoolId, TicketId};
use crate::pool::{FeatureKey, Pool};
use crate::timers::Due;
use crate::violation::Breach;

impl Site {
    /// Every invariant that does not hold, in words; empty = all is well (design.md §4).
    #[must_use]
    pub fn broken_invariants(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut spent: BTreeMap<PoolId, (u32, u32)> = BTreeMap::new();
        for (id, grant) in self.grants.iter() {
            let sum = spent.entry(grant.pool).or_default();
            *sum = (sum.0 + grant.spends, sum.1 + 1);
            self.check_holder(id, &mut broken);
        }
        for (id, pool) in self.pools.iter() {
            let sums = spent.remove(&id).unwrap_or_default();
            self.check_pool(pool, sums, &mut broken);
        }
        broken.extend(spent.keys().map(|id| format!("grants of pool {id}, which is not there")));
        self.check_sessions(&mut broken);
        self.check_ties(&mut broken);
        self.check_loans(&mut broken);
        self.check_directory(&mut broken);
        self.check_queues(&mut broken);
        self.check_violations(&mut broken);
        self.check_companions(&mut broken);
        broken.extend(
            self.timers.next().filter(|at| *at <= self.now).map(|at| format!("due at {} and not done", at.0)),
        );
        broken
    }

    /// No grant without a session or a hold.
    fn check_holder(&self, id: GrantId, broken: &mut Vec<String>) {
        let Some(grant) = self.grants.get(id) else { return };
        let held = match (grant.session(), grant.until()) {
            (Some(session), None) => {
                self.sessions.get(session).is_some_and(|session| session.grants().contains(&id))
            }
            (None, None) => self.directory.holders.contains(id),
            (None, Some(until)) => until > self.now && self.timers.contains(until, Due::Hold(id)),
            _ => false,
        };
        if !held {
            broken.push(format!("grant {id} has neither a session nor a holder nor a running hold"));
        }
        if grant.since > self.now {
            broken.push(format!("grant {id} was made in the future"));
        }
    }

    /// Σ grants ≤ capacity + overdraft, or the violation stands; counts and lists agree.
    fn check_pool(&self, pool: &Pool, (spent, count): (u32, u32), broken: &mut Vec<String>) {
        let id = pool.id;
        if (pool.used, pool.grants) != (spent, count) {
            broken.push(format!(
                "pool {id} counts {} of {} grants, and they spend {spent} of {count}",
                pool.used, pool.grants
            ));
        }
        let listed = self.grants_of(id);
        if listed.len() != count as usize
            || !listed.is_sorted_by_key(|grant| (self.grants.get(*grant).map(|g| g.since), *grant))
        {
            broken.push(format!("pool {id} lists {} grants out of {count}, or out of order", listed.len()));
        }
        let (tenant, feature) = (pool.terms.key.tenant.clone(), self.spelled(&pool.terms.key));
        if pool.is_over() && !self.violations.stands(&Breach::OverCapacity { tenant, feature }) {
            broken.push(format!(
                "pool {id} has {} out of {}, and no violation stands",
                pool.used,
                pool.terms.limit()
            ));
        }
        for (group, members) in &pool.groups {
            let grants = || members.iter().filter_map(|id| self.grants.get(*id));
            let (spends, largest) =
                (grants().map(|g| g.spends).sum::<u32>(), grants().map(|g| g.count).max().unwrap_or(0));
            if spends != largest {
                broken.push(format!("group {group:?} of pool {id} spends {spends} and needs {largest}"));
            }
        }
    }

    fn check_sessions(&self, broken: &mut Vec<String>) {
        for (id, session) in self.sessions.iter() {
            let strangers = session
                .grants()
                .iter()
                .filter(|grant| self.grants.get(**grant).is_none_or(|g| g.session() != Some(id)));
            broken.extend(strangers.map(|grant| format!("{id:?} lists grant {grant}, which is not its own")));
            if session.lease_until().is_some_and(|until| until <= self.now) {
                broken.push(format!("{id:?} outlived its lease"));
            }
        }
    }

    /// An instance has one session, which is open; what came out of a reservation is held by somebody else.
    fn check_ties(&self, broken: &mut Vec<String>) {
        let ties = &self.ties;
        for (instance, session) in ties.instances.iter() {
            if ties.instance_of.get(*session) != Some(&instance) || !self.sessions.contains(*session) {
                broken.push(format!("{session:?} is an instance's and is not there"));
            }
        }
        if ties.instances.len() != ties.instance_of.len() {
            broken.push("instances and their sessions differ in number".to_owned());
        }
        if ties.replaced.iter().any(|(instance, _)| ties.instances.get(instance).is_none()) {
            broken.push("an instance that is not there remembers its sessions".to_owned());
        }
        for (grant, lease) in ties.reserved.iter() {
            if self.grants.get(grant).is_none_or(|grant| grant.session() == Some(*lease)) {
                broken.push(format!("grant {grant} is tied to a lease and is nobody's"));
            }
        }
    }

    /// Nobody waits who could be served, and nobody waits twice or for ever.
    fn check_queues(&self, broken: &mut Vec<String>) {
        let queued: usize = self.queues.values().map(std::collections::BTreeSet::len).sum();
        if queued != self.tickets.len() {
            broken.push(format!("{} tickets, {queued} in queues", self.tickets.len()));
        }
        for (key, queue) in &self.queues {
            let mut claimed = BTreeSet::new();
            for (place, waiting) in queue.iter().filter_map(|id| self.tickets.get(*id)).enumerate() {
                if self.plan(&waiting.ask, key, &claimed).is_ok() {
                    broken.push(format!("number {place} in line for {} could be served", key.feature));
                }
                claimed.extend(self.claims(waiting));
            }
        }
        for (id, session) in self.sessions.iter() {
            let strange =
                |t: &&TicketId| self.tickets.get(**t).is_none_or(|waiting| waiting.ask.session != id);
            broken
                .extend(session.tickets().iter().filter(strange).map(|t| format!("{id:?} lists ticket {t}")));
        }
        for (id, waiting) in self.tickets.iter() {
            if !self.sessions.get(waiting.ask.session).is_some_and(|session| session.tickets().contains(&id))
            {
                broken.push(format!("nobody waits with ticket {id}"));
            }
        }
    }

    /// What stands is so, and what is so stands; a breach stands once, however its feature is spelled.
    fn check_violations(&self, broken: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for violation in self.violations.iter() {
            let (Breach::Expired { tenant, feature }
            | Breach::OverCapacity { tenant, feature }
            | Breach::NoneLeft { tenant, feature }
            | Breach::UnknownFeature { tenant, feature }) = &violation.breach
            else {
                continue;
            };
            let key = FeatureKey::new(tenant, feature);
            let so = match violation.breach {
                Breach::Expired { .. } => {
                    self.index.features.get(&key).is_some_and(|known| known.has_run_out(self.now))
                }
                Breach::OverCapacity { .. } => self.pools_and_remnants(&key).any(Pool::is_over),
                Breach::NoneLeft { .. } => self.is_loaded(&key),
                _ => !self.is_loaded(&key),
            };
            if !so {
                broken.push(format!("{:?} stands and is not so", violation.breach));
            }
            if !seen.insert((violation.breach.kind(), key)) {
                broken.push(format!("{:?} stands twice", violation.breach));
            }
        }
        for (key, known) in &self.index.features {
            let (tenant, feature) = (key.tenant.clone(), key.feature.clone());
            if known.has_run_out(self.now) && !self.violations.stands(&Breach::Expired { tenant, feature }) {
                broken.push(format!("{} has run out, and no violation stands", key.feature));
            }
        }
    }

    /// A component and the seat of its suite are held together.
    fn check_companions(&self, broken: &mut Vec<String>) {
        for (id, grant) in self.grants.iter().filter(|(_, grant)| grant.session().is_some()) {
            let companion = grant.companion().map(|other| self.grants.get(other));
            if companion.is_some_and(|other| other.is_none_or(|other| other.session() != grant.session())) {
                broken.push(format!("grant {id} lacks the seat of its suite"));
            }
        }
    }
}
