//! The whole state as bytes and back, with a version in front, and its hash. Equal states give equal bytes.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::Site;
use crate::grant::Grant;
use crate::ids::GrantId;
use crate::shards::Shards;
use crate::who::Who;

/// Marks the bytes as a site's state.
const MAGIC: &[u8; 8] = b"GRNTSITE";

/// The first format: the site.
const PLAIN: u16 = 1;
/// The second: the same with its ties behind it. Written only where there are any, so that an earlier program goes on
/// reading the state of a site that does not use them.
const WITH_TIES: u16 = 2;
/// The third: the same with the sessions that instances had before, and the loans, behind the ties; where there are any.
const WITH_MORE: u16 = 3;
/// The fourth: the same with the directory, the license types that disconnect, the requests answered lately and the latest
/// generations of license files behind the loans; where there are any.
const WITH_DIRECTORY: u16 = 4;
/// The fifth: the same with the people who administer and their visits, the notices, the acts, and what identity providers say of
/// users and groups behind these, and the level that all servers know; where there are any.
const WITH_PEOPLE: u16 = 5;
/// The latest.
const LATEST: u16 = WITH_PEOPLE;

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
                "the state has format {version}, and this program knows formats up to {LATEST}\n  hint: start the version of grantor that wrote it, or a newer one"
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
        let mut bytes = Vec::new();
        // Writing to memory fails for no value that a site can hold; what is cut short would be refused when read.
        let _always = self.write_snapshot(&mut bytes);
        bytes
    }

    /// The same, written piece by piece to where it is to be kept: there may be a million sessions.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_snapshot(&self, out: &mut impl Write) -> io::Result<()> {
        let has_more = !self.loans.is_empty() || self.ties.replaced.len() > 0;
        let version = match (has_more, self.ties.is_empty()) {
            _ if self.has_what_came_fifth() => WITH_PEOPLE,
            _ if self.has_what_came_fourth() => WITH_DIRECTORY,
            (true, _) => WITH_MORE,
            (false, false) => WITH_TIES,
            (false, true) => PLAIN,
        };
        out.write_all(MAGIC)?;
        out.write_all(&version.to_le_bytes())?;
        postcard::to_io(self, &mut *out).map_err(io::Error::other)?;
        if version >= WITH_TIES {
            postcard::to_io(&self.ties, &mut *out).map_err(io::Error::other)?;
        }
        if version >= WITH_MORE {
            postcard::to_io(&(&self.ties.replaced, &self.loans), &mut *out).map_err(io::Error::other)?;
        }
        if version >= WITH_DIRECTORY {
            let fourth = (&self.directory, &self.disconnects.minutes, &self.answered, &self.generations);
            postcard::to_io(&fourth, &mut *out).map_err(io::Error::other)?;
        }
        if version >= WITH_PEOPLE {
            let fifth =
                (&self.access.people, &self.notices, &self.acts, &self.directory.profiles, self.level);
            postcard::to_io(&fifth, out).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// The state that [`Site::to_snapshot`] wrote.
    ///
    /// # Errors
    /// Bytes of another kind, another version, or damaged ones.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotASite)?;
        let (version, body) = rest.split_first_chunk::<2>().ok_or(SnapshotError::NotASite)?;
        let version = u16::from_le_bytes(*version);
        if !(PLAIN..=LATEST).contains(&version) {
            return Err(SnapshotError::Version(version));
        }
        let damaged = |error: postcard::Error| SnapshotError::Damaged(error.to_string());
        let (mut site, mut rest): (Self, &[u8]) = postcard::take_from_bytes(body).map_err(damaged)?;
        if version >= WITH_TIES {
            (site.ties, rest) = postcard::take_from_bytes(rest).map_err(damaged)?;
        }
        if version >= WITH_MORE {
            ((site.ties.replaced, site.loans), rest) = postcard::take_from_bytes(rest).map_err(damaged)?;
        }
        if version >= WITH_DIRECTORY {
            ((site.directory, site.disconnects.minutes, site.answered, site.generations), rest) =
                postcard::take_from_bytes(rest).map_err(damaged)?;
        }
        if version >= WITH_PEOPLE {
            let people = &mut Arc::make_mut(&mut site.access).people;
            ((*people, site.notices, site.acts, site.directory.profiles, site.level), _) =
                postcard::take_from_bytes(rest).map_err(damaged)?;
        }
        site.directory.index();
        site.share_again();
        site.note_loan_hours();
        site.note_all_disconnects();
        Ok(site)
    }

    fn has_what_came_fourth(&self) -> bool {
        !(self.directory.is_empty()
            && self.disconnects.is_empty()
            && self.answered.is_empty()
            && self.generations.is_empty())
    }

    fn has_what_came_fifth(&self) -> bool {
        !(self.access.people.is_empty()
            && self.notices.is_empty()
            && self.acts.is_empty()
            && self.directory.profiles.is_empty()
            && self.level == 0)
    }

    /// SHA-256 over the state: equal on every server at an equal index.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_snapshot()).into()
    }

    /// Reading gives each session and grant its own copy of what it had in common with others; let them share it again.
    fn share_again(&mut self) {
        let (mut sessions, mut holders) = (std::mem::take(&mut self.sessions), Vec::new());
        sessions.for_each_mut(|session| {
            session.tenant = self.known_tenant(&session.tenant);
            holders.extend(session.grants().iter().map(|grant| (*grant, session.who.clone())));
        });
        self.sessions = sessions;
        // There may be a million: neighbours in memory one after the other take a fraction of the time.
        holders.sort_unstable_by_key(|(grant, _)| (Shards::<GrantId, Grant>::neighbourhood(*grant), *grant));
        for (grant, who) in holders {
            self.share_grant(grant, who);
        }
    }

    fn share_grant(&mut self, id: GrantId, who: Who) {
        let Some(grant) = self.grants.get_mut(id) else { return };
        grant.who = who;
        let Some(pool) = self.pools.get(grant.pool) else { return };
        if let Some(asked) = pool.spelled(&grant.asked) {
            grant.asked = asked;
        } else if let Some(pool) = self.pools.get_mut(grant.pool) {
            pool.keep_spelling(&grant.asked);
        }
    }
}
