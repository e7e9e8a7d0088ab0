//! A server's place among others, found at its start: alone, the one it had, or a new one that the others give it.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::response::IntoResponse;
use grantor_api::{Code, Problem};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::join::Node;
use super::{Formed, Forming, JoinToken, Member, PeerDoor, Peers, Record};
use crate::config::Config;
use crate::consensus::Settings;
use crate::http::{Failure, Front};
use crate::listen::{self, Doors};
use crate::tls::Identity;

/// Where a server stands.
pub(crate) struct Place {
    me: Member,
    record: Option<Record>,
    token: Option<JoinToken>,
    pub(crate) is_out: Arc<AtomicBool>,
}

type Refused = Box<dyn Error + Send + Sync>;

/// Finds the place. Without a join token, and in a folder that has a state already, nobody is asked.
pub(crate) async fn find(
    config: &Config,
    host: &str,
    listener: &Arc<TcpListener>,
    identity: &Identity,
    peers: &Arc<Peers>,
) -> Result<Place, Refused> {
    let port = listener.local_addr()?.port();
    let address = Node::address(config, host, port)?;
    let token = config.cluster.token_file.as_deref().map(read_token).transpose()?;
    let mut record = Record::read(&config.data_dir)?;
    let is_new = record.is_none() && !config.data_dir.join(crate::log::IDENTITY).exists();
    if let Some(token) = token.clone().filter(|_| is_new) {
        let servers = servers(config, &token, &address)?;
        let forming = Forming::new(config, token, address.clone(), servers, peers.clone());
        record = Some(form(&forming, config, listener, identity, peers).await?);
    }
    let slot = record.as_ref().map_or(0, |record| record.slot);
    let me = Member { address, slot, fingerprint: peers.identity.fingerprint };
    Ok(Place { me, record, token, is_out: Arc::default() })
}

fn read_token(path: &std::path::Path) -> Result<JoinToken, Refused> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cluster.token_file: {}: {error}", path.display()))?;
    Ok(JoinToken::parse(&text).map_err(|error| format!("cluster.token_file: {}: {error}", path.display()))?)
}

/// Whom to ask: those of the configuration, of the token, or of the license file's `SERVER` lines.
fn servers(config: &Config, token: &JoinToken, me: &str) -> Result<Vec<String>, Refused> {
    let listed = match (config.cluster.servers.is_empty(), token.servers.is_empty()) {
        (false, _) => config.cluster.servers.clone(),
        (true, false) => token.servers.clone(),
        (true, true) => crate::loader::three_servers(&config.license_files).unwrap_or_default(),
    };
    let servers = listed.iter().map(|text| super::address(text)).collect::<Result<Vec<_>, _>>()?;
    let is_joining = !token.servers.is_empty();
    if servers.len() < 2 && !is_joining {
        return Err("cluster: a join token is there, and no other servers are named\n  \
            hint: name all servers as `servers = [\"lic1:7260\", …]`, or load a license file with three SERVER lines"
            .into());
    }
    if !is_joining && !servers.iter().any(|server| server == me) {
        return Err(format!(
            "cluster: this server is `{me}`, and is none of {}\n  hint: set `cluster.address` to the name in the list",
            servers.join(", ")
        )
        .into());
    }
    Ok(servers)
}

/// Forms or joins, and answers meanwhile: peers as it must, everybody else that it can't yet.
async fn form(
    forming: &Arc<Forming>,
    config: &Config,
    listener: &Arc<TcpListener>,
    identity: &Identity,
    peers: &Arc<Peers>,
) -> Result<Record, Refused> {
    tracing::info!(
        fingerprint = identity.fingerprint,
        "an empty data folder and a join token: looking for the other servers"
    );
    let stop = watch::Sender::new(false);
    let doors = Doors {
        tls: identity.config.clone(),
        front: Arc::new(Front::new(None, not_yet(forming))),
        peer_tls: peers.identity.server()?,
        // Nobody is a member of what is not there yet.
        peers: PeerDoor::new(forming.router(), |_| false),
    };
    let serving = listen::serve(listener.clone(), doors, crate::run::bounds(config), stop.subscribe());
    let serving = tokio::spawn(serving);
    let formed = forming.run().await;
    stop.send_replace(true);
    serving.await?;
    match formed? {
        Formed::In(record) => Ok(record),
        Formed::Refused(why) => Err(why.into()),
    }
}

fn not_yet(forming: &Arc<Forming>) -> Router {
    let forming = forming.clone();
    let answer = move || {
        let waiting = forming.waiting();
        async move {
            let problem =
                Problem::new(Code::Unavailable, "the servers have not found each other yet", waiting);
            let problem = problem
                .hint("start all servers of the cluster; `grantor server check` looks at the configuration");
            let mut response = Failure(problem).into_response();
            response.headers_mut().insert("connection", axum::http::HeaderValue::from_static("close"));
            response
        }
    };
    Router::new().route("/healthz", axum::routing::get(|| async { "ok\n" })).fallback(answer)
}

/// Makes the server of a stopped data folder the whole of its cluster: the backup of a switchover pair whose primary is
/// lost, or the last of three servers. The others must never come back as they were.
///
/// # Errors
/// A folder that belongs to no cluster, is in use or damaged.
pub async fn take_over(config: &Config) -> Result<String, Refused> {
    let record = Record::read(&config.data_dir)?.ok_or_else(|| {
        format!(
            "data folder `{}` belongs to no cluster\n  hint: a server that stands alone needs no taking over",
            config.data_dir.display()
        )
    })?;
    let known =
        record.members().remove(&record.server).ok_or("cluster.json does not name this server itself")?;
    let me = Member { slot: 0, ..known };
    let record = Record::new(record.cluster()?, record.server, &[(record.server, me.clone())].into());
    let mut settings = Settings::single(&config.data_dir, Arc::new(|| grantor_site::Timestamp(0)));
    settings.server = record.server;
    settings.cluster = Some(record.cluster()?);
    crate::consensus::take_over(&settings, &me.to_string()).await?;
    record.write(&config.data_dir)?;
    Ok(me.address)
}

impl Place {
    /// Puts what the others must know into the settings of consensus.
    pub(crate) fn settle(&self, settings: &mut Settings) -> io::Result<()> {
        let Some(record) = &self.record else {
            settings.members = [(settings.server, self.me.to_string())].into();
            return Ok(());
        };
        settings.server = record.server;
        settings.cluster = Some(record.cluster()?);
        settings.slot = Some(record.slot);
        settings.members = record.members.clone();
        settings.form_cluster = true;
        Ok(())
    }

    /// This server's part in the cluster.
    pub(crate) fn node(self, peers: Arc<Peers>) -> Node {
        let changing = tokio::sync::Mutex::default();
        let vouched = Default::default();
        Node {
            peers,
            me: self.me,
            record: self.record,
            token: self.token,
            is_out: self.is_out,
            changing,
            vouched,
        }
    }
}
