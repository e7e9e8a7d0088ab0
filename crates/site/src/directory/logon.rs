//! Logging on (seed 002, "CIC Client Licensing", "Concurrent License Allocation Method" and "Remote Station Licensing"):
//! a person is at one station of one computer at a time, has the station's licenses meanwhile, and takes all concurrent
//! licenses together at the first module. Sessions are the server's to keep alive; here a person is present as long as one
//! of the person's sessions is open.

use std::sync::Arc;

use grantor_license::Model;
use serde::{Deserialize, Serialize};

use crate::Site;
use crate::command::EndReason;
use crate::event::Event;
use crate::ids::{SessionId, StationId, UserId};
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::time::Timestamp;

use super::access_license::{AccessKind, BASIC_STATION, CLIENT};
use super::change::StationKind;
use super::{Holder, Named, Seat, fold};

/// Where somebody logs on. Durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// At a station of the directory, by its name.
    Station(Box<str>),
    /// At a telephone number of one's own: a dynamic remote station.
    Number(Box<str>),
}

/// Where somebody is logged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// At a station.
    Station(StationId),
    /// At a dynamic remote station with this number.
    Number(Box<str>),
}

/// A person who works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// Since when.
    pub since: Timestamp,
    /// The computer of the log-on; empty without one.
    pub host: Box<str>,
    /// The station of the log-on; `None` = only modules are open.
    pub at: Option<At>,
    /// The sessions of the log-on, all on that computer.
    pub(crate) clients: Vec<SessionId>,
    /// Other sessions that use the person's licenses, on any computer.
    pub(crate) modules: Vec<SessionId>,
    /// What the log-on took for itself: the audio of a dynamic remote station, the client of a remote one.
    pub(crate) seats: Vec<Seat>,
}

impl Presence {
    fn new(since: Timestamp) -> Self {
        let (host, seats) = (Box::default(), Vec::new());
        Self { since, host, at: None, clients: Vec::new(), modules: Vec::new(), seats }
    }

    /// The person's sessions.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.clients.iter().chain(&self.modules).copied()
    }

    /// What the log-on took for itself.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }
}

impl Site {
    /// Logs the session's user on. Whoever is refused is told why, and so is the log.
    pub(crate) fn log_on(&mut self, session: SessionId, place: &Place) -> Result<Reply, Refusal> {
        let found = self.person(session);
        let done =
            found.and_then(|(tenant, user)| self.whole(|site| site.log_on_at(&tenant, user, session, place)));
        if let Err(refusal) = &done {
            self.tell_refused(session, Some(place), refusal);
        }
        done
    }

    /// The session opens a module, and its person uses a license of `feature`.
    pub(crate) fn open_module(&mut self, session: SessionId, feature: &str) -> Result<Reply, Refusal> {
        let found = self.person(session);
        let done = found
            .and_then(|(tenant, user)| self.whole(|site| site.use_license(&tenant, user, session, feature)));
        if let Err(refusal) = &done {
            self.tell_refused(session, None, refusal);
        }
        done
    }

    /// Logs the session off; it stays open for checkouts.
    pub(crate) fn log_off(&mut self, session: SessionId) -> Result<Reply, Refusal> {
        self.sessions.get(session).ok_or(Refusal::NoSuchSession)?;
        self.directory.persons.get(session).ok_or(Refusal::NotLoggedOn)?;
        self.leave_presence(session);
        Ok(Reply::Done)
    }

    fn tell_refused(&mut self, id: SessionId, place: Option<&Place>, refusal: &Refusal) {
        let Some(session) = self.sessions.get(id) else { return };
        let (tenant, who) = ((*session.tenant).clone(), session.who.clone());
        let (place, refusal) = (place.cloned(), refusal.clone());
        if let Refusal::Shortfall(short) = &refusal {
            let feature = short.feature.clone();
            self.note_none_left(&tenant, &feature);
        }
        if matches!(refusal, Refusal::NoStationLeft { .. }) {
            let feature = self.spelled(&FeatureKey::new(&tenant, BASIC_STATION));
            self.note_none_left(&tenant, &feature);
        }
        self.tell(Event::LogOnRefused { tenant, who, session: id, place, refusal });
    }

    /// The user in whose name a session is open.
    fn person(&self, id: SessionId) -> Result<(Arc<str>, UserId), Refusal> {
        let session = self.sessions.get(id).ok_or(Refusal::NoSuchSession)?;
        let (tenant, name) = ((*session.tenant).clone(), session.who.user());
        // Who is present stays who it is under another name.
        let id = match self.directory.persons.get(id) {
            Some(known) => *known,
            None => self.directory.user_id(&tenant, name)?,
        };
        match self.directory.users.get(id) {
            Some(user) if !user.is_enabled => Err(Refusal::UserDisabled { user: user.name.clone() }),
            _ => Ok((tenant, id)),
        }
    }

    fn log_on_at(
        &mut self,
        tenant: &Arc<str>,
        user: UserId,
        session: SessionId,
        place: &Place,
    ) -> Result<Reply, Refusal> {
        let at = self.place(tenant, user, place)?;
        let host = self.sessions.get(session).map(|session| fold(session.who.host()).into_boxed_str());
        let host = host.unwrap_or_default();
        let joins = self
            .directory
            .presences
            .get(user)
            .is_some_and(|presence| presence.host == host && presence.at.as_ref() == Some(&at));
        if !joins {
            self.move_to(user, session, &host, &at);
        }
        self.join_log_on(user, session);
        self.take_for_log_on(tenant, user, &at)?;
        let station: Arc<str> = self.name_of(&at).into();
        let name = self.directory.users.get(user).map(|user| user.name.clone()).unwrap_or_default();
        let (media, warnings) = (self.media_of(user), self.media_warnings(user));
        if !joins {
            let (tenant, user, station) = (tenant.clone(), name.clone(), station.clone());
            self.tell(Event::LoggedOn { tenant, user, session, station, host, warnings: warnings.clone() });
        }
        Ok(Reply::LoggedOn { user: name, station, media, warnings })
    }

    /// Whether the place is one where this user may log on.
    fn place(&self, tenant: &str, user: UserId, place: &Place) -> Result<At, Refusal> {
        let person = self.directory.users.get(user);
        match place {
            Place::Number(number) if number.trim().is_empty() => Err(Refusal::NumberBlank),
            Place::Number(number) if person.is_some_and(|person| person.has_own_number) => {
                Ok(At::Number(number.trim().into()))
            }
            Place::Number(_) => Err(Refusal::NoOwnNumber),
            Place::Station(name) => {
                let id = self.directory.station_id(tenant, name)?;
                self.may_sit_at(user, id, name)?;
                Ok(At::Station(id))
            }
        }
    }

    fn may_sit_at(&self, user: UserId, id: StationId, name: &str) -> Result<(), Refusal> {
        let missing = || Refusal::NoSuchName { what: Named::Station, name: name.into() };
        let station = self.directory.stations.get(id).ok_or_else(missing)?;
        let name = station.name.clone();
        let other = station.user.filter(|other| *other != user).and_then(|id| self.directory.users.get(id));
        match other {
            _ if !station.kind.takes_log_on() => {
                Err(Refusal::NotForLogOn { station: name, kind: station.kind })
            }
            _ if !station.is_enabled => Err(Refusal::StationDisabled { station: name }),
            Some(other) => Err(Refusal::StationInUse { station: name, by: other.name.clone() }),
            None if !self.has_audio(station) => Err(Refusal::NoBasicStation { station: name }),
            None => Ok(()),
        }
    }

    /// The second log-on ends the first: "the system logs off the user from the previous computer".
    fn move_to(&mut self, user: UserId, session: SessionId, host: &str, at: &At) {
        self.leave_station(user);
        let mut presence =
            self.directory.presences.get(user).cloned().unwrap_or_else(|| Presence::new(self.now));
        let before = std::mem::take(&mut presence.clients);
        (presence.since, presence.host, presence.at) = (self.now, host.into(), Some(at.clone()));
        presence.clients.push(session);
        self.directory.presences.insert(user, presence);
        self.directory.persons.insert(session, user);
        if let At::Station(id) = at
            && let Some(station) = self.directory.stations.get_mut(*id)
        {
            station.user = Some(user);
        }
        for earlier in before.into_iter().filter(|earlier| *earlier != session) {
            self.directory.persons.remove(earlier);
            let why = EndReason::LoggedOnElsewhere { host: host.to_owned() };
            let _ended = self.end_session(earlier, &why);
        }
    }

    /// The session is one of the log-on's from now on.
    fn join_log_on(&mut self, user: UserId, session: SessionId) {
        if let Some(presence) = self.directory.presences.get_mut(user) {
            presence.modules.retain(|other| *other != session);
            if !presence.clients.contains(&session) {
                presence.clients.push(session);
            }
        }
        self.directory.persons.insert(session, user);
    }

    /// The licenses without which a log-on is refused.
    fn take_for_log_on(&mut self, tenant: &Arc<str>, user: UserId, at: &At) -> Result<(), Refusal> {
        if matches!(at, At::Number(_)) {
            self.take_for_presence(tenant, user, BASIC_STATION).map_err(no_station_left)?;
            return self.take_concurrent(tenant, user);
        }
        self.take_concurrent(tenant, user)?;
        let At::Station(id) = at else { return Ok(()) };
        let Some(station) = self.directory.stations.get(*id) else { return Ok(()) };
        let (name, kind) = (station.name.clone(), station.kind);
        let has_client = self.holds(&station.licensing.seats, |kind| kind == AccessKind::Client);
        // "If a user logs on to a remote station, that station also must acquire a Client Access license."
        if kind == StationKind::ConfiguredRemote && !has_client {
            self.take_for_presence(tenant, user, CLIENT)?;
        }
        // What an earlier log-on there took may have run out since.
        let seats = self.seats_of(user);
        if self.holds(&seats, AccessKind::lets_client_run) {
            return Ok(());
        }
        let user = self.directory.users.get(user).map(|user| user.name.clone()).unwrap_or_default();
        Err(Refusal::NoClientAccess { user, station: name })
    }

    /// A seat that the log-on takes for itself, once.
    fn take_for_presence(&mut self, tenant: &Arc<str>, user: UserId, feature: &str) -> Result<(), Refusal> {
        let presence = self.directory.presences.get(user);
        if presence.is_some_and(|presence| presence.seats.iter().any(|seat| &*seat.feature == feature)) {
            return Ok(());
        }
        let seat = self.seat(Holder::LogOn(user), &FeatureKey::new(tenant, feature), Model::Assignable)?;
        if let Some(presence) = self.directory.presences.get_mut(user) {
            presence.seats.push(seat);
        }
        Ok(())
    }

    /// Whether one of the seats is such a license, and in force.
    pub(crate) fn holds(&self, seats: &[Seat], wanted: impl Fn(AccessKind) -> bool) -> bool {
        seats.iter().any(|seat| wanted(AccessKind::of(&seat.feature)) && self.is_in_force(seat))
    }

    fn use_license(
        &mut self,
        tenant: &Arc<str>,
        user: UserId,
        session: SessionId,
        feature: &str,
    ) -> Result<Reply, Refusal> {
        if !self.directory.persons.contains(session) {
            let now = self.now;
            let mut presence =
                self.directory.presences.get(user).cloned().unwrap_or_else(|| Presence::new(now));
            presence.modules.push(session);
            self.directory.presences.insert(user, presence);
            self.directory.persons.insert(session, user);
        }
        self.take_concurrent(tenant, user)?;
        let seat = self.usable(tenant, user, feature)?;
        Ok(Reply::ModuleOpened { grants: self.granted(seat.grant).into_iter().collect() })
    }

    /// The session is no longer one of its person's. With the last of the log-on the station is free, with the last of
    /// all what is concurrent.
    pub(crate) fn leave_presence(&mut self, session: SessionId) {
        let Some(user) = self.directory.persons.remove(session) else { return };
        let Some(presence) = self.directory.presences.get_mut(user) else { return };
        presence.clients.retain(|other| *other != session);
        presence.modules.retain(|other| *other != session);
        let (no_client, is_gone) = (presence.clients.is_empty(), presence.sessions().next().is_none());
        if no_client {
            self.leave_station(user);
        }
        if is_gone {
            self.directory.presences.remove(user);
            self.release_concurrent(user);
        }
    }

    /// The log-on ends: "those licenses become available for the next user who logs on to that station".
    fn leave_station(&mut self, user: UserId) {
        let Some(presence) = self.directory.presences.get_mut(user) else { return };
        let (at, seats) = (presence.at.take(), std::mem::take(&mut presence.seats));
        let host = std::mem::take(&mut presence.host);
        let Some(at) = at else { return };
        seats.iter().for_each(|seat| self.unseat(seat.grant));
        let station: Arc<str> = self.name_of(&at).into();
        if let At::Station(id) = at
            && let Some(left) = self.directory.stations.get_mut(id)
        {
            left.user = None;
        }
        let Some(user) = self.directory.users.get(user) else { return };
        let (tenant, user) = (user.tenant.clone(), user.name.clone());
        self.tell(Event::LoggedOff { tenant, user, station, host });
    }

    /// Ends the sessions of a log-on, not those of modules elsewhere.
    pub(crate) fn end_log_on(&mut self, user: UserId, by: &str, reason: &str) {
        let clients = self.directory.presences.get(user).map(|presence| presence.clients.clone());
        let why = EndReason::Removed { by: by.to_owned(), reason: reason.to_owned() };
        for session in clients.unwrap_or_default() {
            let _ended = self.end_session(session, &why);
        }
    }

    /// An instance's next session is its person's in place of the one before.
    pub(crate) fn pass_presence(&mut self, from: SessionId, to: SessionId) {
        let Some(user) = self.directory.persons.get(from).copied() else { return };
        if !self.person(to).is_ok_and(|(_, other)| other == user) || self.directory.persons.contains(to) {
            return;
        }
        let Some(presence) = self.directory.presences.get_mut(user) else { return };
        let sessions = presence.clients.iter_mut().chain(&mut presence.modules);
        sessions.filter(|session| **session == from).for_each(|session| *session = to);
        self.directory.persons.remove(from);
        self.directory.persons.insert(to, user);
    }
}

/// "A message appears indicating that no stations are available."
fn no_station_left(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Shortfall(short) => {
            Refusal::NoStationLeft { capacity: short.capacity, in_use: short.in_use }
        }
        other => other,
    }
}
