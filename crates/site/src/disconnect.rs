//! Licenses under which interactions disconnect at an interval (seed 002, "Server License Types": "Interactions disconnect
//! hourly"). What sessions hold of pools that stand on such licenses alone is taken back at every whole interval of the
//! site's time. Which license types do so is told by a command, as the catalogue says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grantor_license::Offer;

use crate::Site;
use crate::event::RevokeReason;
use crate::ids::{GrantId, PoolId};
use crate::outcome::{Refusal, Reply};
use crate::time::Timestamp;
use crate::timers::Due;

const MINUTE: i64 = 60_000;

/// Which license types disconnect, and which pools stand on them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disconnects {
    /// Minutes by license type in lower case; at least 1.
    pub(crate) minutes: Arc<BTreeMap<String, u32>>,
    /// Minutes by pool, all of them in force; worked out when lines or types change, and so not saved.
    pools: Arc<BTreeMap<PoolId, u32>>,
}

impl Disconnects {
    /// Whether there is nothing that a snapshot must have a place for.
    pub(crate) fn is_empty(&self) -> bool {
        self.minutes.is_empty()
    }

    fn intervals(&self) -> BTreeSet<u32> {
        self.pools.values().copied().collect()
    }
}

/// The next whole interval after `now`.
fn next(now: Timestamp, minutes: u32) -> Timestamp {
    let interval = i64::from(minutes) * MINUTE;
    Timestamp(now.0.div_euclid(interval).saturating_add(1).saturating_mul(interval))
}

impl Site {
    /// The license types that disconnect, in lower case, with their minutes.
    pub fn disconnecting_types(&self) -> impl Iterator<Item = (&str, u32)> {
        self.disconnects.minutes.iter().map(|(license_type, minutes)| (license_type.as_str(), *minutes))
    }

    /// `None` or 0 minutes = licenses of this type don't disconnect.
    pub(crate) fn set_disconnect(
        &mut self,
        license_type: &str,
        minutes: Option<u32>,
    ) -> Result<Reply, Refusal> {
        let types = Arc::make_mut(&mut self.disconnects.minutes);
        match minutes.filter(|minutes| *minutes > 0) {
            Some(minutes) => types.insert(license_type.to_lowercase(), minutes),
            None => types.remove(&license_type.to_lowercase()),
        };
        self.note_all_disconnects();
        Ok(Reply::Done)
    }

    /// Minutes after which licenses of this type disconnect, if they do.
    #[must_use]
    pub fn disconnect_minutes(&self, license_type: &str) -> Option<u32> {
        self.disconnects.minutes.get(&license_type.to_lowercase()).copied()
    }

    pub(crate) fn note_all_disconnects(&mut self) {
        let tenants: BTreeSet<Arc<str>> = self.files.keys().map(|(tenant, _)| tenant.clone()).collect();
        tenants.iter().for_each(|tenant| self.note_disconnects(tenant));
    }

    /// Works out anew which of a tenant's pools disconnect, and when something next does.
    pub(crate) fn note_disconnects(&mut self, tenant: &Arc<str>) {
        if self.disconnects.minutes.is_empty() && self.disconnects.pools.is_empty() {
            return;
        }
        let before = self.disconnects.intervals();
        let mut pools = BTreeMap::clone(&self.disconnects.pools);
        pools.retain(|id, _| self.pools.get(*id).is_some_and(|pool| pool.terms.key.tenant != *tenant));
        pools.extend(self.disconnecting_pools(tenant));
        self.disconnects.pools = Arc::new(pools);
        let after = self.disconnects.intervals();
        for minutes in &before - &after {
            self.timers.remove(next(self.now, minutes), Due::Disconnect(minutes));
        }
        for minutes in after {
            self.timers.add(next(self.now, minutes), Due::Disconnect(minutes));
        }
    }

    fn disconnecting_pools(&self, tenant: &Arc<str>) -> Vec<(PoolId, u32)> {
        let types = self.disconnecting_licenses(tenant);
        if types.is_empty() {
            return Vec::new();
        }
        let ids = self.identities(tenant);
        // Seats of a pool can't be told apart: one line of another type, and none of them disconnect.
        let shortest = |lrns: BTreeSet<String>| -> Option<u32> {
            let minutes: Option<Vec<u32>> = lrns.iter().map(|lrn| types.get(lrn).copied()).collect();
            minutes?.into_iter().min()
        };
        let behind = self.lrns_behind(tenant).into_iter();
        behind.filter_map(|(identity, lrns)| Some((*ids.get(&identity)?, shortest(lrns)?))).collect()
    }

    /// Minutes by license reference number, for those whose type disconnects.
    fn disconnecting_licenses(&self, tenant: &Arc<str>) -> BTreeMap<String, u32> {
        let files = self.files.iter().filter(|((of, _), _)| of == tenant).map(|(_, file)| file);
        let minutes =
            |license_type: &str| self.disconnects.minutes.get(&license_type.to_lowercase()).copied();
        let licenses = files.flat_map(|file| &file.licenses);
        licenses.filter_map(|license| Some((license.lrn.clone(), minutes(&license.license_type)?))).collect()
    }

    /// The license reference numbers behind each pool that is in force, by the pool's identity.
    fn lrns_behind(&self, tenant: &Arc<str>) -> Vec<(String, BTreeSet<String>)> {
        let lines = self.lines_of(tenant);
        let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
        let in_force = |i: usize| lines.get(i).is_some_and(|line| line.in_force(self.now));
        let lrn = |i: usize| offers.get(i).map(|offer| offer.lrn.clone());
        let behind = |pool: &grantor_license::Pool| pool.offers.iter().filter_map(|i| lrn(*i)).collect();
        let pools = grantor_license::pools(&offers, &in_force).pools;
        pools.iter().map(|pool| (pool.pool_key.clone(), behind(pool))).collect()
    }

    /// At a whole interval: sessions lose what they hold. Who was allocated a seat keeps it.
    pub(crate) fn disconnect(&mut self, minutes: u32) {
        let pools = self.disconnects.pools.clone();
        let due = || pools.iter().filter(|(_, interval)| **interval == minutes).map(|(id, _)| *id);
        let grants: Vec<GrantId> = due().flat_map(|pool| self.grants_of(pool)).collect();
        for id in grants {
            if self.grants.get(id).is_some_and(|grant| grant.session().is_some()) {
                self.revoke(id, RevokeReason::Disconnected { minutes });
            }
        }
        if due().next().is_some() {
            self.timers.add(next(self.now, minutes), Due::Disconnect(minutes));
        }
    }
}
