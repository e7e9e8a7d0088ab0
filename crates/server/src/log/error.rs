//! What can go wrong with the data folder and the log in it, said so that an administrator can act.
//! No variant is ever retried by this module: after a failed write or flush the log is closed for good,
//! since the kernel may have dropped the pages that it could not write.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the data folder or of the log inside it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process holds the folder.
    #[error(
        "data folder `{}` is in use by another process\n\
         hint: stop the other server, or give this one its own data folder",
        .0.display()
    )]
    InUse(PathBuf),
    /// The folder belongs to a server with another id.
    #[error(
        "data folder `{}` belongs to server {found}, not to server {expected}\n\
         hint: start with the id that this folder was created with; an id is never given to another folder",
        folder.display()
    )]
    WrongServer {
        /// The data folder.
        folder: PathBuf,
        /// The id in the folder.
        found: u64,
        /// The id in the settings.
        expected: u64,
    },
    /// A file was written by a version that this one does not know.
    #[error(
        "`{}` has format version {found}, this server reads version {known}\n\
         hint: start the version that wrote it, or a newer one",
        file.display()
    )]
    Version {
        /// The file with the unknown version.
        file: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that this server reads and writes.
        known: u32,
    },
    /// Bytes on disk are not what was written there.
    #[error(
        "`{}` is damaged at byte {offset}: {what}\n\
         hint: keep the folder as it is; with three servers, set this one up anew from the other two; \
         with one, restore the last backup",
        file.display()
    )]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where the damage starts.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// The operating system refused a file operation.
    #[error(
        "cannot {action} `{}`: {message}\n\
         hint: check free space, permissions and the health of the disk, then start the server again",
        file.display()
    )]
    Io {
        /// What was tried, in the infinitive.
        action: &'static str,
        /// The file or folder.
        file: PathBuf,
        /// What the operating system said.
        message: String,
        /// The kind, for callers that tell a full disk from a broken one.
        kind: io::ErrorKind,
    },
    /// The caller left out entries: a bug, caught before it reaches the disk.
    #[error("entry {index} does not follow the log, which holds {}..{}", held.start, held.end)]
    Gap {
        /// The refused entry.
        index: u64,
        /// What the log holds.
        held: std::ops::Range<u64>,
    },
    /// The log was closed, by a shutdown or after an earlier failure.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Wraps an I/O error with what was tried on which file.
    pub(crate) fn io(action: &'static str, file: &Path, error: &io::Error) -> Self {
        Self::Io { action, file: file.to_owned(), message: error.to_string(), kind: error.kind() }
    }

    pub(crate) fn damaged(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), offset, what: what.into() }
    }
}

/// Adds the action and the file to an I/O result.
pub(crate) trait Context<T> {
    /// Turns the error into a [`LogError`] that names `file`.
    fn context(self, action: &'static str, file: &Path) -> Result<T, LogError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, file: &Path) -> Result<T, LogError> {
        self.map_err(|error| LogError::io(action, file, &error))
    }
}
