//! Consumption by role, one test for each sentence of seed 001, "Consuming a License" and what follows from it.

use crate::support::*;
use grantor_license::Model;
use grantor_site::command::{Command, EndReason};
use grantor_site::directory::Change;
use grantor_site::event::Event;
use grantor_site::{Refusal, Site};

fn realm(wfm: u32) -> Story {
    let lines = vec![sold("WFM", Model::Role, wfm), sold("QM", Model::Role, 2)];
    let roles = vec![role("WFM_AGENT", "WFM"), role("WFM_SCHEDULER", "wfm"), role("QM_AGENT", "QM")];
    let mut site = Story::directed(lines, roles);
    let manage = Change::DefineRole { role: "manage-licenses".into(), application: None };
    site.change(vec![manage, user("ann"), user("bob"), user("cid"), group("AGENTS")]);
    site
}

fn give(role: &str, user: &str) -> Change {
    Change::AssignRole { role: role.into(), user: user.into() }
}

fn give_group(role: &str, group: &str) -> Change {
    Change::AssignGroupRole { role: role.into(), group: group.into() }
}

fn enable(user: &str) -> Change {
    Change::EnableUser { user: user.into() }
}

fn disable(user: &str) -> Change {
    Change::DisableUser { user: user.into() }
}

#[test]
fn a_thousand_imported_thirty_in_a_group_and_two_direct_consume_32() {
    let mut site = Story::directed(
        vec![sold("WFM", Model::Role, 40)],
        vec![role("WFM_AGENT", "WFM"), role("WFM_SCHEDULER", "WFM"), group("AGENTS")],
    );
    site.change((0..1000).map(|n| user(&format!("user{n}"))).collect());
    assert_eq!(site.used("main", "WFM"), 0);
    let agents: Vec<String> = (0..30).map(|n| format!("user{n}")).collect();
    let agents: Vec<&str> = agents.iter().map(String::as_str).collect();
    site.change(vec![members("AGENTS", &agents), give_group("WFM_AGENT", "AGENTS")]);
    site.change(vec![give("WFM_SCHEDULER", "user500"), give("WFM_SCHEDULER", "user501")]);
    assert_eq!(site.used("main", "WFM"), 32);
    let read = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    assert_eq!(read.hash(), site.site.hash());
    assert_eq!(read.broken_invariants(), [""; 0]);
}

#[test]
fn a_user_who_is_enabled_and_has_at_least_one_application_role_consumes_one_license() {
    let mut site = realm(9);
    site.change(vec![give("WFM_AGENT", "ann"), give("manage-licenses", "bob")]);
    assert_eq!((site.used("main", "WFM"), site.may("ann", "WFM"), site.may("bob", "WFM")), (1, true, false));
    site.change(vec![disable("ann")]);
    assert_eq!((site.used("main", "WFM"), site.may("ann", "WFM")), (0, false));
    site.change(vec![enable("ann")]);
    assert_eq!(site.used("main", "WFM"), 1);
    site.change(vec![Change::WithdrawRole { role: "WFM_AGENT".into(), user: "ann".into() }]);
    assert_eq!(site.used("main", "WFM"), 0);
}

#[test]
fn one_user_can_consume_the_same_license_only_once_by_user_by_group_or_both() {
    let mut site = realm(9);
    site.change(vec![
        give("WFM_AGENT", "ann"),
        give("WFM_SCHEDULER", "ann"),
        members("AGENTS", &["ann", "bob"]),
    ]);
    site.change(vec![give_group("WFM_AGENT", "AGENTS")]);
    assert_eq!(site.used("main", "WFM"), 2);
    let withdraw = |role: &str| Change::WithdrawRole { role: role.into(), user: "ann".into() };
    site.change(vec![withdraw("WFM_AGENT"), withdraw("WFM_SCHEDULER")]);
    assert_eq!(site.used("main", "WFM"), 2);
    site.change(vec![Change::WithdrawGroupRole { role: "WFM_AGENT".into(), group: "AGENTS".into() }]);
    assert_eq!(site.used("main", "WFM"), 0);
}

#[test]
fn roles_of_two_applications_consume_one_license_of_each() {
    let mut site = realm(9);
    site.change(vec![give("WFM_AGENT", "ann"), give("QM_AGENT", "ann")]);
    assert_eq!((site.used("main", "WFM"), site.used("main", "QM")), (1, 1));
}

#[test]
fn the_default_users_do_not_consume_any_license() {
    let mut site = realm(1);
    let default =
        Change::AddUser { name: "eleveo.admin".into(), mail: None, is_enabled: true, is_default: true };
    site.change(vec![
        default,
        give("WFM_AGENT", "eleveo.admin"),
        members("AGENTS", &["eleveo.admin", "ann"]),
    ]);
    site.change(vec![give_group("WFM_SCHEDULER", "AGENTS")]);
    assert_eq!(site.used("main", "WFM"), 1);
}

#[test]
fn a_role_of_a_group_takes_one_license_for_each_member_or_fails_as_a_whole_with_the_shortfall_named() {
    let mut site = realm(4);
    site.change((0..6).map(|n| user(&format!("u{n}"))).collect());
    site.change(vec![
        members("AGENTS", &["u0", "u1", "u2", "u3", "u4", "u5"]),
        give("WFM_AGENT", "u0"),
        disable("u5"),
    ]);
    // Six members: one consumes already, one is disabled; four more are needed and three are free.
    let Refusal::Shortfall(short) = site.refuses(give_group("WFM_AGENT", "AGENTS")) else { panic!() };
    assert_eq!((short.needed, short.free, short.short()), (4, 3, 1));
    assert_eq!(site.used("main", "WFM"), 1);
    site.change(vec![disable("u4"), give_group("WFM_AGENT", "AGENTS")]);
    assert_eq!(site.used("main", "WFM"), 4);
}

#[test]
fn members_who_come_into_a_group_with_roles_consume_all_of_them_or_none_comes() {
    let mut site = realm(2);
    site.change(vec![give_group("WFM_AGENT", "AGENTS")]);
    assert_eq!(site.short(members("AGENTS", &["ann", "bob", "cid"])), 1);
    site.change(vec![members("AGENTS", &["ann", "bob"])]);
    assert_eq!(site.used("main", "WFM"), 2);
}

#[test]
fn beyond_capacity_a_user_cannot_be_enabled_and_an_event_names_realm_application_and_attempt() {
    let mut site = realm(1);
    site.change(vec![give("WFM_AGENT", "ann"), disable("bob"), give("WFM_AGENT", "bob")]);
    assert_eq!(site.short(enable("bob")), 1);
    let limit = site.events.iter().find_map(|event| match event {
        Event::LimitReached { tenant, feature, needed, free, attempt, by } => {
            Some((&**tenant, &**feature, *needed, *free, (**attempt).clone(), by.as_str()))
        }
        _ => None,
    });
    assert_eq!(limit, Some(("main", "WFM", 1, 0, enable("bob"), "admin")));
    site.change(vec![disable("ann"), enable("bob")]);
    assert_eq!(site.used("main", "WFM"), 1);
}

#[test]
fn imported_users_consume_first_come_first_served() {
    let mut site = realm(1);
    site.change(vec![give("WFM_AGENT", "cid")]);
    assert_eq!(site.short(give("WFM_AGENT", "ann")), 1);
}

#[test]
fn when_a_license_expires_access_is_blocked_and_user_management_stays_open() {
    let mut wfm = sold("WFM", Model::Role, 5);
    wfm.ends = Some(at(50));
    let lines = vec![wfm, sold("QM", Model::Role, 5)];
    let roles = vec![role("WFM_AGENT", "WFM"), role("QM_AGENT", "QM"), user("ann"), user("bob")];
    let mut site = Story::directed(lines, roles);
    site.change(vec![give("WFM_AGENT", "ann"), give("QM_AGENT", "ann")]);
    site.go_to(50);
    assert_eq!(site.site.may_use(&"main".into(), "ann", "WFM"), Err(Refusal::Expired { at: at(50) }));
    assert!(site.may("ann", "QM"));
    assert_eq!(site.refuses(give("WFM_AGENT", "bob")), Refusal::Expired { at: at(50) });
    site.change(vec![user("new"), disable("ann"), give("QM_AGENT", "bob"), give("WFM_AGENT", "ann")]);
    site.run(load("main", "b", vec![sold("WFM", Model::Role, 5)])).unwrap();
    site.change(vec![enable("ann"), give("WFM_AGENT", "bob")]);
    assert!(site.may("ann", "WFM") && site.may("bob", "WFM"));
}

#[test]
fn without_a_license_a_role_of_the_application_cannot_be_used() {
    let mut site = Story::directed(Vec::new(), vec![user("ann"), role("WFM_AGENT", "WFM")]);
    assert!(matches!(site.refuses(give("WFM_AGENT", "ann")), Refusal::UnknownFeature { .. }));
    assert!(!site.may("ann", "WFM"));
}

#[test]
fn every_realm_has_a_license_of_its_own() {
    let mut site = realm(1);
    site.run(load("other", "a", vec![sold("WFM", Model::Role, 1)])).unwrap();
    let changes = vec![user("ann"), role("WFM_AGENT", "WFM"), give("WFM_AGENT", "ann")];
    site.run(Command::Direct { tenant: "other".into(), changes: changes.into(), by: "x".into() }).unwrap();
    assert_eq!((site.used("main", "WFM"), site.used("other", "WFM")), (0, 1));
    site.change(vec![give("WFM_AGENT", "bob")]);
    assert_eq!((site.used("main", "WFM"), site.used("other", "WFM")), (1, 1));
}

#[test]
fn a_group_that_is_emptied_or_deleted_gives_back_what_its_members_consumed_by_it() {
    let mut site = realm(9);
    site.change(vec![
        members("AGENTS", &["ann", "bob", "cid"]),
        give_group("WFM_AGENT", "AGENTS"),
        give("WFM_AGENT", "cid"),
    ]);
    assert_eq!(site.used("main", "WFM"), 3);
    site.change(vec![Change::EmptyGroup { group: "agents".into() }]);
    assert_eq!(site.used("main", "WFM"), 1);
    site.change(vec![members("AGENTS", &["ann", "bob"])]);
    site.change(vec![Change::RemoveMembers { group: "AGENTS".into(), users: vec!["ann".into()] }]);
    assert_eq!(site.used("main", "WFM"), 2);
    site.change(vec![Change::RemoveGroup { group: "AGENTS".into() }]);
    assert_eq!(site.used("main", "WFM"), 1);
    site.change(vec![group("AGENTS"), members("AGENTS", &["ann"])]);
    assert_eq!(site.used("main", "WFM"), 1);
}

#[test]
fn a_role_that_is_deleted_or_given_to_another_application_is_settled_for_everybody() {
    let mut site = realm(9);
    site.change(vec![members("AGENTS", &["ann", "bob", "cid"]), give_group("WFM_AGENT", "AGENTS")]);
    assert_eq!(site.short(role("WFM_AGENT", "QM")), 1);
    site.change(vec![disable("cid"), role("WFM_AGENT", "QM")]);
    assert_eq!((site.used("main", "WFM"), site.used("main", "QM")), (0, 2));
    site.change(vec![Change::RemoveRole { role: "wfm_agent".into() }]);
    assert_eq!(site.used("main", "QM"), 0);
}

#[test]
fn a_capacity_that_shrank_keeps_who_consumes_and_lets_nobody_in() {
    let mut site = realm(3);
    site.change(vec![give("WFM_AGENT", "ann"), give("WFM_AGENT", "bob")]);
    site.run(load("main", "a", vec![sold("WFM", Model::Role, 1), sold("QM", Model::Role, 2)])).unwrap();
    assert!(site.may("ann", "WFM") && site.may("bob", "WFM"));
    assert_eq!(site.short(give("WFM_AGENT", "cid")), 1);
    assert_eq!(site.standing(), ["GLMR_FEATURE_USAGE_LEVEL_EXCEEDED", "GLMR_LICENSE_NO_LICENSE_AVAILABLE"]);
}

#[test]
fn a_user_who_is_disabled_or_deleted_while_present_loses_sessions_and_seats() {
    let mut site = realm(9);
    site.change(vec![give("WFM_AGENT", "ann"), give("WFM_AGENT", "bob")]);
    site.open(1, "ann", "pc1");
    site.open(2, "bob", "pc2");
    site.module(1, "WFM").unwrap();
    site.module(2, "WFM").unwrap();
    site.change(vec![disable("ann"), Change::RemoveUser { user: "bob".into() }]);
    assert_eq!((site.site.session_count(), site.used("main", "WFM")), (0, 0));
    let ended = |event: &&Event| matches!(event, Event::SessionEnded { why: EndReason::Removed { .. }, .. });
    assert_eq!(site.events.iter().filter(ended).count(), 2);
    site.open(3, "ann", "pc1");
    assert_eq!(site.module(3, "WFM"), Err(Refusal::UserDisabled { user: "ann".into() }));
}
