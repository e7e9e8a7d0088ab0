//! The signer's key file: two seeds sealed with a passphrase (argon2id, XChaCha20-Poly1305), and beside them in the clear what
//! everybody may know. May not read files or ask for passphrases.

use argon2::{Algorithm, Argon2, Params};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use grantor_license::{KeyCertificate, SigningKey};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::log_signer;

/// The version of the file.
const VERSION: u32 = 1;
/// Memory of argon2id in KiB, and passes (reliability reference §4.2).
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A publisher's name that a log's key can't have.
    #[error("`{0}` can't be the name of a log: it has blanks or `+`, or is empty")]
    Name(String),
    /// Not a key file.
    #[error("this is no key file of a signer: {0}")]
    NotAKeyFile(String),
    /// A version that is not known.
    #[error("the key file has version {0}; this grantor knows version {VERSION}")]
    Version(u32),
    /// The passphrase is another one, or the file was changed.
    #[error("the passphrase does not open the key file, or the file was changed")]
    Passphrase,
    /// The certificate is for another key.
    #[error("the certificate is not that of the signing key")]
    Certificate,
}

/// What the signer needs; never shown.
pub struct Secrets {
    pub(crate) signing: SigningKey,
    pub(crate) certificate: KeyCertificate,
    pub(crate) log: signed_note::StandardSigner,
    /// To verify checkpoints with; public.
    pub log_key: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("log_key", &self.log_key).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    certificate: String,
    log_key: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

impl KeyFile {
    /// What is in the clear is sealed along: another certificate needs the passphrase.
    fn open_part(&self) -> String {
        format!("{}\n{}\n{}", self.version, self.certificate, self.log_key)
    }
}

fn cipher(
    passphrase: &str,
    salt: &[u8],
    (memory, passes): (u32, u32),
) -> Result<XChaCha20Poly1305, KeysError> {
    // A file that somebody wrote may not take all memory.
    if memory > 1 << 20 || passes > 20 {
        return Err(KeysError::NotAKeyFile("it asks for too much memory or time".to_owned()));
    }
    let odd = |error: argon2::Error| KeysError::NotAKeyFile(error.to_string());
    let params = Params::new(memory, passes, 1, Some(32)).map_err(odd)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut *key).map_err(odd)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

/// Seals the seeds of the signing key and of the log's key; `random` is 40 random bytes.
///
/// # Errors
/// A certificate of another key; a publisher's name that a log can't have.
pub fn seal(
    mut seeds: [[u8; 32]; 2],
    certificate: &KeyCertificate,
    passphrase: &str,
    random: &[u8; 40],
) -> Result<String, KeysError> {
    if SigningKey::from_seed(seeds[0]).id() != certificate.id() {
        return Err(KeysError::Certificate);
    }
    let (_, log_key) = log_signer(certificate.publisher(), &seeds[1])?;
    let (salt, nonce) = random.split_at(16);
    let mut file = KeyFile {
        version: VERSION,
        certificate: certificate.to_line(),
        log_key,
        memory_kib: MEMORY,
        passes: PASSES,
        salt: STANDARD.encode(salt),
        nonce: STANDARD.encode(nonce),
        sealed: String::new(),
    };
    let plain = Zeroizing::new(seeds.concat());
    seeds.zeroize();
    let open_part = file.open_part();
    let payload = Payload { msg: &plain, aad: open_part.as_bytes() };
    let sealed = cipher(passphrase, salt, (MEMORY, PASSES))?.encrypt(XNonce::from_slice(nonce), payload);
    file.sealed = STANDARD.encode(sealed.map_err(|_| KeysError::Passphrase)?);
    let text = serde_json::to_string_pretty(&file);
    text.map(|text| text + "\n").map_err(|error| KeysError::NotAKeyFile(error.to_string()))
}

/// Opens a key file.
///
/// # Errors
/// [`KeysError`].
pub fn unseal(text: &str, passphrase: &str) -> Result<Secrets, KeysError> {
    let file: KeyFile =
        serde_json::from_str(text).map_err(|error| KeysError::NotAKeyFile(error.to_string()))?;
    if file.version != VERSION {
        return Err(KeysError::Version(file.version));
    }
    let bytes = |text: &str| STANDARD.decode(text).map_err(|error| KeysError::NotAKeyFile(error.to_string()));
    let (salt, nonce, sealed) = (bytes(&file.salt)?, bytes(&file.nonce)?, bytes(&file.sealed)?);
    if nonce.len() != 24 {
        return Err(KeysError::NotAKeyFile("its nonce has not 24 bytes".to_owned()));
    }
    let open_part = file.open_part();
    let payload = Payload { msg: &sealed, aad: open_part.as_bytes() };
    let cipher = cipher(passphrase, &salt, (file.memory_kib, file.passes))?;
    let plain = cipher.decrypt(XNonce::from_slice(&nonce), payload).map_err(|_| KeysError::Passphrase)?;
    let plain = Zeroizing::new(plain);
    let seed = |from: usize| plain.get(from..from + 32).and_then(|seed| seed.try_into().ok());
    let (Some(signing), Some(log)) = (seed(0), seed(32)) else { return Err(KeysError::Passphrase) };
    let signing = SigningKey::from_seed(signing);
    let certificate = KeyCertificate::parse(&file.certificate).ok_or(KeysError::Certificate)?;
    let (log, log_key) = log_signer(certificate.publisher(), &log)?;
    Ok(Secrets { signing, certificate, log, log_key })
}
