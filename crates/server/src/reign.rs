//! What comes with the lead: signs of life are watched, the configured limits hold, license files are loaded for the first
//! time, the set-up token is offered. Begins anew with each lead and ends with it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use grantor_site::Command;
use tracing::{error, info, warn};

use crate::cluster::{clocks, level};
use crate::http::{self, App};
use crate::{eventlog, secret};

/// How long a set-up token is of use, in seconds.
const SETUP: u32 = 15 * 60;
/// A lead that could not begin is tried again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// A lead that can't begin for so long is another server's.
const HOPELESS: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens and closes this server for requests as the lead comes and goes.
pub(crate) async fn reign(app: App) {
    let mut stop = app.stop.subscribe();
    let mut failing = None;
    loop {
        tokio::select! {
            () = one_lead(&app, &mut failing) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn one_lead(app: &App, failing: &mut Option<Instant>) {
    if app.consensus.until_leads(true).await.is_err() {
        return std::future::pending().await;
    }
    if !app.is_open.load(Ordering::SeqCst)
        && let Err(error) = begin(app).await
    {
        let since = *failing.get_or_insert_with(Instant::now);
        if since.elapsed() > HOPELESS {
            *failing = None;
            error!(%error, "this server can't take requests: another one is to lead");
            return http::give_up_lead(app).await;
        }
        warn!(%error, "this server leads and can't take requests yet");
        return tokio::time::sleep(AGAIN).await;
    }
    *failing = None;
    let _stopped_too = app.consensus.until_leads(false).await;
    app.is_open.store(false, Ordering::SeqCst);
    app.living.let_go();
    info!("this server no longer leads");
}

/// Begins to lead. Gives the set-up token while there is no administrator.
pub(crate) async fn begin(app: &App) -> Result<Option<String>, Failure> {
    if !app.consensus.surely_leads().await {
        return Err("no majority has confirmed the lead".into());
    }
    if app.cluster.is_superseded(&app.consensus).await {
        return Err("the backup has taken over: this server is out\n  hint: empty its data folder and let it join again with `grantor cluster add`".into());
    }
    app.clock.has_seen(app.consensus.view().now());
    if app.clock.is_ahead() {
        clocks::settle(app).await;
    }
    let site = app.consensus.view();
    let sessions = site.sessions().filter(|(_, session)| session.lease_until().is_none());
    app.living.begin(sessions.map(|(id, session)| (id, session.heartbeat_seconds)));
    // While servers are upgraded, some don't know all that this one does: then it waits.
    if let Err(why) = level::agree(app).await {
        info!("what this version brings waits: {why}");
    }
    app.configure(&app.config).await.map_err(|failure| failure.0.detail)?;
    // Of several servers, one that was away may have old files: there an administrator says when they are read.
    if app.cluster.record.is_none() && app.consensus.alone() || site.files().next().is_none() {
        reload(app, "a server, at its start").await;
    }
    let token = offer_setup(app).await?;
    app.is_open.store(true, Ordering::SeqCst);
    if !app.consensus.alone() {
        info!(sessions = site.session_count(), "this server leads");
    }
    Ok(token)
}

/// Reads configuration and license files again and logs what is wrong with them.
pub(crate) async fn reload(app: &App, by: &str) {
    if let Err(failure) = app.reload(by).await {
        for problem in &failure.0.problems {
            error!(event = eventlog::FILES_READ, "{}", problem.replace("\n  ", "; "));
        }
        error!(event = eventlog::FILES_READ, "{}: {}", failure.0.title, failure.0.detail);
    }
}

async fn offer_setup(app: &App) -> Result<Option<String>, Failure> {
    if !app.consensus.view().access().is_new() {
        return Ok(None);
    }
    let (token, hash) = secret::new_token()?;
    let until = app.now().plus_seconds(SETUP);
    app.propose(Command::OfferSetup { token: hash, until }).await.map_err(|failure| failure.0.detail)?;
    write_private(&app.setup_file, &token)?;
    info!(file = %app.setup_file.display(), "there is no administrator yet: `grantor setup` takes the set-up token of this file");
    Ok(Some(token))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
