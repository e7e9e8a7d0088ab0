//! What identity providers say of users and groups: kept, found by id, and compared before a change of what was looked at.

use crate::support::*;
use grantor_license::Model;
use grantor_site::directory::{Change, Named};
use grantor_site::{Refusal, Site};

fn office() -> Story {
    let mut site = Story::directed(vec![sold("WFM", Model::Role, 1)], vec![role("agent", "WFM")]);
    site.change(vec![user("ann"), user("bob"), group("crew"), group("band"), members("crew", &["ann"])]);
    site
}

fn refused(site: &mut Story, changes: Vec<Change>) -> Refusal {
    site.run(direct(changes)).expect_err("the changes were not refused")
}

fn known(user: &str, id: &str) -> Change {
    Change::SetExternalId { user: user.into(), id: Some(id.into()) }
}

fn known_group(group: &str, id: &str) -> Change {
    Change::SetGroupExternalId { group: group.into(), id: Some(id.into()) }
}

fn called(user: &str, display: &str) -> Change {
    Change::SetPersonNames { user: user.into(), display: Some(display.into()), given: None, family: None }
}

fn expect(site: &Site, user: &str) -> Change {
    let (number, _) = site.user_named("main", user).unwrap();
    Change::ExpectUser { user: user.into(), number, version: site.user_version(number) }
}

fn expect_group(site: &Site, group: &str, is_versioned: bool) -> Change {
    let (number, _) = site.group_named("main", group).unwrap();
    let version = site.group_version(number).filter(|_| is_versioned);
    Change::ExpectGroup { group: group.into(), number, version }
}

#[test]
fn a_user_is_found_by_the_identity_providers_id_also_under_another_name_and_after_a_snapshot() {
    let mut site = office();
    site.change(vec![known("ann", "ID-1"), called("ann", "Ann Lee"), known_group("crew", "ID-1")]);
    let (ann, _) = site.site.user_named("main", "ann").unwrap();
    site.change(vec![Change::RenameUser { user: "ann".into(), name: "ann.lee".into() }]);
    let read = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    assert_eq!((read.hash(), read.broken_invariants()), (site.site.hash(), Vec::new()));
    for site in [&site.site, &read] {
        assert_eq!(site.user_of_external_id("main", "ID-1"), Some(ann));
        assert_eq!(site.user(ann).unwrap().name.as_ref(), "ann.lee");
        assert_eq!(site.profile(ann).display_name.as_deref(), Some("Ann Lee"));
        // An id is compared with case, and is its tenant's alone.
        assert_eq!(site.user_of_external_id("main", "id-1"), None);
        assert_eq!(site.user_of_external_id("other", "ID-1"), None);
        let crew = site.group_of_external_id("main", "ID-1").unwrap();
        assert_eq!(site.group(crew).unwrap().name.as_ref(), "crew");
    }
}

#[test]
fn an_id_is_one_users_only_until_it_is_taken_away_or_the_user_is_deleted() {
    let mut site = office();
    site.change(vec![known("ann", "7"), known_group("crew", "7")]);
    let taken = Refusal::ExternalIdInUse { what: Named::User, id: "7".into(), by: "ann".into() };
    assert_eq!(refused(&mut site, vec![known("bob", "7")]), taken);
    let taken = Refusal::ExternalIdInUse { what: Named::Group, id: "7".into(), by: "crew".into() };
    assert_eq!(refused(&mut site, vec![known_group("band", "7")]), taken);
    site.change(vec![known("ann", "8"), known("bob", "7")]);
    site.change(vec![
        Change::RemoveUser { user: "bob".into() },
        Change::RemoveGroup { group: "crew".into() },
    ]);
    site.change(vec![known("ann", "7"), known_group("band", "7")]);
    site.change(vec![Change::SetExternalId { user: "ann".into(), id: Some("  ".into()) }]);
    assert_eq!(site.site.user_of_external_id("main", "7"), None);
    assert_eq!(site.site.broken_invariants(), [""; 0]);
}

#[test]
fn a_change_of_what_was_looked_at_is_refused_when_it_is_another_by_now() {
    let mut site = office();
    let before = expect(&site.site, "ann");
    site.change(vec![before.clone(), called("ann", "Ann")]);
    let changed = Refusal::ChangedMeanwhile { what: Named::User, name: "ann".into() };
    let batch = vec![before, Change::DisableUser { user: "ann".into() }];
    let why = Refusal::InBatch { number: 0, why: Box::new(changed.clone()) };
    assert_eq!(refused(&mut site, batch), why);
    assert!(site.site.user_named("main", "ann").unwrap().1.is_enabled);
    // Whoever has the name now is somebody else.
    let (number, _) = site.site.user_named("main", "ann").unwrap();
    let rename = |user: &str, name: &str| Change::RenameUser { user: user.into(), name: name.into() };
    site.change(vec![rename("ann", "eve"), rename("bob", "ann")]);
    let looked_at = Change::ExpectUser { user: "ann".into(), number, version: None };
    assert_eq!(refused(&mut site, vec![looked_at]), changed);
}

#[test]
fn a_groups_version_is_another_with_each_name_id_and_member_and_only_then() {
    let mut site = office();
    let (crew, _) = site.site.group_named("main", "crew").unwrap();
    let mut seen = vec![site.site.group_version(crew)];
    let changes = [
        members("crew", &["bob"]),
        known_group("crew", "1"),
        Change::RenameGroup { group: "crew".into(), name: "team".into() },
        Change::EmptyGroup { group: "team".into() },
    ];
    for change in changes {
        site.change(vec![change]);
        let now = site.site.group_version(crew);
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    let (old, any) = (expect_group(&site.site, "team", true), expect_group(&site.site, "team", false));
    site.change(vec![user("eve"), role("r", "WFM")]);
    assert_eq!(site.site.group_version(crew), *seen.last().unwrap());
    site.change(vec![old.clone(), members("team", &["eve"])]);
    site.change(vec![any]);
    let changed = Refusal::ChangedMeanwhile { what: Named::Group, name: "team".into() };
    assert_eq!(refused(&mut site, vec![old]), changed);
}

#[test]
fn a_snapshot_is_of_the_fifth_format_only_where_somebody_has_a_profile() {
    let mut site = office();
    assert_eq!(site.site.to_snapshot()[8], 4);
    site.change(vec![known("ann", "1")]);
    assert_eq!(site.site.to_snapshot()[8], 5);
    site.change(vec![Change::SetExternalId { user: "ann".into(), id: None }]);
    assert_eq!(site.site.to_snapshot()[8], 4);
}

#[test]
fn who_leaves_a_group_gives_back_what_those_who_come_need_in_one_change() {
    let mut site = office();
    site.change(vec![Change::AssignGroupRole { role: "agent".into(), group: "crew".into() }]);
    let of = |site: &Story, name: &str| site.site.user_named("main", name).unwrap().0;
    let (ann, bob) = (of(&site, "ann"), of(&site, "bob"));
    let both = |add, remove| vec![Change::ChangeMembers { group: "crew".into(), add, remove }];
    let Refusal::Shortfall(short) = refused(&mut site, both(vec![bob], Vec::new())) else {
        panic!("no shortfall")
    };
    assert_eq!((short.feature.as_ref(), short.needed, short.free), ("WFM", 1, 0));
    // By number: a name that changed meanwhile makes no difference.
    site.change(vec![Change::RenameUser { user: "bob".into(), name: "robert".into() }]);
    site.change(both(vec![bob], vec![ann]));
    assert_eq!((site.may("ann", "WFM"), site.may("robert", "WFM")), (false, true));
    site.change(vec![Change::RemoveUser { user: "ann".into() }]);
    site.change(both(Vec::new(), vec![ann]));
    let nobody = Refusal::NoSuchName { what: Named::User, name: ann.to_string().into() };
    assert_eq!(refused(&mut site, both(vec![ann], Vec::new())), nobody);
    assert_eq!(site.site.broken_invariants(), [""; 0]);
}
