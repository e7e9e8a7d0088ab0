//! Random tokens and their hashes. Secrets never reach a log: only their hashes leave this module's users.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_site::access::Secret;
use sha2::{Digest, Sha256};

/// Begins every token, so that scanners of leaked secrets can find ours.
const PREFIX: &str = "grt_";

/// 128 random bits.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn random_id() -> Result<u128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// A new token of 256 random bits, and the hash that the site keeps of it.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn new_token() -> Result<(String, Secret), getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = hash(&token);
    Ok((token, hash))
}

/// What the keys of sessions, and the key that seals people's codes, are worked out from: kept in the data folder, made at the first start.
///
/// # Errors
/// A file that can't be read, written, or is not of 32 bytes.
pub fn answer_secret(data_dir: &std::path::Path) -> std::io::Result<[u8; 32]> {
    let path = data_dir.join("answer.secret");
    if !path.exists() {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        keep_answer_secret(data_dir, &secret)?;
    }
    let bytes = std::fs::read(&path)?;
    bytes.try_into().map_err(|_| {
        let what = format!("{}: it is not 32 bytes long\n  hint: remove the file; sessions open then go on at their next start, and people who show codes sign in by a spare code or a passkey and turn codes on anew", path.display());
        std::io::Error::new(std::io::ErrorKind::InvalidData, what)
    })
}

/// Keeps the secret that the other servers of the cluster have.
///
/// # Errors
/// A file that can't be written.
pub fn keep_answer_secret(data_dir: &std::path::Path, secret: &[u8; 32]) -> std::io::Result<()> {
    let file = data_dir.join("answer.secret");
    crate::log::write_whole(&crate::log::Files, &file, &[secret]).map_err(std::io::Error::other)
}

/// What the site keeps of a token. A plain hash will do: tokens are random and long.
#[must_use]
pub fn hash(token: &str) -> Secret {
    Secret(Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_differ_and_tell_what_they_are() {
        let (one, two) = (new_token().unwrap(), new_token().unwrap());
        assert!(one.0.starts_with("grt_") && one.0.len() == 47);
        assert_ne!(one.0, two.0);
        assert_eq!(hash(&one.0), one.1);
    }
}
