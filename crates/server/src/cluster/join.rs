//! Members among themselves: letting a new server in, giving it its vote when it has caught up, keeping addresses right,
//! handing the lead over. Each change goes through the replicated membership, one server at a time.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Problem};
use grantor_site::access::{Scope, Secret};
use grantor_site::{Command, Outcome};
use serde::Serialize;

use super::forming::{Found, Hello, Joined, Welcome, introduce};
use super::member::BACKUP;
use super::peers::Lane;
use super::wire::{Caller, FromMember, PROOF, known_token, wrong_token};
use super::{Fingerprint, JoinToken, LicenseSet, Member, Peers, Record};
use crate::config::Config;
use crate::consensus::{ChangeError, Consensus, ServerId};
use crate::http::App;

/// How often a leader looks whether new servers have caught up, and a follower whether its address is right.
const LOOK: Duration = Duration::from_millis(500);

/// How long a member's word for a stranger holds: long enough to hear from the stranger what has changed.
const VOUCHED: Duration = Duration::from_secs(30);
/// How long a stranger that nobody knows is refused without asking again.
const REFUSED: Duration = Duration::from_secs(2);

/// This server's part in its cluster.
pub(crate) struct Node {
    pub(crate) peers: Arc<Peers>,
    /// Where it is and by which certificate peers know it.
    pub(crate) me: Member,
    /// What it came in with.
    pub(crate) record: Option<Record>,
    /// The token of its configuration, for servers that form the cluster with it.
    pub(crate) token: Option<JoinToken>,
    /// Set when a peer says that this server is not, or no longer, one of them.
    pub(crate) is_out: Arc<AtomicBool>,
    /// One change of the membership at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// What members said of strangers.
    pub(crate) vouched: Vouched,
}

/// What members said a moment ago of certificates that this server doesn't know.
#[derive(Default)]
pub(crate) struct Vouched {
    said: std::sync::Mutex<HashMap<Fingerprint, (bool, Instant)>>,
    asking: tokio::sync::Mutex<()>,
}

impl Vouched {
    fn of(&self, fingerprint: &Fingerprint) -> Option<bool> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (vouched, at) = *said.get(fingerprint)?;
        let holds = if vouched { VOUCHED } else { REFUSED };
        (at.elapsed() < holds).then_some(vouched)
    }

    fn note(&self, fingerprint: Fingerprint, vouched: bool) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, (vouched, at)| *vouched && at.elapsed() < VOUCHED);
        said.insert(fingerprint, (vouched, Instant::now()));
    }
}

/// Every member as this server has it written down, for another that was away.
pub(crate) async fn members(State(app): State<App>, _: FromMember) -> Json<Vec<String>> {
    Json(app.cluster.members(&app.consensus).values().map(ToString::to_string).collect())
}

impl Node {
    /// Leader of a switchover pair, before it begins to lead: whether the backup has taken over meanwhile.
    pub(crate) async fn is_superseded(&self, consensus: &Consensus) -> bool {
        for backup in self.members(consensus).values().filter(|member| member.is_backup()) {
            // Who can't be reached is asked again by the first message to it.
            let _asked = self.ask(backup, "/peer/status", &()).await;
        }
        self.is_out.load(Ordering::SeqCst)
    }

    /// Every member, as far as its address can be read.
    pub(crate) fn members(&self, consensus: &Consensus) -> BTreeMap<ServerId, Member> {
        let seen = consensus.members();
        let members: BTreeMap<_, _> =
            seen.iter().filter_map(|(id, seen)| Some((*id, seen.node.parse().ok()?))).collect();
        match &self.record {
            // Before the first word from the leader.
            Some(record) if seen.is_empty() => record.members(),
            _ => members,
        }
    }

    /// Whether a certificate is a member's, by this server's own knowledge or by what a member has just said.
    pub(crate) fn knows(&self, consensus: &Consensus, fingerprint: &Fingerprint) -> bool {
        self.members(consensus).values().any(|member| member.fingerprint == *fingerprint)
            || self.vouched.of(fingerprint) == Some(true)
    }

    /// The same; a stranger may have come in while this server was away, and lead by now: then another member knows it.
    pub(crate) async fn comes_to_know(&self, consensus: &Consensus, fingerprint: &Fingerprint) -> bool {
        if self.knows(consensus, fingerprint) {
            return true;
        }
        let Ok(_one_at_a_time) = self.vouched.asking.try_lock() else { return false };
        if self.vouched.of(fingerprint).is_none() {
            let vouched = self.is_vouched_for(consensus, fingerprint).await;
            self.vouched.note(*fingerprint, vouched);
        }
        self.vouched.of(fingerprint) == Some(true)
    }

    async fn is_vouched_for(&self, consensus: &Consensus, fingerprint: &Fingerprint) -> bool {
        let known = self.members(consensus);
        let others = known.values().filter(|member| member.fingerprint != self.me.fingerprint);
        let asked = others.map(|member| self.ask(member, "/peer/members", &()));
        let told = futures::future::join_all(asked).await.into_iter().flatten();
        let mut members =
            told.flat_map(|bytes| serde_json::from_slice::<Vec<String>>(&bytes).unwrap_or_default());
        members.any(|text| text.parse::<Member>().is_ok_and(|member| member.fingerprint == *fingerprint))
    }

    /// The leader, if it is another server that can be reached.
    pub(crate) fn leader(&self, consensus: &Consensus) -> Option<Member> {
        let (leader, node) = consensus.leader()?;
        (leader != consensus.server()).then(|| node.parse().ok()).flatten()
    }

    /// Has the leader propose a command.
    pub(crate) async fn propose(&self, leader: &Member, command: &Command) -> Result<Outcome, Problem> {
        let unknown = |why: &dyn std::fmt::Display| {
            Problem::new(
                Code::Unknown,
                "it is not known whether this was done",
                format!("the leader did not answer: {why}"),
            )
            .hint("try again in a second")
        };
        let bytes = postcard::to_stdvec(command).map_err(|error| unknown(&error))?;
        let answer = self.send(leader, "/peer/propose", bytes, Duration::from_secs(30)).await;
        postcard::from_bytes(&answer.map_err(|error| unknown(&error))?).map_err(|error| unknown(&error))
    }

    /// Asks a member something small.
    pub(crate) async fn ask(&self, to: &Member, path: &str, body: &impl Serialize) -> io::Result<Vec<u8>> {
        let body = serde_json::to_vec(body).map_err(io::Error::other)?;
        self.send(to, path, body, Duration::from_secs(3)).await
    }

    async fn send(&self, to: &Member, path: &str, body: Vec<u8>, patience: Duration) -> io::Result<Vec<u8>> {
        let request =
            axum::http::Request::post(path).header("content-type", "application/json").body(Body::from(body));
        let answer = self.peers.send(to, Lane::Requests, request.map_err(io::Error::other)?);
        let answer = tokio::time::timeout(patience, answer).await;
        let answer = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let status = answer.status();
        if status == StatusCode::FORBIDDEN {
            self.is_out.store(true, Ordering::SeqCst);
        }
        let bytes = super::peers::body(answer, 64 << 20).await?;
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

/// The license files that the site has loaded.
fn loaded_licenses(app: &App) -> LicenseSet {
    let site = app.consensus.view();
    let texts: Vec<(String, String)> =
        site.files().map(|file| (file.name.clone(), file.text.clone())).collect();
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    LicenseSet::of(&app.config, texts)
}

/// A server that is not a member and knows a token. Looked at before anything else of the request is read.
pub(crate) struct Introduced {
    secret: Secret,
    /// The proof that this server knows it, too.
    proof: HeaderValue,
}

impl FromRequestParts<App> for Introduced {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>().copied();
        let known = caller.and_then(|caller| known_token(&caller, &parts.headers, tokens(app)));
        known.map(|(secret, proof)| Self { secret, proof }).ok_or_else(wrong_token)
    }
}

/// Another server introduces itself: it learns that there is a cluster.
pub(crate) async fn hello(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Introduced { proof, .. }: Introduced,
    Json(_theirs): Json<Hello>,
) -> Response {
    let members = app.cluster.members(&app.consensus);
    let welcome = Welcome::Member {
        cluster: app.consensus.identity().cluster.to_string(),
        is_you: members.values().any(|member| member.fingerprint == caller.fingerprint),
        addresses: members.into_values().map(|member| member.address).collect(),
    };
    ([(PROOF, proof)], Json(welcome)).into_response()
}

/// The founder tells again what this server knows.
pub(crate) async fn found(
    State(app): State<App>,
    Introduced { proof, .. }: Introduced,
    Json(found): Json<Found>,
) -> Response {
    if found.record.cluster().ok() != Some(app.consensus.identity().cluster) {
        return (StatusCode::CONFLICT, "this server is a member of another cluster").into_response();
    }
    ([(PROOF, proof)], Json(())).into_response()
}

/// How the names of join tokens for backups begin.
pub(crate) const BACKUP_TOKEN: &str = "backup ";

/// Tokens that a stranger may introduce itself with.
fn tokens(app: &App) -> Vec<Secret> {
    let mut all: Vec<Secret> = app.cluster.token.iter().map(JoinToken::hash).collect();
    all.extend(join_tokens(app).into_iter().map(|(secret, _)| secret));
    all
}

/// Join tokens of use now, with their names.
fn join_tokens(app: &App) -> Vec<(Secret, String)> {
    let (site, now) = (app.consensus.view(), app.now());
    let joins = site.access().secrets(now).filter(|(_, token)| token.scopes.contains(&Scope::Join));
    joins.map(|(secret, token)| (*secret, token.name.clone())).collect()
}

/// A new server asks to come in. Its token is used up, and it gets a number that no other ever had.
pub(crate) async fn join(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Introduced { secret, proof }: Introduced,
    Json(theirs): Json<Hello>,
) -> Response {
    let name = join_tokens(&app).into_iter().find_map(|(known, name)| (known == secret).then_some(name));
    let Some(name) = name else { return wrong_token() };
    match let_in(&app, caller.fingerprint, &theirs, name).await {
        Ok(record) => {
            ([(PROOF, proof)], Json(Joined { record, answer_secret: app.answer_secret })).into_response()
        }
        Err((status, why)) => (status, why).into_response(),
    }
}

/// How often a change that is under way is waited for.
const JOIN_TRIES: u32 = 40;

type NotLetIn = (StatusCode, String);

async fn let_in(
    app: &App,
    fingerprint: Fingerprint,
    theirs: &Hello,
    token: String,
) -> Result<Record, NotLetIn> {
    let _one_at_a_time = app.cluster.changing.lock().await;
    if !app.consensus.surely_leads().await {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "another server leads the cluster".to_owned()));
    }
    if let Some(differs) = theirs.licenses.differs(&loaded_licenses(app)) {
        let why = format!("its license files are not those of the cluster: {differs}");
        return Err((StatusCode::FORBIDDEN, why));
    }
    let agreed = app.consensus.look(grantor_site::Site::level);
    if theirs.level < agreed {
        let why = format!(
            "its version of grantor is too old: it knows commands up to level {}, and the cluster has agreed on level {agreed}\nhint: install the version that `grantor cluster status` shows of the others",
            theirs.level
        );
        return Err((StatusCode::FORBIDDEN, why));
    }
    let members = app.cluster.members(&app.consensus);
    let is_backup = token.starts_with(BACKUP_TOKEN);
    let unavailable = |error: &dyn std::fmt::Display| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    app.propose(Command::RevokeToken { name: token, by: "join".to_owned() })
        .await
        .map_err(|failure| unavailable(&failure.0.detail))?;
    // The entry that used up the token is this joining's own, so its index is nobody else's.
    let server = app.consensus.status().applied.unwrap_or(0).max(2);
    let slots = if is_backup { BACKUP..usize::MAX } else { 0..BACKUP };
    let free = |slot: &usize| members.values().all(|member| member.slot != *slot);
    let slot = { slots }.find(free).unwrap_or(0);
    let member = Member { address: theirs.address.clone(), slot, fingerprint };
    begin_to_learn(app, server, &member).await.map_err(|error| unavailable(&error))?;
    tracing::info!(server, address = member.address, "a server joins the cluster");
    let mut members = app.cluster.members(&app.consensus);
    members.insert(server, member);
    Ok(Record::new(app.consensus.identity().cluster, server, &members))
}

/// The token is used up by now, so a change that is just under way must not turn the new server away.
async fn begin_to_learn(app: &App, server: ServerId, member: &Member) -> Result<(), ChangeError> {
    let node = member.to_string();
    for _ in 0..JOIN_TRIES {
        match app.consensus.add_learner(server, &node).await {
            Err(ChangeError::Busy) => tokio::time::sleep(LOOK / 2).await,
            added => return added,
        }
    }
    Err(ChangeError::Busy)
}

/// A member says where it is now.
pub(crate) async fn announce(
    State(app): State<App>,
    _: FromMember,
    Extension(caller): Extension<Caller>,
    Json(address): Json<String>,
) -> Response {
    let members = app.cluster.members(&app.consensus);
    let found = members.into_iter().find(|(_, member)| member.fingerprint == caller.fingerprint);
    let Some((server, member)) = found else { return super::wire::stranger() };
    let moved = Member { address, ..member };
    match app.consensus.readdress(server, &moved.to_string()).await {
        Ok(()) => Json(()).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// The leader hands the lead over to this server.
pub(crate) async fn campaign(State(app): State<App>, _: FromMember) -> Response {
    Json(app.consensus.campaign().await).into_response()
}

/// What a member does beside serving: as the leader, gives new servers their vote; keeps its own address right; tells those
/// who are to form the cluster with it.
pub(crate) async fn look_after(app: App) {
    let mut stop = app.stop.subscribe();
    tokio::spawn(tell_found(app.clone()));
    let mut compared = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if app.consensus.leads()
            && let Ok(_one_at_a_time) = app.cluster.changing.try_lock()
        {
            let may = |node: &str| node.parse::<Member>().is_ok_and(|member| !member.is_backup());
            match app.consensus.promote(may).await {
                Ok(Some(server)) => tracing::info!(server, "a new server has its vote"),
                Ok(None) => {}
                Err(ChangeError::Busy | ChangeError::NotLeader) => {}
                Err(error) => tracing::warn!(%error, "a new server did not get its vote yet"),
            }
        }
        keep_address(&app).await;
        if !compared && app.consensus.status().ready && app.consensus.view().files().next().is_some() {
            compared = true;
            compare_license_files(&app);
        }
    }
}

/// What counts is what was loaded last; a server whose own files differ says so.
fn compare_license_files(app: &App) {
    if let Some(differs) = LicenseSet::on_disk(&app.config).differs(&loaded_licenses(app)) {
        tracing::warn!(
            "this server's license files are not what is loaded: {differs}; `grantor reread` loads them"
        );
    }
}

/// Has the membership say where this server is.
async fn keep_address(app: &App) {
    let me = &app.cluster.me;
    let members = app.consensus.members();
    let Some(seen) = members.get(&app.consensus.server()) else { return };
    let known = seen.node.parse::<Member>();
    let slot = known.as_ref().map_or(me.slot, |known| known.slot);
    let wanted = Member { slot, ..me.clone() };
    if known.as_ref() == Ok(&wanted) {
        return;
    }
    let done = if app.consensus.leads() {
        app.consensus.readdress(app.consensus.server(), &wanted.to_string()).await.map_err(io::Error::other)
    } else if let Some(leader) = app.cluster.leader(&app.consensus) {
        app.cluster.ask(&leader, "/peer/announce", &wanted.address).await.map(drop)
    } else {
        return;
    };
    if let Err(error) = done {
        tracing::debug!(%error, "this server's address could not be written down yet");
    }
}

/// The founder tells the others that the cluster is there, until each has heard it.
async fn tell_found(app: App) {
    let (Some(mut record), Some(token)) = (app.cluster.record.clone(), app.cluster.token.clone()) else {
        return;
    };
    let members = record.members();
    // Whoever joined later was told with the answer that let it in.
    if record.server != 1 || members.keys().any(|server| *server > members.len() as u64) {
        return;
    }
    for (server, member) in &members {
        if *server == record.server || record.told.contains(server) {
            continue;
        }
        let found = Found { record: record.of(*server), answer_secret: app.answer_secret };
        loop {
            if *app.stop.borrow() {
                return;
            }
            let told =
                introduce::<()>(&app.cluster.peers, &member.address, &token, "/peer/found", &found).await;
            match told {
                Ok(_) => break note_told(&app, &mut record, *server),
                Err(error) => {
                    tracing::debug!(%error, address = member.address, "not told yet that the cluster is founded")
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn note_told(app: &App, record: &mut Record, server: ServerId) {
    record.told.insert(server);
    if let Err(error) = record.write(&app.config.data_dir) {
        tracing::warn!(%error, "it could not be written down who has heard of the founding");
    }
}

impl Node {
    /// Where this server is: the configured address, or its host name and port.
    pub(crate) fn address(config: &Config, host: &str, port: u16) -> Result<String, String> {
        match &config.cluster.address {
            Some(address) => super::address(address),
            None => Ok(format!("{host}:{port}")),
        }
    }
}
