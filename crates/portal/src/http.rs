//! The portal's pages over HTTPS: plain forms and links, rendered here; scripts only on top.
//!
//! Every page is a [`Route`] that says who may open it; `gate` sees to that before a handler runs, so no handler can forget it.
//! Handlers read the form, call the domain, and render; the rules are not here.

mod account;
mod activate;
mod api;
mod ask;
mod door;
mod fault;
mod form;
mod gate;
mod house;
mod me;
mod passkey;
mod provider;
mod render;
mod request;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use grantor_web::limit::Limit;
use grantor_web::{assets, guard};
use tokio::sync::{Notify, Semaphore};

use crate::people::Person;
use crate::providers::Provider;
use crate::requests::{House, Levels};
use crate::rights::Right;
use crate::sealed::Seal;
use crate::signer::Client;
use crate::store::Store;

/// Bytes of a request's body, at most; for uploads see [`UPLOAD`].
const BODY: usize = 256 * 1024;
/// Bytes of an uploaded file, at most.
const UPLOAD: usize = 16 * 1024 * 1024;
/// Passwords hashed at a time: each takes 19 MiB.
const HASHING: usize = 2;

/// How requests are looked after: a part of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Hours until the first answer is due,
    pub answer_hours: u32,
    /// and if it is urgent.
    pub urgent_hours: u32,
    /// The mail address whose mail is handed to `grantor portal mail`: replies go there.
    pub replies: Option<String>,
    /// Who is told of requests that nobody looks after.
    pub team: Option<String>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { answer_hours: 48, urgent_hours: 8, replies: None, team: None }
    }
}

impl Requests {
    pub(crate) fn levels(&self) -> Levels {
        Levels { answer_hours: self.answer_hours, urgent_hours: self.urgent_hours }
    }
}

/// What the pages need to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The portal's address as people reach it, `https://…` without a slash at its end: for links in mails.
    pub address: String,
    /// How often a year people of an account move licenses to another installation themselves.
    pub moves_a_year: u64,
    /// Whether the publisher's staff must show a code when they sign in.
    pub staff_shows_codes: bool,
    /// Requests.
    pub requests: Requests,
}

/// Everything that handlers share.
pub struct App {
    pub(crate) store: Store,
    pub(crate) signer: Option<Client>,
    pub(crate) seal: Seal,
    pub(crate) settings: Settings,
    /// Where else people sign in.
    pub(crate) providers: Vec<Arc<Provider>>,
    pub(crate) hashing: Semaphore,
    /// Tries to sign in from one address.
    pub(crate) tries: Limit,
    /// Mails that strangers can have sent.
    pub(crate) letters: Limit,
    /// There may be mail to send or a file to sign.
    pub(crate) wake: Notify,
    /// There may be orders to book in the background.
    pub(crate) bookings: Notify,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(store: Store, signer: Option<Client>, seal: Seal, settings: Settings) -> Self {
        let of = |burst: u32| NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Self {
            store,
            signer,
            seal,
            settings,
            providers: Vec::new(),
            hashing: Semaphore::new(HASHING),
            tries: Limit::new(of(20), Duration::from_secs(6)),
            letters: Limit::new(of(5), Duration::from_secs(60)),
            wake: Notify::new(),
            bookings: Notify::new(),
        }
    }

    /// The same, where people sign in at these providers, too.
    #[must_use]
    pub fn with_providers(self, providers: Vec<Provider>) -> Self {
        Self { providers: providers.into_iter().map(Arc::new).collect(), ..self }
    }

    /// What surrounds requests here.
    #[must_use]
    pub fn house(&self) -> House<'_> {
        let Settings { address, requests, .. } = &self.settings;
        House {
            portal: address,
            seal: &self.seal,
            replies: requests.replies.as_deref(),
            team: requests.team.as_deref(),
        }
    }

    /// How many moves a year this person may do; the publisher's staff as many as needed.
    pub(crate) fn most_moves(&self, person: &Person) -> Option<u64> {
        person.account.map(|_| self.settings.moves_a_year)
    }

    /// Resolves when there may be mail to send or a file to sign.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// As handlers have it.
pub(crate) type Shared = Arc<App>;

/// Who may open a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Anybody.
    Nobody,
    /// Who gave a password and has still to show a code.
    Half,
    /// Whoever is signed in.
    Person,
    /// Who has this right and reaches the account that the path names as `{account}`.
    Account(Right),
    /// Who has this right in the publisher's house.
    House(Right),
    /// The same, and proved lately who they are.
    Proved(Right),
    /// A program with a token; its handler looks up what it may.
    Token,
}

/// A page, and who may open it.
pub struct Route {
    /// How it is asked for.
    pub method: Method,
    /// Where it is.
    pub path: &'static str,
    /// Who may open it.
    pub need: Need,
    handler: MethodRouter<Shared>,
}

impl Route {
    fn get<H: Handler<T, Shared>, T: 'static>(path: &'static str, need: Need, handler: H) -> Self {
        Self { method: Method::GET, path, need, handler: on(MethodFilter::GET, handler) }
    }

    fn post<H: Handler<T, Shared>, T: 'static>(path: &'static str, need: Need, handler: H) -> Self {
        Self { method: Method::POST, path, need, handler: on(MethodFilter::POST, handler) }
    }

    /// For a file.
    fn upload<H: Handler<T, Shared>, T: 'static>(path: &'static str, need: Need, handler: H) -> Self {
        let route = Self::post(path, need, handler);
        Self { handler: route.handler.layer(DefaultBodyLimit::max(UPLOAD)), ..route }
    }
}

/// Every page, with who may open it.
#[must_use]
pub fn routes() -> Vec<Route> {
    [
        door::routes(),
        activate::routes(),
        request::routes(),
        api::routes(),
        me::routes(),
        passkey::routes(),
        provider::routes(),
        account::routes(),
        house::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All pages behind their gates.
pub fn router(app: Shared) -> Router {
    let pages = routes().into_iter().fold(Router::new(), |router, route| {
        let gate = axum::middleware::from_fn_with_state((app.clone(), route.need), gate::gate);
        router.route(route.path, route.handler.route_layer(gate))
    });
    pages
        .route(assets::ROUTE, get(assets::serve))
        .route("/healthz", get(gate::health))
        .fallback(gate::nowhere)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(gate::in_time))
        .layer(from_fn(guard::guard))
        .with_state(app)
}
