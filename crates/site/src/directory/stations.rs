//! Stations: added, changed, renamed, deleted. Their licenses are `allocate`'s, who is at them is `logon`'s.

use std::sync::Arc;

use crate::Site;
use crate::ids::StationId;
use crate::outcome::Refusal;

use super::access_license::BASIC_STATION;
use super::change::StationKind;
use super::media::Warning;
use super::{Holder, Licensing, Named, Station};

impl Site {
    fn station_mut(&mut self, tenant: &str, name: &str) -> Result<(StationId, &mut Station), Refusal> {
        let id = self.directory.station_id(tenant, name)?;
        let missing = || Refusal::NoSuchName { what: Named::Station, name: name.into() };
        Ok((id, self.directory.stations.get_mut(id).ok_or_else(missing)?))
    }

    /// "The machine name cannot be a duplicate of an already Licensed Machine Name and it cannot be blank."
    pub(crate) fn add_station(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        machine: &str,
        kind: StationKind,
        is_enabled: bool,
    ) -> Result<(), Refusal> {
        let number = self.directory.next();
        self.directory.claim(tenant, Named::Station, name, number)?;
        self.directory.claim(tenant, Named::Machine, machine, number)?;
        let station = Station {
            tenant: tenant.clone(),
            name: name.trim().into(),
            machine: machine.trim().into(),
            kind,
            is_enabled,
            licensing: Licensing::default(),
            user: None,
        };
        self.directory.stations.insert(StationId(number), station);
        Ok(())
    }

    pub(crate) fn set_station(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        machine: &str,
        kind: StationKind,
        is_enabled: bool,
    ) -> Result<(), Refusal> {
        let (id, station) = self.station_mut(tenant, name)?;
        let old = std::mem::replace(&mut station.machine, machine.trim().into());
        (station.kind, station.is_enabled) = (kind, is_enabled);
        self.directory.rename(tenant, Named::Machine, &old, machine, id.0)?;
        self.rename_station_seats(id);
        Ok(())
    }

    pub(crate) fn rename_station(&mut self, tenant: &Arc<str>, old: &str, new: &str) -> Result<(), Refusal> {
        let id = self.directory.station_id(tenant, old)?;
        self.directory.rename(tenant, Named::Station, old, new, id.0)?;
        self.station_mut(tenant, new)?.1.name = new.trim().into();
        self.rename_station_seats(id);
        Ok(())
    }

    fn rename_station_seats(&mut self, id: StationId) {
        let Some(station) = self.directory.stations.get(id) else { return };
        let (seats, user) = (station.licensing.seats.clone(), station.user);
        self.rename_seats(Holder::Station(id), &seats);
        let presence = user.and_then(|user| Some((user, self.directory.presences.get(user)?)));
        if let Some((user, taken)) = presence.map(|(user, presence)| (user, presence.seats.clone())) {
            self.rename_seats(Holder::LogOn(user), &taken);
        }
    }

    pub(crate) fn remove_station(&mut self, tenant: &Arc<str>, name: &str, by: &str) -> Result<(), Refusal> {
        let (id, station) = self.station_mut(tenant, name)?;
        let (user, machine) = (station.user, station.machine.clone());
        if let Some(user) = user {
            self.end_log_on(user, by, "the station was deleted");
        }
        self.directory.disclaim(tenant, Named::Station, name);
        self.directory.disclaim(tenant, Named::Machine, &machine);
        let station = self.directory.stations.remove(id);
        let seats = station.map(|station| station.licensing.seats).unwrap_or_default();
        seats.iter().for_each(|seat| self.unseat(seat.grant));
        Ok(())
    }

    /// "You need a Basic Station license to activate the station": said of an enabled one that holds none.
    pub(crate) fn silent_station(&self, id: StationId) -> Option<Warning> {
        let station = self.directory.stations.get(id)?;
        let is_silent = station.is_enabled && station.kind.needs_audio() && !self.has_audio(station);
        is_silent.then(|| Warning::NeedsBasicStation { station: station.name.clone() })
    }

    pub(crate) fn has_audio(&self, station: &Station) -> bool {
        let mut seats = station.licensing.seats.iter();
        seats.any(|seat| &*seat.feature == BASIC_STATION && self.is_in_force(seat))
    }
}
