//! Somebody of every role and account, and what they may.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's support")]

use std::collections::BTreeSet;

use axum::http::StatusCode;
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::people::Person;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::tokens::{self, Scope};
use grantor_web::cookie::Secret;

use super::api::scopes;
use super::door::{Answer, now, person, visit};
use super::{NOW, acme};

/// What a program may ask with a token of all scopes: what its person may.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("GET /api/v1/accounts", "signed in"),
    ("POST /api/v1/accounts", "accounts"),
    ("POST /api/v1/orders", "orders"),
    ("GET /api/v1/accounts/{account}/summary", "sees it"),
    ("GET /api/v1/accounts/{account}/sites", "sees it"),
    ("POST /api/v1/accounts/{account}/sites", "keeps its sites"),
    ("GET /api/v1/accounts/{account}/orders", "sees it"),
    ("GET /api/v1/accounts/{account}/files", "sees it"),
    ("POST /api/v1/accounts/{account}/files", "makes its files"),
    ("GET /api/v1/accounts/{account}/files/{number}", "sees it"),
    ("POST /api/v1/accounts/{account}/files/{number}/deactivate", "makes its files"),
    ("GET /api/v1/accounts/{account}/still-used", "sees it"),
    ("GET /api/v1/accounts/{account}/requests", "sees it"),
    ("POST /api/v1/accounts/{account}/requests", "sees it"),
    ("GET /api/v1/accounts/{account}/requests/{number}", "sees it"),
    ("POST /api/v1/accounts/{account}/requests/{number}/reply", "sees it"),
    ("GET /api/v1/requests", "requests"),
    ("GET /api/v1/requests/{number}", "requests"),
    ("POST /api/v1/requests/{number}/answer", "requests"),
    ("POST /api/v1/requests/{number}/note", "requests"),
    ("POST /api/v1/requests/{number}/change", "requests"),
    ("GET /api/v1/accounts/{account}/files/{number}/details", "sees it"),
    ("POST /api/v1/accounts/{account}/files/{number}/move", "makes its files"),
    ("GET /api/v1/accounts/{account}/upgrades", "sees it"),
    ("POST /api/v1/accounts/{account}/upgrades", "makes its files"),
    ("GET /api/v1/orders", "orders"),
    ("GET /api/v1/accounts/{account}/orders/{number}", "sees it"),
    ("POST /api/v1/accounts/{account}/orders/{number}/letter", "sends its letters"),
    ("GET /api/v1/accounts/{account}/sites/{id}", "sees it"),
    ("POST /api/v1/accounts/{account}/sites/{id}", "keeps its sites"),
    ("GET /api/v1/accounts/{account}", "sees it"),
    ("GET /api/v1/accounts/{account}/software", "sees it"),
    ("GET /api/v1/accounts/{account}/export", "sees it"),
    ("GET /api/v1/still-used", "requests"),
    ("POST /api/v1/imports/check", "orders"),
    ("POST /api/v1/imports", "orders"),
    ("GET /api/v1/imports", "orders"),
    ("GET /api/v1/imports/{id}", "orders"),
    ("GET /api/v1/imports/{id}/orders", "orders"),
    ("POST /api/v1/imports/{id}/stop", "orders"),
    ("GET /api/v1/catalogues", "catalogues"),
    ("GET /api/v1/catalogues/{name}", "catalogues"),
    ("POST /api/v1/catalogues/{name}", "catalogues"),
    ("GET /api/v1/people", "people"),
    ("POST /api/v1/people", "people"),
    ("GET /api/v1/people/{id}", "people"),
    ("POST /api/v1/people/{id}", "people"),
    ("POST /api/v1/people/{id}/certifications", "people"),
    ("POST /api/v1/people/{id}/link", "people"),
    ("POST /api/v1/people/{id}/visits/end", "people"),
    ("POST /api/v1/people/{id}/visits/{name}/end", "people"),
    ("GET /api/v1/hooks", "people"),
    ("POST /api/v1/hooks", "people"),
    ("POST /api/v1/hooks/{id}/resume", "people"),
    ("POST /api/v1/hooks/{id}/remove", "people"),
    ("GET /api/v1/mail", "people"),
    ("GET /api/v1/log", "log"),
    ("GET /api/v1/log/export", "log"),
    ("POST /api/v1/accounts/{account}/requests/{number}/attachments", "sees it"),
    ("GET /api/v1/accounts/{account}/requests/{number}/attachments/{id}", "sees it"),
    ("POST /api/v1/requests/{number}/attachments", "requests"),
    ("GET /api/v1/requests/{number}/attachments/{id}", "requests"),
    ("GET /api/v1/me/filters", "signed in"),
    ("POST /api/v1/me/filters", "signed in"),
    ("POST /api/v1/me/filters/{id}/remove", "signed in"),
    ("POST /api/v1/accounts/{account}", "changes it"),
    ("GET /api/v1/accounts/{account}/under", "sees it"),
];

/// What each role may do, beside what everybody who is signed in may.
pub fn may(role: Role) -> &'static [&'static str] {
    match role {
        Role::Catalogue => &["sees it", "catalogues"],
        Role::Orders => {
            &["sees it", "changes it", "keeps its sites", "sends its letters", "accounts", "orders"]
        }
        Role::Analyst => &["sees it", "keeps its sites", "makes its files", "requests"],
        Role::Partner | Role::Customer => &["sees it", "keeps its sites", "makes its files"],
        Role::Administrator => &[
            "sees it",
            "changes it",
            "keeps its sites",
            "makes its files",
            "sends its letters",
            "accounts",
            "orders",
            "catalogues",
            "people",
            "requests",
            "keys",
            "log",
        ],
        Role::Auditor => &["sees it", "log"],
    }
}

/// Somebody, and whether they reach the account ACME.
pub struct Somebody {
    pub role: Role,
    pub of_account: bool,
    reaches: bool,
    pub cookie: String,
    pub token: String,
}

async fn account(store: &Store, reference: &str, parent: Option<&str>) {
    let new = NewAccount {
        reference: reference.to_owned(),
        name: reference.to_owned(),
        kind: Kind::EndUser,
        parent: parent.map(str::to_owned),
    };
    accounts::create(store, &new, ("ann", NOW)).await.unwrap();
}

/// A token with all scopes that the person may have.
async fn token(store: &Store, person: &Person) -> String {
    let secret = Secret::new("grp_").unwrap();
    let scopes: BTreeSet<Scope> = scopes(person).into_iter().collect();
    tokens::make(store, person, ("test", &scopes), &secret.hash(), 30, now()).await.unwrap();
    secret.text().to_owned()
}

pub async fn everybody(store: &Store) -> Vec<Somebody> {
    acme(store).await;
    account(store, "BELOW", Some("ACME")).await;
    account(store, "OTHER", None).await;
    let staff = [Role::Catalogue, Role::Orders, Role::Analyst, Role::Administrator, Role::Auditor];
    let of_accounts = [Role::Partner, Role::Customer, Role::Auditor];
    let mut all: Vec<(Role, Option<&str>)> = staff.into_iter().map(|role| (role, None)).collect();
    for of in ["ACME", "BELOW", "OTHER"] {
        all.extend(of_accounts.into_iter().map(|role| (role, Some(of))));
    }
    let mut everybody = Vec::new();
    for (role, of) in all {
        let mail = format!("{role}.{}@example.com", of.unwrap_or("house").to_lowercase());
        let person = person(store, &mail, &[role], of).await;
        everybody.push(Somebody {
            role,
            of_account: of.is_some(),
            reaches: matches!(of, None | Some("ACME")),
            cookie: visit(store, &person).await,
            token: token(store, &person).await,
        });
    }
    everybody
}

#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    LetIn,
    ToSignIn,
    NotAllowed,
    NoSuchAccount,
}

pub fn seen(answer: &Answer) -> Seen {
    match answer.status {
        StatusCode::SEE_OTHER if answer.location.starts_with("/sign-in") => Seen::ToSignIn,
        StatusCode::FORBIDDEN => Seen::NotAllowed,
        StatusCode::NOT_FOUND if answer.body.contains("there is no account") => Seen::NoSuchAccount,
        _ => Seen::LetIn,
    }
}

pub fn expected(somebody: &Somebody, what: &str) -> Seen {
    let of_an_account = matches!(
        what,
        "sees it" | "changes it" | "keeps its sites" | "makes its files" | "sends its letters"
    );
    match what {
        "anybody" | "signed in" => Seen::LetIn,
        _ if of_an_account && !somebody.reaches => Seen::NoSuchAccount,
        _ if !of_an_account && somebody.of_account => Seen::NotAllowed,
        _ if may(somebody.role).contains(&what) => Seen::LetIn,
        _ => Seen::NotAllowed,
    }
}

pub fn filled(path: &str) -> String {
    path.replace("{account}", "ACME")
        .replace("{id}", "999")
        .replace("{number}", "AF-000999")
        .replace("{ticket}", "x")
        .replace("{name}", "x")
        .replace("{kind}", "question")
        .replace("{key}", "x")
}
