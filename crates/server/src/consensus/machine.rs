//! Raft's state machine on top of [`Site`]: applies agreed batches in order, tells who listens, and
//! takes and installs snapshots. Decides nothing itself; all rules are in the site.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grantor_site::{Site, Timestamp};
use openraft::storage::RaftStateMachine;
use openraft::{AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder, StorageError, StorageIOError};
use tokio::sync::{Notify, broadcast};

use super::batch::{Applied, Batch};
use super::snapshot::{Held, Snapshots, State};
use super::{Entry, LogId, ServerId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};
use crate::log::{Log, LogError};

#[derive(Debug, Clone, Default)]
struct Current {
    site: Site,
    applied: Option<LogId>,
    membership: StoredMembership,
}

/// What the state machine shares with those who read it.
#[derive(Debug)]
pub(crate) struct Shared {
    current: Mutex<Current>,
    view: Mutex<Option<(Option<LogId>, Arc<Site>)>>,
    latest: AtomicI64,
    pub(crate) events: broadcast::Sender<Arc<Applied>>,
    /// Asks for a snapshot: enough has been written since the last one.
    pub(crate) full: Notify,
    full_at: AtomicU64,
    log: Arc<Log>,
    snapshot_log_bytes: u64,
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state after the last applied batch. Readers of the same state share one copy; a reader waits
    /// for at most one batch to be applied, and holds up the next one only for a cheap clone.
    pub(crate) fn view(&self) -> Arc<Site> {
        self.view_at().1
    }

    /// Looks at the state itself, for answers of a few fields: the next batch waits meanwhile, and nothing is copied.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Site) -> T) -> T {
        at(&self.current().site)
    }

    /// A view and the index that it is of.
    pub(crate) fn view_at(&self) -> (Option<u64>, Arc<Site>) {
        let current = self.current();
        let index = current.applied.map(|id| id.index);
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((applied, site)) = view.as_ref()
            && *applied == current.applied
        {
            return (index, site.clone());
        }
        let site = Arc::new(current.site.clone());
        *view = Some((current.applied, site.clone()));
        (index, site)
    }

    /// The latest time that any applied batch was stamped with.
    pub(crate) fn latest(&self) -> Timestamp {
        Timestamp(self.latest.load(Relaxed))
    }

    fn replace(&self, held: Current) {
        self.latest.fetch_max(held.site.now().0, Relaxed);
        *self.current() = held;
    }

    fn apply(&self, entry: Entry) -> Arc<Applied> {
        let mut current = self.current();
        // A view that nobody looks at any more would keep all that changes from now on a second time.
        let _outdated = self.view.lock().unwrap_or_else(PoisonError::into_inner).take();
        current.applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => Applied::nothing(entry.log_id.index),
            EntryPayload::Membership(membership) => {
                current.membership = StoredMembership::new(Some(entry.log_id), membership);
                Applied::nothing(entry.log_id.index)
            }
            EntryPayload::Normal(batch) => {
                let applied = Arc::new(run(&mut current.site, entry.log_id.index, &batch));
                drop(current);
                self.latest.fetch_max(batch.at().0, Relaxed);
                // Nobody listening is no fault.
                let _receivers = self.events.send(applied.clone());
                applied
            }
        }
    }

    fn ask_for_snapshot_when_full(&self) {
        let written = self.log.counters().bytes();
        if written >= self.full_at.load(Relaxed) {
            self.full_at.store(written + self.snapshot_log_bytes, Relaxed);
            self.full.notify_one();
        }
    }
}

fn run(site: &mut Site, index: u64, batch: &Batch) -> Applied {
    let outcomes = batch.entries().iter().map(|entry| site.apply(entry)).collect();
    Applied { index, at: batch.at(), outcomes }
}

/// Raft's handle on the state.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) shared: Arc<Shared>,
    snapshots: Arc<Snapshots>,
    _last: Arc<Last>,
}

/// Goes with the last handle on the machine, which Raft lets go of when anything of it fails: nobody may go on waiting for a
/// snapshot then.
#[derive(Debug)]
struct Last(Arc<Snapshots>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl Machine {
    /// Starts from the newest snapshot, if there is one.
    pub(crate) fn new(
        log: Arc<Log>,
        snapshots: Arc<Snapshots>,
        held: Option<Held>,
        snapshot_log_bytes: u64,
    ) -> Result<Self, StorageError<ServerId>> {
        let replayed = log.counters().on_disk();
        let shared = Shared {
            current: Mutex::default(),
            view: Mutex::default(),
            latest: AtomicI64::new(i64::MIN),
            events: broadcast::Sender::new(EVENTS_KEPT),
            full: Notify::new(),
            full_at: AtomicU64::new(snapshot_log_bytes.saturating_sub(replayed)),
            log,
            snapshot_log_bytes,
        };
        if let Some(held) = held {
            shared.replace(restore(&held.meta, &held.state)?);
        }
        let last = Arc::new(Last(snapshots.clone()));
        Ok(Self { shared: Arc::new(shared), snapshots, _last: last })
    }
}

/// Batches a slow subscriber may lag behind before it is told that it missed some.
const EVENTS_KEPT: usize = 1024;

fn restore(meta: &SnapshotMeta, state: &[u8]) -> Result<Current, StorageError<ServerId>> {
    let site = Site::from_snapshot(state)
        .map_err(|error| StorageIOError::read_snapshot(Some(meta.signature()), AnyError::new(&error)))?;
    Ok(Current { site, applied: meta.last_log_id, membership: meta.last_membership.clone() })
}

/// Runs file work where it holds up nobody.
async fn blocking<T: Send + 'static>(
    snapshots: &Snapshots,
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, StorageError<ServerId>> {
    snapshots
        .run(work)
        .await
        .map_err(|error| StorageIOError::write_snapshot(None, AnyError::new(&error)).into())
}

/// A snapshot being taken: a cheap copy of the state, written while the state moves on.
#[derive(Debug)]
pub(crate) struct Builder {
    current: Current,
    machine: Machine,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError<ServerId>> {
        let site = std::mem::take(&mut self.current.site);
        let last_log_id = self.current.applied;
        let snapshot_id = last_log_id.map_or_else(String::new, |id| id.to_string());
        let meta =
            SnapshotMeta { last_log_id, last_membership: self.current.membership.clone(), snapshot_id };
        let (snapshots, of) = (self.machine.snapshots.clone(), meta.clone());
        let save = move || snapshots.save_from(&of, |out| site.write_snapshot(out));
        blocking(&self.machine.snapshots, save).await?;
        Ok(Snapshot { meta, snapshot: Box::new(State::OnDisk(self.machine.snapshots.clone())) })
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError<ServerId>> {
        let current = self.shared.current();
        Ok((current.applied, current.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Arc<Applied>>, StorageError<ServerId>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut applied = Vec::new();
        for entry in entries {
            let id = entry.log_id;
            // A panic would end only this task and leave a server that answers nothing: stop it instead.
            let result = catch_unwind(AssertUnwindSafe(|| self.shared.apply(entry)));
            applied.push(result.map_err(|_| {
                StorageIOError::apply(id, AnyError::error("the state machine panicked: a bug, see the log"))
            })?);
        }
        self.shared.ask_for_snapshot_when_full();
        Ok(applied)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { current: self.shared.current().clone(), machine: self.clone() }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<State>, StorageError<ServerId>> {
        Ok(Box::new(State::Here(Vec::new())))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<State>,
    ) -> Result<(), StorageError<ServerId>> {
        let state = blocking(&self.snapshots, move || snapshot.into_bytes()).await?;
        let restored = restore(meta, &state)?;
        let (snapshots, of) = (self.snapshots.clone(), meta.clone());
        blocking(&self.snapshots, move || snapshots.save(&of, &state)).await?;
        self.shared.replace(restored);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError<ServerId>> {
        let snapshots = self.snapshots.clone();
        let held = blocking(&self.snapshots, move || snapshots.load()).await?;
        Ok(held.map(|held| Snapshot { meta: held.meta, snapshot: Box::new(State::Here(held.state)) }))
    }
}
