//! Connections to the other servers: TLS with both certificates known, HTTP/2 inside, so that one connection carries what
//! many clients ask at once. Opened when needed, given up when the other end is silent. Decides nothing.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::member::{Fingerprint, Member};
use super::tls::{PeerIdentity, fingerprint};
use crate::consensus::{Sending, ServerId, Transport};

/// Time to connect, the TLS handshake included.
const CONNECT: Duration = Duration::from_secs(2);
/// A peer is asked for a sign of life so often, and given up when none comes for as long again.
const ALIVE: Duration = Duration::from_millis(750);
/// Bytes on their way at a time, for a snapshot as for many small answers.
const WINDOW: u32 = 4 << 20;

/// What goes over one connection must not wait for what goes over the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Votes and log entries.
    Consensus,
    /// Requests of applications and administrators.
    Requests,
}

/// One connection to a peer.
pub(crate) type Sender = SendRequest<Body>;
type Slot = Arc<tokio::sync::Mutex<Option<Sender>>>;

/// The way to every peer.
pub(crate) struct Peers {
    pub(crate) identity: PeerIdentity,
    slots: Mutex<HashMap<(String, Fingerprint, Lane), Slot>>,
}

/// A connection whose other end is not known yet.
pub(crate) struct Meeting {
    pub(crate) sender: Sender,
    /// The certificate that the other end showed.
    pub(crate) fingerprint: Fingerprint,
    /// Binds proofs to the connection.
    pub(crate) exporter: [u8; 32],
}

impl Peers {
    pub(crate) fn new(identity: PeerIdentity) -> Self {
        Self { identity, slots: Mutex::default() }
    }

    /// Sends a request to a member and gives the answer's head. The body follows as it comes.
    pub(crate) async fn send(
        &self,
        to: &Member,
        lane: Lane,
        request: axum::http::Request<Body>,
    ) -> io::Result<axum::http::Response<Incoming>> {
        self.ready(to, lane).await?.send_request(request).await.map_err(io::Error::other)
    }

    /// A connection to a member that takes a request now. Nothing was sent yet when this fails.
    pub(crate) async fn ready(&self, to: &Member, lane: Lane) -> io::Result<Sender> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry((to.address.clone(), to.fingerprint, lane)).or_default().clone()
        };
        let mut sender = self.sender(&slot, to).await?;
        sender.ready().await.map_err(unsent)?;
        Ok(sender)
    }

    async fn sender(&self, slot: &Slot, to: &Member) -> io::Result<Sender> {
        let mut kept = slot.lock().await;
        if let Some(sender) = kept.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        *kept = None;
        let opened = self.open(&to.address, Some(to.fingerprint)).await?;
        *kept = Some(opened.sender.clone());
        Ok(opened.sender)
    }

    /// Connects to a server that may not be known yet.
    pub(crate) async fn open(&self, address: &str, expected: Option<Fingerprint>) -> io::Result<Meeting> {
        let connecting = self.connect(address, expected);
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("{address} does not answer"));
        let tls = tokio::time::timeout(CONNECT, connecting).await.map_err(late)??;
        let (fingerprint, exporter) =
            met(&tls).ok_or_else(|| io::Error::other("no certificate was shown"))?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(ALIVE)
            .keep_alive_timeout(ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .max_concurrent_reset_streams(1024)
            .handshake(TokioIo::new(tls))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a peer ended");
            }
        });
        Ok(Meeting { sender, fingerprint, exporter })
    }

    async fn connect(
        &self,
        address: &str,
        expected: Option<Fingerprint>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = self.identity.client(expected).map_err(io::Error::other)?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // Fingerprints say who it is; the name is for the other end's choice of certificate only.
        let name = ServerName::try_from("grantor-peer").map_err(io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    }
}

/// Whom a finished handshake has met, and what binds proofs to it.
fn met(tls: &TlsStream<TcpStream>) -> Option<(Fingerprint, [u8; 32])> {
    let (_, connection) = tls.get_ref();
    let certificate = connection.peer_certificates()?.first()?;
    let exporter = connection.export_keying_material([0; 32], EXPORTER, None).ok()?;
    Some((fingerprint(certificate), exporter))
}

/// RFC 5705's label for the material that binds proofs to a connection.
pub(crate) const EXPORTER: &[u8] = b"EXPORTER-grantor-peer-1";

fn unsent(error: hyper::Error) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, error)
}

/// Carries consensus messages over the peers' connections.
pub(crate) struct Wire {
    pub(crate) peers: Arc<Peers>,
    /// Set when a peer says that this server is not one of them.
    pub(crate) is_out: Arc<AtomicBool>,
    /// Peers that did not answer the last message.
    pub(crate) silent: Mutex<HashSet<String>>,
}

impl Wire {
    pub(crate) fn new(peers: Arc<Peers>, is_out: Arc<AtomicBool>) -> Self {
        Self { peers, is_out, silent: Mutex::default() }
    }

    /// Tells the log when a peer falls silent and when it answers again, once each.
    fn note(&self, address: &str, answer: &io::Result<Vec<u8>>) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(_) if silent.remove(address) => {
                tracing::info!(address, "a server of the cluster answers again")
            }
            Err(error) if silent.insert(address.to_owned()) => {
                tracing::warn!(address, %error, "a server of the cluster does not answer");
            }
            _ => {}
        }
    }
}

impl Transport for Arc<Wire> {
    fn send(&self, _server: ServerId, address: &str, message: Vec<u8>) -> Sending {
        let (wire, member) = (self.clone(), address.parse::<Member>());
        Box::pin(async move {
            let member = member.map_err(io::Error::other)?;
            let answer = wire.carry(&member, message).await;
            wire.note(&member.address, &answer);
            answer
        })
    }
}

impl Wire {
    async fn carry(&self, to: &Member, message: Vec<u8>) -> io::Result<Vec<u8>> {
        let request = axum::http::Request::post("/peer/raft").body(Body::from(message));
        let answer = self.peers.send(to, Lane::Consensus, request.map_err(io::Error::other)?).await?;
        let status = answer.status();
        self.is_out.store(status == axum::http::StatusCode::FORBIDDEN, Ordering::SeqCst);
        let bytes = body(answer, MESSAGE).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(io::Error::other(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Largest message between servers in bytes: a snapshot of a site with many millions of grants.
pub(crate) const MESSAGE: usize = 2 << 30;

/// Reads an answer of at most `most` bytes.
pub(crate) async fn body(answer: axum::http::Response<Incoming>, most: usize) -> io::Result<Vec<u8>> {
    use http_body_util::BodyExt;
    let limited = http_body_util::Limited::new(answer.into_body(), most);
    limited.collect().await.map(|all| all.to_bytes().to_vec()).map_err(io::Error::other)
}
