//! Upgrading 3.0 to 4.0, on both databases.

use std::collections::BTreeMap;

use crate::support::{CATALOGUE, NOW, TODAY, acme, on_both, order};
use grantor_portal::accounts::Account;
use grantor_portal::entitlements::{Owner, Part, balances, spend};
use grantor_portal::orders::book;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::upgrades::{Choice, apply, offers};
use grantor_portal::{Failure, Refusal, catalogues, log};

const OLD: &str = "SW-001-3.0-AL02";
const NEW: &str = "SW-001-4.0-AL02";
const OTHER: &str = "SW-001-3.0-AL04";

fn part(number: &str) -> Part {
    Part { catalogue: "pureconnect-4".to_owned(), number: number.to_owned() }
}

/// ACME bought 3.0 while it was sold.
async fn of_old(store: &Store) -> (Account, Site, Owner) {
    let (account, site) = acme(store).await;
    let then = CATALOGUE.replace("retired = true\n", "");
    catalogues::load(store, "pureconnect-4", &then, ("ann", NOW + 1)).await.unwrap();
    book(store, &order("1", &[(OLD, 35), (OTHER, 9), (NEW, 5)]), "ann", NOW, 1).await.unwrap();
    catalogues::load(store, "pureconnect-4", CATALOGUE, ("ann", NOW + 2)).await.unwrap();
    let owner = Owner { account: account.id, site: site.id };
    (account, site, owner)
}

async fn totals(store: &Store, owner: Owner) -> BTreeMap<String, (u64, bool)> {
    let owned = balances(store.read(), owner.account, None, TODAY).await.unwrap();
    owned.into_iter().map(|one| (one.part.number.clone(), (one.total(), one.mirrored))).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

#[test]
fn parts_with_and_without_upgrade_options_are_told_apart() {
    on_both(|store| async move {
        let (_, _, owner) = of_old(&store).await;
        let told = offers(&store, owner, TODAY).await.unwrap();
        let told: Vec<_> =
            told.iter().map(|o| (o.part.number.as_str(), o.to.as_deref(), o.quantity)).collect();
        assert_eq!(told, [(OLD, Some(NEW), 35), (OTHER, Some("SW-001-4.0-AL04"), 9), (NEW, None, 5)]);
    });
}

#[test]
fn an_upgraded_quantity_leaves_the_old_part_and_joins_the_new_one_and_what_is_in_a_file_stays() {
    on_both(|store| async move {
        let (account, site, owner) = of_old(&store).await;
        let tx = store.write().await.unwrap();
        spend(&tx, owner, &BTreeMap::from([(part(OLD), 10)]), TODAY).await.unwrap();
        tx.commit().await.unwrap();
        let some = |quantity| Choice::Some(BTreeMap::from([(part(OLD), quantity)]));
        let too_many = apply(&store, (&account, &site), &some(26), TODAY, ("bob", NOW)).await;
        assert_eq!(
            refusal(too_many),
            Refusal::NotAvailable { part: OLD.to_owned(), wanted: 26, available: 25 }
        );
        apply(&store, (&account, &site), &some(20), TODAY, ("bob", NOW)).await.unwrap();
        let totals = totals(&store, owner).await;
        assert_eq!((totals[OLD], totals[NEW], totals[OTHER]), ((15, false), (25, false), (9, false)));
        let last = log::entries(store.read(), 0, 10).await.unwrap().pop().unwrap();
        assert!(last.body.contains("software upgraded"), "{}", last.body);
        let none = Choice::Some(BTreeMap::from([(part(NEW), 1)]));
        let none = apply(&store, (&account, &site), &none, TODAY, ("bob", NOW)).await;
        assert_eq!(refusal(none), Refusal::NoUpgrade(NEW.to_owned()));
    });
}

#[test]
fn mirroring_is_for_all_parts_leaves_the_old_ones_usable_and_is_done_once() {
    on_both(|store| async move {
        let (account, site, owner) = of_old(&store).await;
        apply(&store, (&account, &site), &Choice::MirrorAll, TODAY, ("bob", NOW)).await.unwrap();
        let totals = totals(&store, owner).await;
        assert_eq!((totals[OLD], totals[NEW]), ((35, true), (40, true)));
        assert_eq!((totals[OTHER], totals["SW-001-4.0-AL04"]), ((9, true), (9, true)));
        let again = apply(&store, (&account, &site), &Choice::MirrorAll, TODAY, ("bob", NOW)).await;
        assert_eq!(refusal(again), Refusal::NoUpgrade("nothing".to_owned()));
    });
}

#[test]
fn two_who_upgrade_the_same_quantity_at_once_upgrade_it_once() {
    on_both(|store| async move {
        let (account, site, owner) = of_old(&store).await;
        let tasks = [(), ()].map(|()| {
            let (store, account, site) = (store.clone(), account.clone(), site.clone());
            tokio::spawn(async move {
                let choice = Choice::Some(BTreeMap::from([(part(OLD), 30)]));
                apply(&store, (&account, &site), &choice, TODAY, ("bob", NOW)).await.is_ok()
            })
        });
        let mut done = 0;
        for task in tasks {
            done += usize::from(task.await.unwrap());
        }
        assert_eq!(done, 1);
        let totals = totals(&store, owner).await;
        assert_eq!((totals[OLD].0, totals[NEW].0), (5, 35));
    });
}
