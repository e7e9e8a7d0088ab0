//! License types with their behaviour: each sentence of the seed's "Server License Types" and "Who Can Generate Licenses" a test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use grantor_portal::accounts::Account;
use grantor_portal::certifications::enter;
use grantor_portal::files::{
    Chosen, Machine, Preview, Request, Selection, deactivate, details, generate, preview,
};
use grantor_portal::orders::book;
use grantor_portal::people::{Actor, Person};
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, Site};
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, catalogues, entitlements};
use support::door::{Door, person, visit};
use support::{CATALOGUE, NOW, TODAY, acme, on_both, order};

const SERVER: &str = "SW-001-4.0-SL03";
const ADVANCED: &str = "SW-001-4.0-SL09";
const CLIENT: &str = "SW-001-4.0-AL02";
const SMALL: &str = "SW-001-4.0-IDS1";
const LARGE: &str = "SW-001-4.0-IDS2";

/// The reference names an Advanced Server and gives no part number.
const WITH_ADVANCED: &str = "\n[[items]]\nname = \"SW-001-4.0-SL09\"\ntitle = \"Advanced Server\"\nunit = \"license\"\n\
    server = true\ndevelopment = \"SW-001-4.0-IDS2\"\nrequired = [\"I3_FEATURE_MEDIA_SERVERS 4.0\"]\n";

struct Scene {
    store: Store,
    account: Account,
    site: Site,
}

async fn scene(store: Store, lines: &[(&str, u32)]) -> Scene {
    let (account, site) = acme(&store).await;
    let text = format!("{CATALOGUE}{WITH_ADVANCED}");
    catalogues::load(&store, "pureconnect-4", &text, NOW + 1).await.unwrap();
    if !lines.is_empty() {
        book(&store, &order("1", lines), "ann", NOW, 1).await.unwrap();
    }
    Scene { store, account, site }
}

fn selection(license_type: &str, items: &[(&str, u32)]) -> Selection {
    let chosen = |&(part, quantity): &(&str, u32)| Chosen { part: part.to_owned(), quantity, pooled: 0 };
    Selection {
        catalogue: "pureconnect-4".to_owned(),
        license_type: license_type.to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "testing".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: items.iter().map(chosen).collect(),
    }
}

impl Scene {
    fn request<'a>(&'a self, selection: &'a Selection, by: Actor<'a>) -> Request<'a> {
        Request {
            account: &self.account,
            site: &self.site,
            selection,
            replaces: None,
            by,
            at: NOW,
            today: TODAY.parse().unwrap(),
        }
    }

    async fn generate(
        &self,
        key: &str,
        license_type: &str,
        items: &[(&str, u32)],
    ) -> Result<String, Failure> {
        let selection = selection(license_type, items);
        generate(&self.store, &self.request(&selection, Actor::House("bob")), key).await
    }

    async fn preview(&self, license_type: &str, items: &[(&str, u32)]) -> Result<Preview, Failure> {
        let selection = selection(license_type, items);
        preview(&self.store, &self.request(&selection, Actor::House("bob"))).await
    }

    async fn preview_by(
        &self,
        by: &Person,
        license_type: &str,
        items: &[(&str, u32)],
    ) -> Result<Preview, Failure> {
        let selection = selection(license_type, items);
        preview(&self.store, &self.request(&selection, Actor::Person(by))).await
    }

    async fn used(&self) -> u64 {
        let all = entitlements::balances(self.store.read(), self.account.id, None, TODAY).await.unwrap();
        all.iter().map(|one| one.used).sum()
    }

    /// Somebody of the account or of the publisher, with a certification.
    async fn certified(&self, mail: &str, role: Role) -> Person {
        let account = (!role.is_staff()).then_some("ACME");
        let person = person(&self.store, mail, &[role], account).await;
        enter(&self.store, &person, "pureconnect-4", "2030-01-01", ("ann", NOW)).await.unwrap();
        person
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

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
fn the_number_of_disaster_recovery_licenses_does_not_exceed_that_of_the_related_production_licenses() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 3), (CLIENT, 100)]).await;
        let before = refusal(scene.preview("disaster-recovery", &[(SERVER, 1)]).await);
        let says =
            Refusal::BeyondProduction { part: SERVER.to_owned(), wanted: 1, recovery: 0, production: 0 };
        assert_eq!(before, says, "only together with production, or after it");
        scene.generate("1", "production", &[(SERVER, 1), (CLIENT, 40)]).await.unwrap();
        let more = refusal(scene.preview("disaster-recovery", &[(SERVER, 1), (CLIENT, 41)]).await);
        assert!(matches!(more, Refusal::BeyondProduction { wanted: 41, production: 40, .. }), "{more}");
        let first = scene.generate("2", "disaster-recovery", &[(SERVER, 1), (CLIENT, 40)]).await.unwrap();
        let second = refusal(scene.preview("disaster-recovery", &[(SERVER, 1)]).await);
        assert!(matches!(second, Refusal::BeyondProduction { recovery: 1, production: 1, .. }), "{second}");
        // At another site of the account it is the same production.
        let details = sites::Details { name: "Bonn".to_owned(), ..Default::default() };
        let bonn = sites::create(&scene.store, &scene.account, &details, ("ann", NOW)).await.unwrap();
        let there = order("2", &[(SERVER, 1)]);
        let there = grantor_portal::orders::NewOrder { site: "Bonn".to_owned(), ..there };
        book(&scene.store, &there, "ann", NOW, 2).await.unwrap();
        let elsewhere = selection("disaster-recovery", &[(SERVER, 1)]);
        let request = Request { site: &bonn, ..scene.request(&elsewhere, Actor::House("bob")) };
        assert!(matches!(refusal(preview(&scene.store, &request).await), Refusal::BeyondProduction { .. }));
        deactivate(&scene.store, &scene.account, &first, "moved", ("bob", NOW)).await.unwrap();
        preview(&scene.store, &request).await.unwrap();
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
        let text = include_str!("../../../catalogues/eleveo.toml");
        catalogues::load(&scene.store, "eleveo", text, NOW).await.unwrap();
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

#[test]
fn production_neither_ends_nor_shrinks_below_disaster_recovery_and_the_refusal_names_its_files() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 3), (CLIENT, 200)]).await;
        let production = scene.generate("1", "production", &[(SERVER, 1), (CLIENT, 60)]).await.unwrap();
        let recovery = scene.generate("2", "disaster-recovery", &[(SERVER, 1), (CLIENT, 40)]).await.unwrap();
        let used = scene.used().await;
        let end = |number: &str| {
            let (number, scene) = (number.to_owned(), &scene);
            async move { deactivate(&scene.store, &scene.account, &number, "gone", ("ann", NOW)).await }
        };
        let expected = |part: &str, production: u32, needed: u32| Refusal::RecoveryFirst {
            part: part.to_owned(),
            production,
            recovery: needed,
            files: recovery.clone(),
        };
        let told = refusal(end(&production).await);
        assert!(told == expected(CLIENT, 0, 40) || told == expected(SERVER, 0, 1), "{told}");
        assert_eq!(scene.used().await, used, "nothing was given back");
        let update = |clients: u32| {
            let (scene, replaces) = (&scene, production.clone());
            async move {
                let selection = selection("production", &[(SERVER, 1), (CLIENT, clients)]);
                let request =
                    Request { replaces: Some(&replaces), ..scene.request(&selection, Actor::House("bob")) };
                generate(&scene.store, &request, &format!("update {clients}")).await
            }
        };
        assert_eq!(refusal(update(39).await), expected(CLIENT, 39, 40));
        let smaller = update(40).await.unwrap();
        assert!(matches!(refusal(end(&smaller).await), Refusal::RecoveryFirst { .. }));
        end(&recovery).await.unwrap();
        end(&smaller).await.unwrap();
        assert_eq!(scene.used().await, 0);
    });
}

#[test]
fn of_a_recovery_file_and_the_end_of_its_production_at_the_same_time_one_is_refused() {
    on_both(|store| async move {
        let scene = scene(store, &[(SERVER, 2), (CLIENT, 80)]).await;
        let items = [(SERVER, 1), (CLIENT, 40)];
        let end = |number: String| {
            let scene = &scene;
            async move { deactivate(&scene.store, &scene.account, &number, "gone", ("ann", NOW)).await }
        };
        for round in 0..5 {
            let (one, other) = (format!("production {round}"), format!("recovery {round}"));
            let production = scene.generate(&one, "production", &items).await.unwrap();
            let (made, ended) =
                tokio::join!(scene.generate(&other, "disaster-recovery", &items), end(production.clone()));
            assert!(made.is_ok() != ended.is_ok(), "{made:?} {ended:?}");
            if let Ok(recovery) = made {
                end(recovery).await.unwrap();
                end(production).await.unwrap();
            }
        }
    });
}
