//! Seats of the directory: taken from the same pools as checkouts, by grants that no session holds. The one place that
//! makes and ends such grants; who may have them is decided by those who call.

use std::sync::Arc;

use grantor_license::Model;

use crate::Site;
use crate::checkout::{claimed_machine, is_unlocked};
use crate::command::Identity;
use crate::event::Event;
use crate::grant::{Grant, Taken};
use crate::ids::{GrantId, PoolId, RequestKey, SessionId};
use crate::nearest;
use crate::outcome::{Refusal, Shortfall};
use crate::pool::{FeatureKey, Pool};
use crate::who::Who;

use super::logon::At;
use super::{Holder, Seat};

impl Site {
    /// The pools that give seats of a feature in this way, in serving order. A component of a suite is only checked out:
    /// it takes a seat of its suite along, which an allocation has no place for.
    fn allocatable(&self, key: &FeatureKey, model: Model) -> impl Iterator<Item = &Pool> {
        self.pools_of(key).filter(move |pool| pool.terms.model == model && pool.terms.suite.is_none())
    }

    /// Whether `needed` more seats are there; else the shortfall by name, or why there are none at all.
    pub(crate) fn require(&self, key: &FeatureKey, model: Model, needed: u32) -> Result<(), Refusal> {
        let pools: Vec<&Pool> = self.allocatable(key, model).collect();
        if pools.is_empty() {
            return Err(self.why_not_offered(key, model));
        }
        let total =
            |what: fn(&Pool) -> u32| pools.iter().fold(0u32, |sum, pool| sum.saturating_add(what(pool)));
        let free = total(Pool::free);
        if needed <= free {
            return Ok(());
        }
        Err(Refusal::Shortfall(Box::new(Shortfall {
            feature: self.spelled(key),
            model,
            needed,
            free,
            capacity: total(|pool| pool.terms.capacity.unwrap_or(u32::MAX)),
            in_use: total(|pool| pool.used),
            holders: self.longest_holders(&pools),
        })))
    }

    /// Why a feature can't be had in this way: unknown, run out, not begun, or sold in another way.
    pub(crate) fn why_not_offered(&self, key: &FeatureKey, model: Model) -> Refusal {
        let Some(known) = self.index.features.get(key).filter(|_| self.is_loaded(key)) else {
            let features = self.index.features.iter().filter(|(other, _)| other.tenant == key.tenant);
            let nearest = nearest::names(&key.feature, features.map(|(_, known)| &known.spelled));
            return Refusal::UnknownFeature { feature: key.feature.as_ref().into(), nearest };
        };
        let mut models: Vec<Model> = self.pools_of(key).map(|pool| pool.terms.model).collect();
        models.dedup();
        let ended = known.lines.iter().filter_map(|line| line.ends).filter(|ends| *ends <= self.now).max();
        let begins = known.lines.iter().filter_map(|line| line.starts).filter(|at| *at > self.now).min();
        match (models.is_empty(), begins, ended) {
            (true, Some(starts), _) => Refusal::NotYetValid { starts },
            (true, None, Some(at)) => Refusal::Expired { at },
            _ => Refusal::NotOffered { feature: known.spelled.clone(), model, offered: models },
        }
    }

    /// Takes one seat.
    pub(crate) fn seat(&mut self, holder: Holder, key: &FeatureKey, model: Model) -> Result<Seat, Refusal> {
        self.require(key, model, 1)?;
        let who = self.who_holds(holder);
        let unlocked = |pool: &&Pool| is_unlocked(pool, || claimed_machine(None, &who));
        let free = self.allocatable(key, model).filter(unlocked).find(|pool| pool.free() > 0);
        let found = free.map(|pool| (pool.id, pool.terms.key.feature.clone()));
        let (pool, feature) = found.ok_or_else(|| self.why_locked(key, model))?;
        let grant = self.allocate(holder, pool, who);
        let grant = grant.ok_or_else(|| self.why_not_offered(key, model))?;
        Ok(Seat { feature, grant })
    }

    fn why_locked(&self, key: &FeatureKey, model: Model) -> Refusal {
        let locks = self.allocatable(key, model).flat_map(|pool| &pool.terms.locks);
        Refusal::WrongHost { locked_to: locks.map(ToString::to_string).collect() }
    }

    fn allocate(&mut self, holder: Holder, pool: PoolId, who: Who) -> Option<GrantId> {
        let from = self.pools.get(pool)?;
        // A seat is the feature's, whatever version: it gets the pool's own.
        let version = &from.terms.version;
        let asked = from.spelled(version).unwrap_or_else(|| Arc::new(version.clone()));
        let id = GrantId(self.next_grant);
        self.next_grant += 1;
        let (session, since, request) = (SessionId(0), self.now, RequestKey::default());
        let taken = Taken { pool, session, who, count: 1, since, asked, request };
        self.attach(id, Grant::allocated(taken), pool);
        self.directory.holders.insert(id, holder);
        let event = self.grant_event(id)?;
        self.tell(Event::CheckedOut(event));
        Some(id)
    }

    /// Gives a seat back. Its holder no longer lists it. Hold windows are for checkouts: what is taken away from a holder
    /// is free at once.
    pub(crate) fn unseat(&mut self, grant: GrantId) {
        if let Some(grant) = self.grant_event(grant) {
            self.tell(Event::CheckedIn { grant, held_until: None });
        }
        self.directory.holders.remove(grant);
        self.free(grant);
    }

    /// Whether a line in force stands behind the seat. One that ran out blocks its application (seed 001, "Expiration
    /// Period") and its holder keeps the seat for the file that renews it.
    pub(crate) fn is_in_force(&self, seat: &Seat) -> bool {
        let Some(grant) = self.grants.get(seat.grant) else { return false };
        let key = self.pools.get(grant.pool).map(|pool| &pool.terms.key);
        key.is_some_and(|key| self.pools_of(key).any(|pool| pool.id == grant.pool))
    }

    /// Tells a holder's seats of its new name.
    pub(crate) fn rename_seats(&mut self, holder: Holder, seats: &[Seat]) {
        let who = self.who_holds(holder);
        for seat in seats {
            if let Some(grant) = self.grants.get_mut(seat.grant) {
                grant.who = who.clone();
            }
        }
    }

    /// A holder as refusals, status and reports show it.
    fn who_holds(&self, holder: Holder) -> Who {
        let mut identity = Identity::default();
        if let Holder::User(id) | Holder::LogOn(id) = holder {
            let user = self.directory.users.get(id);
            identity.user = user.map(|user| user.name.as_ref().into()).unwrap_or_default();
        }
        if let Holder::Station(id) = holder
            && let Some(station) = self.directory.stations.get(id)
        {
            (identity.host, identity.display) =
                (station.machine.as_ref().into(), station.name.as_ref().into());
        }
        if let Holder::LogOn(id) = holder
            && let Some(presence) = self.directory.presences.get(id)
        {
            identity.host.clone_from(&presence.host);
            identity.display = presence.at.as_ref().map(|at| self.name_of(at)).unwrap_or_default();
        }
        Who::from(&identity)
    }

    /// The station's name, or the telephone number.
    pub(crate) fn name_of(&self, at: &At) -> Box<str> {
        match at {
            At::Number(number) => number.clone(),
            At::Station(id) => {
                let station = self.directory.stations.get(*id);
                station.map(|station| station.name.as_ref().into()).unwrap_or_default()
            }
        }
    }
}
