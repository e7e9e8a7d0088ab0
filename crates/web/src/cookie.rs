//! The cookie that a browser is known by: 256 random bits, of which only the hash is ever kept (ASVS 3.3, 7.2).

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// `__Host-`: only over TLS, only for this host, for all of its paths.
const NAME: &str = "__Host-grantor";

/// By which a browser that was sent to another house is known when it comes back.
const AWAY: &str = "__Host-grantor-away";

/// A secret that is handed out once: in a cookie, a link or to a script.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// 256 random bits behind a prefix, so that scanners of leaked secrets can find ours.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn new(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The secret itself, to hand it out.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it. A plain hash will do: secrets are random and long.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(&self.0)
    }

    /// The header that gives it to a browser, until the browser is closed.
    #[must_use]
    pub fn set(&self) -> HeaderValue {
        given(&self.0)
    }

    /// The header that gives it to a browser which is sent to another house, for ten minutes. Lax: it comes back from there.
    #[must_use]
    pub fn set_away(&self) -> HeaderValue {
        let cookie = format!("{AWAY}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600", self.0);
        HeaderValue::from_str(&cookie).unwrap_or_else(|_| clear_away())
    }
}

/// The header that gives a browser a secret that was made elsewhere, until the browser is closed.
#[must_use]
pub fn given(secret: &str) -> HeaderValue {
    let cookie = format!("{NAME}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&cookie).unwrap_or_else(|_| clear())
}

/// What is kept of a secret.
#[must_use]
pub fn hash(secret: &str) -> String {
    crate::tls::hex(&Sha256::digest(secret.as_bytes()))
}

/// The hash of the secret that a browser shows.
#[must_use]
pub fn shown(headers: &HeaderMap) -> Option<String> {
    shown_as(NAME, headers)
}

/// The hash of the secret that a browser shows which was sent to another house.
#[must_use]
pub fn shown_away(headers: &HeaderMap) -> Option<String> {
    shown_as(AWAY, headers)
}

fn shown_as(wanted: &str, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, secret)| hash(secret))
}

/// The header that takes the cookie away.
#[must_use]
pub fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-grantor=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The header that takes away what a browser came back with.
#[must_use]
pub fn clear_away() -> HeaderValue {
    HeaderValue::from_static("__Host-grantor-away=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_found_among_other_cookies() {
        let secret = Secret::new("grs_").unwrap();
        let mut headers = HeaderMap::new();
        let value = format!("theme=dark; {NAME}={}; x=1", secret.text());
        headers.insert(header::COOKIE, HeaderValue::from_str(&value).unwrap());
        assert_eq!(shown(&headers), Some(secret.hash()));
    }

    #[test]
    fn a_cookie_is_for_this_host_over_tls_and_not_for_scripts() {
        let set = Secret::new("grs_").unwrap().set();
        let set = set.to_str().unwrap();
        for word in ["__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(set.contains(word), "{set}");
        }
        assert!(!set.contains("Domain"));
    }
}
