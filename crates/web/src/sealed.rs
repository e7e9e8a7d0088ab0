//! Secrets that must be read again, such as the keys of people's codes: sealed by a key that is not in the database.

use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE: usize = 24;
/// What tags are written with: nothing that is mistaken for something else.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"))
}

/// The key that seals; of one service, and of all its processes.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
    tags: Hmac<Sha256>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seal")
    }
}

impl Seal {
    /// The key in the file; made at the first start.
    ///
    /// # Errors
    /// A file that can't be read or written, or is not 32 bytes long.
    pub fn open(file: &Path) -> io::Result<Self> {
        if !file.exists() {
            make(file)?;
        }
        let bytes = Zeroizing::new(std::fs::read(file)?);
        let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: it is not 32 bytes long", file.display()))
        })?;
        Ok(Self::of(key))
    }

    /// The key that is worked out from a secret which serves other purposes, too.
    #[must_use]
    pub fn for_purpose(secret: &[u8; 32], purpose: &str) -> Self {
        let mut derived = hmac(secret);
        derived.update(purpose.as_bytes());
        Self::of(&derived.finalize().into_bytes().into())
    }

    fn of(key: &[u8; 32]) -> Self {
        // Another key than the cipher's, from the same bytes.
        let mut derived = hmac(key);
        derived.update(b"grantor portal: tags");
        let tags = hmac(&derived.finalize().into_bytes());
        Self { cipher: XChaCha20Poly1305::new(key.into()), tags }
    }

    /// A tag that only this service can make, in small letters and digits: for links and addresses that need no account.
    #[must_use]
    pub fn tag(&self, purpose: &str, what: &str) -> String {
        let mut tag = self.tags.clone();
        tag.update(purpose.as_bytes());
        tag.update(&[0]);
        tag.update(what.as_bytes());
        tag.finalize().into_bytes().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }

    /// Seals; what was sealed for one `whose` can't be opened for another.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn seal(&self, whose: &str, secret: &[u8]) -> io::Result<String> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let payload = Payload { msg: secret, aad: whose.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| io::Error::other("it can't be sealed"))?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed; `None` for what was not sealed by this key for that person.
    #[must_use]
    pub fn unseal(&self, whose: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let payload = Payload { msg: sealed, aad: whose.as_bytes() };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }
}

/// Makes the file whole under another name first: of several that start at once all read what the first one made.
fn make(file: &Path) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only its owner reads it.
    let mut made = tempfile::NamedTempFile::new_in(folder)?;
    made.write_all(&*bytes)?;
    made.as_file().sync_all()?;
    match made.persist_noclobber(file) {
        Ok(_) => std::fs::File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_person_only() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("one")).unwrap();
        let text = seal.seal("ada", b"key").unwrap();
        let again = Seal::open(&folder.path().join("one")).unwrap();
        assert_eq!(again.unseal("ada", &text).unwrap().as_slice(), b"key");
        assert!(again.unseal("bob", &text).is_none());
        assert!(Seal::open(&folder.path().join("two")).unwrap().unseal("ada", &text).is_none());
        assert!(again.unseal("ada", "!").is_none() && again.unseal("ada", "").is_none());
    }

    #[test]
    fn of_many_that_start_at_once_all_have_the_same_key_and_nothing_else_is_left() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let (file, start) = (folder.path().join("seal.key"), std::sync::Barrier::new(8));
            let seals: Vec<Seal> = std::thread::scope(|scope| {
                let open = || {
                    start.wait();
                    Seal::open(&file).unwrap()
                };
                let tasks: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                tasks.into_iter().map(|task| task.join().unwrap()).collect()
            });
            let text = seals[0].seal("ada", b"key").unwrap();
            assert!(seals.iter().all(|seal| seal.unseal("ada", &text).is_some()));
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
