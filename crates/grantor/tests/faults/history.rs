//! What clients were told, and whether it can all be true: a seat is out from the answer to a checkout until the request to
//! give it back is sent, and never are more out than were bought. The simulation's oracle over real time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One seat that a client was told it has.
#[derive(Debug, Clone)]
struct Hold {
    grant: u64,
    from: Instant,
    until: Option<Instant>,
}

#[derive(Default)]
struct Record {
    holds: Vec<Hold>,
    open: BTreeMap<u64, usize>,
    keys: BTreeMap<String, u64>,
    grants: BTreeSet<u64>,
}

/// Everything that all clients were told.
#[derive(Default)]
pub struct History(Mutex<Record>);

impl History {
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to request `key`: the first one, or the same again.
    pub fn took(&self, key: &str, grant: u64) {
        let from = Instant::now();
        let mut record = self.lock();
        if let Some(before) = record.keys.get(key) {
            assert_eq!(*before, grant, "request {key} was granted twice");
            return;
        }
        assert!(record.grants.insert(grant), "grant {grant} went to two requests");
        record.keys.insert(key.to_owned(), grant);
        let place = record.holds.len();
        record.holds.push(Hold { grant, from, until: None });
        record.open.insert(grant, place);
    }

    /// The client no longer uses the seat, and is about to say so.
    pub fn gives_back(&self, grant: u64) {
        let mut record = self.lock();
        if let Some(place) = record.open.remove(&grant) {
            record.holds[place].until = Some(Instant::now());
        }
    }

    /// Whether the seat was to be given back.
    pub fn is_given_back(&self, grant: u64) -> bool {
        let record = self.lock();
        record.grants.contains(&grant) && !record.open.contains_key(&grant)
    }

    /// How many grants were acknowledged.
    pub fn granted(&self) -> usize {
        self.lock().holds.len()
    }

    /// The first acknowledged grant after `instant`.
    pub fn first_after(&self, instant: Instant) -> Option<Duration> {
        let record = self.lock();
        let first = record.holds.iter().filter(|hold| hold.from > instant).map(|hold| hold.from).min();
        first.map(|first| first - instant)
    }

    /// Fails if more seats were out at any instant than `bought`; gives the most that were.
    pub fn check(&self, bought: i64) -> i64 {
        let record = self.lock();
        let begins = record.holds.iter().map(|hold| (hold.from, 1, hold.grant));
        let ends = record.holds.iter().filter_map(|hold| Some((hold.until?, -1, hold.grant)));
        let mut events: Vec<(Instant, i64, u64)> = begins.chain(ends).collect();
        events.sort_unstable();
        let (mut out, mut most) = (0, 0);
        for (_, change, grant) in events {
            out += change;
            most = most.max(out);
            assert!(out <= bought, "{out} seats are out with grant {grant}, and {bought} were bought");
        }
        most
    }
}

#[test]
fn the_oracle_sees_one_seat_too_many_and_one_key_granted_twice() {
    let history = History::default();
    history.took("a", 1);
    history.gives_back(1);
    history.took("b", 2);
    assert_eq!(history.check(1), 1);
    history.took("c", 3);
    let caught = |bad: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(bad)).is_err();
    assert!(caught(&|| assert!(history.check(1) > 0)));
    assert!(caught(&|| history.took("c", 4)));
    assert!(caught(&|| history.took("d", 3)));
}
