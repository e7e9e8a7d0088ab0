//! Where each entry of the log lies on disk: the part of the log that readers share with the writer.
//! Nothing here writes.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::DiskFile;
use super::error::{Context, LogError};
use super::frame::{self, ITEM, Kind};
use super::segment::Segment;

/// An entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment's sequence number.
    pub(crate) segment: u64,
    /// Where the item starts in the file.
    pub(crate) offset: u64,
    /// Bytes of the payload.
    pub(crate) length: u32,
}

/// The indices that a log holds, and the rule for what may follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Span {
    first: u64,
    end: u64,
}

impl Span {
    pub(crate) fn range(&self) -> Range<u64> {
        self.first..self.end
    }

    /// Adds the next entry; `false` if it would leave a gap. The first entry of an empty log may have any
    /// index that was not purged.
    #[must_use]
    pub(crate) fn push(&mut self, index: u64) -> bool {
        let empty = self.first == self.end;
        let fits = if empty { index >= self.first } else { index == self.end };
        if fits {
            self.first = if empty { index } else { self.first };
            self.end = index + 1;
        }
        fits
    }

    /// Drops the entries from `index` on.
    pub(crate) fn truncate_from(&mut self, index: u64) {
        self.end = self.end.min(index);
        // Below `first` only while old segments are replayed whose forerunners are gone.
        self.first = self.first.min(self.end);
    }

    /// Drops the entries before `next`.
    pub(crate) fn purge_before(&mut self, next: u64) {
        self.first = self.first.max(next);
        self.end = self.end.max(next);
    }
}

/// The entries that the log holds: consecutive, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Index {
    span: Span,
    places: VecDeque<Place>,
    files: VecDeque<(u64, PathBuf, Arc<dyn DiskFile>)>,
}

impl Index {
    /// The held indices. An empty log starts where it was purged to.
    pub(crate) fn range(&self) -> Range<u64> {
        self.span.range()
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Adds the next entry; `false` if it would leave a gap.
    #[must_use]
    pub(crate) fn push(&mut self, index: u64, place: Place) -> bool {
        let fits = self.span.push(index);
        if fits {
            self.places.push_back(place);
        }
        fits
    }

    /// Drops the entries from `index` on.
    pub(crate) fn truncate_from(&mut self, index: u64) {
        self.span.truncate_from(index);
        self.places.truncate(self.held());
    }

    /// Drops the entries before `next`.
    pub(crate) fn purge_before(&mut self, next: u64) {
        self.span.purge_before(next);
        let dropped = self.places.len().saturating_sub(self.held());
        self.places.drain(..dropped);
    }

    fn held(&self) -> usize {
        (self.span.end - self.span.first) as usize
    }

    pub(crate) fn add_segment(&mut self, segment: &Segment) {
        self.files.push_back((segment.header.sequence, segment.path.clone(), segment.file.clone()));
    }

    pub(crate) fn remove_segment(&mut self, sequence: u64) {
        self.files.retain(|(held, ..)| *held != sequence);
    }

    /// Where to read the held part of `wanted`, up to `max_bytes` but at least one entry.
    pub(crate) fn find(&self, wanted: Range<u64>, max_bytes: u64) -> Vec<Reading> {
        let held = self.range();
        let mut budget = max_bytes;
        let wanted = wanted.start.max(held.start)..wanted.end.min(held.end);
        let places =
            wanted.filter_map(|index| Some((index, self.places.get((index - held.start) as usize)?)));
        let within = places.enumerate().take_while(|(position, (_, place))| {
            let fits = *position == 0 || u64::from(place.length) <= budget;
            budget = budget.saturating_sub(u64::from(place.length));
            fits
        });
        within.filter_map(|(_, (index, place))| self.reading(index, *place)).collect()
    }

    fn reading(&self, index: u64, place: Place) -> Option<Reading> {
        let (_, path, file) = self.files.iter().find(|(sequence, ..)| *sequence == place.segment)?;
        Some(Reading { index, place, path: path.clone(), file: file.clone() })
    }
}

/// One entry to be read, without holding the index. The open file outlives its removal from the folder.
#[derive(Debug)]
pub(crate) struct Reading {
    index: u64,
    place: Place,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl Reading {
    /// Reads the payload and checks it again: a disk may change bytes long after the log was opened.
    pub(crate) fn read(&self) -> Result<(u64, Vec<u8>), LogError> {
        let mut bytes = vec![0; ITEM + self.place.length as usize];
        self.file.read_at(&mut bytes, self.place.offset).context("read", &self.path)?;
        let sound = frame::item(&bytes, 0).is_some_and(|item| {
            (item.kind, item.index, item.payload.len()) == (Kind::Entry, self.index, bytes.len() - ITEM)
        });
        if !sound {
            let what = format!("entry {} does not match its checksum", self.index);
            return Err(LogError::damaged(&self.path, self.place.offset, what));
        }
        Ok((self.index, bytes.split_off(ITEM)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { segment: 1, offset: 128, length: 4 };

    #[test]
    fn an_index_holds_consecutive_entries_only() {
        let mut index = Index::default();
        assert!(index.push(5, PLACE) && index.push(6, PLACE));
        assert!(!index.push(6, PLACE) && !index.push(8, PLACE));
        index.truncate_from(6);
        assert_eq!(index.range(), 5..6);
        index.purge_before(9);
        assert_eq!(index.range(), 9..9);
        assert!(!index.push(8, PLACE) && index.push(9, PLACE));
    }
}
