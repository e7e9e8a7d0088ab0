//! What the signer has seen of the log, on its own disk: an entry a line, flushed before anything is signed because of it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Deserialize;

use super::SignerRefusal;
use super::decided::{AboutKey, Decided, PUT_TO_USE, RETIRED, REVOKED};
use crate::ledger::Frontier;

/// The first line of the file.
const HEADER: &str = "grantor-witness-v1\n";

pub(super) struct Witness {
    file: File,
    pub(super) frontier: Frontier,
    /// SHA-256 of every file that an entry says was generated.
    generated: HashSet<String>,
    /// What the entries decided of keys.
    pub(super) decided: Decided,
}

impl Witness {
    /// Makes the file of a signer that has seen nothing; it must not be there yet.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(HEADER.as_bytes())?;
        file.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Reads what was seen. A last line without its end was never answered, and goes. Without the file nothing is begun: a
    /// signer that forgot the log would not notice another one in its place.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        file.try_lock().map_err(|_| io::Error::other("another signer uses it"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if !bytes.starts_with(HEADER.as_bytes()) {
            return Err(io::Error::other("this is no witness's file"));
        }
        // Cut before it is read as a text: a line may end in the middle of a letter.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        file.set_len(bytes.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        let text = String::from_utf8(bytes).map_err(io::Error::other)?;
        let (frontier, generated, decided) = Default::default();
        let mut witness = Self { file, frontier, generated, decided };
        for entry in text[HEADER.len()..].lines() {
            let read = read(entry).map_err(io::Error::other)?;
            witness.take(entry, read);
        }
        Ok(witness)
    }

    fn take(&mut self, entry: &str, read: Entry) {
        self.frontier.append(entry.as_bytes());
        self.generated.extend(read.more.sha256.filter(|_| read.what == GENERATED));
        self.decided.take(&read.what, read.about_key);
    }

    /// Takes further entries, all or none.
    pub(super) fn see(&mut self, from: u64, entries: &[String]) -> Result<(), SignerRefusal> {
        let has = self.frontier.size();
        if from != has {
            return Err(SignerRefusal::Gap { has, from });
        }
        let parsed =
            (has..).zip(entries).map(|(at, entry)| read(entry).map_err(|_| SignerRefusal::Entry(at)));
        let parsed: Vec<Entry> = parsed.collect::<Result<_, _>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut text = entries.join("\n");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        // What is on disk now is not known: only a new start tells.
        written.map_err(|error| SignerRefusal::Failed(error.to_string()))?;
        entries.iter().zip(parsed).for_each(|(entry, read)| self.take(entry, read));
        Ok(())
    }

    pub(super) fn has_generated(&self, sha256: &str) -> bool {
        self.generated.contains(sha256)
    }
}

/// What an entry says that a license file was made.
const GENERATED: &str = "file generated";

/// What the signer reads of an entry. A field that stands twice is an error: others might read the other one.
#[derive(Deserialize)]
struct Entry {
    what: String,
    #[serde(default)]
    more: More,
    #[serde(skip)]
    about_key: AboutKey,
}

#[derive(Deserialize, Default)]
struct More {
    sha256: Option<String>,
}

/// The same of an entry about a key; others may say anything under these names.
#[derive(Deserialize)]
struct KeyEntry {
    more: AboutKey,
}

fn read(entry: &str) -> Result<Entry, String> {
    if entry.contains(['\n', '\r']) {
        return Err("an entry is one line".to_owned());
    }
    let mut read: Entry = serde_json::from_str(entry).map_err(|error| error.to_string())?;
    if [PUT_TO_USE, RETIRED, REVOKED].contains(&read.what.as_str()) {
        let about: KeyEntry = serde_json::from_str(entry).map_err(|error| error.to_string())?;
        read.about_key = about.more;
    }
    Ok(read)
}
