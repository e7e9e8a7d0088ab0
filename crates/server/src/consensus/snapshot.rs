//! Snapshot files: the whole state at one index, whole on disk or not there at all.
//! A newer file is durable before the older one goes, and an older one never takes its place.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::SnapshotMeta;
use crate::log::{ClusterId, Context, Disk, DiskFile, LogError, Meta, make_dir, rename, sync_dir};

const MAGIC: &[u8; 8] = b"GRANTSNP";
const VERSION: u32 = 1;
const HEADER: usize = 48;

/// A snapshot in memory.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) meta: SnapshotMeta,
    pub(crate) state: Vec<u8>,
}

/// The state in a snapshot as Raft passes it on: nothing of it is kept in memory that can be read when it is wanted.
#[derive(Debug)]
pub(crate) enum State {
    /// All of it.
    Here(Vec<u8>),
    /// It was written just now.
    OnDisk(Arc<Snapshots>),
}

impl State {
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, LogError> {
        match self {
            Self::Here(state) => Ok(state),
            Self::OnDisk(snapshots) => Ok(snapshots.load()?.map_or_else(Vec::new, |held| held.state)),
        }
    }
}

/// The folder of snapshots.
#[derive(Debug)]
pub(crate) struct Snapshots {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    cluster: ClusterId,
    known: Mutex<Known>,
    durable: watch::Sender<Durable>,
}

/// How far the snapshots on disk reach.
#[derive(Debug, Clone, Copy)]
enum Durable {
    /// All before this index; 0 where there is none.
    Before(u64),
    /// No further: the folder is given up, or could not be written.
    Never,
}

#[derive(Debug)]
struct Known {
    newest: Option<(SnapshotMeta, PathBuf)>,
    closed: bool,
}

impl Snapshots {
    /// Opens the folder and reads the newest snapshot in it.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        data: &Path,
        cluster: ClusterId,
    ) -> Result<(Self, Option<Held>), LogError> {
        let dir = data.join("snapshots");
        make_dir(&*disk, &dir)?;
        // A snapshot found here may have got its name just before its process was killed: the log is purged
        // only for one that stays.
        sync_dir(&*disk, &dir)?;
        let newest = list(&*disk, &dir)?.pop();
        let held = newest.as_deref().map(|path| read(&*disk, path, cluster)).transpose()?;
        let known = held.as_ref().map(|held| held.meta.clone()).zip(newest);
        let durable = watch::Sender::new(Durable::Before(known.as_ref().map_or(0, |(meta, _)| next(meta))));
        let known = Mutex::new(Known { newest: known, closed: false });
        Ok((Self { disk, dir, cluster, known, durable }, held))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a snapshot being written and refuses further ones: the folder is about to be given up.
    pub(crate) fn close(&self) {
        self.known().closed = true;
        self.give_up();
    }

    /// No further snapshot will be written: nobody may go on waiting for one.
    pub(crate) fn give_up(&self) {
        self.durable.send_replace(Durable::Never);
    }

    /// Whether the entry is covered by a snapshot that stays.
    pub(crate) fn reaches(&self, index: u64) -> bool {
        matches!(*self.durable.borrow(), Durable::Before(end) if index < end)
    }

    /// Waits until the entry is covered by a snapshot that stays.
    pub(crate) async fn reach(&self, index: u64) -> Result<(), LogError> {
        let mut durable = self.durable.subscribe();
        let settled = |durable: &Durable| match durable {
            Durable::Before(end) => index < *end,
            Durable::Never => true,
        };
        match durable.wait_for(settled).await.as_deref() {
            Ok(Durable::Before(_)) => Ok(()),
            _ => Err(LogError::Closed),
        }
    }

    /// Snapshot and log must come from the same run: with either of them gone, what is left is not the
    /// state, and Raft would not notice.
    pub(crate) fn check_against(&self, log: &Meta) -> Result<(), LogError> {
        let newest = &self.known().newest;
        let (path, reaches) = match newest.as_ref() {
            Some((meta, path)) => (path, next(meta)),
            None => (&self.dir, 0),
        };
        if reaches < log.purged_before {
            let what =
                format!("the log starts at entry {}, and no snapshot reaches up to it", log.purged_before);
            return Err(LogError::damaged(path, 0, what));
        }
        if newest.is_some() && log.state.is_empty() {
            return Err(LogError::damaged(
                path,
                0,
                "there is a snapshot, but the log that belongs to it is gone",
            ));
        }
        Ok(())
    }

    /// Makes a snapshot durable, unless there is one at least as new.
    pub(crate) fn save(&self, meta: &SnapshotMeta, state: &[u8]) -> Result<(), LogError> {
        self.save_from(meta, |out| out.write_all(state))
    }

    /// The same with a state that is written piece by piece.
    pub(crate) fn save_from(
        &self,
        meta: &SnapshotMeta,
        write: impl FnOnce(&mut BufWriter<Body>) -> io::Result<()>,
    ) -> Result<(), LogError> {
        let saved = self.replace(meta, write);
        self.durable.send_if_modified(|durable| match (&saved, *durable) {
            (Err(_), _) => {
                *durable = Durable::Never;
                true
            }
            (Ok(()), Durable::Before(end)) if end < next(meta) => {
                *durable = Durable::Before(next(meta));
                true
            }
            _ => false,
        });
        saved
    }

    fn replace(
        &self,
        meta: &SnapshotMeta,
        write: impl FnOnce(&mut BufWriter<Body>) -> io::Result<()>,
    ) -> Result<(), LogError> {
        let mut known = self.known();
        if known.closed {
            return Err(LogError::Closed);
        }
        let newest = &mut known.newest;
        if newest.as_ref().is_some_and(|(held, _)| held.last_log_id >= meta.last_log_id) {
            return Ok(());
        }
        let path = self.dir.join(format!("{:020}.snapshot", meta.last_log_id.map_or(0, |id| id.index)));
        let encoded = postcard::to_stdvec(meta)
            .map_err(|error| LogError::io("encode", &path, &std::io::Error::other(error)))?;
        self.write(&path, &encoded, write)?;
        let replaced = newest.replace((meta.clone(), path.clone())).map(|(_, old)| old);
        match replaced.filter(|old| *old != path) {
            Some(old) => self.disk.remove(&old).context("remove", &old),
            None => Ok(()),
        }
    }

    /// After a power cut there is either the whole file or none.
    fn write(
        &self,
        path: &Path,
        meta: &[u8],
        write: impl FnOnce(&mut BufWriter<Body>) -> io::Result<()>,
    ) -> Result<(), LogError> {
        let temporary = path.with_extension("tmp");
        let file = self.disk.create(&temporary).context("create", &temporary)?;
        let start = (HEADER + meta.len()) as u64;
        let body =
            Body { file: file.clone(), start, length: 0, flushed: 0, hasher: crc32fast::Hasher::new() };
        let mut body = BufWriter::with_capacity(PIECE, body);
        let written =
            write(&mut body).and_then(|()| body.into_inner().map_err(io::IntoInnerError::into_error));
        let Body { length, hasher, .. } = written.context("write", &temporary)?;
        file.write_at(meta, HEADER as u64).context("write", &temporary)?;
        let header = header(self.cluster, meta, (length, hasher));
        file.write_at(&header, 0).context("write", &temporary)?;
        file.sync().context("flush", &temporary)?;
        rename(&*self.disk, &temporary, path)
    }

    /// The newest snapshot, read back from disk.
    pub(crate) fn load(&self) -> Result<Option<Held>, LogError> {
        // Held while reading, so that a newer one cannot remove the file meanwhile.
        let known = self.known();
        known.newest.as_ref().map(|(_, path)| read(&*self.disk, path, self.cluster)).transpose()
    }

    /// Runs file work on a thread made for waiting, unless the disk works in step with its tasks.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        if self.disk.in_step().is_some() {
            return work();
        }
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(LogError::Closed))
    }
}

/// The first index that a snapshot does not cover.
fn next(meta: &SnapshotMeta) -> u64 {
    meta.last_log_id.map_or(0, |id| id.index + 1)
}

/// Snapshot files, oldest first: two if a power cut came between a new one and the end of the old.
fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, LogError> {
    let mut files = disk.list(dir).context("list folder", dir)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "snapshot"));
    files.sort();
    let older = files.len().saturating_sub(1);
    files.drain(..older).try_for_each(|path| disk.remove(&path).context("remove", &path))?;
    Ok(files)
}

/// So much is written at a time.
const PIECE: usize = 256 << 10;

/// So much is flushed at a time. The log lies on the same disk: what it flushes meanwhile has to wait for what
/// is under way, and that must not be a whole snapshot of a million seats.
const FLUSHED: u64 = 4 << 20;

/// The state on its way into its file.
pub(crate) struct Body {
    file: Arc<dyn DiskFile>,
    start: u64,
    length: u64,
    flushed: u64,
    hasher: crc32fast::Hasher,
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(bytes, self.start + self.length)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        if self.length - self.flushed >= FLUSHED {
            self.file.sync()?;
            self.flushed = self.length;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What stands in front of a state of which length and checksum are known.
fn header(cluster: ClusterId, meta: &[u8], (length, state): (u64, crc32fast::Hasher)) -> [u8; HEADER] {
    let mut head = [0; HEADER];
    head[0..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[12..16].copy_from_slice(&(meta.len() as u32).to_le_bytes());
    head[16..24].copy_from_slice(&length.to_le_bytes());
    head[24..40].copy_from_slice(&cluster.0);
    let mut hasher = crc32fast::Hasher::new();
    [&head[..44], meta].into_iter().for_each(|part| hasher.update(part));
    hasher.combine(&state);
    head[44..48].copy_from_slice(&hasher.finalize().to_le_bytes());
    head
}

fn read(disk: &dyn Disk, path: &Path, cluster: ClusterId) -> Result<Held, LogError> {
    let mut bytes = disk.read(path).context("read", path)?;
    let damaged = |what: &str| LogError::damaged(path, 0, what);
    let head: &[u8; HEADER] = bytes.first_chunk().ok_or_else(|| damaged("shorter than a header"))?;
    if &head[..8] != MAGIC {
        return Err(damaged("not a snapshot"));
    }
    let found = head[8..12].try_into().map_or(0, u32::from_le_bytes);
    if found != VERSION {
        return Err(LogError::Version { file: path.to_owned(), found, known: VERSION });
    }
    let meta_length = head[12..16].try_into().map_or(0, u32::from_le_bytes) as usize;
    let rest = &bytes[HEADER..];
    let (meta, state) = rest.split_at_checked(meta_length).ok_or_else(|| damaged("cut short"))?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(state);
    if header(cluster, meta, (state.len() as u64, hasher)) != *head {
        return Err(damaged("the content does not match its checksum, or is of another cluster"));
    }
    let meta = postcard::from_bytes(meta).map_err(|_| damaged("the description cannot be read"))?;
    bytes.drain(..HEADER + meta_length);
    Ok(Held { meta, state: bytes })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::log_id;
    use super::*;
    use crate::log::Files;

    const CLUSTER: ClusterId = ClusterId([5; 16]);

    fn open(path: &Path) -> Result<(Snapshots, Option<Held>), LogError> {
        Snapshots::open(Arc::new(Files), path, CLUSTER)
    }

    fn meta(index: u64) -> SnapshotMeta {
        SnapshotMeta { last_log_id: Some(log_id(index)), ..Default::default() }
    }

    #[test]
    fn an_older_snapshot_never_takes_the_place_of_a_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, none) = open(dir.path()).unwrap();
        assert!(none.is_none());
        for index in [3, 9, 5] {
            snapshots.save(&meta(index), &[index as u8]).unwrap();
        }
        assert_eq!(snapshots.load().unwrap().unwrap().state, [9]);
        assert_eq!(list(&Files, &snapshots.dir).unwrap().len(), 1);
        let (_, held) = open(dir.path()).unwrap();
        assert_eq!(held.unwrap().meta, meta(9));
    }

    #[test]
    fn a_snapshot_cut_or_changed_anywhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, _) = open(dir.path()).unwrap();
        snapshots.save(&meta(3), b"the state").unwrap();
        let path = list(&Files, &snapshots.dir).unwrap().pop().unwrap();
        let bytes = fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert!(snapshots.load().is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, changed).unwrap();
            assert!(snapshots.load().is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_snapshot_that_was_being_written_at_a_power_cut_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (snapshots, _) = open(dir.path()).unwrap();
        snapshots.save(&meta(3), b"whole").unwrap();
        fs::write(snapshots.dir.join("00000000000000000009.tmp"), b"half").unwrap();
        let (_, held) = open(dir.path()).unwrap();
        assert_eq!(held.unwrap().state, b"whole");
    }
}
