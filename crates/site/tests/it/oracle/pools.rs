//! Pools and what is free in them, from the files and the grants, each time anew.

use std::sync::Arc;

use grantor_license::{Count, DupGroup, HostId, Machine, Model, Offer, OfferKind, Version, VersionRule};
use grantor_site::Timestamp;
use grantor_site::command::{Identity, LoadedLine};
use grantor_site::settings::Shrink;

use super::{Grant, Key, Oracle, Session, key};

#[derive(Clone, Debug)]
pub struct Pool {
    pub key: Key,
    pub identity: String,
    pub feature: String,
    pub publisher: String,
    pub version: Version,
    pub rule: VersionRule,
    pub model: Model,
    /// `None` = uncounted.
    pub capacity: Option<u32>,
    pub overdraft: u32,
    pub hold_seconds: u32,
    pub linger_seconds: u32,
    pub borrow_hours: Option<u32>,
    /// The earliest end of its lines.
    pub ends: Option<Timestamp>,
    pub dup: DupGroup,
    pub locks: Vec<HostId>,
    /// The suite's feature and pool.
    pub suite: Option<(Key, String)>,
    pub proof: Arc<str>,
    /// Whether lines stand behind it.
    pub live: bool,
}

impl Pool {
    pub fn limit(&self) -> u32 {
        self.capacity.map_or(u32::MAX, |capacity| capacity.saturating_add(self.overdraft))
    }

    /// Whether two holders share seats here.
    pub fn shares(&self, a: (&Identity, Option<&str>), b: (&Identity, Option<&str>)) -> bool {
        let dup = self.dup;
        let grouped = dup.user || dup.host || dup.display || dup.vendor || dup.site;
        grouped
            && (!dup.user || a.0.user == b.0.user)
            && (!dup.host || a.0.host.to_lowercase() == b.0.host.to_lowercase())
            && (!dup.display || a.0.display == b.0.display)
            && (!dup.vendor || (a.1.is_some() && a.1 == b.1))
    }

    pub fn admits(&self, session: &Session) -> bool {
        let mut machine: Machine = session.open.machine.as_deref().cloned().unwrap_or_default();
        let who = &session.open.who;
        machine.hostnames.push(who.host.to_string());
        machine.user.get_or_insert_with(|| who.user.to_string());
        machine.display.get_or_insert_with(|| who.display.to_string());
        self.locks.is_empty() || self.locks.iter().any(|lock| lock.matches(&machine))
    }

    pub fn is_for_checkout(&self) -> bool {
        matches!(self.model, Model::Floating | Model::Uncounted)
    }
}

impl Oracle {
    /// Every line of the tenant's files, in file order.
    pub fn lines(&self, tenant: &Arc<str>) -> Vec<LoadedLine> {
        let mut files: Vec<_> = self.files.iter().filter(|file| file.tenant == *tenant).collect();
        files.sort_by_key(|file| file.name.clone());
        let mut lines = Vec::new();
        for (number, file) in files.into_iter().enumerate() {
            for line in &file.lines {
                let mut line = line.clone();
                line.offer.file = number as u32;
                lines.push(line);
            }
        }
        lines
    }

    /// The lines that name a feature, packages that contain it included.
    pub fn lines_of(&self, of: &Key) -> Vec<(Version, LoadedLine)> {
        let lines = self.lines(&of.0);
        let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
        let pools = grantor_license::pools(&offers, &|_| true).pools;
        let mut found = Vec::new();
        for pool in pools.iter().filter(|pool| pool.feature.to_lowercase() == of.1) {
            found.extend(pool.offers.iter().map(|i| (pool.version.clone(), lines[*i].clone())));
        }
        // A line that enables a package goes into the package's components and is no license of its own name.
        let used: Vec<usize> = pools.iter().flat_map(|pool| pool.offers.clone()).collect();
        for (_, line) in lines.into_iter().enumerate().filter(|(i, _)| !used.contains(i)) {
            let package = matches!(line.offer.kind, OfferKind::Package { .. });
            if !package && line.offer.feature.to_lowercase() == of.1 {
                found.push((line.offer.version.clone(), line));
            }
        }
        found
    }

    fn pools_now(&self, tenant: &Arc<str>) -> Vec<Pool> {
        let lines = self.lines(tenant);
        let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
        let now = self.now;
        let made = grantor_license::pools(&offers, &|i| lines[i].in_force(now));
        let pool = |pool: grantor_license::Pool| Pool {
            key: key(tenant, &pool.feature),
            identity: pool.pool_key,
            feature: pool.feature,
            publisher: pool.publisher,
            version: pool.version,
            rule: pool.version_rule,
            model: pool.model,
            capacity: match pool.capacity {
                Count::Counted(count) => Some(count),
                Count::Uncounted => None,
            },
            overdraft: pool.overdraft,
            hold_seconds: pool.hold_seconds,
            linger_seconds: pool.linger_seconds,
            borrow_hours: pool.borrow_hours,
            ends: pool.offers.iter().filter_map(|i| lines[*i].ends).min(),
            dup: pool.dup_group,
            locks: pool.locks,
            suite: pool.suite.map(|suite| (key(tenant, &suite.feature), suite.pool_key)),
            proof: lines[pool.offers[0]].proof.clone(),
            live: true,
        };
        made.pools.into_iter().map(pool).collect()
    }

    pub fn pool(&self, name: &(Arc<str>, String)) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.key.0 == name.0 && pool.identity == name.1)
    }

    pub fn grants_of(&self, pool: &Pool) -> Vec<&Grant> {
        let own = |grant: &&Grant| grant.pool.0 == pool.key.0 && grant.pool.1 == pool.identity;
        let mut grants: Vec<&Grant> = self.grants.iter().filter(own).collect();
        grants.sort_by_key(|grant| (grant.since, grant.id));
        grants
    }

    /// Each group spends its largest member; who is in no group spends what it holds.
    pub fn used(&self, pool: &Pool) -> u32 {
        let grants = self.grants_of(pool);
        let of = |grant: &Grant| (grant.who.clone(), grant.share.clone());
        let mut used = 0;
        for (i, grant) in grants.iter().enumerate() {
            let (who, share) = of(grant);
            let mates: Vec<(usize, &&Grant)> = grants
                .iter()
                .enumerate()
                .filter(|(j, mate)| {
                    *j == i || pool.shares((&who, share.as_deref()), (&mate.who, mate.share.as_deref()))
                })
                .collect();
            if mates.iter().all(|(j, _)| *j >= i) {
                used += mates.iter().map(|(_, mate)| mate.count).max().unwrap_or(0);
            }
        }
        used
    }

    pub fn free_in(&self, pool: &Pool) -> u32 {
        if pool.capacity.is_none() { u32::MAX } else { pool.limit().saturating_sub(self.used(pool)) }
    }

    pub fn is_over(&self, pool: &Pool) -> bool {
        pool.capacity.is_some() && self.used(pool) > pool.limit()
    }

    /// Seats that the asker's group spends already.
    pub fn shared(&self, pool: &Pool, who: &Identity, share: Option<&str>) -> u32 {
        let mates = self.grants_of(pool);
        let mates = mates.iter().filter(|m| pool.shares((who, share), (&m.who, m.share.as_deref())));
        mates.map(|mate| mate.count).max().unwrap_or(0)
    }

    /// Works out a tenant's pools after its files or the dates changed, and what follows.
    pub fn rebuild(&mut self, tenant: &Arc<str>) {
        let fresh = self.pools_now(tenant);
        let (old, others): (Vec<Pool>, Vec<Pool>) =
            std::mem::take(&mut self.pools).into_iter().partition(|pool| pool.key.0 == *tenant);
        let is_fresh = |pool: &Pool| fresh.iter().any(|other| other.identity == pool.identity);
        let gone: Vec<Pool> = old.into_iter().filter(|pool| !is_fresh(pool)).collect();
        let gone = gone.into_iter().map(|pool| Pool { capacity: Some(0), overdraft: 0, live: false, ..pool });
        self.pools = others.into_iter().chain(fresh).chain(gone).collect();
        self.hand_over(tenant);
        self.sweep();
        self.enforce(tenant);
        self.serve_tenant(tenant);
        let features = self.features();
        self.unknown.retain(|key| key.0 != *tenant || !features.contains(key));
        let keys: Vec<Key> = self.none_left.iter().filter(|key| key.0 == *tenant).cloned().collect();
        for key in keys {
            self.review(&key);
        }
    }

    /// The holders of vanished pools go to other pools of the feature that have room.
    fn hand_over(&mut self, tenant: &Arc<str>) {
        let vanished = |pool: &&Pool| !pool.live && pool.key.0 == *tenant;
        let mut moving: Vec<Grant> = Vec::new();
        let mut from: Vec<&Pool> = self.pools.iter().filter(vanished).collect();
        from.sort_by_key(|pool| pool.identity.clone());
        for pool in from {
            moving.extend(self.grants_of(pool).into_iter().cloned());
        }
        for grant in moving {
            let feature = self.pool(&grant.pool).unwrap().key.clone();
            let fits = |pool: &&Pool| {
                pool.live
                    && pool.key == feature
                    && pool.is_for_checkout()
                    && pool.admits(&self.holder(&grant))
                    && pool.rule.serves(&pool.version, &grant.asked)
                    && grant.count
                        <= self.free_in(pool).saturating_add(self.shared(
                            pool,
                            &grant.who,
                            grant.share.as_deref(),
                        ))
            };
            let target = self.pools.iter().find(fits).map(|pool| (pool.key.0.clone(), pool.identity.clone()));
            if let Some(target) = target {
                let keeps_share = self.pool(&target).unwrap().dup.vendor;
                let grant = self.grants.iter_mut().find(|other| other.id == grant.id).unwrap();
                grant.pool = target;
                grant.share = grant.share.take().filter(|_| keeps_share);
            }
        }
    }

    /// The session that holds a grant, or the little that is known of who took it.
    fn holder(&self, grant: &Grant) -> Session {
        let open = crate::support::open(0, &grant.pool.0, grant.who.clone());
        let unknown = Session { id: grant.taken_by, open, heartbeat: 0, lease: None, done: Vec::new() };
        grant.session.and_then(|session| self.session(session)).cloned().unwrap_or(unknown)
    }

    /// Forgets vanished pools that nobody holds.
    pub fn sweep(&mut self) {
        let pools = std::mem::take(&mut self.pools);
        let kept: Vec<Pool> =
            pools.into_iter().filter(|pool| pool.live || !self.grants_of(pool).is_empty()).collect();
        self.pools = kept;
    }

    pub fn shrink(&self, key: &Key) -> Shrink {
        self.policy(key).shrink.unwrap_or(self.settings.shrink)
    }

    /// Revokes where a pool holds more than it may and its policy says so.
    pub fn enforce(&mut self, tenant: &Arc<str>) {
        loop {
            let over = self.pools.iter().find(|pool| {
                pool.key.0 == *tenant && self.shrink(&pool.key) != Shrink::Keep && self.is_over(pool)
            });
            let Some(pool) = over else { return };
            let grants = self.grants_of(pool);
            let victim = match self.shrink(&pool.key) {
                Shrink::RevokeOldest => grants.first(),
                _ => grants.last(),
            };
            let victim = victim.unwrap().id;
            self.revoke(victim);
        }
    }

    /// Which breaches of a kind that depends on state alone stand: over capacity, expired.
    pub fn over_capacity(&self) -> Vec<Key> {
        let over = self.pools.iter().filter(|pool| self.is_over(pool));
        let mut keys: Vec<Key> = over.map(|pool| pool.key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Every feature that a file names.
    pub fn features(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for file in &self.files {
            for line in &file.lines {
                if let OfferKind::Package { components, .. } = &line.offer.kind {
                    keys.extend(components.iter().map(|part| key(&file.tenant, &part.feature)));
                }
                keys.push(key(&file.tenant, &line.offer.feature));
            }
        }
        keys.sort();
        keys.dedup();
        keys.retain(|key| self.is_loaded(key));
        keys
    }

    pub fn is_loaded(&self, of: &Key) -> bool {
        self.pools.iter().any(|pool| pool.live && pool.key == *of) || !self.lines_of(of).is_empty()
    }

    pub fn has_run_out(&self, of: &Key) -> bool {
        let lines = self.lines_of(of);
        let ended = |ends: Option<Timestamp>| ends.is_some_and(|ends| ends <= self.now);
        lines.iter().any(|(_, line)| ended(line.ends))
            && !self.pools.iter().any(|pool| pool.live && pool.key == *of)
    }

    pub fn expired(&self) -> Vec<Key> {
        self.features().into_iter().filter(|key| self.has_run_out(key)).collect()
    }

    /// Clears the breach that a refusal for want of seats started, if one is free now.
    pub fn review(&mut self, of: &Key) {
        let free = self.pools.iter().any(|pool| pool.live && pool.key == *of && self.free_in(pool) > 0);
        if free || self.has_run_out(of) || !self.is_loaded(of) {
            self.none_left.retain(|key| key != of);
        }
    }
}
