//! License files and the pools that follow from them: loading, replacing, removing, and lines that come into force or
//! run out at their time. Never ends a session; what happens to holders of a shrunk pool is its policy's to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grantor_license::{Count, Model, Offer, OfferKind, Version, VersionRule};
use serde::{Deserialize, Serialize};

use crate::Site;
use crate::checkout::{claimed_machine, is_unlocked};
use crate::command::{LicenseFile, LoadedLine};
use crate::event::{Event, RevokeReason};
use crate::grant::Grant;
use crate::ids::{GrantId, PoolId};
use crate::outcome::{PoolChange, Refusal, Reply};
use crate::pool::{FeatureKey, Pool, Suite, Terms};
use crate::session::Session;
use crate::settings::Shrink;
use crate::time::Timestamp;
use crate::timers::Due;

/// What is loaded, by feature.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Index {
    /// Every feature that a loaded line names, in force or not.
    pub features: BTreeMap<FeatureKey, Known>,
}

/// A feature that loaded lines name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Known {
    /// As its line spells it.
    pub spelled: Arc<str>,
    /// Its pools in serving order; none while no line is in force.
    pub pools: Vec<PoolId>,
    /// Pools that no line stands behind any more, but that somebody holds seats of.
    pub remnants: Vec<PoolId>,
    /// Every line that names it, or of which its pools are made.
    pub lines: Vec<KnownLine>,
}

/// A line that serves, did or will.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownLine {
    /// Its version.
    pub version: Version,
    /// Which requested versions it serves.
    pub rule: VersionRule,
    /// When it begins, if it has not from the start.
    pub starts: Option<Timestamp>,
    /// When it ends; `None` = never.
    pub ends: Option<Timestamp>,
}

impl Known {
    /// Whether lines have ended and none is in force.
    pub(crate) fn has_run_out(&self, now: Timestamp) -> bool {
        self.pools.is_empty() && self.lines.iter().any(|line| line.ends.is_some_and(|ends| ends <= now))
    }
}

impl Site {
    pub(crate) fn load_file(&mut self, file: &Arc<LicenseFile>) -> Result<Reply, Refusal> {
        let key = (file.tenant.clone(), file.name.clone());
        self.files.insert(key, file.clone());
        let changes = self.repool(&file.tenant);
        let (tenant, name, digest) = (file.tenant.clone(), file.name.clone(), file.digest);
        self.tell(Event::FileLoaded { tenant: tenant.clone(), name, digest, changes: changes.clone() });
        self.settle(&tenant);
        Ok(Reply::FileLoaded { changes })
    }

    pub(crate) fn remove_file(&mut self, tenant: &Arc<str>, name: &str, by: &str) -> Result<Reply, Refusal> {
        let missing = || Refusal::NoSuchFile { name: name.to_owned() };
        self.files.remove(&(tenant.clone(), name.to_owned())).ok_or_else(missing)?;
        let changes = self.repool(tenant);
        let (name, by) = (name.to_owned(), by.to_owned());
        self.tell(Event::FileRemoved { tenant: tenant.clone(), name, by, changes: changes.clone() });
        self.settle(tenant);
        Ok(Reply::FileLoaded { changes })
    }

    /// Loads and forgets files in one step. Files of other tenants, and names that are not loaded, are passed over.
    pub(crate) fn replace_files(
        &mut self,
        tenant: &Arc<str>,
        load: &[Arc<LicenseFile>],
        remove: &[String],
        by: &str,
    ) -> Reply {
        let load: Vec<&Arc<LicenseFile>> = load.iter().filter(|file| file.tenant == *tenant).collect();
        let gone: Vec<&String> = remove
            .iter()
            .filter(|name| self.files.remove(&(tenant.clone(), (*name).clone())).is_some())
            .collect();
        for file in &load {
            self.files.insert((tenant.clone(), file.name.clone()), Arc::clone(file));
        }
        let changes = self.repool(tenant);
        for file in load {
            self.tell(self.loaded_by(file, by));
        }
        for name in gone {
            let (name, by) = (name.clone(), by.to_owned());
            self.tell(Event::FileRemoved { tenant: tenant.clone(), name, by, changes: Vec::new() });
        }
        if !changes.is_empty() {
            self.tell(Event::CapacityChanged { at: self.now, changes: changes.clone() });
        }
        self.settle(tenant);
        Reply::FileLoaded { changes }
    }

    fn loaded_by(&self, file: &LicenseFile, by: &str) -> Event {
        let (tenant, name, digest) = (file.tenant.clone(), file.name.clone(), file.digest);
        // Servers of before can't read a state with the event in it.
        if self.level() < 2 {
            return Event::FileLoaded { tenant, name, digest, changes: Vec::new() };
        }
        Event::FileLoadedBy { tenant, name, digest, by: by.to_owned() }
    }

    /// A line came into force or ran out somewhere.
    pub(crate) fn dates_passed(&mut self) {
        self.pools_due = None;
        let tenants: BTreeSet<Arc<str>> = self.files.keys().map(|(tenant, _)| tenant.clone()).collect();
        for tenant in tenants {
            let changes = self.repool(&tenant);
            if !changes.is_empty() {
                self.tell(Event::CapacityChanged { at: self.now, changes });
            }
            self.settle(&tenant);
        }
    }

    /// Works out a tenant's pools from its files and the time, and moves to them whoever holds seats.
    fn repool(&mut self, tenant: &Arc<str>) -> Vec<PoolChange> {
        let lines = self.lines_of(tenant);
        let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
        let now = self.now;
        let in_force = |i: usize| lines.get(i).is_some_and(|line| line.in_force(now));
        let pools = grantor_license::pools(&offers, &in_force);
        let before = self.capacities(tenant);
        let vanished = self.rebuild_index(tenant, &lines, &offers, &pools.pools);
        self.rehome(&vanished);
        self.note_remnants(tenant);
        self.schedule_dates();
        self.schedule_notices();
        self.note_disconnects(tenant);
        changes(&before, &self.capacities(tenant))
    }

    /// Works out anew for how long each pool's seats may be borrowed: the state was read, and does not say so.
    pub(crate) fn note_loan_hours(&mut self) {
        let tenants: BTreeSet<Arc<str>> = self.files.keys().map(|(tenant, _)| tenant.clone()).collect();
        for tenant in tenants {
            let lines = self.lines_of(&tenant);
            let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
            let in_force = |i: usize| lines.get(i).is_some_and(|line| line.in_force(self.now));
            let pools = grantor_license::pools(&offers, &in_force).pools;
            let ids = self.identities(&tenant);
            for pool in pools {
                if let Some(id) = ids.get(&pool.pool_key) {
                    self.loans.set_hours(*id, pool.borrow_hours);
                }
            }
        }
    }

    /// A tenant's lines in the order of its files. A signed line counts once, however many files hold it.
    pub(crate) fn lines_of(&self, tenant: &Arc<str>) -> Vec<LoadedLine> {
        let mut seen = BTreeSet::new();
        let files = self.files.iter().filter(|((of, _), _)| of == tenant).map(|(_, file)| file);
        let numbered = files.zip(0u32..).flat_map(|(file, number)| {
            file.lines.iter().cloned().map(move |mut line| {
                line.offer.file = number;
                line
            })
        });
        numbered.filter(|line| line.offer.sign.is_empty() || seen.insert(line.offer.sign.clone())).collect()
    }

    fn capacities(&self, tenant: &Arc<str>) -> Capacities {
        let pools = self.pools.iter().filter(|(_, pool)| pool.terms.key.tenant == *tenant);
        pools.map(|(id, pool)| (id, (pool.terms.clone(), pool.terms.capacity))).collect()
    }

    /// Gives each pool its number (the old one where the terms are the same pool's) and returns those that are no more.
    fn rebuild_index(
        &mut self,
        tenant: &Arc<str>,
        lines: &[LoadedLine],
        offers: &[Offer],
        pools: &[grantor_license::Pool],
    ) -> Vec<PoolId> {
        let mut old: BTreeMap<String, PoolId> = self.identities(tenant);
        let mut index = Index::clone(&self.index);
        index.features.retain(|key, _| key.tenant != *tenant);
        let mut behind = BTreeSet::new();
        for pool in grantor_license::pools(offers, &|_| true).pools {
            let key = FeatureKey::new(tenant, &pool.feature);
            let known = index
                .features
                .entry(key)
                .or_insert_with(|| Known { spelled: pool.feature.as_str().into(), ..Known::default() });
            let lines = pool.offers.iter().filter_map(|i| lines.get(*i));
            known.lines.extend(lines.map(|line| known_line(line, &pool.version)));
            behind.extend(pool.offers);
        }
        note_ignored(tenant, lines, &behind, &mut index);
        for pool in pools {
            let terms = Arc::new(terms(tenant, pool, lines));
            let id = old.remove(&terms.identity).unwrap_or_else(|| self.new_pool_id());
            let known = index
                .features
                .entry(terms.key.clone())
                .or_insert_with(|| Known { spelled: terms.feature.clone(), ..Known::default() });
            known.pools.push(id);
            self.loans.set_hours(id, pool.borrow_hours);
            self.set_terms(id, terms);
        }
        self.index = Arc::new(index);
        old.into_values().collect()
    }

    pub(crate) fn identities(&self, tenant: &Arc<str>) -> BTreeMap<String, PoolId> {
        let pools = self.pools.iter().filter(|(_, pool)| pool.terms.key.tenant == *tenant);
        pools.map(|(id, pool)| (pool.terms.identity.clone(), id)).collect()
    }

    fn new_pool_id(&mut self) -> PoolId {
        let id = PoolId(self.next_pool);
        self.next_pool += 1;
        id
    }

    fn set_terms(&mut self, id: PoolId, terms: Arc<Terms>) {
        match self.pools.get_mut(id) {
            Some(pool) => pool.terms = terms,
            None => {
                self.pools.insert(id, Pool::new(id, terms));
            }
        }
    }

    /// Moves the grants of pools that are no more to pools that serve them, as far as those have room; what has none
    /// keeps its old pool, which has no seats now.
    fn rehome(&mut self, vanished: &[PoolId]) {
        for id in vanished {
            if let Some(pool) = self.pools.get_mut(*id) {
                let terms = Arc::make_mut(&mut pool.terms);
                (terms.capacity, terms.overdraft, terms.ends) = (Some(0), 0, None);
            }
            for grant in self.grants_of(*id) {
                self.move_grant(grant);
            }
            self.loans.set_hours(*id, None);
            self.forget_empty(*id);
        }
    }

    /// Keeps pools that vanished with grants in sight of their feature.
    fn note_remnants(&mut self, tenant: &Arc<str>) {
        let mut index = Index::clone(&self.index);
        let of_tenant = self
            .pools
            .iter()
            .map(|(id, pool)| (id, &pool.terms))
            .filter(|(_, terms)| terms.key.tenant == *tenant);
        for (id, terms) in of_tenant {
            let known = index
                .features
                .entry(terms.key.clone())
                .or_insert_with(|| Known { spelled: terms.feature.clone(), ..Known::default() });
            if !known.pools.contains(&id) {
                known.remnants.push(id);
            }
        }
        self.index = Arc::new(index);
    }

    fn move_grant(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get(id) else { return };
        let Some(key) = self.pools.get(grant.pool).map(|pool| pool.terms.key.clone()) else { return };
        let model = self.pools.get(grant.pool).map(|pool| pool.terms.model);
        let allocated_as = model.filter(|_| grant.is_allocated());
        let share = grant.group().and_then(|group| group.vendor()).map(str::to_owned);
        let mut grant = grant.clone();
        let session = grant.session().and_then(|session| self.sessions.get(session));
        let machine = || claimed_machine(session.and_then(Session::machine), &grant.who);
        let home = self.pools_of(&key).find_map(|pool| {
            let group = pool.terms.group(&grant.who, share.as_deref());
            let serves = match allocated_as {
                // A seat of the directory is the feature's, whatever version.
                Some(model) => pool.terms.model == model && pool.terms.suite.is_none(),
                None => {
                    matches!(pool.terms.model, Model::Floating | Model::Uncounted)
                        && pool.terms.serves(&grant.asked)
                }
            };
            let fits = serves
                && is_unlocked(pool, machine)
                && self.cost(pool, group.as_ref(), grant.count) <= pool.free();
            fits.then_some((pool.id, group))
        });
        let Some((home, group)) = home else { return };
        grant.set_group(group);
        self.detach(id);
        self.attach(id, grant, home);
    }

    /// The pool's grants, the one held longest first.
    pub(crate) fn grants_of(&self, pool: PoolId) -> Vec<GrantId> {
        let first = self.pools.get(pool).and_then(|pool| pool.oldest);
        std::iter::successors(first, |id| self.grants.get(*id)?.newer.get()).collect()
    }

    /// Drops a pool that no line stands behind and nobody holds anything of.
    pub(crate) fn forget_empty(&mut self, id: PoolId) {
        let Some(pool) = self.pools.get(id) else { return };
        let listed = self.index.features.get(&pool.terms.key).is_some_and(|known| known.pools.contains(&id));
        if !listed && pool.grants == 0 {
            let key = pool.terms.key.clone();
            self.pools.remove(id);
            self.forget_remnant(&key, id);
        }
    }

    fn forget_remnant(&mut self, key: &FeatureKey, id: PoolId) {
        let features = &mut Arc::make_mut(&mut self.index).features;
        if let Some(known) = features.get_mut(key) {
            known.remnants.retain(|other| *other != id);
            if known.pools.is_empty() && known.remnants.is_empty() && known.lines.is_empty() {
                features.remove(key);
            }
        }
    }

    /// Whether a line names the feature, in force or not.
    pub(crate) fn is_loaded(&self, key: &FeatureKey) -> bool {
        self.index.features.get(key).is_some_and(|known| !known.lines.is_empty() || !known.pools.is_empty())
    }

    /// Every pool of a feature, those included that no line stands behind any more.
    pub fn pools_and_remnants(&self, key: &FeatureKey) -> impl Iterator<Item = &Pool> {
        let known = self.index.features.get(key);
        let ids = known.into_iter().flat_map(|known| known.pools.iter().chain(&known.remnants));
        ids.filter_map(|id| self.pools.get(*id))
    }

    /// The pools of a feature that lines stand behind, in serving order.
    pub fn pools_of(&self, key: &FeatureKey) -> impl Iterator<Item = &Pool> {
        let ids = self.index.features.get(key).map(|known| known.pools.as_slice());
        ids.unwrap_or_default().iter().filter_map(|id| self.pools.get(*id))
    }

    /// Wakes the site when the next line begins or ends.
    fn schedule_dates(&mut self) {
        let lines = self.files.values().flat_map(|file| &file.lines);
        let next =
            lines.flat_map(|line| [line.starts, line.ends]).flatten().filter(|at| *at > self.now).min();
        if let Some(before) = std::mem::replace(&mut self.pools_due, next) {
            self.timers.remove(before, Due::Pools);
        }
        if let Some(at) = next {
            self.timers.add(at, Due::Pools);
        }
    }

    /// After capacity changed: shrink as the policy says, let those in who wait, and see what is breached.
    fn settle(&mut self, tenant: &Arc<str>) {
        let of_tenant = |key: &FeatureKey| key.tenant == *tenant;
        let over: Vec<PoolId> = self
            .pools
            .iter()
            .filter(|(_, pool)| of_tenant(&pool.terms.key) && pool.is_over())
            .map(|(id, _)| id)
            .collect();
        for pool in over {
            self.shrink(pool);
        }
        let mut keys: BTreeSet<FeatureKey> =
            self.index.features.keys().filter(|key| of_tenant(key)).cloned().collect();
        keys.extend(self.queues.keys().filter(|key| of_tenant(key)).cloned());
        for key in &keys {
            self.dismiss_hopeless(key);
            self.serve_queue(key);
        }
        self.review_tenant(tenant);
    }

    fn shrink(&mut self, id: PoolId) {
        let Some(pool) = self.pools.get(id) else { return };
        let order = match self.policy(&pool.terms.key).shrink.unwrap_or(self.settings.shrink) {
            Shrink::Keep => return,
            Shrink::RevokeOldest => self.grants_of(id),
            Shrink::RevokeNewest => self.grants_of(id).into_iter().rev().collect(),
        };
        // What is allocated is kept: whose license goes is for an administrator to say.
        let is_allocated = |id: &GrantId| self.grants.get(*id).is_some_and(Grant::is_allocated);
        let order: Vec<GrantId> = order.into_iter().filter(|id| !is_allocated(id)).collect();
        for grant in order {
            if !self.pools.get(id).is_some_and(Pool::is_over) {
                return;
            }
            self.revoke(grant, RevokeReason::Shrunk);
        }
    }
}

fn known_line(line: &LoadedLine, version: &Version) -> KnownLine {
    KnownLine {
        version: version.clone(),
        rule: line.offer.version_rule,
        starts: line.starts,
        ends: line.ends,
    }
}

/// Lines that add nothing when all are in force may be what counts at another time: another line takes their place
/// only while that one is in force.
fn note_ignored(tenant: &Arc<str>, lines: &[LoadedLine], behind: &BTreeSet<usize>, index: &mut Index) {
    let ignored = lines.iter().enumerate().filter(|(i, _)| !behind.contains(i)).map(|(_, line)| line);
    for line in ignored.filter(|line| !matches!(line.offer.kind, OfferKind::Package { .. })) {
        let known = index
            .features
            .entry(FeatureKey::new(tenant, &line.offer.feature))
            .or_insert_with(|| Known { spelled: line.offer.feature.as_str().into(), ..Known::default() });
        known.lines.push(known_line(line, &line.offer.version));
    }
}

fn terms(tenant: &Arc<str>, pool: &grantor_license::Pool, lines: &[LoadedLine]) -> Terms {
    let behind = || pool.offers.iter().filter_map(|i| lines.get(*i));
    Terms {
        key: FeatureKey::new(tenant, &pool.feature),
        feature: pool.feature.as_str().into(),
        publisher: pool.publisher.as_str().into(),
        version: pool.version.clone(),
        rule: pool.version_rule,
        model: pool.model,
        capacity: match pool.capacity {
            Count::Uncounted => None,
            Count::Counted(seats) => Some(seats),
        },
        overdraft: pool.overdraft,
        hold_seconds: pool.hold_seconds,
        linger_seconds: pool.linger_seconds,
        dup: pool.dup_group,
        locks: pool.locks.clone(),
        identity: pool.pool_key.clone(),
        suite: pool.suite.as_ref().map(|suite| Suite {
            key: FeatureKey::new(tenant, &suite.feature),
            identity: suite.pool_key.clone(),
        }),
        proof: proof(pool, behind()),
        ends: behind().filter_map(|line| line.ends).min(),
        vendor_string: behind().find_map(|line| line.offer.vendor_string.clone()),
    }
}

/// Most lines that a proof joins; so many are enough for a package of upgraded lines.
const PROVEN: usize = 8;

/// The first line's proof where that line alone says it all; several where a package or an upgrade made the pool.
fn proof<'a>(
    pool: &grantor_license::Pool,
    mut lines: impl Iterator<Item = &'a LoadedLine> + Clone,
) -> Arc<str> {
    let plain = lines.clone().find(|line| {
        line.offer.feature == pool.feature && line.offer.version == pool.version && line.offer.is_plain()
    });
    match plain {
        Some(line) => line.proof.clone(),
        None => grantor_license::join_proofs(lines.by_ref().take(PROVEN).map(|line| &*line.proof)).into(),
    }
}

type Capacities = BTreeMap<PoolId, (Arc<Terms>, Option<u32>)>;

fn changes(before: &Capacities, after: &Capacities) -> Vec<PoolChange> {
    let ids: BTreeSet<PoolId> = before.keys().chain(after.keys()).copied().collect();
    ids.into_iter().filter_map(|id| change(before.get(&id), after.get(&id))).collect()
}

fn change(
    before: Option<&(Arc<Terms>, Option<u32>)>,
    after: Option<&(Arc<Terms>, Option<u32>)>,
) -> Option<PoolChange> {
    let seats = |side: Option<&(Arc<Terms>, Option<u32>)>| side.map_or(Some(0), |(_, seats)| *seats);
    let (terms, _) = after.or(before)?;
    let (tenant, feature, version) = (terms.key.tenant.clone(), terms.feature.clone(), terms.version.clone());
    let (from, to) = (seats(before), seats(after));
    (from != to).then_some(PoolChange { tenant, feature, version, from, to })
}
