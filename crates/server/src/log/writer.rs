//! The one thread that writes the log: it joins what is waiting into one frame, writes and flushes it,
//! and only then answers. After the first failure it never writes or acknowledges again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;

use super::error::{Context, LogError};
use super::folder::{self, Folder};
use super::frame::{Frame, Kind};
use super::index::{Place, Span};
use super::recover::Meta;
use super::segment::{Header, Segment, Supply};
use super::{Done, Shared};

/// Enough for one flush to be worth it; more would only make the first in the queue wait longer.
const GROUP_BYTES: usize = 4 << 20;

/// One change of the log.
#[derive(Debug)]
pub(crate) enum Change {
    Append(u64, Vec<u8>),
    TruncateFrom(u64),
    SetMeta(Meta),
}

/// Changes that are durable together, and who wants to know.
pub(crate) struct Job {
    pub(crate) changes: Vec<Change>,
    pub(crate) done: Done,
}

/// A frame on its way to the disk.
struct Put {
    offset: u64,
    bytes: u64,
    started: Instant,
    places: Vec<usize>,
}

pub(crate) struct Writer {
    pub(crate) folder: Folder,
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) supply: Supply,
    pub(crate) meta: Meta,
    pub(crate) frame: Frame,
    pub(crate) shared: Arc<Shared>,
}

impl Writer {
    /// Works until the log is closed. Giving up `self` at the end gives up the lock on the folder.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let group = gather(first, || jobs.try_recv().ok());
            let result = self.put(&group).and_then(|put| self.flush(&group, &put));
            if let Err(error) = self.answer(group, result) {
                drop(self);
                return jobs.iter().for_each(|job| (job.done)(Err(error.clone())));
            }
        }
    }

    /// The same for a disk that works in step: the wait for the flush is one of the task, not of a thread.
    pub(crate) async fn run_in_step(mut self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(first) = jobs.recv().await {
            let group = gather(first, || jobs.try_recv().ok());
            let put = self.put(&group);
            if let Some(pause) = self.folder.disk().in_step() {
                pause.await;
            }
            let result = put.and_then(|put| self.flush(&group, &put));
            if let Err(error) = self.answer(group, result) {
                drop(self);
                while let Some(job) = jobs.recv().await {
                    (job.done)(Err(error.clone()));
                }
                return;
            }
        }
    }

    /// Tells those who wait, and tidies up. After an error nothing may be written any more.
    fn answer(&mut self, group: Vec<Job>, result: Result<(), LogError>) -> Result<(), LogError> {
        // Known before anybody is answered, so that no weaker reason is heard first.
        self.note_failure(&result);
        group.into_iter().for_each(|job| (job.done)(result.clone()));
        let tidied = result.and_then(|()| self.drop_purged());
        self.note_failure(&tidied);
        tidied
    }

    fn note_failure(&self, result: &Result<(), LogError>) {
        if let Err(error) = result {
            self.shared.failure.send_replace(Some(error.clone()));
        }
    }

    /// Hands a group's frame to the disk, which need not have it yet.
    fn put(&mut self, group: &[Job]) -> Result<Put, LogError> {
        let mut places = self.encode(group, false)?;
        if !self.segments.back().is_some_and(|segment| segment.fits(self.frame.size())) {
            places = self.encode(group, true)?;
            self.roll()?;
        }
        let (offset, bytes, started) = self.write()?;
        Ok(Put { offset, bytes, started, places })
    }

    /// Waits until the disk has the frame; only then does anything in it count.
    fn flush(&mut self, group: &[Job], put: &Put) -> Result<(), LogError> {
        let segment = self.segments.back_mut().ok_or(LogError::Closed)?;
        segment.flush(put.bytes)?;
        self.shared.counters.flushed(put.bytes as usize, put.started.elapsed());
        self.take_effect(group, put.offset, &put.places);
        Ok(())
    }

    /// Fills the frame; returns where in it each entry starts. Refuses a gap before it reaches the disk.
    fn encode(&mut self, group: &[Job], with_meta: bool) -> Result<Vec<usize>, LogError> {
        let mut span = self.shared.index().span();
        let mut places = Vec::new();
        self.frame.clear();
        if with_meta {
            self.frame.push(Kind::Meta, self.meta.purged_before, &self.meta.state);
        }
        for change in group.iter().flat_map(|job| &job.changes) {
            let at = push(&mut self.frame, &mut span, change)?;
            places.extend(matches!(change, Change::Append(..)).then_some(at));
        }
        Ok(places)
    }

    /// Each segment says anew what would be lost with the ones before it; the caller has put that in front.
    fn roll(&mut self) -> Result<(), LogError> {
        let before = self.segments.back();
        let header = Header {
            sequence: before.map_or(0, |segment| segment.header.sequence) + 1,
            base: self.shared.index().range().end,
            previous_end: before.map_or(0, |segment| segment.end),
            cluster: self.folder.identity().cluster,
            salt: folder::random(&**self.folder.disk(), self.folder.path())?,
        };
        let segment = self.supply.start(header, self.frame.size())?;
        self.shared.index().add_segment(&segment);
        self.segments.push_back(segment);
        Ok(())
    }

    /// Writes the frame; returns where it went, its length and when that began.
    fn write(&mut self) -> Result<(u64, u64, Instant), LogError> {
        let segment = self.segments.back_mut().ok_or(LogError::Closed)?;
        let offset = segment.end;
        let bytes = self.frame.seal(&segment.header.salt, offset);
        #[cfg(test)]
        let _gate = self.shared.gate.lock();
        let started = Instant::now();
        segment.write(bytes)?;
        Ok((offset, bytes.len() as u64, started))
    }

    fn take_effect(&mut self, group: &[Job], offset: u64, places: &[usize]) {
        let Some(segment) = self.segments.back_mut() else {
            return;
        };
        let mut places = places.iter();
        let mut index = self.shared.index();
        for change in group.iter().flat_map(|job| &job.changes) {
            match change {
                Change::TruncateFrom(from) => index.truncate_from(*from),
                Change::SetMeta(meta) => {
                    index.purge_before(meta.purged_before);
                    self.meta = meta.clone();
                }
                Change::Append(entry, payload) => {
                    let at = offset + places.next().map_or(0, |at| *at as u64);
                    let length = payload.len() as u32;
                    let place = Place { segment: segment.header.sequence, offset: at, length };
                    let _checked_while_encoding = index.push(*entry, place);
                    segment.past_last = segment.past_last.max(entry + 1);
                }
            }
        }
    }

    /// Removes the oldest segments as long as all in them is purged. The newest stays: it holds the state.
    fn drop_purged(&mut self) -> Result<(), LogError> {
        let mut dropped = false;
        while self.segments.len() > 1
            && self.segments.front().is_some_and(|oldest| oldest.past_last <= self.meta.purged_before)
        {
            let Some(oldest) = self.segments.pop_front() else {
                break;
            };
            self.shared.index().remove_segment(oldest.header.sequence);
            self.folder.disk().remove(&oldest.path).context("remove", &oldest.path)?;
            // One by one: a later removal that became durable before an earlier one would look like damage.
            let disk = &**self.folder.disk();
            oldest.path.parent().map_or(Ok(()), |dir| folder::sync_dir(disk, dir))?;
            dropped = true;
        }
        if dropped {
            self.shared.counters.set_on_disk(self.segments.iter().map(|segment| segment.end).sum());
        }
        Ok(())
    }
}

fn gather(first: Job, mut next: impl FnMut() -> Option<Job>) -> Vec<Job> {
    let mut bytes = size(&first);
    let mut group = vec![first];
    while bytes < GROUP_BYTES {
        let Some(job) = next() else {
            break;
        };
        bytes += size(&job);
        group.push(job);
    }
    group
}

fn size(job: &Job) -> usize {
    job.changes
        .iter()
        .map(|change| if let Change::Append(_, bytes) = change { bytes.len() } else { 64 })
        .sum()
}

fn push(frame: &mut Frame, span: &mut Span, change: &Change) -> Result<usize, LogError> {
    match change {
        Change::TruncateFrom(from) => {
            span.truncate_from(*from);
            Ok(frame.push(Kind::Truncate, *from, &[]))
        }
        Change::SetMeta(meta) => {
            span.purge_before(meta.purged_before);
            Ok(frame.push(Kind::Meta, meta.purged_before, &meta.state))
        }
        Change::Append(index, payload) if span.push(*index) => Ok(frame.push(Kind::Entry, *index, payload)),
        Change::Append(index, _) => Err(LogError::Gap { index: *index, held: span.range() }),
    }
}
