//! Accounts are changed by the publisher's staff; and who reaches what of a service provider, its tenants, and whom an order was sold to.

use crate::support::api::{Api, scopes, token};
use crate::support::door::{Door, person, visit};
use crate::support::{CATALOGUE, NOW, acme, on_both, order};
use axum::http::StatusCode;
use grantor_portal::accounts::{self, Account, Change, Kind, NewAccount, edit, whole};
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, catalogues, certifications, log, mails, orders, people, sites};
use serde_json::json;

const BY: (&str, i64) = ("ann", NOW);

async fn account(store: &Store, reference: &str, kind: Kind, parent: Option<&str>) -> Account {
    let new = NewAccount {
        reference: reference.to_owned(),
        name: format!("{reference} Ltd"),
        kind,
        parent: parent.map(str::to_owned),
    };
    accounts::create(store, &new, BY).await.unwrap()
}

fn change(name: &str, kind: Kind, parent: Option<&str>) -> Change {
    Change { name: name.to_owned(), kind, parent: parent.map(str::to_owned) }
}

/// Puts an account under another one, as it is now.
async fn put(store: &Store, account: &Account, parent: Option<&str>) -> Result<(), Failure> {
    let version = whole(store.read(), account).await?.version;
    edit(store, account, &version, &change(&account.name, Kind::EndUser, parent), BY).await.map(|_| ())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

#[test]
fn an_account_is_changed_and_the_log_has_what_it_is_and_what_it_was() {
    on_both(|store| async move {
        account(&store, "PROV", Kind::ServiceProvider, None).await;
        let one = account(&store, "ONE", Kind::EndUser, None).await;
        let before = whole(store.read(), &one).await.unwrap();
        assert_eq!(before.parent, None);
        let wanted = change(" One and All ", Kind::Partner, Some("PROV"));
        let after = edit(&store, &one, &before.version, &wanted, ("ada", NOW)).await.unwrap();
        assert_eq!((after.account.reference.as_str(), after.account.name.as_str()), ("ONE", "One and All"));
        assert_eq!((after.account.kind.as_str(), after.parent.as_deref()), ("partner", Some("PROV")));
        assert_ne!(after.version, before.version);
        let (size, _) = log::head(store.read()).await.unwrap();
        let entry = log::entries(store.read(), size - 1, 1).await.unwrap().pop().unwrap();
        let said: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
        assert_eq!((&said["what"], &said["by"]), (&json!("account changed"), &json!("ada")));
        assert_eq!(said["more"]["was"], json!({"name": "ONE Ltd", "kind": "end-user", "parent": null}));
        assert_eq!((&said["more"]["name"], &said["more"]["parent"]), (&json!("One and All"), &json!("PROV")));

        let late = edit(&store, &one, &before.version, &change("Late", Kind::EndUser, None), BY).await;
        assert_eq!(refusal(late), Refusal::ChangedMeanwhile("ONE".to_owned()));
        for (wrong, field) in [
            (change(" ", Kind::EndUser, None), "name"),
            (change(&"x".repeat(201), Kind::EndUser, None), "name"),
        ] {
            let refused = refusal(edit(&store, &one, &after.version, &wrong, BY).await);
            assert!(matches!(&refused, Refusal::Field { field: named, .. } if *named == field), "{refused}");
        }
        let nowhere = edit(&store, &one, &after.version, &change("x", Kind::EndUser, Some("NO")), BY).await;
        assert_eq!(refusal(nowhere), Refusal::UnknownAccount("NO".to_owned()));
        assert_eq!(whole(store.read(), &one).await.unwrap(), after, "what is refused changes nothing");
        assert_eq!(log::head(store.read()).await.unwrap().0, size, "and is not in the log");
    });
}

#[test]
fn an_account_never_stands_under_itself_however_far_below() {
    on_both(|store| async move {
        let top = account(&store, "TOP", Kind::EndUser, None).await;
        account(&store, "MIDDLE", Kind::EndUser, Some("TOP")).await;
        let low = account(&store, "LOW", Kind::EndUser, Some("MIDDLE")).await;
        for parent in ["TOP", "MIDDLE", "LOW"] {
            let circle = Refusal::Circle { account: "TOP".to_owned(), parent: parent.to_owned() };
            assert_eq!(refusal(put(&store, &top, Some(parent)).await), circle);
        }
        put(&store, &low, Some("TOP")).await.unwrap();
        put(&store, &low, None).await.unwrap();
        put(&store, &top, Some("LOW")).await.unwrap();
    });
}

#[test]
fn two_changes_at_once_that_would_close_a_circle_together_are_one_change_and_one_refusal() {
    on_both(|store| async move {
        for round in 0..5 {
            let one = account(&store, &format!("A{round}"), Kind::EndUser, None).await;
            let other = account(&store, &format!("B{round}"), Kind::EndUser, None).await;
            let both = tokio::join!(
                put(&store, &one, Some(&other.reference)),
                put(&store, &other, Some(&one.reference))
            );
            let refused: Vec<Refusal> =
                [both.0, both.1].into_iter().filter(Result::is_err).map(refusal).collect();
            assert!(matches!(refused[..], [Refusal::Circle { .. }]), "{refused:?}");
        }
    });
}

#[test]
fn staff_changes_an_account_by_page_and_by_api_and_nobody_of_the_account_learns_what_is_above_it() {
    on_both(|store| async move {
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        account(&store, "PROV", Kind::ServiceProvider, None).await;
        acme(&store).await;
        let otto = person(&store, "otto@example.com", &[Role::Orders], None).await;
        let carl = person(&store, "carl@example.com", &[Role::Customer], Some("ACME")).await;
        let (cookie, all) = (visit(&store, &otto).await, token(&store, &otto, &scopes(&otto)).await);

        let shown = door.get("/accounts/ACME/edit", &cookie).await.body;
        let version = shown.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let wrong = format!("version={version}&name=Acme&kind=end-user&parent=acme");
        let refused = door.post("/accounts/ACME/edit", &cookie, &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            refused.body.contains("no account with the reference number")
                && refused.body.contains("value=\"acme\""),
            "{}",
            refused.body
        );
        let right = format!("version={version}&name=Acme+Service&kind=service-provider&parent=PROV");
        let done = door.post("/accounts/ACME/edit", &cookie, &right).await;
        assert_eq!(done.location, "/accounts/ACME/edit?done=changed", "{}", done.body);
        assert!(door.get("/accounts/PROV/edit", &cookie).await.body.contains("Acme Service"));
        let again = door.post("/accounts/ACME/edit", &cookie, &right).await;
        assert!(again.body.contains("changed by somebody else"), "{}", again.body);

        let known = api.read("/api/v1/accounts/ACME", &all).await;
        assert_eq!((&known["name"], &known["parent"]), (&json!("Acme Service"), &json!("PROV")));
        let body = |parent: &str, version: &serde_json::Value| {
            json!({ "name": "Acme", "kind": "end-user", "parent": parent, "version": version }).to_string()
        };
        let circle = api.refused("/api/v1/accounts/ACME", &all, &body("ACME", &known["version"]), "").await;
        assert!(
            circle.0 == StatusCode::UNPROCESSABLE_ENTITY && circle.1.contains("can't stand under"),
            "{circle:?}"
        );
        let stale = api.refused("/api/v1/accounts/ACME", &all, &body("PROV", &json!("old")), "").await;
        assert_eq!(stale.0, StatusCode::CONFLICT);
        let made = api.done("/api/v1/accounts/ACME", &all, &body("PROV", &known["version"]), "").await;
        assert_eq!((&made["name"], &made["reference"]), (&json!("Acme"), &json!("ACME")));
        let under = api.read("/api/v1/accounts/PROV/under", &all).await;
        assert_eq!((&under["total"], &under["rows"][0]["reference"]), (&json!(1), &json!("ACME")));

        let own = token(&store, &carl, &scopes(&carl)).await;
        let seen = api.read("/api/v1/accounts/ACME", &own).await;
        assert_eq!(seen, json!({ "reference": "ACME", "name": "Acme", "kind": "end-user" }));
        assert!(!door.get("/accounts/ACME", &visit(&store, &carl).await).await.body.contains("/edit"));
    });
}

/// A service provider with two tenants, and another one with one; each tenant has a site, an order and somebody certified.
async fn providers(store: &Store) {
    catalogues::load(store, "pureconnect-4", CATALOGUE, BY).await.unwrap();
    for provider in ["PROV", "OTHER"] {
        account(store, provider, Kind::ServiceProvider, None).await;
    }
    for (at, (tenant, provider)) in (1..).zip([("T-ONE", "PROV"), ("T-TWO", "PROV"), ("T-ELSE", "OTHER")]) {
        let account = account(store, tenant, Kind::EndUser, Some(provider)).await;
        let details = sites::Details { name: "Berlin".to_owned(), ..sites::Details::default() };
        sites::create(store, &account, &details, BY).await.unwrap();
        let bought = orders::NewOrder {
            account: tenant.to_owned(),
            ..order(&format!("SO-{tenant}"), &[("SW-001-4.0-SL03", 1), ("SW-001-4.0-AL02", 20)])
        };
        orders::book(store, &bought, "ann", NOW, at).await.unwrap();
    }
}

const FILE: &str = r#"{"site":"Berlin","selection":{"catalogue":"pureconnect-4","license_type":"production","machine":{"host_id":"0050569a1b2c","name":"cic1"},"items":[{"part":"SW-001-4.0-SL03","quantity":1},{"part":"SW-001-4.0-AL02","quantity":5}]}}"#;

#[test]
fn a_service_providers_people_look_after_its_tenants_and_no_others() {
    on_both(|store| async move {
        providers(&store).await;
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        let pia = person(&store, "pia@example.com", &[Role::Customer], Some("PROV")).await;
        certifications::enter(&store, &pia, "pureconnect-4", "2999-12-31", BY).await.unwrap();
        let (cookie, own) = (visit(&store, &pia).await, token(&store, &pia, &scopes(&pia)).await);
        let list = api.read("/api/v1/accounts", &own).await;
        let references: Vec<&str> =
            list["rows"].as_array().unwrap().iter().map(|row| row["reference"].as_str().unwrap()).collect();
        assert_eq!(references, ["PROV", "T-ONE", "T-TWO"]);

        // Of its tenants: everything that their own people may.
        for tenant in ["T-ONE", "T-TWO"] {
            let at = |rest: &str| format!("/api/v1/accounts/{tenant}{rest}");
            let owned = api.read(&at("/summary"), &own).await;
            assert_eq!(owned["total"], json!(2), "{owned}");
            api.done(&at("/sites"), &own, r#"{"name":"Bonn"}"#, "").await;
            let file = api.done(&at("/files"), &own, FILE, &format!("a file of {tenant}")).await;
            let file = file["file"].as_str().unwrap().to_owned();
            assert!(api.read(&at("/files"), &own).await["rows"].to_string().contains(&file));
            assert!(
                door.get(&format!("/accounts/{tenant}/orders/SO-{tenant}"), &cookie)
                    .await
                    .body
                    .contains("LRN-")
            );
            api.done(&at(&format!("/files/{file}/deactivate")), &own, r#"{"reason":"it closed"}"#, "").await;
        }
        // Of others', and of itself what is the publisher's alone: nothing.
        for path in ["", "/summary", "/files", "/orders", "/orders/SO-T-ELSE", "/requests", "/under"] {
            let answer = api.get(&format!("/api/v1/accounts/T-ELSE{path}"), &own).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
            assert!(!answer.body.contains("LRN-"), "{answer:?}");
        }
        assert_eq!(
            api.post("/api/v1/accounts/T-ELSE/sites", &own, r#"{"name":"Bonn"}"#).await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(door.get("/accounts/T-ONE/edit", &cookie).await.status, StatusCode::FORBIDDEN);
        assert_eq!(door.get("/accounts/T-ELSE/edit", &cookie).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_tenants_people_reach_neither_their_provider_nor_its_other_tenants() {
    on_both(|store| async move {
        providers(&store).await;
        let door = Door::open(&store, false);
        let tina = person(&store, "tina@example.com", &[Role::Customer], Some("T-ONE")).await;
        let cookie = visit(&store, &tina).await;
        assert_eq!(door.get("/accounts", &cookie).await.location, "/accounts/T-ONE", "it is the only one");
        for other in ["PROV", "T-TWO", "T-ELSE", "OTHER"] {
            assert_eq!(door.get(&format!("/accounts/{other}"), &cookie).await.status, StatusCode::NOT_FOUND);
        }
    });
}

#[test]
fn a_tenant_that_goes_to_another_provider_is_reached_by_that_ones_people_from_then_on() {
    on_both(|store| async move {
        providers(&store).await;
        let pia = person(&store, "pia@example.com", &[Role::Customer], Some("PROV")).await;
        let otis = person(&store, "otis@example.com", &[Role::Customer], Some("OTHER")).await;
        let one = accounts::find(store.read(), "T-ONE").await.unwrap();
        let reach = async |who| people::reached(store.read(), who, "T-ONE").await.is_ok();
        assert_eq!((reach(&pia).await, reach(&otis).await), (true, false));
        put(&store, &one, Some("OTHER")).await.unwrap();
        assert_eq!((reach(&pia).await, reach(&otis).await), (false, true));
        put(&store, &one, None).await.unwrap();
        assert_eq!((reach(&pia).await, reach(&otis).await), (false, false));
    });
}

#[test]
fn the_letter_of_a_tenant_without_people_goes_to_its_provider_and_to_no_other() {
    on_both(|store| async move {
        providers(&store).await;
        person(&store, "pia@example.com", &[Role::Customer], Some("PROV")).await;
        person(&store, "otis@example.com", &[Role::Customer], Some("OTHER")).await;
        let one = accounts::find(store.read(), "T-ONE").await.unwrap();
        let to = orders::send_letter(&store, &one, "SO-T-ONE", BY).await.unwrap();
        assert_eq!(to, ["pia@example.com"]);
        person(&store, "tina@example.com", &[Role::Customer], Some("T-ONE")).await;
        let to = orders::send_letter(&store, &one, "SO-T-ONE", BY).await.unwrap();
        assert_eq!(to, ["tina@example.com"], "as soon as it has people of its own, to them");
    });
}

#[test]
fn whom_an_order_was_sold_to_is_named_and_reaches_nothing_of_whoever_uses_it() {
    on_both(|store| async move {
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        let (user, _) = acme(&store).await;
        account(&store, "PAYER", Kind::SoldTo, None).await;
        let paula = person(&store, "paula@example.com", &[Role::Customer], Some("PAYER")).await;
        let carl = person(&store, "carl@example.com", &[Role::Customer], Some("ACME")).await;
        let bought = orders::NewOrder {
            sold_to: Some("PAYER".to_owned()),
            ..order("SO-1", &[("SW-001-4.0-AL02", 5)])
        };
        orders::book(&store, &bought, "ann", NOW, 1).await.unwrap();
        let letters = mails::list(&store, 0, 50).await.unwrap().1;
        let letters: Vec<&str> = letters
            .iter()
            .filter(|mail| mail.body.contains("LRN-"))
            .map(|mail| mail.recipient.as_str())
            .collect();
        assert_eq!(letters, ["carl@example.com"], "the letter is for whoever uses it");
        let shown = door.get("/accounts/ACME/software", &visit(&store, &carl).await).await.body;
        assert!(shown.contains("PAYER Ltd"), "{shown}");

        let (cookie, own) = (visit(&store, &paula).await, token(&store, &paula, &scopes(&paula)).await);
        let list = api.read("/api/v1/accounts/PAYER/orders", &own).await;
        assert_eq!(list["total"], json!(0), "its own tab has what it uses itself");
        assert_eq!(api.read("/api/v1/accounts/PAYER/summary", &own).await["total"], json!(0));
        for path in ["/accounts/ACME", "/accounts/ACME/orders/SO-1", "/accounts/PAYER/orders/SO-1"] {
            let answer = door.get(path, &cookie).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(!answer.body.contains("LRN-"), "{answer:?}");
        }
        // Where the user's account stands under it, it is reached as any other is from above.
        put(&store, &user, Some("PAYER")).await.unwrap();
        assert_eq!(door.get("/accounts/ACME/orders/SO-1", &cookie).await.status, StatusCode::OK);
    });
}
