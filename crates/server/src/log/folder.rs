//! The data folder: one process at a time, one server for ever.
//! Holds the lock, the identity file, and the small moves that make a new file survive a power cut.
//! Knows nothing of what the files in it mean.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Files};
use super::error::{Context, LogError};

type Lock = Box<dyn Any + Send + Sync>;

pub(crate) const IDENTITY: &str = "grantor.id";
const LOCK: &str = "lock";
const VERSION: u32 = 1;

/// Random bytes that tell one cluster's files from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterId(pub [u8; 16]);

impl ClusterId {
    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    /// A new one.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map(|()| Self(bytes))
    }
}

impl std::fmt::Display for ClusterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who a data folder belongs to. Written once, at first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The server's id in its cluster; never reused.
    pub server: u64,
    /// The cluster.
    pub cluster: ClusterId,
}

/// A data folder that this process has to itself until the value is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    identity: Identity,
    disk: Arc<dyn Disk>,
    _lock: Lock,
}

impl Folder {
    /// Opens or creates the folder of `server`, and locks it. A new folder gets a cluster id of its own.
    pub fn open(path: &Path, server: u64) -> Result<Self, LogError> {
        Self::open_in(Arc::new(Files), path, server, None)
    }

    /// The same on any disk, for a server of a cluster that may have an id already.
    pub fn open_in(
        disk: Arc<dyn Disk>,
        path: &Path,
        server: u64,
        cluster: Option<ClusterId>,
    ) -> Result<Self, LogError> {
        make_dir(&*disk, path)?;
        let lock = lock(&*disk, path)?;
        let identity = match read_identity(&*disk, path)? {
            Some(identity) => identity,
            None => create_identity(&*disk, path, server, cluster)?,
        };
        if let Some(expected) = cluster.filter(|cluster| *cluster != identity.cluster) {
            let what = format!("the folder belongs to cluster {}, not {expected}", identity.cluster);
            return Err(LogError::damaged(&path.join(IDENTITY), 0, what));
        }
        if identity.server != server {
            let folder = path.to_owned();
            return Err(LogError::WrongServer { folder, found: identity.server, expected: server });
        }
        Ok(Self { path: path.to_owned(), identity, disk, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it lies on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Who it belongs to.
    pub fn identity(&self) -> Identity {
        self.identity
    }
}

/// Creates `path` for the owner's eyes only, and makes its name durable.
pub(crate) fn make_dir(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    disk.make_dir(path).context("create folder", path)?;
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or(Ok(()), |parent| sync_dir(disk, parent))
}

/// Makes creations, renames and removals in `path` durable.
pub(crate) fn sync_dir(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    disk.sync_dir(path).context("flush folder", path)
}

/// Puts `parts` at `path` so that after a power cut there is either the whole file or none.
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, parts: &[&[u8]]) -> Result<(), LogError> {
    let temporary = path.with_extension("tmp");
    let file = disk.create(&temporary).context("create", &temporary)?;
    let mut at = 0;
    for part in parts {
        file.write_at(part, at).context("write", &temporary)?;
        at += part.len() as u64;
    }
    file.sync().context("flush", &temporary)?;
    rename(disk, &temporary, path)
}

/// A durable rename inside one folder.
pub(crate) fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), LogError> {
    disk.rename(from, to).context("rename", from)?;
    to.parent().map_or(Ok(()), |parent| sync_dir(disk, parent))
}

/// Refuses a folder that another process has, before anything is done with it.
pub(crate) fn refuse_if_in_use(path: &Path) -> Result<(), LogError> {
    make_dir(&Files, path)?;
    lock(&Files, path).map(drop)
}

fn lock(disk: &dyn Disk, folder: &Path) -> Result<Lock, LogError> {
    let path = folder.join(LOCK);
    disk.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => LogError::InUse(folder.to_owned()),
        _ => LogError::io("lock", &path, &error),
    })
}

fn create_identity(
    disk: &dyn Disk,
    folder: &Path,
    server: u64,
    cluster: Option<ClusterId>,
) -> Result<Identity, LogError> {
    refuse_orphaned_log(disk, folder)?;
    let cluster = cluster.map_or_else(|| random(disk, folder).map(ClusterId), Ok)?;
    let identity = Identity { server, cluster };
    let text = format!("format {VERSION}\nserver {server}\ncluster {}\n", identity.cluster);
    write_whole(disk, &folder.join(IDENTITY), &[text.as_bytes()])?;
    Ok(identity)
}

/// A log without an identity is a folder that somebody took apart: a new identity would hide that.
fn refuse_orphaned_log(disk: &dyn Disk, folder: &Path) -> Result<(), LogError> {
    if !disk.exists(&folder.join(super::SEGMENTS)) {
        return Ok(());
    }
    Err(LogError::damaged(&folder.join(IDENTITY), 0, "the file is missing although the folder holds a log"))
}

/// Random bytes.
pub(crate) fn random(disk: &dyn Disk, near: &Path) -> Result<[u8; 16], LogError> {
    disk.random().context("draw random bytes for", near)
}

fn read_identity(disk: &dyn Disk, folder: &Path) -> Result<Option<Identity>, LogError> {
    let path = folder.join(IDENTITY);
    let damaged = |_| LogError::damaged(&path, 0, "it is not text");
    match disk.read(&path) {
        Ok(bytes) => parse_identity(&String::from_utf8(bytes).map_err(damaged)?, &path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("read", &path, &error)),
    }
}

fn parse_identity(text: &str, path: &Path) -> Result<Identity, LogError> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .ok_or_else(|| LogError::damaged(path, 0, format!("the line `{name} …` is missing")))
    };
    let number = |name: &str| {
        field(name)?.parse().map_err(|_| LogError::damaged(path, 0, format!("`{name}` is not a number")))
    };
    let found = u32::try_from(number("format")?).unwrap_or(u32::MAX);
    if found != VERSION {
        return Err(LogError::Version { file: path.to_owned(), found, known: VERSION });
    }
    let cluster = parse_hex(field("cluster")?)
        .ok_or_else(|| LogError::damaged(path, 0, "`cluster` is not 32 hexadecimal digits"))?;
    Ok(Identity { server: number("server")?, cluster: ClusterId(cluster) })
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * position..2 * position + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_opening_of_a_locked_folder_is_refused_and_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let _held = Folder::open(dir.path(), 1).unwrap();
        let message = Folder::open(dir.path(), 1).unwrap_err().to_string();
        assert!(message.contains("in use by another process"), "{message}");
        assert!(message.contains(dir.path().to_str().unwrap()), "{message}");
    }

    #[test]
    fn a_folder_keeps_its_identity_and_refuses_another_server() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path(), 2).unwrap().identity();
        let again = Folder::open(dir.path(), 2).unwrap();
        assert_eq!(again.identity(), first);
        drop(again);
        assert!(matches!(
            Folder::open(dir.path(), 3),
            Err(LogError::WrongServer { found: 2, expected: 3, .. })
        ));
    }

    #[test]
    fn an_identity_of_a_later_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(IDENTITY), "format 2\nserver 1\ncluster 00\n").unwrap();
        assert!(matches!(Folder::open(dir.path(), 1), Err(LogError::Version { found: 2, known: 1, .. })));
    }

    #[test]
    fn a_log_without_an_identity_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(crate::log::SEGMENTS)).unwrap();
        assert!(matches!(Folder::open(dir.path(), 1), Err(LogError::Damaged { .. })));
    }

    #[test]
    fn only_the_owner_can_read_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let _folder = Folder::open(&path, 1).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(IDENTITY)), mode(&path.join(LOCK))), (0o700, 0o600, 0o600));
    }
}
