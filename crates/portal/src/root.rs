//! A publisher's root key at rest: sealed so that any two of its holders open it together and nobody alone (ASVS 2.3.5). Each
//! holder has a passphrase; each pair of holders has a copy of the seed under a key made of both. No server and no signer has
//! it: it is opened where keys are certified and revoked. May not read files or ask for passphrases.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_license::RootKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::passphrase::{NONCE, SALT, SealError, WORK, Work, decrypt, encrypt, exactly, stretch};

/// The version of the file.
const VERSION: u32 = 1;
/// Holders of one key, at most: each pair has its copy.
const MOST: usize = 8;

/// Why a root key is not sealed, or not opened.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// One person alone, or one twice.
    #[error("a root key is opened by two different holders, and `{0}` is one")]
    SamePerson(String),
    /// Not as many as there must be.
    #[error("a root key has from 2 to {MOST} holders, each with a name of their own")]
    Holders,
    /// Two that chose the same passphrase.
    #[error("`{0}` and `{1}` have the same passphrase: each of them could open the key alone")]
    SamePassphrase(String, String),
    /// Nobody of that name.
    #[error("`{name}` is no holder of this root key; its holders are {}", holders.join(", "))]
    NotAHolder {
        /// Who.
        name: String,
        /// Who is.
        holders: Vec<String>,
    },
    /// Not such a file.
    #[error("this is no root key file: {0}")]
    NotARootFile(String),
    /// A version that is not known.
    #[error("the root key file has version {0}; this grantor knows version {VERSION}")]
    Version(u32),
    /// At least one is wrong.
    #[error("the two passphrases don't open the root key, or its file was changed")]
    Passphrases,
    /// No randomness.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl From<SealError> for RootError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NotSealed(why) => Self::NotARootFile(why),
            SealError::Passphrase => Self::Passphrases,
        }
    }
}

/// Somebody who holds a root key with others.
#[derive(Clone)]
pub struct Holder {
    /// Their name, as it stands in the file.
    pub name: String,
    /// What they know.
    pub passphrase: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
struct RootFile {
    version: u32,
    publisher: String,
    public: String,
    #[serde(flatten)]
    work: Work,
    holders: Vec<Share>,
    pairs: Vec<Pair>,
}

/// A holder, and the salt of their passphrase.
#[derive(Serialize, Deserialize)]
struct Share {
    name: String,
    salt: String,
}

/// The seed, under a key of two holders.
#[derive(Serialize, Deserialize)]
struct Pair {
    holders: [String; 2],
    nonce: String,
    sealed: String,
}

fn random<const N: usize>() -> Result<[u8; N], RootError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// What two stretched passphrases make together, in the order of the file.
fn joint(first: &[u8; 32], second: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let digest = Sha256::new().chain_update(b"grantor/root-pair/v1").chain_update(first).chain_update(second);
    Zeroizing::new(digest.finalize().into())
}

fn about(publisher: &str, public: &str, holders: &[String; 2]) -> String {
    format!("grantor root key, version {VERSION}\n{publisher}\n{public}\n{}\n{}", holders[0], holders[1])
}

/// Seals the seed of a publisher's root key for its holders.
///
/// # Errors
/// Too few or too many holders, two of one name or passphrase; no randomness.
pub fn seal(publisher: &str, seed: &[u8; 32], holders: &[Holder]) -> Result<String, RootError> {
    check(holders)?;
    let public = RootKey::from_seed(*seed).public();
    let (mut shares, mut keys, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for holder in holders {
        let salt = random::<SALT>()?;
        keys.push(stretch(&holder.passphrase, &salt, WORK)?);
        shares.push(Share { name: holder.name.clone(), salt: STANDARD.encode(salt) });
    }
    for (second, holder) in holders.iter().enumerate() {
        for (first, other) in holders.iter().enumerate().take(second) {
            let (Some(one), Some(two)) = (keys.get(first), keys.get(second)) else { continue };
            let names = [other.name.clone(), holder.name.clone()];
            let nonce = random::<NONCE>()?;
            let sealed = encrypt(&joint(one, two), &nonce, seed, &about(publisher, &public, &names))?;
            pairs.push(Pair { holders: names, nonce: STANDARD.encode(nonce), sealed });
        }
    }
    let publisher = publisher.to_owned();
    let file = RootFile { version: VERSION, publisher, public, work: WORK, holders: shares, pairs };
    let text = serde_json::to_string_pretty(&file);
    text.map(|text| text + "\n").map_err(|error| RootError::NotARootFile(error.to_string()))
}

fn check(holders: &[Holder]) -> Result<(), RootError> {
    let names: BTreeSet<&str> = holders.iter().map(|holder| holder.name.as_str()).collect();
    if names.len() != holders.len() || !(2..=MOST).contains(&names.len()) || names.contains("") {
        return Err(RootError::Holders);
    }
    for (at, holder) in holders.iter().enumerate() {
        let same = holders.iter().take(at).find(|other| other.passphrase == holder.passphrase);
        if let Some(other) = same {
            return Err(RootError::SamePassphrase(other.name.clone(), holder.name.clone()));
        }
    }
    Ok(())
}

/// Who holds a root key.
///
/// # Errors
/// [`RootError::NotARootFile`], [`RootError::Version`].
pub fn holders(text: &str) -> Result<Vec<String>, RootError> {
    Ok(read(text)?.holders.into_iter().map(|share| share.name).collect())
}

fn read(text: &str) -> Result<RootFile, RootError> {
    let file: RootFile =
        serde_json::from_str(text).map_err(|error| RootError::NotARootFile(error.to_string()))?;
    if file.version == VERSION { Ok(file) } else { Err(RootError::Version(file.version)) }
}

/// Opens a root key by two of its holders; gives the publisher and the seed.
///
/// # Errors
/// [`RootError`]: the same person twice, somebody who holds none of it, a wrong passphrase.
pub fn open(text: &str, two: &[Holder; 2]) -> Result<(String, Zeroizing<[u8; 32]>), RootError> {
    if two[0].name == two[1].name {
        return Err(RootError::SamePerson(two[0].name.clone()));
    }
    let file = read(text)?;
    let at = |holder: &Holder| {
        let found = file.holders.iter().position(|share| share.name == holder.name);
        let holders = || file.holders.iter().map(|share| share.name.clone()).collect();
        found.ok_or_else(|| RootError::NotAHolder { name: holder.name.clone(), holders: holders() })
    };
    let [one, two] = two;
    let (first, second) = if at(one)? < at(two)? { (one, two) } else { (two, one) };
    let names = [first.name.clone(), second.name.clone()];
    let pair = file.pairs.iter().find(|pair| pair.holders == names);
    let pair = pair.ok_or_else(|| RootError::NotARootFile("it has no copy for this pair".to_owned()))?;
    let key = |holder: &Holder| -> Result<Zeroizing<[u8; 32]>, RootError> {
        let share = file.holders.iter().find(|share| share.name == holder.name);
        let salt = exactly::<SALT>(share.map_or("", |share| &share.salt))?;
        Ok(stretch(&holder.passphrase, &salt, file.work)?)
    };
    let joint = joint(&*key(first)?, &*key(second)?);
    let plain = decrypt(&joint, &pair.nonce, &pair.sealed, &about(&file.publisher, &file.public, &names))?;
    let seed: [u8; 32] = plain.as_slice().try_into().map_err(|_| RootError::Passphrases)?;
    Ok((file.publisher, Zeroizing::new(seed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str) -> Holder {
        Holder { name: name.to_owned(), passphrase: Zeroizing::new(format!("the passphrase of {name}")) }
    }

    fn three() -> String {
        seal("acme", &[7; 32], &["ada", "bob", "cy"].map(holder)).unwrap()
    }

    #[test]
    fn any_two_holders_open_a_root_key_and_nobody_alone() {
        let text = three();
        for pair in [["ada", "bob"], ["bob", "ada"], ["ada", "cy"], ["cy", "bob"]] {
            let (publisher, seed) = open(&text, &pair.map(holder)).unwrap();
            assert_eq!((publisher.as_str(), *seed), ("acme", [7; 32]));
        }
        assert!(matches!(open(&text, &["ada", "ada"].map(holder)), Err(RootError::SamePerson(_))));
        assert!(matches!(open(&text, &["ada", "eve"].map(holder)), Err(RootError::NotAHolder { .. })));
        let as_bob = Holder { name: "bob".to_owned(), ..holder("ada") };
        assert!(matches!(open(&text, &[holder("ada"), as_bob]), Err(RootError::Passphrases)));
        assert_eq!(holders(&text).unwrap(), ["ada", "bob", "cy"]);
    }

    #[test]
    fn a_root_key_that_one_could_open_alone_is_not_sealed() {
        assert!(matches!(seal("acme", &[7; 32], &[holder("ada")]), Err(RootError::Holders)));
        assert!(matches!(seal("acme", &[7; 32], &["ada", "ada"].map(holder)), Err(RootError::Holders)));
        let as_bob = Holder { name: "bob".to_owned(), ..holder("ada") };
        let same = seal("acme", &[7; 32], &[holder("ada"), as_bob]);
        assert!(matches!(same, Err(RootError::SamePassphrase(..))));
    }

    #[test]
    fn a_root_key_file_that_was_changed_does_not_open() {
        for (from, to) in [("\"acme\"", "\"eve\""), ("\"passes\": 3", "\"passes\": 2")] {
            let changed = three().replace(from, to);
            assert!(
                matches!(open(&changed, &["ada", "bob"].map(holder)), Err(RootError::Passphrases)),
                "{from}"
            );
        }
        let greedy = three().replace("\"passes\": 3", "\"passes\": 3000000");
        assert!(matches!(open(&greedy, &["ada", "bob"].map(holder)), Err(RootError::NotARootFile(_))));
        assert!(matches!(open("{}", &["ada", "bob"].map(holder)), Err(RootError::NotARootFile(_))));
    }
}
