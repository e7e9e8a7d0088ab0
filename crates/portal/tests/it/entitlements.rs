//! Nothing is spent twice and nothing below zero, however many generate at once, on both databases.

use std::collections::BTreeMap;

use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::entitlements::{NEVER, Owner, Part, Spent, balances, give_back, spend};
use grantor_portal::orders::{Term, book};
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const CLIENT: &str = "SW-001-4.0-AL02";
const CENTER: &str = "SW-001-4.0-AL06";

fn wanted(quantities: &[(&str, u32)]) -> BTreeMap<Part, u32> {
    let part = |number: &str| Part { catalogue: "pureconnect-4".to_owned(), number: number.to_owned() };
    quantities.iter().filter(|(_, count)| *count > 0).map(|&(number, count)| (part(number), count)).collect()
}

async fn owner(store: &Store) -> Owner {
    let (account, site) = acme(store).await;
    Owner { account: account.id, site: site.id }
}

/// Spends as generating a file does: all of it and committed, or nothing.
async fn take(store: &Store, owner: Owner, wanted: &BTreeMap<Part, u32>) -> Result<Vec<Spent>, Failure> {
    let tx = store.write().await?;
    let spent = spend(&tx, owner, wanted, TODAY).await?;
    tx.commit().await?;
    Ok(spent)
}

async fn used(store: &Store, owner: Owner) -> BTreeMap<String, u64> {
    let owned = balances(store.read(), owner.account, Some(owner.site), TODAY).await.unwrap();
    owned.into_iter().map(|balance| (balance.part.number.clone(), balance.used)).collect()
}

#[test]
fn perpetual_ones_go_first_then_those_that_last_longest_and_ended_ones_not_at_all() {
    on_both(|store| async move {
        let owner = owner(&store).await;
        for (number, last_day) in [("1", "2026-11-23"), ("2", "2026-11-24"), ("3", "2027-06-30")] {
            let mut dated = order(number, &[(CLIENT, 10)]);
            dated.term = Term::Subscription;
            dated.last_day = Some(last_day.to_owned());
            book(&store, &dated, "ann", NOW, number.parse().unwrap()).await.unwrap();
        }
        book(&store, &order("4", &[(CLIENT, 10)]), "ann", NOW, 4).await.unwrap();
        let spent = take(&store, owner, &wanted(&[(CLIENT, 25)])).await.unwrap();
        let parts: Vec<_> = spent.iter().map(|one| (one.last_day.as_str(), one.quantity)).collect();
        assert_eq!(parts, [(NEVER, 10), ("2027-06-30", 10), ("2026-11-24", 5)]);
        let short = take(&store, owner, &wanted(&[(CLIENT, 6)])).await.unwrap_err();
        let Failure::Refused(refusal) = short else { panic!("{short}") };
        assert_eq!(refusal, Refusal::NotAvailable { part: CLIENT.to_owned(), wanted: 6, available: 5 });
        let tx = store.write().await.unwrap();
        give_back(&tx, &spent).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(used(&store, owner).await[CLIENT], 0);
    });
}

#[test]
fn what_is_short_of_one_part_takes_nothing_of_the_others() {
    on_both(|store| async move {
        let owner = owner(&store).await;
        book(&store, &order("1", &[(CLIENT, 10), (CENTER, 1)]), "ann", NOW, 1).await.unwrap();
        take(&store, owner, &wanted(&[(CLIENT, 5), (CENTER, 2)])).await.unwrap_err();
        assert_eq!(used(&store, owner).await[CLIENT], 0);
    });
}

#[test]
fn the_table_itself_refuses_to_go_below_nothing() {
    on_both(|store| async move {
        let owner = owner(&store).await;
        book(&store, &order("1", &[(CLIENT, 10)]), "ann", NOW, 1).await.unwrap();
        let spent = take(&store, owner, &wanted(&[(CLIENT, 3)])).await.unwrap();
        let tx = store.write().await.unwrap();
        give_back(&tx, &spent).await.unwrap();
        assert!(matches!(give_back(&tx, &spent).await, Err(Failure::Database(_))));
        tx.rollback().await.unwrap();
        assert_eq!(used(&store, owner).await[CLIENT], 3);
    });
}

/// What each of several people does, one after another: takes so many of two parts, or gives the last back.
fn people() -> impl Strategy<Value = Vec<Vec<Option<(u32, u32)>>>> {
    let step = proptest::option::weighted(0.8, (0_u32..8, 0_u32..4));
    proptest::collection::vec(proptest::collection::vec(step, 1..6), 2..6)
}

async fn act(store: Store, owner: Owner, steps: Vec<Option<(u32, u32)>>) -> Vec<Spent> {
    let mut held: Vec<Vec<Spent>> = Vec::new();
    for step in steps {
        match step {
            Some((clients, centers)) => {
                match take(&store, owner, &wanted(&[(CLIENT, clients), (CENTER, centers)])).await {
                    Ok(spent) => held.push(spent),
                    Err(Failure::Refused(Refusal::NotAvailable { .. })) => {}
                    Err(failure) => panic!("{failure}"),
                }
            }
            None => {
                let Some(spent) = held.pop() else { continue };
                let tx = store.write().await.unwrap();
                give_back(&tx, &spent).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }
    held.concat()
}

#[test]
fn whatever_people_do_at_once_what_is_used_is_what_they_hold_and_never_more_than_was_bought() {
    on_both(|store| async move {
        let owner = owner(&store).await;
        book(&store, &order("1", &[(CLIENT, 20), (CENTER, 6)]), "ann", NOW, 1).await.unwrap();
        let mut dated = order("2", &[(CLIENT, 10)]);
        dated.term = Term::Term;
        dated.last_day = Some("2027-06-30".to_owned());
        book(&store, &dated, "ann", NOW, 2).await.unwrap();
        let mut runner = TestRunner::deterministic();
        for _ in 0..12 {
            let people = people().new_tree(&mut runner).unwrap().current();
            let tasks: Vec<_> =
                people.into_iter().map(|steps| tokio::spawn(act(store.clone(), owner, steps))).collect();
            let mut held = Vec::new();
            for task in tasks {
                held.extend(task.await.unwrap());
            }
            let sum = |part: &str| -> u64 {
                held.iter().filter(|one| one.part.number == part).map(|one| u64::from(one.quantity)).sum()
            };
            let used = used(&store, owner).await;
            assert_eq!((used[CLIENT], used[CENTER]), (sum(CLIENT), sum(CENTER)));
            assert!(used[CLIENT] <= 30 && used[CENTER] <= 6);
            let tx = store.write().await.unwrap();
            give_back(&tx, &held).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
}
