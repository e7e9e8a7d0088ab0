//! One file of the log: a checked header, then frames, then zeros up to the end of the file.
//! A file gets its final name only once its header and its zeros are durable; nothing here decides
//! what a frame means.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::disk::{Disk, DiskFile};
use super::error::{Context, LogError};
use super::folder::{self, ClusterId};

pub(crate) const HEADER: usize = 128;
const MAGIC: &[u8; 8] = b"GRANTLOG";
const VERSION: u32 = 1;
const CHECKED: usize = 72;
const ZEROS: usize = 1 << 20;

/// The first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Segments are numbered from 1 without a gap.
    pub(crate) sequence: u64,
    /// The index that the next entry would have had when the segment was started.
    pub(crate) base: u64,
    /// Where the frames of the segment before end.
    pub(crate) previous_end: u64,
    pub(crate) cluster: ClusterId,
    /// Drawn for each segment, so that nobody can send a payload that looks like a frame of it.
    pub(crate) salt: [u8; 16],
}

impl Header {
    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.base.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.previous_end.to_le_bytes());
        bytes[40..56].copy_from_slice(&self.cluster.0);
        bytes[56..72].copy_from_slice(&self.salt);
        let crc = crc32fast::hash(&bytes[..CHECKED]);
        bytes[CHECKED..CHECKED + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header of the segment file `path`, whose whole content is `bytes`.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self, LogError> {
        let damaged = |what: &str| LogError::damaged(path, 0, what);
        let head: &[u8; HEADER] = bytes.first_chunk().ok_or_else(|| damaged("shorter than a header"))?;
        if &head[0..8] != MAGIC {
            return Err(damaged("not a log segment"));
        }
        let number = |at: usize| head[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        let short = |at: usize| head[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
        let sixteen = |at: usize| head[at..at + 16].try_into().unwrap_or([0; 16]);
        if short(CHECKED) != crc32fast::hash(&head[..CHECKED]) {
            return Err(damaged("the header does not match its checksum"));
        }
        if head[CHECKED + 4..].iter().any(|byte| *byte != 0) {
            return Err(damaged("the header does not end in zeros"));
        }
        if short(8) != VERSION {
            return Err(LogError::Version { file: path.to_owned(), found: short(8), known: VERSION });
        }
        let (cluster, salt) = (ClusterId(sixteen(40)), sixteen(56));
        Ok(Self { sequence: number(16), base: number(24), previous_end: number(32), cluster, salt })
    }
}

/// An open segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Bytes in the file, zeros included.
    pub(crate) size: u64,
    /// Where the next frame goes.
    pub(crate) end: u64,
    /// One past the highest entry index that was ever written here.
    pub(crate) past_last: u64,
}

impl Segment {
    /// Whether a frame of `size` bytes still fits.
    pub(crate) fn fits(&self, size: usize) -> bool {
        self.end + size as u64 <= self.size
    }

    /// Writes a sealed frame behind the last one. It counts once [`Self::flush`] says so.
    pub(crate) fn write(&self, frame: &[u8]) -> Result<(), LogError> {
        self.file.write_at(frame, self.end).context("write", &self.path)
    }

    /// Waits until the disk has the frame of `bytes` that was written last.
    pub(crate) fn flush(&mut self, bytes: u64) -> Result<(), LogError> {
        self.file.sync().context("flush", &self.path)?;
        self.end += bytes;
        Ok(())
    }

    /// Puts zeros from the end of the frames to the end of the file, as before a torn write.
    pub(crate) fn wipe_tail(&self) -> Result<(), LogError> {
        zero(&*self.file, self.end, self.size).context("write", &self.path)?;
        self.file.sync().context("flush", &self.path)
    }
}

/// The file name of a segment.
pub(crate) fn name(sequence: u64) -> String {
    format!("{sequence:020}.log")
}

/// The sequence number in a file name, if it is one of a segment.
pub(crate) fn parse_name(path: &Path) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".log")?;
    (stem.len() == 20).then(|| stem.parse().ok())?
}

fn zero(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; ZEROS.min((to - from) as usize)];
    let mut at = from;
    while at < to {
        let step = zeros.len().min((to - at) as usize);
        file.write_at(&zeros[..step], at)?;
        at += step as u64;
    }
    Ok(())
}

/// A zero-filled, durable file without a name of its own yet.
#[derive(Debug)]
struct Blank {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    size: u64,
}

impl Blank {
    fn create(disk: &dyn Disk, dir: &Path, size: u64) -> Result<Self, LogError> {
        let path = dir.join("next.tmp");
        let file = disk.create(&path).context("create", &path)?;
        zero(&*file, 0, size).context("reserve space in", &path)?;
        file.sync().context("flush", &path)?;
        Ok(Self { path, file, size })
    }

    fn become_segment(self, disk: &dyn Disk, dir: &Path, header: Header) -> Result<Segment, LogError> {
        self.file.write_at(&header.encode(), 0).context("write", &self.path)?;
        self.file.sync().context("flush", &self.path)?;
        let path = dir.join(name(header.sequence));
        folder::rename(disk, &self.path, &path)?;
        let (file, size) = (self.file, self.size);
        Ok(Segment { header, path, file, size, end: HEADER as u64, past_last: header.base })
    }
}

/// Keeps one blank file ready, so that a new segment costs a rename and not the writing of zeros.
#[derive(Debug)]
pub(crate) struct Supply {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    size: u64,
    blanks: Option<Receiver<Result<Blank, LogError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Supply {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, size: u64) -> Self {
        Self { disk, dir: dir.to_owned(), size, blanks: None, thread: None }
    }

    /// Starts to prepare a blank in the background.
    fn prepare(&mut self) {
        let (sender, receiver): (SyncSender<_>, _) = sync_channel(1);
        let (disk, dir, size) = (self.disk.clone(), self.dir.clone(), self.size);
        let work = move || drop(sender.send(Blank::create(&*disk, &dir, size)));
        self.thread = std::thread::Builder::new().name("grantor-blank".into()).spawn(work).ok();
        self.blanks = self.thread.is_some().then_some(receiver);
    }

    /// A new segment with room for at least `needed` bytes of frames.
    pub(crate) fn start(&mut self, header: Header, needed: usize) -> Result<Segment, LogError> {
        let ready = self.blanks.take().and_then(|blanks| blanks.recv().ok()).transpose()?;
        let needed = (HEADER + needed) as u64;
        let blank = match ready.filter(|blank| blank.size >= needed) {
            Some(blank) => blank,
            None => Blank::create(&*self.disk, &self.dir, self.size.max(needed))?,
        };
        let segment = blank.become_segment(&*self.disk, &self.dir, header)?;
        if self.disk.in_step().is_none() {
            self.prepare();
        }
        Ok(segment)
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        // The lock on the folder is given up next: nothing may write into it after that.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Files;
    use super::*;

    #[test]
    fn no_flipped_bit_leaves_a_header_valid() {
        let cluster = ClusterId([3; 16]);
        let header = Header { sequence: 4, base: 17, previous_end: 640, cluster, salt: [9; 16] };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes, Path::new("x")).unwrap(), header);
        for bit in 0..HEADER * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&changed, Path::new("x")).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_larger_than_a_segment_gets_a_segment_that_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut supply = Supply::new(Arc::new(Files), dir.path(), 4096);
        let header = |sequence| Header {
            sequence,
            base: 0,
            previous_end: 0,
            cluster: ClusterId([0; 16]),
            salt: [1; 16],
        };
        let small = supply.start(header(1), 100).unwrap();
        let large = supply.start(header(2), 10_000).unwrap();
        assert!(small.size == 4096 && large.fits(10_000));
        assert_eq!(parse_name(&large.path), Some(2));
    }
}
