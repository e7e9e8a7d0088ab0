//! Borrowing, from the design alone.

use grantor_site::ids::{GrantId, LoanKey, SessionId};
use grantor_site::{Refusal, Reply, Timestamp};

use super::Oracle;

impl Oracle {
    pub fn borrow(
        &mut self,
        session: SessionId,
        id: GrantId,
        loan: LoanKey,
        until: Timestamp,
    ) -> Result<Reply, Refusal> {
        self.session(session).ok_or(Refusal::NoSuchSession)?;
        if let Some(lent) = self.grants.iter().find(|grant| grant.loan == Some(loan)) {
            let same = lent.id == id && lent.taken_by == session;
            return if same {
                Ok(Reply::Borrowed { until: lent.until.unwrap() })
            } else {
                Err(Refusal::RequestKeyReused)
            };
        }
        let grant = self.grant(id).cloned().ok_or_else(|| self.gone(id))?;
        if grant.came_with.is_some() || grant.taken_by != session {
            return Err(Refusal::NoSuchGrant);
        }
        grant.session.ok_or(Refusal::AlreadyReturned)?;
        let pool = self.pool(&grant.pool).unwrap().clone();
        let reserved = self.reserved.iter().any(|(other, _)| *other == id);
        let alone = self.companion(id).is_none() && !reserved;
        let hours = pool.borrow_hours.filter(|_| pool.live && alone);
        let hours = hours.ok_or(Refusal::NotBorrowable)?;
        let mut latest = Timestamp(self.now.0 + i64::from(hours) * 3_600_000);
        if let Some(ends) = pool.ends {
            latest = latest.min(Timestamp(ends.0 - 1));
        }
        if until <= self.now || until > latest {
            return Err(Refusal::LoanTooLong { latest });
        }
        let same = |other: &&super::Grant| {
            other.loan.is_some()
                && self.pool(&other.pool).is_some_and(|of| of.key == pool.key)
                && other.who.user == grant.who.user
                && other.who.host.to_lowercase() == grant.who.host.to_lowercase()
        };
        let borrowed: u32 = self.grants.iter().filter(same).map(|other| other.count).sum();
        let limit = self.policy(&pool.key).limit_per_client.unwrap_or(self.settings.limit_per_client);
        if borrowed + grant.count > limit {
            return Err(Refusal::TooManyLoans { limit, borrowed });
        }
        self.note_done(&grant);
        let lent = self.grants.iter_mut().find(|other| other.id == id).unwrap();
        (lent.session, lent.until, lent.loan) = (None, Some(until), Some(loan));
        self.serve(&pool.key);
        Ok(Reply::Borrowed { until })
    }

    pub fn return_loan(&mut self, loan: LoanKey) -> Result<Reply, Refusal> {
        let lent = self.grants.iter().find(|grant| grant.loan == Some(loan)).cloned();
        let lent = lent.ok_or(Refusal::NoSuchLoan)?;
        let pool = self.pool(&lent.pool).unwrap().clone();
        let windows =
            lent.since.plus_seconds(pool.hold_seconds).max(self.now.plus_seconds(pool.linger_seconds));
        let until = windows.min(lent.until.unwrap());
        if until <= self.now {
            self.free(lent.id);
            return Ok(Reply::CheckedIn { held_until: None });
        }
        let grant = self.grants.iter_mut().find(|grant| grant.id == lent.id).unwrap();
        (grant.until, grant.loan) = (Some(until), None);
        self.serve(&pool.key);
        Ok(Reply::CheckedIn { held_until: Some(until) })
    }
}
