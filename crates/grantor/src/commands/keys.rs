//! `grantor keys`: a publisher's root key and signing keys, in a folder that only its owner can read.

use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_license::{Expiry, KeyCertificate, RootKey, SigningKey};
use jiff::civil::Date;

use crate::cli::Keys;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Years for which a signing key is certified.
const YEARS: i16 = 5;

/// A publisher's keys as they lie in a folder.
pub(crate) struct Ring {
    /// The publisher's name.
    pub(crate) publisher: String,
    /// Its public root key.
    pub(crate) root_key: String,
    /// Signs license files.
    pub(crate) signing: SigningKey,
    /// The root key's word for it.
    pub(crate) certificate: KeyCertificate,
}

/// Runs `grantor keys …`.
pub(crate) fn run(command: &Keys) -> Result<ExitCode, Failure> {
    match command {
        Keys::New { folder, publisher } => {
            let public = create(folder, publisher)?;
            output::error(&format!(
                "keys of `{publisher}` written to `{}`; keep `root.key` offline",
                folder.display()
            ));
            output::error("root key for `root_keys` in the server's configuration and for applications:");
            output::data(&public);
        }
        Keys::Rotate { folder } => {
            let id = rotate(folder)?;
            output::error("new signing key; what the old one signed stays valid:");
            output::data(&id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a folder with a root key and a first signing key; gives the public root key.
pub(crate) fn create(folder: &Path, publisher: &str) -> Result<String, Failure> {
    let word =
        !publisher.is_empty() && publisher.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !word {
        return Err(Failure::new(Exit::Usage, format!("`{publisher}` is not a publisher's name"))
            .hint("letters, digits, `.`, `_` and `-`"));
    }
    if folder.join("root.key").exists() {
        return Err(Failure::new(Exit::Refused, format!("`{}` holds keys already", folder.display()))
            .hint("`grantor keys rotate` makes a new signing key; another folder takes another publisher"));
    }
    make_private(folder)?;
    let seed = random()?;
    let root = RootKey::from_seed(seed);
    write_secret(&folder.join("root.key"), &seed)?;
    write(&folder.join("publisher"), publisher, 0o644)?;
    write(&folder.join("root.pub"), &root.public(), 0o644)?;
    new_signing_key(folder, publisher, &root)?;
    Ok(root.public())
}

fn rotate(folder: &Path) -> Result<String, Failure> {
    let publisher = read_text(&folder.join("publisher"))?;
    let root = RootKey::from_seed(read_secret(&folder.join("root.key"))?);
    let old = open(folder)?.signing.id();
    for name in ["signing.key", "signing.cert"] {
        let (from, to) = (folder.join(name), folder.join(format!("retired-{old}-{name}")));
        std::fs::rename(&from, &to).at(&from)?;
    }
    new_signing_key(folder, &publisher, &root)
}

fn new_signing_key(folder: &Path, publisher: &str, root: &RootKey) -> Result<String, Failure> {
    let seed = random()?;
    let key = SigningKey::from_seed(seed);
    let today = today();
    let end = Date::new(today.year() + YEARS, today.month(), 1).unwrap_or(today);
    let certificate = root.certify(publisher, &key.public_key(), today, Expiry::On(end));
    write_secret(&folder.join("signing.key"), &seed)?;
    write(&folder.join("signing.cert"), &certificate.to_line(), 0o644)?;
    Ok(key.id())
}

/// Today on this machine; dates of issue are local dates.
pub(crate) fn today() -> Date {
    jiff::Zoned::now().date()
}

/// The keys in a folder.
pub(crate) fn open(folder: &Path) -> Result<Ring, Failure> {
    let path = folder.join("signing.cert");
    let certificate = KeyCertificate::parse(&read_text(&path)?).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{}` holds no KEY line", path.display()))
            .hint("`grantor keys rotate` makes a new one")
    })?;
    Ok(Ring {
        publisher: read_text(&folder.join("publisher"))?,
        root_key: read_text(&folder.join("root.pub"))?,
        signing: SigningKey::from_seed(read_secret(&folder.join("signing.key"))?),
        certificate,
    })
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut seed = [0; N];
    getrandom::fill(&mut seed).map_err(|error| Failure::new(Exit::Io, format!("no randomness: {error}")))?;
    Ok(seed)
}

pub(super) fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).at(folder)
}

fn write_secret(path: &Path, seed: &[u8; 32]) -> Result<(), Failure> {
    write(path, &format!("grantor-key-v1 {}", STANDARD.encode(seed)), 0o600)
}

pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).at(path)?;
    file.write_all(format!("{text}\n").as_bytes()).at(path)?;
    file.sync_all().at(path)
}

pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).at(path);
    text.map(|text| text.trim().to_owned()).map_err(|failure| {
        failure.hint("`grantor keys new FOLDER --publisher NAME` makes a publisher's keys")
    })
}

pub(super) fn read_secret(path: &Path) -> Result<[u8; 32], Failure> {
    let text = read_text(path)?;
    let seed = text
        .strip_prefix("grantor-key-v1 ")
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| bytes.try_into().ok());
    seed.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("`{}` is not a key that this version of grantor reads", path.display()),
        )
        .hint("restore it from a backup")
    })
}
