//! `grantor portal`: a publisher's books from the command line. The rules are the portal crate's; this reads arguments, brings the
//! clock and randomness, and shows what came of it.

mod files;
mod keys;
mod mail;
mod orders;
mod people;
mod serve;
mod templates;
mod upgrades;

use std::process::ExitCode;

use grantor_portal::accounts::{self, Account, Kind, NewAccount};
use grantor_portal::backup::{self, BackupError};
use grantor_portal::entitlements::balances;
use grantor_portal::serve::Config;
use grantor_portal::signer::{Client, SignerError};
use grantor_portal::signing::{SigningError, sign_all};
use grantor_portal::sites::{self, Details};
use grantor_portal::store::Store;
use grantor_portal::{catalogues, export, log, requests};
use serde_json::json;

use crate::cli::{Portal, PortalAccount, PortalAction, PortalCatalogue, PortalSite};
use crate::commands::catalogue::BUILT_IN;
use crate::commands::keys::today;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Who asks, of which books, and how it wants its answer.
struct Desk<'a> {
    store: Store,
    config: Config,
    by: &'a str,
    signer: Option<Client>,
    json: bool,
}

impl Desk<'_> {
    /// Rows for people, or the same as JSON.
    fn show(
        &self,
        value: &impl serde::Serialize,
        rows: impl IntoIterator<Item = String>,
    ) -> Result<(), Failure> {
        if self.json {
            return Ok(output::json(value)?);
        }
        rows.into_iter().for_each(|row| output::data(&row));
        Ok(())
    }
}

impl From<grantor_portal::Failure> for Failure {
    fn from(failure: grantor_portal::Failure) -> Self {
        match &failure {
            grantor_portal::Failure::Refused(refusal) => {
                Self::new(Exit::Refused, refusal).hint(refusal.hint())
            }
            grantor_portal::Failure::Database(_) => Self::new(Exit::Io, &failure),
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::new(Exit::Io, format!("no randomness: {error}")))
}

/// Runs `grantor portal …`.
pub(crate) fn run(args: &Portal) -> Result<ExitCode, Failure> {
    if let PortalAction::Templates { folder } = &args.action {
        // Without opening any books.
        return templates::run(folder).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let config = serve::configuration(args.config.as_deref())?;
        let database = args.database.as_deref().or(config.database.as_deref()).unwrap_or("portal.db");
        let store = open(database).await?;
        let signer = args.signer.as_deref().map(Client::new);
        let desk = Desk { store, config, by: &args.by, signer, json: args.json };
        act(&desk, &args.action).await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn open(database: &str) -> Result<Store, Failure> {
    let is_url = database.starts_with("postgres://") || database.starts_with("postgresql://");
    let opened = if is_url {
        Store::postgres(database).await
    } else {
        Store::sqlite(std::path::Path::new(database)).await
    };
    // A URL may hold a password, so the message doesn't repeat it.
    opened.map_err(|error| {
        Failure::new(Exit::Io, format!("the books can't be opened: {error}"))
            .hint("`--database`, or `database` in the configuration file, names a SQLite file or postgres://user:password@host/name")
    })
}

async fn act(desk: &Desk<'_>, action: &PortalAction) -> Result<(), Failure> {
    match action {
        PortalAction::Catalogue(PortalCatalogue::Load { files }) => load(desk, files).await,
        PortalAction::Account(action) => account(desk, action).await,
        PortalAction::Site(action) => site(desk, action).await,
        PortalAction::Order(action) => orders::act(desk, action).await,
        PortalAction::Summary { account, site } => summary(desk, account, site.as_deref()).await,
        PortalAction::Upgrade { account, site, parts, mirror_all } => {
            let account = accounts::find(desk.store.read(), account).await?;
            let site = sites::find(desk.store.read(), &account, site).await?;
            upgrades::act(desk, (&account, &site), parts, *mirror_all).await
        }
        PortalAction::File(action) => files::act(desk, action).await,
        PortalAction::Person(action) => people::act(desk, action).await,
        PortalAction::Key(action) => keys::act(desk, action).await,
        PortalAction::Serve => serve::run(desk).await,
        PortalAction::Mail { to } => mail::run(desk, to).await,
        PortalAction::Templates { folder } => templates::run(folder),
        PortalAction::Backup { file } => write_backup(desk, file).await,
        PortalAction::Restore { file } => {
            let from = std::fs::File::open(file).at(file)?;
            let rows = backup::restore(&desk.store, &mut std::io::BufReader::new(from)).await?;
            output::error(&format!("{rows} rows are restored"));
            Ok(())
        }
        PortalAction::Sign => sign(desk).await,
        PortalAction::Log => show_log(desk).await,
    }
}

async fn load(desk: &Desk<'_>, files: &[std::path::PathBuf]) -> Result<(), Failure> {
    let named = |path: &std::path::PathBuf| -> Result<(String, String), Failure> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((stem, std::fs::read_to_string(path).at(path)?))
    };
    let built_in =
        |&(name, text): &(&str, &str)| (name.trim_end_matches(".toml").to_owned(), text.to_owned());
    let texts: Vec<(String, String)> = if files.is_empty() {
        BUILT_IN.iter().map(built_in).collect()
    } else {
        files.iter().map(named).collect::<Result<_, _>>()?
    };
    for (name, text) in texts {
        let edition = catalogues::load(&desk.store, &name, &text, (desk.by, now())).await?;
        output::error(&format!("{name}: edition {}", edition.catalogue.edition));
    }
    Ok(())
}

async fn account(desk: &Desk<'_>, action: &PortalAccount) -> Result<(), Failure> {
    match action {
        PortalAccount::Add { reference, name, kind, parent } => {
            let kind = match kind {
                crate::cli::AccountKind::EndUser => Kind::EndUser,
                crate::cli::AccountKind::SoldTo => Kind::SoldTo,
                crate::cli::AccountKind::Partner => Kind::Partner,
                crate::cli::AccountKind::ServiceProvider => Kind::ServiceProvider,
            };
            let new =
                NewAccount { reference: reference.clone(), name: name.clone(), kind, parent: parent.clone() };
            let made = accounts::create(&desk.store, &new, (desk.by, now())).await?;
            desk.show(&made, [account_row(&made)])
        }
        PortalAccount::Export { reference, folder } => export_account(desk, reference, folder).await,
        PortalAccount::List { text } => {
            let (total, found) = accounts::search(&desk.store, text, 0, 200).await?;
            desk.show(&found, found.iter().map(account_row))?;
            if total > 200 {
                output::error(&format!("the first 200 of {total}; narrow it down with a part of the name"));
            }
            Ok(())
        }
    }
}

async fn export_account(desk: &Desk<'_>, reference: &str, folder: &std::path::Path) -> Result<(), Failure> {
    let account = accounts::find(desk.store.read(), reference).await?;
    let all = export::everything(&desk.store, &account, &today().to_string()).await?;
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Io, error);
    std::fs::create_dir_all(folder).at(folder)?;
    let write = |name: String, text: &str| std::fs::write(folder.join(&name), text).at(&folder.join(&name));
    write("account.json".to_owned(), &all.json().map_err(|error| wrong(&error))?)?;
    for (name, text) in all.tables().map_err(|error| wrong(&error))? {
        write(format!("{name}.csv"), &text)?;
    }
    for file in &all.files {
        if let Some(text) = &file.text {
            write(format!("{}.lic", file.file.number), text)?;
        }
    }
    attachments_of(desk, &all, folder).await?;
    output::error(&format!("everything of {} is in {}", account.name, folder.display()));
    Ok(())
}

/// What is attached to the account's requests, each with the request's number in front of its name.
async fn attachments_of(
    desk: &Desk<'_>,
    all: &export::Everything,
    folder: &std::path::Path,
) -> Result<(), Failure> {
    for asked in all.requests.iter().filter(|asked| !asked.attachments.is_empty()) {
        let request = requests::find(desk.store.read(), &asked.number).await?;
        for one in &asked.attachments {
            let (name, bytes) = requests::attachments::one(desk.store.read(), &request, one.id).await?;
            let path = folder.join(format!("{}-{}-{name}", asked.number, one.id));
            std::fs::write(&path, bytes).at(&path)?;
        }
    }
    Ok(())
}

fn account_row(account: &Account) -> String {
    format!("{:<16} {:<18} {}", account.reference, account.kind, account.name)
}

async fn site(desk: &Desk<'_>, action: &PortalSite) -> Result<(), Failure> {
    match action {
        PortalSite::Add { account, name, city, country } => {
            let account = accounts::find(desk.store.read(), account).await?;
            let details = Details {
                name: name.clone(),
                city: city.clone(),
                country: country.clone(),
                ..Details::default()
            };
            let made = sites::create(&desk.store, &account, &details, (desk.by, now())).await?;
            desk.show(&made, [made.details.name.clone()])
        }
        PortalSite::List { account } => {
            let account = accounts::find(desk.store.read(), account).await?;
            let found = sites::list(&desk.store, &account, None).await?;
            let row = |site: &sites::Site| {
                let state = if site.active { "active" } else { "not active" };
                format!(
                    "{:<30} {:<11} {} {}",
                    site.details.name, state, site.details.city, site.details.country
                )
                .trim_end()
                .to_owned()
            };
            desk.show(&found, found.iter().map(row))
        }
    }
}

async fn summary(desk: &Desk<'_>, account: &str, site: Option<&str>) -> Result<(), Failure> {
    let db = desk.store.read();
    let account = accounts::find(db, account).await?;
    let site = match site {
        Some(name) => Some(sites::find(db, &account, name).await?.id),
        None => None,
    };
    let owned = balances(db, account.id, site, &today().to_string()).await?;
    if owned.is_empty() {
        output::error("nothing is owned; book an order with `grantor portal order import`");
    }
    let head = format!("{:<24} {:>9} {:>9} {:>9}", "part", "total", "used", "available");
    let row = |one: &grantor_portal::entitlements::Balance| {
        format!("{:<24} {:>9} {:>9} {:>9}", one.part.number, one.total(), one.used, one.available())
    };
    let rows = (!owned.is_empty()).then_some(head).into_iter().chain(owned.iter().map(row));
    let value: Vec<_> = owned
        .iter()
        .map(|one| json!({ "part": one.part.number, "catalogue": one.part.catalogue, "total": one.total(), "used": one.used, "available": one.available() }))
        .collect();
    desk.show(&value, rows)
}

/// A backup counts once it is on disk.
async fn write_backup(desk: &Desk<'_>, path: &std::path::Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let to =
        made.at(path).map_err(|failure| failure.hint("a backup is a new file in a folder that is there"))?;
    let mut to = std::io::BufWriter::new(to);
    let rows = backup::backup(&desk.store, &mut to).await?;
    to.get_ref().sync_all().at(path)?;
    output::error(&format!("{rows} rows are backed up"));
    Ok(())
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let (exit, hint) = match &error {
            BackupError::Database(_) | BackupError::File(_) => return Self::new(Exit::Io, &error),
            BackupError::Line { .. } => (Exit::Usage, "take another backup; nothing was restored"),
            BackupError::Version(..) => {
                (Exit::Usage, "restore it with the grantor that wrote it, then update that one")
            }
            BackupError::NotEmpty => (Exit::Refused, "name a new database with `--database`"),
        };
        Self::new(exit, &error).hint(hint)
    }
}

fn no_signer() -> Failure {
    Failure::new(Exit::Usage, "no signer is named")
        .hint("`--signer SOCKET`, where `grantor signer run` listens")
}

async fn sign(desk: &Desk<'_>) -> Result<(), Failure> {
    let signer = desk.signer.as_ref().ok_or_else(no_signer)?;
    let signed = sign_all(&desk.store, signer).await?;
    output::error(&format!("{signed} signed"));
    Ok(())
}

impl From<SigningError> for Failure {
    fn from(error: SigningError) -> Self {
        let hint = match error {
            SigningError::Books(failure) => return failure.into(),
            SigningError::Signer(SignerError::Refused(ref refusal)) => refusal.hint(),
            SigningError::Signer(SignerError::Away { .. }) => {
                "start it with `grantor signer run`; what waits is signed by `grantor portal sign`"
            }
            SigningError::CutBack { .. } => {
                "restore the latest backup of the books; the signer's folder stays as it is"
            }
        };
        Self::new(Exit::Refused, &error).hint(hint)
    }
}

async fn show_log(desk: &Desk<'_>) -> Result<(), Failure> {
    if desk.signer.is_some() {
        sign(desk).await?;
    }
    let Some(text) = log::export(desk.store.read()).await? else {
        return Err(Failure::new(Exit::Refused, "no signer has seen the log yet")
            .hint("`grantor portal sign --signer SOCKET`, then export it"));
    };
    output::raw(&text);
    Ok(())
}
