//! The whole state as bytes and back, with a version in front, and its hash. Equal states give equal bytes.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Site;
use crate::ties::Ties;

/// Marks the bytes as a site's state.
const MAGIC: &[u8; 8] = b"GRNTSITE";

/// The first format: the site.
const PLAIN: u16 = 1;
/// The second: the same with its ties behind it. Written only where there are any, so that an earlier program goes on
/// reading the state of a site that does not use them.
const WITH_TIES: u16 = 2;
/// The third: the same with the sessions that instances had before behind it. Written only where there are any.
const WITH_REPLACED: u16 = 3;

/// Why bytes are not a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// They don't begin as a state does.
    NotASite,
    /// A version that this program does not know.
    Version(u16),
    /// Damaged behind the header.
    Damaged(String),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASite => f.write_str("these bytes are not the state of a site"),
            Self::Version(version) => write!(
                f,
                "the state has format {version}, and this program knows formats up to {WITH_REPLACED}\n  hint: start the version of grantor that wrote it, or a newer one"
            ),
            Self::Damaged(what) => write!(f, "the state is damaged: {what}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl Site {
    /// The state as bytes.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let version = match (self.ties.is_empty(), self.ties.replaced.len()) {
            (true, _) => PLAIN,
            (false, 0) => WITH_TIES,
            (false, _) => WITH_REPLACED,
        };
        bytes.extend(version.to_le_bytes());
        // Writing to memory fails for no value that a site can hold; an empty body would be refused when read.
        let body = postcard::to_stdvec(self).unwrap_or_default();
        bytes.extend(body);
        if version >= WITH_TIES {
            bytes.extend(postcard::to_stdvec(&self.ties).unwrap_or_default());
        }
        if version == WITH_REPLACED {
            bytes.extend(postcard::to_stdvec(&self.ties.replaced).unwrap_or_default());
        }
        bytes
    }

    /// The state that [`Site::to_snapshot`] wrote.
    ///
    /// # Errors
    /// Bytes of another kind, another version, or damaged ones.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotASite)?;
        let (version, body) = rest.split_first_chunk::<2>().ok_or(SnapshotError::NotASite)?;
        let version = u16::from_le_bytes(*version);
        if !(PLAIN..=WITH_REPLACED).contains(&version) {
            return Err(SnapshotError::Version(version));
        }
        let damaged = |error: postcard::Error| SnapshotError::Damaged(error.to_string());
        let (mut site, rest): (Self, &[u8]) = postcard::take_from_bytes(body).map_err(damaged)?;
        if version >= WITH_TIES {
            let (ties, rest): (Ties, &[u8]) = postcard::take_from_bytes(rest).map_err(damaged)?;
            site.ties = ties;
            if version == WITH_REPLACED {
                site.ties.replaced = postcard::from_bytes(rest).map_err(damaged)?;
            }
        }
        site.share_identities();
        Ok(site)
    }

    /// SHA-256 over the state: equal on every server at an equal index.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_snapshot()).into()
    }

    /// Reading gives each grant its own copy of who holds it; let it share the session's again.
    fn share_identities(&mut self) {
        let held: Vec<_> = self
            .sessions
            .iter()
            .flat_map(|(_, session)| session.grants.iter().map(|id| (*id, session.who.clone())))
            .collect();
        for (id, who) in held {
            if let Some(grant) = self.grants.get_mut(id) {
                grant.who = who;
            }
        }
    }
}
