//! `grantor portal serve`: the pages, until SIGTERM or SIGINT.

use std::path::Path;

use grantor_portal::serve::{Config, Portal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Desk;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// The configuration in that file, or what is so without one.
pub(super) fn configuration(file: Option<&Path>) -> Result<Config, Failure> {
    let Some(path) = file else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(path).at(path)?;
    Config::parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}

pub(super) async fn run(desk: &Desk<'_>) -> Result<(), Failure> {
    grantor_server::logging::start(&grantor_server::config::Log::default());
    let portal = Portal::open(&desk.config, desk.store.clone(), desk.signer.clone()).await?;
    output::error(&format!(
        "the portal listens on https://{}\ncertificate SHA-256 {}",
        portal.address()?,
        portal.fingerprint()
    ));
    let (stop, stopped) = watch::channel(false);
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stop.send_replace(true);
    });
    portal.serve(stopped).await;
    Ok(())
}
