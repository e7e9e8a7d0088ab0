//! Activation: an order's number and an installation's key become a signed file, once and for one installation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use axum::http::{Method, StatusCode};
use grantor_portal::activation::{Move, move_to, moves_left};
use grantor_portal::entitlements::balances;
use grantor_portal::files::{
    self, Chosen, Filter, Machine, Request, Selection, Sort, details, generate, list,
};
use grantor_portal::people::Actor;
use grantor_portal::{Failure, Refusal};
use support::door::Door;
use support::wfo::{KEY, asked, office, ordered, try_it};
use support::{NOW, TODAY, on_both};

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
