//! `grantor keys`: a publisher's root key and signing keys, in a folder that only its owner can read. This is the offline side:
//! nothing here reaches a network, and where the root key has holders, two of them must be there.

use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_license::{Expiry, KeyCertificate, PublicKey, RootKey, SigningKey};
use grantor_portal::root::{self, Holder, RootError};
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::secret::passphrase;
use crate::cli::{HolderArgs, Keys};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Years for which a signing key is certified.
const YEARS: i16 = 5;
/// How a key in the clear begins.
const PLAIN: &str = "grantor-key-v1 ";

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

impl From<RootError> for Failure {
    fn from(error: RootError) -> Self {
        let (exit, hint) = match &error {
            RootError::SamePerson(_) => (Exit::Refused, "`--holder` twice, with two names"),
            RootError::Holders => (Exit::Usage, "`--holder NAME` for each of them"),
            RootError::SamePassphrase(..) => (Exit::Refused, "let each of them choose one alone"),
            RootError::NotAHolder { .. } => (Exit::Refused, "`--holder` takes two of these"),
            RootError::NotARootFile(_) => (Exit::Usage, "restore `root.key` from its copy"),
            RootError::Version(_) => (Exit::Usage, "take the grantor that made it, or a later one"),
            RootError::Passphrases => (Exit::NotAllowed, "let both enter theirs again"),
            RootError::Randomness(_) => (Exit::Io, "try again"),
        };
        Self::new(exit, error).hint(hint)
    }
}

/// Runs `grantor keys …`.
pub(crate) fn run(command: &Keys) -> Result<ExitCode, Failure> {
    match command {
        Keys::New { folder, publisher, holders } => {
            let public = create(folder, publisher, &all(holders, &holders.holder)?)?;
            tell_of_new(folder, publisher, holders);
            output::data(&public);
        }
        Keys::Rotate { folder, holders } => {
            let id = rotate(folder, holders)?;
            output::error("new signing key; what the old one signed stays valid:");
            output::data(&id);
        }
        Keys::Certify { folder, public_key, from, until, output, holders } => {
            let line = certify(folder, public_key, (*from, *until), holders)?;
            hand_out(output.as_deref(), &line)?;
        }
        Keys::Revoke { folder, key, from, output, holders } => {
            let (publisher, root) = root(folder, holders)?;
            hand_out(output.as_deref(), &root.revoke(&publisher, &id(key)?, *from).to_line())?;
        }
        Keys::Holders { folder, new_holder, holders } => share(folder, new_holder, holders)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_of_new(folder: &Path, publisher: &str, holders: &HolderArgs) {
    output::error(&format!(
        "keys of `{publisher}` written to `{}`; keep `root.key` offline",
        folder.display()
    ));
    if holders.holder.is_empty() {
        output::error(
            "note: one person alone can use this root key; `grantor keys holders` gives it several, of whom it takes two",
        );
    }
    output::error("root key for `root_keys` in the server's configuration and for applications:");
}

/// A line for others: into a file, or to standard output.
fn hand_out(to: Option<&Path>, line: &str) -> Result<(), Failure> {
    match to {
        Some(path) => write(path, line, 0o644),
        None => {
            output::data(line);
            Ok(())
        }
    }
}

/// Makes a folder with a root key and a first signing key; gives the public root key. Without holders the root key lies there in
/// the clear.
pub(crate) fn create(folder: &Path, publisher: &str, holders: &[Holder]) -> Result<String, Failure> {
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
    let seed = random()?;
    let root = RootKey::from_seed(seed);
    let kept = if holders.is_empty() { plain(&seed) } else { root::seal(publisher, &seed, holders)? };
    make_private(folder)?;
    write(&folder.join("root.key"), kept.trim_end(), 0o600)?;
    write(&folder.join("publisher"), publisher, 0o644)?;
    write(&folder.join("root.pub"), &root.public(), 0o644)?;
    new_signing_key(folder, publisher, &root)?;
    Ok(root.public())
}

/// The named holders with their passphrases, which are new.
fn all(holders: &HolderArgs, names: &[String]) -> Result<Vec<Holder>, Failure> {
    names.iter().map(|name| holder(holders, name, true)).collect()
}

fn holder(holders: &HolderArgs, name: &str, is_new: bool) -> Result<Holder, Failure> {
    let of = |word: &&String| word.split_once('=').is_some_and(|(whose, _)| whose == name);
    let file = holders.passphrase_file.iter().find(of).and_then(|word| word.split_once('='));
    let file = file.map(|(_, path)| Path::new(path));
    let passphrase = passphrase(&format!("passphrase of {name}"), file, is_new)?;
    Ok(Holder { name: name.to_owned(), passphrase: Zeroizing::new(passphrase) })
}

/// The publisher and its root key, opened by two holders if it has any.
fn root(folder: &Path, holders: &HolderArgs) -> Result<(String, RootKey), Failure> {
    let path = folder.join("root.key");
    let kept = read_text(&path)?;
    if kept.starts_with(PLAIN) {
        output::error("note: one person alone can use this root key; `grantor keys holders` changes that");
        return Ok((read_text(&folder.join("publisher"))?, RootKey::from_seed(read_secret(&path)?)));
    }
    let there = root::holders(&kept)?;
    let [one, two] = holders.holder.as_slice() else {
        return Err(Failure::new(Exit::Refused, "it takes two of the root key's holders")
            .hint(format!("`--holder NAME` twice; they are {}", there.join(", "))));
    };
    if one == two {
        return Err(RootError::SamePerson(one.clone()).into());
    }
    let two = [holder(holders, one, false)?, holder(holders, two, false)?];
    let (publisher, seed) = root::open(&kept, &two)?;
    Ok((publisher, RootKey::from_seed(*seed)))
}

fn rotate(folder: &Path, holders: &HolderArgs) -> Result<String, Failure> {
    let (publisher, root) = root(folder, holders)?;
    let line = read_text(&folder.join("signing.cert"))?;
    let old = KeyCertificate::parse(&line).ok_or_else(|| not_certified(&folder.join("signing.cert")))?;
    for name in ["signing.key", "signing.cert"] {
        let (from, to) = (folder.join(name), folder.join(format!("retired-{}-{name}", old.id())));
        if from.exists() {
            std::fs::rename(&from, &to).at(&from)?;
        }
    }
    new_signing_key(folder, &publisher, &root)
}

fn new_signing_key(folder: &Path, publisher: &str, root: &RootKey) -> Result<String, Failure> {
    let seed = random()?;
    let key = SigningKey::from_seed(seed);
    let certificate = root.certify(publisher, &key.public_key(), today(), Expiry::On(in_years(today())));
    write(&folder.join("signing.key"), &plain(&seed), 0o600)?;
    write(&folder.join("signing.cert"), &certificate.to_line(), 0o644)?;
    Ok(key.id())
}

fn in_years(day: Date) -> Date {
    Date::new(day.year() + YEARS, day.month(), 1).unwrap_or(day)
}

/// The certificate of a key that is elsewhere: in a signer, on a token.
fn certify(
    folder: &Path,
    public_key: &str,
    (from, until): (Option<Date>, Option<Date>),
    holders: &HolderArgs,
) -> Result<String, Failure> {
    let key = PublicKey::parse(public_key.trim()).map_err(|error| {
        Failure::new(Exit::Usage, format!("`{public_key}` {error}"))
            .hint("`grantor signer new-key` prints it")
    })?;
    let from = from.unwrap_or_else(today);
    let until = until.unwrap_or_else(|| in_years(today()));
    if until < from {
        return Err(Failure::new(
            Exit::Usage,
            format!("the key would end on {until}, before it begins on {from}"),
        ));
    }
    let (publisher, root) = root(folder, holders)?;
    Ok(root.certify(&publisher, &key, from, Expiry::On(until)).to_line())
}

/// The id of a key, as tools show it.
fn id(text: &str) -> Result<String, Failure> {
    let is_id = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let wrong = || {
        Failure::new(Exit::Usage, format!("`{text}` is no key's id"))
            .hint("16 digits of `grantor portal key list`, or of a file's KEY line")
    };
    if is_id { Ok(text.to_owned()) } else { Err(wrong()) }
}

/// Seals the root key for other holders. The file that was there is overwritten; who has a copy of it can still use that.
fn share(folder: &Path, new: &[String], holders: &HolderArgs) -> Result<(), Failure> {
    let (path, kept) = (folder.join("root.key"), folder.join("root.key.new"));
    let text = read_text(&path)?;
    let seed = if text.starts_with(PLAIN) {
        Zeroizing::new(read_secret(&path)?)
    } else {
        let [one, two] = holders.holder.as_slice() else {
            return Err(RootError::Holders.into());
        };
        root::open(&text, &[holder(holders, one, false)?, holder(holders, two, false)?])?.1
    };
    let sealed = root::seal(&read_text(&folder.join("publisher"))?, &seed, &all(holders, new)?)?;
    write(&kept, sealed.trim_end(), 0o600)?;
    std::fs::rename(&kept, &path).at(&path)?;
    output::error(&format!(
        "any two of {} open the root key now; destroy every copy of the file before",
        new.join(", ")
    ));
    Ok(())
}

/// Today on this machine; dates of issue are local dates.
pub(crate) fn today() -> Date {
    jiff::Zoned::now().date()
}

/// The keys in a folder.
pub(crate) fn open(folder: &Path) -> Result<Ring, Failure> {
    let path = folder.join("signing.cert");
    let certificate = KeyCertificate::parse(&read_text(&path)?).ok_or_else(|| not_certified(&path))?;
    Ok(Ring {
        publisher: read_text(&folder.join("publisher"))?,
        root_key: read_text(&folder.join("root.pub"))?,
        signing: SigningKey::from_seed(read_secret(&folder.join("signing.key"))?),
        certificate,
    })
}

fn not_certified(path: &Path) -> Failure {
    Failure::new(Exit::Usage, format!("`{}` holds no KEY line", path.display()))
        .hint("`grantor keys rotate` makes a new one")
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

fn plain(seed: &[u8; 32]) -> String {
    format!("{PLAIN}{}", STANDARD.encode(seed))
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
        .strip_prefix(PLAIN)
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
