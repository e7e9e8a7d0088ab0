//! The first start of several servers: they find each other, make sure that each is new and has the same license files,
//! and become a cluster. The first server of the list founds it, and only when all the others have said that they are new:
//! a server that lost its disk finds a cluster that knows its address, and is refused (engine.md, pitfalls).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::member::Fingerprint;
use super::peers::{Meeting, body};
use super::wire::{Caller, PROOF, known_token, wrong_token};
use super::{JoinToken, LicenseSet, Member, Peers, Record, token};
use crate::config::Config;
use crate::log::ClusterId;

/// The others are asked so often while the cluster is not there yet.
const AGAIN: Duration = Duration::from_millis(500);
/// Largest introduction in bytes: a signature and a name for every line of all license files.
pub(crate) const INTRODUCTION: usize = 64 << 20;

/// What a server says of itself to servers that it does not know yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Where it is reached.
    pub(crate) address: String,
    /// The servers that are to form the cluster, in order.
    pub(crate) servers: Vec<String>,
    pub(crate) licenses: LicenseSet,
    /// The level of commands that it knows; servers of before don't say.
    #[serde(default)]
    pub(crate) level: u16,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Welcome {
    /// It is new, too.
    New(Hello),
    /// It belongs to a cluster, whose members are at these addresses.
    Member {
        cluster: String,
        /// The one who asks is a member already, by its certificate: the founder is about to tell it.
        is_you: bool,
        addresses: Vec<String>,
    },
}

/// The founder's word: the cluster is founded, and this is your place in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// What the keys of sessions are worked out from.
    pub(crate) answer_secret: [u8; 32],
}

/// A server that is not in a cluster yet.
pub(crate) struct Forming {
    config: Config,
    pub(crate) token: JoinToken,
    address: String,
    servers: Vec<String>,
    peers: Arc<Peers>,
    /// What still stands in the way, in words.
    waiting: Mutex<String>,
    found: Mutex<Option<Record>>,
    told: Notify,
}

/// How it ended.
pub(crate) enum Formed {
    /// This server has its place.
    In(Record),
    /// It can never have one as things are.
    Refused(String),
}

/// What came of asking one server.
enum Heard {
    New(Fingerprint),
    Member(Vec<String>),
    NotYet(String),
    /// It will not be talked to with this token.
    Refused(String),
}

impl Forming {
    pub(crate) fn new(
        config: &Config,
        token: JoinToken,
        address: String,
        servers: Vec<String>,
        peers: Arc<Peers>,
    ) -> Arc<Self> {
        Arc::new(Self {
            config: config.clone(),
            token,
            address,
            servers,
            peers,
            waiting: Mutex::new("nobody was asked yet".to_owned()),
            found: Mutex::default(),
            told: Notify::new(),
        })
    }

    /// What still stands in the way, in words.
    pub(crate) fn waiting(&self) -> String {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hello(&self) -> Hello {
        Hello {
            address: self.address.clone(),
            servers: self.servers.clone(),
            licenses: LicenseSet::on_disk(&self.config),
            level: self.config.cluster.most(),
        }
    }

    /// Asks and answers until there is a cluster with this server in it.
    pub(crate) async fn run(self: &Arc<Self>) -> io::Result<Formed> {
        loop {
            if let Some(record) = self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Ok(Formed::In(record));
            }
            if let Some(formed) = self.ask_around().await? {
                return Ok(formed);
            }
            let _told_or_late = tokio::time::timeout(AGAIN, self.told.notified()).await;
        }
    }

    async fn ask_around(&self) -> io::Result<Option<Formed>> {
        let hello = self.hello();
        let others = self.servers.iter().filter(|address| **address != self.address);
        let asked = others.map(|address| self.ask(address, &hello));
        let heard = futures::future::join_all(asked).await;
        if let Some(addresses) = heard.iter().find_map(|(_, heard)| match heard {
            Heard::Member(addresses) => Some(addresses),
            _ => None,
        }) {
            return self.come_in(addresses, &hello).await;
        }
        if let Some((address, why)) = heard.iter().find_map(|(address, heard)| match heard {
            Heard::Refused(why) => Some((address, why)),
            _ => None,
        }) {
            return Ok(Some(refused(address, why)));
        }
        let missing: Vec<String> = heard
            .iter()
            .filter_map(|(address, heard)| match heard {
                Heard::NotYet(why) => Some(format!("{address}: {why}")),
                _ => None,
            })
            .collect();
        self.say(missing.join("; "));
        let is_founder = self.servers.first() == Some(&self.address);
        if !missing.is_empty() || !is_founder {
            return Ok(None);
        }
        let new = heard.iter().filter_map(|(address, heard)| match heard {
            Heard::New(fingerprint) => Some((address.clone(), *fingerprint)),
            _ => None,
        });
        self.found(new.collect()).await.map(|record| Some(Formed::In(record)))
    }

    /// Tells the log what is waited for, once for each reason.
    fn say(&self, why: String) {
        let why =
            if why.is_empty() { "the first server of the list founds the cluster".to_owned() } else { why };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting != why {
            tracing::info!("not in a cluster yet: {why}");
            *waiting = why;
        }
    }

    async fn ask(&self, address: &str, hello: &Hello) -> (String, Heard) {
        let heard = match introduce(&self.peers, address, &self.token, "/peer/hello", hello).await {
            Ok((Welcome::Member { is_you: true, .. }, _)) => Heard::NotYet(
                "the cluster is founded, and its founder has not told this server yet".to_owned(),
            ),
            Ok((Welcome::Member { addresses, .. }, _)) => Heard::Member(addresses),
            Ok((Welcome::New(theirs), fingerprint)) => match self.unlike(hello, &theirs) {
                None => Heard::New(fingerprint),
                Some(why) => Heard::NotYet(why),
            },
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && !self.token.servers.is_empty() =>
            {
                Heard::Refused(error.to_string())
            }
            Err(error) => Heard::NotYet(error.to_string()),
        };
        (address.to_owned(), heard)
    }

    /// Why two servers can't form a cluster together.
    fn unlike(&self, ours: &Hello, theirs: &Hello) -> Option<String> {
        if ours.servers != theirs.servers {
            let lists = (ours.servers.join(", "), theirs.servers.join(", "));
            return Some(format!("its list of servers is another: {}, here {}", lists.1, lists.0));
        }
        let differs = ours.licenses.differs(&theirs.licenses)?;
        Some(format!("it has different license files: {differs}"))
    }

    /// Writes the founding down, for this server first, and tells the others; who isn't reached asks by itself.
    async fn found(&self, others: Vec<(String, Fingerprint)>) -> io::Result<Record> {
        let cluster = ClusterId::random().map_err(io::Error::other)?;
        let fingerprint_of = |address: &String| match others.iter().find(|(other, _)| other == address) {
            Some((_, fingerprint)) => *fingerprint,
            None => self.peers.identity.fingerprint,
        };
        let numbered = self.servers.iter().enumerate();
        let members: BTreeMap<u64, Member> = numbered
            .map(|(slot, address)| {
                let member = Member { address: address.clone(), slot, fingerprint: fingerprint_of(address) };
                (slot as u64 + 1, member)
            })
            .collect();
        let record = Record::new(cluster, 1, &members);
        record.write(&self.config.data_dir)?;
        Ok(record)
    }

    /// The others have a cluster: with their token, this server may join it.
    async fn come_in(&self, addresses: &[String], hello: &Hello) -> io::Result<Option<Formed>> {
        if addresses.contains(&self.address) {
            return Ok(Some(Formed::Refused(format!(
                "data folder `{}` is empty, but the cluster knows {} as a member\n\
                 \x20 hint: a server that lost its disk has forgotten its votes and can't come back as it was; run \
                 `grantor cluster remove {}` and then `grantor cluster add` on another server, and start this one with \
                 the new join token",
                self.config.data_dir.display(),
                self.address,
                self.address
            ))));
        }
        for address in addresses {
            match introduce::<Joined>(&self.peers, address, &self.token, "/peer/join", hello).await {
                Ok((joined, _)) => {
                    crate::secret::keep_answer_secret(&self.config.data_dir, &joined.answer_secret)?;
                    joined.record.write(&self.config.data_dir)?;
                    return Ok(Some(Formed::In(joined.record)));
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Ok(Some(refused(address, &error.to_string())));
                }
                Err(error) => self.say(format!("{address}: {error}")),
            }
        }
        Ok(None)
    }

    /// What this server answers while it is not in a cluster.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/peer/hello", post(hello))
            .route("/peer/found", post(found))
            .layer(axum::extract::DefaultBodyLimit::max(INTRODUCTION))
            .with_state(self.clone())
    }
}

fn refused(address: &str, why: &str) -> Formed {
    Formed::Refused(format!(
        "{address} refuses this server: {why}\n  hint: `grantor cluster add` on a member makes a join token, of use once"
    ))
}

/// A new server's place in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    pub(crate) record: Record,
    /// What the keys of sessions are worked out from.
    pub(crate) answer_secret: [u8; 32],
}

/// A server that knows the token, with the proof that this one does. Looked at before the body is read.
struct Introduced(HeaderValue);

impl FromRequestParts<Arc<Forming>> for Introduced {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, forming: &Arc<Forming>) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>().copied();
        let known = caller.and_then(|caller| known_token(&caller, &parts.headers, [forming.token.hash()]));
        known.map(|(_, proof)| Self(proof)).ok_or_else(wrong_token)
    }
}

async fn hello(
    State(forming): State<Arc<Forming>>,
    Introduced(proof): Introduced,
    Json(theirs): Json<Hello>,
) -> Response {
    let ours = forming.hello();
    if let Some(why) = forming.unlike(&ours, &theirs) {
        forming.say(format!("{}: {why}", theirs.address));
    }
    ([(PROOF, proof)], Json(Welcome::New(ours))).into_response()
}

async fn found(
    State(forming): State<Arc<Forming>>,
    Introduced(proof): Introduced,
    Json(found): Json<Found>,
) -> Response {
    let ours = found.record.members().get(&found.record.server).cloned();
    let is_us = ours.is_some_and(|ours| {
        ours.address == forming.address && ours.fingerprint == forming.peers.identity.fingerprint
    });
    if !is_us {
        return (StatusCode::CONFLICT, "the founder means another server").into_response();
    }
    let kept = crate::secret::keep_answer_secret(&forming.config.data_dir, &found.answer_secret);
    if let Err(error) = kept.and_then(|()| found.record.write(&forming.config.data_dir)) {
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
    }
    *forming.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.record);
    forming.told.notify_one();
    ([(PROOF, proof)], Json(())).into_response()
}

/// Asks a server that does not know this one, each showing the other that it knows the token. Gives the answer and whom
/// it came from.
pub(crate) async fn introduce<T: DeserializeOwned>(
    peers: &Peers,
    address: &str,
    token: &JoinToken,
    path: &str,
    message: &impl Serialize,
) -> io::Result<(T, Fingerprint)> {
    let Meeting { mut sender, fingerprint, exporter } = peers.open(address, None).await?;
    let secret = token.hash();
    let proof = crate::tls::hex(&token::proof(&secret, "client", &exporter));
    let request = axum::http::Request::post(path)
        .header(PROOF, proof)
        .header("content-type", "application/json")
        .body(Body::from(serde_json::to_vec(message).map_err(io::Error::other)?))
        .map_err(io::Error::other)?;
    let asked = async {
        sender.ready().await?;
        sender.send_request(request).await
    };
    let answer = tokio::time::timeout(Duration::from_secs(25), asked).await;
    let answer = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)?;
    let status = answer.status();
    let shown = answer.headers().get(PROOF).and_then(|value| super::member::bytes(value.to_str().ok()?));
    let knows = shown.is_some_and(|shown| token::is_proof(&shown, &secret, "server", &exporter));
    let bytes = body(answer, INTRODUCTION).await?;
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    match status {
        StatusCode::FORBIDDEN => Err(io::Error::new(io::ErrorKind::PermissionDenied, text())),
        status if !status.is_success() => Err(io::Error::other(text())),
        _ if !knows => Err(io::Error::other("it does not know the join token")),
        _ => Ok((serde_json::from_slice(&bytes).map_err(io::Error::other)?, fingerprint)),
    }
}
