//! A second directory, written from the seeds alone: plain maps, and who holds what worked out anew from the settings.
//! Only which concurrent licenses are taken is kept, as it depends on what was open when. Slow and obvious, so that it
//! can judge the first.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "test code")]

mod log_on;

use std::collections::{BTreeMap, BTreeSet};

use grantor_license::Model;
use grantor_site::directory::{Change, HolderName, Method, Place, StationKind};

/// A name of a feature, folded.
pub type Feature = String;

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    User(String),
    Station(String),
    LogOn(String),
}

/// Whoever is refused is told so; the oracle does not say in which words.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

pub type Verdict = Result<(), Refused>;

fn must(is_so: bool) -> Verdict {
    if is_so { Ok(()) } else { Err(Refused) }
}

#[derive(Clone, Debug, Default)]
pub struct Licensing {
    pub off: bool,
    pub concurrent: bool,
    pub features: BTreeSet<Feature>,
    /// Concurrent licenses that are taken.
    pub taken: BTreeSet<Feature>,
}

#[derive(Clone, Debug, Default)]
pub struct User {
    pub disabled: bool,
    pub default: bool,
    pub no_own_number: bool,
    pub licensing: Licensing,
    pub groups: BTreeSet<String>,
    pub roles: BTreeSet<String>,
    /// By which id an identity provider knows the user.
    pub external: Option<String>,
    pub called: [Option<String>; 3],
}

#[derive(Clone, Debug)]
pub struct Station {
    pub machine: String,
    pub kind: StationKind,
    pub is_enabled: bool,
    pub licensing: Licensing,
}

#[derive(Clone, Debug, Default)]
pub struct Presence {
    pub host: String,
    pub place: Option<Place>,
    pub clients: BTreeSet<u128>,
    pub modules: BTreeSet<u128>,
    /// Features that the log-on took for itself.
    pub seats: BTreeSet<Feature>,
}

#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub bought: BTreeMap<(Feature, Model), u32>,
    pub users: BTreeMap<String, User>,
    pub stations: BTreeMap<String, Station>,
    /// Roles of each group.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    pub roles: BTreeMap<String, Option<Feature>>,
    /// Ids by which an identity provider knows groups.
    pub external_groups: BTreeMap<String, String>,
    /// User and host of each open session.
    pub sessions: BTreeMap<u128, (String, String)>,
    pub present: BTreeMap<String, Presence>,
    /// Seats that sessions have checked out.
    pub taken: BTreeMap<u128, u32>,
}

impl Oracle {
    /// Who holds what.
    pub fn holdings(&self) -> BTreeSet<(Feature, Model, Who)> {
        let mut held = BTreeSet::new();
        for (name, user) in &self.users {
            let licensing = &user.licensing;
            let (model, features) = match licensing.concurrent {
                true => (Model::Concurrent, &licensing.taken),
                false => (Model::Assignable, &licensing.features),
            };
            let features = features.iter().filter(|_| !licensing.off).cloned();
            held.extend(features.map(|feature| (feature, model, Who::User(name.clone()))));
            let consumed = self.consumed(user).into_iter();
            held.extend(consumed.map(|feature| (feature, Model::Role, Who::User(name.clone()))));
        }
        for (name, station) in self.stations.iter().filter(|(_, station)| !station.licensing.off) {
            let features = station.licensing.features.iter().cloned();
            held.extend(features.map(|feature| (feature, Model::Assignable, Who::Station(name.clone()))));
        }
        for (name, presence) in &self.present {
            let features = presence.seats.iter().cloned();
            held.extend(features.map(|feature| (feature, Model::Assignable, Who::LogOn(name.clone()))));
        }
        held
    }

    fn consumed(&self, user: &User) -> BTreeSet<Feature> {
        let of_groups = user.groups.iter().flat_map(|group| &self.groups[group]);
        let roles = user.roles.iter().chain(of_groups).filter(|_| !user.disabled && !user.default);
        roles.filter_map(|role| self.roles[role].clone()).collect()
    }

    pub fn bought(&self, feature: &str, model: Model) -> u32 {
        self.bought.get(&(feature.to_owned(), model)).copied().unwrap_or(0)
    }

    pub fn used(&self, feature: &str, model: Model) -> u32 {
        let held = self.holdings();
        held.iter().filter(|(other, of, _)| other == feature && *of == model).count() as u32
    }

    /// Whatever somebody holds now and did not before must fit.
    fn fits_after(&self, before: &Self) -> Verdict {
        let gained = &self.holdings() - &before.holdings();
        self.fits(gained.iter().map(|(feature, model, _)| (feature.as_str(), *model)))
    }

    fn fits<'a>(&self, gained: impl Iterator<Item = (&'a str, Model)>) -> Verdict {
        let gained: BTreeSet<_> = gained.collect();
        must(gained.iter().all(|(feature, model)| self.used(feature, *model) <= self.bought(feature, *model)))
    }

    /// All of the changes, or none.
    pub fn direct(&mut self, changes: &[Change]) -> Verdict {
        let before = self.clone();
        for change in changes {
            let step = self.clone();
            let verdict = self.change(change).and_then(|()| {
                self.prune();
                self.fits_after(&step)
            });
            if verdict.is_err() {
                *self = before;
                return Err(Refused);
            }
        }
        Ok(())
    }

    /// Concurrent licenses are held only as long as they are configured and their user is present.
    fn prune(&mut self) {
        for (name, user) in &mut self.users {
            let licensing = &mut user.licensing;
            let is_kept = licensing.concurrent && !licensing.off && self.present.contains_key(name);
            let features = &licensing.features;
            licensing.taken.retain(|feature| is_kept && features.contains(feature));
        }
    }

    fn user(&mut self, name: &str) -> Result<&mut User, Refused> {
        self.users.get_mut(name).ok_or(Refused)
    }

    fn change(&mut self, change: &Change) -> Verdict {
        match change {
            Change::AddUser { name, is_enabled, is_default, .. } => {
                must(!self.users.contains_key(&**name))?;
                let user = User { disabled: !is_enabled, default: *is_default, ..User::default() };
                self.users.insert(name.to_string(), user);
            }
            Change::EnableUser { user } => self.user(user)?.disabled = false,
            Change::DisableUser { user } => {
                self.user(user)?.disabled = true;
                self.end_presence(user);
            }
            Change::RemoveUser { user } => {
                self.user(user)?;
                self.end_presence(user);
                self.users.remove(&**user);
            }
            Change::SetOwnNumber { user, is_granted } => self.user(user)?.no_own_number = !is_granted,
            other => return self.change_groups(other),
        }
        Ok(())
    }

    fn change_groups(&mut self, change: &Change) -> Verdict {
        match change {
            Change::AddGroup { name, .. } => {
                must(!self.groups.contains_key(&**name))?;
                self.groups.insert(name.to_string(), BTreeSet::new());
            }
            Change::RemoveGroup { group } | Change::EmptyGroup { group } => {
                must(self.groups.contains_key(&**group))?;
                for user in self.users.values_mut() {
                    user.groups.remove(&**group);
                }
                if matches!(change, Change::RemoveGroup { .. }) {
                    self.groups.remove(&**group);
                    self.external_groups.remove(&**group);
                }
            }
            Change::AddMembers { group, users } | Change::RemoveMembers { group, users } => {
                must(self.groups.contains_key(&**group))?;
                for name in users {
                    let user = self.user(name)?;
                    match change {
                        Change::AddMembers { .. } => user.groups.insert(group.to_string()),
                        _ => user.groups.remove(&**group),
                    };
                }
            }
            other => return self.change_roles(other),
        }
        Ok(())
    }

    fn change_roles(&mut self, change: &Change) -> Verdict {
        match change {
            Change::DefineRole { role, application } => {
                let application = application.as_ref().map(|feature| feature.to_lowercase());
                self.roles.insert(role.to_string(), application);
            }
            Change::RemoveRole { role } => {
                must(self.roles.remove(&**role).is_some())?;
                for user in self.users.values_mut() {
                    user.roles.remove(&**role);
                }
                for roles in self.groups.values_mut() {
                    roles.remove(&**role);
                }
            }
            Change::AssignRole { role, user } | Change::WithdrawRole { role, user } => {
                must(self.roles.contains_key(&**role))?;
                let user = self.user(user)?;
                match change {
                    Change::AssignRole { .. } => user.roles.insert(role.to_string()),
                    _ => user.roles.remove(&**role),
                };
            }
            Change::AssignGroupRole { role, group } | Change::WithdrawGroupRole { role, group } => {
                must(self.roles.contains_key(&**role))?;
                let roles = self.groups.get_mut(&**group).ok_or(Refused)?;
                match change {
                    Change::AssignGroupRole { .. } => roles.insert(role.to_string()),
                    _ => roles.remove(&**role),
                };
            }
            other => return self.change_licenses(other),
        }
        Ok(())
    }

    fn change_licenses(&mut self, change: &Change) -> Verdict {
        match change {
            Change::AddStation { name, machine, kind, is_enabled } => {
                must(!self.stations.contains_key(&**name))?;
                must(!self.stations.values().any(|station| station.machine == **machine))?;
                let (machine, licensing) = (machine.to_string(), Licensing::default());
                let station = Station { machine, kind: *kind, is_enabled: *is_enabled, licensing };
                self.stations.insert(name.to_string(), station);
            }
            Change::RemoveStation { station } => {
                must(self.stations.contains_key(&**station))?;
                self.end_log_on_at(station);
                self.stations.remove(&**station);
            }
            Change::License { feature, method, to } => {
                must(self.bought(&feature.to_lowercase(), method.model()) > 0)?;
                for name in self.named(to)? {
                    self.configure(&name, &feature.to_lowercase(), *method)?;
                }
            }
            Change::Unlicense { feature, from } => {
                for name in self.named(from)? {
                    self.licensing(&name).features.remove(&feature.to_lowercase());
                }
            }
            Change::EnableLicenses { of, is_enabled } => {
                for name in self.named(std::slice::from_ref(of))? {
                    self.licensing(&name).off = !is_enabled;
                }
            }
            Change::SetMethod { user, method } => return self.set_method(user, *method),
            other => return self.change_profiles(other),
        }
        Ok(())
    }

    fn change_profiles(&mut self, change: &Change) -> Verdict {
        let said =
            |text: &Option<Box<str>>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
        match change {
            Change::SetExternalId { user, id } => {
                let id = said(id);
                let is_others = |(name, of): (&String, &User)| **name != **user && of.external == id;
                must(id.is_none() || !self.users.iter().any(is_others))?;
                self.user(user)?.external = id;
            }
            Change::SetGroupExternalId { group, id } => {
                must(self.groups.contains_key(&**group))?;
                let id = said(id);
                let is_others = |(name, of): (&String, &String)| **name != **group && Some(of) == id.as_ref();
                must(!self.external_groups.iter().any(is_others))?;
                self.external_groups.remove(&**group);
                self.external_groups.extend(id.map(|id| (group.to_string(), id)));
            }
            Change::SetPersonNames { user, display, given, family } => {
                self.user(user)?.called = [said(display), said(given), said(family)];
            }
            other => panic!("the oracle knows no {other:?}"),
        }
        Ok(())
    }

    fn set_method(&mut self, name: &str, method: Method) -> Verdict {
        let user = self.user(name)?;
        let concurrent = method == Method::Concurrent;
        let is_change = user.licensing.concurrent != concurrent;
        user.licensing.concurrent = concurrent;
        let features = user.licensing.features.clone();
        must(!is_change || features.iter().all(|feature| self.bought(feature, method.model()) > 0))
    }

    fn named(&self, names: &[HolderName]) -> Result<Vec<Who>, Refused> {
        let mut found = Vec::new();
        for name in names {
            match name {
                HolderName::User(name) if self.users.contains_key(&**name) => {
                    found.push(Who::User(name.to_string()))
                }
                HolderName::Station(name) if self.stations.contains_key(&**name) => {
                    found.push(Who::Station(name.to_string()));
                }
                HolderName::Members(group) if self.groups.contains_key(&**group) => {
                    let members = self.users.iter().filter(|(_, user)| user.groups.contains(&**group));
                    found.extend(members.map(|(name, _)| Who::User(name.clone())));
                }
                _ => return Err(Refused),
            }
        }
        Ok(found)
    }

    fn licensing(&mut self, who: &Who) -> &mut Licensing {
        match who {
            Who::User(name) | Who::LogOn(name) => &mut self.users.get_mut(name).unwrap().licensing,
            Who::Station(name) => &mut self.stations.get_mut(name).unwrap().licensing,
        }
    }

    fn configure(&mut self, who: &Who, feature: &str, method: Method) -> Verdict {
        let (is_station, concurrent) = (matches!(who, Who::Station(_)), method == Method::Concurrent);
        must(!(is_station && concurrent) && (is_station || !feature.contains("basic_station")))?;
        let licensing = self.licensing(who);
        must(licensing.features.is_empty() || licensing.concurrent == concurrent)?;
        let is_level = |name: &str| name.contains("acd_media");
        must(
            !is_level(feature) || licensing.features.iter().all(|other| other == feature || !is_level(other)),
        )?;
        licensing.concurrent = concurrent;
        licensing.features.insert(feature.to_owned());
        Ok(())
    }
}
