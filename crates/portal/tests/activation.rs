//! Activation: an order's number and an installation's key become a signed file, once and for one installation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use axum::http::{Method, StatusCode};
use grantor_portal::accounts::{self, Account, Kind, NewAccount};
use grantor_portal::activation::{
    Asked, Loaded, Move, Report, Standing, activate, move_to, moves_left, report, still_used,
};
use grantor_portal::entitlements::balances;
use grantor_portal::files::{
    self, Chosen, Filter, Machine, Request, Selection, Sort, details, generate, list,
};
use grantor_portal::orders::{NewLine, NewOrder, Term, book};
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, Details, Site};
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, catalogues};
use support::door::{Door, person, visit};
use support::{NOW, TODAY, on_both};

const WFO: &str = include_str!("../../../catalogues/wfo.toml");
const ELEVEO: &str = include_str!("../../../catalogues/eleveo.toml");
const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";

async fn office(store: &Store) -> (Account, Site) {
    catalogues::load(store, "wfo", WFO, NOW).await.unwrap();
    catalogues::load(store, "eleveo", ELEVEO, NOW).await.unwrap();
    let new = NewAccount {
        reference: "ACME".to_owned(),
        name: "Acme".to_owned(),
        kind: Kind::EndUser,
        parent: None,
    };
    let account = accounts::create(store, &new, ("ann", NOW)).await.unwrap();
    let details = Details { name: "Berlin".to_owned(), ..Details::default() };
    let site = sites::create(store, &account, &details, ("ann", NOW)).await.unwrap();
    (account, site)
}

/// Books an order of so many of the catalogue's first part that stands alone; gives its license reference number and the part.
async fn ordered(
    store: &Store,
    number: u64,
    catalogue: &str,
    quantity: u32,
    until: Option<&str>,
) -> (String, String) {
    let edition = catalogues::current(store, store.read()).await.unwrap().remove(catalogue).unwrap();
    let part =
        edition.catalogue.items.values().find(|item| !item.retired && !item.server).unwrap().name.clone();
    let order = NewOrder {
        number: number.to_string(),
        account: "ACME".to_owned(),
        sold_to: None,
        site: "Berlin".to_owned(),
        term: if until.is_some() { Term::Term } else { Term::Perpetual },
        last_day: until.map(str::to_owned),
        maintenance_until: None,
        lines: vec![NewLine { catalogue: catalogue.to_owned(), part: part.clone(), quantity }],
    };
    (book(store, &order, "ann", NOW, number).await.unwrap().lrn, part)
}

fn asked(lrn: &str, key: &str) -> Asked {
    Asked {
        lrn: lrn.to_owned(),
        registration_key: key.to_owned(),
        host_id: None,
        machine: None,
        loaded: None,
    }
}

async fn try_it(store: &Store, asked: &Asked) -> Result<String, Failure> {
    Ok(activate(store, asked, TODAY.parse().unwrap(), NOW).await?.file)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

#[test]
fn an_order_is_activated_once_for_one_installation_however_often_it_is_asked() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        assert_eq!(try_it(&store, &asked(&lrn.to_lowercase(), &KEY.to_lowercase())).await.unwrap(), file);
        let other = try_it(&store, &asked(&lrn, "FEDCBA9876543210")).await;
        assert_eq!(refusal(other), Refusal::ActivatedElsewhere(lrn));
        let shown = details(&store, &account, &file).await.unwrap();
        assert!(
            shown.text.contains(&format!("RK={KEY}")) && shown.text.contains("STATE=active"),
            "{}",
            shown.text
        );
        assert_eq!(shown.used[&part], 20);
        let owned = balances(store.read(), account.id, None, TODAY).await.unwrap();
        assert_eq!(owned[0].available(), 0);
    });
}

#[test]
fn permanent_and_dated_orders_are_merged_into_the_installations_latest_file() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (first, part) = ordered(&store, 1, "wfo", 20, None).await;
        let (second, _) = ordered(&store, 2, "wfo", 5, Some("2027-06-30")).await;
        let one = try_it(&store, &asked(&first, KEY)).await.unwrap();
        let both = try_it(&store, &asked(&second, KEY)).await.unwrap();
        assert_ne!(one, both);
        assert_eq!(
            try_it(&store, &asked(&first, KEY)).await.unwrap(),
            both,
            "the first order's file is this one now"
        );
        let active = Filter { active: Some(true), ..Filter::default() };
        let (count, _) = list(&store, &account, &active, (Sort::Generated, true), 0, 10).await.unwrap();
        assert_eq!(count, 1);
        let shown = details(&store, &account, &both).await.unwrap();
        assert_eq!((shown.used[&part], shown.replaces), (25, Some(one)));
        assert!(shown.text.contains("permanent") && shown.text.contains("30-jun-2027"), "{}", shown.text);
    });
}

#[test]
fn an_inactive_file_becomes_active_by_the_key_of_its_installation() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "eleveo", 3, None).await;
        let selection = Selection {
            catalogue: "eleveo".to_owned(),
            license_type: "commercial".to_owned(),
            machine: Machine { host_id: "ANY".to_owned(), name: "recorder".to_owned() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: None,
            items: vec![Chosen { part, quantity: 3, pooled: 0 }],
        };
        let (by, today) = (Actor::House("ann"), TODAY.parse().unwrap());
        let request = Request {
            account: &account,
            site: &site,
            selection: &selection,
            replaces: None,
            by,
            at: NOW,
            today,
        };
        let inactive = generate(&store, &request, "first").await.unwrap();
        assert!(details(&store, &account, &inactive).await.unwrap().text.contains("STATE=inactive"));
        let active = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let shown = details(&store, &account, &active).await.unwrap();
        assert!(
            shown.text.contains("STATE=active") && shown.text.contains("SERVER recorder"),
            "{}",
            shown.text
        );
        assert_eq!(shown.replaces, Some(inactive));
    });
}

#[test]
fn an_installation_whose_file_was_deactivated_does_not_get_it_again() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        files::deactivate(&store, &account, &file, "returned", ("ann", NOW)).await.unwrap();
        assert_eq!(refusal(try_it(&store, &asked(&lrn, KEY)).await), Refusal::FileEnded(lrn));
    });
}

#[test]
fn of_two_installations_at_once_one_gets_the_order() {
    on_both(|store| async move {
        office(&store).await;
        ordered(&store, 1, "wfo", 20, None).await;
        let (lrn, _) = ordered(&store, 2, "wfo", 20, None).await;
        let (one, other) = (asked(&lrn, KEY), asked(&lrn, "FEDCBA9876543210"));
        let (one, other) = tokio::join!(try_it(&store, &one), try_it(&store, &other));
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    });
}

#[test]
fn a_mistyped_number_is_told_with_the_one_that_is_meant_and_a_refused_try_leaves_nothing() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "wfo", 20, None).await;
        let wrong: String = lrn.chars().rev().collect();
        assert!(matches!(refusal(try_it(&store, &asked(&wrong, KEY)).await), Refusal::Field { .. }));
        let last = if lrn.ends_with('0') { '1' } else { '0' };
        let mistyped = format!("{}{last}", &lrn[..lrn.len() - 1]);
        assert!(refusal(try_it(&store, &asked(&mistyped, KEY)).await).to_string().contains(&lrn));
        assert!(matches!(refusal(try_it(&store, &asked(&lrn, "?")).await), Refusal::Field { .. }));
        // All of it is in another file already.
        let selection = Selection {
            catalogue: "wfo".to_owned(),
            license_type: "pilot".to_owned(),
            machine: Machine { host_id: "ANY".to_owned(), name: "x".to_owned() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: Some("PILOT-INSTALLATION".to_owned()),
            items: vec![Chosen { part, quantity: 20, pooled: 0 }],
        };
        let (by, today) = (Actor::House("ann"), TODAY.parse().unwrap());
        let request = Request {
            account: &account,
            site: &site,
            selection: &selection,
            replaces: None,
            by,
            at: NOW,
            today,
        };
        let pilot = generate(&store, &request, "pilot").await.unwrap();
        assert!(matches!(refusal(try_it(&store, &asked(&lrn, KEY)).await), Refusal::NotAvailable { .. }));
        files::deactivate(&store, &account, &pilot, "the pilot is over", ("ann", NOW)).await.unwrap();
        try_it(&store, &asked(&lrn, "FEDCBA9876543210")).await.unwrap();
    });
}

#[test]
fn programs_activate_by_json_and_are_told_problems_with_what_to_do() {
    on_both(|store| async move {
        office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let door = Door::open(&store, false);
        let json = [("content-type", "application/json")];
        let send = |body: String| {
            let (door, json) = (&door, &json);
            async move { door.send_json(Method::POST, "/api/v1/activations", &body, json).await }
        };
        let unknown =
            send(format!("{{\"lrn\":\"LRN-0000-0000-0000-00\",\"registration_key\":\"{KEY}\"}}")).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{unknown:?}");
        assert!(unknown.body.contains("\"hint\"") && unknown.body.contains("license letter"), "{unknown:?}");
        let strange = send("{\"lrn\":1}".to_owned()).await;
        assert!(strange.status.is_client_error() && strange.body.contains("\"title\""), "{strange:?}");
        // No signer runs here: the file is planned and logged, and waits.
        let waits = send(format!("{{\"lrn\":\"{lrn}\",\"registration_key\":\"{KEY}\"}}")).await;
        assert_eq!(waits.status, StatusCode::SERVICE_UNAVAILABLE, "{waits:?}");
        assert!(waits.body.contains("not signed yet"), "{waits:?}");
        for (number, text) in files::unsigned(&store).await.unwrap() {
            files::was_signed(&store, &number, &text, NOW).await.unwrap();
        }
        let done = send(format!("{{\"lrn\":\"{lrn}\",\"registration_key\":\"{KEY}\"}}")).await;
        assert_eq!(done.status, StatusCode::OK);
        assert!(done.body.contains("license_file") && done.body.contains(KEY), "{done:?}");
    });
}

#[test]
fn a_license_moves_to_another_installation_so_often_a_year_and_the_old_one_gets_it_no_more() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let mut file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let keys = ["AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB", "CCCCCCCCCCCCCCCC"];
        let who = (Actor::House("carl"), TODAY.parse().unwrap(), NOW);
        for (index, to) in keys.into_iter().enumerate() {
            let request = format!("move {index}");
            let wanted = Move { file: &file, to, reason: "a new machine", request: &request };
            let moved = move_to(&store, &account, &wanted, Some(2), who).await;
            if index == 2 {
                assert_eq!(refusal(moved), Refusal::TooManyMoves(2));
                break;
            }
            let moved = moved.unwrap();
            assert_eq!(move_to(&store, &account, &wanted, Some(2), who).await.unwrap(), moved, "sent twice");
            assert!(details(&store, &account, &moved).await.unwrap().text.contains(&format!("RK={to}")));
            file = moved;
        }
        assert_eq!(moves_left(&store, &account, 2, NOW).await.unwrap(), 0);
        assert_eq!(moves_left(&store, &account, 2, NOW + 366 * 24 * 3_600_000).await.unwrap(), 2);
        assert_eq!(
            refusal(try_it(&store, &asked(&lrn, KEY)).await),
            Refusal::ActivatedElsewhere(lrn.clone())
        );
        assert_eq!(try_it(&store, &asked(&lrn, keys[1])).await.unwrap(), file, "the new installation has it");
        let wanted = Move { file: &file, to: keys[2], reason: "by the publisher", request: "staff" };
        move_to(&store, &account, &wanted, None, who).await.unwrap();
    });
}

#[test]
fn a_move_that_was_killed_half_way_is_gone_on_with_when_its_form_is_sent_again() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let to = "AAAAAAAAAAAAAAAA";
        // What the first half does: the new file, and nothing of the orders.
        let selection = Selection {
            registration_key: Some(to.to_owned()),
            ..details(&store, &account, &file).await.unwrap().selection
        };
        let (by, today) = (Actor::House("carl"), TODAY.parse().unwrap());
        let replaces = Some(file.as_str());
        let request =
            Request { account: &account, site: &site, selection: &selection, replaces, by, at: NOW, today };
        let half = generate(&store, &request, "the form").await.unwrap();
        let wanted = Move { file: &file, to, reason: "a new machine", request: "the form" };
        let moved = move_to(&store, &account, &wanted, Some(0), (by, today, NOW)).await.unwrap();
        assert_eq!(moved, half);
        assert_eq!(try_it(&store, &asked(&lrn, to)).await.unwrap(), half, "the orders moved, too");
    });
}

/// The file as a license server that has loaded it names it.
async fn loaded(store: &Store, account: &Account, file: &str) -> Loaded {
    let text = details(store, account, file).await.unwrap().text;
    let word = |name: &str| {
        let from = text.find(name).unwrap() + name.len();
        text[from..].split([' ', '\n']).next().unwrap().trim_matches('"').to_owned()
    };
    Loaded {
        lrn: text.split("LICENSE ").nth(1).unwrap().split(' ').next().unwrap().to_owned(),
        serial: word("SERIAL="),
        generation: word("GENERATION=").parse().unwrap(),
    }
}

fn said(key: &str, loaded: &[Loaded]) -> Report {
    Report {
        registration_key: key.to_owned(),
        machine: Some("recorder1".to_owned()),
        loaded: loaded.to_vec(),
    }
}

const NEW: &str = "AAAAAAAAAAAAAAAA";

#[test]
fn a_server_that_goes_on_with_a_moved_file_is_shown_from_its_next_report_until_it_says_otherwise() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let old = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let has = loaded(&store, &account, &old).await;
        let current = report(&store, &said(KEY, std::slice::from_ref(&has)), NOW).await.unwrap();
        assert_eq!(current[0].standing, Standing::Current);
        let who = (Actor::House("carl"), TODAY.parse().unwrap(), NOW);
        let wanted = Move { file: &old, to: NEW, reason: "a new machine", request: "m" };
        let new = move_to(&store, &account, &wanted, None, who).await.unwrap();
        let shown = |at| still_used(&store, Some(&account), None, at, (0, 10));
        assert_eq!(shown(NOW).await.unwrap().0, 0, "it may have heard of it by now");
        for at in [NOW + 1, NOW + 2] {
            let told = report(&store, &said(&KEY.to_lowercase(), std::slice::from_ref(&has)), at).await;
            let told = told.unwrap().remove(0);
            assert_eq!(
                (told.standing, told.file, told.successor),
                (Standing::Moved, Some(old.clone()), Some(new.clone()))
            );
        }
        let (count, rows) = shown(NOW + 3).await.unwrap();
        assert_eq!((count, rows[0].since, rows[0].seen_at), (1, NOW + 1, NOW + 2));
        assert_eq!(
            (rows[0].file.as_str(), rows[0].machine.as_str(), rows[0].registration_key.as_str()),
            (old.as_str(), "recorder1", KEY)
        );
        let entries = grantor_portal::log::entries(store.read(), 0, 100).await.unwrap();
        let told = entries.iter().filter(|entry| entry.body.contains("ended file in use")).count();
        assert_eq!(told, 1, "the log has it once");
        assert_eq!(shown(NOW + 91 * 24 * 3_600_000).await.unwrap().0, 0, "nobody heard of it for 90 days");
        // The new installation has its own file, and is not counted.
        let its = loaded(&store, &account, &new).await;
        assert_eq!(report(&store, &said(NEW, &[its]), NOW + 4).await.unwrap()[0].standing, Standing::Current);
        assert_eq!(shown(NOW + 4).await.unwrap().0, 1);
        assert_eq!(report(&store, &said(KEY, &[]), NOW + 5).await.unwrap(), []);
        assert_eq!(shown(NOW + 6).await.unwrap().0, 0);
    });
}

#[test]
fn an_activation_tells_of_older_generations_and_deactivated_files_that_are_loaded() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (first, _) = ordered(&store, 1, "wfo", 20, None).await;
        let (second, _) = ordered(&store, 2, "wfo", 5, None).await;
        let one = try_it(&store, &asked(&first, KEY)).await.unwrap();
        let has = loaded(&store, &account, &one).await;
        let with = |lrn: &str| Asked { loaded: Some(vec![has.clone()]), ..asked(lrn, KEY) };
        let both = try_it(&store, &with(&second)).await.unwrap();
        let shown = || still_used(&store, None, None, NOW, (0, 10));
        assert_eq!(shown().await.unwrap().0, 0, "it was the latest when it asked");
        try_it(&store, &with(&first)).await.unwrap();
        let rows = shown().await.unwrap().1;
        assert_eq!((rows[0].standing, rows[0].successor.clone()), (Standing::Superseded, Some(both.clone())));
        files::deactivate(&store, &account, &both, "returned", ("ann", NOW)).await.unwrap();
        assert_eq!(shown().await.unwrap().1[0].standing, Standing::Deactivated);
    });
}

#[test]
fn who_does_not_have_a_file_is_told_nothing_of_it() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let guess = Loaded { serial: "0123456789abcdef".to_owned(), ..loaded(&store, &account, &file).await };
        let told = report(&store, &said(NEW, std::slice::from_ref(&guess)), NOW).await.unwrap().remove(0);
        assert_eq!((told.standing, told.file), (Standing::Unknown, None));
        assert!(matches!(refusal(report(&store, &said("?", &[]), NOW).await), Refusal::Field { .. }));
        let many = vec![guess; 501];
        assert!(matches!(refusal(report(&store, &said(NEW, &many), NOW).await), Refusal::Field { .. }));
    });
}

#[test]
fn staff_and_account_see_which_server_uses_an_ended_file_since_when_and_what_to_do() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (lrn, _) = ordered(&store, 1, "wfo", 20, None).await;
        let file = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let has = loaded(&store, &account, &file).await;
        files::deactivate(&store, &account, &file, "returned", ("ann", NOW)).await.unwrap();
        let door = Door::open(&store, false);
        let body = serde_json::to_string(&said(KEY, &[has])).unwrap();
        let json = [("content-type", "application/json")];
        let told = door.send_json(Method::POST, "/api/v1/reports", &body, &json).await;
        assert!(
            told.status == StatusCode::OK && told.body.contains("\"standing\":\"deactivated\""),
            "{told:?}"
        );
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let (carl, anna) = (visit(&store, &carl).await, visit(&store, &anna).await);
        let summary = door.get("/accounts/ACME", &carl).await.body;
        assert!(summary.contains("1 license server uses a file that does not count any more"), "{summary}");
        let file = format!("/accounts/ACME/files/{file}");
        for (path, who) in [("/accounts/ACME/files", &carl), (file.as_str(), &carl), ("/still-used", &anna)] {
            let page = door.get(path, who).await.body;
            assert!(
                page.contains("recorder1") && page.contains(KEY) && page.contains("Remove the file there"),
                "{path}: {page}"
            );
        }
        assert!(door.get("/still-used?format=csv", &anna).await.body.contains(",deactivated,"));
    });
}
