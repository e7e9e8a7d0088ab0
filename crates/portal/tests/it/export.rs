//! Everything that an account owns, as JSON and CSV.

use crate::support::door::{Door, person, visit};
use crate::support::wfo::{KEY, asked, office, ordered, try_it};
use crate::support::{NOW, TODAY, acme, on_both, order};
use axum::http::StatusCode;
use grantor_portal::activation::{Move, move_to};
use grantor_portal::people::Actor;
use grantor_portal::requests::{self, State, attachments, thread};
use grantor_portal::rights::Role;
use grantor_portal::{export, orders};
use serde_json::Value;

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
        assert_eq!(names[..6], ["sites", "people", "orders", "entitlement", "files", "requests"]);
        assert_eq!(names[6..], ["messages", "attachments", "activations", "moves"]);
        let orders = &tables[2].1;
        assert_eq!(orders.lines().count(), 3, "{orders}");
        assert!(orders.contains(",'=ann,"), "no formula for a spreadsheet: {orders}");
    });
}

#[test]
fn what_was_said_attached_activated_and_moved_goes_along_and_what_staff_noted_does_not() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let wanted = Move {
            file: &file,
            to: "FEDCBA9876543210",
            machine: None,
            switchover: None,
            reason: "a new machine",
            request: "m",
        };
        let by = (Actor::House("carl"), TODAY.parse().unwrap(), NOW);
        let moved = move_to(&store, &account, &wanted, None, by).await.unwrap();
        let door = Door::open(&store, false);
        let carl = person(&store, "carl@acme.example", &[Role::Customer], Some("ACME")).await;
        let form = "once=1&reference=ACME&first_name=Ada&last_name=Lovelace&mail=ada%40acme.example&\
                    mail_again=ada%40acme.example&employer=Acme&subject=More&description=We+need+more.";
        let filed = door.post("/request/question", &visit(&store, &carl).await, form).await;
        assert_eq!(filed.status, StatusCode::SEE_OTHER, "{filed:?}");
        let request = requests::find(store.read(), "AFR-0000001").await.unwrap();
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        thread::note(&store, &request, (&anna, "a difficult one"), NOW).await.unwrap();
        thread::answer(&store, &door.house(), &request, (&anna, "You have it."), State::Done, NOW)
            .await
            .unwrap();
        attachments::add(&store, &request, ("plan.txt", b"the plan"), ("ada", NOW)).await.unwrap();
        let all = export::everything(&store, &account, TODAY).await.unwrap();
        let json = all.json().unwrap();
        for there in
            [lrn.as_str(), moved.as_str(), "a new machine", "You have it.", "plan.txt", "FEDCBA9876543210"]
        {
            assert!(json.contains(there), "{there}: {json}");
        }
        assert!(!json.contains("a difficult one"), "{json}");
        let tables = all.tables().unwrap();
        let rows = |name: &str| tables.iter().find(|(of, _)| *of == name).unwrap().1.lines().count() - 1;
        assert_eq!((rows("attachments"), rows("activations"), rows("moves")), (1, 1, 1));
        assert!(rows("messages") >= 1);
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
