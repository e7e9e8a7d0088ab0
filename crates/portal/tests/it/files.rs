//! License files from entitlement: previewed, generated, updated, deactivated, on both databases.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::wfo::WFO;
use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::accounts::Account;
use grantor_portal::entitlements::{Owner, Part, balances, spend};
use grantor_portal::files::{
    Chosen, Filter, Machine, Request, Selection, Sort, deactivate, details, document, generate, list,
    preview, unsigned, was_signed,
};
use grantor_portal::orders::{Term, book};
use grantor_portal::people::Actor;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, catalogues, log};

const SERVER: &str = "SW-001-4.0-SL03";
const CLIENT: &str = "SW-001-4.0-AL02";

async fn ordered(store: &Store) -> (Account, Site) {
    let (account, site) = acme(store).await;
    book(store, &order("1", &[(SERVER, 1), (CLIENT, 50)]), "ann", NOW, 1).await.unwrap();
    (account, site)
}

fn selection(clients: u32) -> Selection {
    let chosen = |part: &str, quantity| Chosen { part: part.to_owned(), quantity, pooled: 0 };
    Selection {
        catalogue: "pureconnect-4".to_owned(),
        license_type: "production".to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "testing".to_owned() },
        switchover: None,
        system_type: "Media Server Based".to_owned(),
        mail_connector: String::new(),
        registration_key: None,
        items: vec![chosen(SERVER, 1), chosen(CLIENT, clients)],
    }
}

fn request<'a>(owner: &'a (Account, Site), selection: &'a Selection) -> Request<'a> {
    let today = TODAY.parse().unwrap();
    Request {
        account: &owner.0,
        site: &owner.1,
        selection,
        replaces: None,
        by: Actor::House("bob"),
        at: NOW,
        today,
    }
}

async fn available(store: &Store, owner: &(Account, Site)) -> u64 {
    let owned = balances(store.read(), owner.0.id, None, TODAY).await.unwrap();
    owned.iter().find(|one| one.part.number == CLIENT).unwrap().available()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

#[test]
fn a_preview_shows_the_file_and_spends_nothing() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let selection = selection(20);
        let shown = preview(&store, &request(&owner, &selection)).await.unwrap();
        assert!(shown.text.contains("SERVER testing 0050569a1b2c"), "{}", shown.text);
        assert!(shown.text.contains("INCREMENT I3_ACCESS_CLIENT"), "{}", shown.text);
        assert!(shown.text.contains("# System type: Media Server Based"), "{}", shown.text);
        assert!(shown.explained.contains("I3_ACCESS_CLIENT"), "{}", shown.explained);
        assert_eq!((available(&store, &owner).await, shown.changes), (50, vec![]));
        assert_eq!(
            list(&store, &owner.0, &Filter::default(), (Sort::Generated, true), 0, 10).await.unwrap().0,
            0
        );
    });
}

#[test]
fn a_file_is_planned_and_logged_before_it_is_signed_and_asking_again_gives_the_same_one() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let selection = selection(20);
        let request = request(&owner, &selection);
        let number = generate(&store, &request, "key-1").await.unwrap();
        assert_eq!(generate(&store, &request, "key-1").await.unwrap(), number);
        assert_eq!(available(&store, &owner).await, 30);
        assert_eq!(refusal(document(&store, &owner.0, &number).await), Refusal::NotSigned(number.clone()));
        let waiting = unsigned(&store, None).await.unwrap();
        assert_eq!((waiting.len(), &waiting[0].0), (1, &number));
        let last = log::entries(store.read(), 0, 10).await.unwrap().pop().unwrap();
        assert!(last.body.contains("\"file generated\"") && last.body.contains(&number), "{}", last.body);
        was_signed(&store, &number, "signed", NOW).await.unwrap();
        was_signed(&store, &number, "something else", NOW).await.unwrap();
        assert_eq!(document(&store, &owner.0, &number).await.unwrap(), "signed");
        assert_eq!(unsigned(&store, None).await.unwrap(), []);
    });
}

#[test]
fn an_installations_key_is_kept_as_its_license_server_writes_it_and_what_is_none_is_refused() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let with = |key: &str| Selection { registration_key: Some(key.to_owned()), ..selection(20) };
        let (typed, wrong) = (with(" abcd-1234-efgh "), with("not a key"));
        let number = generate(&store, &request(&owner, &typed), "1").await.unwrap();
        let kept = details(&store, &owner.0, &number).await.unwrap().selection.registration_key;
        assert_eq!(kept.as_deref(), Some("ABCD-1234-EFGH"));
        assert!(preview(&store, &request(&owner, &wrong)).await.is_err());
        assert!(generate(&store, &request(&owner, &wrong), "2").await.is_err());
        assert_eq!(available(&store, &owner).await, 30, "nothing is spent for it");
    });
}

#[test]
fn an_update_takes_the_place_of_the_file_and_shows_what_changes() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let (first, second) = (selection(20), selection(45));
        let old = generate(&store, &request(&owner, &first), "1").await.unwrap();
        let update = Request { replaces: Some(&old), ..request(&owner, &second) };
        let shown = preview(&store, &update).await.unwrap();
        assert!(shown.changes.iter().any(|change| change.name == "I3_ACCESS_CLIENT"), "{:?}", shown.changes);
        assert_eq!(available(&store, &owner).await, 30);
        let new = generate(&store, &update, "2").await.unwrap();
        assert_eq!(available(&store, &owner).await, 5);
        let (total, files) =
            list(&store, &owner.0, &Filter::default(), (Sort::Generated, true), 0, 10).await.unwrap();
        let shown: Vec<_> =
            files.iter().map(|one| (one.number.as_str(), one.generation, one.active)).collect();
        assert_eq!((total, shown), (2, vec![(new.as_str(), 2, true), (old.as_str(), 1, false)]));
        let again = generate(&store, &update, "3").await;
        assert_eq!(refusal(again), Refusal::FileEnded(old));
        assert_eq!(available(&store, &owner).await, 5);
    });
}

#[test]
fn deactivating_gives_the_quantities_back_once() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let selection = selection(20);
        let number = generate(&store, &request(&owner, &selection), "1").await.unwrap();
        let both = futures_pair(&store, &owner.0, &number).await;
        assert_eq!(both.iter().filter(|done| **done).count(), 1);
        assert_eq!(available(&store, &owner).await, 50);
        let active = Filter { active: Some(true), ..Filter::default() };
        assert_eq!(list(&store, &owner.0, &active, (Sort::Generated, true), 0, 10).await.unwrap().0, 0);
    });
}

async fn futures_pair(store: &Store, account: &Account, number: &str) -> [bool; 2] {
    let one = |store: Store, account: Account, number: String| async move {
        deactivate(&store, &account, &number, "moved", ("bob", NOW)).await.is_ok()
    };
    let first = tokio::spawn(one(store.clone(), account.clone(), number.to_owned()));
    let second = tokio::spawn(one(store.clone(), account.clone(), number.to_owned()));
    [first.await.unwrap(), second.await.unwrap()]
}

#[test]
fn the_last_ones_are_taken_by_one_of_two() {
    on_both(|store| async move {
        let (account, site) = acme(&store).await;
        book(&store, &order("1", &[(SERVER, 2), (CLIENT, 50)]), "ann", NOW, 1).await.unwrap();
        let owner = (account, site);
        let tasks = ["1", "2"].map(|key| {
            let (store, owner) = (store.clone(), owner.clone());
            tokio::spawn(async move {
                let selection = selection(40);
                generate(&store, &request(&owner, &selection), key).await
            })
        });
        let mut refused = Vec::new();
        for task in tasks {
            refused.extend(task.await.unwrap().err());
        }
        assert_eq!(refused.len(), 1);
        let expected = Refusal::NotAvailable { part: CLIENT.to_owned(), wanted: 40, available: 10 };
        assert_eq!(refusal(Err::<(), _>(refused.remove(0))), expected);
    });
}

#[test]
fn a_file_has_exactly_one_server_item_and_a_right_host_id_and_is_for_a_known_type() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let mut none = selection(1);
        none.items.remove(0);
        let told = refusal(preview(&store, &request(&owner, &none)).await).to_string();
        assert!(told.contains("exactly one server item, not 0"), "{told}");
        let mut wrong = selection(1);
        wrong.machine.host_id = "G6 07".to_owned();
        let told = refusal(preview(&store, &request(&owner, &wrong)).await);
        assert!(matches!(told, Refusal::Field { field: "host id", .. }), "{told}");
        let mut odd = selection(1);
        odd.license_type = "produktion".to_owned();
        let told = refusal(preview(&store, &request(&owner, &odd)).await).to_string();
        assert!(told.starts_with("license type: `produktion` is none of"), "{told}");
        assert_eq!(available(&store, &owner).await, 50);
    });
}

#[test]
fn a_switchover_pair_is_in_one_file_and_either_machine_may_load_it() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let mut pair = selection(1);
        pair.switchover = Some(Machine { host_id: "0050569a1b2d".to_owned(), name: "backup".to_owned() });
        let shown = preview(&store, &request(&owner, &pair)).await.unwrap();
        assert!(shown.text.contains("SERVER testing \"0050569a1b2c 0050569a1b2d\""), "{}", shown.text);
        assert!(shown.text.contains("# Switchover pair: testing and backup"), "{}", shown.text);
    });
}

#[test]
fn permanent_and_dated_quantities_stand_in_one_file_each_with_its_day() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let mut dated = order("2", &[(CLIENT, 10)]);
        dated.term = Term::Subscription;
        dated.last_day = Some("2027-06-30".to_owned());
        book(&store, &dated, "ann", NOW, 2).await.unwrap();
        let sixty = selection(60);
        let shown = preview(&store, &request(&owner, &sixty)).await.unwrap();
        let text = shown.text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("INCREMENT I3_ACCESS_CLIENT pureconnect 4.0 permanent 50"), "{text}");
        assert!(text.contains("INCREMENT I3_ACCESS_CLIENT pureconnect 4.0 30-jun-2027 10"), "{text}");
        assert_eq!(shown.last_day, "9999-12-31");
    });
}

#[test]
fn updates_are_allowed_while_maintenance_is_paid_and_no_longer() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let one = selection(1);
        let unpaid = preview(&store, &request(&owner, &one)).await.unwrap();
        assert!(!unpaid.text.contains("I3_FEATURE_SU_ALLOWED"), "{}", unpaid.text);
        assert!(!unpaid.explained.contains("I3_FEATURE_SU_ALLOWED"), "{}", unpaid.explained);
        assert_eq!(unpaid.warnings, ["I3_FEATURE_SU_ALLOWED is left out: maintenance is not paid"]);
        let mut renewal = order("2", &[(CLIENT, 1)]);
        renewal.maintenance_until = Some("2027-06-30".to_owned());
        book(&store, &renewal, "ann", NOW, 2).await.unwrap();
        let paid = preview(&store, &request(&owner, &one)).await.unwrap();
        assert!(
            paid.text.contains("INCREMENT I3_FEATURE_SU_ALLOWED pureconnect 2027.0630 30-jun-2027"),
            "{}",
            paid.text
        );
        assert!(paid.text.contains("INCREMENT I3_FEATURE_SIP pureconnect 4.0 permanent"), "{}", paid.text);
        let later = Request { today: "2027-07-01".parse().unwrap(), ..request(&owner, &one) };
        assert!(!preview(&store, &later).await.unwrap().text.contains("I3_FEATURE_SU_ALLOWED"));
    });
}

#[test]
fn maintenance_of_another_product_keeps_no_updates_allowed() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        catalogues::load(&store, "wfo", WFO, ("ann", NOW)).await.unwrap();
        let edition = catalogues::current(&store, store.read()).await.unwrap().remove("wfo").unwrap();
        let part = edition.catalogue.items.values().find(|item| !item.retired && !item.server).unwrap();
        let mut other = order("2", &[(&part.name, 5)]);
        other.lines[0].catalogue = "wfo".to_owned();
        other.maintenance_until = Some("2030-01-01".to_owned());
        book(&store, &other, "ann", NOW, 2).await.unwrap();
        let shown = preview(&store, &request(&owner, &selection(20))).await.unwrap();
        assert!(!shown.text.contains("INCREMENT I3_FEATURE_SU_ALLOWED"), "{}", shown.text);
        let log = log::entries(store.read(), 0, 100).await.unwrap();
        let loaded = |name: &str| {
            let said = format!("\"catalogue\":\"{name}\"");
            log.iter().any(|entry| entry.body.contains("catalogue loaded") && entry.body.contains(&said))
        };
        assert!(loaded("wfo") && loaded("pureconnect-4"), "what decides what orders become is in the log");
    });
}

#[test]
fn a_trial_ends_after_sixty_days() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let mut trial = selection(5);
        trial.license_type = "trial".to_owned();
        let shown = preview(&store, &request(&owner, &trial)).await.unwrap();
        assert_eq!(shown.last_day, "2027-01-23");
        assert!(!shown.text.contains("permanent"), "{}", shown.text);
    });
}

#[test]
fn files_of_another_account_are_not_there() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let selection = selection(1);
        let number = generate(&store, &request(&owner, &selection), "1").await.unwrap();
        let other = Account { id: owner.0.id + 1, ..owner.0.clone() };
        assert_eq!(refusal(document(&store, &other, &number).await), Refusal::UnknownFile(number.clone()));
        let ended = deactivate(&store, &other, &number, "mine", ("eve", NOW)).await;
        assert_eq!(refusal(ended), Refusal::UnknownFile(number));
        assert_eq!(available(&store, &owner).await, 49);
    });
}

#[test]
fn a_preview_waits_for_nobody_who_writes_and_shows_what_an_update_would_have() {
    on_both(|store| async move {
        let owner = ordered(&store).await;
        let first = selection(20);
        let number = generate(&store, &request(&owner, &first), "key-1").await.unwrap();
        // Somebody is at work on the same rows, and takes long.
        let writer = store.write().await.unwrap();
        let of = Owner { account: owner.0.id, site: owner.1.id };
        let part = Part { catalogue: "pureconnect-4".to_owned(), number: CLIENT.to_owned() };
        spend(&writer, of, &BTreeMap::from([(part, 5)]), TODAY).await.unwrap();
        let look = |clients: u32, replaces: Option<String>| {
            let (store, owner) = (store.clone(), owner.clone());
            async move {
                let selection = selection(clients);
                let request = Request { replaces: replaces.as_deref(), ..request(&owner, &selection) };
                let looked = tokio::time::timeout(Duration::from_secs(5), preview(&store, &request)).await;
                looked.expect("it waits for the writer")
            }
        };
        let more = look(50, Some(number.clone())).await.unwrap();
        assert!(!more.changes.is_empty(), "compared with the file that it replaces");
        let beyond = refusal(look(51, Some(number.clone())).await);
        assert_eq!(beyond, Refusal::NotAvailable { part: CLIENT.to_owned(), wanted: 51, available: 50 });
        // The server item is in the file that there is.
        assert!(matches!(refusal(look(30, None).await), Refusal::NotAvailable { .. }));
        writer.rollback().await.unwrap();
        let made = {
            let selection = selection(50);
            let request = Request { replaces: Some(&number), ..request(&owner, &selection) };
            generate(&store, &request, "key-2").await.unwrap()
        };
        let text = unsigned(&store, None).await.unwrap().into_iter().find(|one| one.0 == made).unwrap().1;
        assert_eq!(more.text, text, "what was shown is what is made");
        assert_eq!(
            refusal(look(1, Some(number)).await.map(|_| ())),
            Refusal::FileEnded("AF-000001".to_owned())
        );
    });
}
