//! Notices while leaders die: each arrives, and a second time only with the same id.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::means;
use crate::sink::Sink;
use crate::trio::{Trio, within};

fn id(mail: &str) -> &str {
    mail.lines().find_map(|line| line.strip_prefix("Message-ID:")).unwrap().trim()
}

fn all_told(trio: &Trio, host: usize, count: usize) {
    within(60, "every notice is told", || {
        let (status, body) = trio.admin(host, "GET", "/v1/admin/notices", &Value::Null);
        let tests: Vec<&Value> =
            body["notices"].as_array().into_iter().flatten().filter(|one| one["kind"] == "test").collect();
        let is_told = |one: &&Value| one["waits_for"] == json!([]);
        (tests.len() == count && tests.iter().all(is_told)).then_some(()).ok_or(format!("{status} {body}"))
    });
}

/// The leader is killed while the mail server keeps a notice back, before it has acknowledged it: the next leader sends it, once.
/// Again and again, with nothing lost, nothing doubled.
#[test]
fn a_leader_that_is_killed_in_the_middle_of_a_notice_leaves_it_to_the_next_and_each_arrives_once() {
    if !means::are_here(&[]) {
        return;
    }
    let mut trio = Trio::prepared(1, "");
    let sink = Sink::mail(&trio.net.own_address());
    for node in &trio.nodes {
        let path = node.home.join("grantor.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        let address = trio.net.own_address();
        let mail = format!(
            "[notices]\nsilence_seconds = 3600\n[notices.mail]\nserver = \"smtp://{address}:{}\"\nfrom = \"g@example.com\"\nto = [\"a@example.com\"]\n",
            sink.port
        );
        std::fs::write(path, format!("{config}{mail}")).unwrap();
    }
    trio.start_all();
    let rounds = means::rounds(3, 50);
    for round in 1..=rounds as usize {
        let leader = trio.leader();
        let held = sink.hold();
        let asked = trio.admin(leader, "POST", "/v1/admin/notices/test", &json!({}));
        assert_eq!(asked.0, 202, "{}", asked.1);
        within(30, "the mail is on its way", || sink.is_waiting().then_some(()).ok_or_else(String::new));
        trio.node(leader).kill();
        drop(held);
        let other = Trio::others(leader)[0];
        all_told(&trio, other, round);
        trio.node(leader).start();
        within(30, "the server is back", || {
            match trio.admin(leader, "GET", "/v1/admin/notices", &Value::Null) {
                (200, _) => Ok(()),
                answer => Err(format!("{answer:?}")),
            }
        });
    }
    let mails = sink.all();
    let ids: BTreeSet<&str> = mails.iter().map(|mail| id(mail)).collect();
    assert_eq!((mails.len(), ids.len()), (rounds as usize, rounds as usize), "{mails:#?}");
    means::report(
        "notices",
        "the leader is killed while a notice is handed over",
        rounds,
        "each arrived once",
    );
}
