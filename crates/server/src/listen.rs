//! The accept loop: TLS, bounds on connections and time. `axum::serve` has no time-out for headers, so this does its
//! work (reliability-security §0, finding 6). Knows no routes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cluster;
use crate::http::{Front, Peer};
use crate::socket::Socket;

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

/// What is behind the port: one way in for applications and administrators, another for peers.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) front: Arc<Front>,
    pub(crate) peer_tls: Arc<ServerConfig>,
    pub(crate) peers: cluster::PeerDoor,
}

/// Serves until `stop` says so.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    doors: Doors,
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
        let watched = (graceful.watcher(), stop.clone());
        tokio::spawn(connection(stream, peer, doors.clone(), http.clone(), watched, slot));
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
    doors: Doors,
    http: http1::Builder,
    (watcher, mut stop): (Watcher, watch::Receiver<bool>),
    _slot: OwnedSemaphorePermit,
) {
    // Small answers must not wait for more to send; if the option can't be set, they are slower and no less right.
    let _slower = stream.set_nodelay(true);
    let Ok(Some((stream, is_peer))) = tokio::time::timeout(HANDSHAKE, handshake(stream, &doors)).await else {
        return;
    };
    if is_peer {
        // Peers turn to another server at once; there is nothing to finish for them.
        drop(watcher);
        tokio::select! {
            ended = doors.peers.serve(stream) => {
                tracing::debug!(%peer, ?ended, "a peer's connection ended");
            }
            _ = stop.wait_for(|stop| *stop) => {}
        }
        return;
    }
    let service = service_fn(move |request| {
        let front = doors.front.clone();
        async move { Ok::<_, Infallible>(front.answer(Peer(peer), request).await) }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}

/// The finished handshake, and whether it is a peer's.
async fn handshake(stream: TcpStream, doors: &Doors) -> Option<(TlsStream<Socket>, bool)> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), Socket(stream)).await.ok()?;
    let is_peer = cluster::is_peer(&hello.client_hello());
    let config = if is_peer { doors.peer_tls.clone() } else { doors.tls.clone() };
    Some((hello.into_stream(config).await.ok()?, is_peer))
}
