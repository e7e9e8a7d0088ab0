//! The publisher's own house by the API: catalogues, people, webhooks, mail and the log; attachments and saved filters.

use crate::support::api::{Api, good, scopes, token};
use crate::support::door::{now, person, visit};
use crate::support::{CATALOGUE, acme, on_both};
use axum::http::{Method, StatusCode};
use grantor_portal::rights::Role;
use grantor_portal::tokens::{self, Scope};
use grantor_portal::{Failure, Refusal, people};

#[test]
fn a_catalogue_is_loaded_and_read_and_every_mistake_of_one_is_told() {
    on_both(|store| async move {
        let cora = person(&store, "cora@example.com", &[Role::Catalogue], None).await;
        let cora = token(&store, &cora, &[Scope::Catalogues]).await;
        let (api, path) = (Api::of(&store), "/api/v1/catalogues/pureconnect-4");
        assert_eq!(api.get(path, &cora).await.status, StatusCode::NOT_FOUND);
        let loaded = api.done(path, &cora, CATALOGUE, "").await;
        assert_eq!(loaded["name"], "pureconnect-4");
        let read = api.read(path, &cora).await;
        let part = read["parts"].as_array().unwrap().iter().find(|part| part["number"] == "SW-001-3.0-AL02");
        assert!(
            part.unwrap()["retired"] == true && part.unwrap()["upgrades_to"] == "SW-001-4.0-AL02",
            "{part:?}"
        );
        assert_eq!(api.read("/api/v1/catalogues", &cora).await[0]["edition"], loaded["edition"]);
        let wrong = CATALOGUE.replace("upgrades_to = ", "upgrade_to = ");
        let (status, says) = api.refused(path, &cora, &wrong, "").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && says.contains("upgrade_to"), "{says}");
        let name = api.refused("/api/v1/catalogues/Pure%20Connect", &cora, CATALOGUE, "").await;
        assert!(name.1.starts_with("name: "), "{name:?}");
    });
}

#[test]
fn people_are_invited_changed_certified_and_their_visits_ended_by_a_token_that_is_for_it() {
    on_both(|store| async move {
        acme(&store).await;
        let ada = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let few =
            token(&store, &ada, &[Scope::Read, Scope::Files, Scope::Orders, Scope::Requests, Scope::Log])
                .await;
        let all = token(&store, &ada, &[Scope::People]).await;
        let (api, path) = (Api::of(&store), "/api/v1/people");
        assert_eq!(api.get(path, &few).await.status, StatusCode::FORBIDDEN, "another scope");
        let dora = r#"{"mail":"dora@acme.test","name":"Dora","roles":["customer"],"account":"ACME"}"#;
        let made = api.done(path, &all, dora, "").await;
        assert_eq!((&made["account"], &made["has_password"]), (&"ACME".into(), &false.into()), "{made}");
        assert!(api.refused(path, &all, dora, "").await.1.contains("dora@acme.test"), "twice");
        let found = api.read(&format!("{path}?text=dora"), &all).await;
        assert_eq!((&found["total"], &found["rows"][0]["id"]), (&1.into(), &made["id"]));
        let one = format!("{path}/{}", made["id"]);
        let body = r#"{"product":"pureconnect-4","last_day":"2999-12-31"}"#;
        let certified = api.done(&format!("{one}/certifications"), &all, body, "").await;
        assert_eq!(certified["certifications"]["pureconnect-4"], "2999-12-31");
        api.done(&format!("{one}/link"), &all, "", "").await;
        let dora = people::by_mail(store.read(), "dora@acme.test").await.unwrap();
        let cookie = visit(&store, &dora).await;
        visit(&store, &dora).await;
        let visits = api.read(&one, &all).await["visits"].clone();
        assert_eq!(visits.as_array().unwrap().len(), 2);
        let name = visits[0]["name"].as_str().unwrap();
        let left = api.done(&format!("{one}/visits/{name}/end"), &all, "", "").await;
        assert_eq!(left["visits"].as_array().unwrap().len(), 1);
        let none = api.done(&format!("{one}/visits/end"), &all, "", "").await;
        assert!(none["visits"].as_array().unwrap().is_empty(), "{none}");
        assert!(api.door.get("/accounts", &cookie).await.location.starts_with("/sign-in"));
        let off = r#"{"name":"Dora","roles":["auditor"],"account":"ACME","active":false,"version":1}"#;
        let changed = api.done(&one, &all, off, "").await;
        assert_eq!(
            (&changed["active"], &changed["roles"][0]),
            (&false.into(), &"auditor".into()),
            "{changed}"
        );
        assert_eq!(api.refused(&one, &all, off, "").await.0, StatusCode::CONFLICT, "changed since");
    });
}

#[test]
fn no_program_makes_an_administrator_or_ends_the_one_that_it_acts_for() {
    on_both(|store| async move {
        let ada = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let (api, all) = (Api::of(&store), token(&store, &ada, &[Scope::People]).await);
        let eve = r#"{"mail":"eve@example.com","name":"Eve","roles":["administrator"]}"#;
        let (status, says) = api.refused("/api/v1/people", &all, eve, "").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && says.contains("on the page"), "{says}");
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let raised = format!(
            r#"{{"name":"Anna","roles":["administrator"],"active":true,"version":{}}}"#,
            anna.version
        );
        let refused = api.refused(&format!("/api/v1/people/{}", anna.id), &all, &raised, "").await;
        assert_eq!(refused.0, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
        let own = format!("/api/v1/people/{}", ada.id);
        let renamed = format!(
            r#"{{"name":"Ada L.","roles":["administrator"],"active":true,"version":{}}}"#,
            ada.version
        );
        let changed = api.done(&own, &all, &renamed, "").await;
        assert_eq!(changed["name"], "Ada L.", "who is one stays one");
        let less =
            format!(r#"{{"name":"Ada","roles":["analyst"],"active":true,"version":{}}}"#, changed["version"]);
        assert!(api.refused(&own, &all, &less, "").await.1.contains("your own"));
        let hash = grantor_web::cookie::Secret::new("grp_").unwrap().hash();
        let scopes = [Scope::People].into();
        let refused = tokens::make(&store, &anna, ("x", &scopes), &hash, 30, now()).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused(Refusal::Field { field: "scopes", .. })), "{refused:?}");
    });
}

#[test]
fn a_webhook_is_added_once_with_its_secret_shown_once_tried_again_and_removed() {
    on_both(|store| async move {
        let ada = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let (api, all) = (Api::of(&store), token(&store, &ada, &[Scope::People]).await);
        let path = "/api/v1/hooks";
        let hook = r#"{"address":"https://erp.example.com/hook","events":["order booked"]}"#;
        let added = api.ask(Method::POST, path, &all, hook, "the ERP's hook").await;
        assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
        let added = good(added);
        assert!(added["secret"].as_str().unwrap().starts_with("whsec_"), "{added}");
        let again = api.ask(Method::POST, path, &all, hook, "the ERP's hook").await;
        assert_eq!(again.status, StatusCode::OK);
        let again = good(again);
        assert!(again["id"] == added["id"] && again["secret"].is_null(), "{again}");
        let other = api.refused(path, &all, &hook.replace("erp", "crm"), "the ERP's hook").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "{other:?}");
        let unknown = api.refused(path, &all, &hook.replace("booked", "lost"), "another hook").await;
        assert!(unknown.1.contains("order lost"), "{unknown:?}");
        let listed = api.read(path, &all).await;
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert!(!listed.to_string().contains("whsec"), "{listed}");
        let one = format!("{path}/{}", added["id"]);
        assert_eq!(api.done(&format!("{one}/resume"), &all, "", "").await["active"], true);
        let gone = api.post(&format!("{one}/remove"), &all, "").await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        assert_eq!(api.post(&format!("{one}/remove"), &all, "").await.status, StatusCode::NOT_FOUND);
        let mail = api.read("/api/v1/mail", &all).await;
        assert!(mail["rows"][0]["recipient"] == "ada@example.com", "{mail}");
        assert!(!mail.to_string().contains("grl_"), "no link that signs in: {mail}");
    });
}

#[test]
fn the_log_is_looked_through_by_programs_that_may_read_it() {
    on_both(|store| async move {
        acme(&store).await;
        let ada = person(&store, "ada@example.com", &[Role::Auditor], None).await;
        let (api, log) = (Api::of(&store), token(&store, &ada, &[Scope::Log]).await);
        let all = api.read("/api/v1/log", &log).await;
        let size = all["size"].as_u64().unwrap();
        assert_eq!(
            (all["rows"].as_array().unwrap().len() as u64, &all["rows"][0]["position"]),
            (size, &(size - 1).into())
        );
        let found = api.read("/api/v1/log?who=ann&what=site+created&about=berlin", &log).await;
        assert_eq!(found["rows"].as_array().unwrap().len(), 1, "{found}");
        assert_eq!(found["rows"][0]["entry"]["more"]["account"], "ACME");
        let before = api.read(&format!("/api/v1/log?before={}", found["rows"][0]["position"]), &log).await;
        assert!(before["rows"][0]["position"].as_u64() < found["rows"][0]["position"].as_u64(), "{before}");
        let export = api.get("/api/v1/log/export", &log).await;
        assert!(export.status == StatusCode::BAD_REQUEST && export.body.contains("no signer"), "{export:?}");
        let read = token(&store, &ada, &[Scope::Read]).await;
        assert_eq!(api.get("/api/v1/log", &read).await.status, StatusCode::FORBIDDEN);
    });
}

const REQUEST: &str = r#"{"kind":"publisher","urgent":false,"fields":{"employer":"Acme","subject":"The host broke",
    "description":"A new mainboard.","type":"Change of host"}}"#;

#[test]
fn a_file_is_attached_to_a_request_once_and_given_back_to_whoever_reaches_it() {
    on_both(|store| async move {
        acme(&store).await;
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let (carl, anna) =
            (token(&store, &carl, &scopes(&carl)).await, token(&store, &anna, &scopes(&anna)).await);
        let (api, requests) = (Api::of(&store), "/api/v1/accounts/ACME/requests");
        api.done(requests, &carl, REQUEST, "the first request").await;
        let other = REQUEST.replace("broke", "burns");
        assert_eq!(api.refused(requests, &carl, &other, "the first request").await.0, StatusCode::CONFLICT);
        let (own, any) = (format!("{requests}/AFR-0000001"), "/api/v1/requests/AFR-0000001");
        let path = format!("{own}/attachments?name=host.txt");
        let added = api.done(&path, &carl, "SERVER this_host", "the host's file").await;
        assert_eq!((&added["name"], &added["kind"]), (&"host.txt".into(), &"text/plain".into()));
        assert_eq!(api.done(&path, &carl, "SERVER this_host", "the host's file").await, added);
        let other = api.refused(&path, &carl, "SERVER that_host", "the host's file").await;
        assert_eq!(other.0, StatusCode::CONFLICT, "{other:?}");
        let program = api.refused(&path, &carl, "#!/bin/sh\nrm -rf /\n", "a program's file").await;
        assert!(program.1.starts_with("file: "), "{program:?}");
        for (at, who) in [(own.as_str(), &carl), (any, &anna)] {
            let whole = api.read(at, who).await;
            assert_eq!(whole["attachments"][0]["id"], added["id"], "{whole}");
            let file = api.get(&format!("{at}/attachments/{}", added["id"]), who).await;
            assert_eq!(
                (file.body.as_str(), file.kind.as_str()),
                ("SERVER this_host", "application/octet-stream")
            );
        }
        let from_staff = format!("{any}/attachments?name=answer.txt");
        api.done(&from_staff, &anna, "load this", "the answer's file").await;
        assert_eq!(api.read(&own, &carl).await["attachments"].as_array().unwrap().len(), 2);
        for odd in ["x", "99999999999999999999"] {
            let nowhere = api.get(&format!("{own}/attachments/{odd}"), &carl).await;
            assert_eq!(
                (nowhere.status, nowhere.kind.as_str()),
                (StatusCode::NOT_FOUND, "application/problem+json")
            );
        }
        let nobody = api.get(&format!("{own}/attachments/999"), &carl).await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND);
        for (name, says) in [("Said once.", true), ("Said otherwise.", false)] {
            let body = format!(r#"{{"message":"{name}"}}"#);
            let reply = api.ask(Method::POST, &format!("{own}/reply"), &carl, &body, "a reply's name").await;
            assert_eq!(reply.status.is_success(), says, "{reply:?}");
        }
    });
}

#[test]
fn saved_filters_are_ones_own() {
    on_both(|store| async move {
        acme(&store).await;
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let (carl, anna) =
            (token(&store, &carl, &scopes(&carl)).await, token(&store, &anna, &scopes(&anna)).await);
        let (api, path) = (Api::of(&store), "/api/v1/me/filters");
        let saved = api.done(path, &carl, r#"{"name":"all","query":"?active=all"}"#, "").await;
        assert_eq!(saved[0]["query"], "?active=all");
        assert!(api.read(path, &anna).await.as_array().unwrap().is_empty());
        let remove = format!("{path}/{}/remove", saved[0]["id"]);
        assert_eq!(api.post(&remove, &anna, "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(api.read(path, &carl).await.as_array().unwrap().len(), 1, "nobody else's is removed");
        api.post(&remove, &carl, "").await;
        assert!(api.read(path, &carl).await.as_array().unwrap().is_empty());
    });
}
