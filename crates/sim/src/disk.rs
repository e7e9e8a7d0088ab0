//! A disk that knows what was flushed and what was not. Losing power drops, keeps or tears the rest; losing only the
//! process keeps it. The log's own code runs on it unchanged.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_server::log::{Disk, DiskFile, Pause};

use crate::bug::Bug;

const SECTOR: u64 = 512;

#[derive(Default, Debug)]
struct Content {
    now: Vec<u8>,
    flushed: Vec<u8>,
    pending: Vec<(u64, Vec<u8>)>,
}

impl Content {
    fn flush(&mut self) {
        for (at, bytes) in std::mem::take(&mut self.pending) {
            put(&mut self.flushed, &bytes, at);
        }
    }

    /// Power is gone: of what was not flushed all, nothing or some sectors are left.
    fn lose_power(&mut self, fate: u8, rng: &mut fastrand::Rng) {
        for (at, bytes) in std::mem::take(&mut self.pending) {
            let mut from = 0;
            while from < bytes.len() as u64 {
                let until = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len() as u64);
                if fate == 0 || (fate == 1 && rng.bool()) {
                    put(&mut self.flushed, &bytes[from as usize..until as usize], at + from);
                }
                from = until;
            }
        }
        self.now.clone_from(&self.flushed);
    }
}

fn put(file: &mut Vec<u8>, bytes: &[u8], at: u64) {
    let (at, end) = (at as usize, at as usize + bytes.len());
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

/// What lies on one server's disk.
#[derive(Debug)]
pub(crate) struct Store {
    names: BTreeMap<PathBuf, u64>,
    flushed_names: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<u64, Content>,
    next: u64,
    rng: fastrand::Rng,
    bug: Option<Bug>,
    /// The longest flush, in milliseconds.
    pub(crate) slowest_ms: u64,
    /// The next flush fails.
    pub(crate) fail_next: bool,
    /// A flush has failed since the process started.
    pub(crate) has_failed: bool,
}

/// A store that survives the processes which use it.
pub(crate) type SharedStore = Arc<Mutex<Store>>;

/// How long a flush takes at most when nothing is wrong, in milliseconds.
pub(crate) const USUAL_MS: u64 = 4;

impl Store {
    pub(crate) fn new(rng: fastrand::Rng, bug: Option<Bug>) -> SharedStore {
        Arc::new(Mutex::new(Self {
            names: BTreeMap::new(),
            flushed_names: BTreeMap::new(),
            folders: BTreeSet::new(),
            files: BTreeMap::new(),
            next: 0,
            rng,
            bug,
            slowest_ms: USUAL_MS,
            fail_next: false,
            has_failed: false,
        }))
    }

    pub(crate) fn lose_power(&mut self) {
        // A journal commits changes of names together.
        if self.rng.bool() {
            self.names.clone_from(&self.flushed_names);
        } else {
            self.flushed_names.clone_from(&self.names);
        }
        let Self { files, names, rng, bug, .. } = self;
        let known: BTreeSet<u64> = names.values().copied().collect();
        files.retain(|id, _| known.contains(id));
        // A disk that lies about flushes would mostly be caught by the log itself, as writes with a gap between them:
        // to show what else would notice, it loses all that it lied about.
        let lies = matches!(bug, Some(Bug::NoFsync | Bug::VoteNotPersisted));
        for content in files.values_mut() {
            let fate = if lies { 2 } else { rng.u8(..3) };
            content.lose_power(fate, rng);
        }
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&mut self, id: u64) -> io::Result<()> {
        if std::mem::take(&mut self.fail_next) {
            self.has_failed = true;
            return Err(io::Error::other("input/output error"));
        }
        let bug = self.bug;
        let Some(content) = self.files.get_mut(&id) else { return Ok(()) };
        if !content.pending.iter().all(|(at, bytes)| lies_about(bug, *at, bytes)) {
            content.flush();
        }
        Ok(())
    }
}

/// Whether a seeded bug leaves out the flush of this write.
fn lies_about(bug: Option<Bug>, at: u64, bytes: &[u8]) -> bool {
    let is_frame = at >= 128 && bytes.len() > 33 && bytes[..4] != [0; 4];
    match bug {
        Some(Bug::NoFsync) => is_frame,
        Some(Bug::VoteNotPersisted) => is_frame && bytes[16] == 3 && holds_one_item(bytes),
        _ => false,
    }
}

fn holds_one_item(frame: &[u8]) -> bool {
    let number = |at: usize| frame[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    number(0) == 17 + number(17)
}

/// The disk as one process sees it: when the process is gone, its handles reach nothing any more.
#[derive(Debug, Clone)]
pub(crate) struct SimDisk {
    pub(crate) store: SharedStore,
    pub(crate) alive: Arc<AtomicBool>,
}

impl SimDisk {
    fn store(&self) -> io::Result<MutexGuard<'_, Store>> {
        if !self.alive.load(Relaxed) {
            return Err(io::Error::other("the process is gone"));
        }
        Ok(self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn handle(&self, id: u64) -> Arc<dyn DiskFile> {
        Arc::new(Handle { disk: self.clone(), id })
    }
}

impl Disk for SimDisk {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.store()?.folders.insert(path.to_owned());
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut store = self.store()?;
        let inside = |name: &Path| name.parent() == Some(path);
        let current: Vec<_> = store
            .names
            .iter()
            .filter(|(name, _)| inside(name))
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        store.flushed_names.retain(|name, _| !inside(name));
        store.flushed_names.extend(current);
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut store = self.store()?;
        store.next += 1;
        let id = store.next;
        store.names.insert(path.to_owned(), id);
        store.files.insert(id, Content::default());
        Ok(self.handle(id))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let id = self.store()?.find(path)?;
        Ok(self.handle(id))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let store = self.store()?;
        let id = store.find(path)?;
        Ok(store.files.get(&id).map(|content| content.now.clone()).unwrap_or_default())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let store = self.store()?;
        Ok(store.names.keys().filter(|name| name.parent() == Some(path)).cloned().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.store().is_ok_and(|store| store.names.contains_key(path) || store.folders.contains(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut store = self.store()?;
        let id = store.find(from)?;
        store.names.remove(from);
        store.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut store = self.store()?;
        store.find(path)?;
        store.names.remove(path);
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        Ok(self.store()?.rng.u128(..).to_le_bytes())
    }

    fn in_step(&self) -> Option<Pause> {
        let wait = self.store().map_or(0, |mut store| {
            let slowest = store.slowest_ms;
            store.rng.u64(1..=slowest)
        });
        Some(Box::pin(tokio::time::sleep(Duration::from_millis(wait))))
    }
}

#[derive(Debug)]
struct Handle {
    disk: SimDisk,
    id: u64,
}

impl DiskFile for Handle {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut store = self.disk.store()?;
        let content = store.files.entry(self.id).or_default();
        put(&mut content.now, bytes, offset);
        content.pending.push((offset, bytes.to_vec()));
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let store = self.disk.store()?;
        let (from, until) = (offset as usize, offset as usize + bytes.len());
        let found = store.files.get(&self.id).and_then(|content| content.now.get(from..until));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.store()?.sync(self.id)
    }
}
