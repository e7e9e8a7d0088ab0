//! Session licenses and licenses that disconnect, one test for each sentence of seed 002, "License Types" and "Server
//! License Types".

use std::sync::Arc;

use crate::support::*;
use grantor_license::{LicenseInfo, LicenseState, Model};
use grantor_site::command::{Amount, Command};
use grantor_site::event::{Event, RevokeReason};
use grantor_site::{Entry, Site};

const HOUR: i64 = 3600;

fn licensed(name: &str, license_type: &str, lines: Vec<grantor_site::command::LoadedLine>) -> Command {
    let lrn = format!("LRN-{name}");
    let lines = lines.into_iter().map(|line| with(line, |offer| offer.lrn.clone_from(&lrn))).collect();
    let mut file = file("main", name, lines);
    file.licenses.push(LicenseInfo {
        lrn,
        publisher: "acme".to_owned(),
        customer: "c".to_owned(),
        site: "s".to_owned(),
        license_type: license_type.to_owned(),
        product: "p".to_owned(),
        state: LicenseState::Active,
        issued: jiff::civil::date(2026, 1, 1),
        expires: None,
        rk: None,
        dies: None,
    });
    Command::LoadFile(Arc::new(file))
}

fn hourly() -> Command {
    Command::SetDisconnect { license_type: "ordered-development".to_owned(), minutes: Some(60) }
}

fn revoked(site: &Story) -> usize {
    let disconnected = |event: &&Event| {
        matches!(event, Event::Revoked { why: RevokeReason::Disconnected { minutes: 60 }, .. })
    };
    site.events.iter().filter(disconnected).count()
}

#[test]
fn concurrent_sessions_control_the_maximum_number_of_connections_that_can_occur_at_one_time() {
    let mut site = Story::with(vec![line("I3_LICENSE_ADVANCED_SESSION_ADDON", "4.0", 2)]);
    let one = site.one(1, "i3_license_advanced_session_addon");
    site.one(2, "I3_LICENSE_ADVANCED_SESSION_ADDON");
    site.none_left(3, "I3_LICENSE_ADVANCED_SESSION_ADDON", Amount::exactly(1));
    site.run(check_in(1, one)).unwrap();
    site.one(3, "I3_LICENSE_ADVANCED_SESSION_ADDON");
}

#[test]
fn time_based_sessions_control_the_maximum_number_of_connections_during_a_specific_time_interval() {
    let mut site = Story::with(vec![with(line("mobilizer", "4.0", 2), |offer| offer.hold_seconds = 60)]);
    let (one, two) = (site.one(1, "mobilizer"), site.one(2, "mobilizer"));
    site.run(check_in(1, one)).unwrap();
    site.run(check_in(2, two)).unwrap();
    site.none_left(3, "mobilizer", Amount::exactly(1));
    site.go_to(60);
    site.one(3, "mobilizer");
    site.one(4, "mobilizer");
    site.none_left(5, "mobilizer", Amount::exactly(1));
}

#[test]
fn interactions_disconnect_hourly_under_a_development_license() {
    let mut site = Story::with(Vec::new());
    site.run(hourly()).unwrap();
    site.run(licensed("dev", "Ordered-Development", vec![line("session", "1", 8)])).unwrap();
    site.go_to(HOUR - 1);
    site.one(1, "session");
    site.take(2, "session", Amount::exactly(3));
    site.go_to(HOUR);
    assert_eq!((revoked(&site), site.used("main", "session"), site.site.session_count()), (2, 0, 5));
    site.one(1, "session");
    site.go_to(2 * HOUR - 1);
    assert_eq!(site.used("main", "session"), 1);
    site.go_to(5 * HOUR);
    assert_eq!((revoked(&site), site.used("main", "session")), (1, 0));
}

#[test]
fn production_licenses_do_not_disconnect_nor_do_pools_that_they_share() {
    let mut site = Story::with(Vec::new());
    site.run(hourly()).unwrap();
    site.run(licensed("prod", "production", vec![line("shared", "1", 1), line("own", "1", 1)])).unwrap();
    site.run(licensed("dev", "ordered-development", vec![line("shared", "1", 1)])).unwrap();
    site.one(1, "shared");
    site.one(1, "own");
    site.go_to(HOUR);
    assert_eq!((site.used("main", "shared"), site.used("main", "own")), (1, 1));
    site.run(remove("main", "prod")).unwrap();
    site.go_to(2 * HOUR);
    assert_eq!(site.used("main", "shared"), 0);
}

#[test]
fn who_was_allocated_a_seat_of_a_development_license_keeps_it() {
    let mut site = Story::new();
    site.run(hourly()).unwrap();
    site.run(licensed("dev", "ordered-development", vec![sold(CLIENT, Model::Assignable, 1)])).unwrap();
    site.change(vec![user("ann"), assign(CLIENT, &[of_user("ann")])]);
    site.go_to(HOUR);
    assert!(site.may("ann", CLIENT));
}

#[test]
fn a_site_read_from_a_snapshot_disconnects_at_the_same_instant_and_types_can_be_told_not_to() {
    let mut site = Story::with(Vec::new());
    site.run(licensed("dev", "ordered-development", vec![line("session", "1", 8)])).unwrap();
    site.one(1, "session");
    site.go_to(HOUR + 5);
    assert_eq!((site.used("main", "session"), site.site.next_due()), (1, None));
    site.run(hourly()).unwrap();
    assert_eq!(site.site.next_due(), Some(at(2 * HOUR)));
    let read = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    assert_eq!((read.hash(), read.next_due()), (site.site.hash(), Some(at(2 * HOUR))));
    let mut both = [site.site.clone(), read];
    for site in &mut both {
        site.apply(&Entry { at: at(2 * HOUR), command: Command::Tick });
        assert_eq!((site.grant_count(), site.next_due()), (0, Some(at(3 * HOUR))));
    }
    assert_eq!(both[0].hash(), both[1].hash());
    let off = Command::SetDisconnect { license_type: "ordered-development".to_owned(), minutes: None };
    site.run(off).unwrap();
    assert_eq!(site.site.next_due(), None);
    site.go_to(9 * HOUR);
    assert_eq!(site.used("main", "session"), 1);
}
