//! Who administers a license server, over its API: invitations, roles and what each may do, passwords, codes; a real server in
//! this process, real TLS, a real disk.

use crate::support::{PASSWORD, Site, line};
use serde_json::{Value, json};

const NEW: &str = "seven purple oxen sing";

/// Invites somebody with these roles and has them take the invitation; gives what they are known by.
fn person(site: &Site, name: &str, roles: Value) -> String {
    let (status, made) = site.admin("POST", "/v1/admin/people", json!({ "name": name, "roles": roles }));
    assert_eq!(status, 201, "{made}");
    let taken = json!({ "invitation": made["invitation"], "password": NEW });
    let (status, made) = site.post("/v1/admin/invitation", taken);
    assert_eq!((status, made["name"].as_str()), (201, Some(name)), "{made}");
    made["token"].as_str().unwrap().to_owned()
}

fn ask(site: &Site, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (status, text) = site.request(method, path, Some(token), body.to_string().as_bytes());
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

fn login(site: &Site, name: &str, password: &str) -> (u16, Value) {
    site.post("/v1/admin/login", json!({ "name": name, "password": password }))
}

#[test]
fn somebody_is_invited_chooses_a_password_and_signs_in() {
    let site = Site::with(vec![]);
    let roles = json!([{ "role": "manage-licenses" }, { "role": "read", "tenant": "blue" }]);
    let body = json!({ "name": "bob", "display_name": "Bob Blue", "roles": roles });
    let (status, made) = site.admin("POST", "/v1/admin/people", body.clone());
    assert_eq!(status, 201, "{made}");
    let (link, secret) = (made["link"].as_str().unwrap(), made["invitation"].as_str().unwrap());
    assert!(link.starts_with("https://") && link.ends_with(&format!("/invitation/{secret}")), "{link}");
    assert_eq!(code(&site.admin("POST", "/v1/admin/people", body)), (409, "name-taken"));
    let take = |password: &str| {
        site.post("/v1/admin/invitation", json!({ "invitation": secret, "password": password }))
    };
    assert_eq!(code(&login(&site, "bob", NEW)), (401, "unauthenticated"), "not yet");
    for weak in ["short", "passwordpassword", "bob blue bob blue"] {
        assert_eq!(code(&take(weak)), (400, "bad-request"), "{weak}");
    }
    assert_eq!(take(NEW).0, 201);
    assert_eq!(code(&take(NEW)), (410, "invitation-over"));
    assert_eq!(login(&site, "Bob", NEW).0, 201, "case makes no other name");
    let (_, people) = site.admin("GET", "/v1/admin/people", Value::Null);
    let bob = people.as_array().unwrap().iter().find(|one| one["name"] == "bob").unwrap();
    assert_eq!((bob["display_name"].as_str(), bob["has_password"].as_bool()), (Some("Bob Blue"), Some(true)));
    assert_eq!(bob["visits"].as_array().unwrap().len(), 2);
    assert_eq!(bob["visits"][0]["from"], "127.0.0.1");
}

#[test]
fn people_and_their_visits_are_there_after_a_restart() {
    let mut site = Site::with(vec![]);
    let bob = person(&site, "bob", json!([{ "role": "read" }]));
    site.restart();
    assert_eq!(ask(&site, &bob, "GET", "/v1/admin/status", Value::Null).0, 200);
    assert_eq!(login(&site, "bob", NEW).0, 201);
}

#[test]
fn each_role_does_what_it_is_for_and_nothing_else() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let add_user = json!({ "changes": [{ "change": "add-user", "name": "x" }] });
    let asks = [
        ("GET", "/v1/admin/status", Value::Null, "read release allocate manage-licenses"),
        ("PUT", "/v1/admin/policies/default/cad", json!({}), "manage-licenses"),
        ("PUT", "/v1/admin/files/default/x.lic", Value::Null, "manage-licenses"),
        ("POST", "/v1/tenants/default/changes", add_user, "allocate"),
        ("DELETE", "/v1/admin/grants/77", Value::Null, "release"),
        ("POST", "/v1/admin/violations/77/clear", Value::Null, "release"),
        ("GET", "/v1/admin/tokens", Value::Null, ""),
        ("GET", "/v1/admin/people", Value::Null, ""),
        ("POST", "/v1/admin/people", json!({ "name": "z", "roles": [{ "role": "read" }] }), ""),
        ("PUT", "/v1/admin/people/ada", json!({}), ""),
        ("DELETE", "/v1/admin/people/ada", Value::Null, ""),
        ("POST", "/v1/admin/people/ada/reset", Value::Null, ""),
        ("DELETE", "/v1/admin/people/ada/visits", Value::Null, ""),
        ("POST", "/v1/admin/clock/confirm", Value::Null, ""),
        ("POST", "/v1/admin/down", Value::Null, ""),
    ];
    for role in ["read", "release", "allocate", "manage-licenses"] {
        let token = person(&site, role, json!([{ "role": role }]));
        for (method, path, body, roles) in &asks {
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let (status, text) = site.request(method, path, Some(&token), &body);
            let may = roles.split(' ').any(|one| one == role);
            assert_eq!(status != 403, may, "{role}: {method} {path}: {status} {text}");
        }
    }
}

#[test]
fn a_role_for_one_tenant_counts_in_no_other_and_not_for_the_site() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let roles = json!([{ "role": "administrator", "tenant": "blue" }, { "role": "read", "tenant": "green" }]);
    let bob = person(&site, "bob", roles);
    site.session("kim");
    let status = ask(&site, &bob, "GET", "/v1/admin/status", Value::Null);
    assert!(status.0 == 200 && !status.1.to_string().contains("cad"), "{status:?}");
    assert_eq!((status.1["sessions"].as_u64(), site.status()["sessions"].as_u64()), (Some(0), Some(1)));
    let policy =
        |tenant: &str| ask(&site, &bob, "PUT", &format!("/v1/admin/policies/{tenant}/cad"), json!({})).0;
    assert_eq!([policy("blue"), policy("green"), policy("default")], [204, 403, 403]);
    for (method, path) in [("GET", "/v1/admin/people"), ("POST", "/v1/admin/reread"), ("GET", "/metrics")] {
        assert_eq!(ask(&site, &bob, method, path, Value::Null).0, 403, "{method} {path}");
    }
}

#[test]
fn the_last_administrator_stays_and_says_why() {
    let site = Site::with(vec![]);
    for (method, path, body) in [
        ("DELETE", "/v1/admin/people/ada", Value::Null),
        ("POST", "/v1/admin/people/ada/reset", Value::Null),
        ("PUT", "/v1/admin/people/ada", json!({ "roles": [{ "role": "read" }] })),
    ] {
        let refused = site.admin(method, path, body);
        assert_eq!(code(&refused), (409, "last-administrator"), "{method} {path}");
        assert!(refused.1["hint"].as_str().unwrap().contains("invite"), "{refused:?}");
    }
    assert_eq!(site.status()["server"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn removing_somebody_or_other_roles_end_visits_and_made_tokens_at_once() {
    let site = Site::with(vec![]);
    let bob = person(&site, "bob", json!([{ "role": "administrator" }]));
    let (status, made) =
        ask(&site, &bob, "POST", "/v1/admin/tokens", json!({ "name": "ci", "scopes": ["read"] }));
    assert_eq!(status, 201, "{made}");
    let ci = made["token"].as_str().unwrap();
    let reads = |token: &str| ask(&site, token, "GET", "/v1/admin/status", Value::Null).0;
    assert_eq!((reads(&bob), reads(ci)), (200, 200));
    let roles = json!({ "display_name": "Bob", "roles": [{ "role": "administrator" }] });
    assert_eq!(site.admin("PUT", "/v1/admin/people/bob", roles).0, 204);
    assert_eq!(reads(&bob), 200, "what stays as it is ends nothing");
    assert_eq!(site.admin("PUT", "/v1/admin/people/bob", json!({ "roles": [{ "role": "read" }] })).0, 204);
    assert_eq!((reads(&bob), reads(ci)), (401, 401));
    let again = login(&site, "bob", NEW).1["token"].as_str().unwrap().to_owned();
    assert_eq!(reads(&again), 200);
    assert_eq!(site.admin("DELETE", "/v1/admin/people/bob", Value::Null).0, 204);
    assert_eq!(reads(&again), 401);
    assert_eq!(code(&login(&site, "bob", NEW)), (401, "unauthenticated"));
    assert_eq!(code(&site.admin("DELETE", "/v1/admin/people/bob", Value::Null)), (404, "no-such-person"));
}

#[test]
fn a_person_changes_the_own_password_and_the_other_visits_end() {
    let site = Site::with(vec![]);
    let bob = person(&site, "bob", json!([{ "role": "read" }]));
    let other = login(&site, "bob", NEW).1["token"].as_str().unwrap().to_owned();
    let change = |token: &str, now: &str, password: &str| {
        ask(&site, token, "PUT", "/v1/admin/me/password", json!({ "now": now, "password": password }))
    };
    assert_eq!(code(&change(&bob, "not the one it is", PASSWORD)), (401, "unauthenticated"));
    assert_eq!(code(&change(&bob, NEW, "too short")), (400, "bad-request"));
    assert_eq!(change(&bob, NEW, "eleven angry geese at noon").0, 204);
    let reads = |token: &str| ask(&site, token, "GET", "/v1/admin/status", Value::Null).0;
    assert_eq!((reads(&bob), reads(&other)), (200, 401));
    assert_eq!(code(&login(&site, "bob", NEW)), (401, "unauthenticated"));
    assert_eq!(login(&site, "bob", "eleven angry geese at noon").0, 201);
    let (_, made) = site.admin("POST", "/v1/admin/tokens", json!({ "name": "ci", "scopes": ["admin"] }));
    let refused = change(made["token"].as_str().unwrap(), NEW, NEW);
    assert_eq!(code(&refused), (403, "forbidden"), "a token has no password");
}

#[test]
fn a_reset_gives_a_new_invitation_and_locks_the_old_ways_out() {
    let site = Site::with(vec![]);
    let bob = person(&site, "bob", json!([{ "role": "read" }]));
    let (status, made) = site.admin("POST", "/v1/admin/people/bob/reset", Value::Null);
    assert_eq!(status, 201, "{made}");
    assert_eq!(ask(&site, &bob, "GET", "/v1/admin/status", Value::Null).0, 401);
    assert_eq!(code(&login(&site, "bob", NEW)), (401, "unauthenticated"));
    let taken = json!({ "invitation": made["invitation"], "password": PASSWORD });
    assert_eq!(site.post("/v1/admin/invitation", taken).0, 201);
    assert_eq!(login(&site, "bob", PASSWORD).0, 201);
}

#[test]
fn guesses_at_one_name_are_slowed_down_also_when_many_come_at_once() {
    let site = Site::with(vec![]);
    let wrong = || code(&login(&site, "nobody", "wrong, but long enough")).1.to_owned();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(wrong)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let looked_at = answers.iter().filter(|code| *code == "unauthenticated").count();
    assert!((3..=5).contains(&looked_at), "{answers:?}");
    assert!(answers.iter().any(|code| code == "too-many-tries"), "{answers:?}");
}
