//! A map in copy-on-write shards: cloning it costs a thousand reference counts, so a snapshot or a status page never
//! stops `apply` (reference/engine.md, choice 5). Knows nothing of what it stores; may not iterate in random order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many that copying one shard of a million entries takes microseconds.
const SHARDS: usize = 1024;

/// A key that says which shard it lives in.
pub(crate) trait Key: Ord + Copy {
    /// Any number that spreads well; the shard is its remainder.
    fn spread(self) -> u64;
}

/// A map from ids to values whose clone shares everything until one side writes.
#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V> {
    shards: Vec<Arc<BTreeMap<K, V>>>,
    len: usize,
}

impl<K: Key, V: Clone> Default for Shards<K, V> {
    fn default() -> Self {
        Self { shards: vec![Arc::default(); SHARDS], len: 0 }
    }
}

impl<K: Key, V: Clone> Shards<K, V> {
    fn at(key: K) -> usize {
        (key.spread() % SHARDS as u64) as usize
    }

    fn shard(&self, key: K) -> Option<&BTreeMap<K, V>> {
        self.shards.get(Self::at(key)).map(Arc::as_ref)
    }

    fn shard_mut(&mut self, key: K) -> Option<&mut BTreeMap<K, V>> {
        self.shards.get_mut(Self::at(key)).map(Arc::make_mut)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.shard(key)?.get(&key)
    }

    /// The value under `key`, to change; copies its shard if a clone still shares it.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        if self.shard(key)?.contains_key(&key) { self.shard_mut(key)?.get_mut(&key) } else { None }
    }

    /// Whether there is a value under `key`.
    pub(crate) fn contains(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// Puts `value` under `key` and returns what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let old = self.shard_mut(key)?.insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes out what is under `key`.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        if !self.contains(key) {
            return None;
        }
        let old = self.shard_mut(key)?.remove(&key);
        self.len -= usize::from(old.is_some());
        old
    }

    /// Every entry, shard by shard: the same order on every server, but not the order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter().map(|(key, value)| (*key, value)))
    }
}

impl<K: Key + Serialize, V: Clone + Serialize> Serialize for Shards<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(entries)
    }
}

impl<'de, K: Key + Deserialize<'de>, V: Clone + Deserialize<'de>> Deserialize<'de> for Shards<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries: Vec<(K, V)> = Vec::deserialize(deserializer)?;
        let mut shards = Self::default();
        for (key, value) in entries {
            shards.insert(key, value);
        }
        Ok(shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Key for u64 {
        fn spread(self) -> u64 {
            self
        }
    }

    #[test]
    fn a_clone_keeps_what_was_there_when_the_original_changes() {
        let mut shards = Shards::default();
        shards.insert(1u64, "one");
        shards.insert(1025, "same shard");
        let before = shards.clone();
        shards.remove(1);
        shards.insert(1025, "changed");
        assert_eq!((before.get(1), before.get(1025), before.len()), (Some(&"one"), Some(&"same shard"), 2));
        assert_eq!((shards.get(1), shards.get(1025), shards.len()), (None, Some(&"changed"), 1));
    }
}
