//! `grantor signer` and `grantor audit`: the process that holds the signing key, and the proof of what it saw.

use std::path::Path;
use std::process::ExitCode;

use grantor_license::KeyCertificate;
use grantor_portal::ledger::verify_export;
use grantor_portal::signer::{KeysError, Server, prepare, seal, unseal};

use super::keys::{make_private, random, read_secret, read_text, write};
use crate::cli::{Audit, Signer};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Characters of a passphrase, at least (reliability reference §4.1).
const SHORTEST: usize = 15;
/// The sealed keys in a signer's folder.
const KEY_FILE: &str = "signer.keys";

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        let exit = if matches!(error, KeysError::Passphrase) { Exit::NotAllowed } else { Exit::Usage };
        Self::new(exit, error)
    }
}

/// Runs `grantor signer …`.
pub(crate) fn run(command: &Signer) -> Result<ExitCode, Failure> {
    match command {
        Signer::Init { folder, keys, passphrase_file } => init(folder, keys, passphrase_file.as_deref()),
        Signer::Run { folder, socket, passphrase_file } => {
            let socket = socket.clone().unwrap_or_else(|| folder.join("signer.sock"));
            serve(folder, &socket, passphrase_file.as_deref())
        }
    }
}

fn init(folder: &Path, keys: &Path, passphrase_file: Option<&Path>) -> Result<ExitCode, Failure> {
    let certificate = KeyCertificate::parse(&read_text(&keys.join("signing.cert"))?)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("`{}` holds no KEY line", keys.display())))?;
    let passphrase = passphrase(passphrase_file, true)?;
    let signing = read_secret(&keys.join("signing.key"))?;
    let sealed = seal([signing, random()?], &certificate, &passphrase, &random()?)?;
    let log_key = unseal(&sealed, &passphrase)?.log_key;
    make_private(folder)?;
    prepare(folder).map_err(|error| {
        Failure::new(Exit::Refused, error).hint("a folder has one signer; another one takes another folder")
    })?;
    write(&folder.join(KEY_FILE), sealed.trim_end(), 0o600)?;
    output::error(&format!(
        "sealed in `{}`; now delete `{}`",
        folder.display(),
        keys.join("signing.key").display()
    ));
    output::error("the log's key, for `grantor audit verify` and for whoever is to believe the log:");
    output::data(&log_key);
    Ok(ExitCode::SUCCESS)
}

/// From the file, or asked for; twice where it is new.
fn passphrase(file: Option<&Path>, is_new: bool) -> Result<String, Failure> {
    let passphrase = match file {
        Some(path) => std::fs::read_to_string(path).at(path)?.trim_end_matches(['\r', '\n']).to_owned(),
        None => rpassword::prompt_password("passphrase: ")?,
    };
    if is_new && passphrase.chars().count() < SHORTEST {
        return Err(Failure::new(Exit::Usage, format!("a passphrase has at least {SHORTEST} characters")));
    }
    if is_new && file.is_none() && rpassword::prompt_password("again: ")? != passphrase {
        return Err(Failure::new(Exit::Usage, "the two passphrases differ"));
    }
    Ok(passphrase)
}

fn serve(folder: &Path, socket: &Path, passphrase_file: Option<&Path>) -> Result<ExitCode, Failure> {
    let keys = folder.join(KEY_FILE);
    let sealed = std::fs::read_to_string(&keys).at(&keys);
    let sealed =
        sealed.map_err(|failure| failure.hint("`grantor signer init FOLDER --keys KEYS` makes it"))?;
    let secrets = unseal(&sealed, &passphrase(passphrase_file, false)?)?;
    let server = Server::start(folder, socket, secrets).map_err(|error| {
        Failure::new(Exit::Io, error)
            .hint("if what the signer saw of the log is gone, restore its folder from a backup")
    })?;
    output::error(&format!(
        "signing at `{}`; {} entries of the log were seen",
        socket.display(),
        server.seen()
    ));
    server
        .run()
        .map_err(|failed| Failure::new(Exit::Io, failed).hint("mend the disk, then start it again"))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `grantor audit …`.
pub(crate) fn audit(command: &Audit) -> Result<ExitCode, Failure> {
    let Audit::Verify { file, key } = command;
    let text = std::fs::read_to_string(file).at(file)?;
    let verified = verify_export(&text, key).map_err(|error| {
        Failure::new(Exit::Refused, format!("{}: {error}", file.display())).hint(
            "get the export and the key anew, each from whom you trust; if it stays so, the log was changed",
        )
    })?;
    output::data(&format!("{}: {verified} entries, all as they were signed", file.display()));
    Ok(ExitCode::SUCCESS)
}
