//! A pool: the capacity behind one feature of one tenant with one set of terms, and who holds it. Arithmetic only;
//! who may take is `checkout`'s to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use grantor_license::{DupGroup, HostId, Model, Version, VersionRule};
use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, PoolId};
use crate::time::Timestamp;
use crate::who::Who;

/// Names a feature of a tenant; the feature is folded to lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeatureKey {
    /// Whose.
    pub tenant: Arc<str>,
    /// Folded name.
    pub feature: Arc<str>,
}

impl FeatureKey {
    /// The key under which `feature` is found, however it is spelled.
    #[must_use]
    pub fn new(tenant: &Arc<str>, feature: &str) -> Self {
        Self { tenant: tenant.clone(), feature: feature.to_lowercase().into() }
    }
}

/// What the lines say of a pool; changes only when files or dates do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whose pool, and of which feature.
    pub key: FeatureKey,
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// The publisher.
    pub publisher: Arc<str>,
    /// The lines' version.
    pub version: Version,
    /// Which requested versions it serves.
    pub rule: VersionRule,
    /// How it is consumed.
    pub model: Model,
    /// Seats bought and in force; `None` = uncounted.
    pub capacity: Option<u32>,
    /// Seats beyond `capacity` that may be granted.
    pub overdraft: u32,
    /// Seconds from the checkout for which a seat stays out, whatever happens to its holder.
    pub hold_seconds: u32,
    /// Seconds from the release for which a seat stays out.
    pub linger_seconds: u32,
    /// Which checkouts share a seat.
    pub dup: DupGroup,
    /// Only machines, users or displays that match one of these; empty = anybody.
    pub locks: Vec<HostId>,
    /// What tells this pool from the feature's others; the same lines give the same after every load.
    pub identity: String,
    /// The suite that each checkout from here also takes one seat of (flexnet-formats §1.6).
    pub suite: Option<Suite>,
    /// Proof of the first line behind it.
    pub proof: Arc<str>,
    /// Days of the lines behind it, for `stat`: the earliest end.
    pub ends: Option<Timestamp>,
    /// Vendor string of the first line.
    pub vendor_string: Option<String>,
}

/// A suite that a pool belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Its feature.
    pub key: FeatureKey,
    /// [`Terms::identity`] of its pool.
    pub identity: String,
}

impl Terms {
    /// Whether a request for `version` may be served from here.
    #[must_use]
    pub fn serves(&self, version: &Version) -> bool {
        self.rule.serves(&self.version, version)
    }

    /// Seats that may be out at most.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.capacity.map_or(u32::MAX, |capacity| capacity.saturating_add(self.overdraft))
    }

    /// What makes two checkouts from this pool share a seat; `None` = they don't.
    #[must_use]
    pub(crate) fn group(&self, who: &Who, share: Option<&str>) -> Option<GroupKey> {
        let dup = &self.dup;
        let vendor = if dup.vendor { Some(share?.into()) } else { None };
        (dup.user || dup.host || dup.display || dup.vendor || dup.site).then(|| GroupKey {
            user: dup.user.then(|| who.user().into()),
            host: dup.host.then(|| who.host().to_lowercase().into()),
            display: dup.display.then(|| who.display().into()),
            vendor,
        })
    }
}

/// Checkouts with equal parts share one seat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct GroupKey {
    user: Option<Box<str>>,
    host: Option<Box<str>>,
    display: Option<Box<str>>,
    vendor: Option<Box<str>>,
}

impl GroupKey {
    /// The publisher-defined part.
    pub(crate) fn vendor(&self) -> Option<&str> {
        self.vendor.as_deref()
    }
}

/// A pool and what is out of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool {
    /// Its number.
    pub id: PoolId,
    /// What the lines say.
    pub terms: Arc<Terms>,
    /// Seats that are out: the sum over its grants of what each spends.
    pub used: u32,
    /// How many grants there are.
    pub grants: u32,
    /// The grant held longest.
    pub(crate) oldest: Option<GrantId>,
    /// The grant made last.
    pub(crate) newest: Option<GrantId>,
    /// Grants that share seats.
    pub(crate) groups: BTreeMap<GroupKey, Vec<GrantId>>,
    /// Versions asked for lately, for grants to share.
    #[serde(skip)]
    asked: Vec<Arc<Version>>,
}

/// How many spellings of versions a pool keeps for its grants to share.
const SPELLINGS: usize = 8;

impl Pool {
    pub(crate) fn new(id: PoolId, terms: Arc<Terms>) -> Self {
        Self {
            id,
            terms,
            used: 0,
            grants: 0,
            oldest: None,
            newest: None,
            groups: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    /// Seats that may still be granted.
    #[must_use]
    pub fn free(&self) -> u32 {
        if self.terms.capacity.is_none() { u32::MAX } else { self.terms.limit().saturating_sub(self.used) }
    }

    /// The version as other grants hold it, if one was spelled the same lately.
    pub(crate) fn spelled(&self, version: &Version) -> Option<Arc<Version>> {
        self.asked.iter().find(|asked| asked.text() == version.text()).cloned()
    }

    /// Keeps the version for later grants.
    pub(crate) fn keep_spelling(&mut self, version: &Arc<Version>) {
        if self.asked.iter().any(|asked| Arc::ptr_eq(asked, version)) {
            return;
        }
        if self.asked.len() == SPELLINGS {
            self.asked.remove(0);
        }
        self.asked.push(version.clone());
    }

    /// Whether more is out than may be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.terms.capacity.is_some() && self.used > self.terms.limit()
    }
}
