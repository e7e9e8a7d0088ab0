//! What a site may try that its account does not own (seed 002, "Trial System"), and types that say what they contain ("Media
//! Server", "e-FAQ Production").

use crate::support::api::{Api, token};
use crate::support::door::{Door, visit};
use crate::support::types::{ADVANCED, CLIENT, SERVER, Scene, refusal, scene, selection};
use crate::support::{NOW, on_both, order};
use axum::http::StatusCode;
use grantor_portal::Refusal;
use grantor_portal::files::{Request, details, generate, preview};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::tokens::Scope;

const SUPERVISOR: &str = "SW-001-4.0-AA01";
const MEDIA: &str = "SW-001-4.0-PL09";

fn flat(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A site in production with a server and clients.
async fn in_production(store: Store) -> Scene {
    let scene = scene(store, &[(SERVER, 2), (CLIENT, 50)]).await;
    scene.generate("production", "production", &[(SERVER, 1), (CLIENT, 50)]).await.unwrap();
    scene
}

#[test]
fn an_existing_customer_tries_for_sixty_days_what_it_does_not_own_and_spends_nothing() {
    on_both(|store| async move {
        let scene = in_production(store).await;
        let used = scene.used().await;
        let shown = scene.preview("trial-system", &[(SERVER, 1), (SUPERVISOR, 20)]).await.unwrap();
        assert_eq!(shown.last_day, "2027-01-23");
        let text = flat(&shown.text);
        assert!(text.contains("TYPE=trial-system") && text.contains("23-jan-2027"), "{text}");
        let number = scene.generate("1", "trial-system", &[(SERVER, 1), (SUPERVISOR, 20)]).await.unwrap();
        assert_eq!(scene.used().await, used, "nothing is spent");
        let made = details(&scene.store, &scene.account, &number).await.unwrap();
        assert!(made.used.is_empty(), "{made:?}");
        let production = details(&scene.store, &scene.account, "AF-000001").await.unwrap();
        assert_ne!(made.file.lrn, production.file.lrn, "its end is not the end of production");
    });
}

#[test]
fn what_the_production_license_has_is_not_given_a_second_time() {
    on_both(|store| async move {
        let scene = in_production(store).await;
        let shown = scene.preview("trial-system", &[(SERVER, 1), (MEDIA, 20)]).await.unwrap();
        let lines: Vec<String> = shown
            .text
            .replace("\\\n", " ")
            .lines()
            .filter(|line| line.starts_with("INCREMENT"))
            .map(flat)
            .collect();
        assert_eq!(lines.len(), 1, "the server's own lines stand in its production file: {lines:?}");
        assert!(
            lines[0].starts_with("INCREMENT I3_LICENSE_MEDIA_SESSION_ADDON pureconnect 4.0"),
            "{lines:?}"
        );
        // A larger server that is not owned is tried with all it has.
        let larger = scene.preview("trial-system", &[(ADVANCED, 1)]).await.unwrap();
        assert!(flat(&larger.text).contains("INCREMENT I3_FEATURE_MEDIA_SERVERS"), "{}", larger.text);
    });
}

#[test]
fn a_trial_of_what_is_owned_or_of_nothing_or_without_production_is_refused_with_a_way_out() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        let tried = [(SERVER, 1), (SUPERVISOR, 20)];
        let early = refusal(scene.preview("trial-system", &tried).await);
        assert_eq!(early, Refusal::NoProduction("Berlin".to_owned()));
        assert_eq!(early.hint(), "generate its production license first, or take the type Trial");
        scene.generate("trial", "trial", &[(SERVER, 1)]).await.unwrap();
        let on_trial = refusal(scene.preview("trial-system", &tried).await);
        assert!(matches!(on_trial, Refusal::NoProduction(_)), "a trial is no production: {on_trial}");
        book(&scene.store, &order("2", &[(SERVER, 1)]), "ann", NOW, 2).await.unwrap();
        scene.generate("production", "production", &[(SERVER, 1)]).await.unwrap();
        let owned = refusal(scene.preview("trial-system", &[(SERVER, 1), (CLIENT, 10)]).await);
        assert_eq!(owned, Refusal::OwnedAlready(CLIENT.to_owned()));
        assert_eq!(owned.hint(), "leave it out, or generate a production license of it");
        assert_eq!(refusal(scene.preview("trial-system", &[(SERVER, 1)]).await), Refusal::NothingTried);
        let no_server = refusal(scene.preview("trial-system", &[(SUPERVISOR, 20)]).await);
        assert!(no_server.to_string().contains("exactly one server item, not 0"), "{no_server}");
        scene.generate("now", "trial-system", &tried).await.unwrap();
    });
}

#[test]
fn a_trial_stands_in_for_no_production_and_is_bought_without_being_in_the_way() {
    on_both(|store| async move {
        let scene = in_production(store).await;
        let trial = selection("trial-system", &[(SERVER, 1), (SUPERVISOR, 20)]);
        let number =
            generate(&scene.store, &scene.request(&trial, Actor::House("bob")), "trial").await.unwrap();
        let recovery = refusal(scene.preview("disaster-recovery", &[(SERVER, 1), (SUPERVISOR, 1)]).await);
        assert!(matches!(recovery, Refusal::NotAvailable { .. }), "{recovery}");
        book(&scene.store, &order("2", &[(SUPERVISOR, 20)]), "ann", NOW, 2).await.unwrap();
        let again = Request { replaces: Some(&number), ..scene.request(&trial, Actor::House("bob")) };
        let bought = refusal(preview(&scene.store, &again).await);
        assert_eq!(bought, Refusal::OwnedAlready(SUPERVISOR.to_owned()));
        let production = selection("production", &[(SERVER, 1), (CLIENT, 50), (SUPERVISOR, 20)]);
        let update =
            Request { replaces: Some("AF-000001"), ..scene.request(&production, Actor::House("bob")) };
        generate(&scene.store, &update, "update").await.unwrap();
        assert!(details(&scene.store, &scene.account, &number).await.unwrap().file.active, "until its end");
    });
}

#[test]
fn staff_choose_what_a_site_tries_on_the_page_and_customers_file_a_request() {
    on_both(|store| async move {
        let scene = in_production(store).await;
        let door = Door::open(&scene.store, false);
        let anna = visit(&scene.store, &scene.certified("anna@example.com", Role::Analyst).await).await;
        let carl = scene.certified("carl@acme.example", Role::Customer).await;
        let page =
            format!("/accounts/ACME/new?site={}&product=pureconnect-4&type=trial-system", scene.site.id);
        let shown = door.get(&page, &anna).await.body;
        assert!(shown.contains(&format!("value=\"{SERVER}\"")) && shown.contains(ADVANCED), "{shown}");
        assert!(shown.contains(SUPERVISOR), "{shown}");
        assert!(!shown.contains(&format!("use/{CLIENT}")), "what is owned is not offered: {shown}");
        let form = format!(
            "site={}&product=pureconnect-4&type=trial-system&host_id=0050569a1b2c&machine=testing&later=1&server={SERVER}\
             &use/{SUPERVISOR}=20",
            scene.site.id
        );
        let shown = door.post("/accounts/ACME/new", &anna, &form).await;
        assert!(shown.status == StatusCode::OK && shown.body.contains("I3_ACCESS"), "{}", shown.body);
        let made = door.post("/accounts/ACME/new", &anna, &format!("{form}&key=one")).await;
        assert_eq!(made.location, "/accounts/ACME/files/AF-000002?done=generated", "{}", made.body);
        let owned = format!("{form}&use/{CLIENT}=1");
        let refused = door.post("/accounts/ACME/new", &anna, &owned).await;
        assert!(refused.body.contains("it is nothing to try"), "{}", refused.body);
        let customers = door.get(&page, &visit(&scene.store, &carl).await).await.body;
        assert!(!customers.contains("Trial System"), "{customers}");
        let by_customer =
            refusal(scene.preview_by(&carl, "trial-system", &[(SERVER, 1), (SUPERVISOR, 1)]).await);
        assert!(matches!(by_customer, Refusal::NotYourType { staff: true, .. }), "{by_customer}");
        assert_eq!(by_customer.hint(), "file a request: the publisher's staff makes it");
    });
}

#[test]
fn a_site_without_production_is_told_on_the_page_why_nothing_can_be_tried() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1)]).await;
        let door = Door::open(&scene.store, false);
        let anna = visit(&scene.store, &scene.certified("anna@example.com", Role::Analyst).await).await;
        let page =
            format!("/accounts/ACME/new?site={}&product=pureconnect-4&type=trial-system", scene.site.id);
        let shown = door.get(&page, &anna).await.body;
        assert!(shown.contains("beside an active production license"), "{shown}");
        assert!(!shown.contains(SUPERVISOR), "{shown}");
    });
}

#[test]
fn the_api_shows_and_makes_a_trial_and_names_what_is_refused() {
    on_both(|store| async move {
        let scene = in_production(store).await;
        let api = Api::of(&scene.store);
        let anna = scene.certified("anna@example.com", Role::Analyst).await;
        let anna = token(&scene.store, &anna, &[Scope::Files]).await;
        let body = |part: &str, preview: bool| {
            format!(
                r#"{{"site":"Berlin","preview":{preview},"selection":{{"catalogue":"pureconnect-4","license_type":"trial-system",
                "machine":{{"host_id":"0050569a1b2c","name":"testing"}},
                "items":[{{"part":"{SERVER}","quantity":1}},{{"part":"{part}","quantity":5}}]}}}}"#
            )
        };
        let path = "/api/v1/accounts/ACME/files";
        let shown = api.done(path, &anna, &body(SUPERVISOR, true), "").await;
        assert!(shown["text"].as_str().unwrap().contains("TYPE=trial-system"), "{shown}");
        let made = api.done(path, &anna, &body(SUPERVISOR, false), "trial number 1").await;
        assert_eq!(made["file"], "AF-000002", "{made}");
        let (status, says) = api.refused(path, &anna, &body(CLIENT, false), "trial number 2").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(says, format!("the account owns {CLIENT}: it is nothing to try"));
    });
}

#[test]
fn a_media_server_license_has_a_server_and_media_sessions_and_nothing_else() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50), (MEDIA, 100)]).await;
        let shown = scene.preview("media-server", &[(SERVER, 1), (MEDIA, 100)]).await.unwrap();
        let text = flat(&shown.text);
        assert!(text.contains("TYPE=media-server") && text.contains("I3_FEATURE_MEDIA_SERVERS"), "{text}");
        assert!(
            text.contains("INCREMENT I3_LICENSE_MEDIA_SESSION_ADDON pureconnect 4.0 permanent 100"),
            "{text}"
        );
        let more = refusal(scene.preview("media-server", &[(SERVER, 1), (CLIENT, 1)]).await);
        assert_eq!(more, Refusal::NotOfType { part: CLIENT.to_owned(), title: "Media Server".to_owned() });
        assert_eq!(more.hint(), "leave it out, or take another license type");
        let door = Door::open(&scene.store, false);
        let carl = visit(&scene.store, &scene.certified("carl@acme.example", Role::Customer).await).await;
        let page =
            format!("/accounts/ACME/new?site={}&product=pureconnect-4&type=media-server", scene.site.id);
        let shown = door.get(&page, &carl).await.body;
        assert!(shown.contains(&format!("use/{MEDIA}")) && !shown.contains(CLIENT), "{shown}");
    });
}

#[test]
fn an_e_faq_license_has_the_server_item_alone_as_no_part_is_for_e_faq() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        let shown = scene.preview("e-faq-production", &[(SERVER, 1)]).await.unwrap();
        assert!(flat(&shown.text).contains("TYPE=e-faq-production"), "{}", shown.text);
        let more = refusal(scene.preview("e-faq-production", &[(SERVER, 1), (CLIENT, 1)]).await);
        assert_eq!(
            more.to_string(),
            format!("{CLIENT} is nothing for license files of the type e-FAQ Production")
        );
    });
}

#[test]
fn a_multi_site_administration_license_has_whatever_is_owned_and_does_not_end() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50), (MEDIA, 10)]).await;
        let items = [(SERVER, 1), (CLIENT, 50), (MEDIA, 10)];
        let shown = scene.preview("multi-site-administration", &items).await.unwrap();
        assert!(flat(&shown.text).contains("TYPE=multi-site-administration"), "{}", shown.text);
        assert_eq!(shown.last_day, "9999-12-31", "no registration anew since licenses are perpetual");
        scene.generate("1", "multi-site-administration", &items).await.unwrap();
        let recovery = scene.preview("disaster-recovery", &[(SERVER, 1)]).await;
        assert!(matches!(refusal(recovery), Refusal::NotAvailable { .. }), "what was owned is used");
    });
}

#[test]
fn a_switchover_file_names_both_machines_and_the_second_one_can_be_added_by_an_update() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        let door = Door::open(&scene.store, false);
        let carl = visit(&scene.store, &scene.certified("carl@acme.example", Role::Customer).await).await;
        let form = |second: &str, replaces: &str| {
            format!(
                "site={}&product=pureconnect-4&type=switchover&replaces={replaces}&host_id=0050569a1b2c&machine=one{second}\
                 &server={SERVER}&use/{CLIENT}=50&key=of{replaces}",
                scene.site.id
            )
        };
        let made = door.post("/accounts/ACME/new", &carl, &form("&later=1", "")).await;
        assert_eq!(made.location, "/accounts/ACME/files/AF-000001?done=generated", "{}", made.body);
        let first = grantor_portal::files::document(&scene.store, &scene.account, "AF-000001").await;
        assert!(first.is_err(), "no signer runs here");
        let update = door.get("/accounts/ACME/new?replaces=AF-000001", &carl).await.body;
        assert!(
            update.contains("name=\"later\" value=\"1\"") && update.contains("value=\"one\""),
            "{update}"
        );
        let second = "&switchover_host_id=0050569a1b2d&switchover_machine=two";
        let updated = door.post("/accounts/ACME/new", &carl, &form(second, "AF-000001")).await;
        assert_eq!(updated.location, "/accounts/ACME/files/AF-000002?done=generated", "{}", updated.body);
        let made = details(&scene.store, &scene.account, "AF-000002").await.unwrap();
        assert_eq!(made.file.switchover_machine.as_deref(), Some("two"));
        assert_eq!((made.file.generation, made.used[SERVER], made.used[CLIENT]), (2, 1, 50));
        let mut pair = selection("switchover", &[(SERVER, 1), (CLIENT, 50)]);
        pair.switchover = made.selection.switchover;
        let again = Request { replaces: Some("AF-000002"), ..scene.request(&pair, Actor::House("bob")) };
        let text = flat(&preview(&scene.store, &again).await.unwrap().text);
        assert!(text.contains("TYPE=switchover"), "{text}");
        assert!(text.contains("\"0050569a1b2c 0050569a1b2d\""), "either machine loads it: {text}");
        assert!(text.contains("# Switchover pair: testing and two"), "{text}");
        assert!(text.contains("INCREMENT I3_ACCESS_CLIENT pureconnect 4.0 permanent 50"), "{text}");
        assert!(text.contains("I3_FEATURE_SIP"), "the backup does what the server does: {text}");
    });
}
