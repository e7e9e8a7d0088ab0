//! Standing breaches: each has a start, is told of once when it starts and once when it is cleared (07100, 07105).
//! Which breaches stand is decided by the modules that see them; this one keeps the book.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Site;
use crate::event::Event;
use crate::outcome::{Refusal, Reply};
use crate::pool::{FeatureKey, Pool};
use crate::time::Timestamp;

/// Most breaches of one kind that an application can cause by asking for nonsense.
const UNKNOWN_FEATURES: usize = 256;

/// What is breached, and by what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named for what they hold")]
pub enum Breach {
    /// Every line of a feature has run out.
    Expired { tenant: Arc<str>, feature: Arc<str> },
    /// A feature's pool holds more grants than seats, as it shrank.
    OverCapacity { tenant: Arc<str>, feature: Arc<str> },
    /// Somebody was refused as all seats were out.
    NoneLeft { tenant: Arc<str>, feature: Arc<str> },
    /// Somebody asked for a feature that no line names.
    UnknownFeature { tenant: Arc<str>, feature: Arc<str> },
    /// The leader's clock stood earlier than the site's.
    ClockSetBack { wall: Timestamp },
    /// The leader's clock stood later than the site's, and no other server's did.
    ClockSetAhead { wall: Timestamp },
}

impl Breach {
    /// The violation type as the log events spell it (seed 004, "GCTI_LICENSE_FAIL").
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "GLMR_LICENSE_EXPIRED",
            Self::OverCapacity { .. } => "GLMR_FEATURE_USAGE_LEVEL_EXCEEDED",
            Self::NoneLeft { .. } => "GLMR_LICENSE_NO_LICENSE_AVAILABLE",
            Self::UnknownFeature { .. } => "GLMR_FEATURE_NOT_FOUND",
            Self::ClockSetBack { .. } => "GLMR_CLOCK_SET_BACK",
            Self::ClockSetAhead { .. } => "GLMR_CLOCK_SET_AHEAD",
        }
    }

    /// The same breach however its feature is spelled: another file may spell it otherwise while the breach stands.
    fn folded(&self) -> Self {
        let mut folded = self.clone();
        match &mut folded {
            Self::Expired { feature, .. }
            | Self::OverCapacity { feature, .. }
            | Self::NoneLeft { feature, .. }
            | Self::UnknownFeature { feature, .. } => *feature = feature.to_lowercase().into(),
            Self::ClockSetBack { .. } | Self::ClockSetAhead { .. } => {}
        }
        folded
    }

    /// The feature it is about, if it is one of `tenant`'s.
    fn feature(&self, of: &Arc<str>) -> Option<FeatureKey> {
        match self {
            Self::Expired { tenant, feature }
            | Self::OverCapacity { tenant, feature }
            | Self::NoneLeft { tenant, feature }
            | Self::UnknownFeature { tenant, feature } => {
                (tenant == of).then(|| FeatureKey::new(tenant, feature))
            }
            Self::ClockSetBack { .. } | Self::ClockSetAhead { .. } => None,
        }
    }

    /// Whose licenses are breached; `None` = the clock is wrong.
    #[must_use]
    pub const fn tenant(&self) -> Option<&Arc<str>> {
        match self {
            Self::Expired { tenant, .. }
            | Self::OverCapacity { tenant, .. }
            | Self::NoneLeft { tenant, .. }
            | Self::UnknownFeature { tenant, .. } => Some(tenant),
            Self::ClockSetBack { .. } | Self::ClockSetAhead { .. } => None,
        }
    }

    /// Whether it is a wall clock that is wrong.
    #[must_use]
    pub const fn is_clock(&self) -> bool {
        matches!(self, Self::ClockSetBack { .. } | Self::ClockSetAhead { .. })
    }
}

/// A breach that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Its number, given once.
    pub number: u64,
    /// What is breached.
    pub breach: Breach,
    /// Since when.
    pub since: Timestamp,
}

/// Every standing breach.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Violations {
    last: u64,
    /// By the breach with its feature folded.
    standing: BTreeMap<Breach, Violation>,
}

impl Violations {
    /// Every standing breach, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.standing.values()
    }

    /// Whether this breach stands.
    #[must_use]
    pub fn stands(&self, breach: &Breach) -> bool {
        self.standing.contains_key(&breach.folded())
    }

    pub(crate) fn start(&mut self, breach: Breach, now: Timestamp) -> Option<Violation> {
        if self.stands(&breach) || self.is_flood(&breach) {
            return None;
        }
        self.last += 1;
        let folded = breach.folded();
        let violation = Violation { number: self.last, breach, since: now };
        self.standing.insert(folded, violation.clone());
        Some(violation)
    }

    pub(crate) fn clear(&mut self, breach: &Breach) -> Option<Violation> {
        self.standing.remove(&breach.folded())
    }

    pub(crate) fn number(&self, number: u64) -> Option<&Violation> {
        self.iter().find(|violation| violation.number == number)
    }

    fn is_flood(&self, breach: &Breach) -> bool {
        let unknown = |breach: &Breach| matches!(breach, Breach::UnknownFeature { .. });
        unknown(breach) && self.standing.keys().filter(|other| unknown(other)).count() >= UNKNOWN_FEATURES
    }
}

impl Site {
    pub(crate) fn start_violation(&mut self, breach: Breach) {
        if let Some(violation) = self.violations.start(breach, self.now) {
            self.tell(Event::ViolationStarted(violation));
        }
    }

    pub(crate) fn clear_violation(&mut self, breach: &Breach, by: Option<&str>) {
        if let Some(violation) = self.violations.clear(breach) {
            self.tell(Event::ViolationCleared { violation, cleared: self.now, by: by.map(str::to_owned) });
        }
    }

    /// Sees what is breached for one feature now. Called after every release, so it does nothing when nothing stands.
    pub(crate) fn review_violations(&mut self, key: &FeatureKey) {
        let known = self.index.features.get(key);
        let over = self.pools_and_remnants(key).any(Pool::is_over);
        let free = self.pools_of(key).any(|pool| pool.free() > 0);
        let ran_out = known.is_some_and(|known| known.has_run_out(self.now));
        let breaches =
            |breach: fn(Arc<str>, Arc<str>) -> Breach| breach(key.tenant.clone(), self.spelled(key));
        let judged = [
            (breaches(|tenant, feature| Breach::OverCapacity { tenant, feature }), over),
            (breaches(|tenant, feature| Breach::Expired { tenant, feature }), ran_out),
        ];
        let none_left = breaches(|tenant, feature| Breach::NoneLeft { tenant, feature });
        for (breach, stands) in judged {
            if stands {
                self.start_violation(breach);
            } else {
                self.clear_violation(&breach, None);
            }
        }
        if free || ran_out || !self.is_loaded(key) {
            self.clear_violation(&none_left, None);
        }
    }

    /// Sees what is breached for a tenant after its files or dates changed.
    pub(crate) fn review_tenant(&mut self, tenant: &Arc<str>) {
        let mut keys: BTreeSet<FeatureKey> =
            self.index.features.keys().filter(|key| key.tenant == *tenant).cloned().collect();
        for violation in self.violations.iter() {
            keys.extend(violation.breach.feature(tenant));
        }
        for key in keys {
            self.review_violations(&key);
            if self.is_loaded(&key) {
                let (tenant, feature) = (key.tenant.clone(), key.feature.clone());
                self.clear_violation(&Breach::UnknownFeature { tenant, feature }, None);
            }
        }
    }

    /// One breach of a kind stands at a time, however far the clock goes on to move.
    pub(crate) fn report_clock(&mut self, breach: Breach) -> Result<Reply, Refusal> {
        if !self.violations.iter().any(|violation| violation.breach.kind() == breach.kind()) {
            self.start_violation(breach);
        }
        Ok(Reply::Done)
    }

    pub(crate) fn confirm_clock(&mut self, by: &str) -> Result<Reply, Refusal> {
        let standing = self.violations.iter().map(|violation| &violation.breach);
        let breaches: Vec<Breach> = standing.filter(|breach| breach.is_clock()).cloned().collect();
        if breaches.is_empty() {
            return Err(Refusal::ClockNotAccused);
        }
        breaches.iter().for_each(|breach| self.clear_violation(breach, Some(by)));
        Ok(Reply::Done)
    }

    pub(crate) fn dismiss_violation(&mut self, number: u64, by: &str) -> Result<Reply, Refusal> {
        let breach = self.violations.number(number).map(|violation| violation.breach.clone());
        let breach = breach.ok_or(Refusal::NoSuchViolation)?;
        self.clear_violation(&breach, Some(by));
        // What is still so starts anew: it can be seen to, not wished away.
        if let Breach::Expired { tenant, feature } | Breach::OverCapacity { tenant, feature } = &breach {
            self.review_violations(&FeatureKey::new(tenant, feature));
        }
        Ok(Reply::Done)
    }
}
