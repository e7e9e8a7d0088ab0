//! The configuration file: one TOML file, every key optional, unknown keys refused with the nearest name. Reads text;
//! starts nothing.

mod sign_in;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use grantor_web::providers::Setting as Provider;
pub use grantor_web::tls::Tls;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::consensus::Timers;
pub use sign_in::Console;

/// The port that license servers of this kind listen on (seed 003).
pub const PORT: u16 = 7260;

/// Everything that can be set. Paths are relative to the configuration file's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Address to listen on; `::` takes IPv4 too.
    pub listen: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// Folder for log, snapshots and certificate.
    pub data_dir: PathBuf,
    /// License files, or folders whose `*.lic` and `*.dat` are read.
    pub license_files: Vec<PathBuf>,
    /// Whose licenses these are.
    pub tenant: String,
    /// Time zone in which days end, such as `Europe/Prague`; the machine's if left out.
    pub zone: Option<String>,
    /// Publishers whose license files grant, and their root keys.
    pub publishers: Vec<Publisher>,
    /// How applications are let in.
    pub applications: Applications,
    /// Limits.
    pub limits: Limits,
    /// TLS.
    pub tls: Tls,
    /// Log on standard error.
    pub log: Log,
    /// The other servers.
    pub cluster: Cluster,
    /// What those who look after licenses are told, and how.
    pub notices: crate::notices::Setting,
    /// The console's pages.
    pub console: Console,
    /// The publisher's portal.
    pub portal: crate::portal::Setting,
    /// Where else people sign in: `[[providers]]`, in the order of their buttons.
    pub providers: Vec<Provider>,
    /// The file it was read from, to be read again.
    #[serde(skip)]
    pub source: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            port: PORT,
            data_dir: PathBuf::from("grantor-data"),
            license_files: vec![PathBuf::from("licenses")],
            tenant: "default".to_owned(),
            zone: None,
            publishers: Vec::new(),
            applications: Applications::default(),
            limits: Limits::default(),
            tls: Tls::default(),
            log: Log::default(),
            cluster: Cluster::default(),
            notices: Default::default(),
            console: Console::default(),
            portal: Default::default(),
            providers: Vec::new(),
            source: None,
        }
    }
}

/// A publisher and its root keys.
#[derive(Clone, Debug, Deserialize)]
pub struct Publisher {
    /// Its name on `VENDOR` lines.
    pub name: String,
    /// Public root keys in base64.
    pub root_keys: Vec<String>,
}

/// How applications are let in (design.md §5). Administration always needs a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applications {
    /// Freely from loopback and private networks; with a `checkout` token from elsewhere.
    #[default]
    OpenOnPrivate,
    /// Freely from everywhere.
    Open,
    /// With a `checkout` token only.
    Token,
}

/// Limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Seconds for the head of a request; idle connections are closed after it too.
    pub header_seconds: u32,
    /// Seconds for the body of a request.
    pub body_seconds: u32,
    /// Most seats of one feature for one session.
    pub seats_per_client: u32,
    /// Most requests that wait for one feature.
    pub queue: u32,
    /// Seconds without a sign of life after which a session ends.
    pub heartbeat_seconds: u32,
    /// Seconds that a session outlives its event stream's connection.
    pub reconnect_seconds: u32,
    /// What happens when a pool shrinks below what is held.
    pub shrink: grantor_site::settings::Shrink,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            header_seconds: 75,
            body_seconds: 10,
            seats_per_client: 9999,
            queue: 1000,
            heartbeat_seconds: 120,
            reconnect_seconds: 15,
            shrink: grantor_site::settings::Shrink::Keep,
        }
    }
}

/// Several servers as one. A server without a join token stands alone until it takes others in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// `host:port` at which applications and the other servers reach this one; host name and port if left out.
    pub address: Option<String>,
    /// All servers that form the cluster, this one included, in the same order on each; the `SERVER` lines of the license
    /// file if left out. The first one founds it.
    pub servers: Vec<String>,
    /// File that holds the join token; only the server's user may read it.
    pub token_file: Option<PathBuf>,
    /// How long servers wait for each other: `near`, or `slow` for far networks and slow disks.
    pub timers: Timers,
    /// The cluster agrees on no newer level of commands than this as long as this server says so: what is newer is refused,
    /// and going back to the version of before stays possible. None = all that this version knows.
    pub level: Option<u16>,
}

impl Cluster {
    /// The level of commands that this server lets the cluster agree on.
    pub(crate) fn most(&self) -> u16 {
        self.level.unwrap_or(u16::MAX).min(grantor_site::level::LEVEL)
    }
}

/// The log on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,grantor_server=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info,openraft=off".to_owned() }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with a configuration file, all of it.
#[derive(Debug)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// All problems that it has, with line and column where they have one.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(vec![format!(
                "{}: {error}\n  hint: every key is optional; an empty file will do",
                path.display()
            )])
        })?;
        let mut config = Self::parse(&path.display().to_string(), &text)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        config.source = Some(path.to_owned());
        Ok(config)
    }

    /// Reads `text`; `name` is for messages.
    ///
    /// # Errors
    /// All problems that it has.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let mut unknown = Vec::new();
        let reader =
            toml::Deserializer::parse(text).map_err(|error| ConfigError(vec![at(name, text, &error)]))?;
        let config: Self = serde_ignored::deserialize(reader, |path| unknown.push(path.to_string()))
            .map_err(|error| ConfigError(vec![at(name, text, &error)]))?;
        let mut problems: Vec<String> = unknown.iter().map(|path| unknown_key(name, text, path)).collect();
        problems.extend(config.nonsense().into_iter().map(|problem| format!("{name}: error: {problem}")));
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }

    fn resolve(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| *path = folder.join(&*path);
        absolute(&mut self.data_dir);
        self.license_files.iter_mut().for_each(absolute);
        self.tls.certificate.iter_mut().for_each(absolute);
        self.tls.key.iter_mut().for_each(absolute);
        self.cluster.token_file.iter_mut().for_each(absolute);
        self.notices.files().for_each(absolute);
        self.portal.certificates.iter_mut().for_each(absolute);
        for provider in &mut self.providers {
            provider.client_secret_file.iter_mut().for_each(absolute);
            provider.certificates.iter_mut().for_each(absolute);
        }
    }

    /// What can be read but makes no sense.
    fn nonsense(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = self.time_zone() {
            problems.push(format!("zone: {error}\n  hint: names are those of the IANA database, such as `Europe/Prague` or `UTC`"));
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            problems.push("tls: `certificate` and `key` go together\n  hint: give both, or none and let the server make them".to_owned());
        }
        if self.tenant.is_empty() || self.tenant.len() > grantor_api::limits::NAME {
            problems.push("tenant: 1 to 255 bytes\n  hint: leave it out for `default`".to_owned());
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.level) {
            problems.push(format!(
                "log.level: {error}\n  hint: `info`, or a filter such as `info,grantor_server=debug`"
            ));
        } else if !self.log.level.contains(',')
            && self.log.level.parse::<tracing_subscriber::filter::LevelFilter>().is_err()
        {
            problems.push(format!(
                "log.level: `{}` is no level\n  hint: error, warn, info, debug or trace",
                self.log.level
            ));
        }
        let addresses = self.cluster.address.iter().chain(&self.cluster.servers);
        problems.extend(
            addresses
                .filter_map(|text| crate::cluster::address(text).err())
                .map(|error| format!("cluster: {error}")),
        );
        problems.extend(sign_in::nonsense(self));
        let heartbeat = grantor_api::limits::HEARTBEAT;
        if !heartbeat.contains(&self.limits.heartbeat_seconds) {
            problems.push(format!(
                "limits.heartbeat_seconds: it may be {} to {}",
                heartbeat.start(),
                heartbeat.end()
            ));
        }
        if self.limits.connections == 0 || self.limits.header_seconds == 0 || self.limits.body_seconds == 0 {
            problems
                .push("limits: `connections`, `header_seconds` and `body_seconds` are 1 at least".to_owned());
        }
        problems.extend(self.portal.nonsense());
        problems.extend(self.notices.nonsense().into_iter().map(|problem| format!("notices.{problem}")));
        problems
    }

    /// The zone in which days end.
    ///
    /// # Errors
    /// A zone that nobody knows.
    pub fn time_zone(&self) -> Result<TimeZone, jiff::Error> {
        self.zone.as_deref().map_or_else(|| Ok(TimeZone::system()), TimeZone::get)
    }

    /// The limits that the replicated state keeps.
    #[must_use]
    pub fn site_settings(&self) -> grantor_site::settings::Settings {
        grantor_site::settings::Settings {
            limit_per_client: self.limits.seats_per_client,
            queue_bound: self.limits.queue,
            heartbeat_seconds: self.limits.heartbeat_seconds,
            shrink: self.limits.shrink,
            ..Default::default()
        }
    }

    /// What differs from `other` and takes effect at the next start only.
    #[must_use]
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let bounds = |config: &Self| {
            (
                config.limits.connections,
                config.limits.header_seconds,
                config.limits.body_seconds,
                config.limits.reconnect_seconds,
            )
        };
        let differs = [
            ("listen", self.listen != other.listen),
            ("port", self.port != other.port),
            ("data_dir", self.data_dir != other.data_dir),
            ("tenant", self.tenant != other.tenant),
            ("tls", self.tls != other.tls),
            ("log", self.log != other.log),
            ("cluster", self.cluster != other.cluster),
            ("console", self.console != other.console),
            ("providers", self.providers != other.providers),
            ("limits of connections and times", bounds(self) != bounds(other)),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Where to listen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.listen, self.port)
    }
}

fn at(name: &str, text: &str, error: &toml::de::Error) -> String {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    format!("{name}:{line}:{column}: error: {}", error.message())
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before.len() - line_start + 1)
}

/// Every key there is, for the nearest name.
const KEYS: &[&str] = &[
    "listen",
    "port",
    "data_dir",
    "license_files",
    "tenant",
    "zone",
    "publishers",
    "name",
    "root_keys",
    "applications",
    "limits",
    "connections",
    "header_seconds",
    "body_seconds",
    "seats_per_client",
    "queue",
    "heartbeat_seconds",
    "reconnect_seconds",
    "shrink",
    "tls",
    "certificate",
    "key",
    "names",
    "log",
    "format",
    "level",
    "cluster",
    "address",
    "servers",
    "token_file",
    "timers",
    "notices",
    "days_before",
    "days_after",
    "silence_seconds",
    "mail",
    "server",
    "server_file",
    "from",
    "to",
    "hooks",
    "secret_file",
    "tenants",
    "console",
    "providers",
    "portal",
];

fn unknown_key(name: &str, text: &str, path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let line = text
        .lines()
        .position(|line| line.trim_start().trim_start_matches('[').starts_with(key))
        .map_or(1, |line| line + 1);
    let near = KEYS
        .iter()
        .min_by_key(|known| strsim::osa_distance(known, key))
        .filter(|known| strsim::osa_distance(known, key) <= 3);
    let hint = near.map_or_else(
        || "see the user guide's page on configuration".to_owned(),
        |near| match *near == key {
            true => format!("`{key}` belongs in another table: see the user guide's page on configuration"),
            false => format!("did you mean `{near}`?"),
        },
    );
    format!("{name}:{line}:1: error: there is no key `{path}`\n  hint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        let config = Config::parse("grantor.toml", "").unwrap();
        assert_eq!((config.port, config.limits.seats_per_client), (7260, 9999));
    }

    #[test]
    fn a_key_in_the_wrong_table_is_not_called_a_slip_of_the_pen() {
        let error = Config::parse("grantor.toml", "[root_keys]\nacme = \"…\"\n").unwrap_err().to_string();
        assert!(error.contains("hint: `root_keys` belongs in another table"), "{error}");
    }

    #[test]
    fn every_unknown_key_is_refused_with_the_nearest_name() {
        let error = Config::parse("grantor.toml", "prot = 1\n[limits]\nqueu = 5\n").unwrap_err().to_string();
        assert!(
            error.contains("grantor.toml:1:1: error: there is no key `prot`\n  hint: did you mean `port`?"),
            "{error}"
        );
        assert!(
            error.contains(
                "grantor.toml:3:1: error: there is no key `limits.queu`\n  hint: did you mean `queue`?"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_with_line_and_column() {
        let error = Config::parse("grantor.toml", "\nport = \"high\"\n").unwrap_err().to_string();
        assert!(error.starts_with("grantor.toml:2:8: error: invalid type"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_all_at_once() {
        let error = Config::parse("g", "zone = \"Mars/Base\"\n[tls]\nkey = \"k\"\n").unwrap_err();
        assert_eq!(error.0.len(), 2, "{error}");
    }

    #[test]
    fn the_list_of_keys_for_hints_is_the_list_of_keys() {
        let unknown = |key: &str| {
            Config::parse("g", &format!("{key} = 1"))
                .is_err_and(|error| error.to_string().contains("there is no key"))
        };
        assert!(
            KEYS.iter()
                .filter(|key| ["listen", "port", "zone", "tenant"].contains(key))
                .all(|key| !unknown(key))
        );
    }
}
