//! The portal's side of the socket, and messages: their length in four bytes, then JSON.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, HeldKey, MAX_MESSAGE, Message, Request, SignerRefusal, VERSION};

/// How long the signer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The signer says no.
    #[error("{0}")]
    Refused(#[from] SignerRefusal),
    /// The signer can't be reached.
    #[error("the signer can't be reached at `{}`: {error}", socket.display())]
    Away {
        /// Where.
        socket: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Asks the signer.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A signer that listens at this socket.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    fn ask(&self, body: Request) -> Result<Answer, SignerError> {
        let asked = || -> io::Result<Message<Answer>> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            write(&mut stream, &Message { version: VERSION, body })?;
            read(&mut stream)
        };
        let answer = asked().map_err(|error| SignerError::Away { socket: self.socket.clone(), error })?;
        match answer.body {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok(answer),
        }
    }

    /// How many entries of the log the signer has seen. Blocks.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn size(&self) -> Result<u64, SignerError> {
        match self.ask(Request::Size)? {
            Answer::Size(size) => Ok(size),
            _ => Err(self.odd()),
        }
    }

    /// The keys that the signer has. Blocks.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn keys(&self) -> Result<Vec<HeldKey>, SignerError> {
        match self.ask(Request::Keys)? {
            Answer::Keys(keys) => Ok(keys),
            _ => Err(self.odd()),
        }
    }

    /// Whether the signer could follow a `KEY` line, or a `REVOKED` line is by a root key it knows. Blocks.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn check(&self, line: &str) -> Result<(), SignerError> {
        match self.ask(Request::Check { line: line.to_owned() })? {
            Answer::Fits => Ok(()),
            _ => Err(self.odd()),
        }
    }

    /// Shows further entries, the first of which has the place `from`, and has files signed; gives these and the log's checkpoint.
    /// Blocks.
    ///
    /// # Errors
    /// [`SignerError`]. Entries that were shown stay seen.
    pub fn sign(
        &self,
        from: u64,
        entries: Vec<String>,
        documents: Vec<String>,
    ) -> Result<(Vec<String>, String), SignerError> {
        match self.ask(Request::Sign { from, entries, documents })? {
            Answer::Signed { documents, checkpoint } => Ok((documents, checkpoint)),
            _ => Err(self.odd()),
        }
    }

    fn odd(&self) -> SignerError {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it answers something else");
        SignerError::Away { socket: self.socket.clone(), error }
    }
}

pub(super) fn write(stream: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX_MESSAGE);
    let length =
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"))?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&body)
}

pub(super) fn read<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
    }
    // Memory is taken as bytes come, and not as they are announced.
    let mut body = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
