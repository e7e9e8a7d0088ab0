//! Logging on, for the oracle.

use std::collections::BTreeSet;

use grantor_license::Model;
use grantor_site::directory::{Place, StationKind};

use super::{Feature, Oracle, Presence, Refused, Verdict, must};
use crate::support::{BASIC, CLIENT};

impl Oracle {
    pub fn open(&mut self, session: u128, user: &str, host: &str) {
        self.sessions.entry(session).or_insert((user.to_owned(), host.to_owned()));
    }

    /// A checkout of one of so many seats.
    pub fn take(&mut self, session: u128, bought: u32) -> Verdict {
        must(self.sessions.contains_key(&session) && self.taken.values().sum::<u32>() < bought)?;
        *self.taken.entry(session).or_default() += 1;
        Ok(())
    }

    /// The session is over: its person may be gone.
    pub fn end(&mut self, session: u128) {
        self.sessions.remove(&session);
        self.taken.remove(&session);
        self.log_off(session);
    }

    pub fn log_off(&mut self, session: u128) {
        for presence in self.present.values_mut() {
            presence.clients.remove(&session);
            presence.modules.remove(&session);
            if presence.clients.is_empty() {
                (presence.place, presence.seats) = (None, BTreeSet::new());
                presence.host.clear();
            }
        }
        self.present.retain(|_, presence| !presence.clients.is_empty() || !presence.modules.is_empty());
        self.prune();
    }

    pub fn end_presence(&mut self, user: &str) {
        let Some(presence) = self.present.get(user).cloned() else { return };
        presence.clients.iter().chain(&presence.modules).for_each(|session| self.end(*session));
    }

    pub fn end_log_on_at(&mut self, station: &str) {
        let there = |presence: &&Presence| presence.place == Some(Place::Station(station.into()));
        let clients = self.present.values().find(there).map(|presence| presence.clients.clone());
        clients.unwrap_or_default().into_iter().for_each(|session| self.end(session));
    }

    /// The user of an open session, who must be one that may work.
    fn person(&self, session: u128) -> Result<(String, String), Refused> {
        let (user, host) = self.sessions.get(&session).cloned().ok_or(Refused)?;
        must(self.users.get(&user).is_some_and(|user| !user.disabled))?;
        Ok((user, host))
    }

    pub fn log_on(&mut self, session: u128, place: &Place) -> Verdict {
        let before = self.clone();
        let verdict = self.try_log_on(session, place);
        if verdict.is_err() {
            *self = before;
        }
        verdict
    }

    fn try_log_on(&mut self, session: u128, place: &Place) -> Verdict {
        let (name, host) = self.person(session)?;
        self.may_be_at(&name, place)?;
        let before = self.clone();
        let known = self.present.entry(name.clone()).or_default();
        let joins = known.place.as_ref() == Some(place) && known.host == host;
        known.modules.remove(&session);
        let earlier = if joins { BTreeSet::new() } else { std::mem::take(&mut known.clients) };
        known.clients.insert(session);
        if !joins {
            (known.place, known.host, known.seats) = (Some(place.clone()), host, BTreeSet::new());
        }
        for other in earlier.into_iter().filter(|other| *other != session) {
            self.sessions.remove(&other);
            self.taken.remove(&other);
        }
        self.take_concurrent(&name);
        let extra = self.taken_for(place);
        self.present.get_mut(&name).unwrap().seats.extend(extra.clone());
        self.fits_after(&before)?;
        // A new log-on's seats are new, also where the one before had the same.
        self.fits(extra.iter().filter(|_| !joins).map(|feature| (feature.as_str(), Model::Assignable)))?;
        let is_number = matches!(place, Place::Number(_));
        must(
            is_number
                || self.usable(&name).iter().any(|f| f == "i3_access_client" || f.contains("acd_media")),
        )
    }

    fn may_be_at(&self, user: &str, place: &Place) -> Verdict {
        let Place::Station(name) = place else { return must(!self.users[user].no_own_number) };
        let station = self.stations.get(&**name).ok_or(Refused)?;
        let takes = !matches!(station.kind, StationKind::StandAlonePhone | StationKind::StandAloneFax);
        must(takes && station.is_enabled && self.station_has(name, &BASIC.to_lowercase()))?;
        let others = self.present.iter().filter(|(other, _)| *other != user);
        must(!others.into_iter().any(|(_, presence)| presence.place.as_ref() == Some(place)))
    }

    /// Whether the station holds a license that is in force.
    fn station_has(&self, name: &str, feature: &str) -> bool {
        let licensing = &self.stations[name].licensing;
        !licensing.off && licensing.features.contains(feature) && self.bought(feature, Model::Assignable) > 0
    }

    fn taken_for(&self, place: &Place) -> Option<Feature> {
        match place {
            Place::Number(_) => Some(BASIC.to_lowercase()),
            Place::Station(name) => {
                let is_remote = self.stations[&**name].kind == StationKind::ConfiguredRemote;
                let client = CLIENT.to_lowercase();
                (is_remote && !self.station_has(name, &client)).then_some(client)
            }
        }
    }

    fn take_concurrent(&mut self, name: &str) {
        let licensing = &mut self.users.get_mut(name).unwrap().licensing;
        if licensing.concurrent && !licensing.off {
            licensing.taken.clone_from(&licensing.features);
        }
    }

    /// Every feature that a user may use now, by a seat that is in force.
    pub fn usable(&self, name: &str) -> BTreeSet<Feature> {
        let station = self.present.get(name).and_then(|presence| presence.place.clone());
        let station = station.and_then(|place| match place {
            Place::Station(station) => Some(super::Who::Station(station.to_string())),
            Place::Number(_) => None,
        });
        let own = [super::Who::User(name.to_owned()), super::Who::LogOn(name.to_owned())];
        let held = self
            .holdings()
            .into_iter()
            .filter(|(_, _, who)| own.contains(who) || Some(who) == station.as_ref());
        held.filter(|(feature, model, _)| self.bought(feature, *model) > 0)
            .map(|(feature, ..)| feature)
            .collect()
    }

    pub fn open_module(&mut self, session: u128, feature: &str) -> Verdict {
        let before = self.clone();
        let verdict = self.try_module(session, feature);
        if verdict.is_err() {
            *self = before;
        }
        verdict
    }

    fn try_module(&mut self, session: u128, feature: &str) -> Verdict {
        let (name, _) = self.person(session)?;
        let before = self.clone();
        let known = self.present.entry(name.clone()).or_default();
        if !known.clients.contains(&session) {
            known.modules.insert(session);
        }
        self.take_concurrent(&name);
        self.fits_after(&before)?;
        must(self.usable(&name).contains(&feature.to_lowercase()))
    }
}
