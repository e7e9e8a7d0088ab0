//! Processes that are killed: the leader, and any of the three.

use std::time::{Duration, Instant};

use crate::load::{self, Load};
use crate::means;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

fn first_grant(load: &Load, after: Instant) -> Duration {
    within(20, "a grant after the kill", || load.history.first_after(after).ok_or_else(|| "none".to_owned()))
}

/// R01: `kill -9` of the leader under 100 requests a second, 200 times: two survivors always elect, the first grant comes
/// within 5 s, no acknowledged operation is lost.
#[test]
fn when_the_leader_is_killed_under_load_the_two_others_grant_within_five_seconds_and_nothing_is_lost() {
    if !means::are_here(&[]) {
        return;
    }
    let rounds = means::rounds(5, 200);
    let mut trio = Trio::formed(SEATS.try_into().unwrap());
    let mut times = Vec::new();
    load::under(&mut trio, 6, 60, 1, SEATS, |trio, load| {
        for round in 1..=rounds {
            load.more(40);
            let leader = trio.leader();
            trio.node(leader).kill();
            let killed = Instant::now();
            let first = first_grant(load, killed);
            assert!(first <= Duration::from_secs(5), "round {round}: first grant after {first:?}");
            times.push(first);
            trio.node(leader).start();
            trio.ready(leader);
        }
    });
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    means::report(
        "R01",
        "leader `kill -9`, ~100 requests/s",
        rounds,
        &format!("first grant: median {median:.2?}, worst {worst:.2?}; 0 lost"),
    );
}

/// R02: `kill -9` of any subset, all three included, at random: nothing acknowledged is lost, no seat is out twice, and
/// the cluster serves within 10 s of the restart.
#[test]
fn whichever_servers_are_killed_at_once_everything_acknowledged_is_there_after_the_restart() {
    if !means::are_here(&[]) {
        return;
    }
    let rounds = means::rounds(4, 60);
    let mut trio = Trio::formed(SEATS.try_into().unwrap());
    let mut worst = Duration::ZERO;
    load::under(&mut trio, 6, 20, 1, SEATS, |trio, load| {
        for round in 0..rounds {
            load.more(60);
            // All three first, then every other subset in turn.
            let subset = 7 - round % 7;
            let killed: Vec<usize> = (1..=3).filter(|host| subset & (1 << (host - 1)) != 0).collect();
            killed.iter().for_each(|host| trio.node(*host).kill());
            killed.iter().for_each(|host| trio.node(*host).start());
            let started = Instant::now();
            let first = first_grant(load, started);
            worst = worst.max(first);
            assert!(first <= Duration::from_secs(10), "round {round}: first grant after {first:?}");
            killed.iter().for_each(|host| trio.ready(*host));
        }
    });
    means::report(
        "R02",
        "`kill -9` of every subset",
        rounds,
        &format!("first grant at most {worst:.2?} after the restart; 0 lost"),
    );
}

/// R15: each request 1 to 5 times, to one server after the other, across failovers: as many effects as keys.
#[test]
fn a_request_that_is_repeated_at_several_servers_across_failovers_has_one_effect() {
    if !means::are_here(&[]) {
        return;
    }
    let rounds = means::rounds(2, 30);
    let wanted = means::amount(400, 100_000);
    let mut trio = Trio::formed(SEATS.try_into().unwrap());
    let load = load::under(&mut trio, 6, means::amount(4, 0).into(), 5, SEATS, |trio, load| {
        for round in 1..=rounds {
            let share = (wanted / rounds * round) as usize;
            within(600, "so many keys", || match load.history.granted() {
                enough if enough >= share => Ok(()),
                few => Err(format!("{few} of {share}")),
            });
            let leader = trio.leader();
            trio.node(leader).kill();
            first_grant(load, Instant::now());
            trio.node(leader).start();
            trio.ready(leader);
        }
    });
    let (keys, effects) =
        (load.history.granted() as u64, load.effects.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(keys, effects);
    assert!(keys >= u64::from(wanted / rounds * rounds), "{keys}");
    means::report(
        "R15",
        "each request 1 to 5 times across failovers",
        rounds,
        &format!("{keys} keys, {effects} effects"),
    );
}
