//! The HTTP API of design.md §5: routes, what every handler shares, and the way from a request to the log and back.

pub(crate) mod admin;
mod answer;
mod auth;
mod binding;
mod body;
mod browser;
mod checkouts;
pub(crate) mod cluster;
mod directory;
mod files;
mod health;
mod leases;
mod loans;
mod login;
mod metrics;
pub(crate) mod notices;
mod people;
mod quick;
mod scim;
mod sessions;
mod status;

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Problem};
use grantor_license::Machine;
use grantor_site::{Command, Refusal, Reply, Timestamp};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cluster::{self as servers, Node};
use crate::config::{Applications, Config, ConfigError};
use crate::consensus::{Consensus, ProposeError};
use crate::console;
use crate::living::Living;
use crate::loader::Loader;
use crate::notices::Channels;
use crate::portal::Portal;
use crate::recent::Recent;
pub(crate) use answer::{Failure, bad_request, problem, refusal_text};
pub(crate) use auth::{Caller, Peer, scope_name};
pub(crate) use body::{Json, Path, name, read, required};
pub(crate) use checkouts::grant;
pub(crate) use cluster::{describe, give_up_lead, own_status};
pub(crate) use directory::{differences, show, site_change, warning};
pub(crate) use files::{Prepared, change as pool_change, not_remembered};
pub(crate) use login::make_first;
pub(crate) use metrics::Counters;
pub(crate) use people::{changed as person_changed, invite, means};
pub(crate) use quick::Front;
pub(crate) use status::{feature as feature_status, holding};

/// How long a command may wait for servers that are about to agree that all of them know it.
const AGREEMENT: Duration = Duration::from_secs(2);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The parts of [`App`].
pub(crate) struct Shared {
    pub(crate) consensus: Consensus,
    pub(crate) cluster: Node,
    /// Whether this server leads and is ready to: signs of life are watched, limits are set.
    pub(crate) is_open: std::sync::atomic::AtomicBool,
    pub(crate) clock: Arc<crate::clock::Clock>,
    pub(crate) living: Living,
    pub(crate) rules: RwLock<Arc<Rules>>,
    /// What the server was started with.
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    pub(crate) door: crate::signin::Door,
    pub(crate) recent: Recent,
    pub(crate) tenant: Arc<str>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) started: Timestamp,
    pub(crate) reconnect: Duration,
    pub(crate) body_time: Duration,
    pub(crate) setup_file: std::path::PathBuf,
    /// What keys of sessions are worked out from; the same on all servers of a cluster.
    pub(crate) answer_secret: [u8; 32],
    /// Set when the server is to stop: by signal or by command.
    pub(crate) stop: tokio::sync::watch::Sender<bool>,
}

/// What a reload of the configuration replaces.
pub(crate) struct Rules {
    pub(crate) loader: Loader,
    pub(crate) applications: Applications,
    pub(crate) channels: Channels,
    pub(crate) portal: Option<Portal>,
}

impl Rules {
    pub(crate) fn of(config: &Config, machine: Machine) -> Result<Self, ConfigError> {
        let (loader, channels) = (Loader::new(config, machine)?, Channels::open(&config.notices)?);
        let portal = Portal::open(&config.portal)?;
        Ok(Self { loader, applications: config.applications, channels, portal })
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The rules in force.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The leader's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The cluster's servers as `host:port`, for applications to know whom else to ask. A single server names none: the
    /// application knows it by a name that reaches it.
    pub(crate) fn servers(&self) -> Vec<String> {
        let members = self.cluster.members(&self.consensus);
        if members.len() < 2 {
            return Vec::new();
        }
        members.into_values().map(|member| member.address).collect()
    }

    /// The same; of a single server its own name.
    pub(crate) fn servers_or_self(&self) -> Vec<String> {
        let servers = self.servers();
        if servers.is_empty() { vec![format!("{}:{}", self.host, self.port)] } else { servers }
    }

    /// The one of [`App::servers`] that leads, if that is known.
    pub(crate) fn leader(&self) -> Option<String> {
        let (leader, node) = self.consensus.leader()?;
        let known = node.parse::<servers::Member>().ok().map(|member| member.address);
        (self.servers().len() > 1).then(|| {
            if leader == self.consensus.server() { Some(self.cluster.me.address.clone()) } else { known }
        })?
    }

    pub(crate) fn body_time(&self) -> Duration {
        self.body_time
    }

    /// Whether this server certainly leads and may answer for the site.
    pub(crate) async fn serves(&self) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        // A single server with a backup asks nobody before it grants: what the backup says is all that it hears.
        let is_out = self.cluster.is_out.load(SeqCst) && self.consensus.alone();
        !is_out && self.is_open.load(SeqCst) && self.consensus.surely_leads().await
    }

    /// Has the command carried out, by the leader if that is another server; the answer means: on a majority of disks.
    pub(crate) async fn propose(&self, command: Command) -> Result<Reply, Failure> {
        self.ask(command).await?.map_err(Failure::from)
    }

    /// The same; what the site refuses is told apart from what could not be asked.
    pub(crate) async fn ask(&self, command: Command) -> Result<Result<Reply, Refusal>, Failure> {
        // Also of a follower: its leader may be older.
        if !self.may_propose(&command).await {
            return Err(Failure(unproposed(&ProposeError::HeldBack)));
        }
        let there = if self.consensus.leads() { None } else { self.cluster.leader(&self.consensus) };
        let reply = match there {
            Some(leader) => self.cluster.propose(&leader, &command).await.map(|outcome| outcome.reply),
            None => self.consensus.propose(command).await.map_err(|error| unproposed(&error)),
        };
        reply.map_err(Failure)
    }

    /// Whether every server knows this kind of command. Servers that have just met, or of which the last was just upgraded, agree on
    /// that within a moment, which is waited for.
    pub(crate) async fn may_propose(&self, command: &Command) -> bool {
        // Boxed, so that everyday commands don't carry its size along.
        self.consensus.may_propose(command) || Box::pin(self.is_agreed_on(command)).await
    }

    async fn is_agreed_on(&self, command: &Command) -> bool {
        let agreed = async {
            while !self.consensus.may_propose(command) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(AGREEMENT, agreed).await.is_ok()
    }

    /// An administrator says that the clocks are right: this server takes its wall clock, at once. The others don't take
    /// theirs when they hear of it, since that may be late and theirs may have leapt meanwhile: this server vouches for
    /// those that stand where its own does (see [`crate::cluster::clocks`]).
    pub(crate) async fn confirm_clock(&self, by: String) -> Result<(), Failure> {
        self.propose(Command::ConfirmClock { by }).await?;
        self.clock.confirm();
        Ok(())
    }

    /// The site answered with a reply of the wrong kind: our fault.
    pub(crate) fn confused() -> Failure {
        Problem::new(Code::Internal, "the server's fault", "the answer did not fit the question")
            .hint("please report this")
            .into()
    }
}

fn unproposed(error: &ProposeError) -> Problem {
    match error {
        ProposeError::Busy => {
            Problem::new(Code::Busy, "the server is busy", error.to_string()).hint("try again in a second")
        }
        ProposeError::Unknown => {
            Problem::new(Code::Unknown, "it is not known whether this was done", error.to_string())
                .hint("ask again with the same request key or session id: nothing is taken twice")
        }
        ProposeError::TooLarge { .. } => {
            Problem::new(Code::TooLarge, "the request is too large", error.to_string())
        }
        ProposeError::HeldBack => {
            Problem::new(Code::Unavailable, "the cluster is being upgraded", error.to_string())
                .hint("`grantor cluster status` shows which server is older or does not answer")
        }
        ProposeError::NotLeader { .. } | ProposeError::Stopping => {
            Problem::new(Code::Unavailable, "the server can't answer now", error.to_string())
                .hint("try again in a second, or another server")
        }
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Grantor license server",
    description = "Checkouts for applications and scripts, administration for people and tools"
))]
struct Api;

/// What only the leader answers; any server passes it on.
fn for_the_leader() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions::open))
        .routes(routes!(sessions::show, sessions::alive, sessions::close))
        .routes(routes!(sessions::all_alive))
        .routes(routes!(sessions::events))
        .routes(routes!(checkouts::take))
        .routes(routes!(checkouts::give_back))
        .routes(routes!(checkouts::leave))
        .routes(routes!(loans::borrow))
        .routes(routes!(loans::give_back))
        .routes(routes!(leases::take))
        .routes(routes!(leases::renew, leases::give_back))
        .routes(routes!(login::setup))
        .routes(routes!(login::login))
        .routes(routes!(login::accept))
        .routes(routes!(login::change_password))
        .routes(routes!(admin::tokens, admin::new_token))
        .routes(routes!(admin::revoke_token))
        .routes(routes!(admin::remove_grant))
        .routes(routes!(admin::end_session))
        .routes(routes!(admin::set_policy))
        .routes(routes!(admin::clear_violation))
        .routes(routes!(admin::confirm_clock))
        .routes(routes!(files::load, files::remove, files::show))
        .routes(routes!(status::status))
        .routes(routes!(cluster::new_token))
        .routes(routes!(cluster::remove))
        .routes(routes!(cluster::transfer))
        .routes(routes!(notices::list))
        .routes(routes!(notices::try_out))
        .merge(directory::routes())
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::change, people::remove))
        .routes(routes!(people::reset))
        .routes(routes!(people::end_visits))
        .route("/scim/v2/{tenant}/{*rest}", axum::routing::any(scim::serve))
}

/// What each server answers for itself.
fn for_itself() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(admin::down))
        .routes(routes!(files::reread))
        .routes(routes!(cluster::status))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
}

/// Every route, with its description.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi()).merge(for_the_leader()).merge(for_itself())
}

/// The whole API, served to applications and administrators; and the part of it that peers may pass on.
pub(crate) fn routers(app: &App) -> (Router, Router) {
    let openapi = openapi();
    let own = for_itself().split_for_parts().0.route(
        "/openapi.json",
        axum::routing::get(move || std::future::ready(([("content-type", "application/json")], openapi))),
    );
    let leads = for_the_leader().split_for_parts().0;
    let leads = leads.route_layer(axum::middleware::from_fn_with_state(app.clone(), binding::bind));
    let front = leads
        .clone()
        .route_layer(axum::middleware::from_fn_with_state(app.clone(), servers::to_leader))
        .merge(own);
    let behind = leads.route_layer(axum::middleware::from_fn_with_state(app.clone(), servers::here_only));
    let finish = |router: Router<App>| {
        let router = router.fallback(no_such_page).method_not_allowed_fallback(no_such_method);
        router.layer(axum::middleware::from_fn(browser::guard)).with_state(app.clone())
    };
    let pages = console::pages();
    let at_leader =
        pages.clone().route_layer(axum::middleware::from_fn_with_state(app.clone(), servers::to_leader));
    let here = pages.route_layer(axum::middleware::from_fn_with_state(app.clone(), servers::here_only));
    let dressed = |pages| console::dressed(pages).with_state(app.clone());
    (finish(front).merge(dressed(at_leader.merge(console::own()))), finish(behind).merge(dressed(here)))
}

async fn no_such_page(request: Request) -> Response {
    let problem =
        Problem::new(Code::NotFound, "there is no such page", "`/openapi.json` lists all there are");
    console::for_people(request.headers(), Failure(problem).into_response()).await
}

async fn no_such_method() -> Failure {
    Problem::new(Code::MethodNotAllowed, "the page has no such method", "`/openapi.json` lists all there are")
        .into()
}

/// The API's description, for the check that the stored one is fresh.
#[must_use]
pub fn openapi() -> String {
    described().into_openapi().to_pretty_json().unwrap_or_default()
}
