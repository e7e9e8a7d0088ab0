//! A license server from start to stop: opens the data folder, loads license files, serves, keeps watch, and stops in
//! good order. The one place that ties the parts together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use grantor_api::session::Notice;
use grantor_site::command::EndReason;
use grantor_site::{Command, Event, Site, Timestamp};
use grantor_web::listen::Bounds;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::cluster::place::{self, Place};
use crate::cluster::{self, PeerIdentity, Peers, Wire};
use crate::config::Config;
use crate::consensus::{self, Applied, Consensus};
use crate::eventlog;
use crate::http::{self, App, Counters, Rules, Shared};
use crate::listen::{self, Doors};
use crate::living::Living;
use crate::loader::{Loader, Remembered};
use crate::recent::Recent;
use crate::{hostid, logging, notices, reign, tls};

/// How often signs of life and instants that fall due are looked at.
const WATCH: Duration = Duration::from_millis(500);

/// A server that serves.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// SHA-256 of its certificate, in hex.
    pub fingerprint: String,
    /// The set-up token, as long as there is no administrator.
    pub setup_token: Option<String>,
    app: App,
    serving: tokio::task::JoinHandle<()>,
}

/// Largest command in bytes: all license files of a site with the proof of every line.
const LARGEST_COMMAND: usize = 128 << 20;

/// Most sessions that are ended at one look, so that a thousand seats a second come back and not all at once.
const ENDED: usize = 500;

/// Starts a server: returns when it takes requests. A server that is to form a cluster takes them as soon as the cluster is
/// there.
///
/// # Errors
/// A configuration, data folder, certificate or port that can't be used, in words for people; a cluster that refuses this
/// server.
pub async fn start(config: &Config) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
    crate::log::refuse_if_in_use(&config.data_dir)?;
    let host = hostid::host_name();
    let identity = tls::identity(&config.tls, &config.data_dir, "Grantor license server", &host)?;
    let peers = Arc::new(Peers::new(PeerIdentity::open(&config.data_dir)?));
    let listener = Arc::new(bind(config)?);
    let address = listener.local_addr()?;
    let place = place::find(config, &host, &listener, &identity, &peers).await?;
    let clock = Arc::new(Clock::default());
    let consensus = open(config, &clock, &place, &peers).await?;
    let mut machine = hostid::machine();
    machine.registration_key = Some(registration_key(&consensus));
    let rules = Rules::of(config, machine)?;
    let answer_secret = crate::secret::answer_secret(&config.data_dir)?;
    let app = App::new(Shared {
        clock: clock.clone(),
        cluster: place.node(peers),
        is_open: AtomicBool::new(false),
        door: crate::signin::Door::open(config, &answer_secret)?,
        answer_secret,
        living: Living::default(),
        rules: RwLock::new(Arc::new(rules)),
        config: config.clone(),
        counters: Counters::default(),
        recent: Recent::default(),
        tenant: config.tenant.as_str().into(),
        host,
        port: address.port(),
        started: clock.now(),
        reconnect: Duration::from_secs(config.limits.reconnect_seconds.into()),
        body_time: Duration::from_secs(config.limits.body_seconds.into()),
        setup_file: config.data_dir.join("setup-token"),
        stop: watch::Sender::new(false),
        consensus,
    });
    tokio::spawn(follow(app.clone(), app.consensus.events()));
    // A single server is ready when this returns; of several, whoever leads gets ready by itself.
    let setup_token = if app.consensus.alone() { reign::begin(&app).await? } else { None };
    tokio::spawn(reign::reign(app.clone()));
    tokio::spawn(cluster::look_after(app.clone()));
    tokio::spawn(keep_watch(app.clone()));
    tokio::spawn(cluster::clocks::look_after(app.clone()));
    tokio::spawn(cluster::level::look_after(app.clone()));
    tokio::spawn(notices::look_after(app.clone()));
    let serving =
        tokio::spawn(listen::serve(listener, doors(&app, &identity)?, bounds(config), app.stop.subscribe()));
    info!(event = eventlog::SERVER_UP, %address, fingerprint = identity.fingerprint, "license server up");
    Ok(Running { address, fingerprint: identity.fingerprint, setup_token, app, serving })
}

fn doors(app: &App, identity: &tls::Identity) -> Result<Doors, rustls::Error> {
    let (router, passed_on) = http::routers(app);
    Ok(Doors {
        tls: identity.config.clone(),
        front: Arc::new(http::Front::new(Some(app.clone()), router)),
        peer_tls: app.cluster.peers.identity.server()?,
        peers: cluster::PeerDoor::of(app, passed_on),
    })
}

pub(crate) fn bounds(config: &Config) -> Bounds {
    Bounds {
        connections: config.limits.connections,
        header: Duration::from_secs(config.limits.header_seconds.into()),
    }
}

async fn open(
    config: &Config,
    clock: &Arc<Clock>,
    place: &Place,
    peers: &Arc<Peers>,
) -> Result<Consensus, Box<dyn std::error::Error + Send + Sync>> {
    let ticking = clock.clone();
    let mut settings = consensus::Settings::single(&config.data_dir, Arc::new(move || ticking.now()));
    settings.limits.batch_bytes = LARGEST_COMMAND;
    settings.transport = Arc::new(Arc::new(Wire::new(peers.clone(), place.is_out.clone())));
    settings.timers = config.cluster.timers;
    place.settle(&mut settings)?;
    let consensus = consensus::start(settings).await?;
    consensus.exit_on_failure();
    clock.has_seen(consensus.view().now());
    Ok(consensus)
}

/// The installation's own key, which activation binds a license to.
fn registration_key(consensus: &Consensus) -> String {
    consensus.identity().cluster.to_string().to_uppercase()
}

/// Connections that wait to be accepted. When all clients come back at once, those beyond the usual 128 would try again only after
/// seconds; the kernel takes fewer where `net.core.somaxconn` says so.
const WAITING: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    // A restart may take the port over while connections of the one before are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

fn bind(config: &Config) -> std::io::Result<TcpListener> {
    let address = config.address();
    let bound = match listen(address) {
        // A machine without IPv6 still has IPv4.
        Err(_) if address.ip() == std::net::Ipv6Addr::UNSPECIFIED => {
            listen((std::net::Ipv4Addr::UNSPECIFIED, config.port).into())
        }
        bound => bound,
    };
    let help = |error: std::io::Error| {
        std::io::Error::new(
            error.kind(),
            format!(
                "can't listen on {address}: {error}\n  hint: another server may run there; `port` in the configuration chooses another"
            ),
        )
    };
    bound.map_err(help)
}

impl App {
    /// The set-up token is used: nothing is left of it.
    pub(crate) fn forget_setup_token(&self) {
        if let Err(error) = std::fs::remove_file(&self.setup_file) {
            warn!(%error, "the set-up token's file could not be removed; the token is of no use any more");
        }
    }
}

/// Passes what happened on to the log, the counters and those it concerns.
async fn follow(app: App, mut events: tokio::sync::broadcast::Receiver<Arc<Applied>>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match events.recv().await {
            Ok(applied) => logging::together(|| {
                let events = applied.outcomes.iter().flat_map(|outcome| &outcome.events);
                events.for_each(|event| pass_on(&app, event, applied.at));
            }),
            Err(RecvError::Lagged(missed)) => {
                warn!(missed, "events came faster than they could be passed on");
                app.living.tell_all_missed();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn pass_on(app: &App, event: &Event, at: Timestamp) {
    app.counters.count(event);
    eventlog::log(event, at);
    app.recent.note(event, at);
    match event {
        Event::SessionOpened { session, .. } if app.is_open.load(Ordering::SeqCst) => {
            // Whoever asked for it may have gone away meanwhile: it must be watched all the same.
            let heartbeat = app.consensus.look(|site| {
                let opened = site.session(*session).filter(|opened| opened.lease_until().is_none());
                opened.map(|opened| opened.heartbeat_seconds)
            });
            if let Some(heartbeat) = heartbeat {
                app.living.opened(*session, heartbeat);
            }
        }
        Event::SessionEnded { session, why, .. } => {
            app.living.ended(*session, Notice::Ended { reason: end_text(why) })
        }
        Event::Revoked { grant, why } => {
            let notice = Notice::Revoked {
                grant: grant.grant.0,
                feature: grant.feature.to_string(),
                reason: eventlog::revoke_text(why),
            };
            app.living.tell(grant.session, notice);
        }
        Event::CheckedOut(grant) => {
            if let Some(ticket) = grant.ticket
                && let Some(granted) = app.consensus.look(|site| site.granted(grant.grant))
            {
                app.living
                    .tell(grant.session, Notice::Granted { ticket: ticket.0, grant: http::grant(granted) });
            }
        }
        Event::Dequeued { ticket, session, feature, why, .. }
            if *why != grantor_site::event::DequeueReason::Granted =>
        {
            let notice = Notice::Dequeued {
                ticket: ticket.0,
                feature: feature.clone(),
                reason: eventlog::dequeue_text(why).to_owned(),
            };
            app.living.tell(*session, notice);
        }
        _ => {}
    }
}

fn end_text(why: &EndReason) -> String {
    match why {
        EndReason::Closed => "closed".to_owned(),
        EndReason::HeartbeatMissed => "no sign of life in time".to_owned(),
        EndReason::ConnectionLost => "the connection broke and did not come back in time".to_owned(),
        EndReason::Replaced => "its instance was started anew, and holds its seats now".to_owned(),
        EndReason::LoggedOnElsewhere { host } => format!("its user logged on at {host}"),
        EndReason::LeaseEnded => "the lease ran out".to_owned(),
        EndReason::Removed { by, reason } if reason.is_empty() => format!("ended by {by}"),
        EndReason::Removed { by, reason } => format!("ended by {by}: {reason}"),
    }
}

/// Ends sessions that are not heard of, and lets time pass when something falls due.
async fn keep_watch(app: App) {
    let mut stop = app.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        app.consensus.look(|site| app.recent.sample(site, app.now()));
        if !app.is_open.load(Ordering::SeqCst) {
            continue;
        }
        let ends = app.living.overdue().into_iter().take(ENDED).map(|session| end_overdue(&app, session));
        futures::future::join_all(ends).await;
        if app.consensus.look(Site::next_due).is_some_and(|due| due <= app.now()) {
            ignore(app.propose(Command::Tick).await);
        }
    }
}

/// A refusal means that somebody else was quicker; a busy log is tried again at the next look.
fn ignore<T>(_done_or_refused: Result<T, http::Failure>) {}

async fn end_overdue(app: &App, session: grantor_site::ids::SessionId) {
    let ended = app.propose(Command::EndSession { session, why: EndReason::HeartbeatMissed }).await;
    let is_gone = ended.as_ref().is_err_and(|failure| failure.0.code == grantor_api::Code::NoSuchSession);
    if ended.is_ok() || is_gone {
        app.living.ended(session, Notice::Ended { reason: end_text(&EndReason::HeartbeatMissed) });
    }
}

impl Running {
    /// Where the set-up token is written down.
    #[must_use]
    pub fn setup_file(&self) -> &PathBuf {
        &self.app.setup_file
    }

    /// The installation's own key.
    #[must_use]
    pub fn registration_key(&self) -> String {
        registration_key(&self.app.consensus)
    }

    /// Stops on SIGTERM, SIGINT or an administrator's word; reads license files again on SIGHUP.
    ///
    /// # Errors
    /// Signals that can't be listened for.
    pub async fn until_stopped(self) -> std::io::Result<()> {
        let (mut term, mut int, mut hup) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        );
        let mut told = self.app.stop.subscribe();
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => reign::reload(&self.app, "a server, told by SIGHUP").await,
                _ = told.wait_for(|stop| *stop) => break,
            }
        }
        self.stop().await;
        Ok(())
    }

    /// Stops in good order: the lead is handed over, open requests end, the log is closed.
    pub async fn stop(self) {
        http::give_up_lead(&self.app).await;
        self.app.stop.send_replace(true);
        self.app.living.let_go();
        if let Err(error) = self.serving.await {
            error!(%error, "the accept loop did not end in good order");
        }
        self.app.consensus.shutdown().await;
        info!(event = eventlog::SERVER_DOWN, "license server down");
    }
}

/// What `grantor server check` found.
pub struct Report {
    /// License files that are there.
    pub files: usize,
    /// Lines of them that grant, now or at another time.
    pub lines: usize,
    /// What is wrong with the rest.
    pub problems: Vec<String>,
}

/// Checks what a server would start with, and starts nothing.
///
/// # Errors
/// A configuration that can't be used.
pub fn check(config: &Config) -> Result<Report, crate::config::ConfigError> {
    let loader = Loader::new(config, hostid::machine())?;
    let servers = if config.cluster.token_file.is_some() { 3 } else { 1 };
    let read = loader.read(Clock::default().now(), servers, &Remembered::default());
    Ok(Report {
        files: read.files.len(),
        lines: read.files.iter().map(|file| file.lines.len()).sum(),
        problems: read.problems,
    })
}
