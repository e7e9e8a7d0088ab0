//! What happens to a connection: TLS first, then it is an application's, a person's, or a peer's. Knows no routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use grantor_web::listen::{Bounds, HANDSHAKE, accept};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cluster;
use crate::http::{Front, Peer};
use crate::socket::Socket;

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
    stop: watch::Receiver<bool>,
) {
    let http = bounds.http();
    let watched = stop.clone();
    accept(listener, bounds.connections, stop, move |stream, peer, watcher, slot| {
        connection(stream, peer, doors.clone(), http.clone(), (watcher, watched.clone()), slot)
    })
    .await;
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
