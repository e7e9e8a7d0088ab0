//! Servers that were met before, and their certificates: a text file, one `host:port sha256` a line. Knows no TLS.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::servers::Server;
use crate::trust::Fingerprint;

/// What the file says of one server.
#[derive(Debug)]
pub(crate) struct Known {
    path: PathBuf,
    key: String,
}

impl Known {
    pub(crate) fn new(path: &Path, server: &Server) -> Self {
        Self { path: path.to_owned(), key: server.authority().to_ascii_lowercase() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name that stands in the file.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The certificates by which the server is known; none if it was never met.
    pub(crate) fn certificates(&self) -> io::Result<Vec<Fingerprint>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text?,
        };
        text.lines().filter_map(|line| self.of_line(line)).collect()
    }

    /// A line of this server that can't be read is an error: to pass over it would be to trust anybody.
    fn of_line(&self, line: &str) -> Option<io::Result<Fingerprint>> {
        let mut words = line.split_whitespace();
        if !words.next()?.eq_ignore_ascii_case(&self.key) {
            return None;
        }
        let fingerprint = words.next().and_then(|word| word.parse().ok());
        Some(fingerprint.ok_or_else(|| io::Error::other(format!("the line of {} can't be read", self.key))))
    }

    /// Remembers a server that was met for the first time. Nothing is done if it is there already.
    pub(crate) fn remember(&self, certificate: Fingerprint) -> io::Result<()> {
        if self.certificates()?.contains(&certificate) {
            return Ok(());
        }
        if self.path.as_os_str().is_empty() {
            return Err(io::Error::other("there is no configuration folder to remember servers in"));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
        // One write, so that two programs that meet a server at a time don't mix their lines.
        file.write_all(format!("{} {certificate}\n", self.key).as_bytes())
    }
}
