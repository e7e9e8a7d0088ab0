//! The accept loop: TLS, bounds on connections and time. `axum::serve` has no time-out for headers, so this does its
//! work (reliability-security §0, finding 6). Knows no routes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceBuilder;

use crate::http::Peer;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for open requests to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// Largest head of a request, in bytes.
const HEAD: usize = 16 * 1024;

/// Bounds on connections.
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    pub(crate) header: Duration,
}

/// Serves `router` until `stop` says so.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.header).max_buf_size(HEAD);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer)) = accepted_or_wait(accepted).await else { continue };
        // Beyond the bound, a connection is closed at once: the peer comes back, and those who are in are served.
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        tokio::spawn(connection(
            stream,
            peer,
            tls.clone(),
            http.clone(),
            router.clone(),
            graceful.watcher(),
            slot,
        ));
    }
    drop(listener);
    let _in_time = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
}

/// Out of descriptors, `accept` fails at once and again: wait a moment, and never leave the loop (finding 7).
async fn accepted_or_wait(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: TlsAcceptor,
    http: http1::Builder,
    router: Router,
    watcher: Watcher,
    _slot: OwnedSemaphorePermit,
) {
    // Small answers must not wait for more to send; if the option can't be set, they are slower and no less right.
    let _slower = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await else { return };
    let service = ServiceBuilder::new().layer(Extension(Peer(peer))).service(router);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}
