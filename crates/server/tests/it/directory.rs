//! Who may use what, by the HTTP API: a real server in this process, real TLS, a real disk.

use crate::support::trio::Trio;
use crate::support::{Site, line};
use grantor_license::{DraftLine, Model};
use serde_json::{Value, json};

const CHANGES: &str = "/v1/tenants/default/changes";

fn sold(feature: &str, model: Model, count: u32) -> DraftLine {
    DraftLine { model, ..line(feature, "8.0", count) }
}

fn contact_centre() -> Site {
    Site::with(vec![
        sold("WFM", Model::Role, 40),
        sold("I3_ACCESS_CLIENT", Model::Assignable, 2),
        sold("I3_ACCESS_CLIENT", Model::Concurrent, 1),
        sold("I3_LICENSE_BASIC_STATION", Model::Assignable, 1),
    ])
}

fn change(site: &Site, changes: Value) -> (u16, Value) {
    site.admin("POST", CHANGES, json!({ "changes": changes }))
}

fn done(site: &Site, changes: Value) -> Value {
    let (status, body) = change(site, changes);
    assert_eq!(status, 200, "{body}");
    body
}

fn get(site: &Site, path: &str) -> Value {
    let (status, body) = site.admin("GET", &format!("/v1/tenants/default/{path}"), Value::Null);
    assert_eq!(status, 200, "{body}");
    body
}

fn add_users(site: &Site, names: &[&str]) {
    let add = names.iter().map(|name| json!({ "change": "add-user", "name": name }));
    done(site, add.collect());
}

#[test]
fn a_thousand_users_of_whom_thirty_in_a_group_and_two_directly_have_a_role_consume_thirty_two() {
    let site = contact_centre();
    let names: Vec<String> = (0..1000).map(|number| format!("user{number:04}")).collect();
    add_users(&site, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let answer = done(
        &site,
        json!([
            { "change": "define-role", "role": "WFM_AGENT", "application": "wfm" },
            { "change": "define-role", "role": "WFM_SCHEDULER", "application": "wfm" },
            { "change": "add-group", "name": "AGENTS" },
            { "change": "add-members", "group": "AGENTS", "users": names[..30] },
            { "change": "assign-group-role", "role": "WFM_AGENT", "group": "AGENTS" },
            { "change": "assign-role", "role": "WFM_SCHEDULER", "user": names[30] },
            { "change": "assign-role", "role": "WFM_SCHEDULER", "user": names[31] },
        ]),
    );
    let wfm = &answer["allocation"][0];
    assert_eq!((wfm["feature"].as_str(), wfm["model"].as_str()), (Some("WFM"), Some("role")));
    assert_eq!((wfm["in_use_before"].as_u64(), wfm["in_use_after"].as_u64()), (Some(0), Some(32)));
    assert_eq!(site.feature("WFM")["in_use"], 32);
    let group = get(&site, "groups/agents");
    assert_eq!((group["size"].as_u64(), group["roles"][0].as_str()), (Some(30), Some("WFM_AGENT")));
    let user = get(&site, "users/USER0000");
    assert_eq!((user["groups"][0].as_str(), user["consumes"][0].as_str()), (Some("AGENTS"), Some("WFM")));
    assert_eq!(get(&site, "roles?search=sched")["items"][0]["application"], "WFM");
}

#[test]
fn lists_go_on_page_by_page_in_the_order_of_names_and_find_a_part_of_a_name() {
    let site = contact_centre();
    add_users(&site, &["bob", "Ann", "eve", "Dan", "annette"]);
    let names = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = get(&site, "users?limit=2");
    assert_eq!(
        (names(&first), first["next"].as_str()),
        (vec!["Ann".to_owned(), "annette".to_owned()], Some("annette"))
    );
    let rest = get(&site, "users?limit=3&after=annette");
    assert_eq!(
        (names(&rest), &rest["next"]),
        (vec!["bob".to_owned(), "Dan".to_owned(), "eve".to_owned()], &Value::Null)
    );
    assert_eq!(names(&get(&site, "users?search=NN")), ["Ann", "annette"]);
    done(
        &site,
        json!([
            { "change": "add-group", "name": "all" },
            { "change": "add-members", "group": "all", "users": ["bob", "ann", "eve"] },
        ]),
    );
    let members = get(&site, "groups/all/members?limit=2");
    assert_eq!(members, json!({ "items": ["Ann", "bob"], "next": "bob" }));
    let (status, body) = site.admin("GET", "/v1/tenants/default/users?limit=501", Value::Null);
    assert_eq!((status, body["code"].as_str()), (400, Some("bad-request")));
}

#[test]
fn a_dry_run_says_what_would_come_of_it_and_changes_nothing() {
    let site = contact_centre();
    add_users(&site, &["ann"]);
    let changes = json!([
        { "change": "license", "feature": "i3_access_client", "to": [{ "user": "ann" }] },
        { "change": "add-station", "name": "desk", "machine": "pc" },
    ]);
    let (status, tried) = site.admin("POST", CHANGES, json!({ "changes": changes, "dry_run": true }));
    assert_eq!(status, 200, "{tried}");
    assert_eq!((tried["dry_run"].as_bool(), tried["changes"].as_u64()), (Some(true), Some(2)));
    assert_eq!(tried["allocation"][0]["configured_after"], 1);
    assert_eq!(tried["warnings"][0]["kind"], "needs-basic-station");
    assert_eq!(get(&site, "stations")["items"], json!([]));
    assert_eq!(site.feature("I3_ACCESS_CLIENT")["in_use"], 0);
    let real = done(&site, changes);
    assert_eq!((&real["allocation"], &real["warnings"]), (&tried["allocation"], &tried["warnings"]));
    assert_eq!(get(&site, "users/ann")["licensing"]["held"], json!(["I3_ACCESS_CLIENT"]));
}

#[test]
fn one_bad_change_undoes_the_batch_and_is_named_by_its_place() {
    let site = contact_centre();
    let (status, body) = change(
        &site,
        json!([
            { "change": "add-user", "name": "ann" },
            { "change": "enable-user", "user": "nobody" },
        ]),
    );
    assert_eq!(
        (status, body["code"].as_str(), body["change"].as_u64()),
        (404, Some("no-such-name"), Some(2))
    );
    assert!(
        body["detail"].as_str().unwrap().starts_with("change 2 of the batch: no user is called `nobody`"),
        "{body}"
    );
    assert_eq!(get(&site, "users")["items"], json!([]));
}

#[test]
fn of_two_who_want_the_last_seat_at_once_one_gets_it_and_the_other_is_told_who_has_it() {
    let site = contact_centre();
    add_users(&site, &["ann", "bob", "eve"]);
    done(&site, json!([{ "change": "license", "feature": "i3_access_client", "to": [{ "user": "eve" }] }]));
    let take = |user: &str| {
        change(
            &site,
            json!([{ "change": "license", "feature": "i3_access_client", "to": [{ "user": user }] }]),
        )
    };
    let answers = std::thread::scope(|scope| {
        let both = ["ann", "bob"].map(|user| scope.spawn(move || take(user)));
        both.map(|one| one.join().unwrap())
    });
    let refused: Vec<&Value> =
        answers.iter().filter(|(status, _)| *status == 409).map(|(_, body)| body).collect();
    assert_eq!(refused.len(), 1, "{answers:?}");
    assert_eq!(refused[0]["code"], "none-left");
    assert!(
        refused[0]["holders"].as_array().unwrap().iter().any(|holder| holder["user"] == "eve"),
        "{refused:?}"
    );
    let table = get(&site, "allocation");
    assert_eq!(
        (table[0]["assignable_allowed"].as_u64(), table[0]["assignable_configured"].as_u64()),
        (Some(2), Some(2))
    );
}

#[test]
fn a_person_logs_on_opens_a_module_and_logs_off_by_session() {
    let site = contact_centre();
    add_users(&site, &["ann"]);
    done(
        &site,
        json!([
            { "change": "license", "feature": "i3_access_client", "method": "concurrent", "to": [{ "user": "ann" }] },
            { "change": "add-station", "name": "desk", "machine": "pc" },
            { "change": "license", "feature": "i3_license_basic_station", "to": [{ "station": "desk" }] },
        ]),
    );
    let session = site.session("ann");
    let logon = format!("/v1/sessions/{session}/logon");
    assert_eq!(site.put(&logon, json!({ "station": "desk", "number": "1" })).1["code"], "bad-request");
    let (status, body) = site.put(&logon, json!({ "station": "DESK" }));
    assert_eq!((status, body["station"].as_str()), (200, Some("desk")), "{body}");
    assert_eq!(get(&site, "presences")["items"][0]["station"], "desk");
    assert_eq!(get(&site, "stations/desk")["user"], "ann");
    let (status, body) =
        site.post(&format!("/v1/sessions/{session}/modules"), json!({ "feature": "i3_access_client" }));
    assert_eq!((status, body["grants"][0]["feature"].as_str()), (200, Some("I3_ACCESS_CLIENT")), "{body}");
    assert_eq!(get(&site, "allocation")[0]["concurrent_in_use"], 1);
    assert_eq!(site.delete(&logon).0, 204);
    assert_eq!(get(&site, "presences")["items"], json!([]));
    assert_eq!(get(&site, "allocation")[0]["concurrent_in_use"], 0);
}

#[test]
fn a_token_for_one_tenant_allocates_there_and_nowhere_else_and_reading_is_another_scope() {
    let site = contact_centre();
    let ask = json!({ "name": "hr", "scopes": ["allocate"], "tenant": "default" });
    let (_, token) = site.admin("POST", "/v1/admin/tokens", ask);
    let token = token["token"].as_str().unwrap();
    let body = json!({ "changes": [{ "change": "add-user", "name": "ann" }] }).to_string();
    let post = |path: &str| site.request("POST", path, Some(token), body.as_bytes()).0;
    assert_eq!(post(CHANGES), 200);
    assert_eq!(post("/v1/tenants/other/changes"), 403);
    assert_eq!(site.request("GET", "/v1/tenants/default/users", Some(token), b"").0, 403);
    assert_eq!(site.request("GET", "/v1/tenants/default/users", None, b"").0, 401);
}

#[test]
fn more_changes_names_or_bytes_than_may_be_are_refused_before_anything_is_done() {
    let site = contact_centre();
    let users: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    let (status, body) = change(&site, json!([{ "change": "add-members", "group": "g", "users": users }]));
    assert_eq!((status, body["code"].as_str()), (413, Some("too-large")), "{body}");
    assert_eq!(change(&site, json!([])).1["code"], "bad-request");
    assert_eq!(change(&site, json!([{ "change": "add-user", "name": "x".repeat(256) }])).0, 413);
    assert_eq!(change(&site, json!([{ "change": "add-user", "name": "x\u{7}" }])).0, 400);
    assert_eq!(change(&site, json!([{ "change": "add-user", "name": "x".repeat(3 << 20) }])).0, 413);
    assert_eq!(get(&site, "users")["items"], json!([]));
}

#[test]
fn what_takes_several_writes_is_tried_in_one_request_and_written_in_none_that_is_too_large() {
    let site = contact_centre();
    let add = |number: usize| json!({ "change": "add-user", "name": format!("u{number}") });
    let mut changes: Vec<Value> = (0..10_001).map(add).collect();
    let ask = |changes: &[Value], dry_run: bool| {
        site.admin("POST", CHANGES, json!({ "changes": changes, "dry_run": dry_run }))
    };
    let (status, body) = ask(&changes, false);
    assert_eq!((status, body["code"].as_str()), (413, Some("too-large")), "{body}");
    let (status, body) = ask(&changes, true);
    assert_eq!((status, body["changes"].as_u64()), (200, Some(10_001)), "{body}");
    changes.push(add(7));
    let (status, body) = ask(&changes, true);
    assert_eq!((status, body["change"].as_u64()), (409, Some(10_002)), "{body}");
    let names: Vec<String> = (0..300_001).map(|number| number.to_string()).collect();
    let (status, body) = ask(&[json!({ "change": "add-members", "group": "g", "users": names })], true);
    assert_eq!((status, body["code"].as_str()), (413, Some("too-large")), "{body}");
    assert_eq!(get(&site, "users")["items"], json!([]));
}

#[test]
fn license_types_that_disconnect_are_set_and_shown() {
    let site = contact_centre();
    let put = |minutes: u32| {
        site.admin("PUT", "/v1/admin/disconnects/Development", json!({ "minutes": minutes })).0
    };
    assert_eq!((put(1441), put(60)), (400, 204));
    let shown = || site.admin("GET", "/v1/admin/disconnects", Value::Null).1;
    assert_eq!(shown(), json!([{ "license_type": "development", "minutes": 60 }]));
    assert_eq!(put(0), 204);
    assert_eq!(shown(), json!([]));
}

/// Asks for changes at one of several servers.
fn change_at(port: u16, token: &str, changes: &Value) -> (u16, Value) {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let request = agent.post(format!("https://127.0.0.1:{port}{CHANGES}"));
    let request = request.header("Authorization", format!("Bearer {token}"));
    let mut answer = request.send(json!({ "changes": changes }).to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
}

#[test]
fn of_two_who_want_the_last_seat_at_once_at_two_servers_one_gets_it() {
    let trio = Trio::formed(vec![sold("I3_ACCESS_CLIENT", Model::Assignable, 1)]);
    let (ports, token): (Vec<u16>, &str) =
        (trio.configs.values().map(|config| config.port).collect(), &trio.admin);
    let users = json!([{ "change": "add-user", "name": "ann" }, { "change": "add-user", "name": "bob" }]);
    assert_eq!(change_at(ports[0], token, &users).0, 200);
    // Each pair of the three: two followers, and a follower and the leader.
    for (one, other) in [(0, 1), (1, 2), (2, 0), (0, 1), (1, 2), (2, 0)] {
        let answers = std::thread::scope(|scope| {
            let both = [(one, "ann"), (other, "bob")].map(|(server, user)| {
                let port = ports[server];
                let take =
                    json!([{ "change": "license", "feature": "I3_ACCESS_CLIENT", "to": [{ "user": user }] }]);
                scope.spawn(move || change_at(port, token, &take))
            });
            both.map(|one| one.join().unwrap())
        });
        let mut statuses = answers.each_ref().map(|(status, _)| *status);
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{answers:?}");
        let refused = answers.iter().find(|(status, _)| *status == 409).unwrap();
        assert_eq!(refused.1["code"], "none-left");
        let back = json!([{ "change": "unlicense", "feature": "I3_ACCESS_CLIENT", "from": [{ "user": "ann" }, { "user": "bob" }] }]);
        assert_eq!(change_at(ports[one], token, &back).0, 200);
    }
}
