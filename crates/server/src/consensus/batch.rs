//! Batches: what one entry of the replicated log holds, and what came of it.
//! The commands are encoded once, when the batch is formed; log and peers get those same bytes.

use std::sync::Arc;

use grantor_site::{Command, Entry, Outcome, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_bytes::{ByteBuf, Bytes};

/// Commands that are agreed on together, and the one time that holds for all of them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    at: Timestamp,
    /// As the site takes them, so that applying copies nothing.
    entries: Vec<Entry>,
    encoded: Vec<u8>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { at: Timestamp(0), entries: Vec::new(), encoded: Vec::new() }
    }

    /// Adds a command, unless its encoding alone is longer than `max_bytes`.
    pub(crate) fn push(&mut self, command: Command, max_bytes: usize) -> Result<(), TooLarge> {
        let before = self.encoded.len();
        // Serialisation into memory does not fail for these types; if it did, nothing may be agreed on.
        let encoded =
            postcard::to_extend(&command, std::mem::take(&mut self.encoded)).map_err(|_| TooLarge)?;
        self.encoded = encoded;
        if self.encoded.len() - before > max_bytes {
            self.encoded.truncate(before);
            return Err(TooLarge);
        }
        self.entries.push(Entry { at: self.at, command });
        Ok(())
    }

    /// Gives the whole batch its time.
    pub(crate) fn stamp(&mut self, at: Timestamp) {
        self.at = at;
        self.entries.iter_mut().for_each(|entry| entry.at = at);
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Commands in it.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of the commands, encoded.
    pub(crate) fn bytes(&self) -> usize {
        self.encoded.len()
    }
}

/// A command that no batch can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.at, Bytes::new(&self.encoded)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (at, encoded) = <(Timestamp, ByteBuf)>::deserialize(deserializer)?;
        let encoded = encoded.into_vec();
        let (mut entries, mut rest) = (Vec::new(), encoded.as_slice());
        while !rest.is_empty() {
            let (command, after) = postcard::take_from_bytes(rest).map_err(de::Error::custom)?;
            entries.push(Entry { at, command });
            rest = after;
        }
        Ok(Self { at, entries, encoded })
    }
}

/// A batch that was agreed on and applied, in the order of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    /// Its index in the log.
    pub index: u64,
    /// The time that the leader gave it.
    pub at: Timestamp,
    /// What came of each command.
    pub outcomes: Vec<Outcome>,
}

impl Applied {
    /// What an entry without commands leads to.
    pub(crate) fn nothing(index: u64) -> Arc<Self> {
        Arc::new(Self { index, at: Timestamp(0), outcomes: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, open_for};
    use super::*;

    #[test]
    fn a_batch_is_the_same_after_a_round_trip() {
        let mut batch = Batch::new();
        for session in 0..100 {
            batch.push(open(session), 100).unwrap();
        }
        batch.stamp(Timestamp(17));
        let bytes = postcard::to_stdvec(&batch).unwrap();
        let read: Batch = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{batch:?}"));
        assert!(read.entries().iter().all(|entry| entry.at == Timestamp(17)));
        assert!(postcard::from_bytes::<Batch>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_command_too_large_for_any_batch_leaves_the_batch_as_it_was() {
        let mut batch = Batch::new();
        batch.push(open(1), 100).unwrap();
        let before = batch.bytes();
        assert_eq!(batch.push(open_for(&"long".repeat(100), 1), 100), Err(TooLarge));
        assert_eq!((batch.len(), batch.bytes()), (1, before));
    }
}
