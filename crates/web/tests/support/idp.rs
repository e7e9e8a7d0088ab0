//! A small OpenID Connect provider over TLS: discovery, keys, authorize, token and userinfo. It checks what a good one checks (the
//! portal's secret, PKCE, the address to come back to, that a code is used once), and lies where a test wants it to.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test's support")]

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{RawForm, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use grantor_web::listen::{Bounds, https};
use grantor_web::providers::{Provider, Setting, Worth};
use grantor_web::tls::{Tls, identity};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// For tests alone: it signs nothing that anybody trusts.
const RSA: &[u8] = include_bytes!("../data/provider-rsa.der");
const SECRET: &str = "the portal's secret: 50% +";

/// What the provider gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    Nonce,
    Audience,
    Issuer,
    Expired,
    Signature,
    NoSignature,
}

/// Who signs in there, and how the provider is today.
#[derive(Debug, Clone)]
pub struct Mood {
    pub subject: String,
    pub mail: String,
    pub verified: bool,
    pub lie: Lie,
    pub rsa: bool,
    /// Whether the mail address is told at userinfo alone.
    pub tells_late: bool,
}

struct Asked {
    nonce: String,
    challenge: String,
    back: String,
}

struct Inner {
    mood: Mood,
    codes: HashMap<String, Asked>,
    given: usize,
    tokens: BTreeSet<String>,
}

pub struct Idp {
    pub issuer: String,
    pub setting: Setting,
    inner: Mutex<Inner>,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    other: EcdsaKeyPair,
    agent: ureq::Agent,
    stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

fn ec() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn fields(bytes: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn browser(pem: &str) -> ureq::Agent {
    let certificate = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap().to_owned();
    let roots = ureq::tls::RootCerts::Specific(Arc::new(vec![certificate]));
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let config =
        ureq::Agent::config_builder().tls_config(tls).max_redirects(0).max_redirects_will_error(false);
    config.build().into()
}

impl Idp {
    /// Begins to listen; it stops when it is dropped.
    pub async fn start() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        let tls = identity(&Tls::default(), folder.path(), "A provider", "localhost").unwrap();
        std::fs::write(path("root.pem"), &tls.pem).unwrap();
        std::fs::write(path("secret"), format!("{SECRET}\n")).unwrap();
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let setting = Setting {
            name: "acme".to_owned(),
            title: "Acme".to_owned(),
            issuer: issuer.clone(),
            client_id: "grantor".to_owned(),
            client_secret_file: Some(path("secret")),
            domains: BTreeSet::new(),
            certificates: Some(path("root.pem")),
            counts_as: Worth::Password,
        };
        let mood = Mood {
            subject: "subject-1".to_owned(),
            mail: "Ada@Example.com".to_owned(),
            verified: true,
            lie: Lie::None,
            rsa: true,
            tells_late: false,
        };
        let (stop, stopped) = watch::channel(false);
        let idp = Arc::new(Self {
            issuer,
            setting,
            inner: Mutex::new(Inner { mood, codes: HashMap::new(), given: 0, tokens: BTreeSet::new() }),
            rsa: RsaKeyPair::from_der(RSA).unwrap(),
            ec: ec(),
            other: ec(),
            agent: browser(&tls.pem),
            stop,
            _folder: folder,
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(idp.clone());
        let bounds = Bounds { connections: 16, header: Duration::from_secs(10) };
        tokio::spawn(https(Arc::new(listener), tls.config, routes, bounds, stopped));
        idp
    }

    pub fn provider(&self) -> Provider {
        Provider::open(&self.setting).unwrap()
    }

    pub fn is(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.inner.lock().unwrap().mood);
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What a browser does that is sent there: the path and query that it comes back with.
    pub async fn visit(&self, address: &str) -> String {
        assert!(address.starts_with(&format!("{}/authorize?", self.issuer)), "{address}");
        let (agent, address) = (self.agent.clone(), address.to_owned());
        let answer = tokio::task::spawn_blocking(move || agent.get(&address).call().unwrap()).await.unwrap();
        let back = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let behind = back.strip_prefix("https://").unwrap();
        behind[behind.find('/').unwrap()..].to_owned()
    }

    fn sign(&self, claims: &Value) -> String {
        let mood = self.inner.lock().unwrap().mood.clone();
        let (alg, kid) = if mood.rsa { ("RS256", "rsa") } else { ("ES256", "ec") };
        let alg = if mood.lie == Lie::NoSignature { "none" } else { alg };
        let head = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let text = format!("{}.{}", b64(head.to_string()), b64(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match (mood.lie, mood.rsa) {
            (Lie::NoSignature, _) => Vec::new(),
            (Lie::Signature, _) => self.other.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            (_, false) => self.ec.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            (_, true) => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{text}.{}", b64(signature))
    }

    fn claims(&self, nonce: &str) -> Value {
        let mood = self.inner.lock().unwrap().mood.clone();
        let now = seconds();
        let lies = |lie: Lie, wrong: &str, right: &str| {
            if mood.lie == lie { wrong.to_owned() } else { right.to_owned() }
        };
        let mut claims = json!({
            "iss": lies(Lie::Issuer, "https://evil.test", &self.issuer),
            "aud": lies(Lie::Audience, "another-portal", "grantor"),
            "nonce": lies(Lie::Nonce, "another-nonce", nonce),
            "sub": mood.subject, "iat": now,
            "exp": if mood.lie == Lie::Expired { now - 60 } else { now + 300 },
        });
        if !mood.tells_late {
            claims["email"] = json!(mood.mail);
            claims["email_verified"] = json!(mood.verified);
        }
        claims
    }
}

async fn discovery(State(idp): State<Arc<Idp>>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", idp.issuer);
    Json(json!({
        "issuer": idp.issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("keys"), "userinfo_endpoint": at("userinfo"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256", "none"],
    }))
}

async fn keys(State(idp): State<Arc<Idp>>) -> Json<Value> {
    let rsa: PublicKeyComponents<Vec<u8>> = idp.rsa.public().into();
    let point = idp.ec.public_key().as_ref();
    Json(json!({ "keys": [
        { "kty": "RSA", "use": "sig", "kid": "rsa", "alg": "RS256", "n": b64(&rsa.n), "e": b64(&rsa.e) },
        { "kty": "EC", "use": "sig", "kid": "ec", "crv": "P-256", "alg": "ES256", "x": b64(&point[1..33]),
          "y": b64(&point[33..]) },
    ] }))
}

async fn authorize(State(idp): State<Arc<Idp>>, RawQuery(query): RawQuery) -> Redirect {
    let asked = fields(query.unwrap_or_default().as_bytes());
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", "grantor"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
    let mut inner = idp.inner.lock().unwrap();
    inner.given += 1;
    let code = format!("code-{}", inner.given);
    let back = asked["redirect_uri"].clone();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("code", code.as_str()), ("state", &asked["state"]), ("iss", &idp.issuer)])
        .finish();
    let kept = Asked {
        nonce: asked["nonce"].clone(),
        challenge: asked["code_challenge"].clone(),
        back: back.clone(),
    };
    inner.codes.insert(code, kept);
    Redirect::to(&format!("{back}?{query}"))
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// The service's name and secret as RFC 6749 (2.3.1) has them: each encoded as in a form, then together in base64.
fn is_the_portal(headers: &HeaderMap) -> bool {
    let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let wanted = format!("Basic {}", STANDARD.encode(format!("grantor:{encoded}")));
    headers.get(header::AUTHORIZATION).is_some_and(|shown| shown == wanted.as_str())
}

async fn token(State(idp): State<Arc<Idp>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    let form = fields(&form);
    if !is_the_portal(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let asked = idp.inner.lock().unwrap().codes.remove(&form["code"]);
    let fits = |asked: &Asked| {
        b64(Sha256::digest(form["code_verifier"].as_bytes())) == asked.challenge
            && form["redirect_uri"] == asked.back
    };
    let Some(asked) = asked.filter(fits) else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let access = format!("access-{}", form["code"]);
    idp.inner.lock().unwrap().tokens.insert(access.clone());
    let id_token = idp.sign(&idp.claims(&asked.nonce));
    Json(json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id_token }))
        .into_response()
}

async fn userinfo(State(idp): State<Arc<Idp>>, headers: HeaderMap) -> Response {
    let inner = idp.inner.lock().unwrap();
    let shown = headers.get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok()).unwrap_or_default();
    if !shown.strip_prefix("Bearer ").is_some_and(|token| inner.tokens.contains(token)) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    }
    let mood = &inner.mood;
    Json(json!({ "sub": mood.subject, "email": mood.mail, "email_verified": mood.verified })).into_response()
}
