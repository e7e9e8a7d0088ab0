//! Disks that are full, that fail, that are slow.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::load;
use crate::means;
use crate::node::Under;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

/// A small disk under a node's data folder; gone when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=80m,mode=700", "tmpfs"])
            .arg(&path)
            .status();
        assert!(done.unwrap().success());
        Self(path)
    }

    /// Writes until there is no room left.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// R08: the leader's disk is full: it acknowledges nothing more and leaves the lead within 5 s; nothing is lost, and it is
/// back within 30 s of there being room again.
#[test]
#[ignore = "not right yet: the log's segment is reserved ahead, so a full disk shows only when 16 MiB are used up"]
fn a_leader_whose_disk_is_full_leaves_the_lead_and_comes_back_when_there_is_room() {
    if !means::are_here(&["mount"]) {
        return;
    }
    let mut trio = Trio::prepared(SEATS.try_into().unwrap(), "");
    let disks: Vec<SmallDisk> =
        trio.nodes.iter().map(|node| SmallDisk::mount(node.home.join("grantor-data"))).collect();
    trio.start_all();
    load::under(&mut trio, 6, 5, 1, SEATS, |trio, load| {
        load.more(50);
        let leader = trio.leader();
        disks[leader - 1].fill();
        // Room that was set aside for the log's segment may last for a while; then the process must go.
        let status = trio.node(leader).end(Duration::from_secs(60));
        let ended = Instant::now();
        assert_ne!(status.code(), Some(0));
        let first =
            within(5, "a grant by the others", || load.history.first_after(ended).ok_or(String::new()));
        assert!(first < Duration::from_secs(5), "{first:?}");
        disks[leader - 1].free();
        trio.node(leader).start();
        within(30, "it is back", || match trio.ask(leader, "GET", "/readyz", &serde_json::Value::Null) {
            (200, _) => Ok(()),
            other => Err(format!("{other:?} {}", trio.nodes[leader - 1].log())),
        });
        means::report(
            "R08",
            "leader's disk full",
            1,
            &format!("exit {:?}; the others grant after {first:.2?}; rejoined; 0 lost", status.code()),
        );
    });
    drop(trio);
}

/// R09: `fdatasync` and `fsync` fail with EIO or ENOSPC at the leader and at a follower: the process ends and acknowledges
/// nothing after the error; the others go on, and after a restart everything is there.
#[test]
fn a_server_whose_disk_fails_to_flush_ends_and_nothing_acknowledged_is_lost() {
    if !means::are_here(&["strace"]) {
        return;
    }
    let rounds = means::rounds(2, 50);
    let mut trio = Trio::formed(SEATS.try_into().unwrap());
    load::under(&mut trio, 6, 10, 1, SEATS, |trio, load| {
        for round in 0..rounds {
            load.more(20);
            let leader = trio.leader();
            let victim = if round % 2 == 0 { leader } else { Trio::others(leader)[0] };
            let error = if round % 4 < 2 { "EIO" } else { "ENOSPC" };
            let fault = format!("error={error}:when={}+", 20 + round);
            trio.restart_under(victim, &Under::inject("fdatasync,fsync", &fault));
            let status = trio.node(victim).end(Duration::from_secs(40));
            assert_ne!(status.code(), Some(0), "{}", trio.nodes[victim - 1].log());
            let ended = Instant::now();
            within(10, "a grant by the others", || load.history.first_after(ended).ok_or(String::new()));
            trio.node(victim).start();
        }
    });
    means::report("R09", "flush fails with EIO or ENOSPC", rounds, "the process ends each time; 0 lost");
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
