//! Notices of days to come and days gone by: at so many days before and after lines end. Each such instant is passed once in the
//! site's time, so each notice is made once, without a list of those made. What ends and is replaced at the same instant by as
//! many seats is not told of, nor, on the days after, what was bought anew since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use grantor_license::{Count, LicenseState, Offer};

use super::{About, Ended, Loss, NoticePlan};
use crate::Site;
use crate::command::LoadedLine;
use crate::time::Timestamp;
use crate::timers::Due;

const DAY: i64 = 24 * 60 * 60 * 1000;

fn days_before(ends: Timestamp, days: u16) -> Timestamp {
    Timestamp(ends.0.saturating_sub(i64::from(days) * DAY))
}

fn days_after(ends: Timestamp, days: u16) -> Timestamp {
    Timestamp(ends.0.saturating_add(i64::from(days) * DAY))
}

/// Seats by folded feature name: how it is spelled, and how many; `None` = uncounted.
type Seats = BTreeMap<String, (Arc<str>, Option<u32>)>;

fn is_fewer(to: Option<u32>, from: Option<u32>) -> bool {
    match (to, from) {
        (Some(to), Some(from)) => to < from,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

impl Site {
    fn days_of(&self, tenant: &Arc<str>) -> Option<NoticePlan> {
        let rules = self.notices.rules.as_ref()?;
        Some(rules.of(Some(tenant)).clone())
    }

    fn ends_of(&self, tenant: &Arc<str>) -> BTreeSet<Timestamp> {
        let files = self.files.iter().filter(|((of, _), _)| of == tenant).map(|(_, file)| file);
        files.flat_map(|file| &file.lines).filter_map(|line| line.ends).collect()
    }

    /// Those that have license files, or had some that ended.
    fn tenants_with_days(&self) -> BTreeSet<Arc<str>> {
        let ended = self.notices.ended.keys().map(|(tenant, _)| tenant.clone());
        self.files.keys().map(|(tenant, _)| tenant.clone()).chain(ended).collect()
    }

    /// Wakes the site when the next notice is due.
    pub(crate) fn schedule_notices(&mut self) {
        if self.notices.due.is_some_and(|due| due <= self.now) {
            // It is this very instant's turn, and that one schedules the next.
            return;
        }
        let gathered = self.notices.gathered.values().map(|one| one.until).min();
        let dates = self.tenants_with_days().iter().filter_map(|tenant| self.next_date(tenant)).min();
        let next = gathered.into_iter().chain(dates).min();
        if let Some(before) = std::mem::replace(&mut self.notices.due, next) {
            self.timers.remove(before, Due::Notices);
        }
        if let Some(at) = next {
            self.timers.add(at, Due::Notices);
        }
    }

    fn next_date(&self, tenant: &Arc<str>) -> Option<Timestamp> {
        let days = self.days_of(tenant)?;
        let before = self.ends_of(tenant).into_iter().flat_map(|ends| {
            let before = days.before.iter().map(move |days| days_before(ends, *days));
            before.chain([ends])
        });
        let after = self
            .ended_of(tenant)
            .into_iter()
            .flat_map(|(ended, _)| days.after.iter().map(move |days| days_after(ended, *days)));
        before.chain(after).filter(|at| *at > self.now).min()
    }

    /// The instant that was waited for has come.
    pub(crate) fn notices_due(&mut self) {
        self.notices.due = None;
        self.tell_of_gathered();
        for tenant in self.tenants_with_days() {
            let Some(days) = self.days_of(&tenant) else { continue };
            self.tell_of_endings(&tenant, &days);
            self.remember_what_ends(&tenant);
            self.tell_of_ended(&tenant, &days);
        }
        self.schedule_notices();
    }

    fn tell_of_endings(&mut self, tenant: &Arc<str>, days: &NoticePlan) {
        for ends in self.ends_of(tenant) {
            let due = days.before.iter().find(|days| days_before(ends, **days) == self.now);
            let losses = due.map(|_| self.losses(tenant, ends)).unwrap_or_default();
            if let Some(days) = due.filter(|_| !losses.is_empty()) {
                let (tenant, inactive) = (tenant.clone(), self.is_inactive(tenant, ends));
                self.announce(About::Ending { tenant, ends, days: *days, inactive, losses });
            }
        }
    }

    /// What ends now is compared with what there is on the days after it.
    fn remember_what_ends(&mut self, tenant: &Arc<str>) {
        let now = self.now;
        if self.ends_of(tenant).contains(&now) {
            let ended = Ended { inactive: self.is_inactive(tenant, now), losses: self.losses(tenant, now) };
            if !ended.losses.is_empty() {
                self.notices.ended.insert((tenant.clone(), now), ended);
            }
        }
    }

    fn tell_of_ended(&mut self, tenant: &Arc<str>, days: &NoticePlan) {
        for (ended, what) in self.ended_of(tenant) {
            let due = days.after.iter().find(|days| days_after(ended, **days) == self.now);
            let losses = self.still_lost(tenant, &what.losses);
            if let Some(days) = due.filter(|_| !losses.is_empty()) {
                let (tenant, inactive) = (tenant.clone(), what.inactive);
                self.announce(About::Ended { tenant, ended, days: *days, inactive, losses });
            }
            if days.after.iter().all(|days| days_after(ended, *days) <= self.now) {
                self.notices.ended.remove(&(tenant.clone(), ended));
            }
        }
    }

    fn ended_of(&self, tenant: &Arc<str>) -> Vec<(Timestamp, Ended)> {
        let ended = self.notices.ended.iter().filter(|((of, _), _)| of == tenant);
        ended.map(|((_, at), what)| (*at, what.clone())).collect()
    }

    /// Features that have fewer seats from `ends` on.
    fn losses(&self, tenant: &Arc<str>, ends: Timestamp) -> Vec<Loss> {
        let lines = self.lines_of(tenant);
        let (until, from) = (seats(&lines, Timestamp(ends.0.saturating_sub(1))), seats(&lines, ends));
        let left = |name: &str| from.get(name).map_or(Some(0), |(_, seats)| *seats);
        let lost = until.iter().filter(|(name, (_, before))| is_fewer(left(name), *before));
        lost.map(|(name, (feature, from))| Loss { feature: feature.clone(), from: *from, to: left(name) })
            .collect()
    }

    /// What of it was not bought anew since.
    fn still_lost(&self, tenant: &Arc<str>, losses: &[Loss]) -> Vec<Loss> {
        let now = seats(&self.lines_of(tenant), self.now);
        let left = |feature: &str| now.get(&feature.to_lowercase()).map_or(Some(0), |(_, seats)| *seats);
        let now = losses.iter().map(|loss| Loss { to: left(&loss.feature), ..loss.clone() });
        now.filter(|loss| is_fewer(loss.to, loss.from)).collect()
    }

    /// Whether what ends then does so because it was never activated.
    fn is_inactive(&self, tenant: &Arc<str>, ends: Timestamp) -> bool {
        let files = self.files.iter().filter(|((of, _), _)| of == tenant).map(|(_, file)| file);
        files.into_iter().any(|file| {
            let of_inactive = |line: &LoadedLine| {
                let license = file.licenses.iter().find(|license| license.lrn == line.offer.lrn);
                license.is_some_and(|license| license.state == LicenseState::Inactive)
            };
            file.lines.iter().any(|line| line.ends == Some(ends) && of_inactive(line))
        })
    }
}

fn seats(lines: &[LoadedLine], at: Timestamp) -> Seats {
    let offers: Vec<Offer> = lines.iter().map(|line| line.offer.clone()).collect();
    let in_force = |i: usize| lines.get(i).is_some_and(|line| line.in_force(at));
    let mut seats = Seats::new();
    for pool in grantor_license::pools(&offers, &in_force).pools {
        let one = match pool.capacity {
            Count::Uncounted => None,
            Count::Counted(count) => Some(count),
        };
        let known = seats.entry(pool.feature.to_lowercase());
        let (_, sum) = known.or_insert_with(|| (pool.feature.as_str().into(), Some(0)));
        *sum = sum.zip(one).map(|(sum, one)| sum.saturating_add(one));
    }
    seats
}
