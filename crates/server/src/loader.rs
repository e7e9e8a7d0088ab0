//! License files on their way in: read from the configured places, admitted by the document's rules, their days turned
//! into instants of the configured zone. Changes no state: the commands that follow do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use grantor_license::{Admission, Document, Machine, Trust};
use grantor_site::Timestamp;
use grantor_site::command::{LicenseFile, LoadedLine};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::config::{Config, ConfigError};
use crate::revoked;

/// Reads and admits license files.
pub(crate) struct Loader {
    paths: Vec<PathBuf>,
    tenant: Arc<str>,
    zone: TimeZone,
    trust: Trust,
    machine: Machine,
}

/// What came of reading.
#[derive(Default)]
pub(crate) struct Read {
    /// Files of which every line that can be taken is taken.
    pub(crate) files: Vec<Arc<LicenseFile>>,
    /// What is wrong with the rest, one text each.
    pub(crate) problems: Vec<String>,
    /// Minutes after which licenses disconnect, by type; `None` where a type's don't.
    pub(crate) disconnects: BTreeMap<String, Option<u32>>,
    /// Files that are there and can't be read now: what was loaded of them stays.
    pub(crate) unreadable: Vec<String>,
    /// Generations of files that are later than those remembered.
    pub(crate) generations: Vec<(String, String, u32)>,
}

impl Loader {
    pub(crate) fn new(config: &Config, machine: Machine) -> Result<Self, ConfigError> {
        let mut trust = Trust::new();
        for publisher in &config.publishers {
            for key in &publisher.root_keys {
                trust.add_root(&publisher.name, key).map_err(|error| {
                    ConfigError(vec![format!(
                        "publishers: root key of `{}`: {error}\n  hint: `grantor keys new` prints it",
                        publisher.name
                    )])
                })?;
            }
        }
        let zone = config.time_zone().map_err(|error| ConfigError(vec![format!("zone: {error}")]))?;
        let paths = config
            .license_files
            .iter()
            .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            .collect();
        Ok(Self { paths, tenant: config.tenant.as_str().into(), zone, trust, machine })
    }

    /// What license files are held against.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The zone in which days end.
    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(crate) fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// The date in the configured zone.
    pub(crate) fn today(&self, now: Timestamp) -> Date {
        crate::clock::instant(now).to_zoned(self.zone.clone()).date()
    }

    /// Whether a loaded file's name is that of a configured file; files loaded over the API have no slash in theirs.
    #[expect(clippy::unused_self, reason = "the rule belongs to the loader that gives the names")]
    pub(crate) fn is_configured(&self, name: &str) -> bool {
        name.contains('/')
    }

    /// Reads every configured file, for one of so many servers; `remembered` is what they remember of revoked keys.
    pub(crate) fn read(&self, now: Timestamp, servers: usize, remembered: &Remembered) -> Read {
        let mut texts = Vec::new();
        let mut unreadable = Read::default();
        for path in self.paths.iter().flat_map(|path| expand(path)) {
            match read_bounded(&path) {
                Ok(bytes) if servers < 2 && is_for_three(&bytes) => {
                    unreadable.problems.push(for_three(&path.display().to_string()));
                }
                Ok(bytes) => texts.push((path.display().to_string(), bytes)),
                Err(error) => {
                    unreadable.problems.push(format!(
                        "{}: error: {error}\n  hint: the server must be able to read it",
                        path.display()
                    ));
                    unreadable.unreadable.push(path.display().to_string());
                }
            }
        }
        let mut read = self.admit(&self.tenant, texts, now, remembered);
        read.problems.append(&mut unreadable.problems);
        read.unreadable = unreadable.unreadable;
        read
    }

    /// Admits files that belong together: lines of one may rest on `LICENSE` and `KEY` lines of another.
    pub(crate) fn admit(
        &self,
        tenant: &Arc<str>,
        texts: Vec<(String, Vec<u8>)>,
        now: Timestamp,
        remembered: &Remembered,
    ) -> Read {
        let today = self.today(now);
        let mut problems = Vec::new();
        let mut documents = Vec::new();
        for (name, bytes) in &texts {
            let parsed = grantor_license::parse(name, bytes);
            problems.extend(parsed.problems.iter().map(ToString::to_string));
            documents.push(parsed.document);
        }
        // What is remembered comes last: the numbers of the files stay theirs.
        documents.push(grantor_license::parse(revoked::NAME, remembered.revoked.as_bytes()).document);
        let known = &remembered.generations;
        let admission = grantor_license::admit_knowing(&documents, &self.trust, &self.machine, today, known);
        let of_files = admission.refused.iter().filter(|line| line.file != revoked::NAME);
        problems.extend(of_files.map(refused));
        let name = |file: u32| texts.get(file as usize).map(|(name, _)| name.as_str()).unwrap_or_default();
        let useless = admission.without_effect();
        problems.extend(useless.iter().map(|(offer, why)| {
            format!("{}:{}: warning: {}: {why}", name(offer.file), offer.line, offer.feature)
        }));
        let learned = revoked::learned(tenant, &remembered.revoked, &admission.revocations);
        let generations = later(&admission.generations, known);
        let disconnects = admission.disconnects.clone();
        let mut files = self.files(tenant, &texts, &documents, admission);
        if let Some((file, told)) = learned {
            files.push(file);
            problems.extend(told);
        }
        Read { files, problems, disconnects, unreadable: Vec::new(), generations }
    }

    fn files(
        &self,
        tenant: &Arc<str>,
        texts: &[(String, Vec<u8>)],
        documents: &[Document],
        admission: Admission,
    ) -> Vec<Arc<LicenseFile>> {
        let mut lines: BTreeMap<u32, Vec<LoadedLine>> = BTreeMap::new();
        for admitted in admission.offers {
            let offer = admitted.offer;
            let (starts, ends) = (
                offer.starts.map(|day| self.begin(day)),
                offer.last_day.and_then(|day| day.tomorrow().ok()).map(|day| self.begin(day)),
            );
            let line = LoadedLine { proof: admitted.proof.into(), starts, ends, offer };
            lines.entry(line.offer.file).or_default().push(line);
        }
        let numbered = texts.iter().zip(documents).zip(0u32..);
        let file = |(((name, bytes), document), number): ((&(String, Vec<u8>), &Document), u32)| {
            let lrns: Vec<String> = document
                .statements()
                .iter()
                .filter_map(|statement| statement.lrn().map(str::to_owned))
                .collect();
            Arc::new(LicenseFile {
                tenant: tenant.clone(),
                name: name.clone(),
                digest: Sha256::digest(bytes).into(),
                text: String::from_utf8_lossy(bytes).into_owned(),
                licenses: admission
                    .licenses
                    .iter()
                    .filter(|license| lrns.contains(&license.lrn))
                    .cloned()
                    .collect(),
                lines: lines.remove(&number).unwrap_or_default(),
            })
        };
        numbered.map(file).collect()
    }

    /// The first instant of a day; where clocks skip midnight, the first that there is.
    fn begin(&self, day: Date) -> Timestamp {
        let midnight = self.zone.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible();
        Timestamp(midnight.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond()))
    }
}

/// A lone server with a file for three could be one of three lone servers, each granting all of its seats.
pub(crate) fn for_three(name: &str) -> String {
    format!(
        "{name}: error: the file is for three redundant servers, and this server stands alone: nothing of it is granted\n  \
         hint: let the other servers join with `grantor cluster add`, then run `grantor reread`"
    )
}

/// The configured license files that can be read, with their names.
pub(crate) fn texts(paths: &[PathBuf]) -> Vec<(String, Vec<u8>)> {
    let files = paths.iter().flat_map(|path| expand(path));
    files.filter_map(|path| Some((path.display().to_string(), read_bounded(&path).ok()?))).collect()
}

/// The servers that the configured license files name, if they name three: `host:port`, in order (flexnet-formats §10).
pub(crate) fn three_servers(paths: &[PathBuf]) -> Option<Vec<String>> {
    let texts = texts(paths);
    texts.iter().find_map(|(name, bytes)| {
        let parsed = grantor_license::parse(name, bytes);
        let servers: Vec<String> = (parsed.document.servers())
            .map(|server| format!("{}:{}", server.host, server.port.unwrap_or(crate::config::PORT)))
            .collect();
        (servers.len() == 3).then_some(servers)
    })
}

/// Whether a license file is for three redundant servers.
pub(crate) fn is_for_three(text: &[u8]) -> bool {
    grantor_license::parse("", text).document.servers().count() == 3
}

/// Reads a license file, unless it is larger than one may be.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let most = grantor_api::limits::LICENSE_FILE;
    let bytes = std::fs::read(path)?;
    if bytes.len() > most {
        let what = format!("{} bytes, and {most} are the most: load it as several files", bytes.len());
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

fn refused(line: &grantor_license::RefusedLine) -> String {
    let hint = line.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    // A line that is loaded already counts once and hurts nobody.
    let weight = if line.state == grantor_license::LineState::Duplicate { "warning" } else { "error" };
    format!("{}:{}: {weight}: {}: {}{hint}", line.file, line.line, line.feature, line.message)
}

/// A folder stands for its `*.lic` and `*.dat` files, in the order of their names; a folder or file that is not there
/// stands for nothing, as it may come later.
fn expand(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return if path.exists() { vec![path.to_owned()] } else { Vec::new() };
    }
    let is_license =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "lic" || extension == "dat");
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(is_license).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// What is remembered of files that were loaded before, whatever became of them.
#[derive(Default)]
pub(crate) struct Remembered {
    /// `REVOKED` lines.
    revoked: String,
    generations: grantor_license::Generations,
}

impl Remembered {
    pub(crate) fn of(site: &grantor_site::Site) -> Self {
        Self { revoked: revoked::remembered(site), generations: site.generations().clone() }
    }
}

fn later(
    found: &grantor_license::Generations,
    known: &grantor_license::Generations,
) -> Vec<(String, String, u32)> {
    let is_new =
        |(key, generation): &(&(String, String), &u32)| known.get(*key).is_none_or(|had| had < *generation);
    let new = found.iter().filter(is_new);
    new.map(|((publisher, serial), generation)| (publisher.clone(), serial.clone(), *generation)).collect()
}

/// A license's state as pages and tools show it (design.md §3).
pub(crate) fn state_name(license: &grantor_license::LicenseInfo, today: Date) -> &'static str {
    use grantor_license::LicenseState;
    let is_over =
        license.expires.is_some_and(|last| last < today) || license.dies.is_some_and(|dies| dies <= today);
    match license.state {
        LicenseState::Deactivated => "DEACTIVATED",
        _ if is_over => "EXPIRED",
        LicenseState::Active | LicenseState::Temporary => "OK",
        LicenseState::Inactive => "NOT_ACTIVATED",
    }
}
