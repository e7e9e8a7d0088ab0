//! Whether a server's certificate is the one that is meant. The handshake's signature is verified in every case: knowing
//! a certificate proves nothing without its key. Reads files; opens no connection.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};

use crate::error::Error;
use crate::known::Known;
use crate::servers::Server;
use crate::trust::{Fingerprint, ServerTrust};

/// Why a certificate is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Distrust {
    pub(crate) why: String,
    pub(crate) hint: String,
}

impl Distrust {
    fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }

    /// What the TLS library found wrong, when it was the certificate.
    pub(crate) fn found(error: &rustls::Error) -> Option<Self> {
        let rustls::Error::InvalidCertificate(certificate) = error else { return None };
        if let CertificateError::Other(OtherError(other)) = certificate {
            return other.downcast_ref::<Self>().cloned();
        }
        let hint = "pin the server's certificate: its SHA-256 stands in the server's log, its PEM in the data folder";
        Some(Self::new(certificate.to_string(), hint))
    }

    /// The server is met for the first time and can't be remembered.
    pub(crate) fn unmemorable(known: &Known, error: &std::io::Error) -> Self {
        let why = format!("its certificate can't be remembered in {}: {error}", known.path().display());
        Self::new(why, "pin the certificate: the server prints its SHA-256 when it starts")
    }
}

impl From<Distrust> for rustls::Error {
    fn from(distrust: Distrust) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))))
    }
}

/// What a certificate is held against.
#[derive(Debug)]
enum Rule {
    Known(Known),
    /// One of these, or what the verifier accepts.
    Listed(Vec<Fingerprint>, Option<Arc<WebPkiServerVerifier>>),
}

#[derive(Debug)]
struct Verifier {
    rule: Rule,
    provider: Arc<CryptoProvider>,
}

/// TLS settings for one server.
pub(crate) fn config(trust: &ServerTrust, server: &Server) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let rule = rule(trust, server, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::Local(format!("TLS: {error}")))?;
    let verifier = Arc::new(Verifier { rule, provider });
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn rule(trust: &ServerTrust, server: &Server, provider: &Arc<CryptoProvider>) -> Result<Rule, Error> {
    Ok(match trust {
        ServerTrust::KnownServers(path) => Rule::Known(Known::new(path, server)),
        ServerTrust::Pinned(fingerprint) => Rule::Listed(vec![*fingerprint], None),
        ServerTrust::Authority(pem) => {
            let certificates = read(pem)?;
            let fingerprints = certificates.iter().map(|certificate| Fingerprint::of(certificate)).collect();
            Rule::Listed(fingerprints, web_pki(certificates, provider).ok())
        }
        ServerTrust::System => {
            let certificates = rustls_native_certs::load_native_certs().certs;
            Rule::Listed(Vec::new(), Some(web_pki(certificates, provider)?))
        }
    })
}

fn read(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = certificates
        .map_err(|error| Error::Local(format!("server certificate: the PEM can't be read: {error}")))?;
    if found.is_empty() {
        return Err(Error::Local(
            "server certificate: there is none in the file\n  hint: it begins with `-----BEGIN CERTIFICATE-----`".to_owned(),
        ));
    }
    Ok(found)
}

fn web_pki(
    certificates: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that webpki does not read; those that it reads count.
    let _counts = roots.add_parsable_certificates(certificates);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().map_err(|error| {
        Error::Local(format!("server certificate: no root certificate can be used: {error}"))
    })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        match &self.rule {
            Rule::Known(known) => check_known(known, shown)?,
            Rule::Listed(pinned, _) if pinned.contains(&shown) => {}
            Rule::Listed(_, Some(web_pki)) => {
                return web_pki.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
            }
            Rule::Listed(pinned, None) => return Err(not_pinned(pinned, shown).into()),
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A server never met may show what it likes; it is remembered when the handshake has proven that it has the key.
fn check_known(known: &Known, shown: Fingerprint) -> Result<(), Distrust> {
    let path = known.path().display();
    let met = known.certificates().map_err(|error| {
        Distrust::new(format!("{path}: {error}"), "correct the file, or remove it to meet every server anew")
    })?;
    if met.is_empty() || met.contains(&shown) {
        return Ok(());
    }
    Err(Distrust::new(
        format!("its certificate has changed: it shows {shown}, and {path} knows another one"),
        format!(
            "if the server was set up anew, compare that with what it printed and remove the line of {} from {path}; \
             else somebody may be in between",
            known.key()
        ),
    ))
}

fn not_pinned(pinned: &[Fingerprint], shown: Fingerprint) -> Distrust {
    let pinned: Vec<String> = pinned.iter().map(ToString::to_string).collect();
    Distrust::new(
        format!("it shows the certificate {shown}, and {} is pinned", pinned.join(" or ")),
        "compare with what the server printed when it started; pin that if the server was set up anew",
    )
}
