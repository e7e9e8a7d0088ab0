//! The log as a Merkle tree (RFC 6962) with signed checkpoints (C2SP tlog-checkpoint in a signed note), and an exported log
//! that anybody verifies offline. Pure: no SQL, no clock; the hashes and notes are the kept crates' own.

use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, node_hash, record_hash};

/// The first line of an exported log.
const HEADER: &str = "grantor-log-v1";

/// What is left of a log when only its root is wanted: the roots of its whole subtrees, the largest first.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// How many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry. As in a binary counter, two subtrees of one size become one.
    pub fn append(&mut self, body: &[u8]) {
        let mut node = record_hash(body);
        let mut carry = self.size;
        while carry & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(left, node);
            }
            carry >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root of the whole tree; that of an empty one is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let from_right = self.peaks.iter().rev().copied();
        from_right.reduce(|right, left| node_hash(left, right)).unwrap_or_else(empty)
    }
}

fn empty() -> Hash {
    use sha2::Digest;
    Hash(sha2::Sha256::digest([]).into())
}

/// What is wrong with a checkpoint or an exported log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A key that can't be read.
    #[error("the log's key can't be read: it looks like `name+0123abcd+base64`")]
    Key,
    /// Not a checkpoint, or not signed by the key.
    #[error("the checkpoint is not signed by this key")]
    Checkpoint,
    /// Not an exported log.
    #[error("line {line}: {message}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// As many entries as the checkpoint does not say.
    #[error("the checkpoint is for {checkpoint} entries, and there are {found}")]
    Size {
        /// What was signed.
        checkpoint: u64,
        /// What is there.
        found: u64,
    },
    /// An entry was changed, or two changed places.
    #[error("the entries are not those that the checkpoint was signed for: at least one was changed")]
    Root,
}

/// Signs the root.
///
/// # Errors
/// [`LedgerError::Key`] for an origin that is none.
pub fn checkpoint(frontier: &Frontier, signer: &StandardSigner) -> Result<String, LedgerError> {
    use signed_note::Signer;
    let text = Checkpoint::new(signer.name(), frontier.size, frontier.root(), "");
    let text = text.map_err(|_| LedgerError::Key)?.to_bytes();
    let mut note = Note::new(&text, &[]).map_err(|_| LedgerError::Key)?;
    note.add_sigs(&[signer]).map_err(|_| LedgerError::Key)?;
    String::from_utf8(note.to_bytes()).map_err(|_| LedgerError::Key)
}

/// Size and root of a checkpoint that the key signed.
///
/// # Errors
/// [`LedgerError::Key`], [`LedgerError::Checkpoint`].
pub fn open_checkpoint(text: &str, key: &str) -> Result<(u64, Hash), LedgerError> {
    let verifier = StandardVerifier::new(key.trim()).map_err(|_| LedgerError::Key)?;
    let note = Note::from_bytes(text.as_bytes()).map_err(|_| LedgerError::Checkpoint)?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    note.verify(&known).map_err(|_| LedgerError::Checkpoint)?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|_| LedgerError::Checkpoint)?;
    let name = key.split('+').next();
    if name != Some(checkpoint.origin()) {
        return Err(LedgerError::Checkpoint);
    }
    Ok((checkpoint.size(), *checkpoint.hash()))
}

/// The size that a checkpoint speaks of, whoever signed it.
#[must_use]
pub fn open_size(text: &str) -> Option<u64> {
    let note = Note::from_bytes(text.as_bytes()).ok()?;
    Checkpoint::from_bytes(note.text()).ok().map(|checkpoint| checkpoint.size())
}

/// An exported log: a heading, an entry a line, an empty line, the checkpoint.
#[must_use]
pub fn export<'a>(entries: impl IntoIterator<Item = &'a str>, checkpoint: &str) -> String {
    let mut text = format!("{HEADER}\n");
    for entry in entries {
        text.push_str(entry);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(checkpoint);
    text
}

/// Verifies an exported log with nothing but the log's public key; gives how many entries it has.
///
/// # Errors
/// What is wrong, and where as far as it can be told.
pub fn verify_export(text: &str, key: &str) -> Result<u64, LedgerError> {
    let wrong = |line, message: &str| LedgerError::Line { line, message: message.to_owned() };
    let entries = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n'));
    let entries = entries.ok_or_else(|| wrong(1, "an exported log begins with `grantor-log-v1`"))?;
    let (entries, note) = match entries.strip_prefix('\n') {
        Some(note) => ("", note),
        None => entries.split_once("\n\n").ok_or_else(|| wrong(1, "no checkpoint follows the entries"))?,
    };
    let (size, root) = open_checkpoint(note, key)?;
    let mut frontier = Frontier::default();
    for (at, entry) in entries.lines().enumerate() {
        serde_json::from_str::<serde_json::Value>(entry)
            .map_err(|error| wrong(at + 2, &format!("not an entry: {error}")))?;
        frontier.append(entry.as_bytes());
    }
    if frontier.size != size {
        return Err(LedgerError::Size { checkpoint: size, found: frontier.size });
    }
    if frontier.root() == root { Ok(size) } else { Err(LedgerError::Root) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signer::log_signer;

    /// The tree as RFC 6962 defines it.
    fn naive(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => empty(),
            [one] => record_hash(one),
            more => {
                let half = more.len().next_power_of_two() / 2;
                node_hash(naive(&more[..half]), naive(&more[half..]))
            }
        }
    }

    fn exported(entries: &[String]) -> (String, String) {
        let (signer, key) = log_signer("acme", &[7; 32]).unwrap();
        let mut frontier = Frontier::default();
        entries.iter().for_each(|entry| frontier.append(entry.as_bytes()));
        (export(entries.iter().map(String::as_str), &checkpoint(&frontier, &signer).unwrap()), key)
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_whole_tree(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5), 0..70)) {
            let mut frontier = Frontier::default();
            entries.iter().for_each(|entry| frontier.append(entry));
            prop_assert_eq!(frontier.root(), naive(&entries));
        }

        #[test]
        fn an_export_verifies_and_no_changed_lost_added_or_moved_entry_goes_unnoticed(
            numbers in proptest::collection::vec(0_u32..1000, 2..20), at: prop::sample::Index, way in 0..4,
        ) {
            let entries: Vec<String> = numbers.iter().enumerate().map(|(at, number)| format!("[{at},{number}]")).collect();
            let (text, key) = exported(&entries);
            prop_assert_eq!(verify_export(&text, &key), Ok(entries.len() as u64));
            let mut wrong = entries.clone();
            let at = at.index(entries.len() - 1);
            match way {
                0 => wrong[at] = "[0]".to_owned(),
                1 => { wrong.remove(at); }
                2 => wrong.insert(at, "[0]".to_owned()),
                _ => wrong.swap(at, at + 1),
            }
            let note = text.split_once("\n\n").unwrap().1;
            let text = export(wrong.iter().map(String::as_str), note);
            prop_assert!(verify_export(&text, &key).is_err());
        }
    }

    #[test]
    fn another_key_an_own_checkpoint_and_a_cut_file_are_refused() {
        let (text, key) = exported(&["{}".to_owned()]);
        let (_, other) = log_signer("acme", &[8; 32]).unwrap();
        assert_eq!(verify_export(&text, &other), Err(LedgerError::Checkpoint));
        assert_eq!(verify_export(&text, "acme"), Err(LedgerError::Key));
        assert_eq!(verify_export(&text.replace("\n1\n", "\n2\n"), &key), Err(LedgerError::Checkpoint));
        for end in 0..text.len() - 1 {
            let cut = text.get(..end);
            assert!(cut.is_none_or(|cut| verify_export(cut, &key).is_err()), "cut at {end}");
        }
        assert_eq!(verify_export(&exported(&[]).0, &key), Ok(0));
    }
}
