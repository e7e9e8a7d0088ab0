//! Connections that check out and check in as fast as they are answered, one request at a time each.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::process::Servers;
use crate::usage;

/// Whatever went wrong.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Drives a server of one pool and one of 100, with each number of connections.
pub(crate) fn run(clients: &[usize], time: Duration) -> Result<(), Failure> {
    println!(
        "{:>5} {:>7} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>7}",
        "pools", "clients", "op/s", "p50 ms", "p99 ms", "CPU µs/op", "fsync/s", "mem MB", "errors"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for pools in [1, 100] {
        let server = runtime.block_on(Servers::start(1, pools))?;
        for count in clients {
            runtime.block_on(setting(&server, pools, *count, time))?;
        }
    }
    Ok(())
}

async fn setting(server: &Servers, pools: usize, clients: usize, time: Duration) -> Result<(), Failure> {
    let (port, ids) = (server.ports().first().copied().unwrap_or(0), server.ids());
    let mut ready = Vec::new();
    for number in 0..clients {
        ready.push(Client::connect(port, number).await?);
    }
    let (cpu, fsyncs) = (usage::cpu(&ids), fsyncs(port, &server.admin).await?);
    let start = Instant::now();
    let tasks: Vec<_> = ready
        .into_iter()
        .enumerate()
        .map(|(number, client)| tokio::spawn(client.work(number % pools, start + time)))
        .collect();
    let (mut times, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (took, wrong) = task.await?;
        times.extend(took);
        errors += wrong;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let (cpu, fsyncs) = (usage::cpu(&ids) - cpu, self::fsyncs(port, &server.admin).await? - fsyncs);
    times.sort_unstable();
    let operations = times.len().max(1) as f64;
    let at = |part: f64| {
        times.get(((times.len() as f64 - 1.0) * part) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{pools:>5} {clients:>7} {:>9.0} {:>9.2} {:>9.2} {:>9.0} {:>8.0} {:>8} {errors:>7}",
        operations / elapsed,
        at(0.5),
        at(0.99),
        cpu.as_secs_f64() * 1e6 / operations,
        fsyncs / elapsed,
        usage::memory(&ids),
    );
    Ok(())
}

async fn fsyncs(port: u16, token: &str) -> Result<f64, Failure> {
    let (_, body) = Connection::open(port).await?.send("GET", "/metrics", "", Some(token)).await?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("grantor_fsyncs_total "));
    Ok(line.ok_or("no fsync counter")?.trim().parse()?)
}

/// A session on a connection of its own.
struct Client {
    connection: Connection,
    session: String,
}

impl Client {
    async fn connect(port: u16, number: usize) -> Result<Self, Failure> {
        let mut connection = Connection::open(port).await?;
        let open = json!({ "user": format!("user{number:08}"), "host": format!("host{number:08}"), "application": "bench" });
        let (status, body) = connection.send("POST", "/v1/sessions", &open.to_string(), None).await?;
        if status != 201 {
            return Err(format!("session: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        let body: Value = serde_json::from_slice(&body)?;
        Ok(Self { connection, session: body["session"].as_str().unwrap_or_default().to_owned() })
    }

    /// Checks out and in until `end`: how long each took, and how many went wrong.
    async fn work(mut self, pool: usize, end: Instant) -> (Vec<Duration>, u64) {
        let (mut times, mut errors) = (Vec::new(), 0);
        let path = format!("/v1/sessions/{}/checkouts", self.session);
        let ask = json!({ "feature": format!("f{pool}"), "version": "8.0" }).to_string();
        while Instant::now() < end {
            let start = Instant::now();
            let Ok((201, body)) = self.connection.send("POST", &path, &ask, None).await else {
                errors += 1;
                break;
            };
            times.push(start.elapsed());
            let grant = serde_json::from_slice::<Value>(&body)
                .ok()
                .and_then(|body| body["grants"][0]["grant"].as_u64())
                .unwrap_or(0);
            let start = Instant::now();
            match self.connection.send("DELETE", &format!("{path}/{grant}"), "", None).await {
                Ok((200, _)) => times.push(start.elapsed()),
                _ => errors += 1,
            }
        }
        (times, errors)
    }
}

/// One TLS connection with one request at a time.
struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(tls()?).connect(ServerName::try_from("localhost")?, stream).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        token: Option<&str>,
    ) -> Result<(u16, Bytes), Failure> {
        self.0.ready().await?;
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response =
            self.0.send_request(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// How we talk to servers of our own; sessions are resumed.
pub(crate) fn tls() -> Result<Arc<ClientConfig>, Failure> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(OurOwn)).with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

/// The server was started by this program a moment ago: any certificate is its own.
#[derive(Debug)]
struct OurOwn;

impl ServerCertVerifier for OurOwn {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
