//! A grant: a held quantity of a pool. Kept small, as there may be a million; what few have lies elsewhere. Decides
//! nothing.

use std::sync::Arc;

use grantor_license::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::{GrantId, PoolId, RequestKey, SessionId};
use crate::pool::GroupKey;
use crate::time::Timestamp;
use crate::who::Who;

/// A held quantity of a pool: the one thing that capacity is spent on.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What it is spent on.
    pub pool: PoolId,
    /// How many seats its holder has.
    pub count: u32,
    /// How many seats of the pool it spends: fewer than `count` where others of its group spend them already.
    pub spends: u32,
    is_held: bool,
    /// The session that took it.
    pub taken_by: SessionId,
    /// Who took it, as claimed.
    pub who: Who,
    /// Since when.
    pub since: Timestamp,
    /// The version asked for.
    pub asked: Arc<Version>,
    /// The asker's name for the request.
    pub request: RequestKey,
    pub(crate) older: Link,
    pub(crate) newer: Link,
    rare: Option<Box<Rare>>,
}

/// What few grants have.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rare {
    until: Option<Timestamp>,
    group: Option<GroupKey>,
    companion: Option<GrantId>,
    is_companion: bool,
}

/// A neighbour in a pool's list, if there is one: no grant has the number 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link(GrantId);

impl Link {
    pub(crate) fn get(self) -> Option<GrantId> {
        (self.0 != GrantId(0)).then_some(self.0)
    }
}

impl From<Option<GrantId>> for Link {
    fn from(id: Option<GrantId>) -> Self {
        Self(id.unwrap_or_default())
    }
}

/// What a new grant begins with.
pub(crate) struct Taken {
    pub(crate) pool: PoolId,
    pub(crate) session: SessionId,
    pub(crate) who: Who,
    pub(crate) count: u32,
    pub(crate) since: Timestamp,
    pub(crate) asked: Arc<Version>,
    pub(crate) request: RequestKey,
}

impl Grant {
    /// Held by the session that takes it; in no list and spending nothing yet.
    pub(crate) fn new(taken: Taken, group: Option<GroupKey>, is_companion: bool) -> Self {
        let Taken { pool, session: taken_by, who, count, since, asked, request } = taken;
        let (older, newer) = (Link::default(), Link::default());
        let mut grant = Self {
            pool,
            count,
            spends: 0,
            is_held: true,
            taken_by,
            who,
            since,
            asked,
            request,
            older,
            newer,
            rare: None,
        };
        grant.set(|rare| (rare.group, rare.is_companion) = (group, is_companion));
        grant
    }

    /// Held by somebody of the directory, and by no session.
    pub(crate) fn allocated(taken: Taken) -> Self {
        let mut grant = Self::new(taken, None, false);
        grant.is_held = false;
        grant
    }

    /// Whether somebody of the directory holds it (`Site::holder_of`): no session does, and no hold window runs.
    #[must_use]
    pub fn is_allocated(&self) -> bool {
        !self.is_held && self.until().is_none()
    }

    /// Which session holds it; `None` = none does: a hold window runs, or it is allocated.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.is_held.then_some(self.taken_by)
    }

    /// When the hold window ends.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.rare.as_ref()?.until
    }

    /// With whom it shares seats.
    pub(crate) fn group(&self) -> Option<&GroupKey> {
        self.rare.as_ref()?.group.as_ref()
    }

    /// The seat of its suite that it took along and gives back with itself.
    pub(crate) fn companion(&self) -> Option<GrantId> {
        self.rare.as_ref()?.companion
    }

    /// Whether it is such a seat: it goes only with the grant that it came with.
    pub(crate) fn is_companion(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.is_companion)
    }

    /// Nobody holds it any more; it stays out until then.
    pub(crate) fn hold_until(&mut self, until: Timestamp) {
        self.is_held = false;
        self.set(|rare| rare.until = Some(until));
    }

    pub(crate) fn set_group(&mut self, group: Option<GroupKey>) {
        self.set(|rare| rare.group = group);
    }

    pub(crate) fn set_companion(&mut self, companion: Option<GrantId>) {
        self.set(|rare| rare.companion = companion);
    }

    fn set(&mut self, change: impl FnOnce(&mut Rare)) {
        let mut rare = self.rare.take().map_or_else(Rare::default, |rare| *rare);
        change(&mut rare);
        self.rare = (rare != Rare::default()).then(|| Box::new(rare));
    }
}

/// A grant as it is saved.
#[derive(Serialize, Deserialize)]
struct Saved<W, V, G> {
    pool: PoolId,
    session: Option<SessionId>,
    taken_by: SessionId,
    who: W,
    count: u32,
    spends: u32,
    since: Timestamp,
    asked: V,
    until: Option<Timestamp>,
    request: RequestKey,
    group: Option<G>,
    companion: Option<GrantId>,
    is_companion: bool,
    older: Option<GrantId>,
    newer: Option<GrantId>,
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = Saved {
            pool: self.pool,
            session: self.session(),
            taken_by: self.taken_by,
            who: &self.who,
            count: self.count,
            spends: self.spends,
            since: self.since,
            asked: &self.asked,
            until: self.until(),
            request: self.request,
            group: self.group(),
            companion: self.companion(),
            is_companion: self.is_companion(),
            older: self.older.get(),
            newer: self.newer.get(),
        };
        saved.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Saved::<Who, Arc<Version>, GroupKey>::deserialize(deserializer)?;
        if saved.session.is_some_and(|session| session != saved.taken_by) {
            return Err(de::Error::custom("a grant is held by another session than took it"));
        }
        let taken = Taken {
            pool: saved.pool,
            session: saved.taken_by,
            who: saved.who,
            count: saved.count,
            since: saved.since,
            asked: saved.asked,
            request: saved.request,
        };
        let mut grant = Self::new(taken, saved.group, saved.is_companion);
        (grant.spends, grant.is_held) = (saved.spends, saved.session.is_some());
        (grant.older, grant.newer) = (saved.older.into(), saved.newer.into());
        grant.set(|rare| (rare.until, rare.companion) = (saved.until, saved.companion));
        Ok(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_and_what_comes_with_it_take_no_more_than_a_seat_may() {
        assert_eq!(size_of::<Grant>(), 96);
    }
}
