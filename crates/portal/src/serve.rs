//! The portal as a service: opens the books, serves the pages, sends mail and has files signed, until it is told to stop.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use grantor_web::listen::{self, Bounds};
use grantor_web::tls::{self, Tls};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::hooks::courier;
use crate::http::{self, App, Requests, Settings};
use crate::mails::Templates;
use crate::orders::bulk;
use crate::post::{Postman, send_waiting};
use crate::providers::{Provider, Setting};
use crate::requests::reminders::remind;
use crate::sealed::Seal;
use crate::signer::Client;
use crate::signing::sign_all;
use crate::store::Store;

/// What waits is looked after so often, also when nothing wakes anybody: another process may have left it.
const LOOK: Duration = Duration::from_secs(5);

/// The portal's configuration file. Every key is optional.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The books: a SQLite file, or `postgres://user:password@host/name`. `--database` and its variable come before it.
    pub database: Option<String>,
    /// The portal's address as people reach it, for links in mails; `https://localhost` and the port without it.
    pub address: Option<String>,
    /// The folder for the certificate and the key that seals secrets. All processes of one portal need the same `seal.key`.
    pub data_dir: PathBuf,
    /// How often a year people of an account move licenses to another installation themselves.
    pub moves_a_year: u64,
    /// Whether the publisher's staff must show a code when they sign in.
    pub staff_shows_codes: bool,
    /// Connections at once.
    pub connections: usize,
    /// TLS.
    pub tls: Tls,
    /// Mail.
    pub mail: Option<MailConfig>,
    /// Requests.
    pub requests: Requests,
    /// Where else people sign in: `[[providers]]`, in the order of their buttons.
    pub providers: Vec<Setting>,
}

/// Not what is in it: the addresses of the database and of the mail server may hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// How mail goes out.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The server: `smtps://user:password@host`, `smtp://host?tls=required`, `smtp://localhost:25`.
    pub server: String,
    /// The sender: `Licensing <licensing@example.com>`.
    pub from: String,
    /// The folder with the publisher's own words of mails; `grantor portal templates` writes those that are built in.
    pub templates: Option<PathBuf>,
}

impl MailConfig {
    fn open(&self) -> io::Result<(Postman, Templates)> {
        let templates = match &self.templates {
            Some(folder) => Templates::read(folder).map_err(io::Error::other)?,
            None => Templates::default(),
        };
        Ok((Postman::new(&self.server, &self.from).map_err(io::Error::other)?, templates))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 7270)),
            database: None,
            address: None,
            data_dir: PathBuf::from("portal-data"),
            moves_a_year: 3,
            staff_shows_codes: true,
            connections: 4096,
            tls: Tls::default(),
            mail: None,
            requests: Requests::default(),
            providers: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong, with line and column; without passwords of addresses on that line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self =
            toml::from_str(text).map_err(|error| without_passwords(error.to_string().trim_end()))?;
        if let Some(address) = &config.address {
            let behind =
                address.strip_prefix("https://").filter(|host| !host.is_empty() && !host.ends_with('/'));
            behind.ok_or("address: it begins with `https://` and ends without a slash")?;
        }
        let mut names = BTreeSet::new();
        for provider in &config.providers {
            let twice = || format!("{}: there are two of this name", provider.name);
            let twice = (!names.insert(&provider.name)).then(twice);
            if let Some(problem) = provider.problem().or(twice) {
                return Err(format!("providers: {problem}"));
            }
        }
        Ok(config)
    }
}

/// A message that repeats a line of the file, where the line has addresses with passwords in them.
fn without_passwords(message: &str) -> String {
    let line = |line: &str| match (line.find("://"), line.rfind('@')) {
        (Some(from), Some(to)) if from < to => format!("{}://…{}", &line[..from], &line[to..]),
        _ => line.to_owned(),
    };
    message.lines().map(line).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// The portal's address for links: as configured, or this machine's own with that port.
    #[must_use]
    pub fn public_address(&self, port: u16) -> String {
        self.address.clone().unwrap_or_else(|| format!("https://localhost:{port}"))
    }

    /// Opens the key that seals secrets; made at the first start.
    ///
    /// # Errors
    /// A folder or file that can't be made or read.
    pub fn seal(&self) -> io::Result<Seal> {
        let folder: &Path = &self.data_dir;
        std::fs::create_dir_all(folder)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
        Seal::open(&folder.join("seal.key"))
    }
}

/// A portal that listens.
pub struct Portal {
    listener: Arc<TcpListener>,
    identity: tls::Identity,
    app: Arc<App>,
    post: Option<(Postman, Templates)>,
    connections: usize,
}

impl Portal {
    /// Opens everything and begins to listen.
    ///
    /// # Errors
    /// A folder, file, port or mail server's address that won't do.
    pub async fn open(config: &Config, store: Store, signer: Option<Client>) -> io::Result<Self> {
        let folder: &Path = &config.data_dir;
        let seal = config.seal()?;
        let post = config.mail.as_ref().map(MailConfig::open).transpose()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", config.listen)))?;
        let port = listener.local_addr()?.port();
        let address = config.public_address(port);
        let host = address.trim_start_matches("https://").split(':').next().unwrap_or("localhost").to_owned();
        let identity = tls::identity(&config.tls, folder, "Grantor portal", &host)?;
        let settings = Settings {
            address,
            moves_a_year: config.moves_a_year,
            staff_shows_codes: config.staff_shows_codes,
            requests: config.requests.clone(),
        };
        let providers = config.providers.iter().map(Provider::open).collect::<io::Result<_>>()?;
        let app = Arc::new(App::new(store, signer, seal, settings).with_providers(providers));
        Ok(Self { listener: Arc::new(listener), identity, app, post, connections: config.connections })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// SHA-256 of its certificate, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.identity.fingerprint
    }

    /// Serves until `stop` says so.
    pub async fn serve(self, stop: watch::Receiver<bool>) {
        let errands = tokio::spawn(errands(self.app.clone(), self.post, stop.clone()));
        let bookings = tokio::spawn(bookings(self.app.clone(), stop.clone()));
        let bounds = Bounds { connections: self.connections, header: Duration::from_secs(10) };
        listen::https(self.listener, self.identity.config, http::router(self.app), bounds, stop).await;
        let _ended = (errands.await, bookings.await);
    }
}

/// Sends mail, tells webhooks and has files signed whenever there may be some; each by itself, so that a mail server or a webhook
/// that is slow holds up nothing else.
async fn errands(app: Arc<App>, post: Option<(Postman, Templates)>, mut stop: watch::Receiver<bool>) {
    let (wake, _) = watch::channel(());
    let errands = [
        tokio::spawn(mail(app.clone(), post, wake.subscribe(), stop.clone())),
        tokio::spawn(hooks(app.clone(), wake.subscribe(), stop.clone())),
        tokio::spawn(signatures(app.clone(), wake.subscribe(), stop.clone())),
        tokio::spawn(reminders(app.clone(), stop.clone())),
    ];
    loop {
        tokio::select! {
            () = app.woken() => wake.send_replace(()),
            _ = stop.wait_for(|stop| *stop) => break,
        };
    }
    for errand in errands {
        let _ended = errand.await;
    }
}

/// Waits until an errand may have something to do again. `false`: the process is to stop.
async fn next(wake: &mut watch::Receiver<()>, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = tokio::time::timeout(LOOK, wake.changed()) => true,
        _ = stop.wait_for(|stop| *stop) => false,
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn mail(
    app: Arc<App>,
    post: Option<(Postman, Templates)>,
    mut wake: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) {
    let Some((postman, templates)) = post else { return };
    loop {
        if let Err(error) = send_waiting(&postman, &templates, &app.store, now).await {
            tracing::error!(%error, "mail waits");
        }
        if !next(&mut wake, &mut stop).await {
            return;
        }
    }
}

async fn hooks(app: Arc<App>, mut wake: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
    loop {
        let told = courier::tell_all(&app.store, &app.seal, now).await;
        if let Err(error) = &told {
            tracing::error!(%error, "webhooks wait");
        }
        // A turn tells of a few entries; as long as some are taken there may be more.
        let more = told.is_ok_and(|told| told > 0) && !*stop.borrow();
        if !more && !next(&mut wake, &mut stop).await {
            return;
        }
    }
}

async fn signatures(app: Arc<App>, mut wake: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
    let Some(signer) = &app.signer else { return };
    loop {
        if let Err(error) = sign_all(&app.store, signer).await {
            tracing::warn!(%error, "files wait for their signatures");
        }
        if !next(&mut wake, &mut stop).await {
            return;
        }
    }
}

/// Looks so often which answers are due.
const DUE: Duration = Duration::from_secs(60);

async fn reminders(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        match remind(&app.store, &app.house(), now()).await {
            Ok(0) => {}
            Ok(_) => app.wake.notify_one(),
            Err(error) => tracing::error!(%error, "reminders of requests wait"),
        }
        if tokio::time::timeout(DUE, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Books orders that were imported. Stopped half-way, the next start goes on with it.
async fn bookings(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        let work = bulk::work(&app.store, now);
        let worked = tokio::select! {
            worked = work => worked,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match worked {
            Ok(0) => {}
            Ok(_) => app.wake.notify_one(),
            Err(error) => tracing::error!(%error, "imported orders wait"),
        }
        tokio::select! {
            () = app.bookings.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn every_key_is_optional_and_an_unknown_one_is_told() {
        assert_eq!(Config::parse("").unwrap().listen.port(), 7270);
        let wrong = Config::parse("listne = \"127.0.0.1:1\"").unwrap_err();
        assert!(wrong.contains("listne") && wrong.contains("line 1"), "{wrong}");
        for address in ["http://portal", "https://portal/", "https://"] {
            assert!(Config::parse(&format!("address = \"{address}\"")).is_err(), "{address}");
        }
        let one =
            "[[providers]]\nname = \"a\"\ntitle = \"A\"\nissuer = \"https://a.example\"\nclient_id = \"g\"\n";
        assert_eq!(Config::parse(one).unwrap().providers.len(), 1);
        assert!(Config::parse(&format!("{one}{one}")).unwrap_err().contains("two of this name"));
        assert!(Config::parse(&one.replace("https", "http")).unwrap_err().contains("https://"));
    }

    #[test]
    fn passwords_in_the_configuration_are_neither_told_nor_shown() {
        let text = "database = \"postgres://grantor:secret@db.example.com/grantor\"";
        let mail = "[mail]\nserver = \"smtps://user:secret@mail.example.com\"\nfrom = \"a@example.com\"";
        let config = Config::parse(&format!("{text}\n{mail}")).unwrap();
        assert!(config.database.as_deref().is_some_and(|database| database.contains("secret")));
        assert!(!format!("{config:?}").contains("secret"));
        // A mark is missing at the end of the line, so the message repeats it.
        for wrong in [text.trim_end_matches('"'), &format!("{text} x"), &mail.replace("com\"\n", "com\n")] {
            let said = Config::parse(wrong).unwrap_err();
            assert!(said.contains("example.com") && !said.contains("secret"), "{said}");
        }
    }
}
