//! Who may use what by allocation, one test for each sentence of seed 002, "License Allocation Methods" to "User
//! Licensing".

use crate::support::*;
use grantor_license::Model;
use grantor_site::directory::{AccessKind, Change, HolderName, Method, StationKind, Tier, Warning};
use grantor_site::event::Event;
use grantor_site::pool::FeatureKey;
use grantor_site::settings::{Settings, Shrink};
use grantor_site::{Command, Refusal, Site};

fn office(seats: u32) -> Story {
    Story::directed(
        contact_centre(seats),
        vec![
            user("ann"),
            user("bob"),
            user("cid"),
            workstation("desk1"),
            workstation("desk2"),
            workstation("desk3"),
        ],
    )
}

// Assignable.

#[test]
fn the_user_immediately_acquires_the_license_independent_of_whether_the_user_is_logged_on() {
    let mut site = office(2);
    site.change(vec![assign(CLIENT, &[of_user("ann")])]);
    assert_eq!(site.row(CLIENT), [1, 1, 0, 0]);
    assert!(site.may("Ann", CLIENT) && !site.may("bob", CLIENT));
    assert!(
        site.events
            .iter()
            .any(|event| matches!(event, Event::CheckedOut(grant) if grant.who.user() == "ann"))
    );
}

#[test]
fn removing_the_license_from_the_user_or_deleting_the_user_releases_it() {
    let mut site = office(2);
    site.change(vec![assign(CLIENT, &[of_user("ann"), of_user("bob")])]);
    assert_eq!(site.short(assign(CLIENT, &[of_user("cid")])), 1);
    site.change(vec![unlicense(CLIENT, of_user("ann"))]);
    assert_eq!(site.row(CLIENT), [1, 1, 0, 0]);
    site.change(vec![Change::RemoveUser { user: "bob".into() }]);
    assert_eq!(site.row(CLIENT), [0, 0, 0, 0]);
}

#[test]
fn the_station_immediately_acquires_the_license_and_removing_or_deleting_releases_it() {
    let mut site = office(2);
    site.change(vec![assign(CLIENT, &[of_station("desk1"), of_station("desk2")])]);
    assert_eq!(site.row(CLIENT), [2, 2, 0, 0]);
    site.change(vec![
        unlicense(CLIENT, of_station("desk1")),
        Change::RemoveStation { station: "desk2".into() },
    ]);
    assert_eq!(site.row(CLIENT), [0, 0, 0, 0]);
}

#[test]
fn allocating_what_is_allocated_already_takes_nothing() {
    let mut site = office(1);
    site.change(vec![assign(CLIENT, &[of_user("ann")]), assign(CLIENT, &[of_user("ann"), of_user("ANN")])]);
    assert_eq!(site.row(CLIENT), [1, 1, 0, 0]);
}

#[test]
fn you_can_only_configure_licenses_for_stations_as_assignable() {
    let mut site = office(2);
    let to = vec![of_station("desk1")];
    let change = Change::License { feature: CLIENT.into(), method: Method::Concurrent, to };
    assert_eq!(site.refuses(change), Refusal::StationsAreAssignable);
}

#[test]
fn you_can_only_allocate_the_basic_station_license_to_stations_and_not_as_concurrent() {
    let mut site = office(2);
    let feature = "i3_license_basic_station".into();
    assert_eq!(site.refuses(assign(BASIC, &[of_user("ann")])), Refusal::NotForUsers { feature });
    assert!(matches!(
        site.refuses(concurrent(BASIC, &["ann"])),
        Refusal::NotOffered { model: Model::Concurrent, .. }
    ));
    site.change(vec![assign(BASIC, &[of_station("desk1")])]);
    assert_eq!(site.row(BASIC), [1, 1, 0, 0]);
}

#[test]
fn all_licenses_for_a_specific_user_are_either_assigned_or_concurrent() {
    let mut site = office(2);
    site.change(vec![assign("Recorder", &[of_user("ann")])]);
    let refused = site.refuses(concurrent("Supervisor", &["ann"]));
    assert_eq!(refused, Refusal::OneMethod { has: Method::Assignable });
    site.change(vec![Change::SetMethod { user: "ann".into(), method: Method::Concurrent }]);
    assert_eq!(site.row("Recorder"), [0, 0, 1, 0]);
    site.change(vec![concurrent("Supervisor", &["ann"])]);
    let refused = site.refuses(assign("Optimizer", &[of_user("ann")]));
    assert_eq!(refused, Refusal::OneMethod { has: Method::Concurrent });
    site.change(vec![Change::SetMethod { user: "ann".into(), method: Method::Assignable }]);
    assert_eq!((site.row("Recorder"), site.row("Supervisor")), ([1, 1, 0, 0], [1, 1, 0, 0]));
}

#[test]
fn a_user_without_licenses_may_be_given_either_method() {
    let mut site = office(2);
    site.change(vec![concurrent("Recorder", &["ann"]), unlicense("Recorder", of_user("ann"))]);
    site.change(vec![assign("Recorder", &[of_user("ann")])]);
    assert_eq!(site.row("Recorder"), [1, 1, 0, 0]);
}

#[test]
fn switching_the_method_fails_as_a_whole_where_a_seat_is_missing() {
    let mut site = office(1);
    site.change(vec![
        assign("Recorder", &[of_user("bob")]),
        concurrent("Recorder", &["ann"]),
        concurrent("Optimizer", &["ann"]),
    ]);
    assert_eq!(site.short(Change::SetMethod { user: "ann".into(), method: Method::Assignable }), 1);
    assert_eq!(site.row("Optimizer"), [0, 0, 1, 0]);
}

// The container and its dialog.

#[test]
fn users_workgroups_and_stations_are_added_within_the_threshold_or_none_of_them() {
    let mut site = office(3);
    site.change(vec![group("crew"), members("crew", &["ann", "bob", "cid"])]);
    site.change(vec![assign(CLIENT, &[of_station("desk1")])]);
    let crew = HolderName::Members("crew".into());
    assert_eq!(site.short(assign(CLIENT, std::slice::from_ref(&crew))), 1);
    assert_eq!(site.short(assign(CLIENT, &[crew.clone(), of_station("desk2"), of_station("desk1")])), 2);
    site.change(vec![unlicense(CLIENT, of_station("desk1")), assign(CLIENT, std::slice::from_ref(&crew))]);
    assert_eq!(site.row(CLIENT), [3, 3, 0, 0]);
    site.change(vec![Change::Unlicense { feature: CLIENT.into(), from: vec![crew] }]);
    assert_eq!(site.row(CLIENT), [0, 0, 0, 0]);
}

#[test]
fn a_batch_that_is_refused_names_the_change_and_changes_nothing() {
    let mut site = office(1);
    let before = site.site.hash();
    let batch = vec![user("new"), assign(CLIENT, &[of_user("new")]), assign(CLIENT, &[of_user("nobody")])];
    let refused = site.run(direct(batch));
    let Err(Refusal::InBatch { number: 2, why }) = refused else { panic!("{refused:?}") };
    assert!(matches!(*why, Refusal::NoSuchName { .. }));
    assert_eq!(site.site.hash(), before);
}

#[test]
fn only_purchased_licenses_are_offered() {
    let lines = vec![
        sold(BASIC, Model::Assignable, 2),
        sold("Recorder", Model::Assignable, 1),
        sold("EASYSRIPTER_EDITOR", Model::Concurrent, 1),
        sold("I3_ACCESS_ANALYTICS_CORE", Model::Assignable, 1),
        line("floating", "4.0", 1),
    ];
    let mut site = Story::directed(lines, vec![user("ann")]);
    let offered = |is_station, method| site.site.offered("main", is_station, method).join(" ");
    assert_eq!(offered(false, Method::Assignable), "I3_ACCESS_ANALYTICS_CORE Recorder");
    assert_eq!(offered(false, Method::Concurrent), "EASYSRIPTER_EDITOR");
    assert_eq!(offered(true, Method::Assignable), "I3_LICENSE_BASIC_STATION Recorder");
    assert_eq!(offered(true, Method::Concurrent), "");
    assert!(
        matches!(site.refuses(concurrent("Recorder", &["ann"])), Refusal::NotOffered { offered, .. } if offered == [Model::Assignable])
    );
    assert!(
        matches!(site.refuses(assign("Recordr", &[of_user("ann")])), Refusal::UnknownFeature { nearest, .. } if *nearest[0] == *"Recorder")
    );
}

#[test]
fn the_table_has_seven_columns_and_a_note_where_the_count_exceeds_the_licenses() {
    let lines = |assignable, concurrent| {
        vec![sold("Recorder", Model::Assignable, assignable), sold("Recorder", Model::Concurrent, concurrent)]
    };
    let mut site = Story::directed(lines(3, 1), vec![user("ann"), user("bob"), user("cid")]);
    site.change(vec![assign("Recorder", &[of_user("ann")]), concurrent("Recorder", &["bob", "cid"])]);
    site.open(1, "bob", "pc");
    site.module(1, "Recorder").unwrap();
    let row = site.site.allocation("main").remove(0);
    assert_eq!((&*row.feature, row.kind), ("Recorder", AccessKind::AddOn));
    assert_eq!((row.assignable_allowed, row.assignable_configured), (Some(3), 1));
    assert_eq!((row.concurrent_allowed, row.concurrent_configured, row.concurrent_in_use), (Some(1), 2, 1));
    assert_eq!(row.exceeded_by, 0);
}

#[test]
fn a_seat_that_is_allocated_is_not_there_for_a_remote_log_on_and_the_other_way_round() {
    let mut site = office(2);
    site.change(vec![assign(BASIC, &[of_station("desk1")])]);
    site.open(1, "ann", "laptop");
    site.dial_in(1, "555-1").unwrap();
    assert_eq!(site.row(BASIC), [1, 2, 0, 0]);
    assert_eq!(site.short(assign(BASIC, &[of_station("desk2")])), 1);
    site.end(1);
    site.change(vec![assign(BASIC, &[of_station("desk2")])]);
    site.open(1, "ann", "laptop");
    assert_eq!(site.dial_in(1, "555-1"), Err(Refusal::NoStationLeft { capacity: 2, in_use: 2 }));
}

#[test]
fn a_checkout_does_not_take_what_is_allocated() {
    let mut site = office(2);
    site.open(1, "ann", "pc");
    let ask = ask(1, CLIENT, grantor_site::command::Amount::exactly(1));
    assert!(matches!(site.ask(ask), Err(Refusal::NotForCheckout { .. })));
}

// Enable Licenses.

#[test]
fn clearing_enable_licenses_turns_licensing_off_but_keeps_the_license_settings() {
    let mut site = office(1);
    site.change(vec![assign(CLIENT, &[of_user("ann")]), assign("Recorder", &[of_user("ann")])]);
    let enable = |is_enabled| Change::EnableLicenses { of: of_user("ann"), is_enabled };
    site.change(vec![enable(false)]);
    assert_eq!((site.row(CLIENT), site.may("ann", CLIENT)), ([0, 0, 0, 0], false));
    let (_, ann) = site.site.user_named("main", "ann").unwrap();
    assert_eq!(ann.licensing.features().count(), 2);
    site.change(vec![assign(CLIENT, &[of_user("bob")])]);
    assert_eq!(site.short(enable(true)), 1);
    assert_eq!(site.row("Recorder"), [0, 0, 0, 0]);
    site.change(vec![unlicense(CLIENT, of_user("bob")), enable(true)]);
    assert_eq!((site.row(CLIENT), site.row("Recorder")), ([1, 1, 0, 0], [1, 1, 0, 0]));
}

#[test]
fn settings_may_be_changed_while_licenses_are_off_and_take_nothing() {
    let mut site = office(1);
    site.change(vec![Change::EnableLicenses { of: of_station("desk1"), is_enabled: false }]);
    site.change(vec![assign(CLIENT, &[of_station("desk1")]), assign(CLIENT, &[of_user("ann")])]);
    assert_eq!(site.row(CLIENT), [1, 1, 0, 0]);
    assert_eq!(site.short(Change::EnableLicenses { of: of_station("desk1"), is_enabled: true }), 1);
}

// Stations.

#[test]
fn saving_an_enabled_station_without_the_basic_station_license_says_that_it_is_needed() {
    let mut site = Story::directed(contact_centre(9), Vec::new());
    let needs = |name: &str| vec![Warning::NeedsBasicStation { station: name.into() }];
    assert_eq!(site.change(vec![workstation("desk1")]), needs("desk1"));
    assert_eq!(site.change(vec![workstation("desk2"), assign(BASIC, &[of_station("desk2")])]), []);
    assert_eq!(site.change(vec![unlicense(BASIC, of_station("desk2"))]), needs("desk2"));
    let save = |is_enabled| Change::SetStation {
        station: "desk1".into(),
        machine: "desk1-pc".into(),
        kind: StationKind::SipWorkstation,
        is_enabled,
    };
    assert_eq!(site.change(vec![save(false)]), []);
    assert_eq!(site.change(vec![save(true)]), needs("desk1"));
    assert_eq!(site.change(vec![station("home", StationKind::ConfiguredRemote)]), needs("home"));
}

#[test]
fn you_can_use_a_non_audio_station_for_non_audio_interactions() {
    let mut site = Story::directed(contact_centre(1), Vec::new());
    assert_eq!(site.change(vec![station("fax", StationKind::StandAloneFax)]), []);
    site.change(vec![assign(BASIC, &[of_station("fax")])]);
}

#[test]
fn basic_station_goes_to_workstations_managed_ones_fax_phone_and_remote_stations() {
    use StationKind::{
        ConfiguredRemote, ManagedWorkstation, SipWorkstation, StandAloneFax, StandAlonePhone, Workstation,
    };
    let kinds =
        [Workstation, ManagedWorkstation, StandAloneFax, StandAlonePhone, ConfiguredRemote, SipWorkstation];
    let mut site = Story::directed(contact_centre(6), Vec::new());
    for (number, kind) in kinds.into_iter().enumerate() {
        let name = format!("s{number}");
        assert_eq!(site.change(vec![station(&name, kind), assign(BASIC, &[of_station(&name)])]), []);
    }
    assert_eq!(site.row(BASIC), [6, 6, 0, 0]);
}

#[test]
fn the_machine_name_cannot_be_a_duplicate_and_it_cannot_be_blank() {
    use grantor_site::directory::Named;
    let mut site = office(1);
    let add = |machine: &str| Change::AddStation {
        name: "desk9".into(),
        machine: machine.into(),
        kind: StationKind::Workstation,
        is_enabled: true,
    };
    assert_eq!(site.refuses(add("  ")), Refusal::NameBlank { what: Named::Machine });
    let taken = Refusal::NameInUse { what: Named::Machine, name: " DESK1-PC".into() };
    assert_eq!(site.refuses(add(" DESK1-PC")), taken);
    let move_to = |station: &str, machine: &str| Change::SetStation {
        station: station.into(),
        machine: machine.into(),
        kind: StationKind::Workstation,
        is_enabled: true,
    };
    assert!(matches!(site.refuses(move_to("desk2", "desk1-pc")), Refusal::NameInUse { .. }));
    site.change(vec![move_to("desk1", "elsewhere"), move_to("desk2", "desk1-pc")]);
    site.change(vec![Change::RemoveStation { station: "desk1".into() }, add("elsewhere")]);
}

#[test]
fn names_are_unique_in_a_tenant_and_are_not_blank() {
    use grantor_site::directory::Named;
    let mut site = office(1);
    assert_eq!(site.refuses(user("ANN ")), Refusal::NameInUse { what: Named::User, name: "ANN ".into() });
    assert_eq!(site.refuses(group("")), Refusal::NameBlank { what: Named::Group });
    let rename = Change::RenameUser { user: "ann".into(), name: "bob".into() };
    assert_eq!(site.refuses(rename), Refusal::NameInUse { what: Named::User, name: "bob".into() });
    site.change(vec![Change::RenameUser { user: "ann".into(), name: "Ann".into() }]);
    assert_eq!(&*site.site.user_named("main", "ann").unwrap().1.name, "Ann");
    let other = Command::Direct { tenant: "other".into(), changes: vec![user("ann")].into(), by: "x".into() };
    site.run(other).unwrap();
    assert_eq!(site.site.users().count(), 4);
}

#[test]
fn people_are_found_by_a_part_of_their_names_a_page_at_a_time() {
    let mut site = Story::directed(Vec::new(), (0..30).map(|n| user(&format!("User {n:02}"))).collect());
    site.change(vec![user("zoe"), workstation("desk1")]);
    let names = |text: &str, after: &str, limit: usize| -> Vec<String> {
        let found = site.site.find_users("main", text, after, limit);
        found.into_iter().map(|id| site.site.user(id).unwrap().name.to_string()).collect()
    };
    assert_eq!(names("user", "", 2), ["User 00", "User 01"]);
    assert_eq!(names("USER", "user 01", 2), ["User 02", "User 03"]);
    assert_eq!(names("", "User 28", 9), ["User 29", "zoe"]);
    assert_eq!(names("7", "", 9), ["User 07", "User 17", "User 27"]);
    assert_eq!(names("", "", 0), [""; 0]);
    assert_eq!(site.site.find_stations("main", "ESK", "", 9).len(), 1);
}

// Kinds.

#[test]
fn the_process_monitor_and_designer_are_user_licenses_only_and_so_is_analytics() {
    let mut site = office(1);
    for feature in ["I3_ACCESS_IPA_MONITOR", "I3_ACCESS_IPA_DESIGNER", "I3_ACCESS_ANALYTICS_CORE"] {
        let refused = site.refuses(assign(feature, &[of_station("desk1")]));
        assert_eq!(refused, Refusal::NotForStations { feature: feature.to_lowercase().into() });
        site.change(vec![assign(feature, &[of_user("ann")]), unlicense(feature, of_user("ann"))]);
    }
    site.change(vec![assign("I3_ACCESS_IPA_USER", &[of_station("desk1")])]);
}

#[test]
fn the_acd_social_media_license_goes_to_users_and_stations_beside_any_media_level() {
    let mut site = office(1);
    let social = "I3_ACCESS_ACD_SOCIAL_MEDIA";
    site.change(vec![assign(social, &[of_station("desk1")]), assign(ACD_3, &[of_user("ann")])]);
    site.change(vec![unlicense(social, of_station("desk1")), assign(social, &[of_user("ann")])]);
}

#[test]
fn one_media_level_one_process_automation_type_and_one_analytics_tier_are_selected() {
    let mut site = office(2);
    let pairs = [
        (ACD_1, ACD_3),
        ("I3_ACCESS_IPA_USER", "I3_ACCESS_IPA_MONITOR"),
        ("I3_ACCESS_ANALYTICS_CORE", "I3_ACCESS_ANALYTICS_ENTERPRISE"),
    ];
    for (one, other) in pairs {
        site.change(vec![assign(one, &[of_user("ann")])]);
        let refused = site.refuses(assign(other, &[of_user("ann")]));
        assert!(matches!(refused, Refusal::Excluded { has, .. } if *has == one.to_lowercase()));
        site.change(vec![unlicense(one, of_user("ann")), assign(other, &[of_user("ann")])]);
    }
    let (ann, _) = site.site.user_named("main", "ann").unwrap();
    assert_eq!(site.site.tier_of(ann), Some(Tier::Enterprise));
}

// Faults.

#[test]
fn capacity_that_shrank_below_what_is_configured_is_kept_with_nothing_new_and_a_list_of_whom_it_concerns() {
    let mut site = office(3);
    site.run(Command::Configure(Settings { shrink: Shrink::RevokeNewest, ..Settings::default() })).unwrap();
    for name in ["ann", "bob", "cid"] {
        site.change(vec![assign(CLIENT, &[of_user(name)])]);
    }
    site.run(load("main", "a", contact_centre(1))).unwrap();
    assert_eq!(site.row(CLIENT), [3, 3, 0, 0]);
    assert_eq!(site.standing(), ["GLMR_FEATURE_USAGE_LEVEL_EXCEEDED"]);
    let key = FeatureKey::new(&"main".into(), CLIENT);
    let concerned = |site: &Site| -> Vec<String> {
        site.beyond_capacity(&key).iter().map(|held| held.who.user().to_owned()).collect()
    };
    assert_eq!(concerned(&site.site), ["bob", "cid"]);
    assert_eq!(site.short(assign(CLIENT, &[of_station("desk1")])), 1);
    site.change(vec![unlicense(CLIENT, of_user("ann"))]);
    assert_eq!(concerned(&site.site), ["cid"]);
    site.change(vec![unlicense(CLIENT, of_user("cid"))]);
    assert_eq!(site.standing(), [""; 0]);
}

#[test]
fn a_license_that_ran_out_blocks_its_use_and_a_renewed_one_gives_it_back_to_its_holders() {
    let mut lines = contact_centre(2);
    lines.iter_mut().for_each(|line| line.ends = Some(at(100)));
    let mut site = Story::directed(lines, vec![user("ann"), workstation("desk1")]);
    site.change(vec![assign(CLIENT, &[of_user("ann")]), assign(BASIC, &[of_station("desk1")])]);
    site.go_to(100);
    assert_eq!(site.site.may_use(&"main".into(), "ann", CLIENT), Err(Refusal::Expired { at: at(100) }));
    site.open(1, "ann", "desk1-pc");
    assert!(matches!(site.log_on(1, "desk1"), Err(Refusal::NoBasicStation { .. })));
    let renewed =
        contact_centre(2).into_iter().map(|line| with(line, |offer| offer.version = version("15.1")));
    site.run(load("main", "a", renewed.collect())).unwrap();
    assert!(site.may("ann", CLIENT));
    site.log_on(1, "desk1").unwrap();
    assert_eq!(site.standing(), [""; 0]);
}

#[test]
fn an_administrator_takes_an_allocated_seat_only_from_its_holder() {
    let mut site = office(1);
    site.change(vec![assign(CLIENT, &[of_user("ann")])]);
    let key = FeatureKey::new(&"main".into(), CLIENT);
    let pool = site.site.pools_of(&key).next().unwrap();
    let grant = site.site.holders(pool).next().unwrap().grant;
    let remove = Command::RemoveGrant { grant, by: "x".into(), reason: String::new() };
    assert_eq!(site.run(remove), Err(Refusal::Allocated));
}

#[test]
fn who_holds_the_seats_is_named_by_a_shortfall() {
    let lines = vec![sold(CLIENT, Model::Assignable, 1)];
    let mut site = Story::directed(lines, vec![user("ann"), user("bob"), workstation("desk1")]);
    site.change(vec![assign(CLIENT, &[of_station("desk1")])]);
    let Refusal::Shortfall(short) = site.refuses(assign(CLIENT, &[of_user("ann"), of_user("bob")])) else {
        panic!()
    };
    assert_eq!((short.needed, short.free, short.capacity, short.in_use), (2, 0, 1, 1));
    assert_eq!((short.holders[0].who.host(), short.holders[0].who.display()), ("desk1-pc", "desk1"));
    assert!(site.standing().contains(&"GLMR_LICENSE_NO_LICENSE_AVAILABLE"));
    site.change(vec![unlicense(CLIENT, of_station("desk1"))]);
    assert_eq!(site.standing(), [""; 0]);
}
