//! Licenses under which interactions disconnect at an interval (seed 002, "Server License Types": "Interactions disconnect
//! hourly"). What sessions hold of pools that stand on such licenses alone is taken back at every whole interval of the
//! site's time. Which license types do so is told by a command, as the catalogue says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// Minutes by license type, as lower case; at least 1.
    pub(crate) minutes: Arc<BTreeMap<String, u32>>,
    /// Pools by minutes; worked out when lines or types change.
    pools: Arc<BTreeMap<u32, BTreeSet<PoolId>>>,
}

/// The next whole interval after `now`.
fn next(now: Timestamp, minutes: u32) -> Timestamp {
    let interval = i64::from(minutes) * MINUTE;
    Timestamp(now.0.div_euclid(interval).saturating_add(1).saturating_mul(interval))
}

impl Site {
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
        self.note_disconnects();
        Ok(Reply::Done)
    }

    /// Works out anew which pools disconnect, and when next.
    pub(crate) fn note_disconnects(&mut self) {
        if self.disconnects.minutes.is_empty() && self.disconnects.pools.is_empty() {
            return;
        }
        let pools = self.disconnecting_pools();
        let before = std::mem::replace(&mut self.disconnects.pools, Arc::new(pools.clone()));
        for minutes in before.keys() {
            self.timers.remove(next(self.now, *minutes), Due::Disconnect(*minutes));
        }
        for minutes in pools.keys() {
            self.timers.add(next(self.now, *minutes), Due::Disconnect(*minutes));
        }
    }

    fn disconnecting_pools(&self) -> BTreeMap<u32, BTreeSet<PoolId>> {
        let tenants: BTreeSet<Arc<str>> = self.files.keys().map(|(tenant, _)| tenant.clone()).collect();
        let mut found: BTreeMap<u32, BTreeSet<PoolId>> = BTreeMap::new();
        for tenant in tenants {
            let intervals = self.intervals(&tenant);
            let ids = self.identities(&tenant);
            for (identity, lrns) in self.lrns_behind(&tenant) {
                // Seats of a pool can't be told apart: one line of another type, and none of them disconnect.
                let minutes: Option<Vec<u32>> = lrns.iter().map(|lrn| intervals.get(lrn).copied()).collect();
                let minutes = minutes.and_then(|minutes| minutes.into_iter().min());
                if let (Some(minutes), Some(id)) = (minutes, ids.get(&identity)) {
                    found.entry(minutes).or_default().insert(*id);
                }
            }
        }
        found
    }

    /// Minutes by license reference number, for those whose type disconnects.
    fn intervals(&self, tenant: &Arc<str>) -> BTreeMap<String, u32> {
        let files = self.files.iter().filter(|((of, _), _)| of == tenant).map(|(_, file)| file);
        let licenses = files.flat_map(|file| &file.licenses);
        let minutes =
            |license_type: &str| self.disconnects.minutes.get(&license_type.to_lowercase()).copied();
        licenses.filter_map(|license| Some((license.lrn.clone(), minutes(&license.license_type)?))).collect()
    }

    /// At a whole interval: sessions lose what they hold. Who was allocated a seat keeps it.
    pub(crate) fn disconnect(&mut self, minutes: u32) {
        let Some(pools) = self.disconnects.pools.get(&minutes).cloned() else { return };
        let grants: Vec<GrantId> = pools.into_iter().flat_map(|pool| self.grants_of(pool)).collect();
        for id in grants {
            if self.grants.get(id).is_some_and(|grant| grant.session().is_some()) {
                self.revoke(id, RevokeReason::Disconnected { minutes });
            }
        }
        self.timers.add(next(self.now, minutes), Due::Disconnect(minutes));
    }

    /// Whether anything here needs a place in a snapshot.
    pub(crate) fn disconnects(&self) -> bool {
        !self.disconnects.minutes.is_empty()
    }
}
