//! A program with a token.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test's support")]

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use grantor_portal::people::Person;
use grantor_portal::store::Store;
use grantor_portal::tokens::{self, Scope};
use grantor_web::cookie::Secret;
use serde_json::Value;

use super::door::{Answer, Door, now};

/// A token of these scopes.
pub async fn token(store: &Store, person: &Person, scopes: &[Scope]) -> String {
    let secret = Secret::new("grp_").unwrap();
    let scopes: BTreeSet<Scope> = scopes.iter().copied().collect();
    tokens::make(store, person, ("test", &scopes), &secret.hash(), 30, now()).await.unwrap();
    secret.text().to_owned()
}

/// Every scope that the person may have.
pub fn scopes(person: &Person) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| scope.is_for(person)).collect()
}

pub struct Api {
    pub door: Door,
}

impl Api {
    pub fn of(store: &Store) -> Self {
        Self { door: Door::open(store, false) }
    }

    pub async fn ask(&self, method: Method, path: &str, token: &str, body: &str, key: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.door.send_json(method, path, body, &headers).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::GET, path, token, "", "").await
    }

    pub async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.ask(Method::POST, path, token, body, "a request's key").await
    }

    /// What the API gives, which must be allowed.
    pub async fn read(&self, path: &str, token: &str) -> Value {
        good(self.get(path, token).await)
    }

    /// What comes of a request, which must be allowed.
    pub async fn done(&self, path: &str, token: &str, body: &str, key: &str) -> Value {
        good(self.ask(Method::POST, path, token, body, key).await)
    }

    /// The problem's status and detail.
    pub async fn refused(&self, path: &str, token: &str, body: &str, key: &str) -> (StatusCode, String) {
        let answer = self.ask(Method::POST, path, token, body, key).await;
        assert_eq!(answer.kind, "application/problem+json", "{answer:?}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, problem["detail"].as_str().unwrap().to_owned())
    }
}

pub fn good(answer: Answer) -> Value {
    assert!(answer.status.is_success(), "{answer:?}");
    serde_json::from_str(&answer.body).unwrap_or(Value::Null)
}
