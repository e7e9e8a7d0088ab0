//! The portal's API: tokens with scopes, and the same rules as on the pages.

use std::collections::BTreeSet;

use crate::support::api::{Api, scopes, token};
use crate::support::door::{Door, now, person};
use crate::support::gates::{PROGRAMS, filled};
use crate::support::{NOW, acme, on_both};
use axum::http::{Method, StatusCode};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::certifications;
use grantor_portal::http::{Need, routes};
use grantor_portal::people::{Details, edit};
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::tokens::{self, Scope};
use grantor_web::cookie::Secret;

const ORDER: &str = r#"{"number":"SO-1","account":"ACME","site":"Berlin","lines":[
    {"catalogue":"pureconnect-4","part":"SW-001-4.0-SL03","quantity":1},
    {"catalogue":"pureconnect-4","part":"SW-001-4.0-AL02","quantity":50}]}"#;
const FILE: &str = r#"{"site":"Berlin","selection":{"catalogue":"pureconnect-4","license_type":"production",
    "machine":{"host_id":"0050569a1b2c","name":"cic1"},
    "items":[{"part":"SW-001-4.0-SL03","quantity":1},{"part":"SW-001-4.0-AL02","quantity":20}]}}"#;

#[test]
fn the_description_has_every_route_of_the_api_and_no_other() {
    on_both(|store| async move {
        let answer = Door::open(&store, false).get("/api/v1/openapi.json", "").await;
        let described: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let of = |(path, all): (&String, &serde_json::Value)| {
            let methods = all.as_object().unwrap().keys().map(|method| method.to_uppercase());
            methods.map(|method| format!("{method} {path}")).collect::<Vec<_>>()
        };
        let described: BTreeSet<String> =
            described["paths"].as_object().unwrap().iter().flat_map(of).collect();
        let api = |path: &str| path.starts_with("/api/") && path != "/api/v1/openapi.json";
        let routes = routes().into_iter().filter(|route| api(route.path));
        let routes: BTreeSet<String> =
            routes.map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(described, routes);
        assert!(
            answer.body.contains("\"bearer\"") && answer.body.contains("license_type"),
            "{}",
            answer.body
        );
    });
}

#[test]
fn an_order_is_booked_and_a_file_made_once_however_often_they_are_sent() {
    on_both(|store| async move {
        acme(&store).await;
        let api = Api::of(&store);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        certifications::enter(&store, &admin, "pureconnect-4", "2999-12-31", ("ann", NOW)).await.unwrap();
        let all = token(&store, &admin, &Scope::ALL).await;
        assert_eq!(api.post("/api/v1/orders", &all, ORDER).await.status, StatusCode::CREATED);
        assert_eq!(api.post("/api/v1/orders", &all, ORDER).await.status, StatusCode::OK);
        let other = api.post("/api/v1/orders", &all, &ORDER.replace("50", "51")).await;
        assert_eq!(other.status, StatusCode::CONFLICT);
        assert!(other.body.contains("\"hint\""), "{other:?}");
        let files = "/api/v1/accounts/ACME/files";
        let first = api.post(files, &all, FILE).await;
        assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
        assert_eq!(api.post(files, &all, FILE).await.body, first.body);
        let no_key = api.ask(Method::POST, files, &all, FILE, "").await;
        assert!(
            no_key.status == StatusCode::BAD_REQUEST && no_key.body.contains("Idempotency-Key"),
            "{no_key:?}"
        );
        let preview = api.post(files, &all, &FILE.replacen('{', "{\"preview\":true,", 1)).await;
        assert!(preview.status.is_client_error() && preview.body.contains("0 are available"), "{preview:?}");
        let listed = api.get(files, &all).await;
        assert!(listed.body.contains("\"total\":1") && listed.body.contains("AF-000001"), "{listed:?}");
        let ended = api.post(&format!("{files}/AF-000001/deactivate"), &all, r#"{"reason":"gone"}"#).await;
        assert_eq!(ended.status, StatusCode::OK, "{ended:?}");
        let summary = api.get("/api/v1/accounts/ACME/summary", &all).await;
        assert!(summary.body.contains("\"available\":50"), "{summary:?}");
    });
}

#[test]
fn a_token_does_what_its_person_may_and_its_scopes_say_and_nothing_else() {
    on_both(|store| async move {
        acme(&store).await;
        let api = Api::of(&store);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let (read, all) =
            (token(&store, &admin, &[Scope::Read]).await, token(&store, &carl, &scopes(&carl)).await);
        assert_eq!(api.get("/api/v1/accounts", &read).await.status, StatusCode::OK);
        assert_eq!(api.post("/api/v1/orders", &read, ORDER).await.status, StatusCode::FORBIDDEN);
        assert_eq!(api.post("/api/v1/accounts/ACME/files", &read, FILE).await.status, StatusCode::FORBIDDEN);
        assert_eq!(api.post("/api/v1/orders", &all, ORDER).await.status, StatusCode::FORBIDDEN, "a customer");
        assert_eq!(api.get("/api/v1/accounts/ELSE/summary", &all).await.status, StatusCode::NOT_FOUND);
        assert_eq!(api.get("/api/v1/accounts/ACME/summary", &all).await.status, StatusCode::OK);
        let details = Details {
            name: carl.name.clone(),
            roles: carl.roles.clone(),
            account: Some("ACME".to_owned()),
            active: false,
        };
        edit(&store, &carl, &details, ("ann", NOW)).await.unwrap();
        assert_eq!(api.get("/api/v1/accounts/ACME/summary", &all).await.status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn without_a_token_that_counts_nothing_is_told() {
    on_both(|store| async move {
        acme(&store).await;
        let api = Api::of(&store);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let gone = token(&store, &admin, &Scope::ALL).await;
        let id = tokens::list(&store, &admin).await.unwrap()[0].id;
        tokens::remove(&store, &admin, id, NOW).await.unwrap();
        let old = Secret::new("grp_").unwrap();
        let long_ago = now() - 31 * 24 * 3_600_000;
        tokens::make(&store, &admin, ("old", &BTreeSet::from(Scope::ALL)), &old.hash(), 30, long_ago)
            .await
            .unwrap();
        let of_tokens = routes().into_iter().filter(|route| route.need == Need::Token);
        let mut count = 0;
        for route in of_tokens {
            let path = filled(route.path);
            for token in ["", "grp_made_up", gone.as_str(), old.text()] {
                let answer = api.ask(route.method.clone(), &path, token, "{}", "a request's key").await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {answer:?}");
                assert!(!answer.body.contains("Acme"), "{answer:?}");
            }
            count += 1;
        }
        assert_eq!(count, PROGRAMS.len());
    });
}

const REQUEST: &str = r#"{"kind":"publisher","urgent":true,"fields":{"employer":"Acme","subject":"The host broke",
    "description":"A new mainboard.","reason":"The centre is down.","type":"Change of host"}}"#;

/// An account under ACME.
async fn below(store: &Store) {
    let below = NewAccount {
        reference: "BELOW".to_owned(),
        name: "Below".to_owned(),
        kind: Kind::EndUser,
        parent: Some("ACME".to_owned()),
    };
    accounts::create(store, &below, ("ann", NOW)).await.unwrap();
}

#[test]
fn a_request_is_filed_read_and_answered_by_programs_once_however_often_they_ask() {
    on_both(|store| async move {
        acme(&store).await;
        let api = Api::of(&store);
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let (carl, anna) =
            (token(&store, &carl, &scopes(&carl)).await, token(&store, &anna, &scopes(&anna)).await);
        let of_acme = "/api/v1/accounts/ACME/requests";
        let first = api.post(of_acme, &carl, REQUEST).await;
        assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
        assert!(
            first.body.contains("carl@acme.example.com") && first.body.contains("AFR-0000001"),
            "{first:?}"
        );
        let again = api.post(of_acme, &carl, REQUEST).await;
        assert!(again.status == StatusCode::OK && again.body == first.body, "{again:?}");
        let wrong = api
            .ask(Method::POST, of_acme, &carl, &REQUEST.replace("Change of host", "?"), "another key")
            .await;
        assert!(
            wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.body.contains("type: "),
            "{wrong:?}"
        );
        below(&store).await;
        // Another process, as one takes few requests a minute.
        let other = Api::of(&store).post("/api/v1/accounts/BELOW/requests", &carl, REQUEST).await;
        assert_eq!(other.status, StatusCode::CONFLICT, "the same for another account: {other:?}");
        // The staff: the queue, a note, an answer, twice.
        let queue = api.get("/api/v1/requests?which=unassigned", &anna).await;
        assert!(
            queue.body.contains("\"total\":1") && queue.body.contains("\"account\":\"ACME\""),
            "{queue:?}"
        );
        let one = "/api/v1/requests/AFR-0000001";
        let taken = api.post(&format!("{one}/change"), &anna, r#"{"assignee":"anna@example.com"}"#).await;
        assert!(
            taken.status == StatusCode::OK && taken.body.contains("\"assignee\":\"anna@example.com\""),
            "{taken:?}"
        );
        let note = api.post(&format!("{one}/note"), &anna, r#"{"message":"a good customer"}"#).await;
        assert!(note.body.contains("a good customer"), "{note:?}");
        for _ in 0..2 {
            let answer = api.post(&format!("{one}/answer"), &anna, r#"{"message":"Which mainboard?"}"#).await;
            assert!(
                answer.status == StatusCode::OK && answer.body.contains("\"state\":\"waiting\""),
                "{answer:?}"
            );
            assert_eq!(answer.body.matches("Which mainboard?").count(), 1, "{answer:?}");
        }
        for other in [r#"{"message":"Which mainboard?","done":true}"#, r#"{"message":"Which one?"}"#] {
            let reused = api.post(&format!("{one}/answer"), &anna, other).await;
            assert_eq!(reused.status, StatusCode::CONFLICT, "{reused:?}");
        }
        // The customer reads the answer and not the note, and replies.
        let read = api.get(&format!("{of_acme}/AFR-0000001"), &carl).await;
        assert!(read.body.contains("Which mainboard?") && !read.body.contains("a good customer"), "{read:?}");
        for _ in 0..2 {
            let reply = format!("{of_acme}/AFR-0000001/reply");
            let reply = api.post(&reply, &carl, r#"{"message":"The second."}"#).await;
            assert!(reply.body.contains("\"state\":\"open\""), "{reply:?}");
            assert_eq!(reply.body.matches("The second.").count(), 1, "{reply:?}");
        }
        let done = api.post(&format!("{one}/change"), &anna, r#"{"state":"done","account":""}"#).await;
        assert!(
            done.body.contains("\"state\":\"done\"") && done.body.contains("\"account\":null"),
            "{done:?}"
        );
        let gone = api.get(&format!("{of_acme}/AFR-0000001"), &carl).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "it is nobody's that carl reaches any more");
    });
}

#[test]
fn a_token_without_the_scope_reads_requests_and_files_and_answers_none() {
    on_both(|store| async move {
        acme(&store).await;
        let api = Api::of(&store);
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let few = [Scope::Read, Scope::Files, Scope::Orders];
        let token = token(&store, &anna, &few).await;
        let of_acme = "/api/v1/accounts/ACME/requests";
        assert_eq!(api.get(of_acme, &token).await.status, StatusCode::OK);
        assert_eq!(api.post(of_acme, &token, REQUEST).await.status, StatusCode::FORBIDDEN);
        for path in ["/api/v1/requests/AFR-0000001/answer", "/api/v1/requests/AFR-0000001/note"] {
            assert_eq!(api.post(path, &token, r#"{"message":"x"}"#).await.status, StatusCode::FORBIDDEN);
        }
        assert_eq!(api.get("/api/v1/requests", &token).await.status, StatusCode::FORBIDDEN);
    });
}
