//! Both databases, each empty: a SQLite file, and a database of its own on the PostgreSQL server that `./test` starts.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test's support"
)]

pub mod api;
pub mod authenticator;
pub mod door;
pub mod gates;
pub mod tables;
pub mod types;
pub mod wfo;

use std::sync::atomic::{AtomicU32, Ordering};

use grantor_portal::accounts::{self, Account, Kind, NewAccount};
use grantor_portal::orders::{NewLine, NewOrder, Term};
use grantor_portal::sites::{self, Details, Site};
use grantor_portal::{catalogues, store::Store};
use sea_orm::{ConnectionTrait, Database};

/// Noon of 24 November 2026.
pub const NOW: i64 = 1_795_521_600_000;
/// The same day.
pub const TODAY: &str = "2026-11-24";

/// A database, and what keeps its file alive.
pub struct Empty {
    pub name: &'static str,
    pub store: Store,
    _folder: tempfile::TempDir,
}

/// Runs the test on both.
pub fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for empty in both().await {
            eprintln!("on {}", empty.name);
            test(empty.store.clone()).await;
        }
    });
}

pub async fn both() -> Vec<Empty> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&folder.path().join("portal.db")).await.unwrap();
    let mut both = vec![Empty { name: "SQLite", store, _folder: folder }];
    match std::env::var("GRANTOR_TEST_POSTGRES") {
        Ok(server) => both.push(on_postgres(&server).await),
        Err(_) if std::env::var_os("CI").is_some() => {
            panic!("GRANTOR_TEST_POSTGRES is not set; ./test sets it")
        }
        Err(_) => eprintln!("SKIPPED on PostgreSQL: GRANTOR_TEST_POSTGRES is not set; ./test sets it"),
    }
    both
}

/// A database of its own on the server with that URL, `postgres://user@host:port`.
async fn on_postgres(server: &str) -> Empty {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = Database::connect(format!("{server}/postgres")).await.unwrap();
    admin.execute_unprepared(&format!("drop database if exists {name}")).await.unwrap();
    admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let store = Store::postgres(&format!("{server}/{name}")).await.unwrap();
    Empty { name: "PostgreSQL", store, _folder: tempfile::tempdir().unwrap() }
}

/// A catalogue of two parts, one of them not sold any more.
pub const CATALOGUE: &str = include_str!("../../../../../catalogues/pureconnect-4.toml");

/// The account `ACME` with the site `Berlin`, and the catalogue of PureConnect.
pub async fn acme(store: &Store) -> (Account, Site) {
    acme_under(store, None).await
}

/// The same under another account.
pub async fn acme_under(store: &Store, parent: Option<&str>) -> (Account, Site) {
    catalogues::load(store, "pureconnect-4", CATALOGUE, ("ann", NOW)).await.unwrap();
    let new = NewAccount {
        reference: "ACME".to_owned(),
        name: "Acme Contact Centres".to_owned(),
        kind: Kind::EndUser,
        parent: parent.map(str::to_owned),
    };
    let account = accounts::create(store, &new, ("ann", NOW)).await.unwrap();
    let site = sites::create(
        store,
        &account,
        &Details { name: "Berlin".to_owned(), ..Details::default() },
        ("ann", NOW),
    )
    .await;
    (account, site.unwrap())
}

/// An order of ACME for Berlin.
pub fn order(number: &str, lines: &[(&str, u32)]) -> NewOrder {
    let line = |&(part, quantity): &(&str, u32)| NewLine {
        catalogue: "pureconnect-4".to_owned(),
        part: part.to_owned(),
        quantity,
    };
    NewOrder {
        number: number.to_owned(),
        account: "ACME".to_owned(),
        sold_to: None,
        site: "Berlin".to_owned(),
        term: Term::Perpetual,
        last_day: None,
        maintenance_until: None,
        lines: lines.iter().map(line).collect(),
    }
}
