//! Clocks that are wrong, and sessions that fall silent all at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::load;
use crate::means::{self, FAKETIME};
use crate::node::Under;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

/// Three servers whose wall clocks this test sets by writing into a file.
struct Clocks {
    files: Vec<std::path::PathBuf>,
    session: String,
    lease: String,
}

impl Clocks {
    fn new() -> (Trio, Self) {
        let mut trio = Trio::prepared(SEATS.try_into().unwrap(), "");
        let files = trio.nodes.iter().map(|node| node.home.join("faketime")).collect();
        let mut all = Self { files, session: String::new(), lease: String::new() };
        all.set(&[1, 2, 3], "+0");
        (1..=3).for_each(|host| all.start(&mut trio, host));
        trio.set_up();
        (all.session, all.lease) = (trio.session(3600), script_lease(&trio));
        (trio, all)
    }

    fn start(&self, trio: &mut Trio, host: usize) {
        let env = vec![
            ("LD_PRELOAD", FAKETIME.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.files[host - 1].display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        trio.node(host).start_under(&Under { env, ..Under::default() });
    }

    fn set(&self, hosts: &[usize], jump: &str) {
        hosts.iter().for_each(|host| std::fs::write(&self.files[host - 1], jump).unwrap());
    }

    /// The session lives, the lease is held, the sign-in holds, and the site's time is the true one.
    fn nothing_ended(&self, trio: &Trio, host: usize, what: &str) {
        let (status, body) = within(15, "an answer", || match trio.beat(host, &self.session) {
            (503, body) => Err(body.to_string()),
            answer => Ok(answer),
        });
        assert_eq!(status, 200, "{what}: the session ended early: {body}");
        let (status, body) = trio.ask(host, "GET", &format!("/v1/sessions/{}", self.lease), &Value::Null);
        assert!(
            status == 200 && body["grants"][0]["count"] == 1,
            "{what}: the lease ended early: {status} {body}"
        );
        let (status, body) = trio.admin(host, "GET", "/v1/admin/status?holders=0", &Value::Null);
        assert_eq!(status, 200, "{what}: the sign-in ended early: {body}");
        let now: jiff::Timestamp = body["now"].as_str().unwrap().parse().unwrap();
        let off = now.duration_since(jiff::Timestamp::now()).abs();
        assert!(off < jiff::SignedDuration::from_secs(60), "{what}: the site's time is {off:#} off");
    }

    /// The clocks are right again, and an administrator says so.
    fn mend(&self, trio: &Trio) {
        self.set(&[1, 2, 3], "+0");
        let path = "/v1/admin/clock/confirm";
        within(10, "the clocks are confirmed", || match trio.admin(1, "POST", path, &Value::Null) {
            (204, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        assert_eq!(clock_violations(trio), Vec::<String>::new());
    }
}

/// A script's lease of half an hour.
fn script_lease(trio: &Trio) -> String {
    let (lease, request) = (crate::trio::key(), crate::trio::key());
    let checkout = json!({ "request": request, "feature": "cad", "version": "8.0" });
    let body = json!({ "lease": lease, "user": "s", "host": "h", "ttl_seconds": 1800, "checkout": checkout });
    within(20, "a lease", || match trio.ask(1, "POST", "/v1/checkouts", &body) {
        (200 | 201, _) => Ok(lease.clone()),
        other => Err(format!("{other:?}")),
    })
}

fn clock_violations(trio: &Trio) -> Vec<String> {
    trio.violations().into_iter().filter(|kind| kind.contains("CLOCK")).collect()
}

fn is_told_of(trio: &Trio, jump: &str, what: &str) {
    let kind = if jump.starts_with('+') { "GLMR_CLOCK_SET_AHEAD" } else { "GLMR_CLOCK_SET_BACK" };
    within(15, "the jump is told of", || match clock_violations(trio) {
        told if told == [kind] => Ok(()),
        told => Err(format!("{what}: {told:?}\n{}", trio.logs())),
    });
}

/// R13: the wall clocks of one, two and all three servers, the leader's among them, jump by an hour, a day, 400 days, both
/// ways, while they run. No session, lease or sign-in ends early, no seat is out twice, the site's time stays right, and
/// each jump is told of once.
#[test]
fn wall_clocks_that_jump_end_nothing_early_double_no_seat_and_are_told_of_once() {
    if !means::are_here(&[FAKETIME]) {
        return;
    }
    let (mut trio, clocks) = Clocks::new();
    let jumps = ["+1h", "-1h", "+1d", "-1d", "+400d", "-400d"];
    load::under(&mut trio, 4, 30, 1, SEATS, |trio, load| {
        for servers in 1..=3 {
            for jump in jumps {
                let leader = trio.leader();
                let hosts: Vec<usize> =
                    std::iter::once(leader).chain(Trio::others(leader)).take(servers).collect();
                let what = format!("{jump} at {servers} servers");
                clocks.set(&hosts, jump);
                is_told_of(trio, jump, &what);
                load.more(10);
                clocks.nothing_ended(trio, leader, &what);
                clocks.mend(trio);
            }
        }
    });
    means::report(
        "R13",
        "wall clocks of 1, 2, 3 servers jump by ±1 h, ±1 d, ±400 d",
        18,
        "0 sessions, leases or sign-ins ended early; 0 seats out twice; the site's time right; each told of once",
    );
}

/// R13: an administrator confirms the clocks, a follower hears of it late, and until then all clocks have leapt by a day: what
/// was confirmed is not what they say now, and the site's time does not go along.
#[test]
fn a_follower_that_hears_late_that_the_clocks_are_right_does_not_take_one_that_leapt_since() {
    if !means::are_here(&[FAKETIME]) {
        return;
    }
    let (mut trio, clocks) = Clocks::new();
    let rounds = means::rounds(2, 20);
    for _ in 0..rounds {
        clocks.set(&[1, 2, 3], "-1h");
        is_told_of(&trio, "-1h", "an hour back");
        let (leader, late) = (trio.leader(), if trio.leader() == 3 { 2 } else { 3 });
        trio.node(late).signal(Signal::STOP);
        clocks.mend(&trio);
        clocks.set(&[1, 2, 3], "+1d");
        trio.node(late).signal(Signal::CONT);
        is_told_of(&trio, "+1d", "a day ahead");
        clocks.nothing_ended(&trio, leader, "a day ahead");
        clocks.mend(&trio);
    }
    means::report(
        "R13",
        "the clocks are confirmed, and leap before a stopped follower hears of it",
        rounds,
        "nothing ended early; the site's time right",
    );
}

/// R13: a server that was started with a wrong clock leads: the site's time stays that of the majority.
#[test]
fn a_leader_that_was_started_with_a_wrong_clock_takes_the_others_nowhere() {
    if !means::are_here(&[FAKETIME]) {
        return;
    }
    let (mut trio, clocks) = Clocks::new();
    for jump in ["+400d", "-400d"] {
        let wrong = Trio::others(trio.leader())[0];
        trio.node(wrong).kill();
        clocks.set(&[wrong], jump);
        clocks.start(&mut trio, wrong);
        trio.transfer(wrong);
        is_told_of(&trio, jump, jump);
        clocks.nothing_ended(&trio, wrong, jump);
        clocks.mend(&trio);
    }
    means::report(
        "R13",
        "a server started with a clock ±400 d off takes the lead",
        2,
        "nothing ended early; told of",
    );
}

/// R16: many sessions fall silent and the leader changes while they end: none ends before its time-out, at most 1,000 end
/// a second, all seats are free by the time-out and 30 s.
#[test]
fn sessions_that_fall_silent_together_end_in_time_and_none_early_though_the_leader_changes() {
    if !means::are_here(&[]) {
        return;
    }
    let (sessions, heartbeat) = (means::amount(60, 10_000), means::amount(5, 10));
    let mut trio = Trio::formed(sessions);
    let mut all: Vec<String> = Vec::new();
    let mut heard = Instant::now();
    for number in 0..sessions as usize {
        if heard.elapsed() > Duration::from_secs(u64::from(heartbeat) / 4) {
            heard = signs_of_life(&trio, &all);
        }
        let session = trio.session(heartbeat);
        let (status, body) = trio.checkout(1 + number % 3, &session);
        assert_eq!(status, 201, "{body}");
        all.push(session);
    }
    let silent = signs_of_life(&trio, &all);
    std::thread::sleep(
        Duration::from_millis(u64::from(heartbeat) * 1000 - 300).saturating_sub(silent.elapsed()),
    );
    let leader = trio.leader();
    let out = trio.out();
    assert!(
        silent.elapsed().as_secs() >= u64::from(heartbeat) || out == u64::from(sessions),
        "{out} of {sessions} before the time-out"
    );
    if means::is_long() {
        // In the middle of it.
        within(30, "some have ended", || {
            Some(trio.out()).filter(|out| *out < 8000).map(drop).ok_or(String::new())
        });
    }
    trio.node(leader).kill();
    let fastest = until_all_are_free(&trio, Trio::others(leader)[0], u64::from(heartbeat) + 35);
    let took = silent.elapsed();
    assert!(took < Duration::from_secs(u64::from(heartbeat) + 30), "{took:?}");
    assert!(fastest <= 1100, "{fastest} ended in a second");
    means::report(
        "R16",
        &format!("{sessions} sessions fall silent, the leader is killed meanwhile"),
        1,
        &format!(
            "none early; at most {fastest} in a second; all free {took:.1?} after the last sign of life (time-out {heartbeat} s)"
        ),
    );
}

/// One sign of life for each; gives the instant before the first.
fn signs_of_life(trio: &Trio, sessions: &[String]) -> Instant {
    let from = Instant::now();
    for part in sessions.chunks(1000) {
        let body = json!({ "sessions": part });
        within(10, "a sign of life", || match trio.ask(1, "POST", "/v1/sessions/alive", &body) {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    from
}

/// Waits until no seat is out; gives the most seats that came free in a second.
fn until_all_are_free(trio: &Trio, host: usize, seconds: u64) -> u64 {
    let (mut last, mut fastest) = (None::<(Instant, u64)>, 0);
    within(seconds, "all seats are free", || {
        let (status, body) = trio.admin(host, "GET", "/v1/admin/status?holders=0", &Value::Null);
        let Some(out) = body["grants"].as_u64() else { return Err(format!("{status} {body}")) };
        if let Some((at, before)) = last.filter(|(at, _)| at.elapsed() >= Duration::from_secs(1)) {
            fastest = fastest.max((before - out) * 1000 / u64::try_from(at.elapsed().as_millis()).unwrap());
            last = Some((Instant::now(), out));
        }
        last.get_or_insert((Instant::now(), out));
        if out == 0 { Ok(()) } else { Err(format!("{out} are out")) }
    });
    fastest
}
