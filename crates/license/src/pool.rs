//! From offers to pools: order, what counts, what adds up (flexnet-formats §3). May not know time: whether an offer
//! is in force is asked of the caller.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hostid::HostId;
use crate::offer::{Count, DupGroup, Model, Offer, OfferKind, SuiteKind, VersionRule};
use crate::supersede::superseded;
use crate::version::Version;
use crate::virtual_line::{Builder, VirtualLine};

/// The pools of a set of offers, in serving order, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools {
    /// In serving order.
    pub pools: Vec<Pool>,
    /// Offers that add nothing, and why.
    pub ignored: Vec<Ignored>,
}

/// An offer that adds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Which.
    pub offer: usize,
    /// Why.
    pub why: WhyIgnored,
}

/// Why an offer adds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyIgnored {
    /// The caller says that it does not count now.
    NotInForce,
    /// A newer line takes its place.
    Superseded {
        /// That line.
        by: usize,
    },
    /// Only the first counted `FEATURE` line of a name counts.
    FeatureTwice {
        /// The one that counts.
        first: usize,
    },
    /// Only the first `PACKAGE` line of a name and version counts.
    PackageTwice {
        /// The one that counts.
        first: usize,
    },
    /// No `FEATURE` or `INCREMENT` of the package's name and version.
    NotEnabled,
    /// No line above with a version that it can be made of.
    NothingToUpgrade,
}

/// The suite that a component's checkout also takes one license of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteUse {
    /// Whether the rest is kept for the same user.
    pub kind: SuiteKind,
    /// The suite's feature.
    pub feature: String,
    /// The suite's version.
    pub version: Version,
    /// The [`Pool::pool_key`] of the suite's own pool.
    pub pool_key: String,
}

impl WhyIgnored {
    /// What it means for the line, in words; `None` for what says nothing new.
    #[must_use]
    pub fn message(self) -> Option<&'static str> {
        Some(match self {
            Self::NotInForce => return None,
            Self::Superseded { .. } => "a newer line takes its place",
            Self::FeatureTwice { .. } => "only the first FEATURE line of a name counts",
            Self::PackageTwice { .. } => "only the first PACKAGE line of a name and version counts",
            Self::NotEnabled => "no FEATURE or INCREMENT line enables the package",
            Self::NothingToUpgrade => "there is no line above that it could upgrade",
        })
    }
}

/// Capacity that is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// What applications ask for.
    pub feature: String,
    /// Who grants.
    pub publisher: String,
    /// Version of all its lines.
    pub version: Version,
    /// Which requests the version serves.
    pub version_rule: VersionRule,
    /// How it is consumed.
    pub model: Model,
    /// How many there are.
    pub capacity: Count,
    /// How many more may be taken on top.
    pub overdraft: u32,
    /// How long a grant outlives its release.
    pub hold_seconds: u32,
    /// FlexNet's linger: the longest of its lines.
    pub linger_seconds: u32,
    /// For how many hours a license may be borrowed at most.
    pub borrow_hours: Option<u32>,
    /// Which checkouts share one license.
    pub dup_group: DupGroup,
    /// Any one of these hosts; empty: every host.
    pub locks: Vec<HostId>,
    /// `VENDOR_STRING=` of all its lines.
    pub vendor_string: Option<String>,
    /// The offers behind it, in serving order.
    pub offers: Vec<usize>,
    /// Names the pool; the same for the same lines whatever else is loaded.
    pub pool_key: String,
    /// The suite it belongs to.
    pub suite: Option<SuiteUse>,
}

impl Pool {
    /// Whether a request for this version may be served from here.
    #[must_use]
    pub fn serves(&self, requested: &Version) -> bool {
        self.version_rule.serves(&self.version, requested)
    }

    fn of(line: &VirtualLine, offers: &[Offer], pool_key: String) -> Self {
        let offer = &offers[line.offer];
        Self {
            feature: line.feature.clone(),
            publisher: offer.publisher.clone(),
            version: line.version.clone(),
            version_rule: offer.version_rule,
            model: offer.model,
            capacity: line.count,
            overdraft: line.overdraft,
            hold_seconds: offer.hold_seconds,
            linger_seconds: offer.linger_seconds,
            borrow_hours: offer.borrow_hours,
            dup_group: line.dup_group,
            locks: offer.locks.clone(),
            vendor_string: offer.vendor_string.clone(),
            offers: Vec::new(),
            pool_key,
            suite: line.suite.clone(),
        }
    }

    fn add(&mut self, line: &VirtualLine, offers: &[Offer]) {
        self.capacity = self.capacity.plus(line.count);
        self.overdraft = self.overdraft.saturating_add(line.overdraft);
        self.linger_seconds = self.linger_seconds.max(offers[line.offer].linger_seconds);
    }

    fn note_offers(&mut self, line: &VirtualLine) {
        for offer in std::iter::once(line.offer).chain(line.others.iter().copied()) {
            // Lines come one after the other: a repeated offer is near the end, and the search stays short.
            if !self.offers.iter().rev().take(8).any(|known| *known == offer) {
                self.offers.push(offer);
            }
        }
    }
}

/// Puts offers together to pools. `in_force(i)` says whether `offers[i]` counts now.
#[must_use]
pub fn pools(offers: &[Offer], in_force: &dyn Fn(usize) -> bool) -> Pools {
    let (mut active, idle): (Vec<usize>, Vec<usize>) = (0..offers.len()).partition(|i| in_force(*i));
    active.sort_by_key(|i| (offers[*i].file, offers[*i].line));
    let mut ignored: Vec<Ignored> =
        idle.into_iter().map(|offer| Ignored { offer, why: WhyIgnored::NotInForce }).collect();
    let superseded = superseded(offers, &active);
    active.retain(|i| !superseded.contains_key(i));
    ignored.extend(
        superseded.into_iter().map(|(offer, by)| Ignored { offer, why: WhyIgnored::Superseded { by } }),
    );
    let built = Builder::new(offers, &active);
    ignored.extend(built.ignored);
    let mut lines = built.lines;
    lines.sort_by_cached_key(|line| place(line, offers));
    Pools { pools: group(&lines, offers), ignored }
}

/// Lines with equal keys add up; a pool stands where its first line stands.
fn group(lines: &[VirtualLine], offers: &[Offer]) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.count != Count::Counted(0)) {
        let key = line.pool_key(offers);
        let place = match places.get(&key) {
            Some(place) => {
                pools[*place].add(line, offers);
                *place
            }
            None => {
                places.insert(key.clone(), pools.len());
                pools.push(Pool::of(line, offers, key));
                pools.len() - 1
            }
        };
        pools[place].note_offers(line);
    }
    pools
}

/// The order of flexnet-formats §3. A line that the administrator gave a place by `sort=` keeps to file order within
/// that place; the others are sorted by kind, count, version (lower first) and issue date (newest first).
fn place(line: &VirtualLine, offers: &[Offer]) -> impl Ord + use<> {
    let offer = &offers[line.offer];
    let newest = Reverse(offer.issued.or(offer.starts));
    let by_rule = (offer.sort == 100).then(|| {
        let increment = offer.kind != OfferKind::Feature;
        (increment, line.count != Count::Uncounted, line.version.clone(), newest)
    });
    (offer.file, line.feature.to_lowercase(), offer.sort, by_rule, offer.line)
}
