//! Disks that are full, that fail, that are slow.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::load;
use crate::means;
use crate::node::Under;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

/// Room for a log of several segments of 16 MiB, which are reserved ahead.
const ROOM: &str = "size=120m,nr_inodes=300,mode=700";

/// A small disk under a node's data folder; gone when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", ROOM, "tmpfs"]).arg(&path).status();
        assert!(done.unwrap().success());
        Self(path)
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.join("filler")
    }

    /// Writes until there is no room left.
    fn fill(&self) {
        use std::io::Write;
        std::fs::create_dir_all(self.filler()).unwrap();
        let mut file = std::fs::File::create(self.filler().join("0")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Makes empty files until there is no room for another.
    fn fill_with_files(&self) {
        std::fs::create_dir_all(self.filler()).unwrap();
        let mut names = 0..;
        while names
            .next()
            .is_some_and(|name| std::fs::File::create(self.filler().join(name.to_string())).is_ok())
        {}
    }

    fn free(&self) {
        std::fs::remove_dir_all(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Large license files use up what the log has reserved: then the leader must end, by itself and with a word on why. Gives
/// how long it still answered after its log had no room.
fn use_up(trio: &mut Trio, leader: usize, seats: u32) -> Duration {
    let others = Trio::others(leader);
    for note in 0.. {
        let asked = Instant::now();
        let answer = trio.load(others[0], seats, 4 << 20, note);
        if trio.node(leader).ended().is_some_and(|status| status.code() != Some(0)) {
            return asked.elapsed();
        }
        assert!(note < 40, "the log goes on without room: {answer:?}");
    }
    unreachable!("it ended before")
}

/// R08: the leader's disk has no room, or no room for another file: it acknowledges nothing that it can't keep, is no
/// longer the leader 5 s later, nothing is lost, and it is back within 30 s of there being room again.
#[test]
fn a_leader_whose_disk_is_full_ends_and_comes_back_when_there_is_room() {
    if !means::are_here(&["mount"]) {
        return;
    }
    let seats: u32 = SEATS.try_into().unwrap();
    let mut trio = Trio::prepared(seats, "");
    let disks: Vec<SmallDisk> =
        trio.nodes.iter().map(|node| SmallDisk::mount(node.home.join("grantor-data"))).collect();
    trio.start_all();
    load::under(&mut trio, 4, 10, 1, 2 * SEATS, |trio, load| {
        for (what, fill) in
            [("disk full", SmallDisk::fill as fn(&SmallDisk)), ("inodes full", SmallDisk::fill_with_files)]
        {
            load.more(20);
            let leader = trio.leader();
            fill(&disks[leader - 1]);
            let noticed = use_up(trio, leader, seats);
            let ended = Instant::now();
            assert!(
                trio.nodes[leader - 1].log().contains("the server stops"),
                "{}",
                trio.nodes[leader - 1].log()
            );
            let first =
                within(5, "a grant by the others", || load.history.first_after(ended).ok_or(String::new()));
            disks[leader - 1].free();
            trio.node(leader).start();
            let freed = Instant::now();
            within(30, "it is back", || match trio.ask(leader, "GET", "/readyz", &serde_json::Value::Null) {
                (200, _) => Ok(()),
                other => Err(format!("{other:?} {}", trio.nodes[leader - 1].log())),
            });
            means::report(
                "R08",
                &format!("leader's {what}"),
                1,
                &format!(
                    "it ended within {noticed:.1?} of the write that had no room; the others grant after {first:.2?}; back {:.1?} after there was room; 0 lost",
                    freed.elapsed()
                ),
            );
        }
    });
    drop(trio);
}

/// R09: `fdatasync` and `fsync` fail with EIO or ENOSPC at the leader and at a follower, at the nth flush: the process
/// ends and acknowledges nothing after the error; the others go on, and after a restart everything is there.
#[test]
fn a_server_whose_disk_fails_to_flush_ends_and_nothing_acknowledged_is_lost() {
    if !means::are_here(&["strace"]) {
        return;
    }
    let rounds = means::rounds(4, 100);
    let mut trio = Trio::formed(SEATS.try_into().unwrap());
    let mut led = 0;
    load::under(&mut trio, 6, 10, 1, SEATS, |trio, load| {
        for round in 0..rounds {
            load.more(20);
            let victim = Trio::others(trio.leader())[0];
            let (leads, error) = (round % 2 == 0, if round % 4 < 2 { "EIO" } else { "ENOSPC" });
            // A leader needs its first flushes to come back and to be given the lead.
            let nth = round / 2 + if leads { 400 } else { 1 };
            let fault = format!("error={error}:when={nth}+");
            trio.restart_under(victim, &Under::inject("fdatasync,fsync", &fault));
            if leads {
                led += u32::from(takes_the_lead(trio, victim));
            }
            let status = trio.node(victim).end(Duration::from_secs(60));
            assert_ne!(status.code(), Some(0), "{}", trio.nodes[victim - 1].log());
            let ended = Instant::now();
            within(10, "a grant by the others", || load.history.first_after(ended).ok_or(String::new()));
            trio.node(victim).start();
        }
    });
    assert!(led > 0, "the fault never met a leader");
    means::report(
        "R09",
        "flush fails with EIO or ENOSPC, at the leader and at a follower in turn",
        rounds,
        &format!("the process ends each time, {led} times as the leader; 0 lost"),
    );
}

/// Whether the server led before its disk failed.
fn takes_the_lead(trio: &mut Trio, host: usize) -> bool {
    let before = trio.nodes[host - 1].count("this server leads");
    let limit = Instant::now() + Duration::from_secs(20);
    while Instant::now() < limit && trio.nodes[host - 1].count("this server leads") == before {
        if trio.node(host).is_over() {
            return false;
        }
        let others = Trio::others(host);
        let _not_yet = trio.hand_over(others[0], host);
    }
    true
}

/// R09: a follower whose flush takes 2 s longer does not hold up checkouts: the other two are a majority.
#[test]
fn a_follower_with_a_slow_disk_does_not_slow_checkouts_much() {
    if !means::are_here(&["strace"]) {
        return;
    }
    let mut trio = Trio::formed(1000);
    let session = trio.session(3600);
    let leader = trio.leader();
    let slow = Trio::others(leader)[0];
    let median = |trio: &Trio| {
        let mut times: Vec<Duration> = (0..40)
            .map(|_| {
                let from = Instant::now();
                within(10, "a grant", || match trio.checkout(leader, &session) {
                    (201, _) => Ok(()),
                    other => Err(format!("{other:?}")),
                });
                from.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[20]
    };
    let before = median(&trio);
    trio.restart_under(slow, &Under::inject("fdatasync,fsync", "delay_enter=2000000"));
    let after = median(&trio);
    assert!(after <= before * 3 + Duration::from_millis(30), "{before:?} became {after:?}");
    means::report(
        "R09",
        "a follower's flush takes 2 s longer",
        40,
        &format!("median checkout {before:.2?} became {after:.2?}"),
    );
}
