//! The HTTP API told as stories: a real server in this process, real TLS, a real disk.

use crate::support;
use crate::support::{PASSWORD, Site, license, license_with, line, line_with};
use serde_json::{Value, json};

#[test]
fn a_seat_is_granted_shown_and_given_back() {
    let site = Site::with(vec![line("cad", "8.0", 2)]);
    let session = site.session("alice");
    let (status, body) = site.checkout(&session, json!({ "feature": "CAD", "version": "8.0" }));
    assert_eq!(status, 201, "{body}");
    let grant = &body["grants"][0];
    assert_eq!((grant["feature"].as_str(), grant["count"].as_u64()), (Some("cad"), Some(1)));
    assert!(grant["proof"].as_str().unwrap().contains("INCREMENT cad"), "{grant}");
    let shown = site.feature("cad");
    assert_eq!((shown["capacity"].as_u64(), shown["in_use"].as_u64()), (Some(2), Some(1)));
    assert_eq!(shown["pools"][0]["holders"][0]["user"], "alice");
    let (status, _) = site.delete(&format!("/v1/sessions/{session}/checkouts/{}", grant["grant"]));
    assert_eq!(status, 200);
    assert_eq!(site.feature("cad")["in_use"], 0);
    let (status, body) = site.delete(&format!("/v1/sessions/{session}/checkouts/{}", grant["grant"]));
    assert_eq!((status, body["code"].as_str()), (410, Some("already-returned")));
}

#[test]
fn a_refusal_says_who_holds_the_seats_and_what_would_help() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let alice = site.session("alice");
    assert_eq!(site.checkout(&alice, json!({ "feature": "cad", "version": "8.0" })).0, 201);
    let bob = site.session("bob");
    let (status, body) = site.checkout(&bob, json!({ "feature": "cad", "version": "8.0" }));
    assert_eq!((status, body["code"].as_str()), (409, Some("none-left")));
    assert_eq!(body["detail"], "1 of 1 seats of `cad` are out");
    assert_eq!(body["holders"][0]["user"], "alice");
    assert!(body["hint"].as_str().unwrap().contains("`alice@host-of-alice` has held 1 longest"), "{body}");
    let violations = site.status()["violations"].clone();
    assert_eq!(violations[0]["kind"], "GLMR_LICENSE_NO_LICENSE_AVAILABLE");
    site.delete(&format!("/v1/sessions/{alice}"));
    assert_eq!(site.status()["violations"], json!([]));
}

#[test]
fn wrong_names_versions_and_counts_are_refused_each_for_its_own_reason() {
    let site = Site::with(vec![line("tserver_sdn", "8.0", 10)]);
    let session = site.session("alice");
    let refused = |body: Value| {
        let (status, body) = site.checkout(&session, body);
        (
            status,
            body["code"].as_str().unwrap_or_default().to_owned(),
            body["hint"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let unknown = refused(json!({ "feature": "tserver_snd", "version": "8.0" }));
    assert_eq!(unknown, (404, "unknown-feature".to_owned(), "did you mean `tserver_sdn`?".to_owned()));
    assert_eq!(refused(json!({ "feature": "tserver_sdn", "version": "9.0" })).1, "version-not-served");
    assert_eq!(refused(json!({ "feature": "tserver_sdn", "version": "eight" })).1, "bad-request");
    assert_eq!(
        refused(json!({ "feature": "tserver_sdn", "version": "8.0", "count": 11 })).1,
        "more-than-exists"
    );
    assert_eq!(refused(json!({ "feature": "tserver_sdn", "version": "8.0", "count": 0 })).1, "bad-request");
    assert_eq!(refused(json!({ "feature": "tserver_sdn", "version": "8.0", "count": -1 })).1, "bad-request");
    assert_eq!(
        refused(json!({ "feature": "tserver_sdn", "version": "8.0", "count": 10_000 })).1,
        "limit-per-client"
    );
    assert_eq!(refused(json!({ "feature": "tserver_sdn", "version": "8.0", "cuont": 1 })).1, "bad-request");
    assert_eq!(refused(json!({ "feature": "", "version": "8.0" })).1, "bad-request");
    assert_eq!(refused(json!({ "feature": "x".repeat(256), "version": "8.0" })).1, "too-large");
    assert_eq!(site.feature("tserver_sdn")["in_use"], 0);
}

#[test]
fn all_that_is_left_up_to_and_at_least_take_what_they_say() {
    let site = Site::with(vec![line("seats", "8.0", 10)]);
    let session = site.session("urs");
    let count = |body: Value| site.checkout(&session, body).1["grants"][0]["count"].as_u64();
    assert_eq!(count(json!({ "feature": "seats", "version": "8.0", "up_to": 4 })), Some(4));
    assert_eq!(count(json!({ "feature": "seats", "version": "8.0", "all": true, "at_least": 7 })), None);
    assert_eq!(count(json!({ "feature": "seats", "version": "8.0", "all": true })), Some(6));
    assert_eq!(count(json!({ "feature": "seats", "version": "8.0", "up_to": 4 })), None);
}

#[test]
fn a_retry_with_the_same_keys_never_takes_two_seats() {
    let site = Site::with(vec![line("cad", "8.0", 5)]);
    let key = "00000000000000000000000000000abc";
    let open = json!({ "session": key, "user": "alice", "host": "h" });
    assert_eq!(site.post("/v1/sessions", open.clone()).0, 201);
    let (status, body) = site.post("/v1/sessions", open);
    assert_eq!((status, body["resumed"].as_bool()), (200, Some(true)));
    let ask = json!({ "request": "000000000000000000000000000000ff", "feature": "cad", "version": "8.0" });
    let first = site.checkout(key, ask.clone()).1;
    assert_eq!(site.checkout(key, ask.clone()).1, first);
    assert_eq!(site.feature("cad")["in_use"], 1);
    site.delete(&format!("/v1/sessions/{key}/checkouts/{}", first["grants"][0]["grant"]));
    assert_eq!(site.checkout(key, ask).1["code"], "request-done");
    let stranger = json!({ "session": key, "user": "mallory", "host": "h" });
    assert_eq!(site.post("/v1/sessions", stranger).1["code"], "session-taken");
}

#[test]
fn a_session_that_shows_no_sign_of_life_gives_its_seats_back_and_is_never_revived() {
    let site = Site::configured(vec![line("cad", "8.0", 1)], |config| config.limits.heartbeat_seconds = 5);
    let (_, body) =
        site.post("/v1/sessions", json!({ "user": "alice", "host": "h", "heartbeat_seconds": 5 }));
    let session = body["session"].as_str().unwrap().to_owned();
    assert_eq!(site.checkout(&session, json!({ "feature": "cad", "version": "8.0" })).0, 201);
    site.wait_until(|site| site.feature("cad")["in_use"] == 0);
    let (status, body) = site.put(&format!("/v1/sessions/{session}"), Value::Null);
    assert_eq!((status, body["code"].as_str()), (410, Some("no-such-session")));
}

#[test]
fn who_waits_in_line_is_served_in_order_and_told_with_the_next_sign_of_life() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|user| site.session(user));
    let ask = json!({ "feature": "cad", "version": "8.0", "queue_seconds": 60 });
    assert_eq!(site.checkout(&alice, ask.clone()).0, 201);
    let (status, body) = site.checkout(&bob, ask.clone());
    assert_eq!((status, body["waiting"]["ahead"].as_u64()), (202, Some(0)));
    assert_eq!(site.checkout(&carol, ask).1["waiting"]["ahead"], 1);
    site.delete(&format!("/v1/sessions/{alice}"));
    assert_eq!(site.feature("cad")["pools"][0]["holders"][0]["user"], "bob");
    assert_eq!(site.feature("cad")["queue"][0]["user"], "carol");
    let notices = std::cell::RefCell::new(Value::Null);
    site.wait_until(|site| {
        *notices.borrow_mut() = site.put(&format!("/v1/sessions/{bob}"), Value::Null).1["notices"][0].clone();
        !notices.borrow().is_null()
    });
    let notices = notices.into_inner();
    assert_eq!(
        (notices["event"].as_str(), notices["grant"]["feature"].as_str()),
        (Some("granted"), Some("cad"))
    );
}

#[test]
fn a_lease_for_scripts_ends_at_its_time_unless_renewed() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let open = json!({ "user": "ci", "host": "runner", "ttl_seconds": 2, "checkout": { "feature": "cad", "version": "8.0" } });
    let (status, body) = site.post("/v1/checkouts", open.clone());
    assert_eq!(status, 201, "{body}");
    let lease = body["lease"].as_str().unwrap().to_owned();
    assert_eq!(site.put(&format!("/v1/checkouts/{lease}"), json!({ "ttl_seconds": 2 })).0, 200);
    assert_eq!(site.post("/v1/checkouts", open.clone()).1["code"], "none-left");
    site.wait_until(|site| site.feature("cad")["in_use"] == 0);
    assert_eq!(site.put(&format!("/v1/checkouts/{lease}"), json!({ "ttl_seconds": 2 })).0, 410);
    let (_, body) = site.post("/v1/checkouts", open);
    assert_eq!(site.delete(&format!("/v1/checkouts/{}", body["lease"].as_str().unwrap())).0, 204);
    assert_eq!(site.feature("cad")["in_use"], 0);
}

#[test]
fn grants_and_sessions_are_there_after_a_restart() {
    let mut site = Site::with(vec![line("cad", "8.0", 2)]);
    let session = site.session("alice");
    let before = site.checkout(&session, json!({ "feature": "cad", "version": "8.0" })).1["grants"].clone();
    site.restart();
    let (status, body) = site.get(&format!("/v1/sessions/{session}"));
    assert_eq!((status, &body["grants"]), (200, &before));
    assert_eq!(site.put(&format!("/v1/sessions/{session}"), Value::Null).0, 200);
    assert!(site.setup_token().is_none(), "set-up stays closed");
}

#[test]
fn a_replaced_file_changes_pools_without_dropping_a_session() {
    let site = Site::with(vec![line("cad", "8.0", 3)]);
    let session = site.session("alice");
    assert_eq!(site.checkout(&session, json!({ "feature": "cad", "version": "8.0", "count": 3 })).0, 201);
    site.write_license("acme.lic", vec![line("cad", "8.0", 1)]);
    let (status, body) = site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!((status, &body["changes"][0]["from"], &body["changes"][0]["to"]), (200, &json!(3), &json!(1)));
    let feature = site.feature("cad");
    assert_eq!((feature["capacity"].as_u64(), feature["in_use"].as_u64()), (Some(1), Some(3)));
    assert_eq!(site.status()["violations"][0]["kind"], "GLMR_FEATURE_USAGE_LEVEL_EXCEEDED");
    let (_, refused) = site.checkout(&session, json!({ "feature": "cad", "version": "8.0" }));
    assert!(refused["hint"].as_str().unwrap().contains("shrank"), "{refused}");
    std::fs::remove_file(site.folder.path().join("licenses/acme.lic")).unwrap();
    let (_, body) = site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!(body["removed"].as_array().unwrap().len(), 1);
    assert_eq!(site.feature("cad")["in_use"], 3, "holders keep what they have");
}

#[test]
fn a_policy_that_revokes_tells_the_holder() {
    let site = Site::with(vec![line("cad", "8.0", 2)]);
    assert_eq!(
        site.admin("PUT", "/v1/admin/policies/default/cad", json!({ "shrink": "revoke-newest" })).0,
        204
    );
    let [alice, bob] = ["alice", "bob"].map(|user| site.session(user));
    for session in [&alice, &bob] {
        assert_eq!(site.checkout(session, json!({ "feature": "cad", "version": "8.0" })).0, 201);
    }
    site.write_license("acme.lic", vec![line("cad", "8.0", 1)]);
    site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!(site.feature("cad")["pools"][0]["holders"][0]["user"], "alice");
    site.wait_until(|site| {
        site.put(&format!("/v1/sessions/{bob}"), Value::Null).1["notices"][0]["event"] == "revoked"
    });
}

#[test]
fn an_administrator_takes_a_grant_away() {
    let site = Site::with(vec![line_with("callback", 1, &[("HOLD", "3600")])]);
    let session = site.session("ucs");
    let (_, body) = site.checkout(&session, json!({ "feature": "callback", "version": "8.0" }));
    let grant = body["grants"][0]["grant"].as_u64().unwrap();
    let (_, body) = site.delete(&format!("/v1/sessions/{session}/checkouts/{grant}"));
    assert!(body["held_until"].is_string(), "a callback license is held for an hour: {body}");
    assert_eq!(site.feature("callback")["in_use"], 1);
    assert_eq!(site.delete(&format!("/v1/admin/grants/{grant}")).0, 401);
    assert_eq!(site.admin("DELETE", &format!("/v1/admin/grants/{grant}?reason=stuck"), Value::Null).0, 204);
    assert_eq!(site.feature("callback")["in_use"], 0);
}

#[test]
fn a_file_over_the_api_is_loaded_shown_and_removed_and_a_bad_one_changes_nothing() {
    let site = Site::with(vec![]);
    let text = license(&site.keys, vec![line("cad", "8.0", 4)]);
    let put = |text: &str| {
        let (status, body) =
            site.request("PUT", "/v1/admin/files/default/extra.lic", Some(&site.admin), text.as_bytes());
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    assert_eq!(put(&text).1["changes"][0]["to"], 4);
    assert_eq!(put(&text).1["unchanged"], json!(["extra.lic"]));
    let forged = text.replace(" 4 ", " 400 ");
    assert_ne!(forged, text);
    let (status, body) = put(&forged);
    assert_eq!((status, body["code"].as_str()), (422, Some("bad-license-file")));
    assert!(body["problems"][0].as_str().unwrap().contains("extra.lic:"), "{body}");
    assert_eq!(site.feature("cad")["capacity"], 4, "what was there stays");
    assert_eq!(site.request("GET", "/v1/admin/files/default/extra.lic", Some(&site.admin), b""), (200, text));
    assert_eq!(site.admin("DELETE", "/v1/admin/files/default/extra.lic", Value::Null).0, 200);
    assert_eq!(
        site.admin("DELETE", "/v1/admin/files/default/extra.lic", Value::Null).1["code"],
        "no-such-file"
    );
    assert!(site.feature("cad").is_null());
}

#[test]
fn an_inactive_file_works_for_thirty_days_only() {
    let site = Site::with(vec![]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let issued = |days: i64| {
        license_with(
            &site.keys,
            vec![line("cad", "8.0", 1)],
            grantor_license::LicenseState::Inactive,
            today.checked_sub(jiff::Span::new().days(days)).unwrap(),
        )
    };
    let put = |text: String| {
        site.request("PUT", "/v1/admin/files/default/new.lic", Some(&site.admin), text.as_bytes()).0
    };
    assert_eq!(put(issued(29)), 200);
    assert_eq!(site.status()["files"][0]["licenses"][0]["state"], "NOT_ACTIVATED");
    assert_eq!(put(issued(30)), 422);
}

#[test]
fn set_up_works_once_and_passwords_are_not_guessed_quickly() {
    let site = Site::with(vec![]);
    let (status, body) =
        site.post("/v1/admin/setup", json!({ "setup_token": "grt_x", "name": "eve", "password": PASSWORD }));
    assert_eq!((status, body["code"].as_str()), (403, Some("setup-closed")));
    assert_eq!(site.post("/v1/admin/login", json!({ "name": "ada", "password": PASSWORD })).0, 201);
    let wrong = || {
        site.post("/v1/admin/login", json!({ "name": "ada", "password": "wrong wrong wrong" })).1["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!([wrong(), wrong(), wrong()], ["unauthenticated"; 3]);
    assert_eq!(wrong(), "too-many-tries");
}

#[test]
fn who_still_sends_a_token_that_ran_out_can_sign_in_anew() {
    let site = Site::with(vec![]);
    let login = json!({ "name": "ada", "password": PASSWORD }).to_string();
    assert_eq!(site.request("POST", "/v1/admin/login", Some("grt_long_gone"), login.as_bytes()).0, 201);
}

#[test]
fn a_token_does_what_its_scopes_say_and_no_more() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let (status, body) =
        site.admin("POST", "/v1/admin/tokens", json!({ "name": "dashboard", "scopes": ["read"] }));
    assert_eq!(status, 201, "{body}");
    let token = body["token"].as_str().unwrap().to_owned();
    assert_eq!(site.request("GET", "/v1/admin/status", Some(&token), b"").0, 200);
    assert_eq!(site.request("GET", "/metrics", Some(&token), b"").0, 200);
    for (method, path) in [
        ("POST", "/v1/admin/reread"),
        ("DELETE", "/v1/admin/grants/1"),
        ("POST", "/v1/admin/down"),
        ("GET", "/v1/admin/tokens"),
    ] {
        assert_eq!(site.request(method, path, Some(&token), b"").0, 403, "{method} {path}");
    }
    assert_eq!(site.admin("DELETE", "/v1/admin/tokens/dashboard", Value::Null).0, 204);
    assert_eq!(site.request("GET", "/v1/admin/status", Some(&token), b"").0, 401);
}

#[test]
fn a_token_for_one_tenant_sees_and_touches_no_other() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let (_, body) = site.admin(
        "POST",
        "/v1/admin/tokens",
        json!({ "name": "blue", "scopes": ["read", "licenses", "release"], "tenant": "blue" }),
    );
    let token = body["token"].as_str().unwrap().to_owned();
    let (status, body) = site.request("GET", "/v1/admin/status", Some(&token), b"");
    assert_eq!(status, 200);
    assert!(!body.contains("cad"), "{body}");
    for (method, path) in [
        ("POST", "/v1/admin/reread"),
        ("GET", "/metrics"),
        ("DELETE", "/v1/admin/files/default/x"),
        ("PUT", "/v1/admin/policies/default/cad"),
    ] {
        assert_eq!(site.request(method, path, Some(&token), b"").0, 403, "{method} {path}");
    }
}

/// Routes that may be asked by anybody: no license or user data comes from them, or a session's secret id is needed.
const OPEN: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/v1/admin/setup"),
    ("POST", "/v1/admin/login"),
    // Whoever has the invitation's secret may take it.
    ("POST", "/v1/admin/invitation"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/checkouts"),
    ("POST", "/v1/sessions/alive"),
    ("GET", "/v1/sessions/{session}"),
    ("PUT", "/v1/sessions/{session}"),
    ("DELETE", "/v1/sessions/{session}"),
    ("GET", "/v1/sessions/{session}/events"),
    ("POST", "/v1/sessions/{session}/checkouts"),
    ("DELETE", "/v1/sessions/{session}/checkouts/{grant}"),
    ("PUT", "/v1/sessions/{session}/checkouts/{grant}/loan"),
    // Whoever knows a loan's key may give it back, as with a lease.
    ("DELETE", "/v1/loans/{loan}"),
    ("DELETE", "/v1/sessions/{session}/queue/{ticket}"),
    // Whose session it is may log its user on.
    ("PUT", "/v1/sessions/{session}/logon"),
    ("DELETE", "/v1/sessions/{session}/logon"),
    ("POST", "/v1/sessions/{session}/modules"),
    ("PUT", "/v1/checkouts/{lease}"),
    ("DELETE", "/v1/checkouts/{lease}"),
];

#[test]
fn every_other_route_refuses_those_who_do_not_say_who_they_are() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let (_, api) = site.get("/openapi.json");
    let mut asked = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "put", "post", "delete"].contains(&key.as_str()))
        {
            let method = method.to_uppercase();
            if OPEN.contains(&(method.as_str(), path.as_str())) {
                continue;
            }
            let concrete = path
                .replace("{session}", &"0".repeat(32))
                .replace("{grant}", "1")
                .replace("{number}", "1")
                .replace(['{', '}'], "");
            let takes_none = ["policies", "cluster", "disconnects", "changes", "people/", "notices"];
            let body = if path.ends_with("/me/password") {
                r#"{"now":"n","password":"p"}"#
            } else if path.ends_with("/people") {
                r#"{"name":"n","roles":[{"role":"read"}]}"#
            } else if takes_none.iter().any(|word| path.contains(word)) {
                "{}"
            } else {
                r#"{"name":"n","scopes":["read"]}"#
            };
            let (status, text) = site.request(&method, &concrete, None, body.as_bytes());
            assert_eq!(status, 401, "{method} {path}: {text}");
            asked += 1;
        }
    }
    assert!(asked > 10, "only {asked} routes were asked");
}

#[test]
fn applications_need_a_token_where_the_policy_says_so() {
    let site = Site::configured(vec![line("cad", "8.0", 1)], |config| {
        config.applications = grantor_server::config::Applications::Token
    });
    let open = json!({ "user": "alice", "host": "h" }).to_string();
    assert_eq!(site.request("POST", "/v1/sessions", None, open.as_bytes()).0, 401);
    let (_, body) = site.admin("POST", "/v1/admin/tokens", json!({ "name": "app", "scopes": ["checkout"] }));
    assert_eq!(site.request("POST", "/v1/sessions", body["token"].as_str(), open.as_bytes()).0, 201);
}

#[test]
fn metrics_show_pools_and_counters() {
    let site = Site::with(vec![line("cad", "8.0", 7)]);
    let session = site.session("alice");
    site.checkout(&session, json!({ "feature": "cad", "version": "8.0", "count": 3 }));
    let (_, text) = site.request("GET", "/metrics", Some(&site.admin), b"");
    assert!(
        text.contains(r#"grantor_pool_seats_used{tenant="default",feature="cad",version="8.0"} 3"#),
        "{text}"
    );
    assert!(text.contains(r#"grantor_pool_seats{tenant="default",feature="cad",version="8.0"} 7"#), "{text}");
    assert!(text.contains("grantor_fsyncs_total"), "{text}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_with_its_name() {
    let site = Site::with(vec![]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error =
        runtime.block_on(grantor_server::run::start(&site.config)).err().expect("refused").to_string();
    assert!(error.contains("data"), "{error}");
}

#[test]
fn a_line_locked_to_a_machine_is_granted_there_and_refused_elsewhere() {
    let site = Site::with(vec![line_with("cad", 3, &[("HOSTID", "0800200005ac")])]);
    let open = |host_ids: Value| {
        let (status, body) =
            site.post("/v1/sessions", json!({ "user": "alice", "host": "h", "host_ids": host_ids }));
        assert_eq!(status, 201, "{body}");
        body["session"].as_str().unwrap().to_owned()
    };
    let ask = json!({ "feature": "cad", "version": "8.0" });
    assert_eq!(site.checkout(&open(json!(["0800200005ac", "00b0d0abb1b2"])), ask.clone()).0, 201);
    let (status, body) = site.checkout(&open(json!(["00b0d0abb1b2"])), ask.clone());
    assert_eq!((status, body["code"].as_str()), (403, Some("wrong-host")));
    assert!(body["detail"].as_str().unwrap().contains("0800200005ac"), "{body}");
    assert_eq!(site.checkout(&open(json!(["ANY"])), ask).0, 403, "nobody is every machine");
}

#[test]
fn two_servers_of_a_redundant_pair_share_a_seat() {
    let site = Site::with(vec![line_with("cti_ha_option", 1, &[("DUP_GROUP", "V")])]);
    let [primary, backup, other] = ["primary", "backup", "other"].map(|user| site.session(user));
    let ask = |share: &str| json!({ "feature": "cti_ha_option", "version": "8.0", "share": share });
    assert_eq!(site.checkout(&primary, ask("pair-1")).0, 201);
    assert_eq!(site.checkout(&backup, ask("pair-1")).0, 201);
    assert_eq!(site.checkout(&other, ask("pair-2")).0, 409);
    site.delete(&format!("/v1/sessions/{primary}"));
    assert_eq!(site.feature("cti_ha_option")["in_use"], 1, "the backup still holds it");
}

#[test]
fn renaming_or_copying_a_license_file_never_counts_its_seats_twice() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let [alice, bob] = ["alice", "bob"].map(|user| site.session(user));
    let ask = json!({ "feature": "cad", "version": "8.0", "queue_seconds": 60 });
    assert_eq!(site.checkout(&alice, ask.clone()).0, 201);
    assert_eq!(site.checkout(&bob, ask).0, 202);
    let licenses = site.folder.path().join("licenses");
    std::fs::rename(licenses.join("acme.lic"), licenses.join("renamed.lic")).unwrap();
    let (_, body) = site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!((&body["changes"], body["removed"].as_array().unwrap().len()), (&json!([]), 1), "{body}");
    std::fs::copy(licenses.join("renamed.lic"), licenses.join("copy.lic")).unwrap();
    assert_eq!(site.admin("POST", "/v1/admin/reread", Value::Null).1["changes"], json!([]));
    let text = std::fs::read(licenses.join("copy.lic")).unwrap();
    assert_eq!(site.request("PUT", "/v1/admin/files/default/again.lic", Some(&site.admin), &text).0, 200);
    assert_eq!((&site.feature("cad")["capacity"], &site.feature("cad")["in_use"]), (&json!(1), &json!(1)));
    std::fs::remove_file(licenses.join("copy.lic")).unwrap();
    std::fs::remove_file(licenses.join("renamed.lic")).unwrap();
    site.write_license("reissued.lic", vec![line_with("cad", 1, &[("SN", "2")])]);
    site.admin("DELETE", "/v1/admin/files/default/again.lic", Value::Null);
    site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!(site.feature("cad")["pools"][0]["holders"][0]["user"], "alice", "{:#}", site.feature("cad"));
    assert_eq!(site.feature("cad")["in_use"], 1);
}

#[test]
fn a_file_that_is_too_large_is_named_and_hides_no_other() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let licenses = site.folder.path().join("licenses");
    std::fs::write(licenses.join("huge.lic"), vec![b'#'; 20 << 20]).unwrap();
    site.write_license("second.lic", vec![line("cam", "8.0", 3)]);
    let (status, body) = site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!(status, 200, "{body}");
    assert!(body["problems"][0].as_str().unwrap().contains("huge.lic: error: 20971520 bytes"), "{body}");
    assert_eq!(site.feature("cam")["capacity"], 3);
}

#[test]
fn ten_thousand_lines_are_loaded_and_are_there_after_a_restart() {
    let mut site = Site::with((0..10_000).map(|number| line(&format!("f{number}"), "8.0", 1)).collect());
    assert_eq!(site.status()["features"].as_array().unwrap().len(), 10_000);
    site.restart();
    assert_eq!(site.feature("f9999")["capacity"], 1);
}

#[test]
fn two_files_of_a_site_pasted_together_grant_what_both_do_and_what_has_no_effect_is_told() {
    let site = Site::with(vec![]);
    let (one, two) =
        (license(&site.keys, vec![line("cad", "8.0", 2)]), license(&site.keys, vec![line("cam", "8.0", 3)]));
    let feature = |count| {
        support::issue::license(
            &site.keys,
            vec![grantor_license::DraftLine { increment: false, ..line("first", "8.0", count) }],
        )
    };
    let text = one + &two + &feature(4) + &feature(5);
    let (status, body) =
        site.request("PUT", "/v1/admin/files/default/pasted.lic", Some(&site.admin), text.as_bytes());
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("only the first FEATURE line of a name counts"), "{body}");
    assert_eq!(
        ["cad", "cam", "first"].map(|name| site.feature(name)["capacity"].as_u64()),
        [Some(2), Some(3), Some(4)]
    );
}

#[test]
fn who_names_no_version_gets_that_of_the_line() {
    let site = Site::with(vec![line_with("cad", 1, &[])]);
    let session = site.session("alice");
    assert_eq!(site.checkout(&session, json!({ "feature": "cad" })).1["grants"][0]["version"], "8.0");
    assert_eq!(site.checkout(&session, json!({ "feature": "cda" })).1["code"], "unknown-feature");
}

#[test]
fn a_file_issued_in_the_future_is_not_yet_valid() {
    let site = Site::with(vec![]);
    let tomorrow = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .tomorrow()
        .unwrap()
        .tomorrow()
        .unwrap();
    let text = license_with(
        &site.keys,
        vec![line("cad", "8.0", 1)],
        grantor_license::LicenseState::Active,
        tomorrow,
    );
    assert_eq!(
        site.request("PUT", "/v1/admin/files/default/f.lic", Some(&site.admin), text.as_bytes()).0,
        200
    );
    let session = site.session("alice");
    assert_eq!(
        site.checkout(&session, json!({ "feature": "cad", "version": "8.0" })).1["code"],
        "not-yet-valid"
    );
}

#[test]
fn a_borrowed_seat_outlives_its_session_and_a_restart_and_its_key_gives_it_back_once() {
    let mut site = Site::with(vec![line_with("cad", 1, &[("BORROW", "48")])]);
    let session = site.session("alice");
    let path = seat(&site, &session, "cad");
    let until = in_hours(24);
    let ask = json!({ "loan": LOAN, "until": until });
    let (status, body) = site.put(&path, ask.clone());
    assert_eq!((status, &body["until"]), (200, &json!(until)), "{body}");
    assert_eq!(site.put(&path, ask).1, body, "a retry borrows once");
    assert_eq!(site.delete(&format!("/v1/sessions/{session}")).0, 204);
    site.restart();
    let holder = site.feature("cad")["pools"][0]["holders"][0].clone();
    let shown = (&holder["user"], &holder["borrowed_until"], &holder["held_until"]);
    assert_eq!(shown, (&json!("alice"), &json!(until), &Value::Null), "{holder}");
    let bob = site.session("bob");
    assert_eq!(site.checkout(&bob, json!({ "feature": "cad" })).1["code"], "none-left");
    assert_eq!(site.delete(&format!("/v1/loans/{}", "0".repeat(32))).1["code"], "no-such-loan");
    assert_eq!(site.delete(&format!("/v1/loans/{LOAN}")).0, 204);
    assert_eq!(site.delete(&format!("/v1/loans/{LOAN}")).1["code"], "no-such-loan");
    assert_eq!(site.checkout(&bob, json!({ "feature": "cad" })).0, 201);
}

#[test]
fn a_line_without_borrow_is_refused_by_name_and_too_late_an_end_with_the_latest() {
    let site = Site::with(vec![line("plain", "8.0", 1), line_with("cad", 1, &[("BORROW", "48")])]);
    let session = site.session("alice");
    let (plain, cad) = (seat(&site, &session, "plain"), seat(&site, &session, "cad"));
    let (status, body) = site.put(&plain, json!({ "loan": LOAN, "until": in_hours(1) }));
    assert_eq!((status, &body["code"]), (409, &json!("not-borrowable")), "{body}");
    let day = || in_hours(48).strftime("%Y-%m-%d").to_string();
    let before = day();
    let (status, body) = site.put(&cad, json!({ "loan": LOAN, "until": in_hours(49) }));
    assert_eq!((status, &body["code"]), (409, &json!("loan-too-long")), "{body}");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains(&before) || detail.contains(&day()), "{body}");
    for bad in [
        json!({ "loan": "7", "until": in_hours(1) }),
        json!({ "loan": LOAN, "until": "tomorrow" }),
        json!({ "loan": LOAN, "until": in_hours(1), "hours": 3 }),
        json!({ "until": in_hours(1) }),
    ] {
        assert_eq!(site.put(&cad, bad).1["code"], "bad-request");
    }
    let stranger = seat_path(&site.session("mallory"), &cad);
    assert_eq!(site.put(&stranger, json!({ "loan": LOAN, "until": in_hours(1) })).0, 404);
}

const LOAN: &str = "00112233445566778899aabbccddeeff";

/// So many hours from now, to the millisecond: no finer does the site keep its time.
fn in_hours(hours: i64) -> jiff::Timestamp {
    let now = jiff::Timestamp::now().as_millisecond();
    jiff::Timestamp::from_millisecond(now + hours * 3_600_000).unwrap()
}

/// Takes a seat, and gives the path on which it is borrowed.
fn seat(site: &Site, session: &str, feature: &str) -> String {
    let (status, body) = site.checkout(session, json!({ "feature": feature }));
    assert_eq!(status, 201, "{body}");
    format!("/v1/sessions/{session}/checkouts/{}/loan", body["grants"][0]["grant"])
}

/// The same grant's path by way of another session.
fn seat_path(session: &str, other: &str) -> String {
    let (_, rest) = other.split_once("/checkouts").unwrap();
    format!("/v1/sessions/{session}/checkouts{rest}")
}
