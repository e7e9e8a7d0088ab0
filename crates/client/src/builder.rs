//! Connecting: who the application is, which servers, whom to trust. Opens nothing itself: `places` does.

use std::sync::Arc;
use std::time::Duration;

use grantor_api::limits;
use grantor_api::session::OpenSession;
use grantor_license::Trust;

use crate::client::Client;
use crate::error::Error;
use crate::event::Event;
use crate::places::{Opener, Places};
use crate::redundant::Access;
use crate::servers::Servers;
use crate::session::{Callback, Terms};
use crate::trust::ServerTrust;

/// A client in the making: see [`Client::builder`].
#[must_use = "nothing happens before `connect`"]
pub struct Builder {
    servers: Option<Servers>,
    server_trust: ServerTrust,
    publishers: Vec<(String, String)>,
    any_publisher: bool,
    open: OpenSession,
    token: Option<String>,
    answer: Duration,
    patience: Duration,
    grace: Option<Duration>,
    adopt: Duration,
    listen: bool,
    on_event: Option<Box<Callback>>,
}

impl Builder {
    pub(crate) fn new(application: &str) -> Self {
        let environment =
            |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        let open = OpenSession {
            user: environment(&["USER", "USERNAME", "LOGNAME"]),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            display: environment(&["DISPLAY"]),
            application: application.to_owned(),
            process: std::process::id(),
            ..OpenSession::default()
        };
        Self {
            servers: None,
            server_trust: ServerTrust::default(),
            publishers: Vec::new(),
            any_publisher: false,
            open,
            token: None,
            answer: Duration::from_secs(10),
            patience: Duration::from_secs(20),
            grace: None,
            adopt: Duration::from_secs(60),
            listen: false,
            on_event: None,
        }
    }

    /// Which servers to ask; [`Servers::find`] without an argument if nothing is said.
    pub fn servers(mut self, servers: Servers) -> Self {
        self.servers = Some(servers);
        self
    }

    /// How servers prove who they are; servers met before if nothing is said.
    pub fn trust(mut self, trust: ServerTrust) -> Self {
        self.server_trust = trust;
        self
    }

    /// Takes grants of any publisher without verifying their proofs: for tools that run other people's programs. An
    /// application that does this can be served by anybody.
    pub fn any_publisher(mut self) -> Self {
        self.any_publisher = true;
        self
    }

    /// A publisher whose grants are taken, and its root key in base64, as built into the application. May be repeated,
    /// for other publishers and for further keys of the same. Without any, no grant can be verified.
    pub fn publisher(mut self, name: &str, root_key: &str) -> Self {
        self.publishers.push((name.to_owned(), root_key.to_owned()));
        self
    }

    /// User name as shown to administrators; the operating system's if nothing is said.
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.open.user);
        self
    }

    /// Host name as shown to administrators; the operating system's if nothing is said.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.open.host);
        self
    }

    /// Display, terminal or instance; `DISPLAY` if nothing is said.
    pub fn display(mut self, display: &str) -> Self {
        display.clone_into(&mut self.open.display);
        self
    }

    /// Whose licenses, on a server for several tenants.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.open.tenant = Some(tenant.to_owned());
        self
    }

    /// A token, where applications aren't let in freely.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Wished time after which a session without a sign of life ends, in whole seconds; the server's if nothing is said.
    /// Signs of life go out three times as often.
    pub fn heartbeat(mut self, timeout: Duration) -> Self {
        let seconds = u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX);
        self.open.heartbeat_seconds =
            Some(seconds.clamp(*limits::HEARTBEAT.start(), *limits::HEARTBEAT.end()));
        self
    }

    /// The name of this instance of the application, such as the container's: when it starts anew, it takes over what the
    /// instance's session before it held, whoever waits in line. [`Checkout::take`](crate::Checkout::take) of the same
    /// finds it again; what is not asked for within a minute is given back.
    pub fn instance(mut self, name: &str) -> Self {
        self.open.instance = Some(name.to_owned());
        self
    }

    /// How long seats of the instance's last run wait to be asked for; a minute if nothing is said.
    pub fn adopt_within(mut self, time: Duration) -> Self {
        self.adopt = time;
        self
    }

    /// What the machine can show for lines that are locked to one: host ids as `grantor hostid` prints them.
    pub fn host_ids<I: IntoIterator<Item: Into<String>>>(mut self, host_ids: I) -> Self {
        self.open.host_ids = host_ids.into_iter().map(Into::into).collect();
        self
    }

    /// Told of what happens without having been asked for, on the background thread: be quick, and don't wait for seats.
    /// What it owns lives as long as the session: don't move the client or its seats into it.
    pub fn on_event(mut self, callback: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Box::new(callback));
        self
    }

    /// How long to wait for one answer; 10 seconds if nothing is said.
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.answer = time;
        self
    }

    /// How long a checkout is tried anew while the server does not answer; 20 seconds if nothing is said.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// How long seats stay valid while the server is silent; the server's own time-out if nothing is said.
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = Some(time);
        self
    }

    /// Keeps a connection open on which the server tells of revocations and granted waits at once. When the application
    /// dies, the connection breaks, and the server takes the seats back in seconds. Costs a connection and a thread.
    pub fn listen(mut self) -> Self {
        self.listen = true;
        self
    }

    /// Opens a session on the first server that answers and is trusted. Of several independent servers the others are
    /// asked, with a session of their own, when that one refuses a checkout.
    ///
    /// # Errors
    /// What hindered it: of the one server, or [`Error::NoServer`] with what each of several said.
    pub fn connect(mut self) -> Result<Client, Error> {
        let trust = self.trusted()?;
        let servers = match self.servers.take() {
            Some(servers) => servers,
            None => Servers::find(None)?,
        };
        let access = Access { trust: self.server_trust, token: self.token, answer: self.answer };
        let terms = Terms {
            trust,
            patience: self.patience,
            grace: self.grace,
            adopt: self.adopt,
            on_event: self.on_event.map(Arc::from),
        };
        let places = Places::new(
            &servers,
            Opener { access: Arc::new(access), open: self.open, terms, listen: self.listen },
        );
        places.open_first()?;
        Ok(Client::new(places))
    }

    fn trusted(&self) -> Result<Option<Trust>, Error> {
        if self.any_publisher {
            return Ok(None);
        }
        if self.publishers.is_empty() {
            return Err(Error::Local(
                "no publisher is named, so no grant could be verified\n  hint: `Builder::publisher` takes its name and root key"
                    .to_owned(),
            ));
        }
        let mut trust = Trust::new();
        for (name, key) in &self.publishers {
            trust
                .add_root(name, key)
                .map_err(|error| Error::Local(format!("the root key of publisher `{name}` {error}")))?;
        }
        Ok(Some(trust))
    }
}
