//! Orders, imports, sites and what an account owns by the API, as on the pages.

use crate::support::api::{Api, token};
use crate::support::door::{now, person};
use crate::support::{NOW, acme, on_both, order};
use axum::http::StatusCode;
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::mails;
use grantor_portal::orders::{book, bulk};
use grantor_portal::rights::Role;
use grantor_portal::tokens::Scope;

const SERVER: &str = "SW-001-4.0-SL03";
const AGENTS: &str = "SW-001-4.0-AL02";

#[test]
fn an_order_has_its_lines_and_its_letter_is_sent_again_once() {
    on_both(|store| async move {
        acme(&store).await;
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let olga = person(&store, "olga@example.com", &[Role::Orders], None).await;
        book(&store, &order("SO 1", &[(SERVER, 1), (AGENTS, 50)]), "ann", now(), 1).await.unwrap();
        let api = Api::of(&store);
        let (carl, olga) =
            (token(&store, &carl, &[Scope::Read]).await, token(&store, &olga, &[Scope::Orders]).await);
        let path = "/api/v1/accounts/ACME/orders/SO%201";
        let one = api.read(path, &carl).await;
        assert_eq!((&one["number"], &one["site"]), (&"SO 1".into(), &"Berlin".into()), "{one}");
        assert_eq!((&one["lines"][1]["number"], &one["lines"][1]["quantity"]), (&AGENTS.into(), &50.into()));
        let letters = async || mails::list(&store, 0, 200).await.unwrap().0;
        let before = letters().await;
        let letter = format!("{path}/letter");
        assert_eq!(api.refused(&letter, &carl, "", "a letter's name").await.0, StatusCode::FORBIDDEN);
        for _ in 0..2 {
            let sent = api.done(&letter, &olga, "", "a letter's name").await;
            assert_eq!(sent["to"], serde_json::json!(["carl@acme.example.com"]));
        }
        assert_eq!(letters().await, before + 1);
        api.done(&letter, &olga, "", "another letter").await;
        assert_eq!(letters().await, before + 2);
    });
}

#[test]
fn orders_of_all_accounts_are_found_by_how_they_begin_and_a_mistyped_number_is_understood() {
    on_both(|store| async move {
        acme(&store).await;
        let olga = person(&store, "olga@example.com", &[Role::Orders], None).await;
        let olga = token(&store, &olga, &[Scope::Orders]).await;
        for number in 1..=3_i64 {
            let bits = number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let order = order(&format!("SO-{number}"), &[(SERVER, 1)]);
            book(&store, &order, "ann", NOW + number, bits).await.unwrap();
        }
        let api = Api::of(&store);
        let all = api.read("/api/v1/orders", &olga).await;
        assert_eq!(
            (&all["total"], &all["more"], &all["rows"][0]["number"]),
            (&3.into(), &false.into(), &"SO-3".into())
        );
        let found = api.read("/api/v1/orders?text=so-2", &olga).await;
        assert_eq!((&found["total"], &found["rows"][0]["number"]), (&1.into(), &"SO-2".into()), "{found}");
        let lrn = found["rows"][0]["lrn"].as_str().unwrap();
        let last = lrn.chars().next_back().unwrap();
        let wrong = format!("{}{}", &lrn[..lrn.len() - 1], if last == '7' { '8' } else { '7' });
        let meant = api.read(&format!("/api/v1/orders?text={wrong}"), &olga).await;
        assert_eq!((&meant["meant"], &meant["rows"][0]["number"]), (&lrn.into(), &"SO-2".into()), "{meant}");
    });
}

const HEADING: &str = "order,account,site,catalogue,part,quantity\n";

fn csv(rows: &[(&str, &str)]) -> String {
    let row =
        |(order, quantity): &(&str, &str)| format!("{order},ACME,Berlin,pureconnect-4,{AGENTS},{quantity}\n");
    rows.iter().map(row).fold(HEADING.to_owned(), |text, row| text + &row)
}

#[test]
fn a_file_of_orders_is_checked_booked_once_followed_and_stopped() {
    on_both(|store| async move {
        acme(&store).await;
        let olga = person(&store, "olga@example.com", &[Role::Orders], None).await;
        let olga = token(&store, &olga, &[Scope::Orders]).await;
        let api = Api::of(&store);
        let (check, imports) = ("/api/v1/imports/check", "/api/v1/imports");
        let wrong = csv(&[("SO-1", "5"), ("SO-2", "x"), ("SO-3", "0")]);
        let checked = api.done(check, &olga, &wrong, "").await;
        assert_eq!(
            (&checked["mistakes"], &checked["problems"][0]["line"]),
            (&2.into(), &3.into()),
            "{checked}"
        );
        let (status, says) = api.refused(imports, &olga, &wrong, "the first import").await;
        assert!(
            status == StatusCode::UNPROCESSABLE_ENTITY && says.contains("SO-2") && says.contains("SO-3"),
            "{says}"
        );
        let right = csv(&[("SO-1", "5"), ("SO-2", "6")]);
        assert_eq!(api.done(check, &olga, &right, "").await["mistakes"], 0);
        let begun = api.done(imports, &olga, &right, "the first import").await;
        assert_eq!((&begun["total"], &begun["booked"]), (&2.into(), &0.into()), "{begun}");
        assert_eq!(api.done(imports, &olga, &right, "the first import").await["id"], begun["id"]);
        let other = api.refused(imports, &olga, &csv(&[("SO-9", "1")]), "the first import").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "{other:?}");
        bulk::work(&store, now).await.unwrap();
        let one = format!("{imports}/{}", begun["id"]);
        let done = api.read(&one, &olga).await;
        assert!(done["booked"] == 2 && done["ended_at"].is_i64(), "{done}");
        let booked = api.read(&format!("{one}/orders?state=booked"), &olga).await;
        assert!(booked["total"] == 2 && booked["rows"][1]["lrn"].is_string(), "{booked}");
        assert_eq!(api.read(&format!("{one}/orders?state=refused"), &olga).await["total"], 0);
        let second = api.done(imports, &olga, &csv(&[("SO-3", "1")]), "the second one").await;
        let stopped = api.done(&format!("{imports}/{}/stop", second["id"]), &olga, "", "").await;
        assert_eq!((&stopped["stopped"], &stopped["booked"]), (&1.into(), &0.into()), "{stopped}");
        assert_eq!(api.read(imports, &olga).await.as_array().unwrap().len(), 2);
        assert_eq!(api.get(&format!("{imports}/999"), &olga).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_site_is_changed_as_it_was_seen_and_those_of_other_accounts_are_not_there() {
    on_both(|store| async move {
        acme(&store).await;
        let other = NewAccount {
            reference: "ELSE".to_owned(),
            name: "Else".to_owned(),
            kind: Kind::EndUser,
            parent: None,
        };
        accounts::create(&store, &other, ("ann", NOW)).await.unwrap();
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let anna = token(&store, &anna, &[Scope::Files]).await;
        let api = Api::of(&store);
        let site = api.read("/api/v1/accounts/ACME/sites", &anna).await["rows"][0].clone();
        let path = format!("/api/v1/accounts/ACME/sites/{}", site["id"]);
        assert_eq!(api.read(&path, &anna).await, site);
        let change = r#"{"details":{"name":"Berlin Mitte","city":"Berlin"},"active":false,"version":1}"#;
        let changed = api.done(&path, &anna, change, "").await;
        assert_eq!(
            (&changed["name"], &changed["active"], &changed["version"]),
            (&"Berlin Mitte".into(), &false.into(), &2.into())
        );
        let late = api.refused(&path, &anna, change, "").await;
        assert_eq!(late.0, StatusCode::CONFLICT, "{late:?}");
        let of_other = path.replace("ACME", "ELSE");
        assert_eq!(api.get(&of_other, &anna).await.status, StatusCode::NOT_FOUND);
        assert_eq!(api.refused(&of_other, &anna, change, "").await.0, StatusCode::NOT_FOUND);
    });
}

#[test]
fn what_an_account_owns_is_read_by_site_and_product_with_whom_it_was_sold_to_and_as_a_whole() {
    on_both(|store| async move {
        acme(&store).await;
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        book(&store, &order("SO-1", &[(SERVER, 1), (AGENTS, 50)]), "ann", now(), 1).await.unwrap();
        let carl = token(&store, &carl, &[Scope::Read]).await;
        let (api, acme) = (Api::of(&store), "/api/v1/accounts/ACME");
        assert_eq!(api.read(acme, &carl).await["name"], "Acme Contact Centres");
        let software = api.read(&format!("{acme}/software"), &carl).await;
        let row = software["rows"].as_array().unwrap().iter().find(|row| row["part"] == AGENTS).unwrap();
        assert_eq!(
            (&row["total"], &row["sold_to"][0]),
            (&50.into(), &"Acme Contact Centres".into()),
            "{row}"
        );
        for (query, rows) in [("site=Berlin", 2), ("product=pureconnect-4", 2), ("product=wfo", 0)] {
            assert_eq!(api.read(&format!("{acme}/summary?{query}"), &carl).await["total"], rows, "{query}");
        }
        assert_eq!(api.get(&format!("{acme}/summary?site=Rome"), &carl).await.status, StatusCode::NOT_FOUND);
        let all = api.read(&format!("{acme}/export"), &carl).await;
        assert_eq!(
            (&all["orders"][0]["number"], &all["people"][0]["mail"]),
            (&"SO-1".into(), &"carl@acme.example.com".into())
        );
    });
}
