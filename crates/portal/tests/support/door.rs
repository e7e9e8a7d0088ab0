//! The portal's pages without a network: requests go straight to the router, as a browser would send them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test's support")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use grantor_portal::http::{App, Settings, router};
use grantor_portal::people::{self, Details, Person};
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
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub cookie: String,
    pub body: String,
}

pub fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis())
        .unwrap()
}

impl Door {
    pub fn open(store: &Store, staff_shows_codes: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("seal.key")).unwrap();
        let settings =
            Settings { address: "https://portal.test".to_owned(), moves_a_year: 3, staff_shows_codes };
        let app = App::new(store.clone(), None, seal, settings);
        Self { store: store.clone(), routes: router(Arc::new(app)), _folder: folder }
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
        let answer =
            self.routes.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        let text = |name: header::HeaderName| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, location, cookie) = (answer.status(), text(header::LOCATION), text(header::SET_COOKIE));
        let body = to_bytes(answer.into_body(), 10 << 20).await.unwrap();
        Answer { status, location, cookie, body: String::from_utf8_lossy(&body).into_owned() }
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
        let answer =
            self.routes.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 10 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status, location: String::new(), cookie: String::new(), body }
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
