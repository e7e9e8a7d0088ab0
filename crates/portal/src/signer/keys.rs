//! A signer's keys at rest, a file each: in the clear what everybody may know, the seed sealed with the signer's passphrase. May
//! not read files or ask for passphrases.

use grantor_license::SigningKey;
use serde::{Deserialize, Serialize};

use super::{LogKey, log_signer};
use crate::passphrase::{SealError, Sealed};

/// The version of the files.
const VERSION: u32 = 1;

/// What is wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A name that a log's key can't have.
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
}

impl From<SealError> for KeysError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NotSealed(why) => Self::NotAKeyFile(why),
            SealError::Passphrase => Self::Passphrase,
        }
    }
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Purpose {
    /// Signs license files.
    LicenseFiles,
    /// Signs the log's checkpoints.
    Log,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    purpose: Purpose,
    /// A signing key's id; the log's name.
    name: String,
    /// The public half.
    public: String,
    #[serde(flatten)]
    sealed: Sealed,
}

/// What is in the clear is sealed along: a file that says something else does not open.
fn about(purpose: Purpose, name: &str, public: &str) -> String {
    format!("grantor signer key, version {VERSION}\n{purpose:?}\n{name}\n{public}")
}

fn write(
    purpose: Purpose,
    (name, public): (&str, &str),
    seed: &[u8; 32],
    passphrase: &str,
    random: &[u8; 40],
) -> Result<String, KeysError> {
    let sealed = Sealed::seal(seed, passphrase, &about(purpose, name, public), random)?;
    let (name, public) = (name.to_owned(), public.to_owned());
    let text = serde_json::to_string_pretty(&KeyFile { version: VERSION, purpose, name, public, sealed });
    text.map(|text| text + "\n").map_err(|error| KeysError::NotAKeyFile(error.to_string()))
}

fn read(text: &str, purpose: Purpose) -> Result<KeyFile, KeysError> {
    let file: KeyFile =
        serde_json::from_str(text).map_err(|error| KeysError::NotAKeyFile(error.to_string()))?;
    match file {
        file if file.version != VERSION => Err(KeysError::Version(file.version)),
        file if file.purpose != purpose => Err(KeysError::NotAKeyFile("its key is for other use".to_owned())),
        file => Ok(file),
    }
}

/// Seals the seed of a signing key; `random` is 40 random bytes.
///
/// # Errors
/// What argon2 says.
pub fn seal_key(seed: &[u8; 32], passphrase: &str, random: &[u8; 40]) -> Result<String, KeysError> {
    let key = SigningKey::from_seed(*seed);
    write(Purpose::LicenseFiles, (&key.id(), &key.public()), seed, passphrase, random)
}

/// Opens a signing key.
///
/// # Errors
/// [`KeysError`].
pub fn unseal_key(text: &str, passphrase: &str) -> Result<SigningKey, KeysError> {
    let file = read(text, Purpose::LicenseFiles)?;
    let seed = file.sealed.seed(passphrase, &about(file.purpose, &file.name, &file.public))?;
    Ok(SigningKey::from_seed(*seed))
}

/// Seals the seed of a log's key; gives the file's text and the log's public key.
///
/// # Errors
/// A name that a log can't have.
pub fn seal_log(
    name: &str,
    seed: &[u8; 32],
    passphrase: &str,
    random: &[u8; 40],
) -> Result<(String, String), KeysError> {
    let (_, public) = log_signer(name, seed)?;
    Ok((write(Purpose::Log, (name, &public), seed, passphrase, random)?, public))
}

/// Opens a log's key: its signer, and its public key.
///
/// # Errors
/// [`KeysError`].
pub fn unseal_log(text: &str, passphrase: &str) -> Result<LogKey, KeysError> {
    let file = read(text, Purpose::Log)?;
    let seed = file.sealed.seed(passphrase, &about(file.purpose, &file.name, &file.public))?;
    log_signer(&file.name, &seed)
}
