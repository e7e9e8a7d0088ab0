//! The harness is worth something only if it finds bugs: each of these is put in on purpose, and must be found within
//! so many seeds (R21).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use grantor_sim::{Bug, Fault, Options, Run, run};

fn found(bug: Bug, seeds: u64, change: fn(&mut Options)) -> Run {
    for seed in 0..seeds {
        let mut options = Options::with_bug(seed, bug);
        change(&mut options);
        let run = run(options);
        if let Some(failure) = &run.failure {
            println!("{bug:?} found by seed {seed}: {failure}");
            return run;
        }
    }
    panic!("{bug:?} was not found in {seeds} seeds");
}

#[test]
fn an_answer_before_the_flush_is_found() {
    found(Bug::NoFsync, 40, |_| {});
}

#[test]
fn an_answer_before_a_majority_has_it_is_found() {
    found(Bug::AckBeforeQuorum, 40, |_| {});
}

#[test]
fn a_stale_read_by_a_deposed_leader_is_found() {
    found(Bug::StaleRead, 60, |options| options.faults = vec![Fault::IsolateLeader]);
}

#[test]
fn a_seat_granted_again_at_failover_is_found() {
    found(Bug::DoubleGrantAtFailover, 40, |_| {});
}

#[test]
fn sessions_timed_by_a_clock_that_jumps_are_found() {
    found(Bug::LocalClock, 40, |_| {});
}

#[test]
fn a_vote_that_is_forgotten_is_found() {
    let elections = |options: &mut Options| {
        options.faults = vec![Fault::PowerLoss, Fault::IsolateLeader, Fault::Kill];
        (options.rounds, options.calm_ms) = (25, 300);
    };
    found(Bug::VoteNotPersisted, 100, elections);
}

#[test]
fn a_snapshot_without_a_lease_is_found() {
    found(Bug::LeaseMissingInSnapshot, 60, |_| {});
}

#[test]
fn a_sign_of_life_after_the_end_is_found() {
    found(Bug::HeartbeatAfterExpiry, 60, |_| {});
}

#[test]
fn a_deposed_leader_that_accepts_signs_of_life_is_found() {
    found(Bug::DeposedHeartbeat, 60, |_| {});
}

#[test]
fn a_retry_without_its_key_is_found() {
    found(Bug::RetryWithoutKey, 60, |_| {});
}
