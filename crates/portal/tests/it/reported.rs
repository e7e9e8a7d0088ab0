//! What license servers say that they have loaded, and who goes on with what has ended.

use crate::support::door::{Door, person, visit};
use crate::support::wfo::{KEY, asked, office, ordered, try_it};
use crate::support::{NOW, TODAY, on_both};
use axum::http::{Method, StatusCode};
use grantor_portal::accounts::Account;
use grantor_portal::activation::{Asked, Loaded, Move, Report, Standing, move_to, report, still_used};
use grantor_portal::files::{self, details};
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal};

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
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
        let wanted = Move {
            file: &old,
            to: NEW,
            machine: None,
            switchover: None,
            reason: "a new machine",
            request: "m",
        };
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
                page.contains("recorder1")
                    && page.contains(KEY)
                    && page.contains("Load its deactivation file there"),
                "{path}: {page}"
            );
        }
        assert!(door.get("/still-used?format=csv", &anna).await.body.contains(",deactivated,"));
    });
}
