//! Activation: an order's number and an installation's key become a signed file, once and for one installation.

use crate::support::door::Door;
use crate::support::wfo::{KEY, asked, office, ordered, ordered_as, try_it};
use crate::support::{NOW, TODAY, on_both};
use axum::http::{Method, StatusCode};
use grantor_portal::accounts::Account;
use grantor_portal::entitlements::balances;
use grantor_portal::files::{
    self, Chosen, Filter, Machine, Request, Selection, Sort, details, generate, list,
};
use grantor_portal::orders::Term;
use grantor_portal::people::Actor;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, log};

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
fn a_pilot_and_a_temporary_order_stand_alone_while_permanent_and_dated_ones_are_merged() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (first, part) = ordered(&store, 1, "wfo", 20, None).await;
        let (second, _) = ordered(&store, 2, "wfo", 5, Some("2027-06-30")).await;
        let until = |term: Term, day| (term, Some(day));
        let (pilot, _) = ordered_as(&store, 3, "wfo", 7, until(Term::Pilot, "2027-03-31")).await;
        let (short, _) = ordered_as(&store, 4, "wfo", 3, until(Term::Temporary, "2027-01-31")).await;

        // What is perpetual is free, and would be taken first if it were not a pilot.
        let alone = try_it(&store, &asked(&pilot, KEY)).await.unwrap();
        assert_eq!(ends(&store, &account, &alone).await, ["31-mar-2027"]);
        let selection = details(&store, &account, &alone).await.unwrap().selection;
        let (by, today) = (Actor::House("ann"), TODAY.parse().unwrap());
        let (account_of, site, replaces) = (&account, &site, Some(alone.as_str()));
        let update =
            Request { account: account_of, site, selection: &selection, replaces, by, at: NOW, today };
        let alone = generate(&store, &update, "an update").await.unwrap();
        assert_eq!(ends(&store, &account, &alone).await, ["31-mar-2027"], "an update leaves it a pilot");

        try_it(&store, &asked(&first, KEY)).await.unwrap();
        let both = try_it(&store, &asked(&second, KEY)).await.unwrap();
        assert_eq!(ends(&store, &account, &both).await, ["30-jun-2027", "permanent"]);
        let brief = try_it(&store, &asked(&short, KEY)).await.unwrap();
        assert_eq!(ends(&store, &account, &brief).await, ["31-jan-2027"]);

        let active = Filter { active: Some(true), ..Filter::default() };
        let (count, _) = list(&store, &account, &active, (Sort::Generated, true), 0, 10).await.unwrap();
        assert_eq!(count, 3);
        for (number, of_type, quantity) in
            [(&alone, "pilot", 7), (&both, "permanent", 25), (&brief, "temporary", 3)]
        {
            let shown = details(&store, &account, number).await.unwrap();
            assert_eq!((shown.file.license_type.as_str(), shown.used[&part]), (of_type, quantity));
        }
        for (lrn, number) in [(&pilot, &alone), (&second, &both), (&short, &brief)] {
            assert_eq!(
                &try_it(&store, &asked(lrn, KEY)).await.unwrap(),
                number,
                "asked again, it is the same"
            );
        }
    });
}

/// The days through which a file's lines are, each once.
async fn ends(store: &Store, account: &Account, number: &str) -> Vec<String> {
    let lines = lines(store, account, number).await;
    let mut days: Vec<String> =
        lines.iter().map(|line| line.split_whitespace().nth(4).unwrap().to_owned()).collect();
    days.sort();
    days.dedup();
    days
}

#[test]
fn an_inactive_file_becomes_active_by_the_key_of_its_installation() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "eleveo", 3, None).await;
        let inactive = inactive(&store, (&account, &site), &part, 3).await;
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

/// An inactive file of so many of the part.
async fn inactive(store: &Store, (account, site): (&Account, &Site), part: &str, quantity: u32) -> String {
    let selection = Selection {
        catalogue: "eleveo".to_owned(),
        license_type: "commercial".to_owned(),
        machine: Machine { host_id: "ANY".to_owned(), name: "recorder".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: vec![Chosen { part: part.to_owned(), quantity, pooled: 0 }],
    };
    let (by, today) = (Actor::House("ann"), TODAY.parse().unwrap());
    let (replaces, at) = (None, NOW);
    let request = Request { account, site, selection: &selection, replaces, by, at, today };
    generate(store, &request, &format!("{quantity} of {part}")).await.unwrap()
}

#[test]
fn a_sites_second_inactive_file_is_activated_by_the_number_that_stands_in_it() {
    on_both(|store| async move {
        let (account, site) = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "eleveo", 5, None).await;
        inactive(&store, (&account, &site), &part, 3).await;
        let second = inactive(&store, (&account, &site), &part, 2).await;
        let own = details(&store, &account, &second).await.unwrap().file.lrn;
        assert_ne!(own, lrn);
        let active = try_it(&store, &asked(&own.to_lowercase(), KEY)).await.unwrap();
        let shown = details(&store, &account, &active).await.unwrap();
        assert!(shown.text.contains("STATE=active") && shown.text.contains(&own), "{}", shown.text);
        assert_eq!(shown.replaces, Some(second));
        assert_eq!(try_it(&store, &asked(&own, KEY)).await.unwrap(), active, "the same again");
        let elsewhere = refusal(try_it(&store, &asked(&own, &KEY.replace('0', "F"))).await);
        assert_eq!(elsewhere, Refusal::ActivatedElsewhere(own.clone()));
        // The first one is activated by its order's number as ever.
        assert_ne!(try_it(&store, &asked(&lrn, KEY)).await.unwrap(), active);
        files::deactivate(&store, &account, &active, "returned", ("ann", NOW)).await.unwrap();
        assert_eq!(refusal(try_it(&store, &asked(&own, KEY)).await), Refusal::FileEnded(own));
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
        for (number, text) in files::unsigned(&store, None).await.unwrap() {
            files::was_signed(&store, &number, &text, NOW).await.unwrap();
        }
        let done = send(format!("{{\"lrn\":\"{lrn}\",\"registration_key\":\"{KEY}\"}}")).await;
        assert_eq!(done.status, StatusCode::OK);
        assert!(done.body.contains("license_file") && done.body.contains(KEY), "{done:?}");
    });
}

/// An active file of its own for that installation.
async fn made(store: &Store, (account, site): &(Account, Site), of_type: &str, part: &str) -> String {
    let selection = Selection {
        catalogue: if of_type == "commercial" { "eleveo" } else { "wfo" }.to_owned(),
        license_type: of_type.to_owned(),
        machine: Machine { host_id: "ANY".to_owned(), name: "x".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: Some(KEY.to_owned()),
        items: vec![Chosen { part: part.to_owned(), quantity: 5, pooled: 0 }],
    };
    let (by, today) = (Actor::House("ann"), TODAY.parse().unwrap());
    let request = Request { account, site, selection: &selection, replaces: None, by, at: NOW, today };
    generate(store, &request, "by hand").await.unwrap()
}

async fn lines(store: &Store, account: &Account, number: &str) -> Vec<String> {
    let text = details(store, account, number).await.unwrap().text;
    let lines = text.replace("\\\n", " ");
    lines.lines().filter(|line| line.starts_with("INCREMENT")).map(str::to_owned).collect()
}

#[test]
fn two_orders_of_the_same_for_one_installation_are_two_files_and_no_line_of_one_is_a_line_of_the_other() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (first, _) = ordered(&store, 1, "eleveo", 3, None).await;
        let (second, _) = ordered(&store, 2, "eleveo", 3, None).await;
        let two = try_it(&store, &asked(&second, KEY)).await.unwrap();
        let one = try_it(&store, &asked(&first, KEY)).await.unwrap();
        assert_ne!(one, two);
        let (of_one, of_two) = (lines(&store, &account, &one).await, lines(&store, &account, &two).await);
        assert!(of_one.iter().all(|line| line.contains(&first)), "{of_one:?}");
        assert!(of_two.iter().all(|line| line.contains(&second)), "{of_two:?}");
        assert_eq!(try_it(&store, &asked(&first, KEY)).await.unwrap(), one, "each order has its own file");
        assert_eq!(try_it(&store, &asked(&second, KEY)).await.unwrap(), two);
    });
}

#[test]
fn a_pilot_beside_what_was_bought_does_not_join_it_and_has_a_number_of_its_own() {
    on_both(|store| async move {
        let owner = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "wfo", 20, None).await;
        let (more, _) = ordered(&store, 2, "wfo", 5, None).await;
        let bought = try_it(&store, &asked(&lrn, KEY)).await.unwrap();
        let pilot = made(&store, &owner, "pilot", &part).await;
        assert_eq!(try_it(&store, &asked(&lrn, KEY)).await.unwrap(), bought, "not the pilot's");
        files::deactivate(&store, &owner.0, &pilot, "over", ("ann", NOW)).await.unwrap();
        let pilot = details(&store, &owner.0, &pilot).await.unwrap();
        assert!(pilot.file.lrn != lrn, "its end would be the end of what was bought: {}", pilot.text);
        let both = try_it(&store, &asked(&more, KEY)).await.unwrap();
        let shown = details(&store, &owner.0, &both).await.unwrap();
        assert_eq!((shown.replaces, shown.used[&part]), (Some(bought), 25));
    });
}

#[test]
fn an_order_whose_file_was_made_by_hand_is_activated_under_another_number_if_there_is_more_of_it() {
    on_both(|store| async move {
        let owner = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "eleveo", 5, None).await;
        ordered(&store, 2, "eleveo", 5, None).await;
        let by_hand = made(&store, &owner, "commercial", &part).await;
        let activated = try_it(&store, &asked(&lrn, "FEDCBA9876543210")).await.unwrap();
        let number = |file: String| {
            let (store, account) = (&store, &owner.0);
            async move { details(store, account, &file).await.unwrap().file.lrn }
        };
        assert_eq!(number(by_hand).await, lrn);
        assert_ne!(number(activated).await, lrn);
    });
}

#[test]
fn an_activation_that_is_refused_is_taken_back_and_the_log_says_so() {
    on_both(|store| async move {
        let owner = office(&store).await;
        let (lrn, part) = ordered(&store, 1, "wfo", 5, None).await;
        made(&store, &owner, "pilot", &part).await;
        assert!(matches!(refusal(try_it(&store, &asked(&lrn, KEY)).await), Refusal::NotAvailable { .. }));
        let all = log::entries(store.read(), 0, 100).await.unwrap();
        let last = &all.last().unwrap().body;
        assert!(last.contains("activation taken back") && last.contains("are available"), "{last}");
    });
}
