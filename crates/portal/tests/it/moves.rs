//! A license goes to another machine by a move, which is counted, and by nothing else that people of an account do.

use crate::support::door::person;
use crate::support::wfo::{KEY, asked, office, ordered, try_it};
use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::accounts::Account;
use grantor_portal::activation::{Move, move_to, moves_left};
use grantor_portal::files::{self, Chosen, Machine, Request, Selection, details, generate};
use grantor_portal::orders::book;
use grantor_portal::people::{Actor, Person};
use grantor_portal::rights::Role;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, certifications};

const YEAR: i64 = 366 * 24 * 3_600_000;
const KEYS: [&str; 3] = ["AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB", "CCCCCCCCCCCCCCCC"];
const SERVER: &str = "SW-001-4.0-SL03";

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

fn to<'a>(file: &'a str, key: &'a str, request: &'a str) -> Move<'a> {
    Move { file, to: key, machine: None, switchover: None, reason: "a new machine", request }
}

fn who() -> (Actor<'static>, jiff::civil::Date, i64) {
    (Actor::House("carl"), TODAY.parse().unwrap(), NOW)
}

#[test]
fn a_license_moves_to_another_installation_so_often_a_year_and_the_old_one_gets_it_no_more() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let mut file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        for (index, key) in KEYS.into_iter().enumerate() {
            let request = format!("move {index}");
            let wanted = to(&file, key, &request);
            let moved = move_to(&store, &account, &wanted, Some(2), who()).await;
            if index == 2 {
                assert_eq!(refusal(moved), Refusal::TooManyMoves(2));
                break;
            }
            let moved = moved.unwrap();
            assert_eq!(
                move_to(&store, &account, &wanted, Some(2), who()).await.unwrap(),
                moved,
                "sent twice"
            );
            assert!(details(&store, &account, &moved).await.unwrap().text.contains(&format!("RK={key}")));
            file = moved;
        }
        assert!(details(&store, &account, &file).await.unwrap().file.active, "the refused move left it");
        assert_eq!(moves_left(&store, &account, 2, NOW).await.unwrap(), 0);
        assert_eq!(moves_left(&store, &account, 2, NOW + YEAR).await.unwrap(), 2);
        let old = try_it(&store, &asked(&lrn, KEY)).await;
        assert_eq!(refusal(old), Refusal::ActivatedElsewhere(lrn.clone()));
        assert_eq!(try_it(&store, &asked(&lrn, KEYS[1])).await.unwrap(), file, "the new installation has it");
        move_to(&store, &account, &to(&file, KEYS[2], "staff"), None, who()).await.unwrap();
    });
}

#[test]
fn of_two_moves_at_once_one_takes_the_years_last() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (first, _) = ordered(&store, 1, "eleveo", 2, None).await;
        let (second, _) = ordered(&store, 2, "eleveo", 3, None).await;
        let one = try_it(&store, &asked(&first, KEY)).await.unwrap();
        let other = try_it(&store, &asked(&second, KEY)).await.unwrap();
        let (to_a, to_b) = (to(&one, KEYS[0], "a"), to(&other, KEYS[1], "b"));
        let (a, b) = tokio::join!(
            move_to(&store, &account, &to_a, Some(1), who()),
            move_to(&store, &account, &to_b, Some(1), who()),
        );
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
        assert_eq!(moves_left(&store, &account, 1, NOW).await.unwrap(), 0);
        let lost = if a.is_ok() { &other } else { &one };
        assert!(details(&store, &account, lost).await.unwrap().file.active, "nothing of it was done");
    });
}

#[test]
fn of_two_files_of_an_installation_the_one_that_stays_keeps_its_order() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (first, _) = ordered(&store, 1, "eleveo", 2, None).await;
        let (second, _) = ordered(&store, 2, "eleveo", 3, None).await;
        let one = try_it(&store, &asked(&first, KEY)).await.unwrap();
        let other = try_it(&store, &asked(&second, KEY)).await.unwrap();
        let moved = move_to(&store, &account, &to(&one, KEYS[0], "a"), None, who()).await.unwrap();
        assert_eq!(try_it(&store, &asked(&first, KEYS[0])).await.unwrap(), moved);
        assert_eq!(try_it(&store, &asked(&second, KEY)).await.unwrap(), other);
        assert!(matches!(refusal(try_it(&store, &asked(&first, KEY)).await), Refusal::ActivatedElsewhere(_)));
    });
}

/// A file for a machine with a host id, which needs no activation.
async fn of_a_machine(store: &Store, by: Actor<'_>) -> ((Account, Site), Selection, String) {
    let owner = acme(store).await;
    book(store, &order("1", &[(SERVER, 1)]), "ann", NOW, 1).await.unwrap();
    let selection = Selection {
        catalogue: "pureconnect-4".to_owned(),
        license_type: "production".to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "one".to_owned() },
        switchover: Some(Machine { host_id: "0050569a1b2d".to_owned(), name: "two".to_owned() }),
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: vec![Chosen { part: SERVER.to_owned(), quantity: 1, pooled: 0 }],
    };
    let file = update(store, &owner, &selection, (None, by), "first").await.unwrap();
    (owner, selection, file)
}

async fn update(
    store: &Store,
    (account, site): &(Account, Site),
    selection: &Selection,
    (replaces, by): (Option<&str>, Actor<'_>),
    key: &str,
) -> Result<String, Failure> {
    let today = TODAY.parse().unwrap();
    generate(store, &Request { account, site, selection, replaces, by, at: NOW, today }, key).await
}

async fn certified(store: &Store, mail: &str, role: Role, account: Option<&str>) -> Person {
    let person = person(store, mail, &[role], account).await;
    certifications::enter(store, &person, "pureconnect-4", "2030-01-01", ("ann", NOW)).await.unwrap();
    person
}

#[test]
fn an_update_by_people_of_the_account_leaves_a_file_on_its_machine_and_the_staff_may_move_it_so() {
    on_both(|store| async move {
        let (owner, first, file) = of_a_machine(&store, Actor::House("ann")).await;
        let dora = certified(&store, "dora@acme.test", Role::Customer, Some("ACME")).await;
        let dora = Actor::Person(&dora);
        let other = Machine { host_id: "0050569a1b2f".to_owned(), name: "three".to_owned() };
        let elsewhere = [
            Selection { machine: other.clone(), ..first.clone() },
            Selection { switchover: Some(other.clone()), ..first.clone() },
            Selection { switchover: None, ..first.clone() },
        ];
        for (index, selection) in elsewhere.iter().enumerate() {
            let refused = update(&store, &owner, selection, (Some(&file), dora), &format!("{index}")).await;
            assert_eq!(refusal(refused), Refusal::OtherMachine(file.clone()), "{selection:?}");
        }
        let named = Machine { name: "renamed".to_owned(), ..first.machine.clone() };
        let renamed = Selection { machine: named, ..first.clone() };
        let file = update(&store, &owner, &renamed, (Some(&file), dora), "renamed").await.unwrap();
        let bob = certified(&store, "bob@publisher.test", Role::Analyst, None).await;
        update(&store, &owner, &elsewhere[0], (Some(&file), Actor::Person(&bob)), "staff").await.unwrap();
    });
}

#[test]
fn a_file_that_is_bound_to_a_machine_moves_to_another_one_with_both_of_a_pair() {
    on_both(|store| async move {
        let (owner, _, file) = of_a_machine(&store, Actor::House("ann")).await;
        let machine = |id: &str| Some(Machine { host_id: id.to_owned(), name: String::new() });
        let wanted = Move {
            machine: machine("0050569a1b2f"),
            switchover: machine("005056000001"),
            ..to(&file, "", "a")
        };
        let key = Move { to: KEYS[0], ..wanted.clone() };
        assert!(
            refusal(move_to(&store, &owner.0, &key, None, who()).await).to_string().contains("bound to none")
        );
        let nowhere = to(&file, "", "b");
        assert!(
            refusal(move_to(&store, &owner.0, &nowhere, None, who()).await).to_string().contains("host id")
        );
        let moved = move_to(&store, &owner.0, &wanted, Some(1), who()).await.unwrap();
        let text = details(&store, &owner.0, &moved).await.unwrap().text;
        assert!(text.contains("SERVER one \"0050569a1b2f 005056000001\""), "{text}");
        assert_eq!(moves_left(&store, &owner.0, 1, NOW).await.unwrap(), 0);
    });
}

#[test]
fn a_deactivated_file_has_a_last_file_after_it_that_grants_nothing_and_goes_by_the_same_serial_number() {
    on_both(|store| async move {
        let (owner, _, file) = of_a_machine(&store, Actor::House("ann")).await;
        let last = files::deactivate(&store, &owner.0, &file, "sold", ("ann", NOW)).await.unwrap();
        let ended = details(&store, &owner.0, &file).await.unwrap();
        assert_eq!(ended.deactivation.as_deref(), Some(last.as_str()));
        let shown = details(&store, &owner.0, &last).await.unwrap();
        assert!(shown.deactivates && !shown.file.active);
        assert!(
            shown.text.contains("STATE=deactivated") && shown.text.contains("GENERATION=2"),
            "{}",
            shown.text
        );
        assert!(!shown.text.contains("INCREMENT"), "{}", shown.text);
        let serial = |text: &str| {
            let text = text.replace("\\\n", " ");
            text.split_whitespace().find(|word| word.starts_with("SERIAL=")).unwrap().to_owned()
        };
        assert_eq!(serial(&shown.text), serial(&ended.text));
        assert!(files::unsigned(&store, None).await.unwrap().iter().any(|(number, _)| *number == last));
        let all = files::Filter::default();
        let order = (files::Sort::Generated, true);
        let (count, _) = files::list(&store, &owner.0, &all, order, 0, 10).await.unwrap();
        assert_eq!(count, 1, "the list has what people made");
        let again = files::deactivate(&store, &owner.0, &last, "again", ("ann", NOW)).await;
        assert_eq!(refusal(again), Refusal::FileEnded(last));
    });
}
