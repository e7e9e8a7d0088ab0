//! A member of a cluster as the replicated membership holds it: where it is, by which certificate its peers know it, and
//! which election window is its own. Text only; reaches nobody.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// Slots from here on are those of backups, which follow and never vote.
pub(crate) const BACKUP: usize = 64;

impl Member {
    /// Whether it only follows, to take over by hand: the second server of a switchover pair.
    #[must_use]
    pub fn is_backup(&self) -> bool {
        self.slot >= BACKUP
    }
}

/// A member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `host:port` at which applications and peers reach it.
    pub address: String,
    /// Its election window: no two members of a cluster share one (reliability-security §0, finding 1).
    pub slot: usize,
    /// SHA-256 of the certificate that it shows to peers.
    pub fingerprint: Fingerprint,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.address, self.slot, crate::tls::hex(&self.fingerprint))
    }
}

/// The membership holds a text that this version can't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a member of a cluster")]
pub struct NotAMember;

impl FromStr for Member {
    type Err = NotAMember;

    fn from_str(text: &str) -> Result<Self, NotAMember> {
        let mut parts = text.rsplitn(3, '#');
        let (fingerprint, slot, address) = (parts.next(), parts.next(), parts.next());
        Ok(Self {
            address: address.ok_or(NotAMember)?.to_owned(),
            slot: slot.and_then(|slot| slot.parse().ok()).ok_or(NotAMember)?,
            fingerprint: fingerprint.and_then(bytes).ok_or(NotAMember)?,
        })
    }
}

/// 64 hexadecimal digits.
pub(crate) fn bytes(hex: &str) -> Option<Fingerprint> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Host and port of `host:port`, `[v6]:port` or `port@host`; the port may be left out.
///
/// # Errors
/// In words, for whoever wrote the address.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let hint = "hint: an address is `host:port`, such as `lic1.example.com:7260`";
    let (host, port) = match text.split_once('@') {
        Some((port, host)) => (host, port),
        None => match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.starts_with('[') => (host, port),
            _ => (text, ""),
        },
    };
    let port = if port.is_empty() { Ok(crate::config::PORT) } else { port.parse() };
    match port {
        Ok(port) if !host.is_empty() && !host.contains(['#', '/', ' ']) => Ok(format!("{host}:{port}")),
        _ => Err(format!("`{text}` is not the address of a server\n  {hint}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_the_same_after_it_was_written_and_read() {
        let member = Member { address: "[::1]:7260".to_owned(), slot: 2, fingerprint: [0xa5; 32] };
        assert_eq!(member.to_string().parse(), Ok(member));
        for text in ["", "host:1", "host:1#0#", "host:1#x#00"] {
            assert_eq!(text.parse::<Member>(), Err(NotAMember), "{text}");
        }
    }

    #[test]
    fn addresses_are_understood_in_the_ways_that_people_write_them() {
        for text in ["lic1:7260", "7260@lic1", "@lic1", "lic1"] {
            assert_eq!(address(text).unwrap(), "lic1:7260", "{text}");
        }
        assert_eq!(address("[::1]:7000").unwrap(), "[::1]:7000");
        assert!(address("lic1:port").unwrap_err().contains("hint:"));
    }
}
