//! `grantor cluster`: tokens by which servers find together, what each server of a cluster is doing, and changes of who
//! belongs to it and who leads.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use grantor_api::cluster::{Cluster, JoinTokenMade, Member, NewJoinToken, Transfer};
use grantor_server::cluster::JoinToken;

use crate::cli::{AtServer, ClusterAction};
use crate::commands::remote;
use crate::failure::{Exit, Failure};
use crate::output;

/// How long a new leader may take to be seen.
const SEEN: Duration = Duration::from_secs(10);

/// Runs `grantor cluster …`.
pub(crate) fn run(action: &ClusterAction) -> Result<ExitCode, Failure> {
    match action {
        ClusterAction::Token => token(),
        ClusterAction::Status { at, json } => status(at, *json),
        ClusterAction::Add { at, backup, json } => add(at, *backup, *json),
        ClusterAction::Takeover { config, .. } => take_over(config.as_deref()),
        ClusterAction::Remove { at, member, json } => remove(at, member, *json),
        ClusterAction::Transfer { at, to, json } => transfer(at, *to, *json),
    }
}

fn token() -> Result<ExitCode, Failure> {
    let token = JoinToken::new(Vec::new()).map_err(|error| Failure::new(Exit::Io, error))?;
    output::data(token.reveal());
    output::error(
        "hint: put it into a file on each server that is to form the cluster, readable for the server's user only, and name the file as `token_file` under `[cluster]`",
    );
    Ok(ExitCode::SUCCESS)
}

/// Asks any server: each tells what it sees.
fn fetch(at: &AtServer) -> Result<Cluster, Failure> {
    Ok(remote::connect(at)?.get("/v1/admin/cluster")?)
}

fn status(at: &AtServer, json: bool) -> Result<ExitCode, Failure> {
    let cluster = fetch(at)?;
    if json {
        output::json(&cluster)?;
    } else {
        output::raw(&picture(&cluster));
    }
    Ok(if cluster.serves { ExitCode::SUCCESS } else { ExitCode::from(Exit::Refused as u8) })
}

/// The cluster in a table.
pub(crate) fn picture(cluster: &Cluster) -> String {
    let newest = cluster.servers.iter().filter_map(|server| Some(server.own.as_ref()?.applied)).max();
    let level = cluster.servers.iter().filter_map(|server| Some(server.own.as_ref()?.level)).max();
    let mut text = format!("cluster {}\n", cluster.cluster);
    text.push_str(&match (cluster.serves, cluster.leader) {
        (true, Some(leader)) if cluster.voters > 1 => {
            format!(
                "serves: server {leader} leads, {} of {} are needed\n\n",
                cluster.majority, cluster.voters
            )
        }
        (true, _) => "serves, alone\n\n".to_owned(),
        (false, _) => format!(
            "DOES NOT SERVE: no leader with a majority, {} of {} are needed\n\n",
            cluster.majority, cluster.voters
        ),
    });
    let width = cluster.servers.iter().map(|server| server.address.len()).max().unwrap_or(0);
    for server in &cluster.servers {
        text.push_str(&format!(
            "  {:>3}  {:width$}  {}\n",
            server.server,
            server.address,
            words(server, newest, level)
        ));
    }
    text
}

fn words(server: &Member, newest: Option<u64>, level: Option<u16>) -> String {
    let Some(own) = &server.own else {
        return format!("SILENT    {}", server.silent.as_deref().unwrap_or("no answer"));
    };
    let mut words = format!("{:9} version {}", own.role, own.version);
    if Some(own.level) < level {
        words.push_str(", OLDER than others: what is new waits for its upgrade");
    }
    if !server.votes {
        words.push_str(", has no vote yet");
    }
    let behind = newest.unwrap_or(0).saturating_sub(own.applied);
    if behind > 100 {
        words.push_str(&format!(", {behind} entries behind"));
    }
    if own.last_write_ms > 100 {
        words.push_str(&format!(", SLOW DISK: {} ms for a write", own.last_write_ms));
    }
    if let Some(differs) = &own.license_files {
        words.push_str(&format!("\n       its license files are not what is loaded: {differs}"));
    }
    words
}

fn take_over(config: Option<&std::path::Path>) -> Result<ExitCode, Failure> {
    let config = super::server::read(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let taken = runtime.block_on(grantor_server::cluster::take_over(&config));
    let address = taken.map_err(|error| Failure::new(Exit::Io, error))?;
    output::error(&format!("{address} is the whole cluster from its next start on"));
    output::error(
        "hint: start it with `grantor server`; the others may come back with empty data folders, by `grantor cluster add`",
    );
    Ok(ExitCode::SUCCESS)
}

fn add(at: &AtServer, backup: bool, json: bool) -> Result<ExitCode, Failure> {
    let made: JoinTokenMade =
        remote::connect(at)?.post("/v1/admin/cluster/tokens", &NewJoinToken { backup })?;
    if json {
        output::json(&made)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::data(&made.token);
    output::error(&format!("of use once, until {}", made.until));
    output::error(
        "hint: on the new server, put it into a file, name the file as `token_file` under `[cluster]`, and start `grantor server`; it joins by itself",
    );
    Ok(ExitCode::SUCCESS)
}

fn remove(at: &AtServer, server: &str, json: bool) -> Result<ExitCode, Failure> {
    let name: String = server.bytes().map(remote::percent).collect();
    remote::connect(at)?.delete::<()>(&format!("/v1/admin/cluster/servers/{name}"))?;
    if json {
        output::json(&fetch(at)?)?;
    }
    output::error(&format!(
        "server {server} is no longer in the cluster; it can only come back as a new one"
    ));
    Ok(ExitCode::SUCCESS)
}

fn transfer(at: &AtServer, to: Option<u64>, json: bool) -> Result<ExitCode, Failure> {
    let before = fetch(at)?.leader;
    remote::connect(at)?.post::<_, ()>("/v1/admin/cluster/transfer", &Transfer { to })?;
    let end = Instant::now() + SEEN;
    let cluster = loop {
        let cluster = fetch(at)?;
        if cluster.leader.is_some_and(|leader| Some(leader) != before) || Instant::now() > end {
            break cluster;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if json {
        output::json(&cluster)?;
    }
    match cluster.leader {
        Some(leader) => output::error(&format!("server {leader} leads")),
        None => {
            return Err(
                Failure::new(Exit::NoServer, "no server leads yet").hint("see `grantor cluster status`")
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
