//! Taking seats, waiting for them, giving them back.

use std::sync::Arc;

use grantor_license::{Model, Version};
use grantor_site::command::CheckOut;
use grantor_site::ids::{GrantId, RequestKey, SessionId, TicketId};
use grantor_site::outcome::{Granted, Held, NoneLeft};
use grantor_site::{Refusal, Reply, Timestamp};

use super::{Grant, Key, Oracle, Pool, Ticket, key};

/// From which pool, how many.
type Plan = Vec<(Pool, u32)>;

impl Oracle {
    pub fn check_out(&mut self, ask: &CheckOut) -> Result<Reply, Refusal> {
        let session = self.session(ask.session).ok_or(Refusal::NoSuchSession)?.clone();
        let key = key(&session.open.tenant, &ask.feature);
        if let Some(answer) = self.asked_before(ask, &key) {
            return answer;
        }
        let refusal = match self.plan_now(ask, &key) {
            Ok(plan) => return Ok(self.grant_all(ask, plan)),
            Err(refusal) => refusal,
        };
        let queued = self.queued(&key);
        let until = ask.queue_until.filter(|until| *until > self.now);
        if let (Some(until), Refusal::NoneLeft(_) | Refusal::QueuedAhead { .. }) = (until, &refusal) {
            let bound = self.policy(&key).queue_bound.unwrap_or(self.settings.queue_bound);
            if queued >= bound {
                return Err(Refusal::QueueFull { bound });
            }
            self.last_ticket += 1;
            let id = TicketId(self.last_ticket);
            self.tickets.push(Ticket { id, key, ask: ask.clone(), since: self.now, until });
            return Ok(Reply::Queued { ticket: id, ahead: queued });
        }
        match &refusal {
            Refusal::NoneLeft(_) if !self.none_left.contains(&key) => self.none_left.push(key),
            Refusal::UnknownFeature { .. } if !self.unknown.contains(&key) => self.unknown.push(key),
            _ => {}
        }
        Err(refusal)
    }

    /// What would be taken now, or why nothing.
    fn plan_now(&self, ask: &CheckOut, key: &Key) -> Result<Plan, Refusal> {
        let plan = self.plan(ask, &self.claimed(key, None));
        match (&plan, self.plan(ask, &[])) {
            (Err(Refusal::NoneLeft(_) | Refusal::MoreThanExists { .. }), Ok(_)) => {
                Err(Refusal::QueuedAhead { ahead: self.queued(key) })
            }
            _ => plan,
        }
    }

    fn queued(&self, key: &Key) -> u32 {
        self.tickets.iter().filter(|ticket| ticket.key == *key).count() as u32
    }

    /// As [`Self::check_out`]; any answer binds copies of the request for a minute or two.
    pub fn check_out_once(&mut self, ask: &CheckOut) -> Result<Reply, Refusal> {
        let session = self.session(ask.session).ok_or(Refusal::NoSuchSession)?;
        let key = key(&session.open.tenant, &ask.feature);
        let asked = (ask.session, ask.request);
        let is_answered = self.answered.iter().any(|generation| generation.contains(&asked));
        let reply = match self.asked_before(ask, &key) {
            None if is_answered => Err(Refusal::RequestDone),
            _ => self.check_out(ask),
        };
        if reply == Err(Refusal::RequestDone) {
            return Err(self.plan_now(ask, &key).err().unwrap_or(Refusal::RequestDone));
        }
        if ask.request != RequestKey::default() {
            if self.now.0 - self.answered_since.0 >= 60_000 {
                self.answered.swap(0, 1);
                self.answered[0].clear();
                self.answered_since = self.now;
            }
            self.answered[0].push(asked);
        }
        reply
    }

    /// The answer to a request whose key was used before.
    pub fn asked_before(&self, ask: &CheckOut, key: &Key) -> Option<Result<Reply, Refusal>> {
        if ask.request == RequestKey::default() {
            return None;
        }
        let session = self.session(ask.session)?;
        let own = |grant: &&Grant| grant.session == Some(ask.session) && grant.request == ask.request;
        let own: Vec<&Grant> =
            self.grants.iter().filter(own).filter(|grant| grant.came_with.is_none()).collect();
        if let Some(first) = own.first() {
            if self.pool(&first.pool)?.key != *key {
                return Some(Err(Refusal::RequestKeyReused));
            }
            let grants = own.iter().map(|grant| self.granted(grant)).collect();
            return Some(Ok(Reply::CheckedOut { grants }));
        }
        let waits = |other: &&Ticket| other.ask.session == ask.session && other.ask.request == ask.request;
        if let Some(ticket) = self.tickets.iter().find(waits) {
            if ticket.key != *key {
                return Some(Err(Refusal::RequestKeyReused));
            }
            let ahead = self.tickets.iter().filter(|other| other.key == *key && other.id < ticket.id).count();
            return Some(Ok(Reply::Queued { ticket: ticket.id, ahead: ahead as u32 }));
        }
        session.done.contains(&ask.request).then_some(Err(Refusal::RequestDone))
    }

    /// The pools that would serve, in serving order, or why there are none.
    pub fn serving(&self, ask: &CheckOut) -> Result<Vec<Pool>, Refusal> {
        let session = self.session(ask.session).unwrap();
        let key = key(&session.open.tenant, &ask.feature);
        if !self.is_loaded(&key) {
            return Err(Refusal::UnknownFeature { feature: ask.feature.clone(), nearest: Vec::new() });
        }
        let serves = |pool: &&Pool| pool.rule.serves(&pool.version, &ask.version);
        let live: Vec<&Pool> = self.pools.iter().filter(|pool| pool.live && pool.key == key).collect();
        let served: Vec<&Pool> = live.iter().copied().filter(serves).collect();
        if served.is_empty() {
            return Err(self.why_not_served(&ask.version, &key));
        }
        let for_checkout: Vec<&Pool> = served.iter().copied().filter(|pool| pool.is_for_checkout()).collect();
        if for_checkout.is_empty() {
            let model = served.first().map_or(Model::Floating, |pool| pool.model);
            return Err(Refusal::NotForCheckout { model });
        }
        let admitted: Vec<Pool> =
            for_checkout.iter().filter(|pool| pool.admits(session)).map(|pool| (*pool).clone()).collect();
        if admitted.is_empty() {
            return Err(Refusal::WrongHost { locked_to: Vec::new() });
        }
        Ok(admitted)
    }

    fn why_not_served(&self, version: &Version, key: &Key) -> Refusal {
        let lines = self.lines_of(key);
        let serving: Vec<_> =
            lines.iter().filter(|(has, line)| line.offer.version_rule.serves(has, version)).collect();
        let starts: Option<Timestamp> =
            serving.iter().filter_map(|(_, line)| line.starts).filter(|starts| *starts > self.now).min();
        let ends: Option<Timestamp> =
            serving.iter().filter_map(|(_, line)| line.ends).filter(|ends| *ends <= self.now).max();
        match (starts, ends) {
            (Some(starts), _) => Refusal::NotYetValid { starts },
            (_, Some(at)) => Refusal::Expired { at },
            _ => Refusal::VersionNotServed { requested: version.clone(), served: Vec::new() },
        }
    }

    /// How many more the asker may hold, and how few it wants.
    pub fn room(&self, ask: &CheckOut, key: &Key) -> Result<(u32, u32), Refusal> {
        let at_least = ask.amount.at_least;
        if !Self::sensible(&ask.amount) {
            return Err(Refusal::BadAmount { at_least, at_most: ask.amount.at_most });
        }
        let limit = self.policy(key).limit_per_client.unwrap_or(self.settings.limit_per_client);
        let held = self.held_by(ask.session, key);
        let room = limit.saturating_sub(held);
        if at_least > room {
            return Err(Refusal::LimitPerClient { limit, held });
        }
        Ok((room, at_least))
    }

    /// What would be taken, if nothing is taken from `claimed`.
    pub fn plan(&self, ask: &CheckOut, claimed: &[String]) -> Result<Plan, Refusal> {
        let session = self.session(ask.session).unwrap().clone();
        let key = key(&session.open.tenant, &ask.feature);
        let (room, at_least) = self.room(ask, &key)?;
        let pools = self.serving(ask)?;
        let most = ask.amount.at_most.unwrap_or(u32::MAX).min(room);
        // Seats that others of the group spend already cost those who wait nothing.
        let can_give = |pool: &Pool| {
            let free = if claimed.contains(&pool.identity) { 0 } else { self.free_in(pool) };
            free.saturating_add(self.shared(pool, &session.open.who, ask.share.as_deref()))
        };
        let whole = pools.iter().find(|pool| self.suite_has_seat(pool, ask, &[]) && can_give(pool) >= most);
        if let Some(pool) = whole {
            return Ok(vec![(pool.clone(), most)]);
        }
        let (mut plan, mut left): (Plan, u32) = (Vec::new(), most);
        for pool in &pools {
            let part = can_give(pool).min(left);
            if part > 0 && self.suite_has_seat(pool, ask, &plan) {
                plan.push((pool.clone(), part));
                left -= part;
            }
        }
        if most - left >= at_least {
            return Ok(plan);
        }
        let exists = pools.iter().map(Pool::limit).fold(0, u32::saturating_add);
        if at_least > exists {
            return Err(Refusal::MoreThanExists { requested: at_least, capacity: exists });
        }
        Err(self.none_left(ask, &key, &pools))
    }

    pub fn held_by(&self, session: SessionId, key: &Key) -> u32 {
        let own = self.grants.iter().filter(|grant| grant.session == Some(session));
        own.filter(|grant| self.pool(&grant.pool).is_some_and(|pool| pool.key == *key))
            .map(|grant| grant.count)
            .sum()
    }

    /// Whether the pool's suite has a seat for one more component beside those of `plan`.
    fn suite_has_seat(&self, pool: &Pool, ask: &CheckOut, plan: &[(Pool, u32)]) -> bool {
        let Some((_, identity)) = &pool.suite else { return true };
        let Some(suite) = self.pool(&(pool.key.0.clone(), identity.clone())).filter(|s| s.live) else {
            return true;
        };
        let who = (&self.session(ask.session).unwrap().open.who, ask.share.as_deref());
        if self.shared(suite, who.0, who.1) >= 1 {
            return true;
        }
        let same = |other: &&(Pool, u32)| other.0.suite.as_ref().is_some_and(|(_, other)| other == identity);
        let others = plan.iter().filter(same).count() as u32;
        let needed = if suite.shares(who, who) { 1 } else { others + 1 };
        self.free_in(suite) >= needed
    }

    fn none_left(&self, ask: &CheckOut, key: &Key, pools: &[Pool]) -> Refusal {
        let sum = |count: &dyn Fn(&Pool) -> u32| pools.iter().map(count).fold(0, u32::saturating_add);
        let mut holders: Vec<Held> = Vec::new();
        for grant in pools.iter().flat_map(|pool| self.grants_of(pool)) {
            let lease = grant.session.and_then(|session| self.session(session)).and_then(|s| s.lease);
            holders.push(Held {
                grant: grant.id,
                who: (&grant.who).into(),
                count: grant.count,
                since: grant.since,
                until: grant.until.or(lease),
            });
        }
        holders.sort_by_key(|held| (held.since, held.grant));
        let next_free = holders.iter().filter_map(|held| held.until).min();
        holders.truncate(10);
        Refusal::NoneLeft(Box::new(NoneLeft {
            feature: pools[0].feature.as_str().into(),
            requested: ask.amount.at_least,
            capacity: sum(&|pool| pool.capacity.unwrap_or(u32::MAX)),
            in_use: sum(&|pool| self.used(pool)),
            free: sum(&|pool| self.free_in(pool)),
            queued: self.tickets.iter().filter(|ticket| ticket.key == *key).count() as u32,
            holders,
            next_free,
            over_capacity: pools.iter().any(|pool| self.is_over(pool)),
        }))
    }

    /// The pools that those who wait before `before` wait for.
    pub fn claimed(&self, key: &Key, before: Option<TicketId>) -> Vec<String> {
        let ahead = self.tickets.iter().filter(|t| t.key == *key && before.is_none_or(|id| t.id < id));
        let mut claimed = Vec::new();
        for ticket in ahead {
            // Who may hold no more claims nothing until it gives something back.
            if !matches!(self.plan(&ticket.ask, &[]), Err(Refusal::LimitPerClient { .. })) {
                let pools = self.serving(&ticket.ask).unwrap_or_default();
                claimed.extend(pools.into_iter().map(|pool| pool.identity));
            }
        }
        claimed
    }

    pub fn serve_tenant(&mut self, tenant: &Arc<str>) {
        let mut keys: Vec<Key> =
            self.tickets.iter().map(|ticket| ticket.key.clone()).filter(|key| key.0 == *tenant).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let hopeless = |ticket: &Ticket| {
                let gone = self.serving(&ticket.ask).is_err();
                gone || matches!(self.plan(&ticket.ask, &[]), Err(Refusal::MoreThanExists { .. }))
            };
            let gone: Vec<TicketId> =
                self.tickets.iter().filter(|t| t.key == key && hopeless(t)).map(|t| t.id).collect();
            self.tickets.retain(|ticket| !gone.contains(&ticket.id));
            self.serve(&key);
        }
    }

    /// Grants to who waits, in order.
    pub fn serve(&mut self, key: &Key) {
        let waiting: Vec<Ticket> = self.tickets.iter().filter(|ticket| ticket.key == *key).cloned().collect();
        for ticket in waiting {
            let claimed = self.claimed(key, Some(ticket.id));
            if let Ok(plan) = self.plan(&ticket.ask, &claimed) {
                self.tickets.retain(|other| other.id != ticket.id);
                self.grant_all(&ticket.ask, plan);
            }
        }
    }

    fn grant_all(&mut self, ask: &CheckOut, plan: Plan) -> Reply {
        let mut grants = Vec::new();
        for (pool, count) in plan {
            let suite = pool.suite.as_ref().map(|(_, identity)| (pool.key.0.clone(), identity.clone()));
            if let Some(suite) = suite.and_then(|suite| self.pool(&suite)).filter(|suite| suite.live).cloned()
            {
                // It stands before the grant that it comes with.
                self.make(ask, &suite, 1, Some(GrantId(self.last_grant + 2)));
            }
            let grant = self.make(ask, &pool, count, None);
            grants.push(self.granted(self.grant(grant).unwrap()));
        }
        Reply::CheckedOut { grants }
    }

    fn make(&mut self, ask: &CheckOut, pool: &Pool, count: u32, came_with: Option<GrantId>) -> GrantId {
        self.last_grant += 1;
        let id = GrantId(self.last_grant);
        self.grants.push(Grant {
            id,
            pool: (pool.key.0.clone(), pool.identity.clone()),
            session: Some(ask.session),
            taken_by: ask.session,
            who: self.session(ask.session).unwrap().open.who.clone(),
            share: ask.share.clone().filter(|_| pool.dup.vendor),
            count,
            since: self.now,
            asked: ask.version.clone(),
            until: None,
            request: ask.request,
            came_with,
            loan: None,
        });
        id
    }

    pub fn granted(&self, grant: &Grant) -> Granted {
        let pool = self.pool(&grant.pool).unwrap();
        Granted {
            grant: grant.id,
            count: grant.count,
            feature: pool.feature.as_str().into(),
            publisher: pool.publisher.as_str().into(),
            version: pool.version.clone(),
            since: grant.since,
            overdraft: pool.capacity.is_some_and(|capacity| self.used(pool) > capacity),
            proof: pool.proof.clone(),
        }
    }

    pub fn check_in(&mut self, session: SessionId, grant: GrantId) -> Result<Reply, Refusal> {
        self.session(session).ok_or(Refusal::NoSuchSession)?;
        let Some(found) = self.grant(grant).cloned() else { return Err(self.gone(grant)) };
        if found.taken_by != session || found.came_with.is_some() {
            return Err(Refusal::NoSuchGrant);
        }
        if found.session.is_none() {
            return Err(Refusal::AlreadyReturned);
        }
        Ok(Reply::CheckedIn { held_until: self.give_back(grant) })
    }

    /// Ends a grant, unless a hold window keeps its seats. The seat of its suite that it took along goes with it, by
    /// the windows of its own pool.
    pub fn give_back(&mut self, id: GrantId) -> Option<Timestamp> {
        if self.return_to_lease(id) {
            return None;
        }
        let grant = self.grant(id)?.clone();
        let pool = self.pool(&grant.pool).unwrap().clone();
        let held = grant.since.plus_seconds(pool.hold_seconds);
        let until = held.max(self.now.plus_seconds(pool.linger_seconds));
        self.note_done(&grant);
        if until <= self.now {
            self.free(id);
        } else {
            let grant = self.grants.iter_mut().find(|other| other.id == id).unwrap();
            (grant.session, grant.until) = (None, Some(until));
            // Its holder may take others now.
            self.serve(&pool.key);
        }
        if let Some(companion) = self.companion(id) {
            self.give_back(companion);
        }
        Some(until).filter(|until| *until > self.now)
    }

    pub fn companion(&self, id: GrantId) -> Option<GrantId> {
        self.grants.iter().find(|other| other.came_with == Some(id)).map(|other| other.id)
    }

    pub fn note_done(&mut self, grant: &Grant) {
        let request = grant.request;
        if grant.came_with.is_some() || request == RequestKey::default() {
            return;
        }
        if let Some(session) = grant.session {
            self.remember(session, request);
        }
    }

    /// The last eight keys of requests whose grants are gone.
    fn remember(&mut self, session: SessionId, request: RequestKey) {
        if request == RequestKey::default() {
            return;
        }
        let Some(session) = self.session_mut(session) else { return };
        if !session.done.contains(&request) {
            session.done.push(request);
        }
        if session.done.len() > 8 {
            session.done.remove(0);
        }
    }

    /// Frees a grant's seats at once.
    pub fn free(&mut self, id: GrantId) {
        let grant = self.grant(id).unwrap().clone();
        let key = self.pool(&grant.pool).unwrap().key.clone();
        self.grants.retain(|other| other.id != id);
        self.reserved.retain(|(other, _)| *other != id);
        self.sweep();
        self.capacity_came(&key);
    }

    /// Something may be free for `key` now.
    pub fn capacity_came(&mut self, key: &Key) {
        self.serve(key);
        self.review(key);
        let mut components: Vec<Key> = self
            .pools
            .iter()
            .filter(|pool| pool.live && pool.suite.as_ref().is_some_and(|(suite, _)| suite == key))
            .map(|pool| pool.key.clone())
            .collect();
        components.sort();
        components.dedup();
        for component in components {
            self.serve(&component);
        }
    }

    /// Takes a grant away, and what came with it: a component and the seat of its suite stay together.
    pub fn revoke(&mut self, id: GrantId) {
        let Some(grant) = self.grant(id).cloned() else { return };
        let both = grant.came_with.filter(|main| {
            grant.session.is_some() && self.grant(*main).is_some_and(|main| main.session == grant.session)
        });
        let main = both.unwrap_or(id);
        self.note_done(&self.grant(main).unwrap().clone());
        let companion = self.companion(main);
        self.free(main);
        if let Some(companion) = companion {
            self.revoke(companion);
        }
    }

    pub fn end(&mut self, id: SessionId) -> Result<Reply, Refusal> {
        self.session(id).ok_or(Refusal::NoSuchSession)?;
        let own: Vec<Ticket> = self.tickets.iter().filter(|t| t.ask.session == id).cloned().collect();
        let mut keys: Vec<Key> = own.iter().map(|ticket| ticket.key.clone()).collect();
        keys.sort();
        keys.dedup();
        self.tickets.retain(|ticket| ticket.ask.session != id);
        for key in keys {
            self.serve(&key);
        }
        let mut held: Vec<GrantId> =
            self.grants.iter().filter(|g| g.session == Some(id)).map(|grant| grant.id).collect();
        held.sort();
        for grant in held {
            if self.grant(grant).is_some_and(|grant| grant.session == Some(id)) {
                self.give_back(grant);
            }
        }
        self.sessions.retain(|session| session.id != id);
        self.instances.retain(|instance| instance.session != id);
        Ok(Reply::Done)
    }
}
