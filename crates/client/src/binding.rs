//! Answers are taken only if they are bound to the request that was just sent and to a time that does not run backwards: a
//! recorded answer, or one of somebody without the session's key, is as good as none. Sends nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_api::HexId;
use grantor_api::binding::{ANSWER, Bound, NONCE, SESSION, TIME, VERSION};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, HeaderValue, Request};

use crate::error::Error;
use crate::random;

/// The server's time may be so much older than in an earlier answer, in milliseconds: answers overtake each other.
const TOLERANCE: i64 = 5 * 60 * 1000;

/// A session's key and what its answers have said of the time.
#[derive(Debug)]
pub(crate) struct Binding {
    session: HexId,
    key: Key,
    newest: AtomicI64,
}

struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// One request, whose answer is still to come.
pub(crate) struct Asked {
    binding: Arc<Binding>,
    method: String,
    path: String,
    nonce: String,
}

impl Binding {
    /// With the key that the answer to opening a session handed out; `None` for a server that hands out none.
    pub(crate) fn new(session: HexId, key: Option<&str>) -> Option<Arc<Self>> {
        let key = STANDARD.decode(key?).ok()?.try_into().ok()?;
        Some(Arc::new(Self { session, key: Key(key), newest: AtomicI64::new(i64::MIN) }))
    }

    /// Asks for an answer that is bound to this request.
    pub(crate) fn ask(self: &Arc<Self>, request: &mut Request<Vec<u8>>) -> Result<Asked, Error> {
        let nonce = random::id()?.to_string();
        for (name, value) in [(NONCE, nonce.clone()), (SESSION, self.session.to_string())] {
            let value = HeaderValue::from_str(&value).map_err(|error| Error::Local(error.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        Ok(Asked { binding: self.clone(), method, path, nonce })
    }
}

impl Asked {
    /// Whether the answer is to this request, by somebody with the session's key, and not of the past. Who can't answer at
    /// the moment (503) need not prove it: that is as good as no answer.
    pub(crate) fn check(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
        if status == 503 {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let time = text(TIME).and_then(|time| time.parse().ok()).ok_or("it says no time")?;
        let mac = text(ANSWER).and_then(|value| value.strip_prefix(VERSION));
        let mac = mac.and_then(|mac| STANDARD.decode(mac).ok()).ok_or("it is not bound to the request")?;
        let (method, path, nonce) = (&self.method, &self.path, &self.nonce);
        let bound = Bound { method, path, nonce, time, status, body: Sha256::digest(body).into() };
        self.binding.verify(&bound, &mac)?;
        let newest = self.binding.newest.fetch_max(time, Ordering::SeqCst);
        if time < newest.saturating_sub(TOLERANCE) { Err("it is of the past") } else { Ok(()) }
    }
}

impl Binding {
    fn verify(&self, bound: &Bound<'_>, mac: &[u8]) -> Result<(), &'static str> {
        let wrong = "it was made for another request, or by somebody without the session's key";
        let keyed = Hmac::<Sha256>::new_from_slice(&self.key.0).map_err(|_| wrong)?;
        keyed.chain_update(bound.to_bytes()).verify_slice(mac).map_err(|_| wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Arc<Binding> {
        Binding::new(HexId(7), Some(&STANDARD.encode([3; 32]))).unwrap()
    }

    fn ask(binding: &Arc<Binding>) -> Asked {
        let mut request =
            Request::builder().method("PUT").uri("https://a:1/v1/x?y").body(Vec::new()).unwrap();
        binding.ask(&mut request).unwrap()
    }

    /// What an honest server answers.
    fn answer(asked: &Asked, time: i64, status: u16, body: &[u8]) -> HeaderMap {
        let digest = Sha256::digest(body).into();
        let bound = Bound { method: "PUT", path: "/v1/x", nonce: &asked.nonce, time, status, body: digest };
        let mac = Hmac::<Sha256>::new_from_slice(&[3; 32]).unwrap().chain_update(bound.to_bytes());
        let mac = STANDARD.encode(mac.finalize().into_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(TIME, HeaderValue::from(time));
        headers.insert(ANSWER, HeaderValue::from_str(&format!("{VERSION}{mac}")).unwrap());
        headers
    }

    #[test]
    fn of_a_thousand_recorded_answers_none_is_taken_again() {
        let binding = binding();
        let recorded: Vec<HeaderMap> = (0..1000)
            .map(|time| {
                let asked = ask(&binding);
                let headers = answer(&asked, time, 200, b"{}");
                asked.check(200, &headers, b"{}").unwrap();
                headers
            })
            .collect();
        let taken =
            recorded.iter().filter(|headers| ask(&binding).check(200, headers, b"{}").is_ok()).count();
        assert_eq!(taken, 0);
    }

    #[test]
    fn another_body_status_or_key_and_a_time_long_past_are_refused() {
        let binding = binding();
        let asked = ask(&binding);
        let headers = answer(&asked, 1_000_000_000, 200, b"yes");
        assert!(asked.check(200, &headers, b"no").is_err());
        assert!(asked.check(404, &headers, b"yes").is_err());
        assert!(asked.check(200, &HeaderMap::new(), b"yes").is_err());
        let other = Binding::new(HexId(7), Some(&STANDARD.encode([4; 32]))).unwrap();
        let stranger =
            Asked { binding: other, method: "PUT".into(), path: "/v1/x".into(), nonce: asked.nonce.clone() };
        assert!(stranger.check(200, &headers, b"yes").is_err());
        assert_eq!(asked.check(200, &headers, b"yes"), Ok(()));
        let old = answer(&asked, 1_000_000_000 - TOLERANCE - 1, 200, b"yes");
        assert_eq!(asked.check(200, &old, b"yes"), Err("it is of the past"));
        assert_eq!(asked.check(503, &HeaderMap::new(), b"busy"), Ok(()));
    }
}
