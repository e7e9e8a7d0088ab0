//! Three servers as one: formed, asked at any of them, losing any one of them, refusing who doesn't belong.

use crate::support;
use crate::support::line;
use crate::support::trio::Trio;
use serde_json::{Value, json};

#[test]
fn three_servers_form_a_cluster_and_each_takes_any_request() {
    let trio = Trio::formed(vec![line("cad", "8.0", 3)]);
    for number in 1..=3 {
        let session = trio.session(number, &format!("user{number}"));
        let (status, body) = trio.checkout(number, &session, "cad");
        assert_eq!(status, 201, "{body}");
        let (status, _) = trio.ask(number, "PUT", &format!("/v1/sessions/{session}"), Value::Null);
        assert_eq!(status, 200);
    }
    let session = trio.session(2, "late");
    let (status, body) = trio.checkout(2, &session, "cad");
    assert_eq!((status, body["code"].as_str()), (409, Some("none-left")), "{body}");
    let cluster = trio.cluster(3);
    assert_eq!(
        (cluster["voters"].as_u64(), cluster["serves"].as_bool()),
        (Some(3), Some(true)),
        "{cluster:#}"
    );
}

#[test]
fn when_the_leader_stops_the_others_serve_its_sessions_and_a_lone_server_refuses_and_says_why() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 2)]);
    let session = trio.session(1, "alice");
    assert_eq!(trio.checkout(2, &session, "cad").0, 201);
    let leader = trio.wait(|trio| trio.leader(1));
    trio.stop(leader);
    let other = if leader == 1 { 2 } else { 1 };
    let again = trio.wait(|trio| {
        let (status, body) = trio.checkout(other, &session, "cad");
        (status == 201).then_some(body)
    });
    assert_eq!(again["grants"].as_array().map(Vec::len), Some(1), "{again}");
    let (_, shown) = trio.ask(other, "GET", &format!("/v1/sessions/{session}"), Value::Null);
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(trio.ask(other, "GET", "/readyz", Value::Null).0, 200);
    // The third goes, too.
    let third = (1..=3).find(|number| *number != leader && *number != other).unwrap();
    trio.stop(third);
    let refused = trio.wait(|trio| {
        let (status, body) = trio.checkout(other, &session, "cad");
        (status == 503 && body["title"] == "the server has no majority").then_some(body)
    });
    assert!(refused["detail"].as_str().unwrap().contains("grants nothing"), "{refused:#}");
    trio.wait(|trio| (trio.ask(other, "GET", "/readyz", Value::Null).0 == 503).then_some(()));
    trio.start_together(&[third]);
    trio.wait(|trio| (trio.checkout(other, &session, "cad").0 == 409).then_some(()));
}

#[test]
fn servers_restarted_one_after_the_other_lose_nothing() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    let session = trio.session(1, "alice");
    for (number, asked) in [(1, 2), (2, 3), (3, 1)] {
        assert_eq!(trio.wait(|trio| Some(trio.checkout(asked, &session, "cad")).filter(|(status, _)| *status != 503)).0, 201);
        trio.stop(number);
        trio.start_together(&[number]);
    }
    let shown = trio.wait(|trio| {
        let (status, body) = trio.ask(1, "GET", &format!("/v1/sessions/{session}"), Value::Null);
        (status == 200).then_some(body)
    });
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(3), "{shown:#}");
}

#[test]
fn a_server_that_lost_its_disk_is_refused_under_its_old_name_and_let_in_as_a_new_one() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    trio.stop(3);
    std::fs::remove_dir_all(&trio.configs[&3].data_dir).unwrap();
    let words = trio.refused(3);
    assert!(words.contains("is empty, but the cluster knows") && words.contains("hint:"), "{words}");
    let address = trio.configs[&3].cluster.address.clone().unwrap();
    let (status, body) =
        trio.admin(1, "DELETE", &format!("/v1/admin/cluster/servers/{address}"), Value::Null);
    assert_eq!(status, 204, "{body}");
    let (status, made) = trio.admin(2, "POST", "/v1/admin/cluster/tokens", json!({}));
    assert_eq!(status, 201, "{made}");
    let file = trio.token_file(3, made["token"].as_str().unwrap());
    trio.configs.get_mut(&3).unwrap().cluster.token_file = Some(file);
    trio.start_together(&[3]);
    trio.wait(|trio| (trio.cluster(1)["voters"] == 3).then_some(()));
    let session = trio.session(3, "back");
    assert_eq!(trio.checkout(3, &session, "cad").0, 201);
}

#[test]
fn a_join_token_lets_one_server_in_and_no_second_one() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    let (_, made) = trio.admin(1, "POST", "/v1/admin/cluster/tokens", json!({}));
    let token = made["token"].as_str().unwrap().to_owned();
    for number in [4, 5] {
        let mut config = trio.config(number, support::trio::free_port(), "");
        config.cluster.token_file = Some(trio.token_file(number, &token));
        trio.configs.insert(number, config);
    }
    trio.start_together(&[4]);
    trio.wait(|trio| (trio.cluster(4)["voters"] == 4).then_some(()));
    let words = trio.refused(5);
    assert!(words.contains("refuses") || words.contains("not the cluster's"), "{words}");
}

#[test]
fn servers_with_different_license_files_do_not_form_a_cluster_and_say_so() {
    let trio = Trio::prepared(vec![line("cad", "8.0", 5)]);
    let other = support::license(&trio.keys, vec![line("cam", "8.0", 5)]);
    std::fs::write(trio.configs[&2].license_files[0].join("acme.lic"), other).unwrap();
    let starting: Vec<_> = (1..=3).map(|number| trio.start_hopeless(number)).collect();
    let said = trio.wait(|trio| {
        let (_, body) = trio.ask(1, "GET", "/v1/sessions/0", Value::Null);
        let detail = body["detail"].as_str()?.to_owned();
        detail.contains("different license files").then_some(detail)
    });
    assert!(said.contains("cad") && said.contains("cam"), "{said}");
    starting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn one_server_grows_to_three_and_shrinks_to_one_while_it_serves() {
    let mut trio = Trio::prepared(vec![line("cad", "8.0", 100)]);
    for config in trio.configs.values_mut() {
        config.cluster.servers.clear();
        config.cluster.token_file = None;
    }
    trio.start_together(&[1]);
    trio.set_up();
    let session = trio.session(1, "alice");
    assert_eq!(trio.checkout(1, &session, "cad").0, 201);
    for number in [2, 3] {
        let (_, made) = trio.wait(|trio| {
            Some(trio.admin(1, "POST", "/v1/admin/cluster/tokens", json!({}))).filter(|made| made.0 == 201)
        });
        let file = trio.token_file(number, made["token"].as_str().unwrap());
        trio.configs.get_mut(&number).unwrap().cluster.token_file = Some(file);
        trio.start_together(&[number]);
        trio.wait(|trio| (trio.cluster(1)["voters"] == number).then_some(()));
        assert_eq!(
            trio.wait(|trio| Some(trio.checkout(number, &session, "cad")).filter(|done| done.0 != 503)).0,
            201
        );
    }
    for number in [3, 2] {
        let address = trio.configs[&number].cluster.address.clone().unwrap();
        let path = format!("/v1/admin/cluster/servers/{address}");
        trio.wait(|trio| (trio.admin(1, "DELETE", &path, Value::Null).0 == 204).then_some(()));
        assert_eq!(
            trio.wait(|trio| Some(trio.checkout(1, &session, "cad")).filter(|done| done.0 != 503)).0,
            201
        );
        trio.stop(number);
    }
    let (_, shown) = trio.ask(1, "GET", &format!("/v1/sessions/{session}"), Value::Null);
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(5), "{shown:#}");
    assert_eq!(trio.cluster(1)["voters"], 1);
}

#[test]
fn the_lead_is_handed_over_on_request_and_every_seat_stays() {
    let trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    let session = trio.session(1, "alice");
    assert_eq!(trio.checkout(1, &session, "cad").0, 201);
    let before = trio.wait(|trio| trio.leader(1));
    let (status, body) = trio.admin(before, "POST", "/v1/admin/cluster/transfer", json!({}));
    assert_eq!(status, 204, "{body}");
    let after = trio.wait(|trio| trio.leader(1).filter(|leader| *leader != before));
    assert_ne!(after, before);
    let shown = trio.wait(|trio| {
        let (status, body) = trio.ask(before, "GET", &format!("/v1/sessions/{session}"), Value::Null);
        (status == 200).then_some(body)
    });
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(1));
}

/// A single server with an administrator, as the first of others that may join.
fn single(lines: Vec<grantor_license::DraftLine>) -> Trio {
    let mut trio = Trio::prepared(lines);
    for config in trio.configs.values_mut() {
        config.cluster.servers.clear();
        config.cluster.token_file = None;
    }
    trio.start_together(&[1]);
    trio.set_up();
    trio
}

#[test]
fn the_backup_of_a_pair_has_everything_and_takes_over_by_hand_and_the_old_primary_stays_out() {
    let mut trio = single(vec![line("cad", "8.0", 5)]);
    let (_, made) = trio.admin(1, "POST", "/v1/admin/cluster/tokens", json!({ "backup": true }));
    let file = trio.token_file(2, made["token"].as_str().unwrap());
    trio.configs.get_mut(&2).unwrap().cluster.token_file = Some(file);
    trio.start_together(&[2]);
    let session = trio.session(2, "alice");
    assert_eq!(trio.checkout(2, &session, "cad").0, 201);
    let cluster = trio.cluster(2);
    assert_eq!(
        (cluster["voters"].as_u64(), cluster["servers"][1]["votes"].as_bool()),
        (Some(1), Some(false))
    );
    trio.stop(1);
    trio.wait(|trio| (trio.checkout(2, &session, "cad").0 == 503).then_some(()));
    trio.stop(2);
    trio.take_over(2);
    trio.start_together(&[2]);
    let (_, shown) = trio.ask(2, "GET", &format!("/v1/sessions/{session}"), Value::Null);
    assert_eq!(shown["grants"].as_array().map(Vec::len), Some(1), "{shown:#}");
    assert_eq!(trio.checkout(2, &session, "cad").0, 201);
    let words = trio.refused(1);
    assert!(words.contains("the backup has taken over") && words.contains("hint:"), "{words}");
}

#[test]
fn a_license_file_for_three_servers_grants_nothing_on_a_lone_one_and_names_the_cluster() {
    let trio = Trio::prepared(vec![]);
    let servers: Vec<(String, u16)> =
        trio.configs.values().map(|config| ("127.0.0.1".to_owned(), config.port)).collect();
    let text = support::issue::license_for(&trio.keys, &servers, vec![line("cad", "8.0", 5)]);
    for config in trio.configs.values() {
        std::fs::write(config.license_files[0].join("acme.lic"), &text).unwrap();
    }
    let mut lone = single(vec![]);
    std::fs::write(lone.configs[&1].license_files[0].join("acme.lic"), &text).unwrap();
    lone.configs.get_mut(&1).unwrap().publishers = trio.configs[&1].publishers.clone();
    lone.stop(1);
    lone.start_together(&[1]);
    let (_, read) = lone.admin(1, "POST", "/v1/admin/reread", Value::Null);
    assert!(read["problems"][0].as_str().unwrap().contains("for three redundant servers"), "{read:#}");
    let mut trio = trio;
    // Nobody names the servers but the license file.
    trio.configs.values_mut().for_each(|config| config.cluster.servers.clear());
    trio.start_all();
    trio.set_up();
    let session = trio.session(3, "alice");
    assert_eq!(trio.checkout(3, &session, "cad").0, 201);
}

#[test]
fn a_stranger_on_the_peers_protocol_is_refused_whatever_it_asks() {
    let trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    for path in [
        "/peer/raft",
        "/peer/propose",
        "/peer/campaign",
        "/peer/announce",
        "/peer/status",
        "/peer/level",
        "/v1/admin/status",
    ] {
        let (status, body) = support::peer::ask(trio.configs[&1].port, path);
        assert_eq!(status, 403, "{path}: {body}");
    }
    for path in ["/peer/hello", "/peer/found", "/peer/join"] {
        let (status, body) = support::peer::ask(trio.configs[&1].port, path);
        assert!(status == 403 || status == 415 || status == 422, "{path}: {status} {body}");
    }
}

#[test]
fn a_server_that_was_away_while_another_one_came_in_and_took_the_lead_follows_it() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 5)]);
    let away = trio.wait(|trio| trio.leader(1)) % 3 + 1;
    let there = (1..=3).find(|number| *number != away).unwrap();
    trio.stop(away);
    let (_, made) = trio.wait(|trio| {
        Some(trio.admin(there, "POST", "/v1/admin/cluster/tokens", json!({}))).filter(|made| made.0 == 201)
    });
    let mut config = trio.config(4, support::trio::free_port(), "");
    config.cluster.token_file = Some(trio.token_file(4, made["token"].as_str().unwrap()));
    trio.configs.insert(4, config);
    trio.start_together(&[4]);
    trio.wait(|trio| (trio.cluster(there)["voters"] == 4).then_some(()));
    let cluster = trio.cluster(there);
    let new =
        cluster["servers"].as_array().unwrap().iter().map(|server| server["server"].as_u64().unwrap()).max();
    trio.wait(|trio| {
        let asked = trio.admin(there, "POST", "/v1/admin/cluster/transfer", json!({ "to": new }));
        *trio.last.borrow_mut() = format!("{asked:?} {:?}", trio.cluster(there));
        (trio.leader(there) == Some(4)).then_some(())
    });
    // Nobody knows the new leader where the old server comes back, but a member it knows does.
    trio.start_together(&[away]);
    trio.wait(|trio| (trio.ask(away, "GET", "/readyz", Value::Null).0 == 200).then_some(()));
    assert_eq!(trio.leader(away), Some(4));
    let session = trio.session(away, "alice");
    assert_eq!(trio.checkout(away, &session, "cad").0, 201);
}

#[test]
fn a_leader_that_cannot_begin_its_lead_gives_it_to_another_server() {
    let mut trio = Trio::prepared(vec![line("cad", "8.0", 5)]);
    // Two of the three can't write the set-up token down, as with a full disk.
    for number in [1, 2] {
        std::fs::create_dir_all(trio.configs[&number].data_dir.join("setup-token")).unwrap();
    }
    trio.start_all();
    trio.set_up();
    let session = trio.session(1, "alice");
    assert_eq!(trio.checkout(1, &session, "cad").0, 201);
}

#[test]
fn a_borrowed_seat_outlives_its_session_and_the_leader_and_comes_back_by_its_key_to_another_server() {
    let mut trio = Trio::formed(vec![support::line_with("cad", 1, &[("BORROW", "48")])]);
    let session = trio.session(1, "alice");
    let (status, body) = trio.checkout(2, &session, "cad");
    assert_eq!(status, 201, "{body}");
    let loan = "00112233445566778899aabbccddeeff";
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let path = format!("/v1/sessions/{session}/checkouts/{}/loan", body["grants"][0]["grant"]);
    let (status, body) = trio.ask(2, "PUT", &path, json!({ "loan": loan, "until": until }));
    assert_eq!(status, 200, "{body}");
    assert_eq!(trio.ask(3, "DELETE", &format!("/v1/sessions/{session}"), Value::Null).0, 204);
    let leader = trio.wait(|trio| trio.leader(1));
    trio.stop(leader);
    let others: Vec<usize> = (1..=3).filter(|number| *number != leader).collect();
    let bob = trio.session(others[0], "bob");
    let (status, body) = trio.checkout(others[1], &bob, "cad");
    assert_eq!((status, body["code"].as_str()), (409, Some("none-left")), "{body}");
    assert_eq!(body["holders"][0]["user"], "alice", "{body}");
    assert_eq!(trio.ask(others[1], "DELETE", &format!("/v1/loans/{loan}"), Value::Null).0, 204);
    assert_eq!(trio.checkout(others[0], &bob, "cad").0, 201);
}

#[test]
fn a_reservation_outlives_the_leader_and_its_job_takes_the_seats_at_any_of_the_two_left() {
    let mut trio = Trio::formed(vec![line("cad", "8.0", 3)]);
    let open = json!({ "user": "scheduler", "host": "head", "ttl_seconds": 600,
        "checkout": { "feature": "cad", "version": "8.0", "count": 3 } });
    let (status, lease) = trio.ask(1, "POST", "/v1/checkouts", open);
    assert_eq!(status, 201, "{lease}");
    let leader = trio.wait(|trio| trio.leader(1));
    trio.stop(leader);
    let others: Vec<usize> = (1..=3).filter(|number| *number != leader).collect();
    let job = trio.session(others[0], "job");
    let (status, body) = trio.checkout(others[1], &job, "cad");
    assert_eq!((status, body["code"].as_str()), (409, Some("none-left")), "{body}");
    let take = json!({ "feature": "cad", "version": "8.0", "count": 2, "reservation": lease["lease"] });
    let (status, body) = trio.ask(others[1], "POST", &format!("/v1/sessions/{job}/checkouts"), take);
    assert_eq!(status, 201, "{body}");
    let path = format!("/v1/checkouts/{}", lease["lease"].as_str().unwrap());
    assert_eq!(trio.ask(others[0], "DELETE", &path, Value::Null).0, 204);
    assert_eq!(trio.checkout(others[0], &job, "cad").0, 201, "what the job did not take is free again");
}

#[test]
fn what_not_every_server_knows_waits_until_the_last_one_is_upgraded_and_no_older_one_is_let_in_then() {
    let mut trio = Trio::prepared(vec![line("cad", "8.0", 5)]);
    trio.configs.get_mut(&3).unwrap().cluster.level = Some(0);
    trio.start_all();
    trio.set_up();
    let invite = |trio: &Trio, number: usize| {
        let body = json!({ "name": "eve", "roles": [{ "role": "read" }] });
        trio.admin(number, "POST", "/v1/admin/people", body)
    };
    for number in 1..=3 {
        let (status, body) = invite(&trio, number);
        assert_eq!((status, body["title"].as_str()), (503, Some("the cluster is being upgraded")), "{body}");
        assert!(body["hint"].as_str().unwrap().contains("grantor cluster status"), "{body}");
    }
    let login = json!({ "name": "ada", "password": support::PASSWORD });
    let (status, made) = trio.ask(2, "POST", "/v1/admin/login", login);
    assert_eq!(status, 201, "whoever administers still signs in: {made}");
    let session = trio.session(1, "alice");
    assert_eq!(trio.checkout(1, &session, "cad").0, 201);
    let levels = |trio: &Trio| {
        let cluster = trio.cluster(1);
        let levels = cluster["servers"].as_array().unwrap().iter().map(|one| one["own"]["level"].as_u64());
        let mut levels: Vec<_> = levels.collect();
        levels.sort_unstable();
        levels
    };
    let newest = u64::from(grantor_site::level::LEVEL);
    assert_eq!(levels(&trio), [Some(0), Some(newest), Some(newest)]);
    trio.stop(3);
    trio.configs.get_mut(&3).unwrap().cluster.level = None;
    trio.start_together(&[3]);
    trio.wait(|trio| (invite(trio, 2).0 == 201).then_some(()));
    let (_, made) = trio.admin(1, "POST", "/v1/admin/cluster/tokens", json!({}));
    let mut config = trio.config(4, support::trio::free_port(), "");
    config.cluster.token_file = Some(trio.token_file(4, made["token"].as_str().unwrap()));
    config.cluster.level = Some(0);
    trio.configs.insert(4, config);
    let words = trio.refused(4);
    assert!(words.contains("too old: it knows commands up to level 0"), "{words}");
}
