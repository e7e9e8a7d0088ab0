//! Where license servers are: `port@host`, `@host`, license files, folders, lists of them, and the environment
//! (flexnet-formats §4, seed 003). Reads files; connects to nothing.

use std::fmt;
use std::fs;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port that is meant when none is given.
pub const PORT: u16 = 7260;

/// Where to look, in this order, when nothing is given.
const VARIABLES: [&str; 2] = ["GRANTOR_LICENSE_FILE", "LM_LICENSE_FILE"];

/// One license server.
///
/// ```
/// let server: grantor_client::Server = "@ctiserver".parse()?;
/// assert_eq!(server.to_string(), "7260@ctiserver");
/// # Ok::<(), grantor_client::FindError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// Its name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Server {
    /// Where to look when nothing is said.
    pub(crate) fn nearest() -> Self {
        Self { host: "localhost".to_owned(), port: PORT }
    }

    /// Reads `host:port`, as a server names the others of its set.
    pub(crate) fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { host: host_name(text, host).ok()?, port })
    }

    /// `host:port`, as in a URL.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.port, bracketed(&self.host))
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl FromStr for Server {
    type Err = FindError;

    /// Reads `port@host`, `@host` or `port@[v6]`.
    fn from_str(text: &str) -> Result<Self, FindError> {
        let text = text.trim();
        let (port, host) = text.split_once('@').ok_or_else(|| {
            FindError::entry(text, "has no `@`", "write `port@host`, or `@host` for port 7260")
        })?;
        let port = match port {
            "" => PORT,
            digits => digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                FindError::entry(text, "has no port before the `@`", "a port is a number from 1 to 65535")
            })?,
        };
        Ok(Self { host: host_name(text, host)?, port })
    }
}

fn host_name(entry: &str, host: &str) -> Result<String, FindError> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if inner.unwrap_or(host).parse::<Ipv6Addr>().is_ok() {
        return Ok(inner.unwrap_or(host).to_owned());
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(plain) {
        let hint = "write a host name, an IPv4 address, or an IPv6 address in brackets: `7260@[::1]`";
        return Err(FindError::entry(entry, "has no host behind the `@`", hint));
    }
    Ok(host.to_owned())
}

/// Why no server was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// An entry of the list is not understood.
    #[error("license servers: `{entry}` {why}\n  hint: {hint}")]
    Entry {
        /// The entry as given.
        entry: String,
        /// What is wrong with it.
        why: String,
        /// What to write.
        hint: String,
    },
    /// A license file does not tell where its server is.
    #[error("license servers: {}: {why}\n  hint: {hint}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        hint: String,
    },
    /// The list is empty.
    #[error("license servers: the list is empty\n  hint: write `port@host`, or the path of a license file")]
    Empty,
}

impl FindError {
    fn entry(entry: &str, why: &str, hint: &str) -> Self {
        Self::Entry { entry: entry.to_owned(), why: why.to_owned(), hint: hint.to_owned() }
    }

    fn file(path: &Path, why: impl ToString) -> Self {
        let hint = "name a license file with a `SERVER` line, or write `port@host`".to_owned();
        Self::File { path: path.to_owned(), why: why.to_string(), hint }
    }
}

/// License servers to ask, in order.
///
/// The members of a redundant set share their pools: any of them takes any request. Several sets are servers of their own:
/// one after another is asked until one grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers(Vec<Vec<Server>>);

impl Servers {
    /// Finds the servers: the argument, else `GRANTOR_LICENSE_FILE`, else `LM_LICENSE_FILE`, else `7260@localhost`.
    ///
    /// # Errors
    /// As [`Servers::parse`]. In a variable, entries that can't be used are passed over as long as one can.
    pub fn find(argument: Option<&str>) -> Result<Self, FindError> {
        Self::find_with(argument, |name| std::env::var_os(name).and_then(|value| value.into_string().ok()))
    }

    /// The same with another environment.
    ///
    /// ```
    /// use grantor_client::Servers;
    ///
    /// let environment = |name: &str| (name == "LM_LICENSE_FILE").then(|| "27000@old;@new".to_owned());
    /// let found = Servers::find_with(None, environment)?;
    /// let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["27000@old", "7260@new"]);
    /// # Ok::<(), grantor_client::FindError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Servers::find`].
    pub fn find_with(
        argument: Option<&str>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FindError> {
        if let Some(argument) = argument {
            return Self::parse(argument);
        }
        let set = |name: &&str| environment(name).filter(|value| !value.trim().is_empty());
        match VARIABLES.iter().find_map(set) {
            Some(list) => Self::lenient(&list),
            None => Ok(Server::nearest().into()),
        }
    }

    /// Reads a list: entries `port@host`, `@host`, `port@[v6]`, a redundant set `p@h1,p@h2,p@h3`, the path of a license
    /// file (its `SERVER` lines are one set) or of a folder of `*.lic` (a set for each); between them `;` or `:`.
    ///
    /// ```
    /// use grantor_client::Servers;
    ///
    /// let servers = Servers::parse("7260@one:@two:7261@[fe80::1]")?;
    /// let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["7260@one", "7260@two", "7261@[fe80::1]"]);
    /// assert_eq!(servers.sets().count(), 3);
    /// assert_eq!(Servers::parse("7260@one,7260@two,7260@three")?.sets().count(), 1);
    ///
    /// let error = Servers::parse("high@one").unwrap_err();
    /// assert!(error.to_string().contains("hint: a port is a number"));
    /// # Ok::<(), grantor_client::FindError>(())
    /// ```
    ///
    /// # Errors
    /// The first entry that can't be used, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, FindError> {
        let found: Vec<Vec<Vec<Server>>> =
            entries(text).into_iter().map(servers_of).collect::<Result<_, _>>()?;
        Self::of(found.into_iter().flatten()).ok_or(FindError::Empty)
    }

    /// Variables outlive what they name: what can't be used is passed over, as FlexNet does, unless nothing is left.
    fn lenient(text: &str) -> Result<Self, FindError> {
        let mut first_error = FindError::Empty;
        let mut found = Vec::new();
        for entry in entries(text) {
            match servers_of(entry) {
                Ok(servers) => found.extend(servers),
                Err(error) if first_error == FindError::Empty => first_error = error,
                Err(_) => {}
            }
        }
        Self::of(found).ok_or(first_error)
    }

    /// Each server once, in the order given, in the first set that names it.
    fn of(sets: impl IntoIterator<Item = Vec<Server>>) -> Option<Self> {
        let mut met = Vec::new();
        let mut all: Vec<Vec<Server>> = Vec::new();
        for set in sets {
            let mut fresh = Vec::new();
            for server in set {
                if !met.contains(&server) {
                    met.push(server.clone());
                    fresh.push(server);
                }
            }
            all.push(fresh);
        }
        all.retain(|set| !set.is_empty());
        (!all.is_empty()).then_some(Self(all))
    }

    /// The servers in the order in which to ask them; the members of a redundant set one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.0.iter().flatten()
    }

    /// The redundant sets in the order in which to ask them; a server on its own is a set of one.
    pub fn sets(&self) -> impl Iterator<Item = &[Server]> {
        self.0.iter().map(Vec::as_slice)
    }
}

impl From<Server> for Servers {
    fn from(server: Server) -> Self {
        Self(vec![vec![server]])
    }
}

/// Splits at `;` and at those `:` that belong neither to an IPv6 address nor to a Windows drive.
fn entries(text: &str) -> Vec<&str> {
    let pieces =
        text.split(';').flat_map(|piece| if is_address(piece) { vec![piece] } else { at_colons(piece) });
    pieces.map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

/// `port@v6` without brackets.
fn is_address(piece: &str) -> bool {
    piece.trim().split_once('@').is_some_and(|(_, host)| host.parse::<Ipv6Addr>().is_ok())
}

fn at_colons(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && !is_drive(text, start, at) => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// Whether the colon at `at` is that of `C:\`. `C:/` is one on Windows only: elsewhere it may be two paths.
fn is_drive(text: &str, start: usize, at: usize) -> bool {
    let letter = text[start..at].trim_start();
    let is_letter = letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic());
    let next = text[at + 1..].chars().next();
    is_letter && (next == Some('\\') || (cfg!(windows) && next == Some('/')))
}

/// The redundant sets of one entry; only a folder has several.
fn servers_of(entry: &str) -> Result<Vec<Vec<Server>>, FindError> {
    if entry.contains('@') {
        return entry.split(',').map(str::parse).collect::<Result<_, _>>().map(|set| vec![set]);
    }
    let path = Path::new(entry);
    if path.is_dir() { of_folder(path) } else { of_file(path).map(|set| vec![set]) }
}

fn of_folder(folder: &Path) -> Result<Vec<Vec<Server>>, FindError> {
    let listed = fs::read_dir(folder).map_err(|error| FindError::file(folder, error))?;
    let is_license = |path: &PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("lic"));
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).filter(is_license).collect();
    files.sort();
    // One file without a server does not spoil the others of the folder.
    let found: Vec<Vec<Server>> = files.iter().filter_map(|path| of_file(path).ok()).collect();
    if found.is_empty() {
        return Err(FindError::file(folder, "no `*.lic` in the folder has a `SERVER` line"));
    }
    Ok(found)
}

fn of_file(path: &Path) -> Result<Vec<Server>, FindError> {
    let size = fs::metadata(path).map_err(|error| FindError::file(path, error))?.len();
    if usize::try_from(size).is_ok_and(|size| size > grantor_license::MAX_BYTES) {
        return Err(FindError::file(path, "is too large for a license file"));
    }
    let bytes = fs::read(path).map_err(|error| FindError::file(path, error))?;
    let document = grantor_license::parse(&path.display().to_string(), &bytes).document;
    let found: Vec<Server> = document.servers().map(of_line).collect();
    if found.is_empty() {
        return Err(FindError::file(path, "has no `SERVER` line"));
    }
    Ok(found)
}

fn of_line(line: &grantor_license::Server) -> Server {
    let is_here = ["this_host", "any"].iter().any(|name| line.host.eq_ignore_ascii_case(name));
    let host = if is_here { "localhost".to_owned() } else { line.host.clone() };
    Server { host, port: line.port.unwrap_or(PORT) }
}
