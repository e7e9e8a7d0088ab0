//! Every page × every role × every account: who is let in, and who is told nothing. The table below is written by hand, beside the
//! one that the pages carry, and a page that does not stand in it fails the test.

use std::collections::BTreeMap;

use crate::support::door::{Door, now, password, person, visit};
use crate::support::gates::{PROGRAMS, Seen, everybody, expected, filled, seen};
use crate::support::{NOW, acme, on_both};
use axum::http::{Method, StatusCode};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::http::{Need, routes};
use grantor_portal::people::{Details, Person, edit};
use grantor_portal::rights::Role;
use grantor_portal::signin;
use grantor_portal::store::Store;

/// Who may open which page: anybody, whoever is signed in, or whoever may do a thing.
const PAGES: &[(&str, &str)] = &[
    ("GET /", "signed in"),
    ("GET /sign-in", "anybody"),
    ("POST /sign-in", "anybody"),
    ("GET /sign-in/code", "half signed in"),
    ("POST /sign-in/code", "half signed in"),
    ("POST /sign-out", "anybody"),
    ("GET /forgot", "anybody"),
    ("POST /forgot", "anybody"),
    ("GET /password/{ticket}", "anybody"),
    ("POST /password/{ticket}", "anybody"),
    ("GET /activate", "anybody"),
    ("POST /activate", "anybody"),
    ("POST /api/v1/activations", "anybody"),
    ("GET /api/v1/openapi.json", "anybody"),
    ("GET /request", "anybody"),
    ("GET /request/{kind}", "anybody"),
    ("POST /request/{kind}", "anybody"),
    ("GET /request/{number}/{key}", "anybody"),
    ("POST /request/{number}/{key}/reply", "anybody"),
    ("POST /request/{number}/{key}/attachments", "anybody"),
    ("GET /request/{number}/{key}/attachments/{id}", "anybody"),
    ("GET /me", "signed in"),
    ("POST /me/password", "signed in"),
    ("GET /me/codes", "signed in"),
    ("POST /me/codes", "signed in"),
    ("POST /me/codes/off", "signed in"),
    ("POST /me/visits/end", "signed in"),
    ("GET /me/prove", "signed in"),
    ("POST /me/prove", "signed in"),
    ("POST /me/tokens", "signed in"),
    ("POST /me/tokens/{id}/remove", "signed in"),
    ("POST /me/filters", "signed in"),
    ("POST /me/filters/{id}/remove", "signed in"),
    ("POST /me/passkeys/ask", "signed in"),
    ("POST /me/passkeys", "signed in"),
    ("POST /me/passkeys/{id}/remove", "signed in"),
    ("POST /sign-in/passkey/ask", "anybody"),
    ("POST /sign-in/passkey", "anybody"),
    ("GET /sign-in/with/{name}", "anybody"),
    ("GET /sign-in/with/{name}/back", "anybody"),
    ("POST /password/{ticket}/with/{name}", "anybody"),
    ("POST /me/accounts/{name}", "signed in"),
    ("POST /me/accounts/{id}/remove", "signed in"),
    ("POST /me/prove/with/{name}", "signed in"),
    ("GET /accounts", "signed in"),
    ("GET /accounts/{account}", "sees it"),
    ("GET /accounts/{account}/export", "sees it"),
    ("GET /accounts/{account}/software", "sees it"),
    ("GET /accounts/{account}/files", "sees it"),
    ("GET /accounts/{account}/files/{number}", "sees it"),
    ("GET /accounts/{account}/files/{number}/download", "sees it"),
    ("POST /accounts/{account}/files/{number}/deactivate", "makes its files"),
    ("POST /accounts/{account}/files/{number}/move", "makes its files"),
    ("GET /accounts/{account}/upgrade", "sees it"),
    ("POST /accounts/{account}/upgrade", "makes its files"),
    ("GET /accounts/{account}/new", "makes its files"),
    ("POST /accounts/{account}/new", "makes its files"),
    ("GET /accounts/{account}/sites", "sees it"),
    ("GET /accounts/{account}/sites/new", "keeps its sites"),
    ("POST /accounts/{account}/sites/new", "keeps its sites"),
    ("GET /accounts/{account}/sites/{id}", "keeps its sites"),
    ("POST /accounts/{account}/sites/{id}", "keeps its sites"),
    ("GET /accounts/{account}/orders", "sees it"),
    ("GET /accounts/{account}/orders/{number}", "sees it"),
    ("POST /accounts/{account}/orders/{number}/letter", "sends its letters"),
    ("GET /new-account", "accounts"),
    ("POST /new-account", "accounts"),
    ("GET /accounts/{account}/edit", "changes it"),
    ("POST /accounts/{account}/edit", "changes it"),
    ("GET /orders", "orders"),
    ("GET /orders/new", "orders"),
    ("POST /orders/new", "orders"),
    ("GET /orders/import", "orders"),
    ("POST /orders/import", "orders"),
    ("POST /orders/import/book", "orders"),
    ("GET /orders/imports/{id}", "orders"),
    ("POST /orders/imports/{id}/stop", "orders"),
    ("GET /catalogues", "catalogues"),
    ("POST /catalogues", "catalogues"),
    ("GET /catalogues/{name}", "catalogues"),
    ("GET /people", "people"),
    ("GET /people/new", "people"),
    ("POST /people/new", "people"),
    ("GET /people/{id}", "people"),
    ("POST /people/{id}", "people"),
    ("POST /people/{id}/certifications", "people"),
    ("POST /people/{id}/visits/end", "people"),
    ("POST /people/{id}/visits/{name}/end", "people"),
    ("POST /me/visits/{name}/end", "signed in"),
    ("POST /people/{id}/link", "people"),
    ("GET /accounts/{account}/requests", "sees it"),
    ("GET /requests", "requests"),
    ("GET /requests/{number}", "requests"),
    ("POST /requests/{number}/answer", "requests"),
    ("POST /requests/{number}/note", "requests"),
    ("POST /requests/{number}/change", "requests"),
    ("GET /hooks", "people"),
    ("POST /hooks", "people"),
    ("POST /hooks/{id}/resume", "people"),
    ("POST /hooks/{id}/remove", "people"),
    ("GET /keys", "keys"),
    ("POST /keys", "keys"),
    ("POST /keys/{id}/approve", "keys"),
    ("POST /keys/{id}/decline", "keys"),
    ("GET /revoked-keys", "anybody"),
    ("GET /log", "log"),
    ("GET /log/export", "log"),
    ("GET /mail", "people"),
    ("GET /still-used", "requests"),
    ("POST /api/v1/reports", "anybody"),
];

#[test]
fn every_page_stands_in_the_table_of_who_may_open_it() {
    for (of_programs, table) in [(false, PAGES), (true, PROGRAMS)] {
        let some = routes().into_iter().filter(|route| (route.need == Need::Token) == of_programs);
        let mut pages: Vec<String> = some.map(|route| format!("{} {}", route.method, route.path)).collect();
        let mut table: Vec<&str> = table.iter().map(|(page, _)| *page).collect();
        pages.sort();
        table.sort_unstable();
        assert_eq!(pages, table);
    }
}

/// Which walk in a browser opens which page, and which addresses show none.
const WALKS: &str = include_str!("../../../../e2e/pages.json");

#[test]
fn every_page_stands_in_the_list_of_those_that_a_browser_looks_at() {
    let list: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(WALKS).unwrap();
    let mut listed: Vec<&str> = list.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
    let shown = routes().into_iter().filter(|route| route.method == Method::GET);
    let mut pages: Vec<&str> =
        shown.map(|route| route.path).filter(|path| !path.starts_with("/api/")).collect();
    listed.sort_unstable();
    pages.sort_unstable();
    assert_eq!(pages, listed, "e2e/pages.json");
}

#[test]
fn a_token_of_every_role_of_every_account_asks_what_its_person_may_and_nothing_else() {
    on_both(|store| async move {
        let (people, door) = (everybody(&store).await, Door::open(&store, false));
        for (page, what) in PROGRAMS {
            let (method, path) = page.split_once(' ').unwrap();
            let (method, path) = (method.parse::<Method>().unwrap(), filled(path));
            for somebody in &people {
                let bearer = format!("Bearer {}", somebody.token);
                let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                let answer = door.send_json(method.clone(), &path, "{}", &headers).await;
                let who = format!("{page}, {}, of an account: {}", somebody.role, somebody.of_account);
                assert_eq!(seen(&answer), expected(somebody, what), "{who}: {answer:?}");
                assert!(!answer.status.is_server_error(), "{who}: {answer:?}");
            }
        }
    });
}

#[test]
fn every_role_of_every_account_opens_the_pages_it_may_and_no_other() {
    on_both(|store| async move {
        let (people, door) = (everybody(&store).await, Door::open(&store, false));
        for (page, what) in
            PAGES.iter().filter(|(page, what)| *what != "half signed in" && *page != "POST /sign-out")
        {
            let (method, path) = page.split_once(' ').unwrap();
            let (method, path) = (method.parse::<Method>().unwrap(), filled(path));
            for somebody in &people {
                // Ending other visits is what the page is for; nobody else's are touched.
                let answer = door.send(method.clone(), &path, &somebody.cookie, "").await;
                let who = format!("{page}, {}, of an account: {}", somebody.role, somebody.of_account);
                assert_eq!(seen(&answer), expected(somebody, what), "{who}: {answer:?}");
                assert!(!answer.status.is_server_error(), "{who}: {answer:?}");
            }
        }
    });
}

#[test]
fn nobody_who_is_not_signed_in_sees_anything_but_the_door() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        everybody(&store).await;
        for (page, what) in PAGES.iter().filter(|(_, what)| *what != "anybody") {
            let (method, path) = page.split_once(' ').unwrap();
            let answer = door.send(method.parse().unwrap(), &filled(path), "grs_made_up", "").await;
            assert_eq!(seen(&answer), Seen::ToSignIn, "{page} ({what}): {answer:?}");
            assert!(answer.body.is_empty(), "{page}");
        }
    });
}

#[test]
fn what_another_site_sends_on_a_persons_behalf_is_not_done() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        acme(&store).await;
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let cookie = visit(&store, &admin).await;
        for (page, _) in PAGES.iter().filter(|(page, _)| page.starts_with("POST")) {
            let path = filled(page.strip_prefix("POST ").unwrap());
            for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.test")], &[]]
            {
                let answer = door.send_with(Method::POST, &path, &cookie, "", headers).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page} {headers:?}");
                assert!(answer.body.contains("another site"), "{answer:?}");
            }
        }
        assert_eq!(door.get("/me", &cookie).await.status, StatusCode::OK, "still signed in");
    });
}

#[test]
fn a_right_that_was_taken_away_is_gone_with_the_next_request() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let cookie = visit(&store, &admin).await;
        assert_eq!(door.get("/people", &cookie).await.status, StatusCode::OK);
        let as_analyst = changed(&store, &admin, &[Role::Analyst], true).await;
        assert_eq!(door.get("/people", &cookie).await.status, StatusCode::FORBIDDEN);
        changed(&store, &as_analyst, &[Role::Analyst], false).await;
        assert!(door.get("/accounts", &cookie).await.location.starts_with("/sign-in"));
    });
}

async fn changed(store: &Store, person: &Person, roles: &[Role], active: bool) -> Person {
    let roles = roles.iter().copied().collect();
    let details = Details { name: person.name.clone(), roles, account: None, active };
    edit(store, person, &details, ("ann", NOW)).await.unwrap()
}

#[test]
fn people_are_changed_only_by_whoever_proved_lately_who_they_are() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        password(&store, &admin, "seven purple oxen sing").await;
        let secret = grantor_web::cookie::Secret::new("grs_").unwrap();
        let eleven_minutes_ago = now() - 11 * 60 * 1000;
        signin::passed(&store, admin.id, &secret.hash(), eleven_minutes_ago).await.unwrap();
        let cookie = secret.text();
        assert_eq!(door.get("/people/new", cookie).await.location, "/me/prove?next=%2Fpeople%2Fnew");
        let wrong = door.post("/me/prove", cookie, "next=/people/new&password=wrong").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let right = door.post("/me/prove", cookie, "next=/people/new&password=seven+purple+oxen+sing").await;
        assert_eq!(right.location, "/people/new");
        assert_eq!(door.get("/people/new", cookie).await.status, StatusCode::OK);
    });
}

#[test]
fn after_signing_in_one_goes_on_within_the_portal_and_nowhere_else() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        for elsewhere in
            ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/%0d%0aSet-Cookie:x"]
        {
            let page = door.get(&format!("/sign-in?next={elsewhere}"), "").await;
            let led = page.body.contains("name=\"next\" value=\"/\"") || page.body.contains("value=\"/%0d");
            assert!(led, "{elsewhere}: {}", page.body);
        }
        let page = door.get("/sign-in?next=/accounts/ACME%3Fsite=1", "").await;
        assert!(page.body.contains("value=\"/accounts/ACME?site=1\""), "{}", page.body);
    });
}

#[test]
fn what_people_entered_is_shown_as_text_and_never_as_markup() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let nasty = "<script>alert(1)</script>\"'><img src=x>";
        let new = NewAccount {
            reference: "N".to_owned(),
            name: nasty.to_owned(),
            kind: Kind::EndUser,
            parent: None,
        };
        accounts::create(&store, &new, ("ann", NOW)).await.unwrap();
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let cookie = visit(&store, &admin).await;
        for path in ["/accounts", "/accounts/N", "/accounts/N/new", "/accounts?text=<script>x", "/log"] {
            let page = door.get(&path.replace('<', "%3C").replace('>', "%3E"), &cookie).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(
                !page.body.contains("<script>") && !page.body.contains("<img src=x>"),
                "{path}: {}",
                page.body
            );
        }
    });
}
