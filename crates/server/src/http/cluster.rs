//! `/v1/admin/cluster`: which servers there are and how they are; letting one in, taking one out, handing the lead over.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::cluster::{Cluster, JoinTokenMade, Member as ApiMember, NewJoinToken, Own, Transfer};
use grantor_api::{Code, Problem};
use grantor_site::Command;
use grantor_site::access::Scope;

use super::App;
use super::answer::Failure;
use super::auth::Caller;
use super::body::{Json, Path};
use crate::clock::instant;
use crate::cluster::{BACKUP_TOKEN, JoinToken, LicenseSet, Member};
use crate::consensus::{ChangeError, Seen, ServerId};
use crate::secret;

/// How long a join token is of use, in seconds.
const JOIN: u32 = 24 * 3600;
/// How long a server that was to take the lead may need for it.
const HANDOVER: Duration = Duration::from_secs(4);

/// Every server of the cluster, asked for this answer. Any server answers, with or without a majority.
#[utoipa::path(get, path = "/v1/admin/cluster", tag = "administration",
    responses((status = 200, body = Cluster), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn status(State(app): State<App>, caller: Caller) -> Result<axum::Json<Cluster>, Failure> {
    caller.need(Scope::Read)?;
    Ok(axum::Json(describe(&app).await))
}

/// The cluster, each server asked.
pub(crate) async fn describe(app: &App) -> Cluster {
    let seen = app.consensus.members();
    let asked = seen.iter().map(|(server, seen)| ask(app, *server, seen));
    let servers = futures::future::join_all(asked).await;
    let voters = servers.iter().filter(|server| server.votes).count();
    let leads = |server: &&ApiMember| server.own.as_ref().is_some_and(|own| own.role == "leader");
    let leader = servers.iter().find(leads).map(|server| server.server);
    let answering = servers.iter().filter(|server| server.votes && server.own.is_some()).count();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Cluster {
        cluster: app.consensus.identity().cluster.to_string(),
        server: app.consensus.server(),
        leader,
        voters: count(voters),
        majority: count(voters / 2 + 1),
        serves: leader.is_some() && answering > voters / 2,
        servers,
    }
}

async fn ask(app: &App, server: ServerId, seen: &Seen) -> ApiMember {
    let member = seen.node.parse::<Member>();
    let address =
        member.as_ref().map_or_else(|_| app.cluster.me.address.clone(), |member| member.address.clone());
    let (own, silent) = match member {
        _ if server == app.consensus.server() => (Some(own(app).await), None),
        Ok(member) => match app.cluster.ask(&member, "/peer/status", &()).await {
            Ok(bytes) => (serde_json::from_slice(&bytes).ok(), None),
            Err(error) => (None, Some(error.to_string())),
        },
        Err(error) => (None, Some(error.to_string())),
    };
    ApiMember { server, address, votes: seen.votes, own, silent }
}

async fn own(app: &App) -> Own {
    let status = app.consensus.status();
    let (applied, site) = app.consensus.view_at();
    let hashed = site.clone();
    // The whole state is written out for it: others are to be answered meanwhile.
    let state = tokio::task::spawn_blocking(move || crate::tls::hex(&hashed.hash())).await;
    let texts: Vec<(&str, &[u8])> =
        site.files().map(|file| (file.name.as_str(), file.text.as_bytes())).collect();
    Own {
        host: app.host.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: format!("{:?}", status.role).to_lowercase(),
        leader: status.leader,
        applied: applied.unwrap_or(0),
        state: state.unwrap_or_default(),
        last_write_ms: u64::try_from(status.last_fsync.as_millis()).unwrap_or(u64::MAX),
        started: instant(app.started),
        level: app.config.cluster.most(),
        license_files: LicenseSet::on_disk(&app.config).differs(&LicenseSet::of(&app.config, texts)),
    }
}

/// What this server says of itself to another.
pub(crate) async fn own_status(State(app): State<App>, _: crate::cluster::FromMember) -> axum::Json<Own> {
    axum::Json(own(&app).await)
}

/// Makes a join token for one new server.
#[utoipa::path(post, path = "/v1/admin/cluster/tokens", tag = "administration", request_body = NewJoinToken,
    responses((status = 201, body = JoinTokenMade), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn new_token(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewJoinToken>,
) -> Result<(StatusCode, axum::Json<JoinTokenMade>), Failure> {
    let by = caller.need(Scope::Admin)?;
    let addresses = app.cluster.members(&app.consensus).into_values().map(|member| member.address).collect();
    let token = JoinToken::new(addresses).map_err(|_| App::confused())?;
    let until = app.now().plus_seconds(JOIN);
    let number = secret::random_id().map_err(|_| App::confused())?;
    app.propose(Command::AddToken {
        token: token.hash(),
        name: format!("{}{:08x}", if body.backup { BACKUP_TOKEN } else { "join " }, number >> 96),
        scopes: vec![Scope::Join],
        tenant: None,
        until: Some(until),
        by,
    })
    .await?;
    let made = JoinTokenMade { token: token.reveal().to_owned(), until: instant(until) };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Takes a server out of the cluster, by its number or its address. It can only come back as a new one.
#[utoipa::path(delete, path = "/v1/admin/cluster/servers/{server}", tag = "administration", params(("server" = String, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    let _one_at_a_time = app.cluster.changing.lock().await;
    let server = find(&app, &name)?;
    if let Some(file) = needs_three(&app, server) {
        return Err(Problem::new(
            Code::BadRequest,
            "the cluster stays as it is",
            format!(
                "license file `{file}` is for three servers, any two of which suffice, and one would be left"
            ),
        )
        .hint("load a license file for a single server first")
        .into());
    }
    tracing::info!(server, by, "a server is taken out of the cluster");
    app.consensus.remove(server).await.map_err(|error| unchanged(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The license file that forbids to leave one server only.
fn needs_three(app: &App, server: ServerId) -> Option<String> {
    let members = app.consensus.members();
    let left = members.iter().filter(|(other, seen)| **other != server && seen.votes).count();
    let site = app.consensus.view();
    let file = site.files().find(|file| left < 2 && crate::loader::is_for_three(file.text.as_bytes()));
    file.map(|file| file.name.clone())
}

fn find(app: &App, name: &str) -> Result<ServerId, Failure> {
    let members = app.cluster.members(&app.consensus);
    let wanted = crate::cluster::address(name).unwrap_or_default();
    let by_address = members.iter().find(|(_, member)| member.address == wanted).map(|(server, _)| *server);
    let by_number = name.parse().ok().filter(|server| app.consensus.members().contains_key(server));
    by_address.or(by_number).ok_or_else(|| {
        let known: Vec<String> =
            members.iter().map(|(server, member)| format!("{server} ({})", member.address)).collect();
        Problem::new(
            Code::NotFound,
            "there is no such server in the cluster",
            format!("`{name}` is none of {}", known.join(", ")),
        )
        .hint("`grantor cluster status` lists them")
        .into()
    })
}

fn unchanged(error: &ChangeError) -> Failure {
    let code = match error {
        ChangeError::NoSuchServer => Code::NotFound,
        ChangeError::LastServer | ChangeError::Refused(_) => Code::BadRequest,
        ChangeError::Busy => Code::Busy,
        ChangeError::NotLeader => Code::Unavailable,
        ChangeError::NoMajority => Code::Unknown,
    };
    let text = error.to_string();
    let (detail, hint) = text.split_once("\nhint: ").unwrap_or((&text, "see `grantor cluster status`"));
    Problem::new(code, "the cluster stays as it is", detail).hint(hint).into()
}

/// Hands the lead over to another server. Sessions and seats stay; requests wait for a second.
#[utoipa::path(post, path = "/v1/admin/cluster/transfer", tag = "administration", request_body = Transfer,
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn transfer(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Transfer>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    let _one_at_a_time = app.cluster.changing.lock().await;
    let me = app.consensus.server();
    let seen = app.consensus.members();
    let others = seen.iter().filter(|(server, seen)| **server != me && seen.votes);
    let best = others
        .filter(|(server, _)| body.to.is_none_or(|to| to == **server))
        .max_by_key(|(_, seen)| seen.matched);
    let target = best.and_then(|(server, seen)| Some((*server, seen.node.parse::<Member>().ok()?)));
    let Some((server, member)) = target else {
        return Err(Problem::new(
            Code::NotFound,
            "there is no such server to lead",
            "it must be another one, with a vote",
        )
        .hint("`grantor cluster status` lists them")
        .into());
    };
    tracing::info!(server, by, "the lead is handed over");
    if hand_over(&app, &member).await {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("{} did not take the lead in time; this server goes on leading", member.address);
    Err(Problem::new(Code::Unavailable, "the lead was not handed over", detail)
        .hint("see `grantor cluster status`")
        .into())
}

/// A leader that is about to stop has another server lead first, so that nobody waits for an election.
pub(crate) async fn give_up_lead(app: &App) {
    if !app.consensus.leads() || app.consensus.alone() {
        return;
    }
    let (me, seen) = (app.consensus.server(), app.consensus.members());
    let others = seen.iter().filter(|(server, seen)| **server != me && seen.votes);
    let best = others.max_by_key(|(_, seen)| seen.matched);
    if let Some(member) = best.and_then(|(_, seen)| seen.node.parse::<Member>().ok()) {
        hand_over(app, &member).await;
    }
}

/// Lets the others' trust in this leader run out, and has one of them campaign.
async fn hand_over(app: &App, to: &Member) -> bool {
    app.consensus.pause_lead(true).await;
    let until = tokio::time::Instant::now() + HANDOVER;
    let mut gone = false;
    while !gone && tokio::time::Instant::now() < until {
        if app.cluster.ask(to, "/peer/campaign", &()).await.is_err() {
            break;
        }
        let lost = app.consensus.until_leads(false);
        gone = tokio::time::timeout(Duration::from_millis(200), lost).await.is_ok();
    }
    // Where a third server's vote is needed, it may still trust the leader that has gone, for a moment: asked again before
    // another one's window opens, it votes.
    while gone && app.consensus.leader().is_none() && tokio::time::Instant::now() < until {
        if app.cluster.ask(to, "/peer/campaign", &()).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.consensus.pause_lead(false).await;
    gone
}
