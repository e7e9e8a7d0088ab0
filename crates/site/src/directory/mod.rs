//! Who there is: users, stations, groups, workgroups and roles of each tenant, found by name or number. Holds them and
//! what they hold; who may have what is `allocate`'s, `roles`' and `logon`'s to say. Behind the rest of a snapshot, where
//! there is any of it.

pub mod access_license;
pub mod allocate;
pub mod change;
mod check;
mod direct;
mod groups;
pub mod logon;
pub mod media;
mod people;
pub mod profile;
mod roles;
mod seats;
mod stations;
pub mod views;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use access_license::{AccessKind, Ipa, Level, Tier};
pub use allocate::{Licensing, Method};
pub use change::{Change, HolderName, Queue, StationKind};
pub use logon::{Place, Presence};
pub use media::{Media, Warning};
pub use profile::Profile;

use crate::ids::{GrantId, GroupId, RoleId, SessionId, StationId, UserId};
use crate::outcome::Refusal;
use crate::shards::{Key, Shards};

/// What a name in the directory names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Named {
    /// A user.
    User,
    /// A station.
    Station,
    /// The machine of a station.
    Machine,
    /// A group or workgroup.
    Group,
    /// A role.
    Role,
}

/// A seat that somebody in the directory holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Folded name of the feature.
    pub feature: Arc<str>,
    /// The grant it is held by.
    pub grant: GrantId,
}

/// Who holds a seat that no session holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Holder {
    /// A user: allocated, or consumed by a role.
    User(UserId),
    /// A station: allocated.
    Station(StationId),
    /// A user's log-on at a remote station, until the log-off.
    LogOn(UserId),
}

/// A person who is licensed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Whose user it is.
    pub tenant: Arc<str>,
    /// As entered; unique in the tenant without regard to case.
    pub name: Arc<str>,
    /// Where notices go.
    pub mail: Option<Box<str>>,
    /// Whether the user may work; only enabled users consume by role (seed 001, "Consuming a License").
    pub is_enabled: bool,
    /// One of the product's own users, who consume nothing by role (seed 001, "Default Users").
    pub is_default: bool,
    /// The right "User-defined Telephone Number on Remote Login" (seed 002, "Dynamic Remote Station Licensing").
    pub has_own_number: bool,
    /// The access licenses and how they are allocated.
    pub licensing: Licensing,
    /// The interaction types chosen for the ACD level; none = those of the user's queues, as far as the level goes.
    pub media: Media,
    pub(crate) groups: BTreeSet<GroupId>,
    pub(crate) roles: BTreeSet<RoleId>,
    pub(crate) consumed: Vec<Seat>,
}

impl User {
    /// The groups and workgroups that the user is a member of.
    pub fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.groups.iter().copied()
    }

    /// The roles assigned to the user directly.
    pub fn roles(&self) -> impl Iterator<Item = RoleId> {
        self.roles.iter().copied()
    }

    /// What the user consumes by roles, one seat for each application.
    #[must_use]
    pub fn consumed(&self) -> &[Seat] {
        &self.consumed
    }
}

/// An end point that is licensed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Station {
    /// Whose station it is.
    pub tenant: Arc<str>,
    /// As entered; unique in the tenant without regard to case.
    pub name: Arc<str>,
    /// "Licensed Machine Name": unique in the tenant, not blank (seed 002, "Allocate Licenses When Adding a Station").
    pub machine: Arc<str>,
    /// What it is.
    pub kind: StationKind,
    /// Whether it is in use at all.
    pub is_enabled: bool,
    /// The access licenses; always assignable.
    pub licensing: Licensing,
    pub(crate) user: Option<UserId>,
}

impl Station {
    /// Who is logged on at it.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.user
    }
}

/// Users who get roles together; with a queue it is a workgroup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Whose group it is.
    pub tenant: Arc<str>,
    /// As entered; unique in the tenant without regard to case.
    pub name: Arc<str>,
    /// How it hands out interactions; `None` = it is no workgroup, or one without a queue.
    pub queue: Option<Queue>,
    /// The interaction types of its queue.
    pub media: Media,
    pub(crate) roles: BTreeSet<RoleId>,
    pub(crate) members: Shards<UserId, ()>,
}

impl Group {
    /// The roles that its members have.
    pub fn roles(&self) -> impl Iterator<Item = RoleId> {
        self.roles.iter().copied()
    }

    /// Its members, in a fixed order that tells nothing.
    pub fn members(&self) -> impl Iterator<Item = UserId> {
        self.members.iter().map(|(id, ())| id)
    }

    /// How many members it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }
}

/// What users may do; if it is an application's, it consumes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Whose role it is.
    pub tenant: Arc<str>,
    /// As entered; unique in the tenant without regard to case.
    pub name: Arc<str>,
    /// Folded feature of the application that it belongs to; `None` = it needs no license, like managing them.
    pub application: Option<Arc<str>>,
}

/// A name with its kind and tenant, as a digest: names are long and there may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameKey(u128);

impl NameKey {
    /// The same however the name is spelled.
    fn new(tenant: &str, what: Named, name: &str) -> Self {
        Self::of_text(tenant, what as u8, &fold(name))
    }

    /// Of a text that is compared as it is.
    fn of_text(tenant: &str, kind: u8, text: &str) -> Self {
        let mut digest = Sha256::new_with_prefix(b"grantor directory v1");
        digest.update([kind]);
        digest.update((tenant.len() as u64).to_le_bytes());
        digest.update(tenant);
        digest.update(text);
        let digest: [u8; 32] = digest.finalize().into();
        Self(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl Key for NameKey {
    fn spread(self) -> u64 {
        self.0 as u64
    }
}

/// A name without what does not tell it from another.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Everyone and everything that licenses reach.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Directory {
    /// Each by a pointer: a chunk that is copied for one of them copies pointers, and not what the others hold.
    pub(crate) users: Shards<UserId, Arc<User>>,
    pub(crate) stations: Shards<StationId, Station>,
    pub(crate) groups: Shards<GroupId, Group>,
    pub(crate) roles: Shards<RoleId, Role>,
    pub(crate) presences: Shards<UserId, Presence>,
    last: u32,
    /// Behind the rest, in a later format.
    #[serde(skip)]
    pub(crate) profiles: profile::Profiles,
    /// What follows is worked out from the rest when it is read.
    #[serde(skip)]
    names: Shards<NameKey, u32>,
    #[serde(skip)]
    pub(crate) holders: Shards<GrantId, Holder>,
    #[serde(skip)]
    pub(crate) persons: Shards<SessionId, UserId>,
}

impl Directory {
    /// A user to be changed.
    pub(crate) fn user_mut(&mut self, id: UserId) -> Option<&mut User> {
        Some(Arc::make_mut(self.users.get_mut(id)?))
    }

    /// Whether nobody ever was in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.last == 0
    }

    fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// The number behind a name, or the refusal that there is none.
    fn number(&self, tenant: &str, what: Named, name: &str) -> Result<u32, Refusal> {
        let found = self.names.get(NameKey::new(tenant, what, name)).copied();
        found.ok_or_else(|| Refusal::NoSuchName { what, name: name.into() })
    }

    pub(crate) fn user_id(&self, tenant: &str, name: &str) -> Result<UserId, Refusal> {
        self.number(tenant, Named::User, name).map(UserId)
    }

    pub(crate) fn station_id(&self, tenant: &str, name: &str) -> Result<StationId, Refusal> {
        self.number(tenant, Named::Station, name).map(StationId)
    }

    pub(crate) fn group_id(&self, tenant: &str, name: &str) -> Result<GroupId, Refusal> {
        self.number(tenant, Named::Group, name).map(GroupId)
    }

    pub(crate) fn role_id(&self, tenant: &str, name: &str) -> Result<RoleId, Refusal> {
        self.number(tenant, Named::Role, name).map(RoleId)
    }

    /// Takes a name for `number`. It may not be blank, nor somebody else's.
    fn claim(&mut self, tenant: &str, what: Named, name: &str, number: u32) -> Result<(), Refusal> {
        if name.trim().is_empty() {
            return Err(Refusal::NameBlank { what });
        }
        let key = NameKey::new(tenant, what, name);
        if self.names.get(key).is_some_and(|other| *other != number) {
            return Err(Refusal::NameInUse { what, name: name.into() });
        }
        self.names.insert(key, number);
        Ok(())
    }

    fn disclaim(&mut self, tenant: &str, what: Named, name: &str) {
        self.names.remove(NameKey::new(tenant, what, name));
    }

    /// Gives what is known by `old` the name `new`.
    fn rename(
        &mut self,
        tenant: &str,
        what: Named,
        old: &str,
        new: &str,
        number: u32,
    ) -> Result<(), Refusal> {
        self.claim(tenant, what, new, number)?;
        if fold(old) != fold(new) {
            self.disclaim(tenant, what, old);
        }
        Ok(())
    }

    /// Works out what is not saved, after reading; names that many have in common are shared again.
    pub(crate) fn index(&mut self) {
        let mut known = BTreeSet::new();
        self.index_users(&mut known);
        self.index_stations(&mut known);
        let groups: Vec<_> =
            self.groups.iter().map(|(id, group)| (id, group.tenant.clone(), group.name.clone())).collect();
        for (id, tenant, name) in groups {
            self.names.insert(NameKey::new(&tenant, Named::Group, &name), id.0);
        }
        let roles: Vec<_> =
            self.roles.iter().map(|(id, role)| (id, role.tenant.clone(), role.name.clone())).collect();
        for (id, tenant, name) in roles {
            self.names.insert(NameKey::new(&tenant, Named::Role, &name), id.0);
        }
        for (user, presence) in self.presences.iter() {
            for session in presence.sessions() {
                self.persons.insert(session, user);
            }
            for seat in &presence.seats {
                self.holders.insert(seat.grant, Holder::LogOn(user));
            }
        }
        self.index_profiles();
    }

    fn index_users(&mut self, known: &mut BTreeSet<Arc<str>>) {
        let ids: Vec<UserId> = self.users.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(user) = self.users.get_mut(id).map(Arc::make_mut) else { continue };
            share(known, &mut user.tenant);
            user.licensing.share(known);
            user.consumed.iter_mut().for_each(|seat| share(known, &mut seat.feature));
            self.names.insert(NameKey::new(&user.tenant, Named::User, &user.name), id.0);
            for seat in user.licensing.seats.iter().chain(&user.consumed) {
                self.holders.insert(seat.grant, Holder::User(id));
            }
        }
    }

    fn index_stations(&mut self, known: &mut BTreeSet<Arc<str>>) {
        let ids: Vec<StationId> = self.stations.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(station) = self.stations.get_mut(id) else { continue };
            share(known, &mut station.tenant);
            station.licensing.share(known);
            self.names.insert(NameKey::new(&station.tenant, Named::Station, &station.name), id.0);
            self.names.insert(NameKey::new(&station.tenant, Named::Machine, &station.machine), id.0);
            for seat in &station.licensing.seats {
                self.holders.insert(seat.grant, Holder::Station(id));
            }
        }
    }
}

/// Lets `text` be the one that others have.
pub(crate) fn share(known: &mut BTreeSet<Arc<str>>, text: &mut Arc<str>) {
    match known.get(text) {
        Some(same) => *text = same.clone(),
        None => drop(known.insert(text.clone())),
    }
}
