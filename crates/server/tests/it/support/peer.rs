//! A stranger that speaks the peers' protocol with a certificate of its own.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test uses its part of it")]

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, ServerName};

use super::raw::Anybody;

/// Asks, and gives status and body.
pub fn ask(port: u16, path: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = shown();
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let tls = connector.connect(ServerName::try_from("grantor-peer").unwrap(), stream).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let request = axum::http::Request::post(path)
            .header("content-type", "application/json")
            .body(axum::body::Body::from("{}"))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    })
}

/// A certificate that nobody knows, and the peers' protocol name.
fn shown() -> rustls::ClientConfig {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_auth_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"grantor-peer/1".to_vec()];
    config
}

/// A connection that speaks the peers' protocol name, on which the test writes what it likes.
pub fn connect(port: u16) -> super::raw::Raw {
    super::raw::connect_as(([127, 0, 0, 1], port).into(), shown())
}
