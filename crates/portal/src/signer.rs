//! The signer: a process of its own that holds the keys, reached over a socket that only its user can open.
//!
//! It is the log's witness: it reads every entry in order, keeps them on disk, and signs a license file only if an entry says that
//! exactly this file was generated. So nothing is signed that is not first in the log, and a log that was cut back is noticed. May
//! not use the database.

mod client;
mod keys;
mod serve;
mod witness;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use signed_note::StandardSigner;

pub use client::{Client, SignerError};
pub use keys::{KeysError, Secrets, seal, unseal};
pub use serve::{ServeError, Server, prepare};

/// Bytes of one message, at most.
const MAX_MESSAGE: u32 = 64 << 20;
/// The version of messages.
const VERSION: u32 = 1;

/// What the portal asks.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// How many entries were seen?
    Size,
    /// Here are further entries; sign these files.
    Sign {
        /// The place of the first entry.
        from: u64,
        entries: Vec<String>,
        documents: Vec<String>,
    },
}

/// A message with its version.
#[derive(Debug, Serialize, Deserialize)]
struct Message<T> {
    version: u32,
    body: T,
}

/// What the signer answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Size(u64),
    Signed { documents: Vec<String>, checkpoint: String },
    Refused(SignerRefusal),
}

/// Why the signer does not sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SignerRefusal {
    /// Entries from the wrong place on.
    #[error("the signer has seen {has} entries of the log, and got those from {from} on")]
    Gap {
        /// What it has seen.
        has: u64,
        /// What it got.
        from: u64,
    },
    /// An entry that is none.
    #[error("entry {0} of the log can't be read")]
    Entry(u64),
    /// No entry says that this file was generated.
    #[error("no entry of the log says that the file with SHA-256 {0} was generated")]
    NotInLog(String),
    /// Not a license file.
    #[error("what is to be signed is no license file of this publisher: {0}")]
    Document(String),
    /// Another version of messages.
    #[error("the signer speaks version {VERSION} of its messages, not {0}")]
    Version(u32),
    /// The signer's disk or keys fail.
    #[error("the signer fails: {0}")]
    Failed(String),
}

/// The log's signer with this name and seed, and the key to verify its checkpoints with.
///
/// # Errors
/// A name that is empty or has blanks or `+`.
pub fn log_signer(name: &str, seed: &[u8; 32]) -> Result<(StandardSigner, String), KeysError> {
    const ED25519: u8 = 1;
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    let public = [&[ED25519], key.verifying_key().as_bytes().as_slice()].concat();
    let private = zeroize::Zeroizing::new([&[ED25519], seed.as_slice()].concat());
    let id = signed_note::key_id(name, &public);
    let text = zeroize::Zeroizing::new(format!("PRIVATE+KEY+{name}+{id:08x}+{}", STANDARD.encode(&*private)));
    let signer = StandardSigner::new(&text).map_err(|_| KeysError::Name(name.to_owned()))?;
    Ok((signer, signed_note::new_ed25519_verifier_key(name, &key.verifying_key())))
}
