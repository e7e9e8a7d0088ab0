//! Access licenses of users and stations (seed 002, "License Allocation Methods"): assignable ones are taken at once and
//! kept until they are taken away; concurrent ones are configured on users and taken at the log-on, which is `logon`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grantor_license::Model;
use serde::{Deserialize, Serialize};

use crate::Site;
use crate::ids::{GrantId, UserId};
use crate::outcome::Refusal;
use crate::pool::FeatureKey;

use super::access_license::AccessKind;
use super::change::HolderName;
use super::{Holder, Seat, fold, share};

/// How a user's licenses are allocated: all in one way. A station's are always assignable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Taken at once, logged on or not.
    #[default]
    Assignable,
    /// Taken at the log-on, given back at the log-off.
    Concurrent,
}

impl Method {
    /// The model of the pools that it takes from.
    #[must_use]
    pub const fn model(self) -> Model {
        match self {
            Self::Assignable => Model::Assignable,
            Self::Concurrent => Model::Concurrent,
        }
    }
}

/// The settings of a holder's "Licensing" page, and the seats that follow from them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Licensing {
    /// "Enable Licenses": if not, the settings stay and no seat is held.
    pub is_enabled: bool,
    /// How they are allocated.
    pub method: Method,
    pub(crate) features: BTreeSet<Arc<str>>,
    pub(crate) seats: Vec<Seat>,
}

impl Default for Licensing {
    fn default() -> Self {
        Self { is_enabled: true, method: Method::Assignable, features: BTreeSet::new(), seats: Vec::new() }
    }
}

impl Licensing {
    /// The configured features, folded.
    pub fn features(&self) -> impl Iterator<Item = &Arc<str>> {
        self.features.iter()
    }

    /// The seats that are held now.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(crate) fn share(&mut self, known: &mut BTreeSet<Arc<str>>) {
        let features = std::mem::take(&mut self.features);
        self.features = features
            .into_iter()
            .map(|mut feature| {
                share(known, &mut feature);
                feature
            })
            .collect();
        self.seats.iter_mut().for_each(|seat| share(known, &mut seat.feature));
    }

    /// What is configured and counts.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Arc<str>> {
        self.features.iter().filter(|_| self.is_enabled)
    }

    fn lacks(&self, feature: &str) -> bool {
        !self.seats.iter().any(|seat| &*seat.feature == feature)
    }

    /// What is configured and not held.
    fn missing(&self) -> Vec<Arc<str>> {
        self.wanted().filter(|feature| self.lacks(feature)).cloned().collect()
    }

    /// Takes out the seats that are no longer configured.
    fn surplus(&mut self) -> Vec<GrantId> {
        let (features, is_enabled) = (&self.features, self.is_enabled);
        let stays = |seat: &Seat| is_enabled && features.contains(&seat.feature);
        let gone = self.seats.iter().filter(|seat| !stays(seat)).map(|seat| seat.grant).collect();
        self.seats.retain(stays);
        gone
    }
}

impl Site {
    pub(crate) fn license(
        &mut self,
        tenant: &Arc<str>,
        feature: &str,
        method: Method,
        to: &[HolderName],
    ) -> Result<(), Refusal> {
        let key = FeatureKey::new(tenant, feature.trim());
        // "Only purchased licenses display in the list box."
        self.require(&key, method.model(), 0)?;
        let holders = self.holders_named(tenant, to)?;
        for holder in &holders {
            self.configure_license(*holder, &key.feature, method)?;
        }
        self.settle_licenses(tenant, &holders)
    }

    pub(crate) fn unlicense(
        &mut self,
        tenant: &Arc<str>,
        feature: &str,
        from: &[HolderName],
    ) -> Result<(), Refusal> {
        let (holders, feature) = (self.holders_named(tenant, from)?, fold(feature));
        for holder in &holders {
            if let Some(licensing) = self.licensing_mut(*holder) {
                licensing.features.remove(feature.as_str());
            }
        }
        self.settle_licenses(tenant, &holders)
    }

    pub(crate) fn enable_licenses(
        &mut self,
        tenant: &Arc<str>,
        of: &HolderName,
        is_enabled: bool,
    ) -> Result<(), Refusal> {
        let holders = self.holders_named(tenant, std::slice::from_ref(of))?;
        for holder in &holders {
            if let Some(licensing) = self.licensing_mut(*holder) {
                licensing.is_enabled = is_enabled;
            }
        }
        self.settle_licenses(tenant, &holders)
    }

    /// All of a user's licenses go over to the other method together: a user has one.
    pub(crate) fn set_method(
        &mut self,
        tenant: &Arc<str>,
        user: &str,
        method: Method,
    ) -> Result<(), Refusal> {
        let (id, user) = self.user_mut(tenant, user)?;
        if user.licensing.method == method {
            return Ok(());
        }
        user.licensing.method = method;
        let seats = std::mem::take(&mut user.licensing.seats);
        let features: Vec<Arc<str>> = user.licensing.features.iter().cloned().collect();
        seats.iter().for_each(|seat| self.unseat(seat.grant));
        for feature in features {
            self.require(&FeatureKey { tenant: tenant.clone(), feature }, method.model(), 0)?;
        }
        self.settle_licenses(tenant, &[Holder::User(id)])
    }

    /// The holders of these names, each once.
    fn holders_named(&self, tenant: &str, names: &[HolderName]) -> Result<Vec<Holder>, Refusal> {
        let mut holders = BTreeSet::new();
        for name in names {
            match name {
                HolderName::User(name) => {
                    holders.insert(Holder::User(self.directory.user_id(tenant, name)?));
                }
                HolderName::Station(name) => {
                    holders.insert(Holder::Station(self.directory.station_id(tenant, name)?));
                }
                HolderName::Members(name) => {
                    let group = self.directory.groups.get(self.directory.group_id(tenant, name)?);
                    holders.extend(group.into_iter().flat_map(super::Group::members).map(Holder::User));
                }
            }
        }
        Ok(holders.into_iter().collect())
    }

    pub(crate) fn licensing(&self, holder: Holder) -> Option<&Licensing> {
        match holder {
            Holder::User(id) => Some(&self.directory.users.get(id)?.licensing),
            Holder::Station(id) => Some(&self.directory.stations.get(id)?.licensing),
            Holder::LogOn(_) => None,
        }
    }

    pub(crate) fn licensing_mut(&mut self, holder: Holder) -> Option<&mut Licensing> {
        match holder {
            Holder::User(id) => Some(&mut self.directory.user_mut(id)?.licensing),
            Holder::Station(id) => Some(&mut self.directory.stations.get_mut(id)?.licensing),
            Holder::LogOn(_) => None,
        }
    }

    /// Writes down that the holder is to have the license, if it may.
    fn configure_license(
        &mut self,
        holder: Holder,
        feature: &Arc<str>,
        method: Method,
    ) -> Result<(), Refusal> {
        let kind = AccessKind::of(feature);
        let is_station = matches!(holder, Holder::Station(_));
        match is_station {
            true if method == Method::Concurrent => return Err(Refusal::StationsAreAssignable),
            true if !kind.is_for_stations() => {
                return Err(Refusal::NotForStations { feature: feature.clone() });
            }
            false if !kind.is_for_users() => return Err(Refusal::NotForUsers { feature: feature.clone() }),
            _ => {}
        }
        let Some(licensing) = self.licensing_mut(holder) else { return Ok(()) };
        if licensing.method != method && !licensing.features.is_empty() {
            return Err(Refusal::OneMethod { has: licensing.method });
        }
        let has = licensing.features.iter().find(|other| AccessKind::of(other).excludes(kind));
        if let Some(has) = has {
            return Err(Refusal::Excluded { feature: feature.clone(), has: has.clone() });
        }
        licensing.method = method;
        licensing.features.insert(feature.clone());
        Ok(())
    }

    /// Frees what is no longer configured and takes what is assignable and missing: for all of these holders or, with
    /// the shortfall named, for none.
    pub(crate) fn settle_licenses(&mut self, tenant: &Arc<str>, holders: &[Holder]) -> Result<(), Refusal> {
        for holder in holders {
            let surplus = self.licensing_mut(*holder).map(Licensing::surplus).unwrap_or_default();
            surplus.into_iter().for_each(|grant| self.unseat(grant));
        }
        let assignable = |licensing: &&Licensing| licensing.method == Method::Assignable;
        let missing: Vec<(Holder, Arc<str>)> = holders
            .iter()
            .filter_map(|holder| Some((*holder, self.licensing(*holder).filter(assignable)?)))
            .flat_map(|(holder, licensing)| licensing.missing().into_iter().map(move |f| (holder, f)))
            .collect();
        self.require_all(tenant, Model::Assignable, missing.iter().map(|(_, feature)| feature))?;
        for (holder, feature) in missing {
            self.add_license_seat(tenant, holder, feature, Model::Assignable)?;
        }
        Ok(())
    }

    /// Takes all of a person's concurrent licenses together (seed 002, "the system allocates all of the licenses for a
    /// user"). Those that the person has are not taken again.
    pub(crate) fn take_concurrent(&mut self, tenant: &Arc<str>, user: UserId) -> Result<(), Refusal> {
        let holder = Holder::User(user);
        let concurrent = |licensing: &&Licensing| licensing.method == Method::Concurrent;
        let missing = self.licensing(holder).filter(concurrent).map(Licensing::missing).unwrap_or_default();
        for feature in missing {
            self.add_license_seat(tenant, holder, feature, Model::Concurrent)?;
        }
        Ok(())
    }

    /// The person is gone: what is concurrent is free.
    pub(crate) fn release_concurrent(&mut self, user: UserId) {
        let licensing = self.licensing_mut(Holder::User(user));
        let concurrent = licensing.filter(|licensing| licensing.method == Method::Concurrent);
        let seats = concurrent.map(|licensing| std::mem::take(&mut licensing.seats)).unwrap_or_default();
        seats.iter().for_each(|seat| self.unseat(seat.grant));
    }

    fn add_license_seat(
        &mut self,
        tenant: &Arc<str>,
        holder: Holder,
        feature: Arc<str>,
        model: Model,
    ) -> Result<(), Refusal> {
        let seat = self.seat(holder, &FeatureKey { tenant: tenant.clone(), feature }, model)?;
        if let Some(licensing) = self.licensing_mut(holder) {
            licensing.seats.push(seat);
        }
        Ok(())
    }

    /// Whether there are seats for all of `missing`, counted by feature before any is taken.
    pub(crate) fn require_all<'a>(
        &self,
        tenant: &Arc<str>,
        model: Model,
        missing: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<(), Refusal> {
        let mut needed: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
        for feature in missing {
            *needed.entry(feature).or_default() += 1;
        }
        needed.into_iter().try_for_each(|(feature, count)| {
            self.require(&FeatureKey { tenant: tenant.clone(), feature: feature.clone() }, model, count)
        })
    }
}
