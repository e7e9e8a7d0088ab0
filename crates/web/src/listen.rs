//! The accept loop: bounds on connections and time. `axum::serve` has no time-out for headers, so this does its work
//! (reliability-security §0, finding 6). Knows no routes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::unread;

/// Time for a TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for open requests to end when the service stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// Largest head of a request, in bytes.
const HEAD: usize = 16 * 1024;

/// Bounds on connections.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many at once.
    pub connections: usize,
    /// How long the head of a request may take.
    pub header: Duration,
}

impl Bounds {
    /// How requests are read.
    #[must_use]
    pub fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.header).max_buf_size(HEAD);
        http
    }
}

/// Takes connections until `stop` says so, and has each served by `serve` in a task of its own; then waits a moment for those
/// that are open.
pub async fn accept<F>(
    listener: Arc<TcpListener>,
    connections: usize,
    mut stop: watch::Receiver<bool>,
    serve: impl Fn(TcpStream, SocketAddr, Watcher, OwnedSemaphorePermit) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(connections));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer)) = accepted_or_wait(accepted).await else { continue };
        // Beyond the bound, a connection is closed at once: the peer comes back, and those who are in are served.
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        tokio::spawn(serve(stream, peer, graceful.watcher(), slot));
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

/// Serves the routes over TLS until `stop` says so. Handlers find the peer's address as [`ConnectInfo`].
pub async fn https(
    listener: Arc<TcpListener>,
    tls: Arc<ServerConfig>,
    routes: Router,
    bounds: Bounds,
    stop: watch::Receiver<bool>,
) {
    let (acceptor, http) = (TlsAcceptor::from(tls), bounds.http());
    accept(listener, bounds.connections, stop, move |stream, peer, watcher, slot| {
        connection(stream, peer, acceptor.clone(), routes.clone(), http.clone(), watcher, slot)
    })
    .await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    routes: Router,
    http: http1::Builder,
    watcher: Watcher,
    _slot: OwnedSemaphorePermit,
) {
    // Small answers must not wait for more to send; if the option can't be set, they are slower and no less right.
    let _slower = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let routes = routes.clone();
        unread::answered(request, async move |request| routes.oneshot(request).await)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}
