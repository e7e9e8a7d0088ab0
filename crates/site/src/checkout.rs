//! A request for seats: which pools serve it, whether they have enough, and the grants made. The one place that makes
//! grants for checkouts, fresh ones and those from the queue alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grantor_license::{Machine, Model};

use crate::Site;
use crate::command::CheckOut;
use crate::event::Event;
use crate::grant::{Grant, Taken};
use crate::ids::{GrantId, PoolId, RequestKey, TicketId};
use crate::nearest;
use crate::outcome::{Granted, Held, NoneLeft, Refusal, Reply};
use crate::pool::{FeatureKey, Pool};
use crate::session::Session;
use crate::violation::Breach;
use crate::who::Who;

/// Most holders that a refusal names.
const HOLDERS: usize = 10;

/// How many seats to take from which pools.
type Plan = Vec<(PoolId, u32)>;

/// The fewest and the most seats that a request may get.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    least: u32,
    most: u32,
}

impl Wanted {
    pub(crate) fn least(self) -> u32 {
        self.least
    }

    pub(crate) fn most(self) -> u32 {
        self.most
    }
}

impl Site {
    pub(crate) fn check_out(&mut self, ask: &CheckOut) -> Result<Reply, Refusal> {
        let session = self.sessions.get(ask.session).ok_or(Refusal::NoSuchSession)?;
        let key = FeatureKey::new(&session.tenant, &ask.feature);
        if let Some(answer) = self.asked_before(session, &key, ask) {
            return answer;
        }
        let refusal = match self.plan(ask, &key, &self.claimed(&key)) {
            Ok(plan) => return Ok(Reply::CheckedOut { grants: self.grant(ask, plan, None) }),
            Err(refusal) => refusal,
        };
        let refusal = match self.enqueue(ask, &key, refusal) {
            Ok(reply) => return Ok(reply),
            Err(refusal) => refusal,
        };
        self.deny(ask, &key, &refusal);
        Err(refusal)
    }

    /// As [`Site::check_out`]; and once it is answered, no copy of the request takes a seat that its sender knows nothing
    /// of, whether it was refused or given back what it got ([`crate::answered`]).
    pub(crate) fn check_out_once(&mut self, ask: &CheckOut) -> Result<Reply, Refusal> {
        let answer = if self.is_done(ask) { Err(Refusal::RequestDone) } else { self.check_out(ask) };
        match answer {
            Err(Refusal::RequestDone) => Err(self.still_refused(ask).unwrap_or(Refusal::RequestDone)),
            Err(Refusal::NoSuchSession) => Err(Refusal::NoSuchSession),
            answer => {
                if ask.request != RequestKey::default() {
                    self.answered.note(ask.session, ask.request, self.now);
                }
                answer
            }
        }
    }

    /// Whether a request was answered before and has nothing to show for it now.
    fn is_done(&self, ask: &CheckOut) -> bool {
        self.answered.has(ask.session, ask.request)
            && self.sessions.get(ask.session).is_some_and(|session| {
                let key = FeatureKey::new(&session.tenant, &ask.feature);
                self.asked_before(session, &key, ask).is_none()
            })
    }

    /// Why a request that was answered would be refused now, if it would.
    fn still_refused(&self, ask: &CheckOut) -> Option<Refusal> {
        let session = self.sessions.get(ask.session)?;
        let key = FeatureKey::new(&session.tenant, &ask.feature);
        self.plan(ask, &key, &self.claimed(&key)).err()
    }

    /// A retry gets the answer of the first try (design.md §5; field.md, pain 17).
    pub(crate) fn asked_before(
        &self,
        session: &Session,
        key: &FeatureKey,
        ask: &CheckOut,
    ) -> Option<Result<Reply, Refusal>> {
        if ask.request == RequestKey::default() {
            return None;
        }
        let grants: Vec<GrantId> = session
            .grants()
            .iter()
            .copied()
            .filter(|id| self.grants.get(*id).is_some_and(|g| g.request == ask.request))
            .collect();
        if let Some(first) = grants.first() {
            let same = self.pool_of(*first).is_some_and(|pool| pool.terms.key == *key);
            let again =
                || Reply::CheckedOut { grants: grants.iter().filter_map(|id| self.granted(*id)).collect() };
            return Some(if same { Ok(again()) } else { Err(Refusal::RequestKeyReused) });
        }
        if let Some(answer) = self.waiting_for(session, key, ask.request) {
            return Some(answer);
        }
        session.done().contains(&ask.request).then_some(Err(Refusal::RequestDone))
    }

    /// What to take from where, leaving alone what those ahead in the queue claim.
    pub(crate) fn plan(
        &self,
        ask: &CheckOut,
        key: &FeatureKey,
        claimed: &BTreeSet<PoolId>,
    ) -> Result<Plan, Refusal> {
        let session = self.sessions.get(ask.session).ok_or(Refusal::NoSuchSession)?;
        let wanted = self.wanted(session, key, ask)?;
        let serving = self.serving(session, key, ask)?;
        let shared = |pool: &Pool| {
            let group = pool.terms.group(&session.who, ask.share.as_deref());
            self.shared(pool, group.as_ref())
        };
        // What others of the group spend already is nobody's loss: only free seats are left to those who wait.
        let obtainable = |pool: &Pool| {
            let free = if claimed.contains(&pool.id) { 0 } else { pool.free() };
            shared(pool).saturating_add(free)
        };
        let unclaimed = |pool: &Pool| shared(pool).saturating_add(pool.free());
        let total =
            |plan: &Plan| plan.iter().map(|(_, count)| count).fold(0u32, |sum, n| sum.saturating_add(*n));
        let (plan, no_suite) = self.divide(session, ask, &serving, wanted.most, obtainable);
        if total(&plan) >= wanted.least {
            return Ok(plan);
        }
        if total(&self.divide(session, ask, &serving, wanted.most, unclaimed).0) >= wanted.least {
            return Err(Refusal::QueuedAhead { ahead: self.queue_length(key) });
        }
        let components = serving.iter().fold(0u32, |sum, pool| sum.saturating_add(unclaimed(pool)));
        match no_suite.filter(|_| components >= wanted.least) {
            Some(suite) => Err(self.shortage(&[suite], Wanted { least: 1, most: 1 })),
            None => Err(self.shortage(&serving, wanted)),
        }
    }

    /// From the first pool that has all of it, or from several in serving order as far as they have it. A pool whose
    /// suite has no seat left for one more component has nothing; the first such suite is named.
    fn divide<'a>(
        &'a self,
        session: &Session,
        ask: &CheckOut,
        pools: &[&Pool],
        most: u32,
        obtainable: impl Fn(&Pool) -> u32,
    ) -> (Plan, Option<&'a Pool>) {
        let mut taken: BTreeMap<PoolId, u32> = BTreeMap::new();
        let lacking = |pool: &Pool, taken: &BTreeMap<PoolId, u32>| {
            self.suite_of(pool.id).filter(|suite| !self.has_seat(suite, session, ask, taken))
        };
        let has_all = |pool: &&&Pool| obtainable(pool) >= most && lacking(pool, &taken).is_none();
        if let Some(pool) = pools.iter().find(has_all) {
            return (vec![(pool.id, most)], None);
        }
        let mut left = most;
        let (mut plan, mut no_suite) = (Plan::new(), None);
        for pool in pools {
            let take = obtainable(pool).min(left);
            if take == 0 {
                continue;
            }
            if let Some(suite) = lacking(pool, &taken) {
                no_suite = no_suite.or(Some(suite));
                continue;
            }
            plan.push((pool.id, take));
            left -= take;
            if let Some(suite) = self.suite_of(pool.id) {
                *taken.entry(suite.id).or_default() += 1;
            }
        }
        (plan, no_suite)
    }

    /// Whether the suite has a seat for one more component, beside those that the plan takes already.
    fn has_seat(
        &self,
        suite: &Pool,
        session: &Session,
        ask: &CheckOut,
        taken: &BTreeMap<PoolId, u32>,
    ) -> bool {
        let group = suite.terms.group(&session.who, ask.share.as_deref());
        let others = if group.is_some() { 0 } else { taken.get(&suite.id).copied().unwrap_or(0) };
        self.cost(suite, group.as_ref(), 1).saturating_add(others) <= suite.free()
    }

    /// The pool of the suite that a pool belongs to.
    fn suite_of(&self, pool: PoolId) -> Option<&Pool> {
        let suite = self.pools.get(pool)?.terms.suite.as_ref()?;
        self.pools_of(&suite.key).find(|pool| pool.terms.identity == suite.identity)
    }

    pub(crate) fn wanted(
        &self,
        session: &Session,
        key: &FeatureKey,
        ask: &CheckOut,
    ) -> Result<Wanted, Refusal> {
        let amount = ask.amount;
        if amount.at_least == 0 || amount.at_most.is_some_and(|most| most < amount.at_least) {
            return Err(Refusal::BadAmount { at_least: amount.at_least, at_most: amount.at_most });
        }
        let limit = self.policy(key).limit_per_client.unwrap_or(self.settings.limit_per_client);
        let held = self.held_by(session, key);
        let room = limit.saturating_sub(held);
        if amount.at_least > room {
            return Err(Refusal::LimitPerClient { limit, held });
        }
        Ok(Wanted { least: amount.at_least, most: amount.at_most.unwrap_or(room).min(room) })
    }

    fn held_by(&self, session: &Session, key: &FeatureKey) -> u32 {
        let of_feature = session
            .grants()
            .iter()
            .filter(|id| self.pool_of(**id).is_some_and(|pool| pool.terms.key == *key));
        of_feature.filter_map(|id| self.grants.get(*id)).map(|grant| grant.count).sum()
    }

    /// The pools that may serve the request, in serving order, or why there are none.
    pub(crate) fn serving(
        &self,
        session: &Session,
        key: &FeatureKey,
        ask: &CheckOut,
    ) -> Result<Vec<&Pool>, Refusal> {
        let all: Vec<&Pool> = self.pools_of(key).collect();
        let versions: Vec<&Pool> =
            all.iter().copied().filter(|pool| pool.terms.serves(&ask.version)).collect();
        if versions.is_empty() {
            return Err(self.why_unserved(key, ask, &all));
        }
        let consumable = |pool: &&Pool| matches!(pool.terms.model, Model::Floating | Model::Uncounted);
        let by_checkout: Vec<&Pool> = versions.iter().copied().filter(consumable).collect();
        if let (true, Some(pool)) = (by_checkout.is_empty(), versions.first()) {
            return Err(Refusal::NotForCheckout { model: pool.terms.model });
        }
        let may = |pool: &&Pool| is_unlocked(pool, || claimed_machine(session.machine(), &session.who));
        let unlocked: Vec<&Pool> = by_checkout.iter().copied().filter(may).collect();
        if unlocked.is_empty() {
            let locked_to =
                by_checkout.iter().flat_map(|pool| &pool.terms.locks).map(ToString::to_string).collect();
            return Err(Refusal::WrongHost { locked_to });
        }
        Ok(unlocked)
    }

    fn why_unserved(&self, key: &FeatureKey, ask: &CheckOut, pools: &[&Pool]) -> Refusal {
        let known = self.index.features.get(key);
        let lines: Vec<_> = known.iter().flat_map(|known| &known.lines).collect();
        let serving = || lines.iter().filter(|line| line.rule.serves(&line.version, &ask.version));
        if let Some(starts) =
            serving().filter_map(|line| line.starts).filter(|starts| *starts > self.now).min()
        {
            return Refusal::NotYetValid { starts };
        }
        if let Some(at) = serving().filter_map(|line| line.ends).filter(|ends| *ends <= self.now).max() {
            return Refusal::Expired { at };
        }
        if pools.is_empty() && lines.is_empty() {
            let names = self
                .index
                .features
                .iter()
                .filter(|(other, _)| other.tenant == key.tenant)
                .map(|(_, known)| &known.spelled);
            return Refusal::UnknownFeature {
                feature: ask.feature.clone(),
                nearest: nearest::names(&ask.feature, names),
            };
        }
        let mut served: Vec<_> = lines.iter().map(|line| line.version.clone()).collect();
        served.sort();
        served.dedup();
        Refusal::VersionNotServed { requested: ask.version.clone(), served }
    }

    fn shortage(&self, serving: &[&Pool], wanted: Wanted) -> Refusal {
        let total = |of: &[&Pool], what: fn(&Pool) -> u32| {
            of.iter().fold(0u32, |sum, pool| sum.saturating_add(what(pool)))
        };
        let most = total(serving, |pool| pool.terms.limit());
        if wanted.least > most {
            return Refusal::MoreThanExists { requested: wanted.least, capacity: most };
        }
        let holders = self.longest_holders(serving);
        Refusal::NoneLeft(Box::new(NoneLeft {
            feature: serving.first().map_or_else(|| "".into(), |pool| pool.terms.feature.clone()),
            requested: wanted.least,
            capacity: total(serving, |pool| pool.terms.capacity.unwrap_or(u32::MAX)),
            in_use: total(serving, |pool| pool.used),
            free: total(serving, Pool::free),
            queued: serving.first().map_or(0, |pool| self.queue_length(&pool.terms.key)),
            next_free: holders.iter().filter_map(|held| held.until).min(),
            over_capacity: serving.iter().any(|pool| pool.is_over()),
            holders,
        }))
    }

    pub(crate) fn longest_holders(&self, pools: &[&Pool]) -> Vec<Held> {
        let mut holders: Vec<Held> = pools.iter().flat_map(|pool| self.holders(pool).take(HOLDERS)).collect();
        holders.sort_by_key(|held| (held.since, held.grant));
        holders.truncate(HOLDERS);
        holders
    }

    /// Who holds seats of `pool`, the one who has held longest first.
    pub fn holders(&self, pool: &Pool) -> impl Iterator<Item = Held> {
        let next = |id: &GrantId| self.grants.get(*id).and_then(|grant| grant.newer.get());
        std::iter::successors(pool.oldest, next).filter_map(|id| {
            let grant = self.grants.get(id)?;
            let lease = grant.session().and_then(|id| self.sessions.get(id)).and_then(Session::lease_until);
            Some(Held {
                grant: id,
                who: grant.who.clone(),
                count: grant.count,
                since: grant.since,
                until: grant.until().or(lease),
            })
        })
    }

    /// Makes the grants of a plan that fits.
    pub(crate) fn grant(&mut self, ask: &CheckOut, plan: Plan, ticket: Option<TicketId>) -> Vec<Granted> {
        plan.into_iter().filter_map(|(pool, count)| self.grant_from(ask, pool, count, ticket)).collect()
    }

    fn grant_from(
        &mut self,
        ask: &CheckOut,
        pool: PoolId,
        count: u32,
        ticket: Option<TicketId>,
    ) -> Option<Granted> {
        let suite = self.suite_of(pool).map(|suite| suite.id);
        let companion = suite.and_then(|suite| self.make(ask, suite, 1, None, true));
        let id = self.make(ask, pool, count, ticket, false)?;
        if companion.is_some() {
            self.grants.get_mut(id)?.set_companion(companion);
        }
        self.granted(id)
    }

    /// Makes one grant; one that comes along with another carries no request key, as nobody asked for it.
    fn make(
        &mut self,
        ask: &CheckOut,
        pool: PoolId,
        count: u32,
        ticket: Option<TicketId>,
        is_companion: bool,
    ) -> Option<GrantId> {
        let who = self.sessions.get(ask.session)?.who.clone();
        let from = self.pools.get(pool)?;
        let group = from.terms.group(&who, ask.share.as_deref());
        let asked = from.spelled(&ask.version).unwrap_or_else(|| Arc::new(ask.version.clone()));
        let id = GrantId(self.next_grant);
        self.next_grant += 1;
        let request = if is_companion { RequestKey::default() } else { ask.request };
        let (session, since) = (ask.session, self.now);
        let taken = Taken { pool, session, who, count, since, asked, request };
        let grant = Grant::new(taken, group, is_companion);
        self.attach(id, grant, pool);
        self.sessions.get_mut(ask.session)?.take(id);
        let mut event = self.grant_event(id)?;
        event.ticket = ticket;
        self.tell(Event::CheckedOut(event));
        Some(id)
    }

    /// A grant as its holder is told of it.
    #[must_use]
    pub fn granted(&self, id: GrantId) -> Option<Granted> {
        let grant = self.grants.get(id)?;
        let pool = self.pools.get(grant.pool)?;
        let terms = &pool.terms;
        Some(Granted {
            grant: id,
            count: grant.count,
            feature: terms.feature.clone(),
            publisher: terms.publisher.clone(),
            version: terms.version.clone(),
            since: grant.since,
            overdraft: terms.capacity.is_some_and(|capacity| pool.used > capacity),
            proof: terms.proof.clone(),
        })
    }

    fn deny(&mut self, ask: &CheckOut, key: &FeatureKey, refusal: &Refusal) {
        let Some(session) = self.sessions.get(ask.session) else { return };
        let event = Event::Denied {
            tenant: (*session.tenant).clone(),
            who: session.who.clone(),
            session: ask.session,
            feature: ask.feature.clone(),
            version: ask.version.clone(),
            refusal: refusal.clone(),
        };
        self.tell(event);
        let (tenant, feature) = (key.tenant.clone(), self.spelled(key));
        match refusal {
            Refusal::NoneLeft(_) => self.start_violation(Breach::NoneLeft { tenant, feature }),
            Refusal::UnknownFeature { .. } => {
                self.start_violation(Breach::UnknownFeature { tenant, feature })
            }
            _ => {}
        }
    }
}

/// What a session says of its machine; `HOSTID=` locks on lines are held against it (flexnet-formats §2).
pub(crate) fn claimed_machine(machine: Option<&Machine>, who: &Who) -> Machine {
    let mut machine = machine.cloned().unwrap_or_default();
    machine.hostnames.push(who.host().to_owned());
    machine.user = Some(who.user().to_owned());
    machine.display = Some(who.display().to_owned());
    machine
}

/// Whether the machine may take from the pool; it is put together only for a pool that is locked.
pub(crate) fn is_unlocked(pool: &Pool, machine: impl FnOnce() -> Machine) -> bool {
    let locks = &pool.terms.locks;
    locks.is_empty() || {
        let machine = machine();
        locks.iter().any(|lock| lock.matches(&machine))
    }
}
