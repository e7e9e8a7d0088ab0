//! Accounts, sites, catalogues and orders, on both databases.

use crate::support::door::{Door, person, visit};
use crate::support::{CATALOGUE, NOW, TODAY, acme, on_both, order};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::entitlements::balances;
use grantor_portal::lrn::Lrn;
use grantor_portal::orders::{self, NewOrder, Term, book, number_of, read_csv, search};
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, CHOICES, Details};
use grantor_portal::{Failure, Refusal, catalogues};

const BY_NAME: (sites::Sort, bool) = (sites::Sort::Name, false);

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

fn problems<T: std::fmt::Debug>(result: Result<T, Failure>) -> Vec<String> {
    match refusal(result) {
        Refusal::Order(problems) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_reference_number_is_given_once_and_accounts_are_found_by_parts_of_their_names() {
    on_both(|store| async move {
        acme(&store).await;
        let mut new = NewAccount {
            reference: " ACME ".to_owned(),
            name: "Another".to_owned(),
            kind: Kind::Partner,
            parent: Some("ACME".to_owned()),
        };
        assert_eq!(
            refusal(accounts::create(&store, &new, ("ann", NOW)).await),
            Refusal::AccountExists("ACME".to_owned())
        );
        new.reference = "P-1".to_owned();
        accounts::create(&store, &new, ("ann", NOW)).await.unwrap();
        let (total, found) = accounts::search(&store, "Contact", 0, 10).await.unwrap();
        assert_eq!((total, found[0].reference.as_str()), (1, "ACME"));
        assert_eq!(accounts::search(&store, "", 0, 1).await.unwrap().0, 2);
        new.parent = Some("nobody".to_owned());
        assert_eq!(
            refusal(accounts::create(&store, &new, ("ann", NOW)).await),
            Refusal::UnknownAccount("nobody".to_owned())
        );
    });
}

#[test]
fn a_site_is_edited_by_who_saw_its_last_version_only_and_takes_no_order_once_inactive() {
    on_both(|store| async move {
        let (account, berlin) = acme(&store).await;
        let named = |name: &str| Details { name: name.to_owned(), ..Details::default() };
        let twice = sites::create(&store, &account, &named("Berlin"), ("ann", NOW)).await;
        assert_eq!(refusal(twice), Refusal::SiteExists("Berlin".to_owned()));
        let edited =
            sites::edit(&store, &account, &berlin, &named("Berlin"), false, ("ann", NOW)).await.unwrap();
        assert_eq!((edited.active, edited.version), (false, 2));
        let stale = sites::edit(&store, &account, &berlin, &named("Bonn"), true, ("ann", NOW)).await;
        assert_eq!(refusal(stale), Refusal::ChangedMeanwhile("Berlin".to_owned()));
        let refused = problems(book(&store, &order("1", &[("SW-001-4.0-AL02", 1)]), "ann", NOW, 1).await);
        assert_eq!(refused, ["order 1, site: the install site `Berlin` is not active"]);
        assert_eq!(sites::list(&store, &account, Some(true)).await.unwrap(), []);
    });
}

#[test]
fn an_order_is_booked_once_however_often_it_is_sent() {
    on_both(|store| async move {
        let (account, site) = acme(&store).await;
        let fifty = order("SO-1", &[("SW-001-4.0-AL02", 50), ("SW-001-4.0-SL03", 1), ("SW-001-4.0-AL02", 5)]);
        let first = book(&store, &fifty, "ann", NOW, 7).await.unwrap();
        let again = book(&store, &fifty, "ann", NOW, 8).await.unwrap();
        assert_eq!((first.new, again.new, &first.lrn), (true, false, &again.lrn));
        let lrn = Lrn::parse(&first.lrn).unwrap();
        assert_eq!(number_of(&store, lrn).await.unwrap().as_deref(), Some("SO-1"));
        let owned = balances(store.read(), account.id, Some(site.id), TODAY).await.unwrap();
        let owned: Vec<_> =
            owned.iter().map(|b| (b.part.number.as_str(), b.total(), b.available())).collect();
        assert_eq!(owned, [("SW-001-4.0-AL02", 55, 55), ("SW-001-4.0-SL03", 1, 1)]);
        let other = book(&store, &order("SO-1", &[("SW-001-4.0-AL02", 51)]), "ann", NOW, 9).await;
        assert_eq!(refusal(other), Refusal::OrderDiffers("SO-1".to_owned()));
    });
}

#[test]
fn an_order_sent_by_eight_at_once_is_booked_once() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let tasks: Vec<_> = (0..8)
            .map(|bits| {
                let store = store.clone();
                tokio::spawn(async move {
                    book(&store, &order("SO-1", &[("SW-001-4.0-AL02", 50)]), "ann", NOW, bits).await.unwrap()
                })
            })
            .collect();
        let mut booked = Vec::new();
        for task in tasks {
            booked.push(task.await.unwrap());
        }
        assert_eq!(booked.iter().filter(|booked| booked.new).count(), 1);
        assert!(booked.iter().all(|one| one.lrn == booked[0].lrn));
        assert_eq!(balances(store.read(), account.id, None, TODAY).await.unwrap()[0].total(), 50);
    });
}

#[test]
fn every_mistake_of_an_order_is_told_at_once_and_nothing_is_booked() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let mut wrong =
            order("SO-2", &[("SW-001-4.0-AL02", 0), ("SW-001-4.0-DS2", 1), ("SW-001-4.0-AL06", 1)]);
        wrong.lines[2].catalogue = "pureconect-4".to_owned();
        wrong.term = Term::Term;
        wrong.maintenance_until = Some("30.6.2027".to_owned());
        wrong.sold_to = Some("NOBODY".to_owned());
        wrong.site = "Bonn".to_owned();
        let told = problems(book(&store, &wrong, "ann", NOW, 1).await);
        assert_eq!(
            told,
            [
                "order SO-2, last_day: a term order has a last day",
                "order SO-2, maintenance_until: `30.6.2027` is not a day; write `2027-06-30`",
                "order SO-2, line 1, quantity: from 1 to 1000000, not 0",
                "order SO-2, line 2, part: the catalogue `pureconnect-4` has no part `SW-001-4.0-DS2`; is `SW-001-4.0-IDS2` meant?",
                "order SO-2, line 3, catalogue: there is no catalogue `pureconect-4`; is `pureconnect-4` meant?",
                "order SO-2, sold_to: there is no account with the reference number `NOBODY`",
                "order SO-2, site: the account `ACME` has no install site `Bonn`",
            ]
        );
        assert_eq!(balances(store.read(), account.id, None, TODAY).await.unwrap(), []);
    });
}

#[test]
fn a_catalogue_is_loaded_once_and_orders_go_by_its_latest_edition() {
    on_both(|store| async move {
        acme(&store).await;
        let first = catalogues::current(&store, store.read()).await.unwrap()["pureconnect-4"].id;
        let again = catalogues::load(&store, "pureconnect-4", CATALOGUE, ("ann", NOW + 1)).await.unwrap();
        assert_eq!(again.id, first);
        let next = CATALOGUE.replace("edition = \"4.0\"", "edition = \"4.1\"");
        let next = catalogues::load(&store, "pureconnect-4", &next, ("ann", NOW + 2)).await.unwrap();
        let current = catalogues::current(&store, store.read()).await.unwrap();
        assert_eq!((current["pureconnect-4"].id, next.id == first), (next.id, false));
        assert_eq!(
            catalogues::edition(&store, store.read(), first).await.unwrap().unwrap().catalogue.edition,
            "4.0"
        );
        // Both are to be seen: the latest, and by its number the one before.
        let olga = person(&store, "olga@example.com", &[Role::Catalogue], None).await;
        let (door, cookie) = (Door::open(&store, false), visit(&store, &olga).await);
        let shown = async |path: &str| door.get(path, &cookie).await.body;
        let latest = shown("/catalogues/pureconnect-4").await;
        assert!(latest.contains("edition 4.1,") && !latest.contains("an earlier edition"), "{latest}");
        let path = format!("/catalogues/pureconnect-4?edition={first}");
        assert!(latest.contains(&path), "{latest}");
        let before = shown(&path).await;
        assert!(before.contains("edition 4.0,") && before.contains("an earlier edition"), "{before}");
        let none = door.get("/catalogues/pureconnect-4?edition=99", &cookie).await;
        assert_eq!(none.status, axum::http::StatusCode::NOT_FOUND);
        let bad = catalogues::load(&store, "pureconnect-4", "title = 1", ("ann", NOW)).await;
        assert!(matches!(refusal(bad), Refusal::Catalogue(text) if text.contains("pureconnect-4.toml:1:")));
    });
}

#[test]
fn an_order_keeps_the_edition_of_the_catalogue_that_it_was_made_with() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        book(&store, &order("1", &[("SW-001-4.0-AL02", 5)]), "ann", NOW, 1).await.unwrap();
        let next = CATALOGUE.replace("edition = \"4.0\"", "edition = \"4.1\"");
        catalogues::load(&store, "pureconnect-4", &next, ("ann", NOW + 2)).await.unwrap();
        book(&store, &order("2", &[("SW-001-4.0-AL02", 5)]), "ann", NOW + 3, 2).await.unwrap();
        for (number, edition) in [("1", "4.0"), ("2", "4.1")] {
            let (_, lines) = orders::one(&store, account.id, number).await.unwrap();
            assert_eq!(lines[0].edition, edition, "order {number}");
        }
    });
}

#[test]
fn a_csv_file_of_orders_is_read_with_every_bad_row_named() {
    let text = "order,account,site,catalogue,part,quantity,term,last_day\n\
                A,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,50,term,2027-06-30\n\
                B,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,many,,\n\
                A,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1,term,2027-06-30\n\
                A,ACME,Bonn,pureconnect-4,SW-001-4.0-SL03,1,term,2027-06-30\n\
                C,ACME,Berlin\n\
                D,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1,forever,\n";
    let read = read_csv(text.as_bytes());
    let told: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "order B, line 3, quantity: `many` is not a number",
            "order A, line 5, row: says something else of the order than its first row",
            "line 6, row: has 3 fields, and the heading 8",
            "order D, line 7, term: `forever` is none of `perpetual`, `term`, `subscription`, `pilot`, `temporary`",
        ]
    );
    let expected = NewOrder {
        term: Term::Term,
        last_day: Some("2027-06-30".to_owned()),
        ..order("A", &[("SW-001-4.0-AL02", 50), ("SW-001-4.0-SL03", 1)])
    };
    assert_eq!(read.orders, [expected]);
}

#[test]
fn an_order_of_ten_thousand_lines_is_booked_as_a_whole() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let line = order("X", &[("SW-001-4.0-AL02", 2)]).lines.remove(0);
        let mut big = order("BIG", &[]);
        big.lines = vec![line; 10_000];
        book(&store, &big, "ann", NOW, 3).await.unwrap();
        assert_eq!(balances(store.read(), account.id, None, TODAY).await.unwrap()[0].total(), 20_000);
    });
}

#[test]
fn an_order_is_found_among_all_by_how_its_number_or_license_reference_number_begins() {
    on_both(|store| async move {
        acme(&store).await;
        let mut lrns = Vec::new();
        for (bits, number) in ["SO-2026-1", "so-2026-2", "PO_1", "Ünlü-1"].into_iter().enumerate() {
            let bits = 77 + bits as u64 * 1_000_003;
            lrns.push(
                book(&store, &order(number, &[("SW-001-4.0-AL02", 1)]), "ann", NOW, bits).await.unwrap().lrn,
            );
        }
        let found = |text: String| {
            let store = store.clone();
            async move {
                let found = search(&store, &text, 0, 10).await.unwrap();
                assert_eq!((found.total, found.more), (found.rows.len() as u64, false));
                found.rows.into_iter().map(|row| row.number).collect::<Vec<_>>()
            }
        };
        assert_eq!(found("So-2026".to_owned()).await, ["so-2026-2", "SO-2026-1"], "the latest first");
        assert_eq!(found("SO-2026-1".to_owned()).await, ["SO-2026-1"]);
        assert_eq!(found("PO_".to_owned()).await, ["PO_1"]);
        assert_eq!(found("PO%".to_owned()).await, Vec::<String>::new(), "signs are signs");
        assert_eq!(found("Ünlü".to_owned()).await, ["Ünlü-1"]);
        assert_eq!(found("2026".to_owned()).await, Vec::<String>::new(), "it does not begin so");
        assert_eq!(found(String::new()).await, Vec::<String>::new());
        assert_eq!(found(lrns[2].to_lowercase()).await, ["PO_1"]);
        let bare: String =
            lrns[2].trim_start_matches("LRN-").chars().filter(|sign| *sign != '-').take(9).collect();
        assert_eq!(found(bare).await, ["PO_1"], "without the letters before it and dashes");
    });
}

#[test]
fn sites_are_searched_and_paged_and_a_form_offers_a_bounded_choice_with_the_chosen_one() {
    on_both(|store| async move {
        let (account, berlin) = acme(&store).await;
        for number in 0..CHOICES {
            let details =
                Details { name: format!("A{number:03}"), city: "Rome".to_owned(), ..Details::default() };
            sites::create(&store, &account, &details, ("ann", NOW)).await.unwrap();
        }
        let (total, rows) = sites::search(&store, &account, "", BY_NAME, 4, 50).await.unwrap();
        assert_eq!((total, rows.len(), rows[0].details.name.as_str()), (CHOICES + 1, 1, "Berlin"));
        assert_eq!(sites::search(&store, &account, "A01", BY_NAME, 0, 50).await.unwrap().0, 10);
        assert_eq!(sites::search(&store, &account, "Rome", BY_NAME, 0, 50).await.unwrap().0, CHOICES);
        let few = sites::choices(&store, &account, true, None).await.unwrap();
        assert!(few.len() as u64 == CHOICES && few.iter().all(|site| site.0 != berlin.id));
        let with = sites::choices(&store, &account, true, Some(berlin.id)).await.unwrap();
        assert_eq!(with.last().unwrap(), &(berlin.id, "Berlin".to_owned()));
        assert_eq!(sites::choices(&store, &account, true, Some(-1)).await.unwrap().len(), few.len());
    });
}

#[test]
fn what_an_account_owns_at_many_sites_and_days_is_added_up_by_part_and_paged() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let rome = Details { name: "Rome".to_owned(), ..Details::default() };
        sites::create(&store, &account, &rome, ("ann", NOW)).await.unwrap();
        for (bits, (site, term, day)) in [
            ("Berlin", Term::Perpetual, None),
            ("Rome", Term::Term, Some("2027-01-31")),
            ("Rome", Term::Term, Some("2028-01-31")),
        ]
        .into_iter()
        .enumerate()
        {
            let last_day = day.map(str::to_owned);
            let lines = [("SW-001-4.0-AL02", 5), ("SW-001-4.0-AL06", 1)];
            let order =
                NewOrder { site: site.to_owned(), term, last_day, ..order(&format!("{bits}"), &lines) };
            book(&store, &order, "ann", NOW, bits as u64).await.unwrap();
        }
        let all = balances(store.read(), account.id, None, TODAY).await.unwrap();
        let counts: Vec<_> =
            all.iter().map(|one| (one.perpetual, one.dated, one.used, one.mirrored)).collect();
        assert_eq!(counts, [(5, 10, 0, false), (1, 2, 0, false)]);
        let later = balances(store.read(), account.id, None, "2027-02-01").await.unwrap();
        assert_eq!(later[0].dated, 5, "what has ended is not there");
        let door = Door::open(&store, false);
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let carl = visit(&store, &carl).await;
        let first = door.get("/accounts/ACME", &carl).await.body;
        assert!(first.contains("2 results") && first.contains("1 to 2 of 2 parts"), "{first}");
        let second = door.get("/accounts/ACME/software?page=1", &carl).await.body;
        assert!(!second.contains("SW-001-4.0-AL02</td>"), "{second}");
    });
}
