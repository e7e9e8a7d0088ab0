//! Replay: the same entries give the same state, on every server, after every snapshot, and from logs and snapshots
//! that earlier versions wrote. What is kept under `saved/` is durable: a change that breaks these tests breaks every
//! site that runs, so a new format gets new files beside the old ones.
//!
//! To keep another log, once per format:
//! `cargo test -p grantor-site --test it -- --ignored replay::keep_a_log_and_a_snapshot`

use std::path::PathBuf;

use crate::oracle::Oracle;
use crate::sequences::{Script, Step, sequence};
use grantor_site::{Entry, Event, Site, SnapshotError};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

fn saved(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/saved").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The entries that a sequence of steps comes to.
fn entries(steps: &[(i64, Step)]) -> Vec<Entry> {
    let (mut site, mut oracle, mut script) = (Site::new(), Oracle::default(), Script { clock: 0 });
    let mut entries = Vec::new();
    for step in steps {
        let numbers: Vec<u64> = site.violations().iter().map(|violation| violation.number).collect();
        let entry = script.entry(&oracle, &numbers, step);
        site.apply(&entry);
        let _ = oracle.apply(&entry);
        entries.push(entry);
    }
    entries
}

fn replay(entries: &[Entry]) -> Site {
    let mut site = Site::new();
    for entry in entries {
        site.apply(entry);
    }
    site
}

#[test]
fn the_log_that_version_1_wrote_gives_the_state_that_it_gave() {
    let log: Vec<Entry> = postcard::from_bytes(&std::fs::read(saved("v1.log")).unwrap()).unwrap();
    let hash = std::fs::read_to_string(saved("v1.hash")).unwrap();
    assert!(log.len() >= 400);
    assert_eq!(hex(&replay(&log).hash()), hash.trim());
}

#[test]
fn the_snapshot_that_version_1_wrote_is_read_and_written_as_it_was() {
    let bytes = std::fs::read(saved("v1.snapshot")).unwrap();
    let site = Site::from_snapshot(&bytes).unwrap();
    assert_eq!(site.broken_invariants(), Vec::<String>::new());
    assert!(site.grant_count() > 0 && site.session_count() > 0);
    assert_eq!(site.to_snapshot(), bytes);
    assert_eq!(hex(&site.hash()), std::fs::read_to_string(saved("v1.hash")).unwrap().trim());
}

#[test]
#[ignore = "writes the files that the tests above read: only for a new format"]
fn keep_a_log_and_a_snapshot() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    loop {
        let log = entries(&sequence(400..500).new_tree(&mut runner).unwrap().current());
        let site = replay(&log);
        if site.grant_count() < 3 || site.session_count() < 3 {
            continue;
        }
        std::fs::create_dir_all(saved("")).unwrap();
        std::fs::write(saved("v1.log"), postcard::to_stdvec(&log).unwrap()).unwrap();
        std::fs::write(saved("v1.snapshot"), site.to_snapshot()).unwrap();
        std::fs::write(saved("v1.hash"), format!("{}\n", hex(&site.hash()))).unwrap();
        return;
    }
}

#[test]
fn bytes_that_are_no_snapshot_are_refused_by_cause() {
    let good = Site::new().to_snapshot();
    assert_eq!(Site::from_snapshot(b"GRNT").err(), Some(SnapshotError::NotASite));
    assert_eq!(Site::from_snapshot(&good[..9]).err(), Some(SnapshotError::NotASite));
    let mut newer = good.clone();
    newer[8] = 9;
    assert_eq!(Site::from_snapshot(&newer).err(), Some(SnapshotError::Version(9)));
    assert!(matches!(Site::from_snapshot(&good[..good.len() - 1]).err(), Some(SnapshotError::Damaged(_))));
}

/// What the events say is out: whoever reads only them must know as much as the site.
#[derive(Default)]
struct Book {
    out: std::collections::BTreeMap<u64, u32>,
    open: std::collections::BTreeSet<u128>,
    waiting: std::collections::BTreeSet<u64>,
}

impl Book {
    fn note(&mut self, event: &Event) {
        match event {
            Event::CheckedOut(grant) => assert_eq!(self.out.insert(grant.grant.0, grant.count), None),
            Event::CheckedIn { grant, held_until: None }
            | Event::HoldEnded(grant)
            | Event::Revoked { grant, .. } => {
                assert_eq!(self.out.remove(&grant.grant.0), Some(grant.count));
            }
            Event::Borrowed { grant, .. } => assert_eq!(self.out.get(&grant.grant.0), Some(&grant.count)),
            Event::SessionOpened { session, .. } => assert!(self.open.insert(session.0)),
            Event::SessionEnded { session, .. } => assert!(self.open.remove(&session.0)),
            Event::Queued { ticket, .. } => assert!(self.waiting.insert(ticket.0)),
            Event::Dequeued { ticket, .. } => assert!(self.waiting.remove(&ticket.0)),
            _ => {}
        }
    }

    fn agrees_with(&self, site: &Site) -> bool {
        let out = self.out.iter().all(|(id, count)| {
            site.grant_by_id(grantor_site::ids::GrantId(*id)).is_some_and(|grant| grant.count == *count)
        });
        let waiting = self.waiting.iter().all(|id| site.ticket(grantor_site::ids::TicketId(*id)).is_some());
        out && waiting && self.out.len() == site.grant_count() && self.open.len() == site.session_count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_servers_agree_after_every_entry_though_one_restarts_from_snapshots(steps in sequence(100..250)) {
        let (mut leader, mut follower) = (Site::new(), Site::new());
        for (number, entry) in entries(&steps).iter().enumerate() {
            let (one, other) = (leader.apply(entry), follower.apply(entry));
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
            prop_assert_eq!(leader.hash(), follower.hash());
            if number % 7 == 0 {
                follower = Site::from_snapshot(&follower.to_snapshot()).unwrap();
                prop_assert_eq!(leader.hash(), follower.hash());
            }
        }
    }

    #[test]
    fn who_reads_only_the_events_knows_what_is_out(steps in sequence(100..250)) {
        let (mut site, mut book) = (Site::new(), Book::default());
        for entry in entries(&steps) {
            for event in site.apply(&entry).events {
                book.note(&event);
            }
            prop_assert!(book.agrees_with(&site), "after {:?}", entry);
        }
    }
}
