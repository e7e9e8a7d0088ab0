//! The signer's side of the socket: one request after another, each bounded in size and time.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use grantor_license::parse;

use super::client::{read, write};
use super::witness::Witness;
use super::{Answer, HeldKey, Message, Request, Ring, SignerRefusal, VERSION};
use crate::catalogues::digest;
use crate::ledger;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a signer does not start.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {error}", path.display())]
pub struct ServeError {
    path: PathBuf,
    error: io::Error,
}

/// A signer that listens.
pub struct Server {
    listener: UnixListener,
    ring: Ring,
    witness: Witness,
}

/// What was seen of the log, in the signer's folder.
const WITNESS: &str = "witness.log";

/// Makes a folder ready for a signer that has seen nothing of the log yet; once for each signer.
///
/// # Errors
/// It was made ready before; the disk's.
pub fn prepare(folder: &Path) -> Result<(), ServeError> {
    let path = folder.join(WITNESS);
    Witness::create(&path).map_err(|error| ServeError { path, error })
}

impl Server {
    /// Opens what was seen of the log in `folder`, and the socket, which only this user can open.
    ///
    /// # Errors
    /// Either can't be opened or is not there; another signer uses the folder.
    pub fn start(folder: &Path, socket: &Path, ring: Ring) -> Result<Self, ServeError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| ServeError { path, error }
        };
        let seen = folder.join(WITNESS);
        let witness = Witness::open(&seen).map_err(at(&seen))?;
        // The witness's lock is ours, so nobody listens on what an earlier run left behind.
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(socket)(error)),
            _ => {}
        }
        let listener = UnixListener::bind(socket).map_err(at(socket))?;
        let only_us = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(socket, only_us).map_err(at(socket))?;
        Ok(Self { listener, ring, witness })
    }

    /// How many entries of the log were seen.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.witness.frontier.size()
    }

    /// The keys that there are.
    #[must_use]
    pub fn keys(&self) -> Vec<HeldKey> {
        self.ring.held(&self.witness.decided)
    }

    /// Answers until the process ends, or its disk fails.
    ///
    /// # Errors
    /// The disk's: what is on it is not known then, and nothing more is signed.
    pub fn run(mut self) -> Result<(), SignerRefusal> {
        loop {
            let Ok((stream, _)) = self.listener.accept() else { continue };
            let waits = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
            if waits.is_err() {
                continue;
            }
            if let Err(failed) = self.serve(stream) {
                tracing::error!("{failed}");
                return Err(failed);
            }
        }
    }

    /// One connection: requests until it ends. Somebody who talks nonsense is left.
    fn serve(&mut self, mut stream: UnixStream) -> Result<(), SignerRefusal> {
        while let Ok(message) = read::<Message<Request>>(&mut stream) {
            let answer = self.answer(message);
            let failed = match &answer {
                Answer::Refused(SignerRefusal::Failed(why)) => Some(SignerRefusal::Failed(why.clone())),
                _ => None,
            };
            let told = write(&mut stream, &Message { version: VERSION, body: answer });
            if let Some(failed) = failed {
                return Err(failed);
            }
            if told.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: Message<Request>) -> Answer {
        if message.version != VERSION {
            return Answer::Refused(SignerRefusal::Version(message.version));
        }
        match message.body {
            Request::Size => Answer::Size(self.seen()),
            Request::Check { line } => match self.ring.check(&line) {
                Ok(()) => Answer::Fits,
                Err(refusal) => Answer::Refused(refusal),
            },
            Request::Keys => Answer::Keys(self.keys()),
            Request::Sign { from, entries, documents } => {
                self.sign(from, &entries, &documents).unwrap_or_else(Answer::Refused)
            }
        }
    }

    fn sign(&mut self, from: u64, entries: &[String], documents: &[String]) -> Result<Answer, SignerRefusal> {
        self.witness.see(from, entries)?;
        let documents = documents.iter().map(|text| self.sign_one(text)).collect::<Result<_, _>>()?;
        let checkpoint = ledger::checkpoint(&self.witness.frontier, &self.ring.log);
        let checkpoint = checkpoint.map_err(|error| SignerRefusal::Failed(error.to_string()))?;
        Ok(Answer::Signed { documents, checkpoint })
    }

    fn sign_one(&self, text: &str) -> Result<String, SignerRefusal> {
        let sha256 = digest(text.as_bytes());
        if !self.witness.has_generated(&sha256) {
            return Err(SignerRefusal::NotInLog(sha256));
        }
        let parsed = parse("license", text.as_bytes());
        if let Some(problem) = parsed.problems.first().filter(|_| parsed.has_errors()) {
            return Err(SignerRefusal::Document(problem.to_string()));
        }
        let signed = self.ring.sign(&parsed.document, &self.witness.decided)?;
        Ok(String::from_utf8_lossy(&signed.to_bytes()).into_owned())
    }
}
