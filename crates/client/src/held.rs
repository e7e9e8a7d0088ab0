//! A grant in this process's hands: whether it may be used now, and what is to be told of it. Asks nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use grantor_api::checkout::Grant;

use crate::boot::Boot;
use crate::event::Event;
use crate::silence::Silence;
use crate::vital::Vital;

/// A grant that this process holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) grant: u64,
    pub(crate) feature: String,
    pub(crate) version: String,
    pub(crate) count: u32,
    /// `None`: the client's grace.
    pub(crate) silence: Option<Silence>,
    grace: Duration,
    vital: Arc<Vital>,
    valid: AtomicBool,
    /// What the application was told since the server fell silent: 1 = do less with them, 2 = nothing.
    told: AtomicU8,
}

impl Held {
    pub(crate) fn new(grant: &Grant, silence: Option<Silence>, grace: Duration, vital: Arc<Vital>) -> Self {
        Self {
            grant: grant.grant,
            feature: grant.feature.to_string(),
            version: grant.version.clone(),
            count: grant.count,
            silence,
            grace,
            vital,
            valid: AtomicBool::new(true),
            told: AtomicU8::new(0),
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Acquire)
            && self.vital.permits(self.silence.unwrap_or(Silence::KeepOn(self.grace)), Boot::now())
    }

    /// The server answers again.
    pub(crate) fn silence_is_over(&self) {
        self.told.store(0, Ordering::Release);
    }

    /// What the application is to be told of now that the server has been silent for so long.
    pub(crate) fn on_silence(&self, silence: Duration) -> Option<Event> {
        let (feature, count) = (self.feature.clone(), self.count);
        let (stage, event) = match self.silence? {
            Silence::Degrade { after, until } if silence >= after && silence < until => {
                (1, Event::Degraded { feature })
            }
            policy if policy.lasts().is_none_or(|lasts| silence >= lasts) => {
                (2, Event::Paused { feature, count })
            }
            _ => return None,
        };
        let is_new = self.told.fetch_max(stage, Ordering::AcqRel) < stage;
        is_new.then_some(event)
    }

    pub(crate) fn end(&self) {
        self.valid.store(false, Ordering::Release);
    }
}
