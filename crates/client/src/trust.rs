//! Which server certificates an application trusts. Decides nothing itself: `certificate` does, with what is said here.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::Error;

/// SHA-256 of a certificate, as the server prints it at its start.
///
/// ```
/// let text = "ab".repeat(32);
/// let fingerprint: grantor_client::Fingerprint = text.to_uppercase().parse()?;
/// assert_eq!(fingerprint.to_string(), text);
/// # Ok::<(), grantor_client::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    /// Reads 64 hex digits; colons between them and either case will do.
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let bytes = digits
            .map(|digits| digits.chunks(2).map(|two| two.iter().fold(0, |byte, d| byte << 4 | d)).collect());
        let is_whole = text.chars().filter(|c| *c != ':').count() == 64;
        let bytes: Option<Vec<u8>> = bytes.filter(|_| is_whole);
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            Error::Local(format!(
                "`{text}` is not the SHA-256 of a certificate\n  hint: the server prints 64 hex digits when it starts"
            ))
        })
    }
}

/// How a server proves that it is the one that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerTrust {
    /// Trust on first use: a certificate is remembered in this file, and another one refused later.
    KnownServers(PathBuf),
    /// This certificate and no other.
    Pinned(Fingerprint),
    /// Certificates in PEM: one of these, or one that they signed for the server's name.
    Authority(String),
    /// Whoever the operating system trusts.
    System,
}

impl Default for ServerTrust {
    /// `known_servers` in the user's configuration folder. Where there is no such folder, nothing can be remembered and
    /// every server is refused: pin the certificate there.
    fn default() -> Self {
        let folder =
            folder(|name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute()));
        Self::KnownServers(
            folder.map(|folder| folder.join("grantor").join("known_servers")).unwrap_or_default(),
        )
    }
}

fn folder(environment: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = || environment("HOME").map(|home| home.join(".config"));
    environment("XDG_CONFIG_HOME").or_else(|| environment("APPDATA")).or_else(home)
}

impl ServerTrust {
    /// Reads what a person gives: the SHA-256 of a certificate in hex, the path of a PEM file, or `system`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text == "system" {
            return Ok(Self::System);
        }
        if let Ok(fingerprint) = text.parse() {
            return Ok(Self::Pinned(fingerprint));
        }
        let pem = std::fs::read_to_string(text).map_err(|error| {
            Error::Local(format!(
                "server certificate: {text}: {error}\n  hint: give a PEM file, the certificate's SHA-256 in hex, or `system`"
            ))
        })?;
        Ok(Self::Authority(pem))
    }
}
