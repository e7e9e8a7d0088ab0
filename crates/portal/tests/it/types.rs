//! License types with their behaviour: each sentence of the seed's "Server License Types" and "Who Can Generate Licenses" a test.

use crate::support::door::{Door, person, visit};
use crate::support::types::{ADVANCED, CLIENT, LARGE, SERVER, SMALL, refusal, scene, selection};
use crate::support::{NOW, on_both, order};
use grantor_portal::files::{Selection, deactivate, details, generate, preview};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::{Refusal, catalogues};

/// The file's text without wrapped lines.
fn flat(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many there are of each feature that is counted.
fn counts(text: &str) -> Vec<u32> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().filter(|line| line.starts_with("INCREMENT"));
    lines.filter_map(|line| line.split_whitespace().nth(5)?.parse().ok()).collect()
}

#[test]
fn a_small_non_ordered_development_license_comes_at_no_cost_with_an_intermediate_production_server() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        let shown = scene.preview("non-ordered-development", &[(SMALL, 1)]).await.unwrap();
        let counts = counts(&shown.text);
        assert!(!counts.is_empty() && counts.iter().all(|count| *count == 8), "8 of each: {counts:?}");
        assert!(flat(&shown.text).contains("I3_FEATURE_MEDIA_SERVERS"), "all features: {}", shown.text);
        assert_eq!(shown.last_day, "9999-12-31");
        let number = scene.generate("1", "non-ordered-development", &[(SMALL, 1)]).await.unwrap();
        assert_eq!(scene.used().await, 0, "nothing that was bought is used up");
        let lrn = details(&scene.store, &scene.account, &number).await.unwrap().file.lrn;
        assert!(shown.text.contains(&lrn), "the production server's order stands behind it");
        let again = refusal(scene.generate("2", "non-ordered-development", &[(SMALL, 1)]).await);
        assert_eq!(again, Refusal::NotAvailable { part: SMALL.to_owned(), wanted: 1, available: 0 });
        deactivate(&scene.store, &scene.account, &number, "rebuilt", ("bob", NOW)).await.unwrap();
        scene.generate("3", "non-ordered-development", &[(SMALL, 1)]).await.unwrap();
    });
}

#[test]
fn a_large_non_ordered_development_license_comes_at_no_cost_with_an_advanced_production_server() {
    on_both(|store| async move {
        let scene = scene(store, &[(ADVANCED, 2)]).await;
        let shown = scene.preview("non-ordered-development", &[(LARGE, 1)]).await.unwrap();
        let counts = counts(&shown.text);
        assert!(!counts.is_empty() && counts.iter().all(|count| *count == 30), "30 of each: {counts:?}");
        let small = refusal(scene.preview("non-ordered-development", &[(SMALL, 1)]).await);
        assert_eq!(small, Refusal::NotAvailable { part: SMALL.to_owned(), wanted: 1, available: 0 });
        scene.generate("1", "non-ordered-development", &[(LARGE, 1)]).await.unwrap();
        scene.generate("2", "non-ordered-development", &[(LARGE, 1)]).await.unwrap();
        let third = refusal(scene.generate("3", "non-ordered-development", &[(LARGE, 1)]).await);
        assert!(matches!(third, Refusal::NotAvailable { available: 0, .. }), "one for each server: {third}");
    });
}

#[test]
fn the_last_non_ordered_development_license_is_taken_by_one_of_two() {
    on_both(|store| async move {
        let scene = std::sync::Arc::new(scene(store, &[(SERVER, 1)]).await);
        let tasks = ["1", "2"].map(|key| {
            let scene = scene.clone();
            tokio::spawn(async move { scene.generate(key, "non-ordered-development", &[(SMALL, 1)]).await })
        });
        let mut made = 0;
        for task in tasks {
            made += usize::from(task.await.unwrap().is_ok());
        }
        assert_eq!(made, 1);
    });
}

#[test]
fn a_non_ordered_development_license_is_the_development_system_alone() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        let more =
            refusal(scene.preview("non-ordered-development", &[(SMALL, 1), ("SW-001-4.0-AA01", 5)]).await);
        assert_eq!(
            more.to_string(),
            "part: a development license at no cost is the development system alone"
        );
        let production = refusal(scene.preview("production", &[(SMALL, 1)]).await);
        assert!(
            matches!(production, Refusal::NotAvailable { .. }),
            "it comes for development alone: {production}"
        );
    });
}

#[test]
fn a_development_system_that_was_booked_is_taken_from_what_was_booked() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (SMALL, 1)]).await;
        scene.generate("1", "non-ordered-development", &[(SMALL, 1)]).await.unwrap();
        assert_eq!(scene.used().await, 1);
        let again = refusal(scene.generate("2", "non-ordered-development", &[(SMALL, 1)]).await);
        assert!(matches!(again, Refusal::NotAvailable { .. }), "not once more with the server: {again}");
    });
}

#[test]
fn an_ordered_development_license_is_active_for_one_year_and_its_interactions_disconnect_hourly() {
    on_both(|store| async move {
        let scene = scene(store, &[(SMALL, 1)]).await;
        let shown = scene.preview("ordered-development", &[(SMALL, 1)]).await.unwrap();
        assert_eq!(shown.last_day, "2027-11-24");
        assert!(flat(&shown.text).contains("TYPE=ordered-development"), "{}", shown.text);
        assert!(flat(&shown.text).contains("DISCONNECT=60"), "{}", shown.text);
    });
}

#[test]
fn production_licenses_do_not_disconnect() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1)]).await;
        let shown = scene.preview("production", &[(SERVER, 1)]).await.unwrap();
        assert!(!shown.text.contains("DISCONNECT"), "{}", shown.text);
    });
}

#[test]
fn certified_partner_employees_can_generate_an_unlimited_number_of_thirty_day_development_licenses() {
    on_both(|store| async move {
        let scene = scene(store, &[]).await;
        let paula = scene.certified("paula@partner.example", Role::Partner).await;
        let any = selection("partner-development", &[(LARGE, 1), (CLIENT, 500), ("SW-001-4.0-AA01", 20)]);
        let request = scene.request(&any, Actor::Person(&paula));
        let shown = preview(&scene.store, &request).await.unwrap();
        assert_eq!(shown.last_day, "2026-12-24");
        assert!(flat(&shown.text).contains("DISCONNECT=60"), "{}", shown.text);
        for key in ["1", "2", "3", "4", "5"] {
            generate(&scene.store, &request, key).await.unwrap();
        }
        assert_eq!(scene.used().await, 0);
        // Nobody else does, and partners only with a certification.
        let carl = scene.certified("carl@acme.example", Role::Customer).await;
        let customer = refusal(scene.preview_by(&carl, "partner-development", &[(LARGE, 1)]).await);
        assert!(matches!(customer, Refusal::NotYourType { staff: false, .. }), "{customer}");
        let pete = person(&scene.store, "pete@partner.example", &[Role::Partner], Some("ACME")).await;
        let uncertified = refusal(scene.preview_by(&pete, "partner-development", &[(LARGE, 1)]).await);
        assert!(matches!(uncertified, Refusal::NotCertified { .. }), "{uncertified}");
    });
}

#[test]
fn load_test_and_training_licenses_are_made_of_what_was_ordered_and_say_what_they_are() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 50)]).await;
        for license_type in ["load-test", "training"] {
            let shown = scene.preview(license_type, &[(SERVER, 1), (CLIENT, 50)]).await.unwrap();
            assert!(flat(&shown.text).contains(&format!("TYPE={license_type}")), "{}", shown.text);
            let more = refusal(scene.preview(license_type, &[(SERVER, 1), (CLIENT, 51)]).await);
            assert!(matches!(more, Refusal::NotAvailable { .. }), "{more}");
        }
    });
}

#[test]
fn a_trial_license_expires_after_sixty_days_and_components_can_be_added() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 5)]).await;
        let shown = scene.preview("trial", &[(SERVER, 1), (CLIENT, 5)]).await.unwrap();
        assert_eq!(shown.last_day, "2027-01-23");
    });
}

#[test]
fn nothing_can_be_added_to_the_predefined_configuration_of_an_evaluation_license() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1), (CLIENT, 5)]).await;
        scene.preview("evaluation", &[(SERVER, 1)]).await.unwrap();
        let more = refusal(scene.preview("evaluation", &[(SERVER, 1), (CLIENT, 1)]).await);
        assert_eq!(more.to_string(), "part: Evaluation: nothing can be added to its configuration");
    });
}

#[test]
fn a_temporary_license_needs_no_key_and_works_at_once() {
    on_both(|store| async move {
        let scene = scene(store, &[]).await;
        let text = include_str!("../../../../catalogues/eleveo.toml");
        catalogues::load(&scene.store, "eleveo", text, ("ann", NOW)).await.unwrap();
        let sold = catalogues::current(&scene.store, scene.store.read()).await.unwrap();
        let part = sold["eleveo"].catalogue.list()[0].name.clone();
        let mut bought = order("7", &[(part.as_str(), 5)]);
        bought.lines[0].catalogue = "eleveo".to_owned();
        bought.term = grantor_portal::orders::Term::Term;
        bought.last_day = Some("2026-12-31".to_owned());
        book(&scene.store, &bought, "ann", NOW, 7).await.unwrap();
        let of = |license_type: &str| {
            let items = [(part.as_str(), 5)];
            Selection { catalogue: "eleveo".to_owned(), ..selection(license_type, &items) }
        };
        let (temporary, commercial) = (of("temporary"), of("commercial"));
        let shown = preview(&scene.store, &scene.request(&temporary, Actor::House("bob"))).await.unwrap();
        assert!(flat(&shown.text).contains("STATE=temporary"), "{}", shown.text);
        assert!(!shown.text.contains("RK=") && shown.last_day == "2026-12-31", "{}", shown.text);
        let shown = preview(&scene.store, &scene.request(&commercial, Actor::House("bob"))).await.unwrap();
        assert!(flat(&shown.text).contains("STATE=inactive"), "others wait for their key: {}", shown.text);
    });
}

#[test]
fn only_the_publishers_staff_generates_subscription_and_mixed_estate_licenses() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1)]).await;
        let analyst = scene.certified("ann@publisher.example", Role::Analyst).await;
        let carl = scene.certified("carl@acme.example", Role::Customer).await;
        for license_type in ["subscription", "mixed-estate"] {
            scene.preview_by(&analyst, license_type, &[(SERVER, 1)]).await.unwrap();
            for other in [&carl, &scene.certified(&format!("{license_type}@p.example"), Role::Partner).await]
            {
                let refused = refusal(scene.preview_by(other, license_type, &[(SERVER, 1)]).await);
                assert!(matches!(refused, Refusal::NotYourType { staff: true, .. }), "{refused}");
                assert!(refused.hint().contains("file a request"), "{}", refused.hint());
            }
        }
    });
}

#[test]
fn the_page_offers_the_types_that_somebody_may_make_and_what_comes_at_no_cost() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 1)]).await;
        let door = Door::open(&scene.store, false);
        let carl = visit(&scene.store, &scene.certified("carl@acme.example", Role::Customer).await).await;
        let paula = visit(&scene.store, &scene.certified("paula@p.example", Role::Partner).await).await;
        let page = |of_type: &str| {
            format!("/accounts/ACME/new?site={}&product=pureconnect-4&type={of_type}", scene.site.id)
        };
        let customers = door.get(&page("non-ordered-development"), &carl).await.body;
        assert!(
            !customers.contains("mixed-estate") && !customers.contains("partner-development"),
            "{customers}"
        );
        assert!(customers.contains("1 of 1 available") && customers.contains(SMALL), "{customers}");
        assert!(!customers.contains(&format!("value=\"{SERVER}\"")), "{customers}");
        let partners = door.get(&page("partner-development"), &paula).await.body;
        assert!(partners.contains(LARGE) && partners.contains(CLIENT), "{partners}");
        assert!(!partners.contains("mixed-estate"), "{partners}");
    });
}
