//! What must hold of the directory after every step, worked out from scratch: slow, for tests and simulation.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Site;
use crate::ids::GrantId;

use super::logon::At;
use super::{Holder, Licensing, Method, NameKey, Named, Seat};

impl Site {
    pub(crate) fn check_directory(&self, broken: &mut Vec<String>) {
        let mut listed = BTreeSet::new();
        self.check_users(&mut listed, broken);
        self.check_stations(&mut listed, broken);
        self.check_presences(&mut listed, broken);
        self.check_groups(broken);
        self.check_profiles(broken);
        let allocated = self.grants.iter().filter(|(_, grant)| grant.is_allocated()).count();
        if allocated != listed.len() || listed.len() != self.directory.holders.len() {
            broken.push(format!("{allocated} seats are allocated, and {} are listed", listed.len()));
        }
    }

    /// A listed seat is an allocated grant of the feature, and listed nowhere else.
    fn check_seats(
        &self,
        holder: Holder,
        seats: &[Seat],
        listed: &mut BTreeSet<GrantId>,
        broken: &mut Vec<String>,
    ) {
        for seat in seats {
            let grant = self.grants.get(seat.grant).filter(|grant| grant.is_allocated());
            let pool = grant.and_then(|grant| self.pools.get(grant.pool));
            if pool.is_none_or(|pool| pool.terms.key.feature != seat.feature) || !listed.insert(seat.grant) {
                broken.push(format!("{holder:?} lists {seat:?}, which is no seat of its own"));
            }
            if self.directory.holders.get(seat.grant) != Some(&holder) {
                broken.push(format!("{seat:?} does not know that {holder:?} holds it"));
            }
        }
    }

    /// Assignable licenses are held as they are configured; concurrent ones at most that, and only while present.
    fn check_licensing(
        &self,
        holder: Holder,
        licensing: &Licensing,
        is_present: bool,
        broken: &mut Vec<String>,
    ) {
        let wanted: BTreeSet<&Arc<str>> = licensing.wanted().collect();
        let held: BTreeSet<&Arc<str>> = licensing.seats.iter().map(|seat| &seat.feature).collect();
        let fits = match licensing.method {
            Method::Assignable => held == wanted,
            Method::Concurrent => held.is_subset(&wanted) && (is_present || held.is_empty()),
        };
        if !fits || held.len() != licensing.seats.len() {
            broken.push(format!("{holder:?} holds {held:?} of {wanted:?}"));
        }
    }

    fn check_users(&self, listed: &mut BTreeSet<GrantId>, broken: &mut Vec<String>) {
        for (id, user) in self.directory.users.iter() {
            let holder = Holder::User(id);
            self.check_seats(holder, &user.licensing.seats, listed, broken);
            self.check_seats(holder, &user.consumed, listed, broken);
            self.check_licensing(holder, &user.licensing, self.directory.presences.contains(id), broken);
            let consumed: BTreeSet<Arc<str>> =
                user.consumed.iter().map(|seat| seat.feature.clone()).collect();
            if consumed != self.directory.applications_of(id) || consumed.len() != user.consumed.len() {
                broken.push(format!("{id} consumes {consumed:?}, and the roles ask for something else"));
            }
            if !self.is_known(&user.tenant, Named::User, &user.name, id.0) {
                broken.push(format!("{id} is not found by its name"));
            }
        }
    }

    fn is_known(&self, tenant: &str, what: Named, name: &str, number: u32) -> bool {
        self.directory.names.get(NameKey::new(tenant, what, name)) == Some(&number)
    }

    fn check_stations(&self, listed: &mut BTreeSet<GrantId>, broken: &mut Vec<String>) {
        for (id, station) in self.directory.stations.iter() {
            let holder = Holder::Station(id);
            self.check_seats(holder, &station.licensing.seats, listed, broken);
            self.check_licensing(holder, &station.licensing, false, broken);
            if station.licensing.method != Method::Assignable {
                broken.push(format!("station {id} has concurrent licenses"));
            }
            let known = |what, name| self.is_known(&station.tenant, what, name, id.0);
            if !known(Named::Station, &station.name) || !known(Named::Machine, &station.machine) {
                broken.push(format!("station {id} is not found by its name and machine"));
            }
            let at =
                station.user.and_then(|user| self.directory.presences.get(user)).and_then(|p| p.at.clone());
            if station.user.is_some() && at != Some(At::Station(id)) {
                broken.push(format!("station {id} is somebody's who is not there"));
            }
        }
        let names = self.directory.users.len() + self.directory.stations.len() * 2;
        let names = names + self.directory.groups.len() + self.directory.roles.len();
        let names = names + self.directory.profiles.ids();
        if names != self.directory.names.len() {
            broken.push(format!("{} names are known of {names}", self.directory.names.len()));
        }
    }

    /// What is known is known of somebody, and an id leads to whom it belongs.
    fn check_profiles(&self, broken: &mut Vec<String>) {
        let (users, groups) = self.directory.profiles.holders();
        for id in users {
            let external = self.profile(id).external_id;
            let user = self.directory.users.get(id);
            let is_found = user.is_some_and(|user| {
                external.is_none_or(|of| self.user_of_external_id(&user.tenant, &of) == Some(id))
            });
            if !is_found {
                broken.push(format!("{id} has a profile and is not found by its id"));
            }
        }
        for id in groups {
            let (external, group) =
                (self.group_external_id(id).unwrap_or_default(), self.directory.groups.get(id));
            if group.is_none_or(|group| self.group_of_external_id(&group.tenant, external) != Some(id)) {
                broken.push(format!("group {id} is not found by its id"));
            }
        }
    }

    fn check_presences(&self, listed: &mut BTreeSet<GrantId>, broken: &mut Vec<String>) {
        let mut sessions = 0;
        for (id, presence) in self.directory.presences.iter() {
            self.check_seats(Holder::LogOn(id), &presence.seats, listed, broken);
            for session in presence.sessions() {
                sessions += 1;
                let is_own = self.directory.persons.get(session) == Some(&id);
                if !is_own || !self.sessions.contains(session) {
                    broken.push(format!("{session:?} is not a session of user {id}"));
                }
            }
            let is_enabled = self.directory.users.get(id).is_some_and(|user| user.is_enabled);
            if !is_enabled || presence.sessions().next().is_none() {
                broken.push(format!("user {id} is present and may not be"));
            }
            let is_logged_on = !presence.clients.is_empty();
            if presence.at.is_some() != is_logged_on || (!is_logged_on && !presence.seats.is_empty()) {
                broken.push(format!("user {id} is at a station without a session, or the other way round"));
            }
            if let Some(At::Station(station)) = &presence.at
                && self.directory.stations.get(*station).and_then(|station| station.user) != Some(id)
            {
                broken.push(format!("user {id} is at a station that is not the user's"));
            }
        }
        if sessions != self.directory.persons.len() {
            broken.push("persons and their sessions differ in number".to_owned());
        }
    }

    fn check_groups(&self, broken: &mut Vec<String>) {
        let mut members = 0;
        for (id, group) in self.directory.groups.iter() {
            members += group.size();
            let strange =
                |user: &_| !self.directory.users.get(*user).is_some_and(|user| user.groups.contains(&id));
            broken.extend(group.members().filter(strange).map(|user| format!("{user} is not in group {id}")));
            if !self.is_known(&group.tenant, Named::Group, &group.name, id.0) {
                broken.push(format!("group {id} is not found by its name"));
            }
        }
        let memberships: usize = self.directory.users.iter().map(|(_, user)| user.groups.len()).sum();
        if members != memberships {
            broken.push(format!("{memberships} memberships, {members} members"));
        }
    }
}
