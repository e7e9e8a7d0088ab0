//! How other houses are asked over HTTPS: by public authorities or by roots of one's own. Knows nobody's language.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

fn wrong(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Asks over HTTPS only, and gives up after `time`. Follows no redirect: what is meant for one house goes to no other.
///
/// # Errors
/// A file of roots that can't be read or has none.
pub fn agent(roots: Option<&Path>, time: Duration) -> io::Result<Agent> {
    let tls = match roots {
        None => TlsConfig::builder().build(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| wrong(path, &error))?;
            let found = parse_pem(text.as_bytes()).filter_map(Result::ok);
            let certificates: Vec<Certificate<'static>> = found
                .filter_map(|item| if let PemItem::Certificate(one) = item { Some(one) } else { None })
                .collect();
            if certificates.is_empty() {
                return Err(wrong(path, &io::Error::other("there is no certificate in it")));
            }
            TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates))).build()
        }
    };
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(time))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .https_only(true)
        .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")));
    Ok(config.build().into())
}
