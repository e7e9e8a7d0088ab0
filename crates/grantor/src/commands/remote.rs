//! Talking to a license server as an administrator: which server, whom to trust, which token; and the commands that only
//! send one request.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use grantor_api::admin::Loaded;
use grantor_api::cluster::Cluster;
use grantor_api::{Code, Problem};
use grantor_client::{Error, Http, Server, ServerTrust, Servers};

use crate::cli::{AtServer, Down, Remove};
use crate::failure::{At, Exit, Failure};
use crate::output;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Problem(Problem {
                code:
                    Code::Unauthenticated
                    | Code::Forbidden
                    | Code::SetupClosed
                    | Code::TooManyTries
                    | Code::CodeNeeded
                    | Code::NotSignedIn
                    | Code::InvitationOver,
                ..
            }) => Exit::NotAllowed,
            Error::Problem(Problem { code: Code::BadRequest | Code::TooLarge, .. }) | Error::Find(_) => {
                Exit::Usage
            }
            Error::Problem(_) | Error::Unverified { .. } => Exit::Refused,
            Error::Refused(_) if error.code().is_some() => Exit::Refused,
            Error::Local(_) => Exit::Io,
            _ => Exit::NoServer,
        };
        Self::new(exit, error)
    }
}

/// The servers that the command line or the environment names.
pub(crate) fn servers(at: &AtServer) -> Result<Servers, Failure> {
    Ok(Servers::find(at.server.as_deref()).map_err(Error::Find)?)
}

/// Whom to trust as a server.
pub(crate) fn trust(at: &AtServer) -> Result<ServerTrust, Failure> {
    Ok(at.cert.as_deref().map(ServerTrust::parse).transpose()?.unwrap_or_default())
}

/// The first server that answers, with the token that this user has for it.
pub(crate) fn connect(at: &AtServer) -> Result<Http, Failure> {
    let trust = trust(at)?;
    let mut last = None;
    for server in servers(at)?.iter() {
        let http = Http::new(server.clone(), &trust)?.with_token(token(server));
        match http.get_text("/healthz") {
            Ok(_) => return Ok(http),
            Err(error @ Error::Unreachable { .. }) => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.map_or_else(|| Failure::new(Exit::NoServer, "no license server is named"), Failure::from))
}

/// `GRANTOR_TOKEN`, or what `grantor login` kept.
pub(crate) fn token(server: &Server) -> Option<String> {
    std::env::var("GRANTOR_TOKEN").ok().or_else(|| credentials().remove(&server.to_string()))
}

fn credentials_file() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    Some(base?.join("grantor").join("credentials.json"))
}

fn credentials() -> BTreeMap<String, String> {
    let text = credentials_file().and_then(|path| std::fs::read_to_string(path).ok());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Keeps a token for later commands, in a file that only this user can read.
pub(crate) fn keep(server: &Server, token: &str) -> Result<PathBuf, Failure> {
    let path = credentials_file().ok_or_else(|| {
        Failure::new(Exit::Io, "there is no home folder to keep the token in")
            .hint("set `HOME` or `XDG_CONFIG_HOME`")
    })?;
    let folder = path.parent().unwrap_or(&path);
    std::fs::create_dir_all(folder).at(folder)?;
    let mut all = credentials();
    all.insert(server.to_string(), token.to_owned());
    write_private(&path, &serde_json::to_string_pretty(&all).unwrap_or_default())?;
    Ok(path)
}

/// Replaces a file, as a whole or not at all, by one that only this user can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .at(&new)?;
    file.write_all(text.as_bytes()).at(&new)?;
    std::fs::rename(&new, path).at(path)
}

/// The servers of the cluster; none for who acts for some tenants only and is not told which there are.
pub(crate) fn cluster(http: &Http) -> Result<Cluster, Failure> {
    match http.get("/v1/admin/cluster") {
        Err(error) if error.code() == Some(Code::Forbidden) => Ok(Cluster::default()),
        answer => Ok(answer?),
    }
}

/// `grantor reread`.
pub(crate) fn reread(at: &AtServer) -> Result<ExitCode, Failure> {
    let loaded: Loaded = connect(at)?.post("/v1/admin/reread", &())?;
    for (what, names) in
        [("loaded", &loaded.loaded), ("unchanged", &loaded.unchanged), ("removed", &loaded.removed)]
    {
        names.iter().for_each(|name| output::data(&format!("{what} {name}")));
    }
    let seats = |seats: Option<u32>| seats.map_or_else(|| "uncounted".to_owned(), |seats| seats.to_string());
    for change in &loaded.changes {
        output::data(&format!(
            "{} {}: {} -> {}",
            change.feature,
            change.version,
            seats(change.from),
            seats(change.to)
        ));
    }
    loaded.problems.iter().chain(&loaded.notes).for_each(|problem| output::error(problem));
    Ok(if loaded.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Refused as u8) })
}

/// `grantor remove`.
pub(crate) fn remove(args: &Remove) -> Result<ExitCode, Failure> {
    let reason: String = args.reason.bytes().map(percent).collect();
    connect(&args.at)?.delete::<()>(&format!("/v1/admin/grants/{}?reason={reason}", args.grant))?;
    output::error(&format!("grant {} is taken away", args.grant));
    Ok(ExitCode::SUCCESS)
}

/// A byte as it may stand in a query.
pub(crate) fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// `grantor down`.
pub(crate) fn down(args: &Down) -> Result<ExitCode, Failure> {
    let http = connect(&args.at)?;
    if !args.quiet && !confirmed(&format!("Stop the license server {}?", http.server()))? {
        output::error("not stopped");
        return Ok(ExitCode::from(Exit::Refused as u8));
    }
    http.post::<_, ()>("/v1/admin/down", &())?;
    output::error(&format!("license server {} stops", http.server()));
    Ok(ExitCode::SUCCESS)
}

fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "there is nobody to ask").hint("`--quiet` doesn't ask"));
    }
    output::error(&format!("{question} (y/n)"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
