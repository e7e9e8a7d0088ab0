//! The durable log: segments of checksummed frames, written and flushed by one thread before anybody is
//! answered. It knows indices and bytes, not Raft, commands or time.
//!
//! What holds at every moment, also after a power cut:
//! - an answered change is on disk, and is found again or the log refuses to open;
//! - a bad write at the very end that nobody was told of is cut off and reported as a [`TornTail`];
//! - any other unexpected byte is a [`LogError::Damaged`] that names file and offset;
//! - after the first failed write or flush nothing is ever written or acknowledged again.
//!
//! The one thing that cannot be told apart: a power cut during the last write, and a bit that flipped in
//! the sixteen bytes of the last frame's head. Both are reported as a torn tail.

mod disk;
mod error;
mod folder;
mod frame;
mod index;
mod recover;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

pub use disk::{Disk, DiskFile, Files, Pause};
pub(crate) use error::Context;
pub use error::LogError;
pub use folder::{ClusterId, Folder, Identity};
pub(crate) use folder::{IDENTITY, make_dir, refuse_if_in_use, rename, sync_dir, write_whole};
pub use recover::{Meta, TornTail};
pub(crate) use writer::Change;
use writer::{Job, Writer};

/// The folder of segments inside the data folder.
pub(crate) const SEGMENTS: &str = "log";

/// Told once, when the changes are on disk or never will be.
pub(crate) type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// How the log lays out its files.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes per segment, reserved ahead.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20 }
    }
}

/// What the log has done since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    fsyncs: AtomicU64,
    bytes: AtomicU64,
    on_disk: AtomicU64,
    last_micros: AtomicU64,
    longest_micros: AtomicU64,
}

impl Counters {
    fn flushed(&self, bytes: usize, took: Duration) {
        let micros = took.as_micros() as u64;
        self.fsyncs.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.on_disk.fetch_add(bytes as u64, Relaxed);
        self.last_micros.store(micros, Relaxed);
        self.longest_micros.fetch_max(micros, Relaxed);
    }

    fn set_on_disk(&self, bytes: u64) {
        self.on_disk.store(bytes, Relaxed);
    }

    /// Writes that were flushed.
    pub fn fsyncs(&self) -> u64 {
        self.fsyncs.load(Relaxed)
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Bytes in all segments, without the space reserved ahead.
    pub fn on_disk(&self) -> u64 {
        self.on_disk.load(Relaxed)
    }

    /// How long the last write and flush took.
    pub fn last_fsync(&self) -> Duration {
        Duration::from_micros(self.last_micros.load(Relaxed))
    }

    /// The longest write and flush so far.
    pub fn longest_fsync(&self) -> Duration {
        Duration::from_micros(self.longest_micros.load(Relaxed))
    }
}

/// What readers and the writer both see.
#[derive(Debug)]
pub(crate) struct Shared {
    index: Mutex<index::Index>,
    counters: Counters,
    failure: watch::Sender<Option<LogError>>,
    /// Held by a test, it keeps writes away from the disk.
    #[cfg(test)]
    gate: Mutex<()>,
}

impl Shared {
    fn new(index: index::Index) -> Arc<Self> {
        Arc::new(Self {
            index: Mutex::new(index),
            counters: Counters::default(),
            failure: watch::Sender::new(None),
            #[cfg(test)]
            gate: Mutex::default(),
        })
    }

    fn index(&self) -> MutexGuard<'_, index::Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log opened for reading and writing.
#[derive(Debug)]
pub(crate) struct Log {
    jobs: Mutex<Option<Way>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

/// The way to the writer: a thread's, or a task's if the disk works in step.
#[derive(Debug)]
enum Way {
    Thread(Sender<Job>),
    Task(UnboundedSender<Job>),
}

impl Way {
    /// Sends a job; hands it back if nobody takes it any more.
    fn send(&self, job: Job) -> Result<(), Job> {
        match self {
            Self::Thread(sender) => sender.send(job).map_err(|refused| refused.0),
            Self::Task(sender) => sender.send(job).map_err(|refused| refused.0),
        }
    }
}

/// A log just opened, and what was found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) meta: Meta,
    pub(crate) torn: Option<TornTail>,
}

impl Log {
    /// Opens the log in `folder`, which the log then keeps locked until it is closed.
    pub(crate) fn open(folder: Folder, options: &Options) -> Result<Opened, LogError> {
        let dir = folder.path().join(SEGMENTS);
        let disk = folder.disk().clone();
        folder::make_dir(&*disk, &dir)?;
        let found = recover::recover(&*disk, &dir, folder.identity().cluster)?;
        let shared = Shared::new(found.index);
        shared.counters.set_on_disk(found.segments.iter().map(|segment| segment.end).sum());
        let writer = Writer {
            folder,
            segments: VecDeque::from(found.segments),
            supply: segment::Supply::new(disk, &dir, options.segment_bytes),
            meta: found.meta.clone(),
            frame: frame::Frame::new(),
            shared: shared.clone(),
        };
        let log = Self::start(writer, shared).context("start a thread for", &dir)?;
        Ok(Opened { log, meta: found.meta, torn: found.torn })
    }

    fn start(writer: Writer, shared: Arc<Shared>) -> std::io::Result<Self> {
        if writer.folder.disk().in_step().is_some() {
            let (jobs, waiting) = unbounded_channel();
            tokio::spawn(writer.run_in_step(waiting));
            return Ok(Self { jobs: Mutex::new(Some(Way::Task(jobs))), thread: Mutex::default(), shared });
        }
        let (jobs, waiting) = channel();
        let name = "grantor-log".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || writer.run(&waiting))?;
        Ok(Self { jobs: Mutex::new(Some(Way::Thread(jobs))), thread: Mutex::new(Some(thread)), shared })
    }

    /// Makes `changes` durable, all or none, in the order of the calls.
    pub(crate) fn write(&self, changes: Vec<Change>, done: Done) {
        if changes.is_empty() {
            return done(Ok(()));
        }
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let unsent = match jobs.as_ref() {
            Some(way) => way.send(Job { changes, done }).err().map(|refused| refused.done),
            None => Some(done),
        };
        if let Some(done) = unsent {
            done(Err(self.failure().unwrap_or(LogError::Closed)));
        }
    }

    /// The durable entries of `wanted`, up to `max_bytes` but at least one.
    pub(crate) fn read(&self, wanted: Range<u64>, max_bytes: u64) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
        let readings = self.shared.index().find(wanted, max_bytes);
        readings.iter().map(index::Reading::read).collect()
    }

    /// The indices of the durable entries.
    pub(crate) fn range(&self) -> Range<u64> {
        self.shared.index().range()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Why the log stopped, if it did.
    pub(crate) fn failure(&self) -> Option<LogError> {
        self.shared.failure.borrow().clone()
    }

    /// Tells when the log stops because of a failure.
    pub(crate) fn watch_failure(&self) -> watch::Receiver<Option<LogError>> {
        self.shared.failure.subscribe()
    }

    /// Keeps all writes away from the disk until the guard goes.
    #[cfg(test)]
    pub(crate) fn hold_writes(&self) -> MutexGuard<'_, ()> {
        self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes what is waiting and gives up the lock on the folder.
    pub(crate) fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}
