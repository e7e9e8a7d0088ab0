//! What people look at: who there is, who uses what, and what can be allocated. Reads only.

use std::collections::BTreeMap;
use std::sync::Arc;

use grantor_license::Model;

use crate::Site;
use crate::ids::{GrantId, GroupId, RoleId, StationId, UserId};
use crate::outcome::{Held, Refusal};
use crate::pool::{FeatureKey, Pool};

use super::access_license::{AccessKind, Level, Tier};
use super::allocate::{Licensing, Method};
use super::logon::{At, Presence};
use super::media::{Media, Warning, received};
use super::people::level_of;
use super::{Group, Holder, Role, Seat, Station, User, fold};

/// A line of the "Licenses Allocation" container: seven columns (seed 002, "License Allocation in Interaction
/// Administrator"). Counts of seats; `None` = uncounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationRow {
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// What it is.
    pub kind: AccessKind,
    /// Assignable licenses purchased.
    pub assignable_allowed: Option<u32>,
    /// Assignable licenses configured on users and stations whose licenses are enabled.
    pub assignable_configured: u32,
    /// Assignable licenses that are out: those configured and what remote log-ons took.
    pub assignable_in_use: u32,
    /// Concurrent licenses purchased.
    pub concurrent_allowed: Option<u32>,
    /// Concurrent licenses configured on users whose licenses are enabled; may be more than were purchased.
    pub concurrent_configured: u32,
    /// Concurrent licenses that are out.
    pub concurrent_in_use: u32,
    /// Seats that are out beyond what was purchased, for the notes; 0 = none.
    pub exceeded_by: u32,
}

impl Site {
    /// The user of that name.
    #[must_use]
    pub fn user_named(&self, tenant: &str, name: &str) -> Option<(UserId, &User)> {
        let id = self.directory.user_id(tenant, name).ok()?;
        Some((id, self.directory.users.get(id)?))
    }

    /// A user by number.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        Some(self.directory.users.get(id)?)
    }

    /// Every user of every tenant, in a fixed order that tells nothing.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &User)> {
        self.directory.users.iter().map(|(id, user)| (id, &**user))
    }

    /// Users of a tenant whose names contain `text`, in the order of names: at most `limit` of those behind `after`.
    #[must_use]
    pub fn find_users(&self, tenant: &str, text: &str, after: &str, limit: usize) -> Vec<UserId> {
        let users = self.directory.users.iter().filter(|(_, user)| &*user.tenant == tenant);
        page(users.map(|(id, user)| (&*user.name, id)), text, after, limit)
    }

    /// Stations of a tenant whose names contain `text`, in the order of names: at most `limit` of those behind `after`.
    #[must_use]
    pub fn find_stations(&self, tenant: &str, text: &str, after: &str, limit: usize) -> Vec<StationId> {
        let stations = self.directory.stations.iter().filter(|(_, station)| &*station.tenant == tenant);
        page(stations.map(|(id, station)| (&*station.name, id)), text, after, limit)
    }

    /// The station of that name.
    #[must_use]
    pub fn station_named(&self, tenant: &str, name: &str) -> Option<(StationId, &Station)> {
        let id = self.directory.station_id(tenant, name).ok()?;
        Some((id, self.directory.stations.get(id)?))
    }

    /// A station by number.
    #[must_use]
    pub fn station(&self, id: StationId) -> Option<&Station> {
        self.directory.stations.get(id)
    }

    /// Every station of every tenant, in a fixed order that tells nothing.
    pub fn stations(&self) -> impl Iterator<Item = (StationId, &Station)> {
        self.directory.stations.iter()
    }

    /// The group or workgroup of that name.
    #[must_use]
    pub fn group_named(&self, tenant: &str, name: &str) -> Option<(GroupId, &Group)> {
        let id = self.directory.group_id(tenant, name).ok()?;
        Some((id, self.directory.groups.get(id)?))
    }

    /// A group by number.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.directory.groups.get(id)
    }

    /// Every group and workgroup of every tenant.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.directory.groups.iter()
    }

    /// A role by number.
    #[must_use]
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.directory.roles.get(id)
    }

    /// Every role of every tenant.
    pub fn roles(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        self.directory.roles.iter()
    }

    /// Where a user works; `None` = not logged on, and no module is open.
    #[must_use]
    pub fn presence(&self, user: UserId) -> Option<&Presence> {
        self.directory.presences.get(user)
    }

    /// Everybody who works.
    pub fn presences(&self) -> impl Iterator<Item = (UserId, &Presence)> {
        self.directory.presences.iter()
    }

    /// Who in the directory holds a grant; `None` = a session does, or a hold window keeps it.
    #[must_use]
    pub fn holder_of(&self, grant: GrantId) -> Option<Holder> {
        self.directory.holders.get(grant).copied()
    }

    /// Whether a user may use a feature now: by a seat of the user's own, or one of the station that the user is at. The
    /// same answer for what is allocated and what a role consumes.
    ///
    /// # Errors
    /// No such user, a disabled one, no seat, or a seat whose license has run out.
    pub fn may_use(&self, tenant: &Arc<str>, user: &str, feature: &str) -> Result<(), Refusal> {
        let id = self.directory.user_id(tenant, user)?;
        match self.directory.users.get(id) {
            Some(user) if !user.is_enabled => Err(Refusal::UserDisabled { user: user.name.clone() }),
            _ => self.usable(tenant, id, feature).map(|_| ()),
        }
    }

    /// The seat by which a user may use a feature.
    pub(crate) fn usable(&self, tenant: &Arc<str>, id: UserId, feature: &str) -> Result<Seat, Refusal> {
        let key = FeatureKey { tenant: tenant.clone(), feature: fold(feature).into() };
        let seats = self.seats_of(id);
        let own: Vec<&Seat> = seats.iter().filter(|seat| seat.feature == key.feature).collect();
        if let Some(seat) = own.iter().find(|seat| self.is_in_force(seat)) {
            return Ok(Seat::clone(seat));
        }
        let held = own.first().and_then(|seat| self.pool_of(seat.grant)).map(|pool| pool.terms.model);
        if held.is_some() || !self.is_loaded(&key) {
            return Err(self.why_not_offered(&key, held.unwrap_or(Model::Assignable)));
        }
        let user = self.directory.users.get(id).map(|user| user.name.clone()).unwrap_or_default();
        Err(Refusal::NotLicensed { user, feature: self.spelled(&key) })
    }

    /// Every seat that is a user's to use: allocated, consumed, taken at the log-on, and those of the station.
    pub(crate) fn seats_of(&self, id: UserId) -> Vec<Seat> {
        let Some(user) = self.directory.users.get(id) else { return Vec::new() };
        let presence = self.directory.presences.get(id);
        let station = presence.and_then(|presence| match &presence.at {
            Some(At::Station(station)) => self.directory.stations.get(*station),
            _ => None,
        });
        let of_station = station.into_iter().flat_map(|station| &station.licensing.seats);
        let of_log_on = presence.into_iter().flat_map(|presence| &presence.seats);
        let own = user.licensing.seats.iter().chain(&user.consumed);
        own.chain(of_log_on).chain(of_station).cloned().collect()
    }

    /// The ACD level that a user has now, of the user's own or by the station: the higher one.
    #[must_use]
    pub fn level_of(&self, user: UserId) -> Option<Level> {
        let seats = self.seats_of(user);
        let in_force = seats.iter().filter(|seat| self.is_in_force(seat));
        in_force.filter_map(|seat| level_of(&seat.feature)).max()
    }

    /// The analytics tier that a user has now.
    #[must_use]
    pub fn tier_of(&self, user: UserId) -> Option<Tier> {
        let seats = self.seats_of(user);
        let in_force = seats.iter().filter(|seat| self.is_in_force(seat));
        let tier = |seat: &Seat| match AccessKind::of(&seat.feature) {
            AccessKind::Analytics(tier) => Some(tier),
            _ => None,
        };
        in_force.filter_map(tier).max()
    }

    /// The interaction types that a user receives now.
    #[must_use]
    pub fn media_of(&self, user: UserId) -> Media {
        let chosen = self.directory.users.get(user).map(|user| user.media).unwrap_or_default();
        let queues = self.workgroups_of(user).fold(Media::NONE, |all, (_, group)| all.and(group.media));
        received(self.level_of(user), chosen, queues)
    }

    fn workgroups_of(&self, user: UserId) -> impl Iterator<Item = (GroupId, &Group)> {
        let groups = self.directory.users.get(user).into_iter().flat_map(|user| &user.groups);
        let groups = groups.filter_map(|id| Some((*id, self.directory.groups.get(*id)?)));
        groups.filter(|(_, group)| group.queue.is_some())
    }

    /// What is short of a user's workgroups, one warning for each (seed 002, "Notes for ACD Routing of Multimedia").
    #[must_use]
    pub fn media_warnings(&self, user: UserId) -> Vec<Warning> {
        self.workgroups_of(user).filter_map(|(group, _)| self.media_warning(user, group)).collect()
    }

    pub(crate) fn media_warning(&self, id: UserId, group: GroupId) -> Option<Warning> {
        let group = self.directory.groups.get(group).filter(|group| group.queue.is_some())?;
        let (user, workgroup) = (self.directory.users.get(id)?.name.clone(), group.name.clone());
        let Some(level) = self.level_of(id) else { return Some(Warning::NoAcdAccess { user, workgroup }) };
        let missing = group.media.without(self.media_of(id));
        (!missing.is_empty()).then_some(Warning::MediaLimited { user, workgroup, level, missing })
    }

    /// What can be allocated in a tenant: every access license that was purchased, in the order of names.
    #[must_use]
    pub fn allocation(&self, tenant: &str) -> Vec<AllocationRow> {
        let configured = self.configured(tenant);
        let keys = self.index.features.keys().filter(|key| &*key.tenant == tenant);
        let counted = |key| Some((key, self.allocation_row(key)?));
        let rows = keys.filter_map(counted).map(|(key, mut row)| {
            let of = |method| configured.get(&(&*key.feature, method)).copied().unwrap_or(0);
            row.assignable_configured = of(Method::Assignable);
            row.concurrent_configured = of(Method::Concurrent);
            row
        });
        rows.collect()
    }

    fn allocation_row(&self, key: &FeatureKey) -> Option<AllocationRow> {
        let of = |model| self.pools_and_remnants(key).filter(move |pool| pool.terms.model == model);
        let is_sold = of(Model::Assignable).next().is_some() || of(Model::Concurrent).next().is_some();
        let allowed = |model| {
            let capacities = of(model).map(|pool| pool.terms.capacity);
            let mut capacities = capacities;
            capacities.try_fold(0u32, |sum, more| Some(sum.saturating_add(more?)))
        };
        let used = |model| of(model).map(|pool| pool.used).fold(0, u32::saturating_add);
        let over = |pool: &Pool| if pool.is_over() { pool.used - pool.terms.limit() } else { 0 };
        let exceeded = of(Model::Assignable).chain(of(Model::Concurrent)).map(over);
        is_sold.then(|| AllocationRow {
            feature: self.spelled(key),
            kind: AccessKind::of(&key.feature),
            assignable_allowed: allowed(Model::Assignable),
            assignable_configured: 0,
            assignable_in_use: used(Model::Assignable),
            concurrent_allowed: allowed(Model::Concurrent),
            concurrent_configured: 0,
            concurrent_in_use: used(Model::Concurrent),
            exceeded_by: exceeded.fold(0, u32::saturating_add),
        })
    }

    /// How often each feature is configured in each way.
    fn configured(&self, tenant: &str) -> BTreeMap<(&str, Method), u32> {
        let users = self.directory.users.iter().map(|(_, user)| (&*user.tenant, &user.licensing));
        let stations =
            self.directory.stations.iter().map(|(_, station)| (&*station.tenant, &station.licensing));
        let mut counts = BTreeMap::new();
        for (_, licensing) in users.chain(stations).filter(|(of, _)| *of == tenant) {
            for feature in Licensing::wanted(licensing) {
                *counts.entry((&**feature, licensing.method)).or_default() += 1;
            }
        }
        counts
    }

    /// What can be offered to a user or a station in this way: "only purchased licenses display in the list box".
    #[must_use]
    pub fn offered(&self, tenant: &str, is_station: bool, method: Method) -> Vec<Arc<str>> {
        let keys = self.index.features.keys().filter(|key| &*key.tenant == tenant);
        let fits = |key: &&FeatureKey| {
            let kind = AccessKind::of(&key.feature);
            (if is_station { kind.is_for_stations() } else { kind.is_for_users() })
                && self.require(key, method.model(), 0).is_ok()
        };
        let has_method = !is_station || method == Method::Assignable;
        keys.filter(|_| has_method).filter(fits).map(|key| self.spelled(key)).collect()
    }

    /// Whom it concerns that a feature's pools hold more than was bought: those who came last and would not fit.
    #[must_use]
    pub fn beyond_capacity(&self, key: &FeatureKey) -> Vec<Held> {
        self.pools_and_remnants(key)
            .filter(|pool| pool.is_over())
            .flat_map(|pool| self.excess(pool))
            .collect()
    }

    fn excess(&self, pool: &Pool) -> Vec<Held> {
        let mut fits = pool.terms.limit();
        let beyond = |held: &Held| {
            let spends = self.grants.get(held.grant).map_or(0, |grant| grant.spends);
            let is_in = spends <= fits;
            fits = fits.saturating_sub(spends);
            !is_in
        };
        self.holders(pool).filter(beyond).collect()
    }
}

/// The first `limit` names behind `after` that contain `text`, without putting all of them in order.
fn page<'a, I>(names: impl Iterator<Item = (&'a str, I)>, text: &str, after: &str, limit: usize) -> Vec<I> {
    let (text, after) = (fold(text), fold(after));
    let mut first: BTreeMap<String, I> = BTreeMap::new();
    for (name, id) in names.map(|(name, id)| (fold(name), id)) {
        let comes_late = first.len() == limit && first.last_key_value().is_none_or(|(last, _)| *last <= name);
        if (after.is_empty() || name > after) && !comes_late && name.contains(&text) {
            first.insert(name, id);
            if first.len() > limit {
                first.pop_last();
            }
        }
    }
    first.into_values().collect()
}
