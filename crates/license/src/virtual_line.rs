//! Lines as they count after packages are opened and upgrades are made (flexnet-formats §§1.6–1.7). May not pool.

use std::collections::BTreeMap;

use crate::offer::{Component, Count, DupGroup, Offer, OfferKind, SuiteKind};
use crate::pool::{Ignored, SuiteUse, WhyIgnored};
use crate::version::Version;

/// What one line, or one component of one line, adds.
#[derive(Debug, Clone)]
pub(crate) struct VirtualLine {
    /// The offer whose terms hold.
    pub(crate) offer: usize,
    /// Other offers that it took to make it.
    pub(crate) others: Vec<usize>,
    pub(crate) feature: String,
    pub(crate) version: Version,
    pub(crate) count: Count,
    pub(crate) overdraft: u32,
    pub(crate) dup_group: DupGroup,
    pub(crate) suite: Option<SuiteUse>,
}

impl VirtualLine {
    fn of(offers: &[Offer], i: usize) -> Self {
        let offer = &offers[i];
        Self {
            offer: i,
            others: Vec::new(),
            feature: offer.feature.clone(),
            version: offer.version.clone(),
            count: offer.count,
            overdraft: offer.overdraft,
            dup_group: offer.dup_group,
            suite: None,
        }
    }

    /// What names its pool: lines with equal keys add up.
    pub(crate) fn pool_key(&self, offers: &[Offer]) -> String {
        let offer = &offers[self.offer];
        let mut key = format!(
            "{:?} {:?} {} {} {}",
            offer.publisher,
            self.feature.to_lowercase(),
            self.version.canonical(),
            offer.pool_key,
            self.dup_group.canonical()
        );
        if let Some(suite) = &self.suite {
            key.push_str(&format!(" {:?} of {}", suite.kind, suite.pool_key));
        }
        key
    }
}

/// Publisher and feature without case.
type Name = (String, String);

fn name_of(offer: &Offer, feature: &str) -> Name {
    (offer.publisher.clone(), feature.to_lowercase())
}

/// Builds the lines that count from the offers in force, which come in the order of the files.
pub(crate) struct Builder<'a> {
    offers: &'a [Offer],
    packages: BTreeMap<Name, Vec<Package<'a>>>,
    pub(crate) lines: Vec<VirtualLine>,
    by_name: BTreeMap<Name, Vec<usize>>,
    first_feature: BTreeMap<Name, usize>,
    pub(crate) ignored: Vec<Ignored>,
}

struct Package<'a> {
    offer: usize,
    components: &'a [Component],
    suite: Option<SuiteKind>,
    versioned: bool,
    enabled: bool,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(offers: &'a [Offer], active: &[usize]) -> Self {
        let mut builder = Self {
            offers,
            packages: BTreeMap::new(),
            lines: Vec::new(),
            by_name: BTreeMap::new(),
            first_feature: BTreeMap::new(),
            ignored: Vec::new(),
        };
        // A package may stand below, or in another file than, the line that enables it.
        active.iter().for_each(|i| builder.package(*i));
        active.iter().for_each(|i| builder.line(*i));
        builder.unused_packages();
        builder
    }

    fn ignore(&mut self, offer: usize, why: WhyIgnored) {
        self.ignored.push(Ignored { offer, why });
    }

    fn package(&mut self, i: usize) {
        let offer = &self.offers[i];
        let OfferKind::Package { components, suite, versioned } = &offer.kind else { return };
        let known = self.packages.entry(name_of(offer, &offer.feature)).or_default();
        let same = |package: &&Package| {
            package.versioned == *versioned && self.offers[package.offer].version == offer.version
        };
        if let Some(first) = known.iter().find(same).map(|package| package.offer) {
            return self.ignore(i, WhyIgnored::PackageTwice { first });
        }
        known.push(Package { offer: i, components, suite: *suite, versioned: *versioned, enabled: false });
    }

    fn unused_packages(&mut self) {
        let unused = self.packages.values().flatten().filter(|package| !package.enabled);
        let unused = unused.map(|package| Ignored { offer: package.offer, why: WhyIgnored::NotEnabled });
        self.ignored.extend(unused);
    }

    fn line(&mut self, i: usize) {
        let offer = &self.offers[i];
        match &offer.kind {
            OfferKind::Package { .. } => {}
            OfferKind::Upgrade { from } => self.upgrade(i, from),
            OfferKind::Increment => self.add(i),
            OfferKind::Feature if offer.count == Count::Uncounted => self.add(i),
            OfferKind::Feature => {
                let first = *self.first_feature.entry(name_of(offer, &offer.feature)).or_insert(i);
                if first == i {
                    self.add(i);
                } else {
                    self.ignore(i, WhyIgnored::FeatureTwice { first });
                }
            }
        }
    }

    fn push(&mut self, line: VirtualLine) {
        let name = name_of(&self.offers[line.offer], &line.feature);
        self.by_name.entry(name).or_default().push(self.lines.len());
        self.lines.push(line);
    }

    /// Adds a line, opened if it enables a package.
    fn add(&mut self, i: usize) {
        let offer = &self.offers[i];
        let mut line = VirtualLine::of(self.offers, i);
        let fits = |package: &&mut Package| {
            !package.versioned || self.offers[package.offer].version == offer.version
        };
        let packages = self.packages.get_mut(&name_of(offer, &offer.feature));
        let Some(package) = packages.and_then(|list| list.iter_mut().find(fits)) else {
            return self.push(line);
        };
        package.enabled = true;
        let (package_offer, components, suite) = (package.offer, package.components, package.suite);
        let opened: Vec<VirtualLine> = match suite {
            None => components.iter().map(|part| component(&line, part, package_offer)).collect(),
            Some(kind) => {
                let base = line.clone();
                line.dup_group = offer.suite_dup_group.unwrap_or(offer.dup_group);
                let pool_key = line.pool_key(self.offers);
                let suite =
                    SuiteUse { kind, feature: line.feature.clone(), version: line.version.clone(), pool_key };
                line.others.push(package_offer);
                self.push(line);
                // The suite's licenses are what is counted: a component of it has no count of its own.
                let parts = components.iter().map(|part| Component { count: 1, ..part.clone() });
                let of_suite = |part| VirtualLine {
                    suite: Some(suite.clone()),
                    ..component(&base, &part, package_offer)
                };
                parts.map(of_suite).collect()
            }
        };
        opened.into_iter().for_each(|line| self.push(line));
    }

    /// Takes from the nearest line above what the upgrade makes newer.
    fn upgrade(&mut self, i: usize, from: &Version) {
        let offer = &self.offers[i];
        let above = self.by_name.get(&name_of(offer, &offer.feature)).map_or(&[][..], Vec::as_slice);
        let left = |line: &VirtualLine| match line.count {
            Count::Counted(left) => left,
            Count::Uncounted => 0,
        };
        let fits = |line: &VirtualLine| {
            line.suite.is_none() && *from <= line.version && line.version < offer.version && left(line) > 0
        };
        let base = above.iter().rev().copied().find(|base| fits(&self.lines[*base]));
        let (Some(base), Count::Counted(wanted)) = (base, offer.count) else {
            return self.ignore(i, WhyIgnored::NothingToUpgrade);
        };
        let have = left(&self.lines[base]);
        let taken = have.min(wanted);
        self.lines[base].count = Count::Counted(have - taken);
        let mut line = VirtualLine::of(self.offers, i);
        line.count = Count::Counted(taken);
        line.others.push(self.lines[base].offer);
        self.push(line);
    }
}

fn component(enabling: &VirtualLine, part: &Component, package: usize) -> VirtualLine {
    VirtualLine {
        others: vec![package],
        feature: part.feature.clone(),
        version: part.version.clone().unwrap_or_else(|| enabling.version.clone()),
        count: enabling.count.times(part.count),
        overdraft: enabling.overdraft.saturating_mul(part.count),
        ..enabling.clone()
    }
}
