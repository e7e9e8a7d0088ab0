//! What a site does, told one story at a time: each clause of the design that random sequences may miss, and each fault
//! that was found.

use crate::support::*;
use grantor_license::{Component, Count, Model, OfferKind, SuiteKind, Supersede};
use grantor_site::access::{Scope, Secret};
use grantor_site::command::{Amount, CheckOut, Command, EndReason, LoadedLine, OpenSession};
use grantor_site::event::{DequeueReason, Event};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use grantor_site::settings::{FeaturePolicy, Settings, Shrink};
use grantor_site::{Refusal, Reply, Timestamp};

fn waits(session: u128, feature: &str, until: i64) -> CheckOut {
    CheckOut { queue_until: Some(at(until)), ..ask(session, feature, Amount::exactly(1)) }
}

fn ends(mut line: LoadedLine, seconds: i64) -> LoadedLine {
    line.ends = Some(at(seconds));
    line
}

fn starts(mut line: LoadedLine, seconds: i64) -> LoadedLine {
    line.starts = Some(at(seconds));
    line
}

fn policy(feature: &str, policy: FeaturePolicy) -> Command {
    Command::SetPolicy { tenant: "main".into(), feature: feature.to_owned(), policy: Some(policy) }
}

fn remove_grant(grant: GrantId) -> Command {
    Command::RemoveGrant { grant, by: "admin".to_owned(), reason: "a test".to_owned() }
}

fn counts(grants: &[grantor_site::outcome::Granted]) -> Vec<u32> {
    grants.iter().map(|grant| grant.count).collect()
}

// Amounts.

#[test]
fn overdraft_is_granted_beyond_what_was_bought_and_marked() {
    let mut site = Story::with(vec![with(line("f", "1", 2), |offer| offer.overdraft = 1)]);
    assert!(!site.take(1, "f", Amount::exactly(2))[0].overdraft);
    assert!(site.take(2, "f", Amount::exactly(1))[0].overdraft);
    let refused = site.none_left(3, "f", Amount::exactly(1));
    assert_eq!((refused.capacity, refused.in_use, refused.free), (2, 3, 0));
}

#[test]
fn up_to_all_left_and_a_minimum_take_what_there_is() {
    let mut site = Story::with(vec![line("f", "1", 5)]);
    assert_eq!(counts(&site.take(1, "f", Amount::up_to(2))), [2]);
    assert_eq!(site.none_left(2, "f", Amount { at_least: 4, at_most: None }).free, 3);
    assert_eq!(counts(&site.take(2, "f", Amount { at_least: 2, at_most: Some(9) })), [3]);
    let none = Err(Refusal::BadAmount { at_least: 3, at_most: Some(2) });
    assert_eq!(site.ask(ask(3, "f", Amount { at_least: 3, at_most: Some(2) })), none);
}

#[test]
fn all_left_stops_at_9999_by_default_and_at_what_is_configured() {
    let mut site = Story::with(vec![line("f", "1", 30_000)]);
    assert_eq!(counts(&site.take(1, "f", Amount::all_left())), [9999]);
    let refused = Err(Refusal::LimitPerClient { limit: 9999, held: 9999 });
    assert_eq!(site.ask(ask(1, "F", Amount::exactly(1))), refused);
    let limit_per_client = 7;
    site.run(Command::Configure(Settings { limit_per_client, ..Settings::default() })).unwrap();
    assert_eq!(counts(&site.take(2, "f", Amount::all_left())), [7]);
    site.run(policy("F", FeaturePolicy { limit_per_client: Some(3), ..FeaturePolicy::default() })).unwrap();
    assert_eq!(counts(&site.take(3, "f", Amount::all_left())), [3]);
}

#[test]
fn an_uncounted_line_never_runs_out() {
    let mut site = Story::with(vec![with(line("f", "1", 0), |offer| {
        (offer.count, offer.model) = (Count::Uncounted, Model::Uncounted);
    })]);
    for session in 1..=5 {
        assert_eq!(counts(&site.take(session, "f", Amount::all_left())), [9999]);
    }
}

// Duplicate grouping.

#[test]
fn members_of_a_group_spend_one_seat_together() {
    for (group, same, other) in [
        ("U", who("ann", "x", "x"), who("bob", "h", "d")),
        ("H", who("x", "H", "x"), who("ann", "i", "d")),
        ("D", who("x", "x", "d"), who("ann", "h", "e")),
        ("UHD", who("ann", "H", "d"), who("ann", "h", "e")),
    ] {
        let mut site = Story::new();
        site.run(load("main", "a", vec![with(line("f", "1", 1), |offer| offer.dup_group = dup(group))]))
            .unwrap();
        for (n, who) in [who("ann", "h", "d"), same, other].into_iter().enumerate() {
            site.run(Command::OpenSession(open(n as u128, "main", who))).unwrap();
        }
        let first = site.one(0, "f");
        site.one(1, "f");
        assert_eq!(site.used("main", "f"), 1, "{group}");
        site.none_left(2, "f", Amount::exactly(1));
        site.run(check_in(0, first)).unwrap();
        assert_eq!(site.used("main", "f"), 1, "{group}: the other still holds it");
    }
}

#[test]
fn two_servers_of_a_pair_give_the_same_share_and_spend_one_seat() {
    let mut site = Story::with(vec![with(line("f", "1", 1), |offer| offer.dup_group = dup("V"))]);
    let share =
        |session, text: &str| CheckOut { share: Some(text.into()), ..ask(session, "f", Amount::exactly(1)) };
    granted(site.ask(share(1, "pair")));
    granted(site.ask(share(2, "pair")));
    assert!(site.ask(share(3, "another")).is_err());
    assert!(site.ask(ask(3, "f", Amount::exactly(1))).is_err(), "no share is nobody's");
}

#[test]
fn who_shares_a_seat_that_is_out_takes_none_from_those_who_wait() {
    let mut site = Story::new();
    site.run(load("main", "a", vec![with(line("f", "1", 1), |offer| offer.dup_group = dup("U"))])).unwrap();
    for (n, user) in ["ann", "bob", "ann"].into_iter().enumerate() {
        site.run(Command::OpenSession(open(n as u128, "main", who(user, "h", "d")))).unwrap();
    }
    site.one(0, "f");
    assert!(matches!(site.ask(waits(1, "f", 100)), Ok(Reply::Queued { ahead: 0, .. })));
    site.one(2, "f");
    assert_eq!(site.used("main", "f"), 1);
}

// Queues.

#[test]
fn a_place_in_line_is_served_in_order_and_lapses_at_its_instant() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let first = site.one(1, "f");
    for session in 2..=4 {
        assert!(matches!(site.ask(waits(session, "f", 100)), Ok(Reply::Queued { .. })));
    }
    site.run(check_in(1, first)).unwrap();
    let taken = site.events.iter().find_map(|event| match event {
        Event::CheckedOut(grant) => Some((grant.session, grant.ticket.is_some())),
        _ => None,
    });
    assert_eq!(taken, Some((SessionId(2), true)));
    site.go_to(100);
    let lapsed = site
        .events
        .iter()
        .filter(|event| matches!(event, Event::Dequeued { why: DequeueReason::TimedOut, .. }));
    assert_eq!(lapsed.count(), 2);
}

#[test]
fn a_queue_has_a_bound_and_no_wait_means_no_wait() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    site.run(policy("f", FeaturePolicy { queue_bound: Some(1), ..FeaturePolicy::default() })).unwrap();
    site.now = 50;
    site.one(1, "f");
    assert!(matches!(site.ask(waits(2, "f", 50)), Err(Refusal::NoneLeft(_))));
    assert!(matches!(site.ask(waits(2, "f", 51)), Ok(Reply::Queued { .. })));
    assert_eq!(site.ask(waits(3, "f", 99)), Err(Refusal::QueueFull { bound: 1 }));
}

#[test]
fn who_comes_later_does_not_overtake_but_may_take_from_another_pool() {
    let mut site = Story::with(vec![line("f", "1", 2), line("f", "2", 1)]);
    site.take(1, "f", Amount::exactly(1));
    let both =
        CheckOut { queue_until: Some(at(99)), version: version("1.5"), ..ask(2, "f", Amount::exactly(1)) };
    granted(site.ask(both.clone()));
    assert!(matches!(site.ask(CheckOut { session: SessionId(3), ..both }), Ok(Reply::Queued { .. })));
    site.one(4, "f");
    site.none_left(5, "f", Amount::exactly(1));
}

#[test]
fn a_seat_that_others_wait_for_is_refused_as_theirs() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.one(1, "f");
    let two = CheckOut { queue_until: Some(at(99)), ..ask(2, "f", Amount::exactly(2)) };
    assert!(matches!(site.ask(two), Ok(Reply::Queued { .. })));
    assert_eq!(site.ask(ask(3, "f", Amount::exactly(1))), Err(Refusal::QueuedAhead { ahead: 1 }));
}

#[test]
fn who_holds_all_it_may_keeps_nobody_behind_it_waiting() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.run(policy("f", FeaturePolicy { limit_per_client: Some(1), ..FeaturePolicy::default() })).unwrap();
    let held = [site.one(1, "f"), site.one(2, "f")];
    for _ in 0..2 {
        assert!(matches!(site.ask(waits(3, "f", 100)), Ok(Reply::Queued { .. })));
    }
    site.run(check_in(1, held[0])).unwrap();
    site.run(check_in(2, held[1])).unwrap();
    assert_eq!(site.used("main", "f"), 1, "one is all that it may hold");
    site.one(4, "f");
}

#[test]
fn a_higher_limit_lets_in_who_waits() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    let limit =
        |limit| policy("f", FeaturePolicy { limit_per_client: Some(limit), ..FeaturePolicy::default() });
    site.run(limit(1)).unwrap();
    let held = site.take(1, "f", Amount::exactly(1))[0].grant;
    site.one(2, "f");
    for _ in 0..2 {
        assert!(matches!(site.ask(waits(3, "f", 100)), Ok(Reply::Queued { .. })));
    }
    site.run(check_in(1, held)).unwrap();
    site.run(end(2)).unwrap();
    assert_eq!(site.used("main", "f"), 1);
    site.run(limit(2)).unwrap();
    assert_eq!(site.used("main", "f"), 2);
}

#[test]
fn a_hold_window_lets_its_holder_take_again_what_its_limit_kept_from_it() {
    let mut site = Story::with(vec![with(line("f", "1", 3), |offer| offer.hold_seconds = 60)]);
    site.run(policy("f", FeaturePolicy { limit_per_client: Some(1), ..FeaturePolicy::default() })).unwrap();
    let others = [site.one(1, "f"), site.one(2, "f"), site.one(4, "f")];
    for _ in 0..2 {
        assert!(matches!(site.ask(waits(3, "f", 100)), Ok(Reply::Queued { .. })));
    }
    for grant in others {
        site.run(remove_grant(grant)).unwrap();
    }
    let first = site.site.session(SessionId(3)).unwrap().grants()[0];
    site.run(check_in(3, first)).unwrap();
    assert_eq!(site.used("main", "f"), 2, "one on hold, one taken from the line");
}

#[test]
fn an_ending_session_leaves_all_its_places_and_gets_nothing() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.one(1, "f");
    let two = CheckOut { queue_until: Some(at(99)), ..ask(2, "f", Amount::exactly(2)) };
    assert!(matches!(site.ask(two), Ok(Reply::Queued { .. })));
    assert!(matches!(site.ask(waits(2, "f", 99)), Ok(Reply::Queued { .. })));
    site.run(end(2)).unwrap();
    assert_eq!(site.used("main", "f"), 1);
}

#[test]
fn who_waits_for_more_than_is_left_after_a_shrink_is_sent_away() {
    let mut site = Story::with(vec![line("f", "1", 3)]);
    site.one(1, "f");
    let three = CheckOut { queue_until: Some(at(999)), ..ask(2, "f", Amount::exactly(3)) };
    assert!(matches!(site.ask(three), Ok(Reply::Queued { .. })));
    site.run(load("main", "a", vec![line("f", "1", 2)])).unwrap();
    assert!(
        site.events.iter().any(|event| matches!(event, Event::Dequeued { why: DequeueReason::Gone, .. }))
    );
    site.one(3, "f");
}

// Hold windows and early release.

#[test]
fn hold_counts_from_the_checkout_and_linger_from_the_release() {
    for (given_back, free_at) in [(10, 60), (55, 65)] {
        let mut site = Story::with(vec![with(line("f", "1", 1), |offer| {
            (offer.hold_seconds, offer.linger_seconds) = (60, 10);
        })]);
        let grant = site.one(1, "f");
        site.now = given_back;
        assert_eq!(site.run(check_in(1, grant)), Ok(Reply::CheckedIn { held_until: Some(at(free_at)) }));
        assert_eq!(site.run(check_in(1, grant)), Err(Refusal::AlreadyReturned));
        assert_eq!(site.none_left(2, "f", Amount::exactly(1)).next_free, Some(at(free_at)));
        site.now = free_at;
        site.one(2, "f");
    }
}

#[test]
fn an_administrator_frees_at_once_what_a_hold_window_keeps() {
    let mut site = Story::with(vec![with(line("f", "1", 1), |offer| offer.hold_seconds = 3600)]);
    let grant = site.one(1, "f");
    site.run(end(1)).unwrap();
    assert_eq!(site.used("main", "f"), 1, "the end of the session does not end the window");
    site.run(remove_grant(grant)).unwrap();
    assert!(site.events.iter().any(|event| matches!(event, Event::Revoked { .. })));
    site.one(2, "f");
    assert_eq!(site.run(remove_grant(grant)), Err(Refusal::AlreadyReturned));
    assert_eq!(site.run(remove_grant(GrantId(99))), Err(Refusal::NoSuchGrant));
}

#[test]
fn a_lost_heartbeat_gives_back_and_a_late_sign_of_life_revives_nothing() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let grant = site.one(1, "f");
    let lost = Command::EndSession { session: SessionId(1), why: EndReason::HeartbeatMissed };
    site.run(lost.clone()).unwrap();
    site.one(2, "f");
    assert_eq!(site.run(lost), Err(Refusal::NoSuchSession));
    assert_eq!(site.run(check_in(1, grant)), Err(Refusal::NoSuchSession));
    assert_eq!(site.ask(ask(1, "f", Amount::exactly(1))), Err(Refusal::NoSuchSession));
}

#[test]
fn a_lease_ends_at_its_instant_and_one_in_the_past_at_once() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let lease = |session, until| {
        let who = who("script", "h", "");
        Command::OpenSession(OpenSession { lease_until: Some(until), ..open(session, "main", who) })
    };
    site.run(lease(10, at(30))).unwrap();
    site.one(10, "f");
    assert_eq!(site.none_left(1, "f", Amount::exactly(1)).next_free, Some(at(30)));
    site.run(Command::RenewSession { session: SessionId(10), until: at(40) }).unwrap();
    site.go_to(39);
    assert_eq!(site.used("main", "f"), 1);
    site.go_to(40);
    assert_eq!(site.used("main", "f"), 0);
    site.run(lease(11, at(5))).unwrap();
    assert!(site.site.session(SessionId(11)).is_none());
    assert_eq!(
        site.run(Command::RenewSession { session: SessionId(1), until: at(99) }),
        Err(Refusal::NotALease)
    );
}

// Retries.

#[test]
fn a_retry_gets_the_same_grants_and_none_after_giving_back() {
    let mut site = Story::with(vec![line("f", "1", 2), line("g", "1", 2)]);
    let keyed = |feature| CheckOut { request: RequestKey(7), ..ask(1, feature, Amount::exactly(1)) };
    let first = granted(site.ask(keyed("f")));
    assert_eq!(granted(site.ask(keyed("F"))), first);
    assert_eq!(site.used("main", "f"), 1);
    assert_eq!(site.ask(keyed("g")), Err(Refusal::RequestKeyReused));
    site.run(check_in(1, first[0].grant)).unwrap();
    assert_eq!(site.ask(keyed("f")), Err(Refusal::RequestDone));
}

#[test]
fn a_refusal_binds_a_copy_of_its_request_that_arrives_when_a_seat_is_free() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let held = site.one(1, "f");
    let keyed =
        || Command::CheckOutOnce(CheckOut { request: RequestKey(7), ..ask(2, "f", Amount::exactly(1)) });
    let first = site.run(keyed());
    assert!(matches!(first, Err(Refusal::NoneLeft(_))), "{first:?}");
    assert_eq!(site.run(keyed()), first, "a retry gets the answer of the first try");
    site.run(check_in(1, held)).unwrap();
    assert_eq!(
        site.run(keyed()),
        Err(Refusal::RequestDone),
        "its sender knows of no seat and gives none back"
    );
    assert_eq!(site.used("main", "f"), 0);
}

#[test]
fn however_much_was_asked_since_a_copy_that_is_less_than_a_minute_late_takes_no_seat() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let keyed = |key: u128| {
        Command::CheckOutOnce(CheckOut { request: RequestKey(key), ..ask(1, "f", Amount::exactly(1)) })
    };
    for key in 1..=40 {
        let grant = granted(site.run(keyed(key)))[0].grant;
        assert_eq!(granted(site.run(keyed(key)))[0].grant, grant, "a copy that comes at once gets the same");
        site.run(check_in(1, grant)).unwrap();
    }
    site.now += 59;
    assert_eq!(site.run(keyed(1)), Err(Refusal::RequestDone));
    assert_eq!(site.used("main", "f"), 0);
    let other = CheckOut { request: RequestKey(1), ..ask(2, "f", Amount::exactly(1)) };
    assert!(site.run(Command::CheckOutOnce(other)).is_ok(), "another session's keys are its own");
}

#[test]
fn the_key_of_a_request_that_waits_is_not_for_another_feature() {
    let mut site = Story::with(vec![line("f", "1", 1), line("g", "1", 1)]);
    site.one(1, "f");
    let waiting = CheckOut { request: RequestKey(7), ..waits(2, "f", 99) };
    let first = site.ask(waiting.clone());
    assert_eq!(site.ask(waiting.clone()), first);
    let other = CheckOut { feature: "g".to_owned(), ..waiting };
    assert_eq!(site.ask(other), Err(Refusal::RequestKeyReused));
}

#[test]
fn a_session_is_found_again_by_its_owner_only() {
    let mut site = Story::with(vec![]);
    let again = |user: &str| Command::OpenSession(open(1, "main", who(user, "h1", "d1")));
    assert!(matches!(site.run(again("u1")), Ok(Reply::Opened { resumed: true, .. })));
    assert_eq!(site.run(again("eve")), Err(Refusal::SessionTaken));
}

// Files, dates, versions.

#[test]
fn a_line_ends_with_its_last_instant_whatever_comes_first_after_it() {
    let mut site = Story::with(vec![ends(line("f", "1", 1), 86_400)]);
    site.run(policy("f", FeaturePolicy { shrink: Some(Shrink::RevokeOldest), ..FeaturePolicy::default() }))
        .unwrap();
    site.now = 86_399;
    site.one(1, "f");
    assert_eq!(site.used("main", "f"), 1);
    site.now = 100_000;
    assert_eq!(site.ask(ask(2, "f", Amount::exactly(1))), Err(Refusal::Expired { at: at(86_400) }));
    let revoked = site.events.iter().find_map(|event| match event {
        Event::Revoked { grant, .. } => Some(grant.at),
        _ => None,
    });
    assert_eq!(revoked, Some(at(86_400)), "at its own instant");
    assert_eq!(site.standing(), ["GLMR_LICENSE_EXPIRED"]);
}

#[test]
fn between_a_line_that_ended_and_one_that_begins_the_refusal_says_when() {
    let lines = vec![ends(line("f", "1", 1), 100), starts(line("f", "1", 1), 300)];
    let mut site = Story::with(lines);
    site.one(1, "f");
    site.now = 200;
    let ask = ask(2, "f", Amount::exactly(1));
    assert_eq!(site.ask(ask.clone()), Err(Refusal::NotYetValid { starts: at(300) }));
    assert!(site.standing().contains(&"GLMR_LICENSE_EXPIRED"));
    site.now = 300;
    assert!(matches!(site.ask(ask), Err(Refusal::NoneLeft(_))), "the first still has it");
    assert_eq!(site.standing(), ["GLMR_LICENSE_NO_LICENSE_AVAILABLE"]);
}

#[test]
fn a_line_that_another_supersedes_counts_until_that_one_begins() {
    let issued = |day| Some(jiff::civil::date(2026, 1, day));
    let old = with(line("f", "1", 5), |offer| offer.issued = issued(1));
    let new = with(starts(line("f", "1", 2), 100), |offer| {
        offer.issued = issued(2);
        offer.supersede = Supersede::Features(vec!["f".to_owned()]);
    });
    let mut site = Story::with(vec![old, new]);
    site.take(1, "f", Amount::exactly(5));
    site.now = 100;
    let refused = site.none_left(2, "f", Amount::exactly(1));
    assert_eq!((refused.capacity, refused.in_use, refused.over_capacity), (2, 5, true));
    assert!(site.standing().contains(&"GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"));
    site.run(end(1)).unwrap();
    assert_eq!(site.standing(), Vec::<&str>::new());
}

#[test]
fn a_superseded_line_with_an_end_to_come_has_not_expired() {
    let issued = |day| Some(jiff::civil::date(2026, 1, day));
    let old = with(ends(line("f", "9", 5), 1000), |offer| offer.issued = issued(1));
    let new = with(line("f", "1", 2), |offer| {
        offer.issued = issued(2);
        offer.supersede = Supersede::Features(vec!["f".to_owned()]);
    });
    let mut site = Story::with(vec![old, new]);
    let nine = CheckOut { version: version("9"), ..ask(1, "f", Amount::exactly(1)) };
    assert!(matches!(site.ask(nine), Err(Refusal::VersionNotServed { .. })));
}

#[test]
fn an_upgrade_makes_newer_ones_of_older_ones_while_it_is_in_force() {
    let upgrade = with(ends(line("f", "2", 2), 100), |offer| {
        offer.kind = OfferKind::Upgrade { from: version("1") };
    });
    let mut site = Story::with(vec![line("f", "1", 5), upgrade]);
    let two =
        |session, count| CheckOut { version: version("2"), ..ask(session, "f", Amount::exactly(count)) };
    assert!(matches!(site.ask(two(1, 3)), Err(Refusal::MoreThanExists { requested: 3, capacity: 2 })));
    granted(site.ask(two(1, 2)));
    site.take(2, "f", Amount::exactly(3));
    site.now = 100;
    assert!(matches!(site.ask(two(3, 1)), Err(Refusal::Expired { .. })));
    site.take(3, "f", Amount::exactly(2));
    assert!(
        site.standing().contains(&"GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"),
        "the two of version 2 are still out"
    );
}

#[test]
fn lines_of_several_references_add_up_and_publishers_stay_apart() {
    let other = with(line("f", "1", 4), |offer| offer.lrn = "LRN-2".to_owned());
    let genesys = with(line("f", "1", 3), |offer| offer.publisher = "genesys".to_owned());
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.run(load("main", "b", vec![other, genesys])).unwrap();
    let grants = site.take(1, "f", Amount::all_left());
    let shown: Vec<(u32, &str)> = grants.iter().map(|g| (g.count, &*g.publisher)).collect();
    assert_eq!(shown, [(6, "acme"), (3, "genesys")]);
}

#[test]
fn tenants_have_nothing_of_each_others() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    site.run(Command::OpenSession(open(9, "other", who("u9", "h9", "")))).unwrap();
    assert!(matches!(site.ask(ask(9, "f", Amount::exactly(1))), Err(Refusal::UnknownFeature { .. })));
    site.run(load("other", "a", vec![line("f", "1", 1)])).unwrap();
    site.one(9, "f");
    site.one(1, "f");
    site.run(remove("other", "a")).unwrap();
    assert_eq!((site.used("main", "f"), site.used("other", "f")), (1, 1));
    assert!(site.run(check_in(1, GrantId(1))).is_err(), "not another's grant");
}

#[test]
fn a_vanished_pool_hands_over_to_one_that_would_serve_its_holders() {
    let locked = |host: &str| with(line("f", "1", 5), |offer| offer.locks = vec![lock(host)]);
    let assignable = with(line("f", "1", 5), |offer| offer.model = Model::Assignable);
    let mut site = Story::with(vec![line("f", "1", 5)]);
    site.take(1, "f", Amount::exactly(2));
    site.run(load("main", "a", vec![assignable, locked("HOSTNAME=h9")])).unwrap();
    assert!(site.standing().contains(&"GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"), "neither would have served it");
    site.run(load("main", "a", vec![locked("HOSTNAME=h9"), locked("HOSTNAME=h1")])).unwrap();
    assert_eq!(site.standing(), Vec::<&str>::new());
}

#[test]
fn a_shrink_revokes_the_newest_or_the_oldest_or_nobody() {
    for (shrink, left) in
        [(Shrink::Keep, vec![1, 2, 3]), (Shrink::RevokeNewest, vec![1]), (Shrink::RevokeOldest, vec![3])]
    {
        let mut site = Story::with(vec![line("f", "1", 3)]);
        site.run(Command::Configure(Settings { shrink, ..Settings::default() })).unwrap();
        for n in 1..=3 {
            site.now = n;
            site.one(n as u128, "f");
        }
        site.run(load("main", "a", vec![line("f", "1", 1)])).unwrap();
        let holders: Vec<u128> =
            (1..=3).filter(|n| !site.site.session(SessionId(*n)).unwrap().grants().is_empty()).collect();
        assert_eq!(holders, left);
        assert_eq!(site.standing().is_empty(), shrink != Shrink::Keep);
    }
}

// Refusals and violations.

#[test]
fn a_refusal_names_who_holds_what_since_when_the_oldest_first() {
    let mut site = Story::with(vec![line("f", "1", 3)]);
    for session in [2, 1, 3] {
        site.now += 10;
        site.one(session, "F");
    }
    let refused = site.none_left(4, "f", Amount::exactly(1));
    let holders: Vec<(&str, i64)> =
        refused.holders.iter().map(|held| (held.who.user(), held.since.0)).collect();
    assert_eq!(holders, [("u2", 10_000), ("u1", 20_000), ("u3", 30_000)]);
    assert_eq!((refused.capacity, refused.in_use, refused.queued), (3, 3, 0));
    assert_eq!(refused.next_free, None);
    assert!(site.events.iter().any(|event| matches!(event, Event::Denied { .. })));
}

#[test]
fn a_violation_starts_once_and_is_cleared_once() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    let grant = site.one(1, "f");
    let started =
        |site: &Story| site.events.iter().filter(|e| matches!(e, Event::ViolationStarted(_))).count();
    site.none_left(2, "f", Amount::exactly(1));
    assert_eq!(started(&site), 1);
    site.none_left(2, "f", Amount::exactly(1));
    assert_eq!(started(&site), 0);
    site.run(check_in(1, grant)).unwrap();
    let cleared = site.events.iter().filter(|e| matches!(e, Event::ViolationCleared { .. })).count();
    assert_eq!((cleared, site.standing().len()), (1, 0));
}

#[test]
fn a_violation_is_the_same_when_a_new_file_spells_the_feature_otherwise() {
    let mut site = Story::with(vec![line("Seats", "1", 2)]);
    site.take(1, "seats", Amount::exactly(2));
    site.run(load("main", "a", vec![line("Seats", "1", 1)])).unwrap();
    site.run(load("main", "a", vec![line("SEATS", "1", 1)])).unwrap();
    assert_eq!(site.standing(), ["GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"]);
    site.run(remove("main", "a")).unwrap();
    site.run(end(1)).unwrap();
    assert_eq!(site.standing(), Vec::<&str>::new());
}

#[test]
fn what_is_still_breached_cannot_be_dismissed() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.take(1, "f", Amount::exactly(2));
    site.run(load("main", "a", vec![line("f", "1", 1)])).unwrap();
    let number = site.site.violations().iter().next().unwrap().number;
    site.run(Command::ClearViolation { number, by: "admin".to_owned() }).unwrap();
    assert_eq!(site.standing(), ["GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"]);
}

#[test]
fn an_unknown_feature_is_told_with_the_nearest_and_known_once_it_is_loaded() {
    let mut site = Story::with(vec![line("router_seats", "1", 1)]);
    match site.ask(ask(1, "router_seat", Amount::exactly(1))) {
        Err(Refusal::UnknownFeature { nearest, .. }) => assert_eq!(nearest, ["router_seats".into()]),
        other => panic!("{other:?}"),
    }
    assert_eq!(site.standing(), ["GLMR_FEATURE_NOT_FOUND"]);
    site.run(load("main", "b", vec![line("Router_Seat", "1", 1)])).unwrap();
    assert_eq!(site.standing(), Vec::<&str>::new());
}

#[test]
fn the_clock_never_runs_backwards_and_a_clock_set_back_stands_until_confirmed() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    site.now = 100;
    site.one(1, "f");
    site.now = 5;
    assert_eq!(site.none_left(2, "f", Amount::exactly(1)).holders[0].since, at(100));
    assert_eq!(site.site.now(), at(100));
    site.run(Command::ReportClockSetBack { wall: at(5) }).unwrap();
    site.run(Command::ReportClockSetBack { wall: at(4) }).unwrap();
    assert_eq!(site.standing().len(), 2, "the seats and the clock");
    let confirm = Command::ConfirmClock { by: "admin".to_owned() };
    site.run(confirm.clone()).unwrap();
    assert_eq!(site.run(confirm.clone()), Err(Refusal::ClockNotAccused));
    site.run(Command::ReportClockSetAhead { wall: at(5000) }).unwrap();
    site.run(Command::ReportClockSetAhead { wall: at(6000) }).unwrap();
    assert!(site.standing().contains(&"GLMR_CLOCK_SET_AHEAD") && site.standing().len() == 2);
    assert_eq!(site.site.now(), at(100), "a report moves nothing");
    site.run(confirm.clone()).unwrap();
    assert_eq!(site.run(confirm), Err(Refusal::ClockNotAccused));
}

// Suites.

fn suite(suites: u32, plain: Option<LoadedLine>) -> Vec<LoadedLine> {
    let part = |feature: &str| Component { feature: feature.to_owned(), version: None, count: 1 };
    let package = with(line("Suite", "1", 1), |offer| {
        let components = vec![part("edit"), part("view")];
        offer.kind = OfferKind::Package { components, suite: Some(SuiteKind::Suite), versioned: true };
    });
    [package, line("Suite", "1", suites)].into_iter().chain(plain).collect()
}

#[test]
fn a_component_takes_a_seat_of_its_suite_along_and_gives_it_back() {
    let mut site = Story::with(suite(2, None));
    let edit = site.one(1, "edit");
    site.one(2, "view");
    assert_eq!((site.used("main", "edit"), site.used("main", "suite")), (1, 2));
    let refused = site.none_left(3, "edit", Amount::exactly(1));
    assert_eq!(&*refused.feature, "Suite", "it is the suite that is out");
    assert_eq!(site.run(check_in(1, GrantId(edit.0 - 1))), Err(Refusal::NoSuchGrant), "not on its own");
    site.run(check_in(1, edit)).unwrap();
    assert_eq!((site.used("main", "edit"), site.used("main", "suite")), (0, 1));
}

#[test]
fn who_waits_for_a_component_is_served_when_a_seat_of_the_suite_comes() {
    let mut site = Story::with(suite(1, None));
    let view = site.one(1, "view");
    assert!(matches!(site.ask(waits(2, "edit", 99)), Ok(Reply::Queued { .. })));
    site.run(check_in(1, view)).unwrap();
    assert_eq!((site.used("main", "edit"), site.used("main", "suite")), (1, 1));
}

#[test]
fn a_component_that_is_also_sold_alone_is_served_without_the_suite() {
    let mut site = Story::with(suite(1, Some(line("edit", "1", 1))));
    site.one(1, "suite");
    site.one(2, "edit");
    assert_eq!((site.used("main", "edit"), site.used("main", "suite")), (1, 1));
}

#[test]
fn taking_the_seat_of_a_suite_away_takes_its_component_away() {
    let mut site = Story::with(suite(1, None));
    let edit = site.one(1, "edit");
    site.run(remove_grant(GrantId(edit.0 - 1))).unwrap();
    assert_eq!((site.used("main", "edit"), site.used("main", "suite")), (0, 0));
}

// Who may administer.

#[test]
fn the_set_up_token_makes_one_administrator_once() {
    let mut site = Story::new();
    let offer = |token, until| Command::OfferSetup { token: Secret([token; 32]), until };
    let create = |token| Command::CreateAdministrator {
        setup: Secret([token; 32]),
        name: "ann".to_owned(),
        password_hash: "$argon2id$".to_owned(),
    };
    site.run(offer(1, at(10))).unwrap();
    assert_eq!(site.run(create(2)), Err(Refusal::SetupClosed));
    site.now = 10;
    assert_eq!(site.run(create(1)), Err(Refusal::SetupClosed), "too late");
    site.run(offer(3, at(20))).unwrap();
    assert_eq!(site.run(create(1)), Err(Refusal::SetupClosed), "the newer took its place");
    site.run(create(3)).unwrap();
    assert_eq!(site.run(create(3)), Err(Refusal::SetupClosed));
    assert_eq!(site.run(offer(4, Timestamp(i64::MAX))), Err(Refusal::SetupClosed));
}

#[test]
fn tokens_have_names_ends_and_can_be_revoked() {
    let mut site = Story::new();
    let add = |token, name: &str| Command::AddToken {
        token: Secret([token; 32]),
        name: name.to_owned(),
        scopes: vec![Scope::Read],
        tenant: None,
        until: Some(at(50)),
        by: "ann".to_owned(),
    };
    let revoke = Command::RevokeToken { name: "ci".to_owned(), by: "ann".to_owned() };
    site.run(add(1, "ci")).unwrap();
    assert_eq!(site.run(add(2, "ci")), Err(Refusal::NameTaken { name: "ci".to_owned() }));
    assert!(site.site.access().token(&Secret([1; 32]), at(49)).is_some());
    assert!(site.site.access().token(&Secret([1; 32]), at(50)).is_none());
    site.run(revoke.clone()).unwrap();
    assert_eq!(site.run(revoke), Err(Refusal::NoSuchToken { name: "ci".to_owned() }));
}
