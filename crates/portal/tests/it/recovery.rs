//! Disaster recovery never has more than production (seed 002, "License Types").

use crate::support::types::{CLIENT, SERVER, refusal, scene, selection};
use crate::support::{NOW, on_both, order};
use grantor_portal::Refusal;
use grantor_portal::files::{Request, deactivate, generate, preview};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::sites;

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
