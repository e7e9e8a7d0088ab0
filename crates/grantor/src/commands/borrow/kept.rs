//! What this user has borrowed, in a file that nobody else can read: who has a loan's key can give the seat back.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use grantor_api::HexId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commands::remote;
use crate::failure::{At, Exit, Failure};

/// The form of the file that this program writes.
const VERSION: u32 = 1;

/// A borrowed seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loan {
    /// Where to give it back, as `-c` takes it.
    pub(super) server: String,
    pub(super) feature: String,
    /// The key that gives it back.
    pub(super) loan: HexId,
    pub(super) until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    loans: Vec<Loan>,
}

/// The file, for one process at a time to change: two that borrow at once lose no key.
pub(super) struct Kept {
    path: PathBuf,
    loans: Vec<Loan>,
    _lock: File,
}

impl Kept {
    /// Waits until no other process changes it.
    pub(super) fn lock() -> Result<Self, Failure> {
        let path = path()?;
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder).at(folder)?;
        let name = path.with_extension("lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).open(&name).at(&name)?;
        lock.lock().at(&name)?;
        Ok(Self { loans: read_from(&path)?, path, _lock: lock })
    }

    pub(super) fn loans(&self) -> &[Loan] {
        &self.loans
    }

    pub(super) fn add(&mut self, loan: Loan) -> Result<(), Failure> {
        self.loans.push(loan);
        self.write()
    }

    pub(super) fn remove(&mut self, loan: &Loan) -> Result<(), Failure> {
        self.loans.retain(|kept| kept.loan != loan.loan);
        self.write()
    }

    fn write(&self) -> Result<(), Failure> {
        let content = Content { version: VERSION, loans: self.loans.clone() };
        remote::write_private(&self.path, &serde_json::to_string_pretty(&content).unwrap_or_default())
    }
}

/// What is borrowed still.
pub(super) fn read() -> Result<Vec<Loan>, Failure> {
    read_from(&path()?)
}

fn path() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local").join("state")));
    let none = || {
        Failure::new(Exit::Io, "there is no home folder to keep loans in")
            .hint("set `HOME` or `XDG_STATE_HOME`")
    };
    Ok(base.ok_or_else(none)?.join("grantor").join("loans.json"))
}

/// A file that is not understood is left alone: there may be keys in it.
fn read_from(path: &Path) -> Result<Vec<Loan>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at(path),
    };
    let bad = |why: String| {
        Failure::new(Exit::Usage, format!("`{}`: {why}", path.display()))
            .hint("mend it or move it away; loans that it held end by themselves")
    };
    let content: Content = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    if content.version != VERSION {
        return Err(bad(format!("it is of version {}, and this program knows {VERSION}", content.version)));
    }
    let now = Timestamp::now();
    Ok(content.loans.into_iter().filter(|loan| loan.until > now).collect())
}
