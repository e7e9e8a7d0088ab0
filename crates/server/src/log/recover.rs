//! Opening what an earlier run left behind: every byte is either accounted for or named in an error.
//! Only a write that was never acknowledged may be dropped, and never silently.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::error::{Context, LogError};
use super::folder::{self, ClusterId};
use super::frame::{self, Found, Item, Kind};
use super::index::{Index, Place};
use super::segment::{self, HEADER, Header, Segment};

/// A write that a power cut stopped; nobody was told that it had happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The newest segment.
    pub file: PathBuf,
    /// Where the last whole write ends.
    pub offset: u64,
    /// Bytes from there to the last one that is not zero.
    pub dropped: u64,
}

/// The log as found on disk.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) segments: Vec<Segment>,
    pub(crate) index: Index,
    pub(crate) meta: Meta,
    pub(crate) torn: Option<TornTail>,
}

/// The caller's small durable state, and up to where entries are purged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Entries before this index are gone.
    pub purged_before: u64,
    /// Whatever the caller wants to find again; kept as it is.
    pub state: Vec<u8>,
}

/// Reads all segments in `dir`.
pub(crate) fn recover(disk: &dyn Disk, dir: &Path, cluster: ClusterId) -> Result<Recovered, LogError> {
    // The same goes for names: of a segment that was just put there, for one.
    folder::sync_dir(disk, dir)?;
    let paths = list(disk, dir)?;
    let mut recovered = Recovered::default();
    let mut seen_meta = false;
    for (position, path) in paths.iter().enumerate() {
        let newest = position + 1 == paths.len();
        recovered.add(disk, path, cluster, newest, &mut seen_meta)?;
    }
    recovered.check_start()?;
    Ok(recovered)
}

/// Segment files, oldest first. A blank that never got its name is no segment; the next one replaces it.
fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, LogError> {
    let mut paths = disk.list(dir).context("list folder", dir)?;
    paths.retain(|path| segment::parse_name(path).is_some());
    paths.sort();
    Ok(paths)
}

impl Recovered {
    fn add(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        cluster: ClusterId,
        newest: bool,
        seen_meta: &mut bool,
    ) -> Result<(), LogError> {
        let file = disk.open(path).context("open", path)?;
        let bytes = disk.read(path).context("read", path)?;
        let header = self.check_header(&bytes, path, cluster)?;
        let mut segment = open_segment(header, path, file, bytes.len() as u64);
        self.index.add_segment(&segment);
        if self.segments.is_empty() {
            // Segments go oldest first and only once all in them is purged.
            self.index.purge_before(header.base);
        }
        self.replay(&mut segment, &bytes, seen_meta)?;
        self.check_end(&segment, &bytes, newest)?;
        if newest {
            // A killed process leaves what it had not flushed where it can be read. Found is not durable: only
            // now may it count.
            segment.file.sync().context("flush", path)?;
        }
        self.segments.push(segment);
        Ok(())
    }

    /// A segment must be the one that follows, of this cluster.
    fn check_header(&self, bytes: &[u8], path: &Path, cluster: ClusterId) -> Result<Header, LogError> {
        let header = Header::decode(bytes, path)?;
        let wrong = |what: String| Err(LogError::damaged(path, 0, what));
        if segment::parse_name(path) != Some(header.sequence) {
            return wrong(format!("the header says that this is segment {}", header.sequence));
        }
        if header.cluster != cluster {
            return wrong(format!("the segment belongs to cluster {}, not {cluster}", header.cluster));
        }
        let Some(before) = self.segments.last() else {
            return Ok(header);
        };
        if before.header.sequence + 1 != header.sequence {
            return wrong(format!("segment {} before it is missing", header.sequence - 1));
        }
        if before.end != header.previous_end {
            let (file, found, end) = (&before.path, before.end, header.previous_end);
            return Err(LogError::damaged(file, found, format!("writes up to byte {end} are missing")));
        }
        if self.index.range().end != header.base {
            let next = self.index.range().end;
            return wrong(format!("it starts at entry {}, the one before ends at {next}", header.base));
        }
        Ok(header)
    }

    fn replay(&mut self, segment: &mut Segment, bytes: &[u8], seen_meta: &mut bool) -> Result<(), LogError> {
        while let Found::Frame(frame) = frame::look(bytes, &segment.header.salt, segment.end as usize) {
            let damaged = |what: &str| LogError::damaged(&segment.path, segment.end, what);
            let items = frame::items(frame).ok_or_else(|| damaged("a write of an unknown kind"))?;
            if !*seen_meta && items.first().map(|item| item.kind) != Some(Kind::Meta) {
                return Err(damaged("the segment does not start with the log's state"));
            }
            *seen_meta = true;
            for item in items {
                self.take(segment, item)?;
            }
            segment.end += frame.len() as u64;
        }
        Ok(())
    }

    fn take(&mut self, segment: &mut Segment, item: Item<'_>) -> Result<(), LogError> {
        match item.kind {
            Kind::Truncate => self.index.truncate_from(item.index),
            Kind::Meta => {
                self.meta = Meta { purged_before: item.index, state: item.payload.to_vec() };
                self.index.purge_before(item.index);
            }
            Kind::Entry => {
                let place = Place {
                    segment: segment.header.sequence,
                    offset: segment.end + item.at as u64,
                    length: item.payload.len() as u32,
                };
                segment.past_last = segment.past_last.max(item.index + 1);
                if !self.index.push(item.index, place) {
                    let what = format!("entry {} does not follow {:?}", item.index, self.index.range());
                    return Err(LogError::damaged(&segment.path, place.offset, what));
                }
            }
        }
        Ok(())
    }

    /// After the last whole frame there are zeros, or, in the newest segment, a torn write.
    fn check_end(&mut self, segment: &Segment, bytes: &[u8], newest: bool) -> Result<(), LogError> {
        let (salt, end) = (&segment.header.salt, segment.end as usize);
        if frame::look(bytes, salt, end) == Found::Nothing {
            return Ok(());
        }
        let damaged = |what: &str| Err(LogError::damaged(&segment.path, segment.end, what));
        if !newest {
            return damaged("a bad write in a segment that was complete");
        }
        if frame::any_after(bytes, salt, end) {
            return damaged("a bad write with a good one after it");
        }
        if !frame::may_be_torn(bytes, salt, end) {
            return damaged("the last write was complete and has changed since");
        }
        segment.wipe_tail()?;
        let last = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(end);
        let dropped = (last + 1 - end) as u64;
        self.torn = Some(TornTail { file: segment.path.clone(), offset: segment.end, dropped });
        Ok(())
    }

    /// Nothing may be missing between what was purged and the oldest segment.
    fn check_start(&self) -> Result<(), LogError> {
        let Some(oldest) = self.segments.first() else {
            return Ok(());
        };
        if oldest.header.sequence == 1 || oldest.header.base <= self.meta.purged_before {
            return Ok(());
        }
        let what = format!("segment {} before it is missing", oldest.header.sequence - 1);
        Err(LogError::damaged(&oldest.path, 0, what))
    }
}

fn open_segment(header: Header, path: &Path, file: Arc<dyn DiskFile>, size: u64) -> Segment {
    Segment { header, path: path.to_owned(), file, size, end: HEADER as u64, past_last: header.base }
}
