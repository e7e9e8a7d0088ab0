//! Borrowing: a grant stands until a date, whatever becomes of its session and of the servers meanwhile (design.md §4.1).
//! Its line says whether and for how many hours (`BORROW`, flexnet-formats §1). Who has the loan's key gives it back early.

use serde::{Deserialize, Serialize};

use crate::Site;
use crate::event::Event;
use crate::grant::Grant;
use crate::ids::{GrantId, LoanKey, PoolId, SessionId};
use crate::outcome::{Refusal, Reply};
use crate::shards::Shards;
use crate::time::Timestamp;
use crate::timers::Due;

const HOUR: u32 = 3600;

/// What is borrowed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Loans {
    pub(crate) grants: Shards<LoanKey, GrantId>,
    pub(crate) keys: Shards<GrantId, LoanKey>,
    /// For how many hours a pool's seats may be borrowed; as its lines say, so it is not saved.
    #[serde(skip)]
    pub(crate) hours: Shards<PoolId, u32>,
}

impl Loans {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.len() == 0
    }

    /// The pool's seats may be borrowed for so long; `None` = not at all.
    pub(crate) fn set_hours(&mut self, pool: PoolId, hours: Option<u32>) {
        match hours {
            Some(hours) => self.hours.insert(pool, hours),
            None => self.hours.remove(pool),
        };
    }

    /// The grant is no more.
    pub(crate) fn forget(&mut self, grant: GrantId) {
        if let Some(key) = self.keys.remove(grant) {
            self.grants.remove(key);
        }
    }
}

impl Site {
    /// A grant that the session holds is lent until then. A retry with the same key gets the same answer.
    pub(crate) fn borrow(
        &mut self,
        session: SessionId,
        id: GrantId,
        loan: LoanKey,
        until: Timestamp,
    ) -> Result<Reply, Refusal> {
        if !self.sessions.contains(session) {
            return Err(Refusal::NoSuchSession);
        }
        if let Some(lent) = self.loans.grants.get(loan) {
            let grant = self.grants.get(*lent).filter(|grant| *lent == id && grant.taken_by == session);
            let until = grant.and_then(Grant::until).ok_or(Refusal::RequestKeyReused)?;
            return Ok(Reply::Borrowed { until });
        }
        let grant = self.held_grant(session, id)?;
        let latest = self.latest_end(id, grant).ok_or(Refusal::NotBorrowable)?;
        if until <= self.now || until > latest {
            return Err(Refusal::LoanTooLong { latest });
        }
        self.may_borrow_more(grant)?;
        let event = self.grant_event(id).ok_or(Refusal::NoSuchGrant)?;
        self.take_from_session(id);
        self.loans.grants.insert(loan, id);
        self.loans.keys.insert(id, loan);
        self.tell(Event::Borrowed { grant: event, until });
        self.start_hold(id, until);
        Ok(Reply::Borrowed { until })
    }

    /// Until when a grant may be borrowed at most; `None` = not at all. A component goes only with its suite's seat
    /// (FlexNet's -107), and what came out of a reservation goes back to it.
    fn latest_end(&self, id: GrantId, grant: &Grant) -> Option<Timestamp> {
        if grant.companion().is_some() || self.ties.reserved.contains(id) {
            return None;
        }
        let hours = *self.loans.hours.get(grant.pool)?;
        let latest = self.now.plus_seconds(hours.saturating_mul(HOUR));
        let ends = self.pools.get(grant.pool)?.terms.ends;
        // Over before the line is: nothing is out of a pool that has no seats.
        Some(ends.map_or(latest, |ends| latest.min(Timestamp(ends.0.saturating_sub(1)))))
    }

    /// A loan leaves its session's list and would slip through that limit: a user's loans of a feature on one host have the
    /// same one for themselves.
    fn may_borrow_more(&self, grant: &Grant) -> Result<(), Refusal> {
        let Some(key) = self.pools.get(grant.pool).map(|pool| &pool.terms.key) else { return Ok(()) };
        let limit = self.policy(key).limit_per_client.unwrap_or(self.settings.limit_per_client);
        let (user, host) = (grant.who.user(), grant.who.host().to_lowercase());
        let lent = self.loans.keys.iter().filter_map(|(id, _)| self.grants.get(id));
        let own = lent.filter(|lent| {
            self.pools.get(lent.pool).is_some_and(|pool| pool.terms.key == *key)
                && lent.who.user() == user
                && lent.who.host().to_lowercase() == host
        });
        let borrowed = own.map(|lent| lent.count).fold(0, u32::saturating_add);
        if grant.count > limit.saturating_sub(borrowed) {
            return Err(Refusal::TooManyLoans { limit, borrowed });
        }
        Ok(())
    }

    /// A loan comes back before its time. The pool's windows run as after any release, but not beyond the loan's end.
    pub(crate) fn return_loan(&mut self, loan: LoanKey) -> Result<Reply, Refusal> {
        let id = *self.loans.grants.get(loan).ok_or(Refusal::NoSuchLoan)?;
        let event = self.grant_event(id).ok_or(Refusal::NoSuchLoan)?;
        let grant = self.grants.get(id).ok_or(Refusal::NoSuchLoan)?;
        let (before, pool) = (grant.until().unwrap_or(self.now), grant.pool);
        let windows = self.windows_end(grant.since, pool).map_or(self.now, |until| until.min(before));
        let held_until = (windows > self.now).then_some(windows);
        self.loans.forget(id);
        self.tell(Event::CheckedIn { grant: event, held_until });
        match held_until {
            Some(until) => {
                self.timers.remove(before, Due::Hold(id));
                self.start_hold(id, until);
            }
            None => self.free(id),
        }
        Ok(Reply::CheckedIn { held_until })
    }

    /// Until when a grant is borrowed; `None` = it is not.
    #[must_use]
    pub fn borrowed_until(&self, id: GrantId) -> Option<Timestamp> {
        self.loans.keys.get(id).and_then(|_| self.grants.get(id)?.until())
    }

    /// A loan has a grant that stands until its time, and a grant has one loan at most.
    pub(crate) fn check_loans(&self, broken: &mut Vec<String>) {
        for (key, id) in self.loans.grants.iter() {
            let stands = self.grants.get(*id).is_some_and(|grant| grant.session().is_none());
            if !stands || self.loans.keys.get(*id) != Some(&key) {
                broken.push(format!("grant {id} is borrowed and does not stand"));
            }
        }
        if self.loans.grants.len() != self.loans.keys.len() {
            broken.push("loans and their keys differ in number".to_owned());
        }
    }
}
