//! Books of every earlier version become today's, on both databases, and keep what is in them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

use super::*;
use crate::store::Store;
use crate::{accounts, files, orders};

/// What could be in books after so many steps, in the words of that time.
const ROWS: &[(usize, &str)] = &[
    (1, "insert into accounts (reference, name, kind, created_at) values ('ACME', 'Acme', 'end-user', 1)"),
    (
        1,
        "insert into sites (account_id, name, address1, address2, address3, city, state, country, postal_code, active, version) \
         values (1, 'Berlin', '', '', '', '', '', '', '', true, 1)",
    ),
    (
        1,
        "insert into editions (catalogue, edition, digest, text, loaded_at) values ('old', '1', 'd', 'x', 1)",
    ),
    (
        1,
        "insert into orders (number, digest, lrn, account_id, sold_to_id, site_id, term, last_day, placed_by, placed_at) \
         values ('SO-1', 'd', 'LRN-0', 1, 1, 1, 'perpetual', '9999-12-31', 'ann', 1)",
    ),
    (1, "insert into order_lines (order_id, position, edition_id, part, quantity) values (1, 1, 1, 'P', 2)"),
    (
        1,
        "insert into entitlements (account_id, site_id, catalogue, part, last_day, total, used) \
         values (1, 1, 'old', 'P', '9999-12-31', 2, 1)",
    ),
    (
        2,
        "insert into files (request, account_id, site_id, edition_id, catalogue, license_type, lrn, host_id, machine, system_type, \
         mail_connector, generation, last_day, generated_on, generated_by, generated_at, active, unsigned) \
         values ('r', 1, 1, 1, 'old', 'production', 'LRN-0', 'ANY', 'host', '', '', 1, '9999-12-31', '2026-01-01', 'ann', 1, true, 'text')",
    ),
    (2, "insert into file_items (file_id, entitlement_id, quantity) values (1, 1, 1)"),
    (
        3,
        "insert into people (mail, name, roles, active, version, created_at) \
         values ('ada@example.com', 'Ada', 'administrator', true, 1, 1)",
    ),
    (
        4,
        "insert into activations (order_id, registration_key, made, activated_at) values (1, 'KEY', true, 1)",
    ),
    (
        6,
        "insert into requests (once, kind, first_name, last_name, mail, others, subject, urgent, fields, state, created_at, \
         due_at, changed_at) values ('1', 'question', 'A', 'B', 'a@b.example', '', 'S', false, '{}', 'open', 1, 2, 1)",
    ),
    (
        9,
        "insert into key_changes (what, publisher, signing_key, line, reason, asked_by, asked_at) \
         values ('retire', 'p', 'k', '', 'old', 'ann', 1)",
    ),
    (
        8,
        "insert into hooks (address, events, secret, active, next_position, tries, next_at, created_at) values ('https://x', '', 's', true, 0, 0, 0, 1)",
    ),
    (
        7,
        "insert into passkeys (person_id, name, credential, handle, public_key, counter, created_at) \
         values (1, 'p', 'c', 'h', 'k', 'n', 1)",
    ),
    (
        10,
        "insert into identities (person_id, issuer, subject, name, created_at) values (1, 'https://idp', 's', 'ada', 1)",
    ),
    (
        12,
        "insert into still_used (account_id, file_id, registration_key, machine, since, seen_at) values (1, 1, 'KEY', 'host', 1, 2)",
    ),
    (13, "insert into imports (once, started_by, started_at, held_until) values ('1', 'ann', 1, 0)"),
    (
        13,
        "insert into imported_orders (import_id, position, number, account, body, state) values (1, 1, 'SO-9', 'ACME', '{}', 'waiting')",
    ),
    (3, "insert into certifications (person_id, catalogue, last_day) values (1, 'old', '2030-01-01')"),
    (3, "insert into saved_filters (person_id, page, name, query) values (1, 'files', 'mine', '?active=no')"),
    (
        3,
        "insert into mails (message_id, recipient, subject, body, created_at, tries, next_at) values ('m', 'a@b.example', 's', 'b', 1, 0, 1)",
    ),
    (
        4,
        "insert into moves (request, account_id, from_key, to_key, reason, moved_by, moved_at) values ('r', 1, 'A', 'B', 'new', 'ann', 1)",
    ),
    (
        6,
        "insert into request_messages (request_id, side, author, body, written_at) values (1, 'requester', 'a', 'b', 1)",
    ),
    (2, "insert into log_entries (position, body) values (0, '{}')"),
    (
        5,
        "insert into api_tokens (person_id, name, hash, scopes, created_at, ends_at) values (1, 't', 'h', 'read', 1, 2)",
    ),
    (16, "insert into requests_once (key, digest, answer, asked_at) values ('1/api-hook/a', 'd', '1', 1)"),
];

async fn as_of(db: &DatabaseConnection, steps: usize) {
    Migrations::up(db, Some(<u32 as TryFrom<usize>>::try_from(steps).unwrap())).await.unwrap();
    for (since, row) in ROWS.iter().filter(|(since, _)| *since <= steps) {
        db.execute_unprepared(row).await.unwrap_or_else(|error| panic!("{since}: {error}"));
    }
}

/// What was there is there, and what that version did not know has a sensible beginning.
async fn is_whole(store: &Store, steps: usize) {
    let account = accounts::find(store.read(), "ACME").await.unwrap();
    let (count, orders) = orders::list(store, Some(account.id), "", orders::LATEST, 0, 10).await.unwrap();
    assert_eq!((count, orders[0].site.as_str()), (1, "Berlin"));
    let folded = Migrations::migrations().iter().position(|step| step.name() == "0015_found");
    if Some(steps) <= folded {
        for begin in ["so-", "lrn-0", "0"] {
            assert_eq!(orders::search(store, begin, 0, 10).await.unwrap().rows.len(), 1, "{begin}");
        }
    }
    if steps >= 2 {
        let details = files::details(store, &account, "AF-000001").await.unwrap();
        assert_eq!((details.used["P"], details.selection.machine.name.as_str()), (1, "host"));
        assert_eq!(details.selection.items.len(), 1, "worked out, as it was not kept then");
    }
    if steps >= 3 {
        let ada = crate::people::by_mail(store.read(), "ada@example.com").await.unwrap();
        assert!(!ada.has_password && ada.is_staff());
    }
}

#[tokio::test]
async fn books_of_every_earlier_version_become_todays_on_sqlite() {
    for steps in 1..=Migrations::migrations().len() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portal.db");
        let db = Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
        as_of(&db, steps).await;
        db.close().await.unwrap();
        is_whole(&Store::sqlite(&file).await.unwrap(), steps).await;
    }
}

#[tokio::test]
async fn books_of_every_earlier_version_become_todays_on_postgresql() {
    let Ok(server) = std::env::var("GRANTOR_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "GRANTOR_TEST_POSTGRES is not set; ./test sets it");
        return eprintln!("SKIPPED: GRANTOR_TEST_POSTGRES is not set; ./test sets it");
    };
    let admin = Database::connect(format!("{server}/postgres")).await.unwrap();
    for steps in 1..=Migrations::migrations().len() {
        let name = format!("migrated_{}_{steps}", std::process::id());
        admin.execute_unprepared(&format!("drop database if exists {name}")).await.unwrap();
        admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
        let db = Database::connect(format!("{server}/{name}")).await.unwrap();
        as_of(&db, steps).await;
        db.close().await.unwrap();
        is_whole(&Store::postgres(&format!("{server}/{name}")).await.unwrap(), steps).await;
    }
}

/// What is not in a backup, on purpose: it ends with the books that it was made in.
const LEFT_OUT: [&str; 5] = ["visits", "tickets", "challenges", "seaql_migrations", "sqlite_sequence"];

/// Books with a row in every table.
async fn full(folder: &tempfile::TempDir) -> Store {
    let file = folder.path().join("portal.db");
    let db = Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    as_of(&db, STEPS.len()).await;
    db.execute_unprepared(
        "insert into attachments (request_id, name, kind, size, data, author, added_at) values (1, 'n', 'text/plain', 2, x'00ff', 'a', 1)",
    )
    .await
    .unwrap();
    db.close().await.unwrap();
    Store::sqlite(&file).await.unwrap()
}

async fn text(store: &Store) -> String {
    let mut text = Vec::new();
    crate::backup::backup(store, &mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

async fn empty(folder: &tempfile::TempDir) -> Store {
    Store::sqlite(&folder.path().join("other.db")).await.unwrap()
}

#[tokio::test]
async fn a_row_of_every_table_is_in_a_backup_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = full(&folder).await;
    let before = text(&store).await;
    let names = "select name from sqlite_master where type = 'table'";
    let statement = sea_orm::Statement::from_string(DbBackend::Sqlite, names);
    for row in store.read().query_all_raw(statement).await.unwrap() {
        let name: String = row.try_get("", "name").unwrap();
        let there = before.contains(&format!("\"table\":\"{name}\""));
        assert_eq!(there, !LEFT_OUT.contains(&name.as_str()), "{name}");
    }
    let other = empty(&folder).await;
    crate::backup::restore(&other, &mut before.as_bytes()).await.unwrap();
    assert_eq!(text(&other).await, before);
}

#[tokio::test]
async fn a_backup_of_an_earlier_version_is_restored_and_what_that_did_not_know_is_worked_out() {
    let folder = tempfile::tempdir().unwrap();
    let before = text(&full(&folder).await).await;
    let mut old = before.replace("\"0021_templates\"", "\"0014_imports\"");
    for later in [
        "deactivates\":false",
        "appointed_by\":null",
        "file_id\":null",
        "folded\":\"\"",
        "lrn_folded\":\"\"",
        "reminded\":0",
    ] {
        assert!(old.contains(later), "{later}");
        old = old.replace(&format!(",\"{later}"), "");
    }
    let other = empty(&folder).await;
    crate::backup::restore(&other, &mut old.as_bytes()).await.unwrap();
    assert_eq!(orders::search(&other, "so-", 0, 10).await.unwrap().rows.len(), 1);
    let unknown = before.replace("\"0021_templates\"", "\"0099_later\"");
    let third = Store::sqlite(&folder.path().join("third.db")).await.unwrap();
    let refused = crate::backup::restore(&third, &mut unknown.as_bytes()).await.unwrap_err();
    assert!(refused.to_string().contains("knows them up to 0021_templates"), "{refused}");
}

/// What was released, as the beginning of its SHA-256: books out there were made by exactly these words.
const RELEASED: [(&str, &str); 20] = [
    ("0001_orders", "471fde8f6ba00d97"),
    ("0002_files", "3db7deb192e87198"),
    ("0003_people", "faf5f7f9ace6ba8e"),
    ("0004_activations", "e4f91f68cb253d80"),
    ("0005_tokens", "5307b8436ef32613"),
    ("0006_requests", "0835c957ca8dbb56"),
    ("0007_passkeys", "c51e389a7b208f2a"),
    ("0008_hooks", "cb9c8adc008fe06c"),
    ("0010_keys", "02a0050871eee0ab"),
    ("0011_identities", "8055d9a20f73bd4e"),
    ("0012_sorted", "619f23b639ef72f7"),
    ("0013_still_used", "babbdc52a4958539"),
    ("0014_imports", "f050be6285a69635"),
    ("0015_found", "7afed8edb4e6a133"),
    ("0016_ends", "2aa0777123a91433"),
    ("0017_once", "61bc0f463ea02eec"),
    ("0018_appointed", "7ee3665dff6b0bf6"),
    ("0019_of_site", "09fb5c6784b1f035"),
    ("0020_reminded", "0c61aa7380ec47b0"),
    ("0021_templates", "178ef2bb6a0cc59d"),
];

#[test]
fn a_version_of_the_tables_that_was_released_never_changes() {
    let now: Vec<(&str, String)> = STEPS
        .iter()
        .map(|(name, sql)| (*name, crate::catalogues::digest(sql.as_bytes()).chars().take(16).collect()))
        .collect();
    for ((name, digest), (known, released)) in now.iter().zip(RELEASED) {
        assert_eq!((*name, digest.as_str()), (known, released));
    }
    assert_eq!(now.len(), RELEASED.len(), "enter what is new here when it is released");
}

#[tokio::test]
async fn of_several_processes_that_open_new_books_at_once_one_makes_the_tables_and_all_go_on() {
    let Ok(server) = std::env::var("GRANTOR_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "GRANTOR_TEST_POSTGRES is not set; ./test sets it");
        return eprintln!("SKIPPED: GRANTOR_TEST_POSTGRES is not set; ./test sets it");
    };
    let admin = Database::connect(format!("{server}/postgres")).await.unwrap();
    let name = format!("opened_{}", std::process::id());
    admin.execute_unprepared(&format!("drop database if exists {name}")).await.unwrap();
    admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let url = format!("{server}/{name}");
    let opened = tokio::join!(Store::postgres(&url), Store::postgres(&url), Store::postgres(&url));
    for store in [opened.0, opened.1, opened.2] {
        assert_eq!(accounts::search(&store.unwrap(), "", 0, 10).await.unwrap().0, 0);
    }
}
