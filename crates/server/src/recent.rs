//! What happened lately, for the console: who was refused and why, what administrators did, and how use went. Every server
//! fills its own from what it applies, so they agree but for their start. In memory and bounded: the log has the rest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use grantor_api::Problem;
use grantor_site::command::EndReason;
use grantor_site::event::RevokeReason;
use grantor_site::pool::FeatureKey;
use grantor_site::{Event, Site, Timestamp};

use crate::eventlog;

/// Refusals and acts that are kept, each.
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

/// Something that an administrator did.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) what: String,
}

#[derive(Default)]
struct Kept {
    refused: VecDeque<Refused>,
    acts: VecDeque<Act>,
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
        } else if let Some((by, what)) = act(event) {
            push(&mut self.kept().acts, Act { at, by, what }, KEPT);
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

    /// The latest acts first.
    pub(crate) fn acts(&self) -> Vec<Act> {
        self.kept().acts.iter().rev().cloned().collect()
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

/// Who did what; `None` for what nobody did.
fn act(event: &Event) -> Option<(String, String)> {
    let unknown = || "a server".to_owned();
    let act = match event {
        Event::FileLoaded { tenant, name, .. } => {
            (unknown(), format!("license file {name} of {tenant} loaded"))
        }
        Event::FileRemoved { tenant, name, by, .. } => {
            (by.clone(), format!("license file {name} of {tenant} removed"))
        }
        Event::AdministratorCreated { name } => (name.clone(), "became the first administrator".to_owned()),
        Event::TokenAdded { name, by, .. } => (by.clone(), format!("access token “{name}” made")),
        Event::TokenRevoked { name, by } => (by.clone(), format!("access token “{name}” revoked")),
        Event::PersonAdded { name, by, .. } => (by.clone(), format!("{name} invited")),
        Event::PersonChanged { name, what, by } => {
            (by.clone(), format!("{name}: {}", eventlog::person_text(what)))
        }
        Event::PersonRemoved { name, by } => (by.clone(), format!("{name} removed")),
        Event::SignedIn { name, means, from } => {
            (name.clone(), format!("signed in from {from} by {}", crate::http::means(means)))
        }
        Event::ViolationCleared { violation, by: Some(by), .. } => {
            (by.clone(), format!("violation {} ({}) dismissed", violation.number, violation.breach.kind()))
        }
        Event::DirectoryChanged { tenant, changes, by } => {
            (by.clone(), format!("{} changes of who may use what in {tenant}", changes.len()))
        }
        Event::Revoked { grant, why: why @ RevokeReason::Removed { by, .. } } => {
            let text = eventlog::revoke_text(why);
            (by.clone(), format!("took {} from {}: {text}", grant.feature, grant.who.user()))
        }
        Event::SessionEnded { who, why: EndReason::Removed { by, reason }, .. } => {
            (by.clone(), format!("ended a session of {}: {reason}", who.user()))
        }
        _ => return None,
    };
    Some(act)
}
