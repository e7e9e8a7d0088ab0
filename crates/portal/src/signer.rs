//! The signer: a process of its own that holds the keys, reached over a socket that only its user can open.
//!
//! It is the log's witness: it reads every entry in order, keeps them on disk, and signs a license file only if an entry says that
//! exactly this file was generated. So nothing is signed that is not first in the log, and a log that was cut back is noticed. May
//! not use the database.

mod client;
mod config;
pub(crate) mod decided;
mod keys;
mod ring;
mod serve;
mod token;
mod witness;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use signed_note::StandardSigner;

pub use client::{Client, SignerError};
/// A log's signer, and its public key.
pub type LogKey = (StandardSigner, String);

pub use config::{Config, PublisherConfig, TokenConfig};
pub use keys::{KeysError, seal_key, seal_log, unseal_key, unseal_log};
pub use ring::{HeldKey, Ring};
pub use serve::{ServeError, Server, prepare};
pub use token::{Token, TokenError};

/// Bytes of one message, at most.
const MAX_MESSAGE: u32 = 64 << 20;
/// The version of messages.
const VERSION: u32 = 1;

/// What the portal asks.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// How many entries were seen?
    Size,
    /// Which keys are there?
    Keys,
    /// Could this `KEY` or `REVOKED` line be followed?
    Check { line: String },
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
    Keys(Vec<HeldKey>),
    Fits,
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
    #[error("what is to be signed is no license file of one publisher: {0}")]
    Document(String),
    /// A publisher that is not this signer's.
    #[error("this signer has no key of the publisher `{0}`")]
    UnknownPublisher(String),
    /// The log puts a key to use that the publisher's root keys did not certify.
    #[error("no root key of `{0}` that the signer knows signed this")]
    NotCertified(String),
    /// The log puts a key to use that is elsewhere.
    #[error("key {key}, which signs for `{publisher}`, is not in this signer")]
    NoKey {
        /// The key.
        key: String,
        /// For whom it signs.
        publisher: String,
    },
    /// The key was retired.
    #[error("key {0} is retired: it signs no more")]
    Retired(String),
    /// The key was revoked.
    #[error("key {0} is revoked: it signs no more")]
    Revoked(String),
    /// What would be signed would not count.
    #[error("signed with key {key}, a license server would refuse the file: {why}")]
    WouldBeRefused {
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// Another version of messages.
    #[error("the signer speaks version {VERSION} of its messages, not {0}")]
    Version(u32),
    /// The signer's disk or keys fail.
    #[error("the signer fails: {0}")]
    Failed(String),
}

impl SignerRefusal {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownPublisher(_) => {
                "`grantor signer add FOLDER --keys KEYS` gives the signer a publisher's key"
            }
            Self::NotCertified(_) => {
                "put a key to use whose certificate is by a root key of the signer's `signer.toml`"
            }
            Self::NoKey { .. } => "start the signer that has the key, or put one of its keys to use",
            Self::Retired(_) | Self::Revoked(_) => {
                "put another key to use: `grantor portal key ask use --certificate FILE`"
            }
            Self::WouldBeRefused { .. } => {
                "certify the key for that day of issue, too: `grantor keys certify … --from DAY`, and put it to use"
            }
            _ => "the signer's own messages say more",
        }
    }
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
