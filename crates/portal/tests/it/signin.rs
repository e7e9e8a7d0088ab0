//! Signing in: passwords, codes, links of use once, and the visits that come of it.

use crate::support::door::{Door, now, password, person, visit};
use crate::support::{NOW, on_both};
use axum::http::StatusCode;
use grantor_portal::people;
use grantor_portal::rights::Role;
use grantor_portal::sealed::Seal;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, signin};
use grantor_web::cookie::{Secret, hash};
use grantor_web::totp::Key;

const MINUTE: i64 = 60 * 1000;
const RIGHT: &str = "mail=ada%40example.com&password=seven+purple+oxen+sing";
const WRONG: &str = "mail=ada%40example.com&password=guess";

async fn ada(store: &Store) -> people::Person {
    let ada = person(store, "ada@example.com", &[Role::Administrator], None).await;
    password(store, &ada, "seven purple oxen sing").await;
    ada
}

#[test]
fn a_visit_ends_after_half_an_hour_without_a_request_and_after_twelve_hours_in_any_case() {
    on_both(|store| async move {
        let ada = ada(&store).await;
        signin::passed(&store, ada.id, "idle", NOW).await.unwrap();
        assert!(signin::visit(&store, "idle", NOW + 29 * MINUTE).await.unwrap().is_some());
        assert!(signin::visit(&store, "idle", NOW + 58 * MINUTE).await.unwrap().is_some(), "seen meanwhile");
        assert!(signin::visit(&store, "idle", NOW + 89 * MINUTE).await.unwrap().is_none());
        signin::passed(&store, ada.id, "busy", NOW).await.unwrap();
        for at in (0..720).step_by(20) {
            assert!(signin::visit(&store, "busy", NOW + at * MINUTE).await.unwrap().is_some(), "{at}");
        }
        assert!(signin::visit(&store, "busy", NOW + 720 * MINUTE).await.unwrap().is_none());
    });
}

#[test]
fn of_many_guesses_at_once_few_count_and_the_right_password_is_not_shut_out_for_good() {
    on_both(|store| async move {
        let ada = ada(&store).await;
        for _ in 0..6 {
            signin::attempt(&store, "Ada@Example.com ", NOW).await.unwrap();
        }
        let guesses = (0..20).map(|_| signin::attempt(&store, "ada@example.com", NOW + 10_000));
        let mut counted = 0;
        for guess in guesses {
            counted += usize::from(guess.await.unwrap().person.is_some());
        }
        assert_eq!(counted, 1, "of twenty within one pause");
        let later = signin::attempt(&store, "ada@example.com", NOW + 20_000).await.unwrap();
        assert_eq!(later.person, Some(ada.id));
        let nobody = signin::attempt(&store, "eve@example.com", NOW).await.unwrap();
        assert!(nobody.person.is_none() && nobody.hash.is_none());
    });
}

#[test]
fn the_answer_does_not_tell_whether_there_is_such_a_person() {
    on_both(|store| async move {
        ada(&store).await;
        let door = Door::open(&store, false);
        let known = door.post("/sign-in", "", WRONG).await;
        let unknown = door.post("/sign-in", "", "mail=eve%40example.com&password=guess").await;
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body.replace("ada@", "eve@"), unknown.body);
        let forgot = door.post("/forgot", "", "mail=eve%40example.com").await;
        assert_eq!(forgot.body, door.post("/forgot", "", "mail=ada%40example.com").await.body);
    });
}

#[test]
fn one_address_can_not_try_all_day() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let mut last = StatusCode::OK;
        for _ in 0..25 {
            last = door.post("/sign-in", "", "mail=x%40example.com&password=guess").await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    });
}

#[test]
fn signing_in_makes_a_new_cookie_and_signing_out_ends_the_visit() {
    on_both(|store| async move {
        ada(&store).await;
        let door = Door::open(&store, false);
        let planted = door.post("/sign-in", "grs_planted", RIGHT).await;
        let cookie = planted.cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        assert!(cookie.starts_with("grs_") && cookie != "grs_planted");
        assert_eq!(door.get("/me", &cookie).await.status, StatusCode::OK);
        assert!(door.get("/me", "grs_planted").await.location.starts_with("/sign-in"));
        door.post("/sign-out", &cookie, "").await;
        assert!(door.get("/me", &cookie).await.location.starts_with("/sign-in"));
    });
}

#[test]
fn a_link_sets_a_password_once_and_ends_all_visits() {
    on_both(|store| async move {
        let (ada, door) = (ada(&store).await, Door::open(&store, false));
        let cookie = visit(&store, &ada).await;
        let (old, new) = (Secret::new("grl_").unwrap(), Secret::new("grl_").unwrap());
        for secret in [&old, &new] {
            let link = signin::Link { portal: "", secret: secret.text(), hash: &secret.hash() };
            signin::forgot(&store, "ada@example.com", &link, now()).await.unwrap();
        }
        let form = "password=nine+green+owls+hum&again=nine+green+owls+hum";
        let at = |secret: &Secret| format!("/password/{}", secret.text());
        assert_eq!(
            door.post(&at(&old), "", form).await.status,
            StatusCode::NOT_FOUND,
            "only the latest counts"
        );
        let weak = door.post(&at(&new), "", "password=password1234&again=password1234").await;
        assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(door.post(&at(&new), "", form).await.status, StatusCode::OK);
        assert_eq!(door.post(&at(&new), "", form).await.status, StatusCode::NOT_FOUND);
        assert!(door.get("/me", &cookie).await.location.starts_with("/sign-in"));
        assert_eq!(door.post("/sign-in", "", RIGHT).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let late = signin::ticket_of(store.read(), &hash(old.text()), NOW).await.unwrap_err();
        assert!(matches!(late, Failure::Refused(Refusal::TicketEnded)));
    });
}

#[test]
fn a_link_for_a_new_password_works_for_an_hour() {
    on_both(|store| async move {
        ada(&store).await;
        let link = signin::Link { portal: "", secret: "s", hash: "h" };
        signin::forgot(&store, "ada@example.com", &link, NOW).await.unwrap();
        assert!(signin::ticket_of(store.read(), "h", NOW + 59 * MINUTE).await.is_ok());
        assert!(signin::ticket_of(store.read(), "h", NOW + 60 * MINUTE).await.is_err());
    });
}

#[test]
fn whoever_shows_codes_is_signed_in_with_one_of_them_only_and_each_counts_once() {
    on_both(|store| async move {
        let (ada, door) = (ada(&store).await, Door::open(&store, false));
        let (cookie, key) = (visit(&store, &ada).await, Key::new().unwrap());
        let page = door.get("/me/codes", &cookie).await.body;
        let text = page.split("type it in: <code>").nth(1).unwrap().split('<').next().unwrap();
        let sealed = page.split("name=\"sealed\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let shown = Key::from_text(text).unwrap();
        let seconds = || now().unsigned_abs() / 1000;
        let form = |code: &str| {
            let sealed =
                sealed.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace("&#43;", "%2B");
            format!("sealed={sealed}&code={code}")
        };
        let wrong = door.post("/me/codes", &cookie, &form(&key.code(seconds()).unwrap())).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "the code of another key");
        let on = door.post("/me/codes", &cookie, &form(&shown.code(seconds()).unwrap())).await;
        assert_eq!(on.location, "/me?done=codes-on", "{}", on.body);

        let half = door.post("/sign-in", "", RIGHT).await;
        assert!(half.location.starts_with("/sign-in/code"));
        let cookie = half.cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        assert_eq!(door.get("/accounts", &cookie).await.location, "/sign-in/code");
        assert_eq!(door.post("/me/codes/off", &cookie, "").await.location, "/sign-in/code");
        let code = format!("code={}", shown.code(seconds()).unwrap());
        assert_eq!(door.post("/sign-in/code", &cookie, &code).await.location, "/");
        assert_eq!(door.get("/me", &cookie).await.status, StatusCode::OK);

        let again =
            door.post("/sign-in", "", RIGHT).await.cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        let used = door.post("/sign-in/code", &again, &code).await;
        assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "a code counts once");
    });
}

#[test]
fn the_publishers_staff_turns_codes_on_before_anything_else_where_the_portal_wants_it() {
    on_both(|store| async move {
        let (ada, door) = (ada(&store).await, Door::open(&store, true));
        let cookie = visit(&store, &ada).await;
        assert_eq!(door.get("/accounts", &cookie).await.location, "/me/codes");
        assert_eq!(door.get("/me/codes", &cookie).await.status, StatusCode::OK);
    });
}

/// What the visit with that cookie is called on pages.
fn name(cookie: &str) -> String {
    signin::visit_name(&hash(cookie)).to_owned()
}

#[test]
fn a_person_ends_one_of_their_other_visits_or_all_of_them_and_never_somebody_elses() {
    on_both(|store| async move {
        let (ada, door) = (ada(&store).await, Door::open(&store, false));
        let eve = person(&store, "eve@example.com", &[Role::Analyst], None).await;
        let (here, there, third) =
            (visit(&store, &ada).await, visit(&store, &ada).await, visit(&store, &ada).await);
        let hers = visit(&store, &eve).await;
        let me = door.get("/me", &here).await.body;
        assert!(me.contains(&format!("/me/visits/{}/end", name(&there))), "{me}");
        assert!(!me.contains(&format!("/me/visits/{}/end", name(&here))), "not this one");
        assert!(!me.contains(&hash(&there)), "the hash itself is not shown");
        for path in [name(&hers), name(&here), "_%".to_owned(), "%".to_owned()] {
            door.post(&format!("/me/visits/{path}/end"), &here, "").await;
        }
        for cookie in [&here, &there, &third, &hers] {
            assert_eq!(door.get("/me", cookie).await.status, StatusCode::OK);
        }
        let ended = door.post(&format!("/me/visits/{}/end", name(&there)), &here, "").await;
        assert_eq!(ended.location, "/me?done=ended");
        assert!(door.get("/me", &there).await.location.starts_with("/sign-in"));
        assert_eq!(door.get("/me", &third).await.status, StatusCode::OK);
        door.post("/me/visits/end", &here, "").await;
        assert!(door.get("/me", &third).await.location.starts_with("/sign-in"));
        assert_eq!(door.get("/me", &hers).await.status, StatusCode::OK);
    });
}

#[test]
fn an_administrator_sees_a_persons_visits_and_ends_them_and_the_log_tells_who_did() {
    on_both(|store| async move {
        let (ada, door) = (ada(&store).await, Door::open(&store, false));
        let eve = person(&store, "eve@example.com", &[Role::Analyst], None).await;
        let admin = visit(&store, &ada).await;
        let (one, two) = (visit(&store, &eve).await, visit(&store, &eve).await);
        let page = format!("/people/{}", eve.id);
        let shown = door.get(&page, &admin).await.body;
        assert_eq!(shown.matches("/visits/").count(), 3, "each, and all of them: {shown}");
        let ended = door.post(&format!("{page}/visits/{}/end", name(&one)), &admin, "").await;
        assert_eq!(ended.location, format!("{page}?done=ended"));
        assert!(door.get("/me", &one).await.location.starts_with("/sign-in"));
        assert_eq!(door.get("/me", &two).await.status, StatusCode::OK);
        door.post(&format!("{page}/visits/end"), &admin, "").await;
        assert!(door.get("/me", &two).await.location.starts_with("/sign-in"));
        let none = door.get(&page, &admin).await.body;
        assert!(none.contains("Nowhere."), "{none}");
        let entries = grantor_portal::log::entries(store.read(), 0, 100).await.unwrap();
        let told = entries.iter().filter(|entry| entry.body.contains("\"what\":\"visits ended\""));
        assert_eq!(told.filter(|entry| entry.body.contains("\"by\":\"ada@example.com\"")).count(), 2);
    });
}

#[test]
fn a_seal_of_another_portal_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short"), "x").unwrap();
    assert!(Seal::open(&folder.path().join("short")).is_err());
}
