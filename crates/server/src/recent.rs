//! What happened lately, for the console: who was refused and why, and how use went. Every server
//! fills its own from what it applies, so they agree but for their start. In memory and bounded: the log has the rest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use grantor_api::Problem;
use grantor_site::pool::FeatureKey;
use grantor_site::{Event, Site, Timestamp};

/// Refusals that are kept.
const KEPT: usize = 500;
/// Samples of use: an hour's.
const SAMPLES: usize = 360;
/// Features whose use is sampled, at most.
const SAMPLED: usize = 500;
/// Milliseconds between two samples.
pub(crate) const SAMPLE: u64 = 10_000;

/// Somebody who did not get a seat, or could not log on.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) at: Timestamp,
    pub(crate) tenant: String,
    pub(crate) user: String,
    pub(crate) host: String,
    /// What was asked for, with its version.
    pub(crate) feature: String,
    /// Why, who held the seats, and what would have helped.
    pub(crate) why: Problem,
}

#[derive(Default)]
struct Kept {
    refused: VecDeque<Refused>,
    used: BTreeMap<FeatureKey, VecDeque<u32>>,
    sampled: Timestamp,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

fn push<T>(list: &mut VecDeque<T>, one: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(one);
}

impl Recent {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what happened.
    pub(crate) fn note(&self, event: &Event, at: Timestamp) {
        if let Some(refused) = refused(event, at) {
            push(&mut self.kept().refused, refused, KEPT);
        }
    }

    /// Takes a sample of what is in use, if it is time for one.
    pub(crate) fn sample(&self, site: &Site, now: Timestamp) {
        let mut kept = self.kept();
        if now.millis_since(kept.sampled) < SAMPLE {
            return;
        }
        kept.sampled = now;
        let features = &site.index().features;
        kept.used.retain(|key, _| features.contains_key(key));
        for key in features.keys().take(SAMPLED) {
            let used = site.pools_and_remnants(key).map(|pool| pool.used).fold(0, u32::saturating_add);
            push(kept.used.entry(key.clone()).or_default(), used, SAMPLES);
        }
    }

    /// The latest refusals first.
    pub(crate) fn refused(&self) -> Vec<Refused> {
        self.kept().refused.iter().rev().cloned().collect()
    }

    /// What was in use every ten seconds, the latest last.
    pub(crate) fn used(&self, key: &FeatureKey) -> Vec<u32> {
        self.kept().used.get(key).into_iter().flatten().copied().collect()
    }
}

fn refused(event: &Event, at: Timestamp) -> Option<Refused> {
    let (tenant, who, feature, refusal) = match event {
        Event::Denied { tenant, who, feature, version, refusal, .. } => {
            (tenant, who, format!("{feature} {version}"), refusal)
        }
        Event::LogOnRefused { tenant, who, refusal, .. } => (tenant, who, "log-on".to_owned(), refusal),
        _ => return None,
    };
    Some(Refused {
        at,
        tenant: tenant.to_string(),
        user: who.user().to_owned(),
        host: who.host().to_owned(),
        feature,
        why: crate::http::problem(refusal.clone()),
    })
}
