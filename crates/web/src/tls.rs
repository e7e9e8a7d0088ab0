//! A service's certificate: the configured one, or one made at the first start and kept in the data folder. TLS 1.3
//! and 1.2 only; never answers in plain text.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// TLS. Without these the service makes a certificate at its first start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Certificate chain in PEM.
    pub certificate: Option<PathBuf>,
    /// Its key in PEM.
    pub key: Option<PathBuf>,
    /// More names and addresses for the certificate that the service makes.
    pub names: Vec<String>,
}

/// What others know the service by.
pub struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, in hex: what a client may pin.
    pub fingerprint: String,
    /// The certificate in PEM, to hand to clients.
    pub pem: String,
}

/// Finds or makes the certificate; `service` is what it calls itself in one that it makes.
///
/// # Errors
/// Files that can't be read or written, and certificates that don't fit their key.
pub fn identity(settings: &Tls, data_dir: &Path, service: &str, host: &str) -> io::Result<Identity> {
    let (chain, key) = match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
        _ => kept(data_dir, "server", || make(settings, service, host))?,
    };
    let bad = |what: &str, error: &dyn std::fmt::Display| io::Error::other(format!("tls: {what}: {error}"));
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| bad("certificate", &error))?;
    let first = certificates.first().ok_or_else(|| bad("certificate", &"the file holds none"))?;
    let fingerprint = hex(&Sha256::digest(first));
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| bad("key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("protocol versions", &error))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| bad("certificate and key", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), fingerprint, pem: chain })
}

/// Bytes as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes that were written in hex.
#[must_use]
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// The certificate and key of that name in the data folder; made if they are not there.
///
/// # Errors
/// Files that can't be read or written.
pub fn kept(
    data_dir: &Path,
    name: &str,
    make: impl FnOnce() -> Result<(String, String), rcgen::Error>,
) -> io::Result<(String, String)> {
    let (certificate, key) = (data_dir.join(format!("{name}.crt")), data_dir.join(format!("{name}.key")));
    if certificate.exists() && key.exists() {
        return Ok((read(&certificate)?, read(&key)?));
    }
    let (chain, secret) = make().map_err(|error| io::Error::other(format!("tls: {error}")))?;
    write(&key, &secret, 0o600)?;
    write(&certificate, &chain, 0o644)?;
    Ok((chain, secret))
}

fn make(settings: &Tls, service: &str, host: &str) -> Result<(String, String), rcgen::Error> {
    let mut names = vec![host.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(settings.names.iter().cloned());
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, format!("{service} on {host}"));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}
