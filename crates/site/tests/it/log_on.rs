//! Logging on, one test for each sentence of seed 002, "Concurrent License Allocation Method", "CIC Client Licensing" and
//! "Remote Station Licensing".

use crate::support::*;
use grantor_license::{Count, Model};
use grantor_site::command::{Command, EndReason, OpenSession};
use grantor_site::directory::{Change, Method, StationKind};
use grantor_site::event::Event;
use grantor_site::ids::SessionId;
use grantor_site::{Refusal, Reply, Site};

/// Desks with audio, and people with nothing.
fn office(seats: u32) -> Story {
    let mut site = Story::directed(
        contact_centre(seats),
        vec![user("ann"), user("bob"), workstation("desk1"), workstation("desk2")],
    );
    site.change(vec![assign(BASIC, &[of_station("desk1"), of_station("desk2")])]);
    site
}

fn in_use(site: &Story, feature: &str) -> u32 {
    site.row(feature)[3]
}

// Concurrent.

#[test]
fn a_concurrent_license_is_configured_and_not_allocated_until_the_user_logs_on() {
    let mut site = office(2);
    site.change(vec![concurrent(CLIENT, &["ann", "bob"])]);
    assert_eq!(site.row(CLIENT), [0, 0, 2, 0]);
    site.open(1, "ann", "desk1-pc");
    assert_eq!(in_use(&site, CLIENT), 0);
    site.log_on(1, "desk1").unwrap();
    assert_eq!(site.row(CLIENT), [0, 0, 2, 1]);
}

#[test]
fn more_users_may_be_configured_than_there_are_concurrent_licenses() {
    let mut site = Story::directed(contact_centre(1), (0..5).map(|n| user(&format!("u{n}"))).collect());
    site.change(vec![concurrent("Recorder", &["u0", "u1", "u2", "u3", "u4"])]);
    assert_eq!(site.row("Recorder"), [0, 0, 5, 0]);
}

#[test]
fn when_the_user_opens_the_optimizer_module_all_three_licenses_are_allocated() {
    let mut site = office(2);
    for feature in ["Recorder", "Supervisor", "Optimizer"] {
        site.change(vec![concurrent(feature, &["ann"])]);
    }
    site.open(1, "ann", "pc");
    let Ok(Reply::ModuleOpened { grants }) = site.module(1, "optimizer") else { panic!() };
    assert_eq!(&*grants[0].feature, "Optimizer");
    assert_eq!(["Recorder", "Supervisor", "Optimizer"].map(|feature| in_use(&site, feature)), [1, 1, 1]);
}

#[test]
fn concurrent_licenses_are_taken_together_or_not_at_all() {
    let lines = vec![sold("Recorder", Model::Concurrent, 1), sold("Optimizer", Model::Concurrent, 1)];
    let mut site = Story::directed(lines, vec![user("ann"), user("bob")]);
    site.change(vec![concurrent("Recorder", &["ann", "bob"]), concurrent("Optimizer", &["ann"])]);
    site.open(1, "bob", "pc1");
    site.module(1, "Recorder").unwrap();
    site.open(2, "ann", "pc2");
    let before = site.site.hash();
    assert!(matches!(site.module(2, "Optimizer"), Err(Refusal::Shortfall(_))));
    assert_eq!(in_use(&site, "Optimizer"), 0);
    assert!(site.site.presence(site.site.user_named("main", "ann").unwrap().0).is_none());
    // Nothing but the violation that the refusal makes known.
    assert!(site.standing().contains(&"GLMR_LICENSE_NO_LICENSE_AVAILABLE"));
    site.end(1);
    assert_eq!(site.standing(), [""; 0]);
    site.module(2, "Optimizer").unwrap();
    assert_ne!(site.site.hash(), before);
}

#[test]
fn when_the_user_logs_off_the_acquired_concurrent_license_is_released() {
    let mut site = office(2);
    site.change(vec![concurrent(CLIENT, &["ann", "bob"])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.run(Command::LogOff { session: SessionId(1) }).unwrap();
    assert_eq!(in_use(&site, CLIENT), 0);
    assert_eq!(site.run(Command::LogOff { session: SessionId(1) }), Err(Refusal::NotLoggedOn));
    site.log_on(1, "desk1").unwrap();
    site.end(1);
    assert_eq!(in_use(&site, CLIENT), 0);
}

#[test]
fn any_application_on_any_computer_that_reacquires_the_license_does_not_increase_the_count() {
    let mut site = office(2);
    site.change(vec![concurrent("Recorder", &["ann"])]);
    for (session, host) in [(1, "pc1"), (2, "pc1"), (3, "pc2")] {
        site.open(session, "ann", host);
        site.module(session, "Recorder").unwrap();
        assert_eq!(in_use(&site, "Recorder"), 1);
    }
    site.module(3, "Recorder").unwrap();
    site.end(1);
    site.end(3);
    assert_eq!(in_use(&site, "Recorder"), 1);
    site.end(2);
    assert_eq!(in_use(&site, "Recorder"), 0);
}

#[test]
fn a_license_that_is_taken_away_from_a_user_who_works_is_free_at_once() {
    let mut site = office(2);
    site.change(vec![concurrent("Recorder", &["ann"])]);
    site.open(1, "ann", "pc");
    site.module(1, "Recorder").unwrap();
    site.change(vec![concurrent("Optimizer", &["ann"]), unlicense("Recorder", of_user("ann"))]);
    assert_eq!((in_use(&site, "Recorder"), in_use(&site, "Optimizer")), (0, 0));
    assert!(matches!(site.module(1, "Recorder"), Err(Refusal::NotLicensed { .. })));
    site.module(1, "Optimizer").unwrap();
    site.change(vec![Change::EnableLicenses { of: of_user("ann"), is_enabled: false }]);
    assert_eq!(in_use(&site, "Optimizer"), 0);
}

// One log-on.

#[test]
fn if_the_user_logs_on_to_another_computer_the_system_logs_the_user_off_from_the_previous_one() {
    for method in [Method::Assignable, Method::Concurrent] {
        let mut site = office(3);
        let to = vec![of_user("ann")];
        site.change(vec![Change::License { feature: CLIENT.into(), method, to }]);
        site.open(1, "ann", "desk1-pc");
        site.log_on(1, "desk1").unwrap();
        site.open(2, "ann", "desk2-pc");
        site.log_on(2, "desk2").unwrap();
        let why = EndReason::LoggedOnElsewhere { host: "desk2-pc".to_owned() };
        let ends = |event: &Event| matches!(event, Event::SessionEnded { session, why: w, .. } if session.0 == 1 && *w == why);
        assert!(site.events.iter().any(ends));
        assert!(site.site.session(SessionId(1)).is_none());
        assert_eq!(site.site.station_named("main", "desk1").unwrap().1.user(), None);
        assert_eq!(site.row(CLIENT)[1] + site.row(CLIENT)[3], 1);
    }
}

#[test]
fn a_second_log_on_that_is_refused_leaves_the_first_as_it_was() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_user("ann"), of_user("bob")])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.open(2, "bob", "desk2-pc");
    site.log_on(2, "desk2").unwrap();
    site.open(3, "ann", "desk2-pc");
    let refused = Err(Refusal::StationInUse { station: "desk2".into(), by: "bob".into() });
    assert_eq!(site.log_on(3, "desk2"), refused);
    assert!(site.site.session(SessionId(1)).is_some());
}

#[test]
fn a_client_user_is_at_one_station_on_one_computer_and_a_second_application_there_joins() {
    let mut site = office(3);
    site.change(vec![concurrent(CLIENT, &["ann"])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.open(2, "ann", "DESK1-PC");
    site.log_on(2, "desk1").unwrap();
    assert_eq!((site.site.session_count(), in_use(&site, CLIENT)), (2, 1));
    site.end(1);
    assert_eq!(in_use(&site, CLIENT), 1);
    site.log_on(2, "desk2").unwrap();
    assert_eq!(site.site.station_named("main", "desk1").unwrap().1.user(), None);
    site.end(2);
    assert_eq!(in_use(&site, CLIENT), 0);
}

#[test]
fn modules_on_other_computers_survive_a_new_log_on() {
    let mut site = office(3);
    site.change(vec![concurrent(CLIENT, &["ann"]), concurrent("Recorder", &["ann"])]);
    site.open(1, "ann", "laptop");
    site.module(1, "Recorder").unwrap();
    site.open(2, "ann", "desk1-pc");
    site.log_on(2, "desk1").unwrap();
    site.end(2);
    assert_eq!((site.site.session_count(), in_use(&site, CLIENT)), (1, 1));
}

// What a client needs.

#[test]
fn the_station_the_user_logs_on_to_must_have_a_basic_station_license() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_user("ann")]), unlicense(BASIC, of_station("desk1"))]);
    site.open(1, "ann", "desk1-pc");
    assert_eq!(site.log_on(1, "desk1"), Err(Refusal::NoBasicStation { station: "desk1".into() }));
    assert!(matches!(site.events[..], [Event::LogOnRefused { .. }]));
}

#[test]
fn either_the_user_or_the_station_must_have_a_client_access_or_acd_access_license() {
    for feature in [CLIENT, ACD_1] {
        for holder in [of_user("ann"), of_station("desk1")] {
            let mut site = office(3);
            site.open(1, "ann", "desk1-pc");
            let refused = Err(Refusal::NoClientAccess { user: "ann".into(), station: "desk1".into() });
            assert_eq!(site.log_on(1, "desk1"), refused);
            site.change(vec![assign(feature, &[holder])]);
            site.log_on(1, "desk1").unwrap();
        }
    }
}

#[test]
fn a_user_exclusively_acquires_all_the_licenses_of_the_station_while_logged_on() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_station("desk1")]), assign("Recorder", &[of_station("desk1")])]);
    assert!(!site.may("ann", "Recorder"));
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    assert!(site.may("ann", "Recorder") && !site.may("bob", "Recorder"));
    site.open(2, "bob", "desk1-pc");
    let refused = Err(Refusal::StationInUse { station: "desk1".into(), by: "ann".into() });
    assert_eq!(site.log_on(2, "desk1"), refused);
}

#[test]
fn when_the_user_logs_off_those_licenses_become_available_for_the_next_user() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_station("desk1")])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.open(2, "bob", "desk1-pc");
    site.end(1);
    site.log_on(2, "desk1").unwrap();
    assert!(site.may("bob", CLIENT) && !site.may("ann", CLIENT));
}

#[test]
fn nobody_logs_on_at_a_stand_alone_phone_a_fax_or_a_disabled_station() {
    let mut site = office(4);
    let off = Change::SetStation {
        station: "desk1".into(),
        machine: "m".into(),
        kind: StationKind::Workstation,
        is_enabled: false,
    };
    site.change(vec![
        station("phone", StationKind::StandAlonePhone),
        station("fax", StationKind::StandAloneFax),
        off,
    ]);
    site.change(vec![
        assign(BASIC, &[of_station("phone"), of_station("fax")]),
        assign(CLIENT, &[of_user("ann")]),
    ]);
    site.open(1, "ann", "pc");
    for name in ["phone", "fax"] {
        assert!(matches!(site.log_on(1, name), Err(Refusal::NotForLogOn { .. })));
    }
    assert_eq!(site.log_on(1, "desk1"), Err(Refusal::StationDisabled { station: "desk1".into() }));
}

#[test]
fn a_sip_device_is_licensed_as_a_local_workstation() {
    let mut site = office(4);
    site.change(vec![station("sip", StationKind::SipWorkstation), assign(BASIC, &[of_station("sip")])]);
    site.change(vec![assign(ACD_1, &[of_user("ann")])]);
    site.open(1, "ann", "home");
    site.log_on(1, "sip").unwrap();
    assert_eq!(site.row(CLIENT), [0, 0, 0, 0]);
}

// Remote stations.

#[test]
fn if_a_user_logs_on_to_a_remote_station_that_station_also_must_acquire_a_client_access_license() {
    let mut site = office(3);
    site.change(vec![station("home", StationKind::ConfiguredRemote), assign(BASIC, &[of_station("home")])]);
    site.change(vec![assign(CLIENT, &[of_user("ann")])]);
    site.open(1, "ann", "laptop");
    site.log_on(1, "home").unwrap();
    assert_eq!(site.row(CLIENT), [1, 2, 0, 0]);
    site.end(1);
    assert_eq!(site.row(CLIENT), [1, 1, 0, 0]);
    site.change(vec![assign(CLIENT, &[of_station("home"), of_station("desk1")])]);
    site.open(1, "ann", "laptop");
    site.log_on(1, "home").unwrap();
    assert_eq!(site.row(CLIENT), [3, 3, 0, 0]);
}

#[test]
fn a_remote_log_on_is_refused_where_no_client_access_license_is_left_for_the_station() {
    let mut site = office(3);
    site.change(vec![station("home", StationKind::ConfiguredRemote), assign(BASIC, &[of_station("home")])]);
    site.change(vec![assign(CLIENT, &[of_user("ann"), of_station("desk1"), of_station("desk2")])]);
    site.open(1, "ann", "laptop");
    assert!(matches!(site.log_on(1, "home"), Err(Refusal::Shortfall(_))));
}

#[test]
fn a_remote_log_on_that_is_repeated_when_its_client_access_license_is_gone_is_refused() {
    let mut site = office(3);
    site.change(vec![station("home", StationKind::ConfiguredRemote), assign(BASIC, &[of_station("home")])]);
    site.open(1, "ann", "laptop");
    site.log_on(1, "home").unwrap();
    let lines = contact_centre(3).into_iter().map(|line| match line.offer.feature == CLIENT {
        true => with(line, |offer| offer.count = Count::Counted(0)),
        false => line,
    });
    site.run(load("main", "a", lines.collect())).unwrap();
    assert!(matches!(site.log_on(1, "home"), Err(Refusal::NoClientAccess { .. })));
}

#[test]
fn a_dynamic_remote_station_takes_a_basic_station_license_and_needs_no_client_access() {
    let mut site = office(3);
    site.open(1, "ann", "laptop");
    let Ok(Reply::LoggedOn { station, .. }) = site.dial_in(1, "+41 44 555 00 00") else { panic!() };
    assert_eq!(&*station, "+41 44 555 00 00");
    assert_eq!((site.row(BASIC), site.row(CLIENT)), ([2, 3, 0, 0], [0, 0, 0, 0]));
    site.end(1);
    assert_eq!(site.row(BASIC), [2, 2, 0, 0]);
}

#[test]
fn each_dynamic_remote_connection_counts_toward_the_total_and_beyond_it_the_log_on_is_rejected_and_logged() {
    let mut site = office(3);
    site.open(1, "ann", "laptop");
    site.dial_in(1, "1").unwrap();
    site.open(2, "bob", "tablet");
    assert_eq!(site.dial_in(2, "2"), Err(Refusal::NoStationLeft { capacity: 3, in_use: 3 }));
    let refused = |event: &Event| matches!(event, Event::LogOnRefused { who, refusal: Refusal::NoStationLeft { .. }, .. } if who.user() == "bob");
    assert!(site.events.iter().any(refused));
    assert_eq!(site.standing(), ["GLMR_LICENSE_NO_LICENSE_AVAILABLE"]);
    site.change(vec![unlicense(BASIC, of_station("desk2"))]);
    site.dial_in(2, "2").unwrap();
}

#[test]
fn a_dynamic_remote_log_on_needs_the_right_user_defined_telephone_number_which_all_users_have_by_default() {
    let mut site = office(3);
    site.open(1, "ann", "laptop");
    site.change(vec![Change::SetOwnNumber { user: "ann".into(), is_granted: false }]);
    assert_eq!(site.dial_in(1, "1"), Err(Refusal::NoOwnNumber));
    site.change(vec![Change::SetOwnNumber { user: "ann".into(), is_granted: true }]);
    assert_eq!(site.dial_in(1, " "), Err(Refusal::NumberBlank));
    site.dial_in(1, "1").unwrap();
}

#[test]
fn moving_from_one_number_to_another_takes_one_basic_station_license() {
    let mut site = office(3);
    site.open(1, "ann", "laptop");
    site.dial_in(1, "1").unwrap();
    site.dial_in(1, "2").unwrap();
    assert_eq!(site.row(BASIC), [2, 3, 0, 0]);
}

// Faults.

#[test]
fn deleting_a_user_who_is_logged_on_ends_the_sessions_and_frees_station_and_seats() {
    let mut site = office(3);
    site.change(vec![concurrent(CLIENT, &["ann"])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.change(vec![Change::RemoveUser { user: "ann".into() }]);
    assert_eq!((site.site.session_count(), site.row(CLIENT)), (0, [0, 0, 0, 0]));
    assert_eq!(site.site.station_named("main", "desk1").unwrap().1.user(), None);
}

#[test]
fn a_station_that_is_renamed_while_in_use_stays_in_use_under_its_new_name() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_station("desk1")])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.change(vec![Change::RenameStation { station: "desk1".into(), name: "window".into() }]);
    assert!(site.may("ann", CLIENT));
    site.open(2, "bob", "x");
    let refused = Err(Refusal::StationInUse { station: "window".into(), by: "ann".into() });
    assert_eq!(site.log_on(2, "window"), refused);
    assert!(matches!(site.log_on(2, "desk1"), Err(Refusal::NoSuchName { .. })));
    let pool =
        site.site.pools_of(&grantor_site::pool::FeatureKey::new(&"main".into(), CLIENT)).next().unwrap();
    assert_eq!(site.site.holders(pool).next().unwrap().who.display(), "window");
}

#[test]
fn a_user_who_is_renamed_while_logged_on_stays_logged_on() {
    let mut site = office(3);
    site.change(vec![concurrent(CLIENT, &["ann"]), concurrent("Recorder", &["ann"])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.change(vec![Change::RenameUser { user: "ann".into(), name: "anna".into() }, user("ann")]);
    site.module(1, "Recorder").unwrap();
    assert!(site.may("anna", CLIENT) && !site.may("ann", CLIENT));
    site.end(1);
    assert!(!site.may("anna", CLIENT));
}

#[test]
fn a_station_that_is_deleted_while_in_use_logs_its_user_off() {
    let mut site = office(3);
    site.change(vec![assign(CLIENT, &[of_user("ann")])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.change(vec![Change::RemoveStation { station: "desk1".into() }]);
    assert_eq!((site.site.session_count(), site.site.presences().count()), (0, 0));
}

#[test]
fn a_session_whose_user_is_nobody_of_the_directory_cannot_log_on() {
    let mut site = office(3);
    site.open(1, "stranger", "pc");
    assert!(matches!(site.log_on(1, "desk1"), Err(Refusal::NoSuchName { .. })));
    assert_eq!(site.log_on(9, "desk1"), Err(Refusal::NoSuchSession));
    assert!(site.module(1, "Recorder").is_err());
}

#[test]
fn an_instance_that_comes_back_is_its_person_as_before() {
    let mut site = office(3);
    site.change(vec![concurrent("Recorder", &["ann"])]);
    let instance = |session: u128| {
        let open = OpenSession { ..open(session, "main", who("ann", "pc", "")) };
        Command::OpenInstance { open, instance: "one".into() }
    };
    site.run(instance(1)).unwrap();
    site.module(1, "Recorder").unwrap();
    site.run(instance(2)).unwrap();
    assert_eq!(in_use(&site, "Recorder"), 1);
    site.end(2);
    assert_eq!(in_use(&site, "Recorder"), 0);
}

#[test]
fn a_snapshot_keeps_who_is_logged_on_where() {
    let mut site = office(4);
    site.change(vec![concurrent(CLIENT, &["ann", "bob"])]);
    site.open(1, "ann", "desk1-pc");
    site.log_on(1, "desk1").unwrap();
    site.open(2, "bob", "laptop");
    site.dial_in(2, "1").unwrap();
    let read = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    assert_eq!(read.hash(), site.site.hash());
    site.site = read;
    site.open(3, "ann", "desk2-pc");
    site.log_on(3, "desk2").unwrap();
    site.end(2);
    site.end(3);
    assert_eq!((site.row(BASIC), site.row(CLIENT)), ([2, 2, 0, 0], [0, 0, 2, 0]));
}
