//! What is borrowed stands until its date, and comes back once.

use crate::support;
use crate::support::{Story, at, granted, line, with};
use grantor_license::{Component, OfferKind, SuiteKind};
use grantor_site::command::{Amount, Command, EndReason};
use grantor_site::ids::{GrantId, LoanKey, SessionId};
use grantor_site::settings::Settings;
use grantor_site::{Refusal, Reply, Site};

const HOUR: i64 = 3600;

fn one_seat_for(hours: u32) -> Story {
    Story::with(vec![with(line("seats", "8.0", 1), |offer| offer.borrow_hours = Some(hours))])
}

fn borrow(site: &mut Story, grant: GrantId, loan: u128, until: i64) -> Result<Reply, Refusal> {
    site.run(Command::Borrow { session: SessionId(1), grant, loan: LoanKey(loan), until: at(until) })
}

fn take(site: &mut Story, session: u128) -> Result<GrantId, Refusal> {
    site.ask(support::ask(session, "seats", Amount::exactly(1))).map(|reply| granted(Ok(reply))[0].grant)
}

#[test]
fn what_is_borrowed_outlives_its_session_and_a_restart_and_is_free_at_its_date() {
    let mut site = one_seat_for(24);
    let seat = take(&mut site, 1).unwrap();
    let until = site.now + 5 * HOUR;
    assert_eq!(borrow(&mut site, seat, 7, until), Ok(Reply::Borrowed { until: at(until) }));
    site.run(Command::EndSession { session: SessionId(1), why: EndReason::HeartbeatMissed }).unwrap();
    site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    site.go_to(until - 1);
    assert!(matches!(take(&mut site, 2), Err(Refusal::NoneLeft(_))));
    assert_eq!(site.site.borrowed_until(seat), Some(at(until)));
    site.go_to(until);
    assert!(take(&mut site, 2).is_ok());
    assert_eq!(site.site.broken_invariants(), Vec::<String>::new());
}

#[test]
fn a_retry_gets_the_same_answer_and_a_key_stands_for_one_loan() {
    let mut site = one_seat_for(24);
    let seat = take(&mut site, 1).unwrap();
    let until = site.now + HOUR;
    borrow(&mut site, seat, 7, until).unwrap();
    assert_eq!(borrow(&mut site, seat, 7, until + 60), Ok(Reply::Borrowed { until: at(until) }));
    assert_eq!(borrow(&mut site, GrantId(99), 7, until), Err(Refusal::RequestKeyReused));
    assert_eq!(borrow(&mut site, seat, 8, until), Err(Refusal::AlreadyReturned));
}

#[test]
fn a_line_says_whether_and_for_how_long_its_seats_are_borrowed() {
    let mut site = one_seat_for(2);
    let seat = take(&mut site, 1).unwrap();
    let latest = site.now + 2 * HOUR;
    let too_long = Err(Refusal::LoanTooLong { latest: at(latest) });
    assert_eq!(borrow(&mut site, seat, 7, latest + 1), too_long);
    assert_eq!(borrow(&mut site, seat, 7, 0), too_long);
    assert!(borrow(&mut site, seat, 7, latest).is_ok());
    let mut plain = Story::with(vec![line("seats", "8.0", 1)]);
    let seat = take(&mut plain, 1).unwrap();
    assert_eq!(borrow(&mut plain, seat, 7, latest), Err(Refusal::NotBorrowable));
}

#[test]
fn a_loan_is_over_before_its_line_is() {
    let mut seat = with(line("seats", "8.0", 1), |offer| offer.borrow_hours = Some(24));
    seat.ends = Some(at(HOUR));
    let mut site = Story::with(vec![seat]);
    let seat = take(&mut site, 1).unwrap();
    let end = site.now + HOUR;
    assert!(matches!(borrow(&mut site, seat, 7, end), Err(Refusal::LoanTooLong { .. })));
    assert!(borrow(&mut site, seat, 7, end - 1).is_ok());
}

#[test]
fn who_has_the_key_gives_it_back_early_and_once_and_an_administrator_takes_it_away() {
    let mut site = one_seat_for(24);
    for by_key in [true, false] {
        let seat = take(&mut site, 1).unwrap();
        let until = site.now + HOUR;
        borrow(&mut site, seat, 7, until).unwrap();
        assert_eq!(site.run(Command::ReturnLoan { loan: LoanKey(8) }), Err(Refusal::NoSuchLoan));
        let check_in = Command::CheckIn { session: SessionId(1), grant: seat };
        assert_eq!(site.run(check_in), Err(Refusal::AlreadyReturned), "the session holds it no more");
        if by_key {
            let back = site.run(Command::ReturnLoan { loan: LoanKey(7) });
            assert_eq!(back, Ok(Reply::CheckedIn { held_until: None }));
        } else {
            let (by, reason) = ("admin".to_owned(), "lost laptop".to_owned());
            site.run(Command::RemoveGrant { grant: seat, by, reason }).unwrap();
        }
        assert_eq!(site.run(Command::ReturnLoan { loan: LoanKey(7) }), Err(Refusal::NoSuchLoan));
        assert_eq!(site.used("main", "seats"), 0);
    }
}

#[test]
fn a_user_borrows_on_one_host_no_more_than_a_session_may_hold() {
    let mut site = Story::with(vec![with(line("seats", "8.0", 9), |offer| offer.borrow_hours = Some(24))]);
    site.run(Command::Configure(Settings { limit_per_client: 2, ..Settings::default() })).unwrap();
    let until = site.now + HOUR;
    for loan in 1..=2 {
        let seat = take(&mut site, 1).unwrap();
        assert!(borrow(&mut site, seat, loan, until).is_ok());
    }
    let seat = take(&mut site, 1).unwrap();
    let refused = Err(Refusal::TooManyLoans { limit: 2, borrowed: 2 });
    assert_eq!(borrow(&mut site, seat, 3, until), refused);
    site.run(Command::ReturnLoan { loan: LoanKey(1) }).unwrap();
    assert!(borrow(&mut site, seat, 3, until).is_ok());
}

#[test]
fn a_component_of_a_suite_is_not_borrowed() {
    let package = with(line("Suite", "8.0", 1), |offer| {
        let components = vec![Component { feature: "seats".to_owned(), version: None, count: 1 }];
        offer.kind = OfferKind::Package { components, suite: Some(SuiteKind::Suite), versioned: true };
        offer.borrow_hours = Some(24);
    });
    let enabling = with(line("Suite", "8.0", 1), |offer| offer.borrow_hours = Some(24));
    let mut site = Story::with(vec![package, enabling]);
    let seat = take(&mut site, 1).unwrap();
    let until = site.now + HOUR;
    assert_eq!(borrow(&mut site, seat, 7, until), Err(Refusal::NotBorrowable));
}
