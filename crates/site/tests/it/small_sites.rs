//! Model checking: every order of every step of small sites, to a fixed depth. States are told apart by their hash.
//!
//! A breadth-first search of our own: a state is a site, a step is a command at an instant, and nothing runs side by
//! side, so a library for distributed algorithms would add threads and take away the plain reading.

use std::collections::BTreeSet;

use crate::support::*;
use grantor_license::Count;
use grantor_site::command::{Amount, CheckOut, Command, Entry};
use grantor_site::event::Event;
use grantor_site::ids::{GrantId, RequestKey, SessionId, TicketId};
use grantor_site::settings::{FeaturePolicy, Settings, Shrink};
use grantor_site::{Refusal, Reply, Site};

/// A state, and which violations were cleared on the way to it.
#[derive(Clone)]
struct State {
    site: Site,
    cleared: BTreeSet<u64>,
    started: BTreeSet<u64>,
}

impl State {
    fn holdings(&self) -> Vec<(GrantId, Option<SessionId>, u32)> {
        let grant =
            |id| self.site.grant_by_id(GrantId(id)).map(|grant| (GrantId(id), grant.session(), grant.count));
        (1..100).filter_map(grant).collect()
    }

    /// The commands that make sense here: whoever holds may give back, whoever waits may leave.
    fn steps(&self, fixed: &[Command], tick: i64) -> Vec<Entry> {
        let now = self.site.now();
        let entry = |command: &Command| Entry { at: now, command: command.clone() };
        let mut steps: Vec<Entry> = fixed.iter().map(entry).collect();
        for (grant, session, _) in self.holdings() {
            if let Some(session) = session {
                steps.push(entry(&Command::CheckIn { session, grant }));
            }
        }
        for id in 1..20 {
            if let Some(waiting) = self.site.ticket(TicketId(id)) {
                let (session, ticket) = (waiting.ask.session, TicketId(id));
                steps.push(entry(&Command::LeaveQueue { session, ticket }));
            }
        }
        steps.push(Entry { at: grantor_site::Timestamp(now.0 + tick * SECOND), command: Command::Tick });
        steps
    }

    fn step(&self, entry: &Entry) -> Self {
        let mut next = self.clone();
        let outcome = next.site.apply(entry);
        assert_eq!(next.site.broken_invariants(), Vec::<String>::new(), "after {entry:?}");
        assert!(next.site.now() >= self.site.now());
        for event in &outcome.events {
            match event {
                Event::ViolationStarted(violation) => {
                    assert!(next.started.insert(violation.number), "started twice: {violation:?}");
                }
                Event::ViolationCleared { violation, .. } => {
                    assert!(next.started.contains(&violation.number), "never started: {violation:?}");
                    assert!(next.cleared.insert(violation.number), "cleared twice: {violation:?}");
                }
                _ => {}
            }
        }
        let standing: BTreeSet<u64> =
            next.site.violations().iter().map(|violation| violation.number).collect();
        let expected: BTreeSet<u64> = next.started.difference(&next.cleared).copied().collect();
        assert_eq!(standing, expected, "what started and was not cleared stands");
        if outcome.reply.is_err() && entry.at == self.site.now() {
            assert_eq!(next.holdings(), self.holdings(), "a refusal changed who holds what: {entry:?}");
        }
        next
    }
}

/// Looks at every state within `depth` steps of `start`; returns how many there are.
fn explore(start: Site, fixed: &[Command], tick: i64, depth: usize) -> usize {
    let numbers: BTreeSet<u64> = start.violations().iter().map(|violation| violation.number).collect();
    let first = State { site: start, cleared: BTreeSet::new(), started: numbers };
    let mut seen = BTreeSet::from([first.site.hash()]);
    let mut edge = vec![first];
    for _ in 0..depth {
        let mut next_edge = Vec::new();
        for state in &edge {
            for entry in state.steps(fixed, tick) {
                let next = state.step(&entry);
                if seen.insert(next.site.hash()) {
                    next_edge.push(next);
                }
            }
        }
        edge = next_edge;
    }
    seen.len()
}

fn set_up(lines: Vec<grantor_site::command::LoadedLine>, sessions: u128, settings: Settings) -> Site {
    let mut story = Story::new();
    story.run(Command::Configure(settings)).unwrap();
    story.run(load("main", "a", lines)).unwrap();
    for n in 1..=sessions {
        story.run(Command::OpenSession(open(n, "main", who(&format!("u{}", n % 2), "h", "d")))).unwrap();
    }
    story.site
}

fn wait(session: u128, feature: &str, amount: Amount, wanted: &str) -> Command {
    Command::CheckOut(CheckOut {
        queue_until: Some(at(25)),
        version: version(wanted),
        ..ask(session, feature, amount)
    })
}

fn small() -> Settings {
    Settings { queue_bound: 1, limit_per_client: 3, ..Settings::default() }
}

#[test]
fn two_pools_of_two_seats_hold_and_queue_in_every_order() {
    let held = with(line("f", "1", 2), |offer| offer.hold_seconds = 15);
    let site = set_up(vec![held, line("f", "2", 2)], 3, small());
    let steps = [
        wait(1, "f", Amount::exactly(2), "1"),
        wait(2, "f", Amount::exactly(2), "2"),
        wait(3, "f", Amount::up_to(3), "1"),
        Command::CheckOut(ask(3, "f", Amount::exactly(1))),
        end(2),
    ];
    assert!(explore(site, &steps, 10, 6) > 1000);
}

#[test]
fn a_file_that_shrinks_grows_and_vanishes_in_every_order() {
    for shrink in [Shrink::Keep, Shrink::RevokeNewest, Shrink::RevokeOldest] {
        let site = set_up(vec![line("f", "1", 2), line("f", "2", 2)], 3, Settings { shrink, ..small() });
        let mut soon = line("F", "2", 1);
        soon.ends = Some(at(15));
        let steps = [
            Command::CheckOut(ask(1, "f", Amount::exactly(2))),
            wait(2, "f", Amount::all_left(), "2"),
            wait(3, "f", Amount::exactly(1), "1"),
            load("main", "a", vec![line("f", "1", 1)]),
            load("main", "a", vec![soon]),
            remove("main", "a"),
        ];
        assert!(explore(site, &steps, 10, 5) > 500);
    }
}

#[test]
fn groups_suites_and_limits_in_every_order() {
    use grantor_license::{Component, OfferKind, SuiteKind};
    let package = with(line("S", "1", 1), |offer| {
        let components = vec![Component { feature: "f".to_owned(), version: None, count: 2 }];
        offer.kind = OfferKind::Package { components, suite: Some(SuiteKind::Suite), versioned: true };
    });
    let shared = with(line("f", "1", 1), |offer| offer.dup_group = dup("U"));
    let site = set_up(vec![package, line("S", "1", 1), shared], 3, Settings { queue_bound: 2, ..small() });
    let limit = |limit| Command::SetPolicy {
        tenant: "main".into(),
        feature: "f".to_owned(),
        policy: Some(FeaturePolicy { limit_per_client: Some(limit), ..FeaturePolicy::default() }),
    };
    let steps = [
        wait(1, "f", Amount::exactly(1), "1"),
        wait(2, "s", Amount::exactly(1), "1"),
        wait(3, "f", Amount::up_to(2), "1"),
        end(3),
        limit(1),
        limit(5),
    ];
    assert!(explore(site, &steps, 10, 5) > 500);
}

#[test]
fn a_retry_never_takes_a_second_seat_whatever_happens_between() {
    let site = set_up(vec![line("f", "1", 2)], 2, small());
    let keyed = Command::CheckOut(CheckOut {
        request: RequestKey(9),
        queue_until: Some(at(25)),
        ..ask(1, "f", Amount::exactly(1))
    });
    let mut seen = BTreeSet::new();
    let mut edge = vec![State { site, cleared: BTreeSet::new(), started: BTreeSet::new() }];
    for _ in 0..6 {
        let mut next_edge = Vec::new();
        for state in &edge {
            let other = Command::CheckOut(ask(2, "f", Amount::exactly(2)));
            for entry in state.steps(&[keyed.clone(), other, end(2)], 10) {
                let next = state.step(&entry);
                let held =
                    next.holdings().iter().filter(|(_, session, _)| *session == Some(SessionId(1))).count();
                assert!(held <= 1, "the request took twice");
                if seen.insert(next.site.hash()) {
                    next_edge.push(next);
                }
            }
        }
        edge = next_edge;
    }
    assert!(seen.len() > 50);
}

#[test]
fn a_grant_of_an_uncounted_pool_never_keeps_anybody_out() {
    let free = with(line("f", "1", 0), |offer| {
        (offer.count, offer.model) = (Count::Uncounted, grantor_license::Model::Uncounted);
    });
    let site = set_up(vec![free], 3, small());
    let mut story = Story { site, now: 0, events: Vec::new() };
    for session in 1..=3 {
        assert!(matches!(
            story.ask(ask(session, "f", Amount::all_left())),
            Ok(Reply::CheckedOut { .. }) | Err(Refusal::LimitPerClient { .. })
        ));
    }
}
