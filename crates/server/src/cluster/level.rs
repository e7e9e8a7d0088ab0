//! Which commands all servers know: the leader asks each, members without a vote too, and has the site agree on what all of
//! them know. Until then nothing newer is proposed, so a server that is still to be upgraded never meets an entry that it
//! can't read (ARCHITECTURE.md, "An upgrade"). Knows no command itself: see [`grantor_site::level`].

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use grantor_site::Command;

use super::Member;
use super::wire::FromMember;
use crate::consensus::ServerId;
use crate::http::App;

/// The others are asked again after this, and ever more seldom: servers that were just started find each other in no time, and an
/// upgrade may take days.
const SOON: Duration = Duration::from_millis(50);
/// The longest time between two questions.
const SELDOM: Duration = Duration::from_secs(2);
/// Time for an answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// A peer asks for the level that this server knows. Servers of before have no such route.
pub(crate) async fn own(State(app): State<App>, _: FromMember) -> Json<u16> {
    Json(app.config.cluster.most())
}

/// As long as it leads, has the site agree on what all servers know. Then whatever was held back is done.
pub(crate) async fn look_after(app: App) {
    let mut stop = app.stop.subscribe();
    let (mut told, mut wait) = (false, SOON);
    while app.consensus.look(grantor_site::Site::level) < app.config.cluster.most() {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if !app.is_open.load(std::sync::atomic::Ordering::SeqCst) {
            wait = SOON;
            continue;
        }
        wait = (wait * 2).min(SELDOM);
        match agree(&app).await {
            Ok(()) => {
                if let Err(failure) = app.configure(&app.config).await {
                    tracing::warn!("what was held back is not done yet: {}", failure.0.detail);
                }
            }
            Err(why) if !told => {
                tracing::info!("what this version brings is held back until every server knows it: {why}");
                told = true;
            }
            Err(why) => tracing::debug!("still held back: {why}"),
        }
    }
}

/// Asks all servers, and has the site agree if they know more than it has agreed on.
pub(crate) async fn agree(app: &App) -> Result<(), String> {
    if app.consensus.look(grantor_site::Site::level) >= app.config.cluster.most() {
        return Ok(());
    }
    // Who comes in meanwhile is not asked.
    let _nobody_joins = app.cluster.changing.lock().await;
    let others = app.consensus.members().into_iter().filter(|(server, _)| *server != app.consensus.server());
    let asked = others.map(async |(server, seen)| known_by(app, server, &seen.node).await);
    let mut level = app.config.cluster.most();
    for known in futures::future::join_all(asked).await {
        level = level.min(known?);
    }
    let command = Command::AgreeOnLevel { level };
    app.consensus
        .propose(command)
        .await
        .map_err(|error| error.to_string())?
        .map_err(|refusal| format!("{refusal:?}"))?;
    tracing::info!(level, "every server knows this level of commands");
    Ok(())
}

async fn known_by(app: &App, server: ServerId, node: &str) -> Result<u16, String> {
    let member: Member = node.parse().map_err(|_| format!("server {server} has no address"))?;
    let answer = tokio::time::timeout(PATIENCE, app.cluster.ask(&member, "/peer/level", &())).await;
    let answer = answer.map_err(|_| format!("server {server} at {} does not answer", member.address))?;
    let bytes = answer.map_err(|error| format!("server {server} at {}: {error}", member.address))?;
    let level: u16 = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if level <= app.consensus.look(grantor_site::Site::level) {
        return Err(format!("server {server} at {} does not let it", member.address));
    }
    Ok(level)
}
