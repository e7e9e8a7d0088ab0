//! Instances that come back and reservations: seats pass from one session to another in one step, and nobody takes them on
//! the way.

use crate::support::*;
use grantor_license::{Component, DupGroup, OfferKind, SuiteKind};
use grantor_site::command::{Amount, CheckOut, Command, EndReason, OpenSession};
use grantor_site::event::Event;
use grantor_site::ids::{GrantId, SessionId};
use grantor_site::outcome::Granted;
use grantor_site::{Refusal, Reply, Site};

fn instance(session: u128, name: &str) -> Command {
    let open = open(session, "main", who("app", "container", ""));
    Command::OpenInstance { open, instance: name.into() }
}

fn lease(session: u128, until: i64) -> Command {
    let who = who("scheduler", "head", "");
    Command::OpenSession(OpenSession { lease_until: Some(at(until)), ..open(session, "main", who) })
}

fn reserved(session: u128, lease: u128, amount: Amount) -> Command {
    Command::CheckOutReserved { ask: ask(session, "f", amount), lease: SessionId(lease) }
}

fn held(site: &Site, session: u128) -> Vec<u32> {
    let session = site.session(SessionId(session));
    let grants = session.into_iter().flat_map(|session| session.grants().to_vec());
    grants.map(|id| site.grant_by_id(id).unwrap().count).collect()
}

fn numbers(grants: &[Granted]) -> Vec<GrantId> {
    grants.iter().map(|grant| grant.grant).collect()
}

#[test]
fn an_instance_takes_its_seats_back_though_the_pool_is_full_and_others_wait() {
    let mut site = Story::with(vec![line("f", "1", 2)]);
    site.run(instance(10, "web-1")).unwrap();
    let seats = numbers(&site.take(10, "f", Amount::exactly(2)));
    let waits = CheckOut { queue_until: Some(at(100)), ..ask(1, "f", Amount::exactly(1)) };
    assert!(matches!(site.ask(waits), Ok(Reply::Queued { .. })));
    let opened = site.run(instance(11, "web-1")).unwrap();
    assert!(matches!(opened, Reply::Opened { resumed: false, .. }));
    let ended = site.events.iter().any(|event| {
        matches!(event, Event::SessionEnded { session: SessionId(10), why: EndReason::Replaced, .. })
    });
    assert!(ended && site.site.session(SessionId(10)).is_none());
    assert_eq!(site.site.session(SessionId(11)).unwrap().grants(), seats);
    assert_eq!((site.used("main", "f"), held(&site.site, 1).len()), (2, 0));
    assert_eq!(site.run(check_in(10, seats[0])), Err(Refusal::NoSuchSession));
    site.run(check_in(11, seats[0])).unwrap();
    assert_eq!(
        (held(&site.site, 11), held(&site.site, 1)),
        (vec![], vec![1]),
        "whoever waits is served then"
    );
}

#[test]
fn a_hundred_restarts_leak_no_seat() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    site.run(instance(100, "web-1")).unwrap();
    let seat = site.one(100, "f");
    for restart in 101..=200 {
        site.run(instance(restart, "web-1")).unwrap();
        assert_eq!(site.site.session(SessionId(restart)).unwrap().grants(), [seat]);
        site.none_left(1, "f", Amount::exactly(1));
        site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    }
    assert_eq!((site.site.session_count(), site.used("main", "f")), (6, 1));
    site.run(end(200)).unwrap();
    assert_eq!(site.used("main", "f"), 0);
    let plain = site.site.to_snapshot();
    assert_eq!(plain[8..10], [1, 0], "nothing is tied any more: the first format will do");
}

#[test]
fn other_instances_applications_and_retries_are_left_alone() {
    let mut site = Story::with(vec![line("f", "1", 5)]);
    site.run(instance(10, "web-1")).unwrap();
    let seat = site.one(10, "f");
    site.run(instance(11, "web-2")).unwrap();
    let mut other = open(12, "main", who("app", "container", ""));
    other.who.application = "another".into();
    site.run(Command::OpenInstance { open: other, instance: "web-1".into() }).unwrap();
    let again = site.run(instance(10, "web-1")).unwrap();
    assert!(matches!(again, Reply::Opened { resumed: true, .. }));
    assert_eq!(site.site.session(SessionId(10)).unwrap().grants(), [seat]);
}

/// Found by the oracle: only the component's side was looked at.
#[test]
fn a_suites_seat_that_came_with_a_component_is_not_taken_out_of_a_lease_without_it() {
    let package = with(line("Suite", "1", 1), |offer| {
        let components = vec![Component { feature: "edit".to_owned(), version: None, count: 1 }];
        offer.kind = OfferKind::Package { components, suite: Some(SuiteKind::Suite), versioned: true };
    });
    let mut site = Story::with(vec![package, line("Suite", "1", 2)]);
    site.run(lease(50, 1000)).unwrap();
    site.one(50, "edit");
    let suite = CheckOut { feature: "Suite".to_owned(), ..ask(1, "Suite", Amount::exactly(1)) };
    let taken = site.run(Command::CheckOutReserved { ask: suite, lease: SessionId(50) });
    assert_eq!(taken, Err(Refusal::NotReserved { left: 0 }));
    assert_eq!(held(&site.site, 50), [1, 1], "both stay together");
}

#[test]
fn what_came_out_of_one_lease_and_is_taken_out_of_another_is_no_longer_the_firsts() {
    let mut site = Story::with(vec![line("f", "1", 3)]);
    for session in [50, 51] {
        site.run(lease(session, 1000)).unwrap();
    }
    site.take(50, "f", Amount::exactly(3));
    site.run(reserved(51, 50, Amount::exactly(1))).unwrap();
    let Ok(Reply::CheckedOut { grants }) = site.run(reserved(1, 51, Amount::exactly(1))) else { panic!() };
    assert_eq!(site.site.broken_invariants(), Vec::<String>::new());
    site.run(check_in(1, grants[0].grant)).unwrap();
    assert_eq!(
        (held(&site.site, 50), held(&site.site, 51)),
        (vec![2], vec![1]),
        "it goes back to the second"
    );
}

#[test]
fn an_answer_of_several_reserved_grants_tells_of_overdraft_as_it_is_when_all_are_made() {
    let shared = with(line("f", "1", 1), |offer| {
        offer.overdraft = 1;
        offer.dup_group = DupGroup { vendor: true, ..DupGroup::default() };
    });
    let mut site = Story::with(vec![shared]);
    site.run(lease(50, 1000)).unwrap();
    for _ in 0..2 {
        site.one(50, "f");
    }
    let ask = CheckOut { share: Some("call".into()), ..ask(1, "f", Amount::exactly(2)) };
    let taken = site.run(Command::CheckOutReserved { ask, lease: SessionId(50) });
    let Ok(Reply::CheckedOut { grants }) = taken else { panic!("{taken:?}") };
    assert_eq!(grants.len(), 2);
    assert!(grants.iter().all(|grant| !grant.overdraft), "together they spend one seat");
}

#[test]
fn a_late_retry_of_an_earlier_runs_opening_is_refused_by_name_and_takes_nothing_over() {
    let mut site = Story::with(vec![line("f", "1", 1)]);
    site.run(instance(10, "web-1")).unwrap();
    let seat = site.one(10, "f");
    site.run(instance(11, "web-1")).unwrap();
    site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    assert_eq!(site.run(instance(10, "web-1")), Err(Refusal::SessionReplaced));
    assert_eq!(site.site.session(SessionId(11)).unwrap().grants(), [seat]);
    assert!(site.site.session(SessionId(10)).is_none());
    // The run that came after goes on to be found, also when it is asked for again.
    assert!(matches!(site.run(instance(11, "web-1")), Ok(Reply::Opened { resumed: true, .. })));
    site.run(instance(12, "web-1")).unwrap();
    for earlier in [10, 11] {
        assert_eq!(site.run(instance(earlier, "web-1")), Err(Refusal::SessionReplaced));
    }
    assert_eq!(site.site.session(SessionId(12)).unwrap().grants(), [seat]);
}

#[test]
fn what_is_locked_to_the_old_machine_is_not_handed_over() {
    let locked = with(line("f", "1", 1), |offer| offer.locks = vec![lock("HOSTNAME=old")]);
    let mut site = Story::with(vec![locked, line("g", "1", 1)]);
    let on = |session, host| {
        let open = open(session, "main", who("app", host, ""));
        Command::OpenInstance { open, instance: "web-1".into() }
    };
    site.run(on(10, "old")).unwrap();
    let (_, free) = (site.one(10, "f"), site.one(10, "g"));
    site.run(on(11, "new")).unwrap();
    assert_eq!(site.site.session(SessionId(11)).unwrap().grants(), [free]);
    assert_eq!(site.used("main", "f"), 0);
}

#[test]
fn seats_pass_from_a_reservation_to_sessions_and_back_and_never_more_than_reserved() {
    let mut site = Story::with(vec![line("f", "1", 10)]);
    site.run(lease(90, 1000)).unwrap();
    site.take(90, "f", Amount::exactly(6));
    site.take(5, "f", Amount::exactly(4));
    let first = granted(site.run(reserved(1, 90, Amount::exactly(4))));
    assert_eq!((held(&site.site, 1), held(&site.site, 90), site.used("main", "f")), (vec![4], vec![2], 10));
    assert_eq!(site.run(reserved(2, 90, Amount::exactly(3))), Err(Refusal::NotReserved { left: 2 }));
    let rest = granted(site.run(reserved(2, 90, Amount::all_left())));
    assert_eq!((rest[0].count, held(&site.site, 90).len()), (2, 0));
    site.run(check_in(1, first[0].grant)).unwrap();
    assert_eq!((held(&site.site, 90), site.used("main", "f")), (vec![4], 10));
    site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    site.run(end(2)).unwrap();
    assert_eq!((held(&site.site, 90), site.used("main", "f")), (vec![4, 2], 10));
    assert_eq!(granted(site.run(reserved(3, 90, Amount::exactly(6)))).len(), 2);
    assert_eq!(site.run(reserved(3, 90, Amount::exactly(1))), Err(Refusal::NotReserved { left: 0 }));
}

#[test]
fn when_the_reservation_is_over_its_seats_stay_with_the_job_and_then_go_to_the_pool() {
    let mut site = Story::with(vec![line("f", "1", 3)]);
    site.run(lease(90, 50)).unwrap();
    site.take(90, "f", Amount::exactly(3));
    let job = granted(site.run(reserved(1, 90, Amount::exactly(2))));
    site.go_to(60);
    assert_eq!((held(&site.site, 1), site.used("main", "f")), (vec![2], 2));
    assert_eq!(site.run(reserved(1, 90, Amount::exactly(1))), Err(Refusal::NoSuchReservation));
    site.run(check_in(1, job[0].grant)).unwrap();
    assert_eq!(site.used("main", "f"), 0);
    assert_eq!(site.run(reserved(1, 2, Amount::exactly(1))), Err(Refusal::NoSuchReservation), "no lease");
}

#[test]
fn who_shares_seats_with_others_gets_no_more_out_of_a_reservation_than_the_pool_has() {
    let shared = with(line("f", "1", 2), |offer| offer.dup_group = DupGroup::parse("U").unwrap());
    let mut site = Story::with(vec![shared]);
    let scheduler = who("u1", "head", "");
    let lease = OpenSession { lease_until: Some(at(500)), ..open(90, "main", scheduler) };
    site.run(Command::OpenSession(lease)).unwrap();
    // The lease's user holds the same two seats with another session.
    site.take(1, "f", Amount::exactly(2));
    site.take(90, "f", Amount::exactly(2));
    assert_eq!(site.used("main", "f"), 2);
    let refused = site.run(reserved(2, 90, Amount::exactly(1)));
    assert_eq!(refused, Err(Refusal::NotReserved { left: 0 }));
    assert_eq!((held(&site.site, 90), site.used("main", "f")), (vec![2], 2));
}
