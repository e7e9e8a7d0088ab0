//! The portal's pages without a network: requests go straight to the router, as a browser would send them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test's support")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use grantor_portal::http::{App, Requests, Settings, router};
use grantor_portal::people::{self, Details, Person};
use grantor_portal::providers::Provider;
use grantor_portal::requests::House;
use grantor_portal::rights::Role;
use grantor_portal::sealed::Seal;
use grantor_portal::signin::{self, Link};
use grantor_portal::store::Store;
use grantor_web::cookie::Secret;
use tower::ServiceExt;

/// A portal's pages.
pub struct Door {
    pub store: Store,
    routes: Router,
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub cookie: String,
    pub kind: String,
    pub disposition: String,
    pub body: String,
}

pub fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis())
        .unwrap()
}

impl Door {
    pub fn open(store: &Store, staff_shows_codes: bool) -> Self {
        Self::with(store, staff_shows_codes, Vec::new())
    }

    /// With providers that people sign in at.
    pub fn open_with(store: &Store, providers: Vec<Provider>) -> Self {
        Self::with(store, false, providers)
    }

    fn with(store: &Store, staff_shows_codes: bool, providers: Vec<Provider>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("seal.key")).unwrap();
        let requests = Requests { replies: Some("licensing@portal.test".to_owned()), ..Requests::default() };
        let settings = Settings {
            address: "https://portal.test".to_owned(),
            moves_a_year: 3,
            staff_shows_codes,
            requests,
        };
        let app = Arc::new(App::new(store.clone(), None, seal, settings).with_providers(providers));
        Self { store: store.clone(), routes: router(app.clone()), app, _folder: folder }
    }

    /// What surrounds requests.
    pub fn house(&self) -> House<'_> {
        self.app.house()
    }

    /// Sends a request as a browser does that is on one of the portal's pages.
    pub async fn send(&self, method: Method, path: &str, cookie: &str, form: &str) -> Answer {
        self.send_with(method, path, cookie, form, &[("sec-fetch-site", "same-origin")]).await
    }

    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "portal.test")
            .header(header::COOKIE, format!("__Host-grantor={cookie}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let text = |name: header::HeaderName| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, location, cookie) = (answer.status(), text(header::LOCATION), text(header::SET_COOKIE));
        let (kind, disposition) = (text(header::CONTENT_TYPE), text(header::CONTENT_DISPOSITION));
        let body = to_bytes(answer.into_body(), 10 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status, location, cookie, kind, disposition, body }
    }

    /// Sends what a program sends: no cookie, and a content type of its own.
    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends a body of any kind as a browser does that is on one of the portal's pages.
    pub async fn send_bytes(&self, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        self.send_bytes_as(path, "", kind, body).await
    }

    /// The same, signed in.
    pub async fn send_bytes_as(&self, path: &str, cookie: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, "portal.test")
            .header(header::COOKIE, format!("__Host-grantor={cookie}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, kind)
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        self.answer(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Method::GET, path, cookie, "").await
    }

    pub async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        self.send(Method::POST, path, cookie, form).await
    }
}

/// Somebody who was just entered, and has no password yet.
pub async fn person(store: &Store, mail: &str, roles: &[Role], account: Option<&str>) -> Person {
    let details = Details {
        name: mail.split('@').next().unwrap().to_owned(),
        roles: roles.iter().copied().collect(),
        account: account.map(str::to_owned),
        active: true,
    };
    let secret = Secret::new("grl_").unwrap();
    let link = Link { portal: "https://portal.test", secret: secret.text(), hash: &secret.hash() };
    signin::invite(store, mail, &details, &link, ("ann", now())).await.unwrap()
}

/// A visit of somebody's, by its cookie.
pub async fn visit(store: &Store, person: &Person) -> String {
    let secret = Secret::new("grs_").unwrap();
    signin::passed(store, person.id, &secret.hash(), now()).await.unwrap();
    secret.text().to_owned()
}

/// Gives somebody a password.
pub async fn password(store: &Store, person: &Person, password: &str) {
    let hash = grantor_web::password::hash(password).unwrap();
    signin::change_password(store, person, hash, "", now()).await.unwrap();
    people::by_id(store.read(), person.id).await.unwrap();
}
