//! The site against the oracle: long random sequences, compared after every step.

use crate::oracle;
use crate::oracle::{Key, Oracle, key};
use crate::sequences::{Script, Step, sequence};
use grantor_site::violation::Breach;
use grantor_site::{Command, Entry, Event, Refusal, Reply, Site};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

/// A reply without what the oracle does not work out: proofs, texts that help, and changes of capacity.
fn plain(reply: Result<Reply, Refusal>) -> Result<Reply, Refusal> {
    match reply {
        Ok(Reply::FileLoaded { .. }) => Ok(Reply::FileLoaded { changes: Vec::new() }),
        Ok(Reply::CheckedOut { mut grants }) => {
            grants.iter_mut().for_each(|grant| grant.proof = "".into());
            Ok(Reply::CheckedOut { grants })
        }
        Err(Refusal::UnknownFeature { feature, .. }) => {
            Err(Refusal::UnknownFeature { feature, nearest: Vec::new() })
        }
        // Where the suite has no seat left the site tells of the suite; the oracle only knows that none is left.
        Err(Refusal::NoneLeft(none_left)) if &*none_left.feature == "Suite" => {
            Err(Refusal::QueueFull { bound: u32::MAX })
        }
        Err(Refusal::WrongHost { .. }) => Err(Refusal::WrongHost { locked_to: Vec::new() }),
        Err(Refusal::VersionNotServed { requested, .. }) => {
            Err(Refusal::VersionNotServed { requested, served: Vec::new() })
        }
        other => other,
    }
}

/// Who holds what, from which pool.
fn site_grants(site: &Site, last: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for id in 1..=last {
        let Some(grant) = site.grant_by_id(grantor_site::ids::GrantId(id)) else { continue };
        let pool = site.pool(grant.pool).expect("the pool of a grant");
        lines.push(format!(
            "{id}: {} of {} {:?} {:?} since {} until {:?} asked {}",
            grant.count,
            pool.terms.identity,
            grant.session(),
            grant.who,
            grant.since.0,
            grant.until(),
            grant.asked
        ));
    }
    assert_eq!(lines.len(), site.grant_count());
    lines
}

fn oracle_grants(oracle: &Oracle) -> Vec<String> {
    let mut grants: Vec<_> = oracle.grants.iter().collect();
    grants.sort_by_key(|grant| grant.id);
    let line = |grant: &&oracle::Grant| {
        format!(
            "{}: {} of {} {:?} {:?} since {} until {:?} asked {}",
            grant.id,
            grant.count,
            grant.pool.1,
            grant.session,
            grant.who,
            grant.since.0,
            grant.until,
            grant.asked
        )
    };
    grants.iter().map(line).collect()
}

/// Feature, version and use of each pool, in serving order where one is loaded.
fn site_pools(site: &Site) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for key in site.index().features.keys() {
        for pool in site.pools_and_remnants(key) {
            let (terms, free) = (&pool.terms, pool.free());
            lines.push(format!("{} {} used {} free {free}", key.tenant, terms.identity, pool.used));
        }
    }
    lines.sort();
    lines
}

fn oracle_pools(oracle: &Oracle) -> Vec<String> {
    let line = |pool: &oracle::Pool| {
        let (used, free) = (oracle.used(pool), oracle.free_in(pool));
        format!("{} {} used {used} free {free}", pool.key.0, pool.identity)
    };
    let mut lines: Vec<String> = oracle.pools.iter().map(line).collect();
    lines.sort();
    lines
}

fn site_queues(site: &Site, last: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for id in 1..=last {
        let id = grantor_site::ids::TicketId(id);
        let Some(ticket) = site.ticket(id) else { continue };
        assert!(site.waiting(&ticket.key).any(|(other, _)| other == id), "a ticket outside its queue");
        lines.push(format!(
            "{id} {:?} for {} until {}",
            ticket.ask.session, ticket.key.feature, ticket.until.0
        ));
    }
    lines
}

fn oracle_queues(oracle: &Oracle) -> Vec<String> {
    let line =
        |t: &oracle::Ticket| format!("{} {:?} for {} until {}", t.id, t.ask.session, t.key.1, t.until.0);
    oracle.tickets.iter().map(line).collect()
}

fn site_violations(site: &Site) -> Vec<(&'static str, Key)> {
    let mut found = Vec::new();
    for violation in site.violations().iter() {
        match &violation.breach {
            Breach::Expired { tenant, feature }
            | Breach::OverCapacity { tenant, feature }
            | Breach::NoneLeft { tenant, feature }
            | Breach::UnknownFeature { tenant, feature } => {
                found.push((violation.breach.kind(), key(tenant, feature)));
            }
            Breach::ClockSetBack { .. } | Breach::ClockSetAhead { .. } => {}
        }
    }
    found.sort();
    found
}

fn oracle_violations(oracle: &Oracle) -> Vec<(&'static str, Key)> {
    let of = |kind: &'static str, keys: Vec<Key>| keys.into_iter().map(move |key| (kind, key));
    let mut found: Vec<_> = of("GLMR_LICENSE_EXPIRED", oracle.expired())
        .chain(of("GLMR_FEATURE_USAGE_LEVEL_EXCEEDED", oracle.over_capacity()))
        .chain(of("GLMR_LICENSE_NO_LICENSE_AVAILABLE", oracle.none_left.clone()))
        .chain(of("GLMR_FEATURE_NOT_FOUND", oracle.unknown.clone()))
        .collect();
    found.sort();
    found
}

fn agree<T: PartialEq + std::fmt::Debug>(what: &str, site: &T, oracle: &T) -> Result<(), TestCaseError> {
    prop_assert!(site == oracle, "{what}:\n  site   {site:#?}\n  oracle {oracle:#?}");
    Ok(())
}

fn compare(site: &Site, oracle: &Oracle) -> Result<(), TestCaseError> {
    prop_assert_eq!(site.broken_invariants(), Vec::<String>::new());
    agree("grants", &site_grants(site, oracle.last_grant), &oracle_grants(oracle))?;
    agree("pools", &site_pools(site), &oracle_pools(oracle))?;
    agree("queues", &site_queues(site, oracle.last_ticket), &oracle_queues(oracle))?;
    agree("violations", &site_violations(site), &oracle_violations(oracle))?;
    let mut sessions: Vec<_> = site.sessions().map(|(id, _)| id).collect();
    let mut expected: Vec<_> = oracle.sessions.iter().map(|session| session.id).collect();
    sessions.sort();
    expected.sort();
    agree("sessions", &sessions, &expected)?;
    agree("now", &site.now(), &oracle.now)
}

/// What the two must be told apart by: the clock's and the administrator's commands have their own tests.
fn is_modelled(command: &Command) -> bool {
    !matches!(
        command,
        Command::ClearViolation { .. }
            | Command::ConfirmClock { .. }
            | Command::ReportClockSetBack { .. }
            | Command::ReportClockSetAhead { .. }
    )
}

/// One line for a person who reads a failure.
fn tell(entry: &Entry, reply: &Result<Reply, Refusal>) -> String {
    let what = match &entry.command {
        Command::LoadFile(file) => {
            let mut text = format!("load {} {}", file.tenant, file.name);
            for line in &file.lines {
                let o = &line.offer;
                let dates = (line.starts.map(|at| at.0), line.ends.map(|at| at.0));
                text.push_str(&format!(
                    "\n      {:?} {} {} {} {:?} +{} hold {} linger {} borrow {:?} {} {:?} {dates:?} {:?}",
                    o.kind,
                    o.feature,
                    o.publisher,
                    o.version,
                    o.count,
                    o.overdraft,
                    o.hold_seconds,
                    o.linger_seconds,
                    o.borrow_hours,
                    o.dup_group.canonical(),
                    o.locks,
                    o.supersede
                ));
            }
            text
        }
        Command::CheckOut(ask) | Command::CheckOutOnce(ask) => format!(
            "{:?} asks {} {} of {} {}, key {:?}, until {:?}, share {:?}",
            ask.session.0,
            ask.amount.at_least,
            ask.amount.at_most.map_or("all".to_owned(), |most| most.to_string()),
            ask.feature,
            ask.version,
            ask.request.0,
            ask.queue_until.map(|at| at.0),
            ask.share
        ),
        Command::OpenSession(open) => {
            format!("open {} {} {:?} lease {:?}", open.session.0, open.tenant, open.who, open.lease_until)
        }
        other => format!("{other:?}"),
    };
    let reply = match reply {
        Ok(Reply::CheckedOut { grants }) => {
            format!("{:?}", grants.iter().map(|g| (g.grant.0, g.count)).collect::<Vec<_>>())
        }
        other => format!("{other:?}").chars().take(90).collect(),
    };
    format!("  {} {what}\n        -> {reply}", entry.at.0)
}

fn run(steps: &[(i64, Step)]) -> Result<(), TestCaseError> {
    let (mut site, mut oracle) = (Site::new(), Oracle::default());
    let mut script = Script { clock: 0 };
    let mut history = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let numbers: Vec<u64> = site.violations().iter().map(|violation| violation.number).collect();
        let entry = script.entry(&oracle, &numbers, step);
        let dismissed = match &entry.command {
            Command::ClearViolation { number, .. } => {
                site.violations().iter().find(|violation| violation.number == *number).cloned()
            }
            _ => None,
        };
        let outcome = site.apply(&entry);
        let expected = oracle.apply(&entry);
        oracle.dismiss(dismissed.filter(|_| outcome.reply.is_ok()).map(|violation| violation.breach));
        history.push(tell(&entry, &outcome.reply));
        let context = |error: TestCaseError| {
            TestCaseError::fail(format!("step {number}:\n{}\n{error}", history.join("\n")))
        };
        if is_modelled(&entry.command) {
            let (reply, expected) = (plain(outcome.reply), plain(expected));
            let suite_is_out = Err(Refusal::QueueFull { bound: u32::MAX });
            if reply != suite_is_out || !matches!(expected, Err(Refusal::NoneLeft(_))) {
                agree("reply", &reply, &expected).map_err(context)?;
            }
        }
        compare(&site, &oracle).map_err(context)?;
    }
    Ok(())
}

/// What the sequences are to try is what they come to often enough.
#[test]
fn random_sequences_hand_instances_over_and_take_seats_out_of_leases_and_back() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let (mut handed_over, mut reserved, mut late) = (0, 0, 0);
    for _ in 0..60 {
        let steps = sequence(200..320).new_tree(&mut runner).unwrap().current();
        let (mut site, mut oracle, mut script) = (Site::new(), Oracle::default(), Script { clock: 0 });
        for step in &steps {
            let entry = script.entry(&oracle, &[], step);
            let outcome = site.apply(&entry);
            let _same = oracle.apply(&entry);
            let is_handed = |event: &Event| matches!(event, Event::HandedOver { .. });
            handed_over += usize::from(outcome.events.iter().any(is_handed));
            let is_reserved = matches!(entry.command, Command::CheckOutReserved { .. });
            reserved += usize::from(is_reserved && matches!(outcome.reply, Ok(Reply::CheckedOut { .. })));
            late += usize::from(outcome.reply == Err(Refusal::SessionReplaced));
        }
    }
    assert!(handed_over >= 5 && reserved >= 5 && late >= 5, "{handed_over} {reserved} {late}");
}

proptest! {
    // 256 sequences, or as many as PROPTEST_CASES says.
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_site_does_what_the_oracle_does(steps in sequence(200..320)) {
        run(&steps)?;
    }
}
