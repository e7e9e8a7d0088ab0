//! Plans of an import, in the words that people see.

use grantor_api::directory::{Group as KnownGroup, Licensing, Method};

use super::*;

fn known(name: &str, id: Option<&str>, groups: &[&str]) -> (String, User) {
    let licensing =
        Licensing { enabled: true, method: Method::Assignable, features: Vec::new(), held: Vec::new() };
    let user = User {
        name: name.to_owned(),
        mail: None,
        enabled: true,
        default_user: false,
        own_number: true,
        licensing,
        media: Vec::new(),
        receives: Vec::new(),
        groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        roles: Vec::new(),
        consumes: Vec::new(),
        present: None,
        external_id: id.map(str::to_owned),
        display_name: None,
        given_name: None,
        family_name: None,
    };
    (fold(name), user)
}

fn current(users: Vec<(String, User)>, groups: &[(&str, Option<&str>)]) -> Current {
    let group = |(name, id): &(&str, Option<&str>)| {
        let external_id = id.map(str::to_owned);
        let (name, media, roles) = ((*name).to_owned(), Vec::new(), Vec::new());
        (fold(&name), KnownGroup { name, queue: None, media, roles, size: 0, external_id })
    };
    let groups = groups.iter().map(group).collect();
    Current { users: users.into_iter().collect(), stations: BTreeMap::new(), groups, roles: BTreeMap::new() }
}

fn person(name: &str, id: &str) -> Person {
    Person {
        dn: format!("uid={name},dc=example"),
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        ..Person::default()
    }
}

fn planned(now: Current, people: Vec<Person>, groups: Option<Vec<Group>>, disable_missing: bool) -> Planned {
    let ways = Ways { source: "ldap".to_owned(), disable_missing };
    plan(now, Found { people, groups }, &ways)
}

fn texts(planned: &Planned) -> Vec<String> {
    planned.steps.iter().map(|step| format!("{} {}", step.sign, step.text)).collect()
}

#[test]
fn users_are_found_again_by_id_then_by_name_and_new_ones_are_added() {
    let now = current(vec![known("ann", Some("ldap:1"), &[]), known("bob", None, &[])], &[]);
    let people = vec![person("ann.lee", "1"), person("Bob", "2"), person("eve", "3")];
    let plan = planned(now, people, None, false);
    let expected = [
        "~ user ann: is called ann.lee now",
        "~ user bob: known elsewhere as ldap:2",
        "+ user eve",
        "~ user eve: known elsewhere as ldap:3",
    ];
    assert_eq!((texts(&plan), plan.left_aside), (expected.map(str::to_owned).to_vec(), Vec::new()));
}

#[test]
fn what_is_as_it_should_be_is_not_done_again() {
    let mut ann = known("ann", Some("ldap:1"), &["Crew"]);
    (ann.1.display_name, ann.1.mail) = (Some("Ann Lee".to_owned()), Some("ann@example.com".to_owned()));
    let mut found = person("ann", "1");
    (found.display, found.mail) = (Some("Ann Lee".to_owned()), Some("ann@example.com".to_owned()));
    let dn = "cn=crew,dc=example".to_owned();
    let group = Group {
        dn,
        id: Some("9".to_owned()),
        name: Some("Crew".to_owned()),
        members: vec![found.dn.to_uppercase()],
    };
    let plan = planned(current(vec![ann], &[("Crew", Some("ldap:9"))]), vec![found], Some(vec![group]), true);
    assert_eq!(texts(&plan), [""; 0]);
}

#[test]
fn whoever_another_source_keeps_and_whoever_has_no_name_is_left_aside() {
    let now = current(vec![known("ann", Some("entra-7"), &[]), known("bob", Some("ldap:2"), &[])], &[]);
    let nameless = Person { dn: "cn=printer".to_owned(), ..Person::default() };
    let people =
        vec![person("ann", "1"), person("dup", "4"), person("DUP", "5"), nameless, person("bob", "9")];
    let plan = planned(now, people, None, false);
    assert_eq!(
        plan.left_aside,
        [
            "`uid=DUP,dc=example` has the name `dup`, as another has",
            "`cn=printer` has no name that can be used",
            "`uid=ann,dc=example`: the user `ann` is known elsewhere as entra-7",
        ]
    );
    // Somebody was deleted there and made anew under the same name.
    let expected =
        ["~ user bob: known elsewhere as ldap:9", "+ user dup", "~ user dup: known elsewhere as ldap:4"];
    assert_eq!(texts(&plan), expected);
}

#[test]
fn who_is_gone_is_disabled_only_when_asked_and_never_all_at_once() {
    let now = || {
        current(
            vec![
                known("ann", Some("ldap:1"), &[]),
                known("own", None, &[]),
                known("eve", Some("ldap:2"), &[]),
            ],
            &[],
        )
    };
    let found = || vec![person("ann", "1")];
    assert_eq!(texts(&planned(now(), found(), None, false)), [""; 0]);
    assert_eq!(texts(&planned(now(), found(), None, true)), ["~ user eve: disabled, not found any more"]);
    let nobody = planned(now(), Vec::new(), None, true);
    assert_eq!((texts(&nobody).len(), nobody.left_aside.len()), (0, 1));
    let mut back = current(vec![known("ann", Some("ldap:1"), &[])], &[]);
    back.users.values_mut().for_each(|user| user.enabled = false);
    assert_eq!(texts(&planned(back, found(), None, true)), ["~ user ann: enabled"]);
}

#[test]
fn disabled_accounts_are_disabled_here_and_not_brought_in() {
    let off = |name: &str, id: &str| Person { is_enabled: Some(false), ..person(name, id) };
    let now = current(vec![known("ann", Some("ldap:1"), &[])], &[]);
    let group = Group {
        dn: "cn=crew".to_owned(),
        id: None,
        name: Some("crew".to_owned()),
        members: vec!["ann".to_owned(), "new".to_owned()],
    };
    let plan = planned(now, vec![off("ann", "1"), off("new", "2")], Some(vec![group]), false);
    assert_eq!(texts(&plan), ["~ user ann: disabled", "+ group crew", "+ members of group crew: ann"]);
}

#[test]
fn groups_keep_their_id_and_only_those_who_came_from_there_are_taken_out() {
    let users = vec![
        known("ann", Some("ldap:1"), &["old"]),
        known("bob", Some("ldap:2"), &["old"]),
        known("own", None, &["old"]),
        known("lost", Some("ldap:3"), &["old"]),
    ];
    let now = current(users, &[("old", Some("ldap:9"))]);
    let mut ann = person("ann", "1");
    ann.member_of = vec!["CN=New,dc=example".to_owned(), "cn=elsewhere".to_owned()];
    let dn = "cn=new,dc=example".to_owned();
    let group = Group { dn, id: Some("9".to_owned()), name: Some("new".to_owned()), members: Vec::new() };
    let plan = planned(now, vec![ann, person("bob", "2"), person("eve", "4")], Some(vec![group]), false);
    let expected = [
        "~ group old: is called new now",
        "- members of group new: bob",
        "+ user eve",
        "~ user eve: known elsewhere as ldap:4",
    ];
    assert_eq!(texts(&plan), expected);
}
