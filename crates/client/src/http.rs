//! One server over HTTP: requests with JSON bodies, answers or problems. Knows nothing of sessions and never repeats a
//! request: who calls knows whether that is safe.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use grantor_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

use crate::binding::{Asked, Binding};
use crate::certificate::Distrust;
use crate::error::Error;
use crate::servers::Server;
use crate::tls::Tls;
use crate::trust::ServerTrust;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);
/// The server says something every 15 seconds while it is listened to.
const SILENCE: Duration = Duration::from_secs(45);
/// Most bytes of an answer: a status with every holder of a large site fits.
const LARGEST: u64 = 64 * 1024 * 1024;
const JSON: &str = "application/json";

/// One server over HTTP, for tools.
///
/// ```no_run
/// use grantor_client::{Http, ServerTrust};
/// use grantor_client::api::admin::Loaded;
///
/// # fn main() -> Result<(), grantor_client::Error> {
/// let http = Http::new("@ctiserver".parse()?, &ServerTrust::default())?.with_token(Some("secret".to_owned()));
/// let loaded: Loaded = http.post("/v1/admin/reread", &())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Http {
    server: Server,
    agent: Agent,
    token: Option<String>,
    answer: Duration,
    connect: Duration,
    /// What its answers are bound to, once there is a session.
    binding: Option<Arc<Binding>>,
    /// Which [`Lines`] its connections are from; 0 = none.
    line: u64,
}

/// Connections that all sessions of the process share, by server and trust.
type Lines = HashMap<(Server, ServerTrust), (u64, Agent)>;

static LINES: LazyLock<Mutex<Lines>> = LazyLock::new(Mutex::default);

fn agent(server: &Server, trust: &ServerTrust) -> Result<Agent, Error> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(true)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("grantor-client/", env!("CARGO_PKG_VERSION")))
        .build();
    let connector = ().chain(TcpConnector::default()).chain(Tls::new(server, trust)?);
    Ok(Agent::with_parts(config, connector, DefaultResolver::default()))
}

impl Http {
    /// Ready to speak to `server`; connects with the first request.
    ///
    /// Proxies of the environment are not used: license servers are near.
    ///
    /// # Errors
    /// A host name or certificates that can't be used.
    pub fn new(server: Server, trust: &ServerTrust) -> Result<Self, Error> {
        let agent = agent(&server, trust)?;
        Ok(Self { server, agent, token: None, answer: ANSWER, connect: CONNECT, binding: None, line: 0 })
    }

    /// The same over connections that the process shares.
    pub(crate) fn shared(server: Server, trust: &ServerTrust) -> Result<Self, Error> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server, trust.clone());
        let next = lines.len() as u64 + 1;
        let (line, agent) = match lines.get(&key) {
            Some(known) => known.clone(),
            None => lines.entry(key.clone()).or_insert((next, agent(&key.0, trust)?)).clone(),
        };
        let server = key.0;
        Ok(Self { server, agent, token: None, answer: ANSWER, connect: CONNECT, binding: None, line })
    }

    /// Equal for those who share connections.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// With a token that says who asks.
    #[must_use]
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// Waits so long for an answer, the connection included; 30 seconds if nothing is said.
    #[must_use]
    pub fn with_timeout(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// Takes no answer that is not bound to its request.
    #[must_use]
    pub(crate) fn bound(mut self, binding: Option<Arc<Binding>>) -> Self {
        self.binding = binding;
        self
    }

    /// Waits no longer than this for an answer.
    #[must_use]
    pub(crate) fn within(mut self, answer: Duration) -> Self {
        self.answer = self.answer.min(answer);
        self
    }

    /// Waits no longer than this for a connection, its handshake included.
    #[must_use]
    pub(crate) fn with_connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Which server it speaks to.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error::Problem`] for what the server refuses, and whatever hinders the way.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.json(self.send("GET", path, JSON, Vec::new())?)
    }

    /// Reads what is no JSON, such as a license file.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn get_text(&self, path: &str) -> Result<String, Error> {
        self.send("GET", path, JSON, Vec::new())
    }

    /// Asks for something to be done. Repeat it with an idempotency key only.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn post<B: Serialize + ?Sized, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Error> {
        self.json(self.send("POST", path, JSON, encode(body)?)?)
    }

    /// Asks another service than a license server, in its own words: the HTTP status and the answer's text.
    ///
    /// # Errors
    /// It does not answer, or is not trusted.
    pub fn post_elsewhere<B: Serialize + ?Sized>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<(u16, String), Error> {
        let request = self.request("POST", path, JSON, encode(body)?)?;
        let configured = self.agent.configure_request(request).timeout_connect(Some(self.connect));
        let request = configured.timeout_global(Some(self.answer)).build();
        let mut response = self.agent.run(request).map_err(|error| self.unsent(error))?;
        let text = response.body_mut().with_config().limit(LARGEST).read_to_string();
        Ok((response.status().as_u16(), text.map_err(|error| self.unsent(error))?))
    }

    /// Sets something.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn put<B: Serialize + ?Sized, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Error> {
        self.json(self.send("PUT", path, JSON, encode(body)?)?)
    }

    /// Sets a text, such as a license file.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn put_text<T: DeserializeOwned>(&self, path: &str, text: impl Into<Vec<u8>>) -> Result<T, Error> {
        self.json(self.send("PUT", path, "text/plain; charset=utf-8", text.into())?)
    }

    /// Takes something away.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.json(self.send("DELETE", path, JSON, Vec::new())?)
    }

    /// Listens to what the server has to say, for as long as it is silent for no longer than [`SILENCE`].
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, Error> {
        let request = self.request("GET", path, JSON, Vec::new())?;
        let configured = self.agent.configure_request(request).timeout_connect(Some(self.connect));
        let configured = configured.timeout_recv_response(Some(self.answer)).timeout_per_read(Some(SILENCE));
        let request = configured.build();
        let response = self.agent.run(request).map_err(|error| self.unsent(error))?;
        if !response.status().is_success() {
            return Err(self.strange(&format!("it answered {} to who wants to listen", response.status())));
        }
        Ok(response.into_body().into_reader())
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Request<Vec<u8>>, Error> {
        let mut request =
            Request::builder().method(method).uri(format!("https://{}{path}", self.server.authority()));
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(body).map_err(|error| Error::Local(format!("{method} {path}: {error}")))
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Result<String, Error> {
        let mut request = self.request(method, path, kind, body)?;
        let asked = self.binding.as_ref().map(|binding| binding.ask(&mut request)).transpose()?;
        let configured = self.agent.configure_request(request).timeout_connect(Some(self.connect));
        let request = configured.timeout_global(Some(self.answer)).build();
        let response = self.agent.run(request).map_err(|error| self.unsent(error))?;
        self.read(response, asked)
    }

    fn read(&self, mut response: Response<ureq::Body>, asked: Option<Asked>) -> Result<String, Error> {
        let status = response.status();
        let body = response.body_mut().with_config().limit(LARGEST).lossy_utf8(false).read_to_vec();
        let body = body.map_err(|error| self.unsent(error))?;
        if let Some(asked) = asked {
            asked.check(status.as_u16(), response.headers(), &body).map_err(|why| Error::Unreachable {
                server: self.server.clone(),
                why: format!("its answer is not taken: {why}"),
            })?;
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() {
            return Ok(text);
        }
        Err(match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Error::Problem(problem),
            Err(_) => self.strange(&format!("it answered {status} with {}", shortened(&text))),
        })
    }

    fn json<T: DeserializeOwned>(&self, text: String) -> Result<T, Error> {
        // 204: there is nothing to say.
        let text = if text.is_empty() { "null" } else { &text };
        serde_json::from_str(text).map_err(|error| {
            self.strange(&format!("its answer is not understood: {error}: {}", shortened(text)))
        })
    }

    fn strange(&self, what: &str) -> Error {
        Error::Protocol(format!(
            "{} does not speak as a license server does: {what}\n  hint: is it another program, or another version?",
            self.server
        ))
    }

    fn unsent(&self, error: ureq::Error) -> Error {
        let unreachable = |why: String| Error::Unreachable { server: self.server.clone(), why };
        match error {
            ureq::Error::Other(inner) => match inner.downcast::<Distrust>() {
                Ok(distrust) => {
                    let Distrust { why, hint } = *distrust;
                    Error::Untrusted { server: self.server.clone(), why, hint }
                }
                Err(other) => unreachable(other.to_string()),
            },
            ureq::Error::HostNotFound => unreachable("there is no host of that name".to_owned()),
            ureq::Error::Timeout(_) => unreachable("no answer in time".to_owned()),
            ureq::Error::BodyExceedsLimit(most) => {
                self.strange(&format!("its answer is longer than {most} bytes"))
            }
            other => unreachable(other.to_string()),
        }
    }
}

/// `()` is sent as nothing.
fn encode<B: Serialize + ?Sized>(body: &B) -> Result<Vec<u8>, Error> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| Error::Local(format!("the request can't be written: {error}")))?;
    Ok(if bytes == b"null" { Vec::new() } else { bytes })
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(200).filter(|c| !c.is_control()).collect();
    format!("`{start}`")
}
