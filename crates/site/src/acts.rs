//! What people and programs did to the site, for its audit log: kept in the state, so it is the same on every server and outlives
//! restarts and leaders. The latest only; the servers' logs have the rest. Kept from the time on when the site has rules for
//! notices, as earlier formats of the state have no place for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Site;
use crate::command::EndReason;
use crate::event::{Event, RevokeReason};
use crate::time::Timestamp;

/// Acts that are kept.
const KEPT: usize = 5000;
/// Changes of one act that are kept to be shown.
const CHANGES: usize = 10;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// What; of many changes only the first.
    pub event: Event,
    /// Changes of the directory that it had, all of them counted.
    pub changes: u32,
}

/// The latest acts by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Acts {
    last: u64,
    kept: Arc<BTreeMap<u64, Arc<Act>>>,
}

impl Acts {
    pub(crate) fn is_empty(&self) -> bool {
        self.last == 0
    }

    fn add(&mut self, act: Act) {
        self.last += 1;
        let kept = Arc::make_mut(&mut self.kept);
        kept.insert(self.last, Arc::new(act));
        if kept.len() > KEPT {
            kept.pop_first();
        }
    }
}

/// Whether somebody did it: what the site did by itself, and what applications do all day, is no act.
fn is_act(event: &Event) -> bool {
    match event {
        Event::FileLoaded { .. }
        | Event::FileLoadedBy { .. }
        | Event::FileRemoved { .. }
        | Event::AdministratorCreated { .. }
        | Event::TokenAdded { .. }
        | Event::TokenRevoked { .. }
        | Event::DirectoryChanged { .. }
        | Event::PersonAdded { .. }
        | Event::PersonChanged { .. }
        | Event::PersonRemoved { .. }
        | Event::SignedIn { .. }
        | Event::ViolationCleared { by: Some(_), .. } => true,
        Event::Revoked { why, .. } => matches!(why, RevokeReason::Removed { .. }),
        Event::SessionEnded { why, .. } => matches!(why, EndReason::Removed { .. }),
        _ => false,
    }
}

/// What is kept of it.
fn shortened(event: &Event) -> (Event, u32) {
    match event.clone() {
        Event::DirectoryChanged { tenant, changes, by } => {
            let count = u32::try_from(changes.len()).unwrap_or(u32::MAX);
            let first = changes.iter().take(CHANGES).cloned().collect();
            (Event::DirectoryChanged { tenant, changes: Arc::new(first), by }, count)
        }
        Event::FileLoaded { tenant, name, digest, .. } => {
            (Event::FileLoaded { tenant, name, digest, changes: Vec::new() }, 0)
        }
        Event::FileRemoved { tenant, name, by, .. } => {
            (Event::FileRemoved { tenant, name, by, changes: Vec::new() }, 0)
        }
        event => (event, 0),
    }
}

impl Site {
    /// The latest acts, the oldest first.
    pub fn acts(&self) -> impl DoubleEndedIterator<Item = &Arc<Act>> {
        self.acts.kept.values()
    }

    /// Keeps what the entry at hand has brought about of them. Called at its end.
    pub(crate) fn note_acts(&mut self) {
        if self.notice_rules().is_none() {
            return;
        }
        let at = self.now;
        let act = |event: &Event| {
            let (event, changes) = shortened(event);
            Act { at, event, changes }
        };
        let acts: Vec<Act> = self.events().iter().filter(|event| is_act(event)).map(act).collect();
        acts.into_iter().for_each(|act| self.acts.add(act));
    }
}
