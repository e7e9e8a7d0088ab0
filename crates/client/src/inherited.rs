//! What the instance's last run left behind: grants that wait to be asked for again, for a while.

use std::time::Duration;

use grantor_api::checkout::{CheckOut, Grant};
use grantor_api::session::Session;

use crate::boot::Boot;

#[derive(Debug, Default)]
pub(crate) struct Inherited {
    grants: Vec<Grant>,
    until: Option<Boot>,
}

impl Inherited {
    /// A fresh session holds nothing but what it inherits.
    pub(crate) fn new(opened: &Session, asked: Boot, adopt: Duration) -> Self {
        let grants = opened.grants.clone();
        let until = (!grants.is_empty()).then(|| Boot(asked.0.saturating_add(adopt)));
        Self { grants, until }
    }

    /// The grant that `ask` would get, if it is of those that were left. A sharing pair or a job asks for its own.
    pub(crate) fn adopt(&mut self, ask: &CheckOut, fits: impl Fn(&Grant) -> bool) -> Option<Grant> {
        if ask.share.is_some() || ask.reservation.is_some() {
            return None;
        }
        let found = self.grants.iter().position(|grant| is_asked(ask, grant) && fits(grant))?;
        Some(self.grants.remove(found))
    }

    /// The server took it away, or it was given back.
    pub(crate) fn forget(&mut self, grant: u64) {
        self.grants.retain(|left| left.grant != grant);
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.grants.iter().map(|grant| grant.grant)
    }

    /// What nobody asked for in time.
    pub(crate) fn leftovers(&mut self, now: Boot) -> Vec<u64> {
        if self.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        self.until = None;
        std::mem::take(&mut self.grants).into_iter().map(|grant| grant.grant).collect()
    }

    /// How long the rest still waits.
    pub(crate) fn left(&self, now: Boot) -> Option<Duration> {
        self.until.map(|until| until.since(now))
    }
}

fn is_asked(ask: &CheckOut, grant: &Grant) -> bool {
    let least = ask.at_least.unwrap_or(1);
    let counts = match (ask.up_to, ask.all) {
        (Some(most), _) => least..=most,
        (None, true) => least..=u32::MAX,
        (None, false) => ask.count.unwrap_or(1)..=ask.count.unwrap_or(1),
    };
    grant.feature.to_lowercase() == ask.feature.to_lowercase() && counts.contains(&grant.count)
}
