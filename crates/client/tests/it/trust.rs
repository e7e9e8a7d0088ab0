//! Which server certificates are trusted.

use crate::support;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Site, line};
use grantor_client::api::status::Status;
use grantor_client::{Error, Http, Server, ServerTrust};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

fn asked(site: &Site, trust: &ServerTrust) -> Result<(), Error> {
    Http::new(site.server(), trust)?.get_text("/healthz").map(drop)
}

fn refused(site: &Site, trust: &ServerTrust) -> String {
    match asked(site, trust) {
        Err(error @ Error::Untrusted { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pinned_certificate_is_trusted_and_no_other() {
    let site = Site::with(vec![line("f", "8.1", 1)]);
    asked(&site, &ServerTrust::parse(&site.fingerprint()).unwrap()).unwrap();
    let why = refused(&site, &ServerTrust::parse(&"00".repeat(32)).unwrap());
    assert!(why.contains(&site.fingerprint()) && why.contains("hint: "), "{why}");
}

#[test]
fn a_pem_file_is_trusted_and_another_is_not() {
    let (site, other) = (Site::with(vec![line("f", "8.1", 1)]), Site::with(vec![line("f", "8.1", 1)]));
    asked(&site, &ServerTrust::parse(site.pem().to_str().unwrap()).unwrap()).unwrap();
    refused(&site, &ServerTrust::parse(other.pem().to_str().unwrap()).unwrap());
}

#[test]
fn the_system_does_not_know_a_self_signed_certificate() {
    let site = Site::with(vec![line("f", "8.1", 1)]);
    match asked(&site, &ServerTrust::System) {
        Err(Error::Untrusted { .. }) => {}
        // A machine without any root certificates.
        Err(Error::Local(why)) => assert!(why.contains("root certificate"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_is_remembered_and_refused_once_its_certificate_changes() {
    let mut site = Site::with(vec![line("f", "8.1", 1)]);
    let path = site.folder.path().join("config").join("known_servers");
    let trust = ServerTrust::KnownServers(path.clone());
    asked(&site, &trust).unwrap();
    let known = format!("{} {}\n", site.address(), site.fingerprint());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), known);
    asked(&site, &trust).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), known, "once is enough");

    site.stop();
    site.forget_certificate();
    site.start();
    let why = refused(&site, &trust);
    assert!(why.contains("has changed") && why.contains("remove the line of 127.0.0.1:"), "{why}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), known, "a stranger is not remembered");

    std::fs::remove_file(&path).unwrap();
    asked(&site, &trust).unwrap();
}

#[test]
fn a_server_that_cannot_be_remembered_is_refused() {
    let site = Site::with(vec![line("f", "8.1", 1)]);
    let why = refused(&site, &ServerTrust::KnownServers(Default::default()));
    assert!(why.contains("pin the certificate"), "{why}");
    let broken = site.folder.path().join("broken");
    std::fs::write(&broken, format!("{} what?\n", site.address())).unwrap();
    refused(&site, &ServerTrust::KnownServers(broken));
}

#[test]
fn what_is_neither_fingerprint_nor_file_is_no_trust() {
    for bad in ["", "/no/such/file.pem", &"0".repeat(63), &"zz".repeat(32)] {
        let error = ServerTrust::parse(bad).unwrap_err().to_string();
        assert!(error.contains("hint: "), "{error}");
    }
}

#[test]
fn problems_of_the_server_come_whole_and_strangers_are_told() {
    let site = Site::with(vec![line("f", "8.1", 1)]);
    let http = Http::new(site.server(), &site.trust()).unwrap();
    let error = http.get::<Status>("/v1/admin/status").unwrap_err();
    assert_eq!(support::code(&error), grantor_client::api::Code::Unauthenticated);
    let error = http.get::<Status>("/healthz").unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    site.load(vec![line("g", "8.1", 1)]);
    let text = site.admin().get_text("/v1/admin/files/default/acme.lic").unwrap();
    assert!(text.contains("INCREMENT g acme 8.1"), "{text}");
}

/// Shows the certificate of one server and has the key of another.
fn impostor(shows: &Site, has: &Site) -> Server {
    let certificate = CertificateDer::from_pem_file(shows.pem()).unwrap();
    let key = PrivateKeyDer::from_pem_file(has.pem().with_extension("key")).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_cert_resolver(Arc::new(resolver)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
            // The client hangs up: that is what is tested.
            let _refused = connection.complete_io(&mut stream);
        }
    });
    Server { host: "127.0.0.1".to_owned(), port }
}

#[test]
fn knowing_the_certificate_is_not_enough_without_its_key() {
    let (site, other) = (Site::with(vec![line("f", "8.1", 1)]), Site::with(vec![line("f", "8.1", 1)]));
    let server = impostor(&site, &other);
    let path = site.folder.path().join("known_servers");
    for trust in [site.trust(), ServerTrust::KnownServers(path.clone())] {
        let error = Http::new(server.clone(), &trust).unwrap().get_text("/healthz").unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    }
    assert!(!path.exists(), "an impostor is not remembered");
}

#[test]
fn a_server_that_says_nothing_is_waited_for_no_longer_than_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() };
    let trust = ServerTrust::parse(&"00".repeat(32)).unwrap();
    let http = Http::new(server, &trust).unwrap().with_timeout(Duration::from_millis(200));
    let error = http.get_text("/healthz").unwrap_err().to_string();
    assert!(error.contains("no answer in time") && error.contains("hint: "), "{error}");
}

/// Shows a certificate for `name` that the authority signed, and hangs up after the handshake.
fn certified(authority: &rcgen::Issuer<'_, rcgen::KeyPair>, name: &str) -> Server {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
            // Who distrusts it hangs up.
            let _refused = connection.complete_io(&mut stream);
        }
    });
    Server { host: "127.0.0.1".to_owned(), port }
}

#[test]
fn what_a_pinned_authority_signed_for_the_servers_name_is_trusted_and_nothing_else() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let trust = ServerTrust::Authority(params.self_signed(&key).unwrap().pem());
    let authority = rcgen::Issuer::new(params, key);
    let error = |server: Server| Http::new(server, &trust).unwrap().get_text("/healthz").unwrap_err();
    let trusted = error(certified(&authority, "127.0.0.1"));
    assert!(matches!(trusted, Error::Unreachable { .. }), "it hangs up, and is trusted: {trusted}");
    let misnamed = error(certified(&authority, "other.example"));
    assert!(matches!(misnamed, Error::Untrusted { .. }), "{misnamed}");
    let site = Site::with(vec![line("f", "8.1", 1)]);
    assert!(matches!(error(site.server()), Error::Untrusted { .. }), "a stranger signed for itself");
}
