//! What the signer has seen of the log, on its own disk: an entry a line, flushed before anything is signed because of it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::Value;

use super::SignerRefusal;
use crate::ledger::Frontier;

/// The first line of the file.
const HEADER: &str = "grantor-witness-v1\n";

pub(super) struct Witness {
    file: File,
    pub(super) frontier: Frontier,
    /// SHA-256 of every file that an entry says was generated.
    generated: HashSet<String>,
}

impl Witness {
    /// Reads what was seen. A last line without its end was never answered, and goes.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.try_lock().map_err(|_| io::Error::other("another signer uses it"))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if text.is_empty() {
            file.write_all(HEADER.as_bytes())?;
            file.sync_all()?;
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                File::open(folder)?.sync_all()?;
            }
            text.push_str(HEADER);
        }
        let entries =
            text.strip_prefix(HEADER).ok_or_else(|| io::Error::other("this is no witness's file"))?;
        let whole = entries.rfind('\n').map_or(0, |end| end + 1);
        let end = (HEADER.len() + whole) as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let mut witness = Self { file, frontier: Frontier::default(), generated: HashSet::new() };
        entries[..whole].lines().for_each(|entry| witness.take(entry));
        Ok(witness)
    }

    fn take(&mut self, entry: &str) {
        self.frontier.append(entry.as_bytes());
        self.generated.extend(generated(entry));
    }

    /// Takes further entries, all or none.
    pub(super) fn see(&mut self, from: u64, entries: &[String]) -> Result<(), SignerRefusal> {
        let has = self.frontier.size();
        if from != has {
            return Err(SignerRefusal::Gap { has, from });
        }
        for (at, entry) in (has..).zip(entries) {
            if entry.contains('\n') || serde_json::from_str::<Value>(entry).is_err() {
                return Err(SignerRefusal::Entry(at));
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let mut text = entries.join("\n");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        // What is on disk now is not known: only a new start tells.
        written.map_err(|error| SignerRefusal::Failed(error.to_string()))?;
        entries.iter().for_each(|entry| self.take(entry));
        Ok(())
    }

    pub(super) fn has_generated(&self, sha256: &str) -> bool {
        self.generated.contains(sha256)
    }
}

/// The digest in an entry that says that a file was generated.
fn generated(entry: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    (entry.get("what")? == "file generated").then_some(())?;
    entry.get("more")?.get("sha256")?.as_str().map(str::to_owned)
}
