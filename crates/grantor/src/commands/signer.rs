//! `grantor signer` and `grantor audit`: the process that holds the signing keys, and the proof of what it saw. The rules are the
//! portal crate's; this reads files, asks for passphrases and brings randomness.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use grantor_license::{KeyCertificate, SigningKey};
use grantor_portal::ledger::verify_export;
use grantor_portal::signer::{
    Config, KeysError, LogKey, PublisherConfig, Ring, Server, Token, TokenConfig, TokenError, prepare,
    seal_key, seal_log, unseal_key, unseal_log,
};

use super::keys::{make_private, random, read_secret, read_text, write};
use super::secret::{ask, first_line, passphrase};
use crate::cli::{Audit, Signer};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// The log's key, sealed.
const LOG_KEY: &str = "log.key";
/// The folder of the signing keys, sealed, each under its id.
const KEYS: &str = "keys";
const CONFIG: &str = "signer.toml";

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        let exit = if matches!(error, KeysError::Passphrase) { Exit::NotAllowed } else { Exit::Usage };
        Self::new(exit, error)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let (exit, hint) = match &error {
            TokenError::NoToken(_) => {
                (Exit::Usage, "`label` under `[token]` in `signer.toml` is that of the token")
            }
            TokenError::Pin(_) => {
                (Exit::NotAllowed, "after a few wrong ones a token is locked: look before you try again")
            }
            TokenError::Key | TokenError::Token(_) => {
                (Exit::Io, "`module` under `[token]` in `signer.toml` is the token's PKCS#11 library")
            }
        };
        Self::new(exit, error).hint(hint)
    }
}

/// Runs `grantor signer …`.
pub(crate) fn run(command: &Signer) -> Result<ExitCode, Failure> {
    match command {
        Signer::Init { folder, keys, log, passphrase_file } => {
            init(folder, keys.as_deref(), log.as_deref(), passphrase_file.as_deref())?;
        }
        Signer::Add { folder, keys, passphrase_file } => {
            let passphrase = known(folder, passphrase_file.as_deref())?;
            add(folder, keys, &passphrase)?;
        }
        Signer::NewKey { folder, on_token, passphrase_file } => {
            let public = if *on_token {
                on_the_token(folder)?
            } else {
                in_the_folder(folder, &known(folder, passphrase_file.as_deref())?)?
            };
            output::error(
                "a new key, which signs nothing yet; have it certified, then put to use in the portal:",
            );
            output::data(&public);
        }
        Signer::Run { folder, socket, passphrase_file } => {
            let socket = socket.clone().unwrap_or_else(|| folder.join("signer.sock"));
            serve(folder, &socket, passphrase_file.as_deref())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn init(
    folder: &Path,
    keys: Option<&Path>,
    log: Option<&str>,
    passphrase_file: Option<&Path>,
) -> Result<(), Failure> {
    let name = match (log, keys) {
        (Some(name), _) => name.to_owned(),
        (None, Some(keys)) => read_text(&keys.join("publisher"))?,
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "neither keys nor a log's name are given")
                .hint("`--keys KEYS` of a publisher, or `--log NAME` for a signer without keys yet"));
        }
    };
    let passphrase = passphrase("passphrase", passphrase_file, true)?;
    let (sealed, log_key) = seal_log(&name, &random()?, &passphrase, &random()?)?;
    make_private(folder)?;
    prepare(folder).map_err(|error| {
        Failure::new(Exit::Refused, error).hint("a folder has one signer; another one takes another folder")
    })?;
    write(&folder.join(LOG_KEY), sealed.trim_end(), 0o600)?;
    save(folder, &Config::default())?;
    if let Some(keys) = keys {
        add(folder, keys, &passphrase)?;
    }
    output::error("the log's key, for `grantor audit verify` and for whoever is to believe the log:");
    output::data(&log_key);
    Ok(())
}

/// The passphrase of a signer that there is.
fn known(folder: &Path, passphrase_file: Option<&Path>) -> Result<String, Failure> {
    let passphrase = passphrase("passphrase", passphrase_file, false)?;
    log_key(folder, &passphrase)?;
    Ok(passphrase)
}

fn log_key(folder: &Path, passphrase: &str) -> Result<LogKey, Failure> {
    let path = folder.join(LOG_KEY);
    let sealed = std::fs::read_to_string(&path).at(&path);
    let sealed =
        sealed.map_err(|failure| failure.hint("`grantor signer init FOLDER --keys KEYS` makes it"))?;
    Ok(unseal_log(&sealed, passphrase)?)
}

/// A publisher whose files are signed from the next start on.
fn add(folder: &Path, keys: &Path, passphrase: &str) -> Result<(), Failure> {
    let mut config = config(folder)?;
    let name = read_text(&keys.join("publisher"))?;
    if config.publishers.iter().any(|publisher| publisher.name == name) {
        return Err(Failure::new(Exit::Refused, format!("the signer has a key of `{name}` already"))
            .hint("a new key is put to use in the portal: `grantor portal key ask use --certificate FILE`"));
    }
    let line = read_text(&keys.join("signing.cert"))?;
    let certificate = KeyCertificate::parse(&line)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("`{}` holds no KEY line", keys.display())))?;
    let from = keys.join("signing.key");
    if from.exists() {
        let seed = read_secret(&from)?;
        if SigningKey::from_seed(seed).id() != certificate.id() {
            return Err(Failure::new(Exit::Usage, "`signing.cert` is not the certificate of `signing.key`"));
        }
        keep(folder, &seed, passphrase)?;
        output::error(&format!("sealed in `{}`; now delete `{}`", folder.display(), from.display()));
    } else {
        must_be_here(folder, &config, certificate.id())?;
    }
    let root_keys = vec![read_text(&keys.join("root.pub"))?];
    config.publishers.push(PublisherConfig { name, root_keys, certificate: certificate.to_line() });
    save(folder, &config)
}

fn must_be_here(folder: &Path, config: &Config, id: &str) -> Result<(), Failure> {
    let on_token = match &config.token {
        Some(token) => open_token(folder, token)?.keys()?.iter().any(|(there, _)| there == id),
        None => false,
    };
    if on_token || key_path(folder, id).exists() {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("key {id} is neither in the signer nor beside its certificate"))
        .hint("`grantor signer new-key` makes a key here; certify that one"))
}

fn key_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(KEYS).join(format!("{id}.key"))
}

/// Seals a signing key in the signer's folder.
fn keep(folder: &Path, seed: &[u8; 32], passphrase: &str) -> Result<(), Failure> {
    make_private(&folder.join(KEYS))?;
    let sealed = seal_key(seed, passphrase, &random()?)?;
    write(&key_path(folder, &SigningKey::from_seed(*seed).id()), sealed.trim_end(), 0o600)
}

fn in_the_folder(folder: &Path, passphrase: &str) -> Result<String, Failure> {
    let seed = random()?;
    keep(folder, &seed, passphrase)?;
    Ok(SigningKey::from_seed(seed).public())
}

fn on_the_token(folder: &Path) -> Result<String, Failure> {
    let config = config(folder)?;
    let token = config.token.as_ref().ok_or_else(|| {
        Failure::new(Exit::Usage, "the signer has no token")
            .hint("`[token]` in its `signer.toml` names the token's library and label")
    })?;
    Ok(open_token(folder, token)?.generate(&random()?)?.to_base64())
}

/// The PIN comes from the configured file, the environment, or whoever sits there.
fn open_token(folder: &Path, token: &TokenConfig) -> Result<Token, Failure> {
    let pin = match (&token.pin_file, std::env::var("GRANTOR_SIGNER_PIN")) {
        (Some(file), _) => first_line(&folder.join(file))?,
        (None, Ok(pin)) => pin,
        (None, Err(_)) => {
            ask("PIN", "`pin_file` under `[token]` in `signer.toml` names a file, or set GRANTOR_SIGNER_PIN")?
        }
    };
    Ok(Token::open(&token.module, &token.label, pin)?)
}

fn config(folder: &Path) -> Result<Config, Failure> {
    let path = folder.join(CONFIG);
    let text = std::fs::read_to_string(&path).at(&path);
    let text = text.map_err(|failure| failure.hint("`grantor signer init FOLDER --keys KEYS` makes it"))?;
    Config::parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}

/// Takes the place of the configuration that was there, in one step.
fn save(folder: &Path, config: &Config) -> Result<(), Failure> {
    let text = config.to_text().map_err(|error| Failure::new(Exit::Io, error))?;
    let (path, new) = (folder.join(CONFIG), folder.join(format!("{CONFIG}.new")));
    write(&new, text.trim_end(), 0o600)?;
    std::fs::rename(&new, &path).at(&path)
}

/// Every key of the signer's, opened.
fn ring(folder: &Path, passphrase: &str) -> Result<Ring, Failure> {
    let config = config(folder)?;
    let log = log_key(folder, passphrase)?;
    let mut keys = Vec::new();
    let there = std::fs::read_dir(folder.join(KEYS)).into_iter().flatten().flatten();
    for path in
        there.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "key"))
    {
        keys.push(unseal_key(&std::fs::read_to_string(&path).at(&path)?, passphrase)?);
    }
    let token = config.token.as_ref().map(|token| open_token(folder, token)).transpose()?;
    Ring::new(log, &config, keys, token).map_err(|error| Failure::new(Exit::Usage, error))
}

fn serve(folder: &Path, socket: &Path, passphrase_file: Option<&Path>) -> Result<(), Failure> {
    let ring = ring(folder, &passphrase("passphrase", passphrase_file, false)?)?;
    let server = Server::start(folder, socket, ring).map_err(|error| {
        Failure::new(Exit::Io, error)
            .hint("if what the signer saw of the log is gone, restore its folder from a backup")
    })?;
    output::error(&format!(
        "signing at `{}`; {} entries of the log were seen",
        socket.display(),
        server.seen()
    ));
    for one in server.keys() {
        output::error(&format!("key {} {} {}", one.key, one.state, one.publisher.unwrap_or_default()));
    }
    server
        .run()
        .map_err(|failed| Failure::new(Exit::Io, failed).hint("mend the disk or token, then start it again"))
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
