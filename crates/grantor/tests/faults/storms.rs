//! Everybody comes back at once: after the leader was lost, and after all three servers were.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{agent, ask, is_no_answer};
use crate::means;
use crate::trio::{Trio, within};

/// Applications that ask at the same time.
const AT_ONCE: usize = 32;

/// Sessions with a seat each.
fn settled(trio: &Trio, count: usize) -> Vec<String> {
    let sessions: Vec<String> = (0..count).map(|_| trio.session(3600)).collect();
    for (number, session) in sessions.iter().enumerate() {
        assert_eq!(trio.checkout(number % 3 + 1, session).0, 201);
    }
    sessions
}

/// Every application asks one server after the other for its own session, over connections of its own, until it is
/// answered. Gives how long that took, and how many were told something else than that they hold their seat.
fn all_come_back(trio: &Trio, sessions: &[String]) -> (Duration, usize) {
    let (from, next, wrong) = (Instant::now(), AtomicUsize::new(0), AtomicUsize::new(0));
    let come_back = |session: &String, number: usize| {
        let agent = agent(6);
        for host in (0..).map(|turn| (number + turn) % 3 + 1) {
            assert!(from.elapsed() < Duration::from_secs(120), "nobody answers");
            let url = trio.url(host, &format!("/v1/sessions/{session}"));
            let (status, body) = ask(&agent, "GET", &url, "", &Value::Null);
            if is_no_answer(status) {
                continue;
            }
            let is_right = status == 200 && body["grants"].as_array().is_some_and(|grants| grants.len() == 1);
            return is_right;
        }
        false
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(session) = sessions.get(number) else { return };
                    if !come_back(session, number) {
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    (from.elapsed(), wrong.into_inner())
}

/// L02, L03: the leader is killed, then all three servers are killed and started together, and everybody comes back at once
/// without waiting: each finds its session and its seat.
#[test]
fn everybody_comes_back_at_once_after_the_leader_or_all_servers_were_killed_and_finds_its_seat() {
    if !means::are_here(&[]) {
        return;
    }
    let count = means::amount(300, 10_000);
    let mut trio = Trio::formed(count);
    let sessions = settled(&trio, count as usize);
    for (plan, limit, all) in [("L02", 60, false), ("L03", 120, true)] {
        let killed = if all { vec![1, 2, 3] } else { vec![trio.leader()] };
        killed.iter().for_each(|host| trio.node(*host).kill());
        if all {
            killed.iter().for_each(|host| trio.node(*host).start());
        }
        let (took, wrong) = all_come_back(&trio, &sessions);
        assert!(wrong == 0 && took < Duration::from_secs(limit), "{wrong} wrong, {took:?}");
        if !all {
            killed.iter().for_each(|host| trio.node(*host).start());
        }
        within(30, "all are ready", || {
            let ready = |host| trio.ask(host, "GET", "/readyz", &Value::Null).0 == 200;
            if (1..=3).all(ready) { Ok(()) } else { Err(trio.logs()) }
        });
        assert_eq!(trio.out(), u64::from(count));
        let what = if all { "all three killed and started" } else { "the leader killed" };
        means::report(
            plan,
            &format!("{count} sessions come back, {AT_ONCE} at a time: {what}"),
            1,
            &format!("all answered after {took:.1?}; 0 wrong refusals; 0 seats lost"),
        );
    }
    let beat = trio.ask(1, "POST", "/v1/sessions/alive", &json!({ "sessions": &sessions[..100] }));
    assert_eq!(beat.0, 200, "{}", beat.1);
}
