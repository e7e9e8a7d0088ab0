//! What binds sessions and grants beyond the first format of the state: which session is an instance's, and which grant
//! came out of a reservation. Kept behind the rest of a snapshot, and only where there is any.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{GrantId, SessionId};
use crate::shards::{Key, Shards};

/// How many earlier sessions of an instance are remembered, against late retries of their opening.
const REMEMBERED: usize = 8;

/// An instance's name with its tenant and application, as a digest: names are long and there may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct InstanceId(u128);

impl InstanceId {
    pub(crate) fn new(tenant: &Arc<str>, application: &str, instance: &str) -> Self {
        let mut digest = Sha256::new_with_prefix(b"grantor instance v1");
        for part in [tenant, application, instance] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let digest: [u8; 32] = digest.finalize().into();
        Self(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl Key for InstanceId {
    fn spread(self) -> u64 {
        self.0 as u64
    }
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ties {
    pub(crate) instances: Shards<InstanceId, SessionId>,
    pub(crate) instance_of: Shards<SessionId, InstanceId>,
    /// Grants and the leases that they go back to.
    pub(crate) reserved: Shards<GrantId, SessionId>,
    /// The sessions that each instance had before; in a section of its own, which came later.
    #[serde(skip)]
    pub(crate) replaced: Replaced,
}

/// Sessions that a later one of the same instance took the place of, while the instance lives.
pub(crate) type Replaced = Shards<InstanceId, VecDeque<SessionId>>;

impl Ties {
    pub(crate) fn is_empty(&self) -> bool {
        self.instances.len() == 0 && self.instance_of.len() == 0 && self.reserved.len() == 0
    }

    /// The session is the instance's from now on.
    pub(crate) fn bind(&mut self, instance: InstanceId, session: SessionId) {
        if let Some(before) = self.instances.insert(instance, session) {
            self.instance_of.remove(before);
            let mut known = self.replaced.remove(instance).unwrap_or_default();
            if known.len() == REMEMBERED {
                known.pop_front();
            }
            known.push_back(before);
            self.replaced.insert(instance, known);
        }
        self.instance_of.insert(session, instance);
    }

    /// Whether a later session of the instance took this one's place.
    pub(crate) fn was_replaced(&self, instance: InstanceId, session: SessionId) -> bool {
        self.replaced.get(instance).is_some_and(|known| known.contains(&session))
    }

    /// The session ended.
    pub(crate) fn release(&mut self, session: SessionId) {
        if let Some(instance) = self.instance_of.remove(session) {
            self.instances.remove(instance);
            self.replaced.remove(instance);
        }
    }
}
