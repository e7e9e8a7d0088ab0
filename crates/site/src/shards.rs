//! Maps whose clone costs a pointer, so that a snapshot can be written and a page read while the state moves on
//! (design.md §4 and §5): what a write touches is copied, a few dozen entries at a time, and the rest stays shared. No
//! entry takes room beyond its own (reference/engine.md, choice 5). Knows nothing of what it stores; may not iterate in
//! random order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use triomphe::Arc;

/// Rows, and shards in a row: a clone that is written to copies two lists of so many pointers.
const SIDE: usize = 32;

/// Values in a chunk: what is copied at most when one of them is written to.
const CHUNK: usize = 64;

/// A key that says which shard it lives in.
pub(crate) trait Key: Ord + Copy {
    /// Any number that spreads well; the shard is its remainder.
    fn spread(self) -> u64;
}

/// Keys in order, and values in dense chunks in no order. A removed value's place is taken by the last one.
#[derive(Clone, Debug)]
struct Shard<K, V> {
    keys: Vec<K>,
    /// Where the value of the key at the same place stands.
    slots: Vec<u32>,
    chunks: Vec<Arc<Vec<V>>>,
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), slots: Vec::new(), chunks: Vec::new() }
    }
}

/// Makes room for one more, and for as many as an allocator's next size holds: these lie an eighth to a quarter apart.
/// Doubling would leave a quarter of the memory unused, and what lies between two sizes is lost.
fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        let (size, least) = (size_of::<T>().max(1), list.len().max(3) + 1);
        let bytes = least.saturating_mul(size);
        let step = (bytes.checked_next_power_of_two().unwrap_or(bytes) / 8).max(1);
        list.reserve_exact((bytes.next_multiple_of(step) / size).max(least) - list.len());
    }
}

impl<K: Key, V: Clone> Shard<K, V> {
    fn find(&self, key: K) -> Option<usize> {
        let place = self.keys.binary_search(&key).ok()?;
        Some(self.slots[place] as usize)
    }

    fn value(&self, slot: usize) -> &V {
        &self.chunks[slot / CHUNK][slot % CHUNK]
    }

    fn value_mut(&mut self, slot: usize) -> &mut V {
        &mut Arc::make_mut(&mut self.chunks[slot / CHUNK])[slot % CHUNK]
    }

    fn insert(&mut self, key: K, value: V) -> Option<V> {
        // A saved state is read in the order of its keys, a million of them.
        let is_last = self.keys.last().is_none_or(|last| *last < key);
        match if is_last { Err(self.keys.len()) } else { self.keys.binary_search(&key) } {
            Ok(place) => {
                let slot = self.slots[place] as usize;
                Some(std::mem::replace(self.value_mut(slot), value))
            }
            Err(place) => {
                grow(&mut self.keys);
                grow(&mut self.slots);
                self.slots.insert(place, self.keys.len() as u32);
                self.keys.insert(place, key);
                self.push(value);
                None
            }
        }
    }

    fn push(&mut self, value: V) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Arc::default());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            let chunk = Arc::make_mut(chunk);
            if chunk.len() == chunk.capacity() {
                chunk.reserve_exact(chunk.len().clamp(1, CHUNK - chunk.len()));
            }
            chunk.push(value);
        }
    }

    fn pop(&mut self) -> Option<V> {
        let chunk = Arc::make_mut(self.chunks.last_mut()?);
        let value = chunk.pop();
        if chunk.is_empty() {
            self.chunks.pop();
        }
        value
    }

    fn remove(&mut self, key: K) -> Option<V> {
        let place = self.keys.binary_search(&key).ok()?;
        self.keys.remove(place);
        let slot = self.slots.remove(place) as usize;
        let last = self.slots.len();
        if last * 2 + 8 < self.keys.capacity() {
            self.keys.shrink_to(last + last / 4);
            self.slots.shrink_to(last + last / 4);
        }
        let moved = self.pop()?;
        if slot == last {
            return Some(moved);
        }
        if let Some(place) = self.slots.iter().rposition(|other| *other as usize == last) {
            self.slots[place] = slot as u32;
        }
        Some(std::mem::replace(self.value_mut(slot), moved))
    }

    fn at(&self, place: usize) -> Option<(K, &V)> {
        Some((*self.keys.get(place)?, self.value(*self.slots.get(place)? as usize)))
    }
}

type Row<K, V> = [Arc<Shard<K, V>>; SIDE];

/// A map from ids to values whose clone shares everything until one side writes.
#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V> {
    rows: Arc<[Arc<Row<K, V>>; SIDE]>,
    len: usize,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let shard = Arc::new(Shard::default());
        let row = Arc::new(std::array::from_fn(|_| shard.clone()));
        Self { rows: Arc::new(std::array::from_fn(|_| row.clone())), len: 0 }
    }
}

impl<K: Key, V: Clone> Shards<K, V> {
    fn at(key: K) -> (usize, usize) {
        let at = (key.spread() % (SIDE * SIDE) as u64) as usize;
        (at / SIDE, at % SIDE)
    }

    fn shard(&self, key: K) -> &Shard<K, V> {
        let (row, column) = Self::at(key);
        &self.rows[row][column]
    }

    fn shard_mut(&mut self, key: K) -> &mut Shard<K, V> {
        let (row, column) = Self::at(key);
        Arc::make_mut(&mut Arc::make_mut(&mut Arc::make_mut(&mut self.rows)[row])[column])
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let shard = self.shard(key);
        Some(shard.value(shard.find(key)?))
    }

    /// The value under `key`, to change; copies its chunk if a clone still shares it.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let slot = self.shard(key).find(key)?;
        Some(self.shard_mut(key).value_mut(slot))
    }

    /// Whether there is a value under `key`.
    pub(crate) fn contains(&self, key: K) -> bool {
        self.shard(key).find(key).is_some()
    }

    /// Puts `value` under `key` and returns what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let old = self.shard_mut(key).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes out what is under `key`.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        if !self.contains(key) {
            return None;
        }
        let old = self.shard_mut(key).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    /// A number that the keys of one shard have in common: who goes by it finds a shard's entries near each other.
    pub(crate) fn neighbourhood(key: K) -> usize {
        let (row, column) = Self::at(key);
        row * SIDE + column
    }

    /// Changes every value, in no telling order.
    pub(crate) fn for_each_mut(&mut self, mut change: impl FnMut(&mut V)) {
        for row in Arc::make_mut(&mut self.rows) {
            for shard in Arc::make_mut(row) {
                for chunk in &mut Arc::make_mut(shard).chunks {
                    Arc::make_mut(chunk).iter_mut().for_each(&mut change);
                }
            }
        }
    }

    fn shards(&self) -> impl Iterator<Item = &Shard<K, V>> {
        self.rows.iter().flat_map(|row| row.iter().map(|shard| &**shard))
    }

    /// Every entry, shard by shard: the same order on every server, but not the order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.shards().flat_map(|shard| (0..shard.keys.len()).filter_map(|place| shard.at(place)))
    }

    /// Every entry in the order of the keys, without a list of all of them.
    fn in_order(&self) -> impl Iterator<Item = (K, &V)> {
        let shards: Vec<_> = self.shards().collect();
        let first = |(at, shard): (usize, &&Shard<K, V>)| Some(Reverse((*shard.keys.first()?, at, 0)));
        let mut next: BinaryHeap<_> = shards.iter().enumerate().filter_map(first).collect();
        std::iter::from_fn(move || {
            let mut least = next.peek_mut()?;
            let Reverse((_, at, place)) = *least;
            match shards[at].keys.get(place + 1) {
                Some(key) => *least = Reverse((*key, at, place + 1)),
                None => drop(PeekMut::pop(least)),
            }
            shards[at].at(place)
        })
    }
}

impl<K: Key + Serialize, V: Clone + Serialize> Serialize for Shards<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len))?;
        self.in_order().try_for_each(|entry| list.serialize_element(&entry))?;
        list.end()
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Key + Deserialize<'de>, V: Clone + Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = Shards<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with their values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shards<K, V>, A::Error> {
        let mut shards = Shards::default();
        while let Some((key, value)) = list.next_element()? {
            shards.insert(key, value);
        }
        Ok(shards)
    }
}

impl<'de, K: Key + Deserialize<'de>, V: Clone + Deserialize<'de>> Deserialize<'de> for Shards<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

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

    proptest! {
        /// Keys that fall into three shards, so that chunks fill, empty and are taken over.
        #[test]
        fn it_is_a_map_and_is_saved_in_the_order_of_its_keys(
            steps in prop::collection::vec((0u64..600, prop::option::weighted(0.6, 0u32..9)), 0..1500)
        ) {
            let (mut shards, mut map) = (Shards::default(), BTreeMap::new());
            let mut copies = Vec::new();
            for (number, (key, value)) in steps.into_iter().enumerate() {
                let key = key / 3 * 1024 + key % 3;
                match value {
                    Some(value) => prop_assert_eq!(shards.insert(key, value), map.insert(key, value)),
                    None => prop_assert_eq!(shards.remove(key), map.remove(&key)),
                }
                if let (Some(one), Some(other)) = (shards.get_mut(key), map.get_mut(&key)) {
                    (*one, *other) = (*one + 1, *other + 1);
                }
                if number % 400 == 0 {
                    copies.push((shards.clone(), map.clone()));
                }
            }
            shards.for_each_mut(|value| *value += 1);
            map.values_mut().for_each(|value| *value += 1);
            copies.push((shards, map));
            for (shards, map) in copies {
                prop_assert_eq!(shards.len(), map.len());
                prop_assert!(shards.in_order().eq(map.iter().map(|(key, value)| (*key, value))));
                let saved = postcard::to_stdvec(&shards).unwrap();
                let entries: Vec<(u64, u32)> = postcard::from_bytes(&saved).unwrap();
                prop_assert!(entries.into_iter().eq(map));
                let read: Shards<u64, u32> = postcard::from_bytes(&saved).unwrap();
                prop_assert!(read.iter().eq(shards.iter()));
            }
        }
    }
}
