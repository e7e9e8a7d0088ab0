//! License files over the API: loading, showing, removing, reading the configured ones again.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use grantor_api::admin::{CapacityChange, Loaded};
use grantor_api::{Code, Problem, limits};
use grantor_site::access::Scope;
use grantor_site::command::LicenseFile;
use grantor_site::outcome::PoolChange;
use grantor_site::{Command, Refusal, Reply, Site};

use super::answer::Failure;
use super::auth::Caller;
use super::body::{Path, read, required};
use super::{App, Rules};
use crate::config::{Config, ConfigError};
use crate::disconnects;
use crate::eventlog;
use crate::loader::{Read, Remembered};
use crate::revoked;

/// Reads the configuration and its license files again: new and changed files are loaded, missing ones removed.
#[utoipa::path(post, path = "/v1/admin/reread", tag = "administration", responses((status = 200, body = Loaded), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn reread(State(app): State<App>, caller: Caller) -> Result<axum::Json<Loaded>, Failure> {
    let by = caller.need_for(Scope::Licenses, &app.tenant)?;
    Ok(axum::Json(app.reload(&by).await?))
}

/// Loads a license file, or replaces the one of the same name. Lines that can't be taken are told; a file of which no
/// line can be taken is refused.
#[utoipa::path(put, path = "/v1/admin/files/{tenant}/{name}", tag = "administration", params(("tenant" = String, Path), ("name" = String, Path)),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = Loaded), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn load(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
    request: Request,
) -> Result<axum::Json<Loaded>, Failure> {
    let by = caller.need_for(Scope::Licenses, &tenant)?;
    required("tenant", &tenant, limits::NAME)?;
    required("name", &name, limits::NAME)?;
    let bytes = read(request.into_body(), limits::LICENSE_FILE, app.body_time()).await?;
    let tenant = tenant.as_str().into();
    let prepared = app.prepare(&tenant, &name, &bytes)?;
    Ok(axum::Json(app.load_prepared(&tenant, prepared, &by).await?))
}

/// A license file that was admitted and not loaded yet.
pub(crate) struct Prepared(Read);

impl Prepared {
    /// The files to load: the one itself, and what is remembered of keys that it revokes.
    pub(crate) fn files(&self) -> &[Arc<LicenseFile>] {
        &self.0.files
    }

    /// Lines that can't be taken, in words.
    pub(crate) fn problems(&self) -> &[String] {
        &self.0.problems
    }
}

/// Shows a loaded license file as it was read.
#[utoipa::path(get, path = "/v1/admin/files/{tenant}/{name}", tag = "administration", params(("tenant" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    caller.need_for(Scope::Read, &tenant)?;
    let site = app.consensus.view();
    let file = site
        .files()
        .find(|file| *file.tenant == *tenant && file.name == name)
        .ok_or(Refusal::NoSuchFile { name })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], file.text.clone()).into_response())
}

/// Forgets a license file. Sessions go on; what happens to seats beyond the rest is the policy's to say.
#[utoipa::path(delete, path = "/v1/admin/files/{tenant}/{name}", tag = "administration", params(("tenant" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Loaded), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<axum::Json<Loaded>, Failure> {
    let by = caller.need_for(Scope::Licenses, &tenant)?;
    not_remembered(&name)?;
    let mut loaded = Loaded::default();
    app.remove_file(&tenant, &name, &by, &mut loaded).await?;
    Ok(axum::Json(loaded))
}

/// What is remembered of revoked keys is nobody's to replace or remove.
pub(crate) fn not_remembered(name: &str) -> Result<(), Failure> {
    if name != revoked::NAME {
        return Ok(());
    }
    let detail = format!("`{name}` is what the servers remember of revoked keys, and only grows");
    Err(Problem::new(Code::Forbidden, "this file can't be changed", detail)
        .hint("load REVOKED lines under another name: they are remembered")
        .into())
}

impl App {
    /// Reads a license file that is to be loaded under `name`; changes nothing. A file of which no line can be taken is refused.
    pub(crate) fn prepare(&self, tenant: &Arc<str>, name: &str, bytes: &[u8]) -> Result<Prepared, Failure> {
        required("name", name, limits::NAME)?;
        if self.voters() < 2 && crate::loader::is_for_three(bytes) {
            let mut problem = Problem::new(
                Code::BadLicenseFile,
                "the file is for three servers",
                "this server stands alone",
            )
            .hint("let the other servers join with `grantor cluster add`");
            problem.problems = vec![crate::loader::for_three(name)];
            return Err(problem.into());
        }
        not_remembered(name)?;
        let remembered = self.consensus.look(Remembered::of);
        let texts = vec![(name.to_owned(), bytes.to_vec())];
        let read = self.rules().loader.admit(tenant, texts, self.now(), &remembered);
        if read.files.iter().all(|file| file.lines.is_empty() && file.name != revoked::NAME) {
            let mut problem = Problem::new(
                Code::BadLicenseFile,
                "no line of the file can be taken",
                format!("`{name}` was not loaded; what was there stays"),
            )
            .hint("`grantor license check FILE` explains each line");
            problem.problems = read.problems;
            return Err(problem.into());
        }
        Ok(Prepared(read))
    }

    /// Loads it.
    pub(crate) async fn load_prepared(
        &self,
        tenant: &Arc<str>,
        Prepared(read): Prepared,
        by: &str,
    ) -> Result<Loaded, Failure> {
        self.replace(tenant, read, Vec::new(), by).await
    }

    /// How many servers decide together.
    fn voters(&self) -> usize {
        self.consensus.members().values().filter(|seen| seen.votes).count()
    }

    /// Reads the configuration again, if it came from a file, and then its license files. A configuration that can't be
    /// used changes nothing.
    pub(crate) async fn reload(&self, by: &str) -> Result<Loaded, Failure> {
        let mut later = Vec::new();
        if let Some(source) = &self.config.source {
            let config = Config::read(source).map_err(|error| bad_configuration(&error))?;
            let machine = self.rules().loader.machine().clone();
            let rules = Rules::of(&config, machine).map_err(|error| bad_configuration(&error))?;
            *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
            self.configure(&config).await?;
            later = config.needs_restart(&self.config);
        }
        let mut loaded = self.reread(by).await?;
        loaded.notes =
            later.into_iter().map(|what| format!("{what}: takes effect at the next start")).collect();
        log(&loaded);
        Ok(loaded)
    }

    /// Brings the site's limits to what the configuration says.
    pub(crate) async fn configure(&self, config: &Config) -> Result<(), Failure> {
        let settings = config.site_settings();
        if *self.consensus.view().settings() != settings {
            self.propose(Command::Configure(settings)).await?;
        }
        let notices = Arc::new(self.rules().channels.setting.rules());
        let is_new = self.consensus.look(|site| site.notice_rules() != Some(&notices));
        let rules = Command::SetNoticeRules(notices);
        if is_new && self.consensus.may_propose(&rules) {
            self.propose(rules).await?;
        }
        Ok(())
    }

    /// Brings the site to what the configured files say now, in one step.
    async fn reread(&self, by: &str) -> Result<Loaded, Failure> {
        let rules = self.rules();
        let servers = self.voters();
        let read = rules.loader.read(self.now(), servers, &self.consensus.look(Remembered::of));
        if servers > 1 && read.files.is_empty() && read.unreadable.is_empty() && read.problems.is_empty() {
            return Err(Problem::new(
                Code::BadConfiguration,
                "there is nothing to read",
                "this server has no license files of its own, and what the cluster has loaded stays",
            )
            .hint("run it at the server that has them, with `-c`")
            .into());
        }
        let there: Vec<&String> = read.files.iter().map(|file| &file.name).chain(&read.unreadable).collect();
        let missing: Vec<String> = {
            let site = self.consensus.view();
            let ours = site
                .files()
                .filter(|file| file.tenant == self.tenant && rules.loader.is_configured(&file.name));
            ours.map(|file| file.name.clone()).filter(|name| !there.contains(&name)).collect()
        };
        self.replace(&self.tenant, read, missing, by).await
    }

    /// Loads what differs from what is loaded and forgets what is missing.
    async fn replace(
        &self,
        tenant: &Arc<str>,
        read: Read,
        remove: Vec<String>,
        by: &str,
    ) -> Result<Loaded, Failure> {
        let has_later = !read.generations.is_empty();
        if has_later {
            // First: should this server die in between, an earlier file is of no use all the same.
            let latest = read.generations.clone();
            self.propose(Command::RememberGenerations { latest }).await?;
        }
        self.disconnect(&read, &remove).await?;
        let site = self.consensus.view();
        let is_same = |file: &Arc<LicenseFile>| site.files().any(|old| old.is_same(file));
        let (unchanged, load): (Vec<_>, Vec<_>) = read.files.into_iter().partition(is_same);
        let names = |files: &[Arc<LicenseFile>]| files.iter().map(|file| file.name.clone()).collect();
        let (loaded, unchanged) = (names(&load), names(&unchanged));
        let mut answer = Loaded {
            loaded,
            unchanged,
            removed: remove.clone(),
            problems: read.problems,
            ..Loaded::default()
        };
        if !(load.is_empty() && remove.is_empty()) {
            let command = Command::ReplaceFiles { tenant: tenant.clone(), load, remove, by: by.to_owned() };
            if let Reply::FileLoaded { changes } = self.propose(command).await? {
                answer.changes.extend(changes.into_iter().map(change));
            }
            if has_later || answer.loaded.iter().any(|name| name == revoked::NAME) {
                self.judge_again(by, &mut answer).await?;
            }
        }
        Ok(answer)
    }

    /// Tells the site which license types disconnect, before it has their files.
    async fn disconnect(&self, read: &Read, remove: &[String]) -> Result<(), Failure> {
        let changes = disconnects::changes(&self.consensus.view(), read, remove);
        for (license_type, minutes) in changes {
            self.propose(Command::SetDisconnect { license_type, minutes }).await?;
        }
        Ok(())
    }

    /// A key was revoked, or there are later files: every file that is loaded is judged again, as it was read.
    async fn judge_again(&self, by: &str, answer: &mut Loaded) -> Result<(), Failure> {
        let (rules, site) = (self.rules(), self.consensus.view());
        let remembered = Remembered::of(&site);
        for (tenant, texts) in together(&site, &rules) {
            let read = rules.loader.admit(&tenant, texts, self.now(), &remembered);
            let differs = |file: &Arc<LicenseFile>| !site.files().any(|old| old.is_same(file));
            let load: Vec<_> = read.files.into_iter().filter(differs).collect();
            if load.is_empty() {
                continue;
            }
            answer.problems.extend(read.problems);
            let command = Command::ReplaceFiles { tenant, load, remove: Vec::new(), by: by.to_owned() };
            if let Reply::FileLoaded { changes } = self.propose(command).await? {
                answer.changes.extend(changes.into_iter().map(change));
            }
        }
        Ok(())
    }

    async fn remove_file(
        &self,
        tenant: &str,
        name: &str,
        by: &str,
        loaded: &mut Loaded,
    ) -> Result<(), Failure> {
        let command = Command::RemoveFile { tenant: tenant.into(), name: name.to_owned(), by: by.to_owned() };
        if let Reply::FileLoaded { changes } = self.propose(command).await? {
            loaded.changes.extend(changes.into_iter().map(change));
        }
        loaded.removed.push(name.to_owned());
        Ok(())
    }
}

/// Log event 07104: each file's problems, and how many files there were.
fn log(loaded: &Loaded) {
    for problem in loaded.problems.iter().chain(&loaded.notes) {
        tracing::warn!(event = eventlog::FILES_READ, "{}", problem.replace("\n  ", "; "));
    }
    tracing::info!(
        event = eventlog::FILES_READ,
        loaded = loaded.loaded.len(),
        unchanged = loaded.unchanged.len(),
        removed = loaded.removed.len(),
        problems = loaded.problems.len(),
        "license files read"
    );
}

/// Files' names and bytes.
type Texts = Vec<(String, Vec<u8>)>;

/// Loaded files with what they said, those together that were admitted together: the configured ones of a tenant, and each that
/// came over the API.
fn together(site: &Site, rules: &Rules) -> Vec<(Arc<str>, Texts)> {
    let mut groups: BTreeMap<(Arc<str>, String), Texts> = BTreeMap::new();
    for file in site.files().filter(|file| file.name != revoked::NAME) {
        let own = if rules.loader.is_configured(&file.name) { String::new() } else { file.name.clone() };
        let text = (file.name.clone(), file.text.clone().into_bytes());
        groups.entry((file.tenant.clone(), own)).or_default().push(text);
    }
    groups.into_iter().map(|((tenant, _), texts)| (tenant, texts)).collect()
}

fn bad_configuration(error: &ConfigError) -> Failure {
    let mut problem =
        Problem::new(Code::BadConfiguration, "the configuration can't be used", "everything stays as it is")
            .hint("`grantor server check --config FILE` checks it");
    problem.problems.clone_from(&error.0);
    problem.into()
}

/// A change of capacity as the API shows it.
pub(crate) fn change(change: PoolChange) -> CapacityChange {
    CapacityChange {
        tenant: change.tenant.to_string(),
        feature: change.feature.to_string(),
        version: change.version.to_string(),
        from: change.from,
        to: change.to,
    }
}
