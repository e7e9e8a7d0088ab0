//! Clocks that are wrong, and sessions that fall silent all at once.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load;
use crate::means::{self, FAKETIME};
use crate::node::Under;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

/// R13: the leader's wall clock jumps by an hour, a day, 400 days, both ways, while it runs: no session ends early, no seat
/// is out twice.
#[test]
fn a_leader_whose_wall_clock_jumps_ends_no_session_early_and_doubles_no_seat() {
    if !means::are_here(&[FAKETIME]) {
        return;
    }
    let mut trio = Trio::prepared(SEATS.try_into().unwrap(), "");
    let files: Vec<_> = trio.nodes.iter().map(|node| node.home.join("faketime")).collect();
    for (node, file) in trio.nodes.iter_mut().zip(&files) {
        std::fs::write(file, "+0").unwrap();
        let env = vec![
            ("LD_PRELOAD", FAKETIME.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        node.start_under(&Under { env, ..Under::default() });
    }
    trio.set_up();
    let session = trio.session(3600);
    let jumps = ["+1h", "-1h", "+1d", "-1d", "+400d", "-400d"];
    load::under(&mut trio, 4, 30, 1, SEATS, |trio, load| {
        for jump in jumps {
            trio.log_in();
            let leader = trio.leader();
            std::fs::write(&files[leader - 1], jump).unwrap();
            load.more(60);
            let (status, body) = within(10, "an answer", || match trio.beat(leader, &session) {
                (503, body) => Err(body.to_string()),
                answer => Ok(answer),
            });
            assert_eq!(status, 200, "{jump}: the session ended early: {body}");
            std::fs::write(&files[leader - 1], "+0").unwrap();
        }
        // The site's time went with the jump of 400 days, and the token has run out.
        trio.log_in();
    });
    means::report(
        "R13",
        "leader's wall clock off by ±1 h, ±1 d, ±400 d",
        6,
        "0 sessions ended early; 0 seats out twice",
    );
}

/// R16: many sessions fall silent and the leader changes while they end: none ends before its time-out, at most 1,000 end
/// a second, all seats are free by the time-out and 30 s.
#[test]
fn sessions_that_fall_silent_together_end_in_time_and_none_early_though_the_leader_changes() {
    if !means::are_here(&[]) {
        return;
    }
    let (sessions, heartbeat) = (means::rounds(60, 2000), 5);
    let mut trio = Trio::formed(sessions);
    let all: Vec<String> = (0..sessions).map(|_| trio.session(heartbeat)).collect();
    let limit = Instant::now() + Duration::from_secs(60);
    // One beat for all, then silence.
    let beat = |trio: &Trio| {
        for part in all.chunks(500) {
            let body = serde_json::json!({ "sessions": part });
            within(10, "a beat", || match trio.ask(1, "POST", "/v1/sessions/alive", &body) {
                (200, _) => Ok(()),
                other => Err(format!("{other:?}")),
            });
        }
    };
    for (number, session) in all.iter().enumerate() {
        if number % 20 == 0 {
            beat(&trio);
        }
        let (status, body) = trio.checkout(1 + number % 3, session);
        assert!(status == 201 && Instant::now() < limit, "{status} {body}");
    }
    beat(&trio);
    let silent = Instant::now();
    std::thread::sleep(
        Duration::from_millis(u64::from(heartbeat) * 1000 - 300).saturating_sub(silent.elapsed()),
    );
    let leader = trio.leader();
    let out = trio.out();
    assert!(
        silent.elapsed().as_secs() >= u64::from(heartbeat) || out == u64::from(sessions),
        "{out} of {sessions} before the time-out"
    );
    trio.node(leader).kill();
    let survivor = Trio::others(leader)[0];
    let (mut last, mut fastest) = (None::<(Instant, u64)>, 0);
    within(u64::from(heartbeat) + 35, "all seats are free", || {
        let (status, body) = trio.admin(survivor, "GET", "/v1/admin/status?holders=0", &Value::Null);
        let Some(out) = body["grants"].as_u64() else { return Err(format!("{status} {body}")) };
        if let Some((at, before)) = last.filter(|(at, _)| at.elapsed() >= Duration::from_secs(1)) {
            fastest = fastest.max((before - out) * 1000 / u64::try_from(at.elapsed().as_millis()).unwrap());
            last = Some((Instant::now(), out));
        }
        last.get_or_insert((Instant::now(), out));
        if out == 0 { Ok(()) } else { Err(format!("{out} are out")) }
    });
    let took = silent.elapsed();
    assert!(fastest <= 1100, "{fastest} ended in a second");
    means::report(
        "R16",
        &format!("{sessions} sessions fall silent, the leader is killed meanwhile"),
        1,
        &format!("none early; all free {took:.1?} after the last sign of life (time-out 5 s)"),
    );
}
