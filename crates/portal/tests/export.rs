//! Everything that an account owns, as JSON and CSV.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use axum::http::StatusCode;
use grantor_portal::rights::Role;
use grantor_portal::{export, orders};
use serde_json::Value;
use support::door::{Door, person, visit};
use support::{NOW, TODAY, acme, on_both, order};

#[test]
fn an_account_takes_everything_along_as_json_and_as_tables() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        person(&store, "carl@acme.example", &[Role::Customer], Some("ACME")).await;
        person(&store, "ann@example.com", &[Role::Analyst], None).await;
        let booked = order("SO-1", &[("SW-001-4.0-SL03", 1), ("SW-001-4.0-AL02", 50)]);
        orders::book(&store, &booked, "=ann", NOW, 1).await.unwrap();
        let all = export::everything(&store, &account, TODAY).await.unwrap();
        let json: Value = serde_json::from_str(&all.json().unwrap()).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["orders"][0]["lines"][1]["quantity"], 50);
        assert_eq!(json["entitlement"].as_array().unwrap().len(), 2);
        assert_eq!(json["people"].as_array().unwrap().len(), 1, "nobody of the publisher's");
        let tables = all.tables().unwrap();
        let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["sites", "people", "orders", "entitlement", "files", "requests"]);
        let orders = &tables[2].1;
        assert_eq!(orders.lines().count(), 3, "{orders}");
        assert!(orders.contains(",'=ann,"), "no formula for a spreadsheet: {orders}");
    });
}

#[test]
fn the_page_gives_it_to_whoever_reaches_the_account_and_to_nobody_else() {
    on_both(|store| async move {
        acme(&store).await;
        let door = Door::open(&store, false);
        let carl = person(&store, "carl@acme.example", &[Role::Customer], Some("ACME")).await;
        let cookie = visit(&store, &carl).await;
        let got = door.get("/accounts/ACME/export", &cookie).await;
        assert_eq!(got.status, StatusCode::OK);
        assert!(got.disposition.contains("ACME.json") && got.body.contains("\"Berlin\""), "{got:?}");
        assert!(!got.body.contains("password"), "{got:?}");
    });
}
