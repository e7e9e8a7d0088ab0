//! License files and upgrades by the API, as on the pages.

use crate::support::api::{Api, token};
use crate::support::door::{now, person};
use crate::support::{CATALOGUE, NOW, acme, on_both, order};
use axum::http::StatusCode;
use grantor_portal::orders::book;
use grantor_portal::people::Person;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::tokens::Scope;
use grantor_portal::{catalogues, certifications};

const FILES: &str = "/api/v1/accounts/ACME/files";
const SERVER: &str = "SW-001-4.0-SL03";
const AGENTS: &str = "SW-001-4.0-AL02";

fn file(machine: &str, agents: u32, replaces: Option<&str>) -> String {
    let replaces = replaces.map_or_else(String::new, |number| format!(r#""replaces":"{number}","#));
    format!(
        r#"{{"site":"Berlin",{replaces}"selection":{{"catalogue":"pureconnect-4","license_type":"production",
        "machine":{{"host_id":"0050569a1b2c","name":"{machine}"}},
        "items":[{{"part":"{SERVER}","quantity":1}},{{"part":"{AGENTS}","quantity":{agents}}}]}}}}"#
    )
}

async fn certified(store: &Store, mail: &str, role: Role, account: Option<&str>) -> Person {
    let person = person(store, mail, &[role], account).await;
    certifications::enter(store, &person, "pureconnect-4", "2999-12-31", ("ann", NOW)).await.unwrap();
    person
}

/// ACME with a customer's token, and an order that two files can be made of.
async fn ready(store: &Store) -> (Api, String) {
    acme(store).await;
    book(store, &order("SO-1", &[(SERVER, 2), (AGENTS, 50)]), "ann", now(), 1).await.unwrap();
    let carl = certified(store, "carl@acme.example.com", Role::Customer, Some("ACME")).await;
    (Api::of(store), token(store, &carl, &[Scope::Files]).await)
}

#[test]
fn a_license_moves_by_the_api_once_and_so_often_a_year_as_on_the_page() {
    on_both(|store| async move {
        let (api, carl) = ready(&store).await;
        api.done(FILES, &carl, &file("cic1", 20, None), "the first file").await;
        let path = format!("{FILES}/AF-000001/move");
        let to = |id: &str| format!(r#"{{"machine":{{"host_id":"{id}"}},"reason":"a new machine"}}"#);
        let no_key = api.refused(&path, &carl, &to("0050569a1b01"), "").await;
        assert!(no_key.0 == StatusCode::BAD_REQUEST && no_key.1.contains("Idempotency-Key"), "{no_key:?}");
        let moved = api.done(&path, &carl, &to("0050569a1b01"), "move number 1").await;
        assert_eq!(moved["file"], "AF-000002");
        assert_eq!(api.done(&path, &carl, &to("0050569a1b01"), "move number 1").await, moved, "sent twice");
        let other = api.refused(&path, &carl, &to("0050569a1b99"), "move number 1").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "{other:?}");
        let why = to("0050569a1b01").replace("a new machine", "the old one burnt");
        let other = api.refused(&path, &carl, &why, "move number 1").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "the same for another reason: {other:?}");
        let details = api.read(&format!("{FILES}/AF-000002/details"), &carl).await;
        assert_eq!(details["selection"]["machine"]["host_id"], "0050569a1b01");
        assert_eq!(details["selection"]["machine"]["name"], "cic1", "it keeps its name");
        assert_eq!((&details["moves_left"], &details["replaces"]), (&2.into(), &"AF-000001".into()));
        let mut last = moved["file"].clone();
        for number in 2..4 {
            let path = format!("{FILES}/{}/move", last.as_str().unwrap());
            let id = format!("0050569a1b0{number}");
            last = api.done(&path, &carl, &to(&id), &format!("move number {number}")).await["file"].clone();
        }
        let path = format!("{FILES}/{}/move", last.as_str().unwrap());
        let (status, says) = api.refused(&path, &carl, &to("0050569a1b09"), "move number 4").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && says.contains("3 times a year"), "{says}");
        let anna = certified(&store, "anna@example.com", Role::Analyst, None).await;
        let anna = token(&store, &anna, &[Scope::Files]).await;
        let moved = api.done(&path, &anna, &to("0050569a1b09"), "move number 5").await["file"].clone();
        let details = api.read(&format!("{FILES}/{}/details", moved.as_str().unwrap()), &anna).await;
        assert!(details["moves_left"].is_null(), "the staff moves as often as needed: {details}");
    });
}

#[test]
fn a_deactivation_names_its_file_which_is_looked_at_like_others() {
    on_both(|store| async move {
        let (api, carl) = ready(&store).await;
        api.done(FILES, &carl, &file("cic1", 20, None), "the first file").await;
        let details = api.read(&format!("{FILES}/AF-000001/details"), &carl).await;
        assert_eq!((&details["active"], &details["used"][AGENTS]), (&true.into(), &20.into()), "{details}");
        assert_eq!(details["bound"], true);
        let counted = details["licenses"].as_array().unwrap().len();
        assert!(counted > 0, "{details}");
        let path = format!("{FILES}/AF-000001/deactivate");
        let ended = api.done(&path, &carl, r#"{"reason":"gone"}"#, "").await;
        assert_eq!(ended["deactivation"], "AF-000002", "{ended}");
        let details = api.read(&format!("{FILES}/AF-000001/details"), &carl).await;
        assert_eq!((&details["ended"], &details["deactivation"]), (&"gone".into(), &"AF-000002".into()));
        let last = api.read(&format!("{FILES}/AF-000002/details"), &carl).await;
        assert_eq!((&last["deactivates"], &last["replaces"]), (&true.into(), &"AF-000001".into()), "{last}");
        let again = api.refused(&path, &carl, r#"{"reason":"gone"}"#, "").await;
        assert_eq!(again.0, StatusCode::CONFLICT, "{again:?}");
    });
}

#[test]
fn every_filter_of_the_list_of_files_is_asked_for_by_its_name_and_nonsense_is_told() {
    on_both(|store| async move {
        let (api, carl) = ready(&store).await;
        api.done(FILES, &carl, &file("zebra", 20, None), "the first file").await;
        api.done(FILES, &carl, &file("ant", 10, None), "the second file").await;
        let numbers = async |query: &str| -> Vec<String> {
            let list = api.read(&format!("{FILES}?{query}"), &carl).await;
            let rows = list["rows"].as_array().unwrap();
            assert_eq!(list["total"], rows.len());
            rows.iter().map(|row| row["machine"].as_str().unwrap().to_owned()).collect()
        };
        let all = ["ant", "zebra"];
        assert_eq!(numbers("").await, all, "the latest first");
        assert_eq!(numbers("sort=machine").await, all);
        assert_eq!(numbers("sort=machine&falling=yes").await, ["zebra", "ant"]);
        assert_eq!(numbers("sort=generated").await, ["zebra", "ant"]);
        for all_of_them in [
            "site=Berlin",
            "from=2020-01-01",
            "until=2999-01-01",
            "active=yes",
            "product=pureconnect-4",
            "type=production",
            "by=carl",
        ] {
            assert_eq!(numbers(all_of_them).await, all, "{all_of_them}");
        }
        for none in [
            "from=2999-01-01",
            "until=2020-01-01",
            "active=no",
            "product=wfo",
            "type=beta",
            "by=dora",
            "page=1&machine=x",
        ] {
            assert!(numbers(none).await.is_empty(), "{none}");
        }
        assert_eq!(numbers("machine=zeb").await, ["zebra"]);
        for (query, says) in [
            ("sort=colour", "`colour` is none of generated"),
            ("active=maybe", "none of yes"),
            ("site=Rome", "no install site"),
        ] {
            let answer = api.get(&format!("{FILES}?{query}"), &carl).await;
            assert!(answer.status.is_client_error() && answer.body.contains(says), "{answer:?}");
        }
    });
}

#[test]
fn a_preview_of_an_update_says_what_changes_and_a_name_that_was_used_for_another_file_is_told() {
    on_both(|store| async move {
        let (api, carl) = ready(&store).await;
        let first = file("cic1", 20, None);
        api.done(FILES, &carl, &first, "the first file").await;
        let preview = file("cic1", 30, Some("AF-000001")).replacen('{', r#"{"preview":true,"#, 1);
        let shown = api.done(FILES, &carl, &preview, "").await;
        let changes = shown["changes"].as_array().unwrap();
        let counted = |change: &&serde_json::Value| {
            change["fields"].as_array().unwrap().iter().any(|field| field["name"] == "count")
        };
        let count = changes.iter().find(counted).unwrap_or_else(|| panic!("{shown}"));
        assert!(
            count["kind"] == "changed" && count["fields"][0]["old"] != count["fields"][0]["new"],
            "{shown}"
        );
        assert_eq!(api.done(FILES, &carl, &first, "the first file").await["file"], "AF-000001");
        for other in [file("cic1", 21, None), file("cic1", 20, Some("AF-000001"))] {
            let (status, says) = api.refused(FILES, &carl, &other, "the first file").await;
            assert!(status == StatusCode::CONFLICT && says.contains("something else"), "{says}");
        }
        let list = api.read(FILES, &carl).await;
        assert_eq!(list["total"], 1, "nothing was made of it: {list}");
    });
}

#[test]
fn software_is_upgraded_once_however_often_it_is_asked_for_and_mirrored() {
    const OLD: &str = "SW-001-3.0-AL02";
    on_both(|store| async move {
        let (api, carl) = ready(&store).await;
        let then = CATALOGUE.replace("retired = true\n", "");
        catalogues::load(&store, "pureconnect-4", &then, ("ann", now() + 1)).await.unwrap();
        book(&store, &order("SO-2", &[(OLD, 35)]), "ann", now(), 2).await.unwrap();
        catalogues::load(&store, "pureconnect-4", CATALOGUE, ("ann", now() + 2)).await.unwrap();
        let path = "/api/v1/accounts/ACME/upgrades";
        let offered = api.read(&format!("{path}?site=Berlin"), &carl).await;
        let of = |offers: &serde_json::Value, number: &str| {
            let found = offers["parts"].as_array().unwrap().iter().find(|part| part["number"] == number);
            found.cloned().unwrap_or_else(|| panic!("{offers}"))
        };
        let old = of(&offered, OLD);
        assert_eq!((&old["to"], &old["quantity"], &old["free"]), (&AGENTS.into(), &35.into(), &35.into()));
        assert!(of(&offered, SERVER)["to"].is_null());
        let ten = format!(
            r#"{{"site":"Berlin","parts":[{{"catalogue":"pureconnect-4","part":"{OLD}","quantity":10}}]}}"#
        );
        for _ in 0..2 {
            let left = api.done(path, &carl, &ten, "ten of them").await;
            assert_eq!(
                (&of(&left, OLD)["quantity"], &of(&left, AGENTS)["quantity"]),
                (&25.into(), &60.into())
            );
        }
        let other = api.refused(path, &carl, &ten.replace("10", "11"), "ten of them").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "{other:?}");
        for neither in [r#"{"site":"Berlin"}"#, &ten.replacen('{', r#"{"mirror":true,"#, 1)] {
            let (status, says) = api.refused(path, &carl, neither, "which of them").await;
            assert!(status == StatusCode::UNPROCESSABLE_ENTITY && says.contains("mirror"), "{says}");
        }
        let too_many = api.refused(path, &carl, &ten.replace("10", "26"), "too many of them").await;
        assert!(too_many.1.contains("25 are available"), "{too_many:?}");
        api.done(path, &carl, r#"{"site":"Berlin","mirror":true}"#, "all of them").await;
        let summary = api.read("/api/v1/accounts/ACME/summary?site=Berlin", &carl).await;
        let new = summary["rows"].as_array().unwrap().iter().find(|row| row["part"] == AGENTS).unwrap();
        assert_eq!((&new["total"], &new["mirrored"]), (&85.into(), &true.into()), "{summary}");
    });
}
