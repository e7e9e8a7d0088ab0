//! What a passphrase seals: argon2id makes a key of it, XChaCha20-Poly1305 seals with that. May not read files, make
//! randomness or ask for passphrases.

use argon2::{Algorithm, Argon2, Params};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of salt and of nonce.
pub(crate) const SALT: usize = 16;
pub(crate) const NONCE: usize = 24;

/// What is wrong with something sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not what this seals.
    #[error("this is not sealed by grantor: {0}")]
    NotSealed(String),
    /// Another passphrase, or what was sealed was changed.
    #[error("the passphrase does not open it, or it was changed")]
    Passphrase,
}

/// How much work a guess is: memory in KiB, and passes (reliability reference §4.2).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Work {
    memory_kib: u32,
    passes: u32,
}

/// What is sealed today.
pub(crate) const WORK: Work = Work { memory_kib: 64 * 1024, passes: 3 };

/// The key that a passphrase makes with this salt.
pub(crate) fn stretch(passphrase: &str, salt: &[u8], work: Work) -> Result<Zeroizing<[u8; 32]>, SealError> {
    // A file that somebody wrote may not take all memory.
    if work.memory_kib > 1 << 20 || work.passes > 20 {
        return Err(SealError::NotSealed("it asks for too much memory or time".to_owned()));
    }
    let odd = |error: argon2::Error| SealError::NotSealed(error.to_string());
    let params = Params::new(work.memory_kib, work.passes, 1, Some(32)).map_err(odd)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut *key).map_err(odd)?;
    Ok(key)
}

/// Seals with a key. `about` is what everybody may read of it, and opens with no other.
pub(crate) fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    plain: &[u8],
    about: &str,
) -> Result<String, SealError> {
    let payload = Payload { msg: plain, aad: about.as_bytes() };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(XNonce::from_slice(nonce), payload);
    sealed.map(|bytes| STANDARD.encode(bytes)).map_err(|_| SealError::Passphrase)
}

/// Opens what [`encrypt`] sealed.
pub(crate) fn decrypt(
    key: &[u8; 32],
    nonce: &str,
    sealed: &str,
    about: &str,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let nonce: [u8; NONCE] = exactly(nonce)?;
    let payload = Payload { msg: &bytes(sealed)?, aad: about.as_bytes() };
    let plain = XChaCha20Poly1305::new(key.into()).decrypt(XNonce::from_slice(&nonce), payload);
    plain.map(Zeroizing::new).map_err(|_| SealError::Passphrase)
}

fn bytes(text: &str) -> Result<Vec<u8>, SealError> {
    STANDARD.decode(text).map_err(|error| SealError::NotSealed(error.to_string()))
}

/// So many bytes in base64.
pub(crate) fn exactly<const N: usize>(text: &str) -> Result<[u8; N], SealError> {
    bytes(text)?.try_into().map_err(|_| SealError::NotSealed(format!("a field has not {N} bytes")))
}

/// Something that one passphrase opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sealed {
    #[serde(flatten)]
    work: Work,
    salt: String,
    nonce: String,
    sealed: String,
}

impl Sealed {
    /// Seals; `random` are random bytes that are used for nothing else.
    pub(crate) fn seal(
        plain: &[u8],
        passphrase: &str,
        about: &str,
        random: &[u8; SALT + NONCE],
    ) -> Result<Self, SealError> {
        let (salt, nonce) = random.split_at(SALT);
        let nonce: &[u8; NONCE] =
            nonce.try_into().map_err(|_| SealError::NotSealed("no nonce".to_owned()))?;
        let sealed = encrypt(&*stretch(passphrase, salt, WORK)?, nonce, plain, about)?;
        Ok(Self { work: WORK, salt: STANDARD.encode(salt), nonce: STANDARD.encode(nonce), sealed })
    }

    /// Opens a seed of 32 bytes.
    pub(crate) fn seed(&self, passphrase: &str, about: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let key = stretch(passphrase, &exactly::<SALT>(&self.salt)?, self.work)?;
        let plain = decrypt(&key, &self.nonce, &self.sealed, about)?;
        plain.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError::Passphrase)
    }
}
