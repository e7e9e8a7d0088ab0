//! TLS between servers: each has a certificate of its own, made at its first start, and is known by its fingerprint.
//! Both ends always show one. Whether a fingerprint is a member's is for the callers to say; here it is only made sure that
//! the other end has the key.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::member::Fingerprint;

/// The protocol that servers speak among themselves on the one TLS port.
pub(crate) const PROTOCOL: &[u8] = b"grantor-peer/1";

/// What a server shows to its peers.
pub(crate) struct PeerIdentity {
    pub(crate) fingerprint: Fingerprint,
    chain: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl PeerIdentity {
    /// Reads the identity of the data folder, or makes one.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let (certificate, key) = crate::tls::kept(data_dir, "peer", make)?;
        let chain = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| io::Error::other(format!("peer.crt: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| io::Error::other(format!("peer.key: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(Self { fingerprint: fingerprint(&chain), chain, key, provider })
    }

    /// For connections from peers.
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let anybody = Arc::new(Shown { expected: None, provider: self.provider.clone() });
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(anybody)
            .with_single_cert(vec![self.chain.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Arc::new(config))
    }

    /// For a connection to the peer of that fingerprint; `None` where it is not known yet and proves itself otherwise.
    pub(crate) fn client(&self, expected: Option<Fingerprint>) -> Result<Arc<ClientConfig>, Error> {
        let verifier = Arc::new(Shown { expected, provider: self.provider.clone() });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(vec![self.chain.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

fn make() -> Result<(String, String), rcgen::Error> {
    let mut params = rcgen::CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Grantor license server, for its peers");
    let key = rcgen::KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// SHA-256 of a certificate.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

/// Takes a certificate if its holder has the key and, where one is expected, if it is that one. Names, dates and issuers
/// say nothing here.
#[derive(Debug)]
struct Shown {
    expected: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl Shown {
    fn look(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        match self.expected {
            Some(expected) if expected != fingerprint(certificate) => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(()),
        }
    }

    fn has_key(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("peers speak TLS 1.3".to_owned()))
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.look(certificate).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.has_key(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Shown {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.look(certificate).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.has_key(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
