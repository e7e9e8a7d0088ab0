//! Raft's log and vote on top of [`crate::log`]: translates between entries and bytes, and keeps the
//! newest entries decoded, since each is applied right after it was written.
//! Nothing is answered before the log says that it is durable.
use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{AnyError, OptionalSend, RaftLogReader, StorageError, StorageIOError};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::snapshot::Snapshots;
use super::{Entry, LogId, ServerId, TypeConfig, Vote};
use crate::log::{Change, Log, LogError, Meta};

/// Encoded bytes of the entries kept decoded, which takes several times as much memory. What a slow follower needs beyond
/// that is read from disk.
const CACHE_BYTES: usize = 256 << 10;
/// Encoded bytes of the entries sent to a follower in one message.
const MESSAGE_BYTES: u64 = 4 << 20;

/// What Raft must find again besides entries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Durable {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
}

impl Durable {
    fn change(&self) -> Result<Change, StorageError<ServerId>> {
        let state = postcard::to_stdvec(self).map_err(|error| StorageIOError::write_logs(any(&error)))?;
        Ok(Change::SetMeta(Meta { purged_before: self.purged.map_or(0, |id| id.index + 1), state }))
    }
}

#[derive(Debug, Default)]
struct State {
    durable: Durable,
    /// What Raft has purged and the log still holds, as the snapshot in its place is on its way to the disk.
    owed: Option<LogId>,
    /// `committed` was moved and waits for the next write: it only spares a follower some waiting.
    committed_moved: bool,
    last: Option<LogId>,
    recent: VecDeque<(Entry, usize)>,
    recent_bytes: usize,
}

impl State {
    fn remember(&mut self, entry: Entry, bytes: usize) {
        self.last = Some(entry.log_id);
        self.recent_bytes += bytes;
        self.recent.push_back((entry, bytes));
    }

    /// Lets go of what can be read from disk. What is not durable yet can only be read here.
    fn shrink(&mut self, durable: Range<u64>) {
        while self.recent_bytes > CACHE_BYTES {
            let Some((_, bytes)) = self.recent.pop_front_if(|(entry, _)| entry.log_id.index < durable.end)
            else {
                break;
            };
            self.recent_bytes -= bytes;
        }
    }

    fn keep_only(&mut self, wanted: impl Fn(u64) -> bool) {
        self.recent.retain(|(entry, _)| wanted(entry.log_id.index));
        self.recent_bytes = self.recent.iter().map(|(_, bytes)| bytes).sum();
    }

    /// Adds the kept part of `wanted` up to the budget; returns where it starts.
    fn recent(&self, wanted: &Range<u64>) -> (u64, Vec<(Entry, usize)>) {
        let first = self.recent.front().map_or(u64::MAX, |(entry, _)| entry.log_id.index);
        let skip = wanted.start.saturating_sub(first) as usize;
        let until = wanted.end.saturating_sub(first) as usize;
        let kept = self.recent.iter().take(until).skip(skip).cloned();
        (first, kept.collect())
    }
}

/// Raft's view of the log. Clones share one log.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    log: Arc<Log>,
    state: Arc<Mutex<State>>,
    /// Nothing is purged that these don't cover; `None`: it is purged when Raft says so.
    snapshots: Option<Arc<Snapshots>>,
}

impl Store {
    /// Takes over an opened log, with the `meta` found in it.
    pub(crate) fn new(log: Arc<Log>, meta: &Meta) -> Result<Self, StorageError<ServerId>> {
        let mut state = State::default();
        if !meta.state.is_empty() {
            state.durable =
                postcard::from_bytes(&meta.state).map_err(|error| StorageIOError::read_vote(any(&error)))?;
        }
        let store = Self { log, state: Arc::new(Mutex::new(state)), snapshots: None };
        let last = store.last_log_id(store.log.range().end)?;
        store.state().last = last;
        Ok(store)
    }

    /// The same, purging only what the snapshots cover.
    pub(crate) fn behind(self, snapshots: Arc<Snapshots>) -> Self {
        Self { snapshots: Some(snapshots), ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the entry before `end`, or of the last purged one.
    fn last_log_id(&self, end: u64) -> Result<Option<LogId>, StorageError<ServerId>> {
        let before = end.saturating_sub(1)..end;
        let found = self.entries(before, u64::MAX)?.pop().map(|entry| entry.log_id);
        Ok(found.or(self.state().durable.purged))
    }

    /// Entries of `wanted` up to `max_bytes`, at least one if there is any.
    fn entries(&self, wanted: Range<u64>, max_bytes: u64) -> Result<Vec<Entry>, StorageError<ServerId>> {
        let (first, recent) = self.state().recent(&wanted);
        // A short read from the page cache, and only for what is not kept decoded: not worth a thread.
        let older = wanted.start..wanted.end.min(first);
        let (mut entries, mut budget) = (Vec::new(), max_bytes);
        let mut complete = true;
        if !older.is_empty() {
            let end = self.log.range().end.min(older.end);
            let read = self.log.read(older, max_bytes).map_err(read_error)?;
            // With nothing found there was nothing; with less than all the budget is used up.
            complete = read.last().is_none_or(|(index, _)| index + 1 >= end);
            budget -= read.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>().min(budget);
            for (index, bytes) in read {
                entries.push(decode(index, &bytes)?);
            }
        }
        for (entry, bytes) in recent.into_iter().take_while(|_| complete) {
            if bytes as u64 > budget && !entries.is_empty() {
                break;
            }
            budget = budget.saturating_sub(bytes as u64);
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Purges what is owed, once the snapshot in its place is on disk.
    async fn settle(&self) -> Result<(), StorageError<ServerId>> {
        let Some(upto) = self.state().owed else { return Ok(()) };
        if let Some(snapshots) = &self.snapshots {
            snapshots.reach(upto.index).await.map_err(write_error)?;
        }
        let change = {
            let mut state = self.state();
            state.owed = None;
            state.durable.purged = Some(upto);
            state.durable.change()?
        };
        self.write(vec![change]).await
    }

    /// Waits until `changes` are on disk.
    async fn write(&self, changes: Vec<Change>) -> Result<(), StorageError<ServerId>> {
        let (done, durable) = oneshot::channel();
        self.log.write(changes, Box::new(move |result| drop(done.send(result))));
        durable.await.unwrap_or(Err(LogError::Closed)).map_err(write_error)
    }
}

fn any(error: &(impl std::error::Error + 'static)) -> AnyError {
    AnyError::new(error)
}

fn write_error(error: LogError) -> StorageError<ServerId> {
    StorageIOError::write_logs(any(&error)).into()
}

fn read_error(error: LogError) -> StorageError<ServerId> {
    StorageIOError::read_logs(any(&error)).into()
}

fn decode(index: u64, bytes: &[u8]) -> Result<Entry, StorageError<ServerId>> {
    postcard::from_bytes(bytes).map_err(|error| StorageIOError::read_log_at_index(index, any(&error)).into())
}

fn encode(entry: &Entry) -> Result<Vec<u8>, StorageError<ServerId>> {
    postcard::to_stdvec(entry)
        .map_err(|error| StorageIOError::write_log_entry(entry.log_id, any(&error)).into())
}

fn range(bounds: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match bounds.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match bounds.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogReader<TypeConfig> for Store {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        bounds: R,
    ) -> Result<Vec<Entry>, StorageError<ServerId>> {
        self.entries(range(&bounds), u64::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError<ServerId>> {
        self.entries(start..end, MESSAGE_BYTES)
    }
}

impl RaftLogStorage<TypeConfig> for Store {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<ServerId>> {
        let state = self.state();
        Ok(LogState { last_purged_log_id: state.durable.purged, last_log_id: state.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError<ServerId>> {
        let change = {
            let mut state = self.state();
            state.durable.vote = Some(*vote);
            state.durable.change()?
        };
        self.write(vec![change]).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError<ServerId>> {
        Ok(self.state().durable.vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<ServerId>> {
        let mut state = self.state();
        state.durable.committed = committed;
        state.committed_moved = true;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<ServerId>> {
        Ok(self.state().durable.committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), StorageError<ServerId>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.settle().await?;
        let mut changes = Vec::new();
        {
            let mut state = self.state();
            if std::mem::take(&mut state.committed_moved) {
                changes.push(state.durable.change()?);
            }
            // What a snapshot covers is purged already and stays so.
            let purged = state.durable.purged.map(|id| id.index);
            for entry in entries.into_iter().filter(|entry| Some(entry.log_id.index) > purged) {
                let bytes = encode(&entry)?;
                state.remember(entry, bytes.len());
                changes.push(Change::Append(state.last.map_or(0, |id| id.index), bytes));
            }
            state.shrink(self.log.range());
        }
        let tell = move |result: Result<(), LogError>| {
            callback.log_io_completed(result.map_err(std::io::Error::other));
        };
        self.log.write(changes, Box::new(tell));
        Ok(())
    }

    async fn truncate(&mut self, since: LogId) -> Result<(), StorageError<ServerId>> {
        self.settle().await?;
        let last = self.last_log_id(since.index)?;
        {
            let mut state = self.state();
            state.keep_only(|index| index < since.index);
            state.last = last;
        }
        self.write(vec![Change::TruncateFrom(since.index)]).await
    }

    /// Raft has the log purged while a snapshot that it was sent is still being written: a server that ended in between would
    /// have neither. So that is owed, and only what is written behind the snapshot waits for it; votes do not.
    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError<ServerId>> {
        {
            let mut state = self.state();
            state.keep_only(|index| index > upto.index);
            state.last = state.last.max(Some(upto));
            state.owed = Some(upto);
        }
        let is_covered = self.snapshots.as_ref().is_none_or(|snapshots| snapshots.reaches(upto.index));
        if is_covered { self.settle().await } else { Ok(()) }
    }
}
