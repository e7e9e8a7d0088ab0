//! Who administers, told as stories: invitations, roles, the ways to sign in, and what ends with what.

use crate::support::*;
use grantor_site::access::{Scope, Secret};
use grantor_site::people::{
    Account, Beginning, Codes, Hidden, Means, NewPerson, PASSKEYS, Passkey, PersonAct, PersonChange, Post,
    Proof, Role, Second, VISITS, Which,
};
use grantor_site::{Command, Event, Refusal, Reply, Site, Timestamp};

const DAY: i64 = 86_400;

fn secret(number: u8) -> Secret {
    Secret([number; 32])
}

fn hidden(text: &str) -> Hidden {
    Hidden(text.to_owned())
}

fn post(role: Role) -> Post {
    Post { role, tenant: None }
}

fn post_in(role: Role, tenant: &str) -> Post {
    Post { role, tenant: Some(tenant.into()) }
}

/// A site that ann set up, as sites were before people had roles.
fn set_up() -> Story {
    let mut site = Story::new();
    site.run(Command::OfferSetup { token: secret(200), until: at(10) }).unwrap();
    let (name, password_hash) = ("ann".to_owned(), "$argon2id$ann".to_owned());
    site.run(Command::CreateAdministrator { setup: secret(200), name, password_hash }).unwrap();
    site
}

fn add(name: &str, posts: &[Post], invitation: u8) -> Command {
    let (name, display, posts) = (name.to_owned(), String::new(), posts.to_vec());
    let new = NewPerson { name, display, posts, invitation: secret(invitation), until: at(7 * DAY) };
    Command::AddPerson { new, by: "ann".to_owned() }
}

fn change(name: &str, change: PersonChange) -> Command {
    Command::ChangePerson { name: name.to_owned(), change, by: "ann".to_owned() }
}

fn remove(name: &str) -> Command {
    Command::RemovePerson { name: name.to_owned(), by: "ann".to_owned() }
}

fn begin(name: &str, visit: u8, proof: Proof) -> Command {
    let (person, from) = (name.to_owned(), "192.0.2.1".into());
    Command::SignIn(Box::new(Beginning { visit: secret(visit), person, proof, from, until: at(DAY) }))
}

fn by_password(name: &str, visit: u8) -> Command {
    begin(name, visit, Proof::Password(Second::None))
}

fn accept(name: &str, invitation: u8, visit: u8) -> Command {
    let password = Some(hidden("$argon2id$new"));
    begin(name, visit, Proof::Invitation { invitation: secret(invitation), password, account: None })
}

/// Somebody who took the invitation and is not signed in.
fn join(site: &mut Story, name: &str, posts: &[Post], number: u8) {
    site.run(add(name, posts, number)).unwrap();
    site.run(accept(name, number, number)).unwrap();
    site.run(Command::SignOut { name: name.to_owned(), which: Which::All, by: name.to_owned() }).unwrap();
}

fn may(site: &Story, visit: u8, scope: Scope) -> bool {
    let bearer = site.site.access().bearer(&secret(visit), at(site.now));
    bearer.is_some_and(|bearer| bearer.rights.iter().any(|right| right.scopes.contains(&scope)))
}

fn is_in(site: &Story, visit: u8) -> bool {
    site.site.access().bearer(&secret(visit), at(site.now)).is_some()
}

fn passkey(number: u8) -> Passkey {
    Passkey {
        id: vec![number],
        name: format!("key {number}"),
        handle: [7; 16],
        key: vec![1, 2, 3],
        counter: [0; 7],
        since: Timestamp::default(),
        used: None,
    }
}

fn account(subject: &str) -> Account {
    Account {
        issuer: "https://login.example".to_owned(),
        subject: subject.to_owned(),
        name: format!("{subject}@example.com"),
        since: Timestamp::default(),
        used: None,
    }
}

fn elsewhere(subject: &str, links: bool, is_enough: bool) -> Proof {
    Proof::Elsewhere { account: account(subject), links, is_enough, second: Second::None }
}

#[test]
fn whoever_set_the_site_up_goes_on_as_an_administrator() {
    let mut site = set_up();
    let ann = site.site.access().person("ann").unwrap();
    assert!(ann.is_administrator() && ann.can_sign_in());
    site.run(by_password("ann", 1)).unwrap();
    assert!(may(&site, 1, Scope::Admin));
    site.run(change("ann", PersonChange::Password { password: hidden("$2"), keep: Some(secret(1)) }))
        .unwrap();
    assert_eq!(site.site.access().person("ann").unwrap().password, Some(hidden("$2")));
    assert_eq!(site.site.access().head_count(), 1, "written down once");
    assert!(is_in(&site, 1) && !site.site.access().is_new());
    let offered = site.run(Command::OfferSetup { token: secret(9), until: at(99) });
    assert_eq!(offered, Err(Refusal::SetupClosed));
}

#[test]
fn an_invitation_is_taken_once_and_in_time() {
    let mut site = set_up();
    site.run(add("bob", &[post(Role::Read)], 2)).unwrap();
    assert_eq!(site.run(by_password("bob", 3)), Err(Refusal::NotSignedInSo), "there is no password yet");
    assert_eq!(site.run(accept("bob", 9, 3)), Err(Refusal::InvitationOver), "another's");
    assert_eq!(site.site.access().invited(&secret(2), at(1)).unwrap().name, "bob");
    site.run(accept("bob", 2, 3)).unwrap();
    assert!(may(&site, 3, Scope::Read) && !may(&site, 3, Scope::Admin));
    assert_eq!(site.run(accept("bob", 2, 4)), Err(Refusal::InvitationOver), "taken");
    site.run(add("eve", &[post(Role::Read)], 5)).unwrap();
    site.now = 7 * DAY;
    assert_eq!(site.run(accept("eve", 5, 6)), Err(Refusal::InvitationOver), "too late");
    assert!(site.site.access().invited(&secret(5), at(7 * DAY)).is_none());
}

#[test]
fn names_differ_by_more_than_case_and_nobody_is_without_a_role() {
    let mut site = set_up();
    let taken = |name: &str| Err(Refusal::PersonExists { name: name.to_owned() });
    assert_eq!(site.run(add("Ann", &[post(Role::Read)], 2)), taken("Ann"));
    assert_eq!(site.run(add(" ", &[post(Role::Read)], 2)), taken(" "));
    assert!(matches!(site.run(add("bob", &[], 2)), Err(Refusal::NoRole { .. })));
    join(&mut site, "Bob", &[post(Role::Read), post(Role::Read)], 2);
    let bob = site.site.access().person("bob").unwrap();
    assert_eq!((bob.name.as_str(), bob.posts.len()), ("Bob", 1), "found whatever the case, the role once");
    assert!(matches!(site.run(change("bob", PersonChange::Posts(vec![]))), Err(Refusal::NoRole { .. })));
}

#[test]
fn the_last_administrator_is_neither_removed_nor_reset_nor_loses_the_role() {
    let mut site = set_up();
    let tries = [
        remove("ann"),
        change("ann", PersonChange::Posts(vec![post(Role::Read)])),
        change("ann", PersonChange::Posts(vec![post_in(Role::Administrator, "blue")])),
        change("ann", PersonChange::Reset { invitation: secret(9), until: at(DAY) }),
    ];
    let before = site.site.hash();
    for refused in &tries {
        assert_eq!(site.run(refused.clone()), Err(Refusal::LastAdministrator), "{refused:?}");
        assert_eq!(site.site.hash(), before, "nothing changed");
    }
    site.run(add("bob", &[post(Role::Administrator)], 2)).unwrap();
    assert_eq!(site.run(remove("ann")), Err(Refusal::LastAdministrator), "bob can't sign in yet");
    site.run(accept("bob", 2, 3)).unwrap();
    site.run(remove("ann")).unwrap();
    assert_eq!(site.run(remove("bob")), Err(Refusal::LastAdministrator));
    assert_eq!(site.run(remove("ann")), Err(Refusal::NoSuchPerson { name: "ann".to_owned() }));
}

#[test]
fn what_somebody_could_do_ends_at_once_with_the_right_to_it() {
    let mut site = set_up();
    join(&mut site, "bob", &[post(Role::Administrator)], 2);
    site.run(by_password("bob", 3)).unwrap();
    let token = |number, name: &str, by: &str| Command::AddToken {
        token: secret(number),
        name: name.to_owned(),
        scopes: vec![Scope::Admin],
        tenant: None,
        until: None,
        by: by.to_owned(),
    };
    site.run(token(20, "bob's", "bob")).unwrap();
    site.run(token(21, "bob's of before", "bob, signed in 2026-01-01T00:00:00Z (01234567)")).unwrap();
    site.run(token(22, "bobby's", "bobby")).unwrap();
    site.run(change("bob", PersonChange::Posts(vec![post(Role::Read), post(Role::Administrator)]))).unwrap();
    assert!(!is_in(&site, 3), "other roles end the visit");
    assert!(is_in(&site, 20), "who is an administrator still keeps the tokens");
    site.run(by_password("bob", 3)).unwrap();
    site.run(change("bob", PersonChange::Posts(vec![post(Role::Read)]))).unwrap();
    assert_eq!([3, 20, 21, 22].map(|number| is_in(&site, number)), [false, false, false, true]);
    let told = |name: &str| {
        let revoked = Event::TokenRevoked { name: name.to_owned(), by: "ann".to_owned() };
        site.events.contains(&revoked)
    };
    assert!(told("bob's") && told("bob's of before") && !told("bobby's"));
    site.run(by_password("bob", 4)).unwrap();
    site.run(remove("bob")).unwrap();
    assert!(!is_in(&site, 4));
}

#[test]
fn roles_count_where_they_were_given() {
    let mut site = set_up();
    join(&mut site, "bob", &[post_in(Role::ManageLicenses, "blue"), post(Role::Allocate)], 2);
    site.run(by_password("bob", 3)).unwrap();
    let bearer = site.site.access().bearer(&secret(3), at(0)).unwrap();
    let has = |scope, tenant: Option<&str>| {
        bearer.rights.iter().any(|right| right.scopes.contains(&scope) && right.tenant.as_deref() == tenant)
    };
    assert!(has(Scope::Licenses, Some("blue")) && !has(Scope::Licenses, None));
    assert!(has(Scope::Allocate, None) && has(Scope::Read, None) && !has(Scope::Release, None));
    for role in Role::ALL {
        assert!(role.scopes().contains(&Scope::Admin) || role.scopes().contains(&Scope::Read), "{role:?}");
    }
}

#[test]
fn where_codes_are_on_the_password_alone_is_not_enough_and_no_code_counts_twice() {
    let mut site = set_up();
    let codes = Codes { sealed: hidden("sealed"), last: 100, spare: vec![secret(50), secret(51)] };
    site.run(change("ann", PersonChange::Codes(Some(codes)))).unwrap();
    assert_eq!(site.run(by_password("ann", 1)), Err(Refusal::CodeNeeded));
    let with = |second| begin("ann", 1, Proof::Password(second));
    assert_eq!(site.run(with(Second::Step(100))), Err(Refusal::CodeUsed), "it turned codes on");
    site.run(with(Second::Step(101))).unwrap();
    assert_eq!(site.run(with(Second::Step(101))), Err(Refusal::CodeUsed));
    assert_eq!(site.run(with(Second::Step(99))), Err(Refusal::CodeUsed), "one from before");
    site.run(with(Second::Spare(secret(50)))).unwrap();
    assert_eq!(site.run(with(Second::Spare(secret(50)))), Err(Refusal::CodeUsed));
    assert_eq!(site.run(with(Second::Spare(secret(60)))), Err(Refusal::CodeUsed), "never was one");
    let spare = |site: &Story| site.site.access().person("ann").unwrap().codes.unwrap().spare.len();
    assert_eq!(spare(&site), 1);
    site.run(change("ann", PersonChange::Spare(vec![secret(70), secret(71), secret(72)]))).unwrap();
    assert_eq!(spare(&site), 3);
    site.run(change("ann", PersonChange::Codes(None))).unwrap();
    site.run(by_password("ann", 2)).unwrap();
}

#[test]
fn a_passkey_signs_in_without_a_code_and_belongs_to_one_person() {
    let mut site = set_up();
    join(&mut site, "bob", &[post(Role::Read)], 2);
    let codes = Codes { sealed: hidden("sealed"), last: 1, spare: vec![] };
    site.run(change("bob", PersonChange::Codes(Some(codes)))).unwrap();
    site.run(change("bob", PersonChange::AddPasskey(passkey(1)))).unwrap();
    assert_eq!(site.run(change("ann", PersonChange::AddPasskey(passkey(1)))), Err(Refusal::PasskeyTaken));
    let shown = |name: &str, id: u8| begin(name, 30, Proof::Passkey { id: vec![id], counter: [9; 7] });
    assert_eq!(site.run(shown("ann", 1)), Err(Refusal::NotSignedInSo), "it is bob's");
    site.now = 5;
    site.run(shown("bob", 1)).unwrap();
    let kept = site.site.access().with_passkey(&[1]).unwrap().passkeys[0].clone();
    assert_eq!((kept.counter, kept.used), ([9; 7], Some(at(5))));
    let means = Means::Passkey { name: "key 1".to_owned() };
    assert_eq!(site.site.access().visit(&secret(30), at(5)).unwrap().means, means);
    for number in 2..=PASSKEYS as u8 {
        site.run(change("bob", PersonChange::AddPasskey(passkey(number)))).unwrap();
    }
    let one_more = site.run(change("bob", PersonChange::AddPasskey(passkey(99))));
    assert_eq!(one_more, Err(Refusal::TooManyWays { most: PASSKEYS as u32 }));
    site.run(change("bob", PersonChange::RemovePasskey(vec![1]))).unwrap();
    assert_eq!(site.run(shown("bob", 1)), Err(Refusal::NotSignedInSo));
}

#[test]
fn an_account_elsewhere_signs_in_whom_it_is_linked_to_and_nobody_else() {
    let mut site = set_up();
    join(&mut site, "bob", &[post(Role::Read)], 2);
    assert_eq!(site.run(begin("bob", 3, elsewhere("s1", false, false))), Err(Refusal::NotSignedInSo));
    site.run(begin("bob", 3, elsewhere("s1", true, false))).unwrap();
    site.run(begin("bob", 3, elsewhere("s1", false, false))).unwrap();
    let taken = Err(Refusal::AccountTaken { issuer: "https://login.example".to_owned() });
    assert_eq!(site.run(begin("ann", 4, elsewhere("s1", true, false))), taken, "it is bob's");
    assert_eq!(site.run(begin("bob", 4, elsewhere("s2", true, false))), taken, "bob has another one there");
    assert_eq!(site.run(change("ann", PersonChange::Link(account("s1")))), taken);
    let codes = Codes { sealed: hidden("sealed"), last: 1, spare: vec![] };
    site.run(change("bob", PersonChange::Codes(Some(codes)))).unwrap();
    assert_eq!(site.run(begin("bob", 5, elsewhere("s1", false, false))), Err(Refusal::CodeNeeded));
    site.run(begin("bob", 5, elsewhere("s1", false, true))).unwrap();
    site.run(change("bob", PersonChange::Unlink { issuer: account("s1").issuer })).unwrap();
    assert_eq!(site.run(begin("bob", 6, elsewhere("s1", false, true))), Err(Refusal::NotSignedInSo));
}

#[test]
fn nobody_takes_away_the_last_thing_that_signs_them_in() {
    let mut site = set_up();
    site.run(add("bob", &[post(Role::Read)], 2)).unwrap();
    let account = Some(account("s1"));
    let proof = Proof::Invitation { invitation: secret(2), password: None, account };
    site.run(begin("bob", 3, proof)).unwrap();
    let unlink = change("bob", PersonChange::Unlink { issuer: "https://login.example".to_owned() });
    assert_eq!(site.run(unlink.clone()), Err(Refusal::LastWayIn));
    site.run(change("bob", PersonChange::AddPasskey(passkey(1)))).unwrap();
    site.run(unlink).unwrap();
    assert_eq!(site.run(change("bob", PersonChange::RemovePasskey(vec![1]))), Err(Refusal::LastWayIn));
    site.run(change("bob", PersonChange::Password { password: hidden("$"), keep: None })).unwrap();
    site.run(change("bob", PersonChange::RemovePasskey(vec![1]))).unwrap();
}

#[test]
fn a_reset_takes_everything_away_that_signs_in_and_ends_every_visit() {
    let mut site = set_up();
    join(&mut site, "bob", &[post(Role::Read)], 2);
    site.run(change("bob", PersonChange::AddPasskey(passkey(1)))).unwrap();
    site.run(by_password("bob", 3)).unwrap();
    site.run(change("bob", PersonChange::Reset { invitation: secret(9), until: at(DAY) })).unwrap();
    assert!(!is_in(&site, 3) && !site.site.access().person("bob").unwrap().can_sign_in());
    assert!(site.site.access().with_passkey(&[1]).is_none());
    site.run(accept("bob", 9, 4)).unwrap();
    assert!(is_in(&site, 4));
}

#[test]
fn visits_end_at_their_time_one_by_one_or_all_but_one_and_there_are_not_too_many() {
    let mut site = set_up();
    for visit in 1..=3 {
        site.run(by_password("ann", visit)).unwrap();
    }
    let out = |which| Command::SignOut { name: "ann".to_owned(), which, by: "ann".to_owned() };
    site.run(out(Which::One(secret(1)))).unwrap();
    assert_eq!([1, 2, 3].map(|visit| is_in(&site, visit)), [false, true, true]);
    site.run(change("ann", PersonChange::Password { password: hidden("$"), keep: Some(secret(3)) })).unwrap();
    assert_eq!([2, 3].map(|visit| is_in(&site, visit)), [false, true], "a new password ends the others");
    site.run(out(Which::AllBut(secret(3)))).unwrap();
    assert!(is_in(&site, 3));
    site.now = 1;
    for visit in 10..10 + VISITS as u8 {
        site.run(by_password("ann", visit)).unwrap();
    }
    assert!(!is_in(&site, 3), "the earliest made room");
    assert_eq!(site.site.access().visits("ann", at(1)).count(), VISITS);
    site.now = DAY;
    assert!(!is_in(&site, 10));
    assert_eq!(site.run(out(Which::All)), Ok(Reply::Done));
}

#[test]
fn what_happened_to_people_is_told_and_nothing_that_signs_in_is() {
    let mut site = set_up();
    let told = |site: &Story, what: PersonAct, by: &str| {
        let event = Event::PersonChanged { name: "bob".to_owned(), what, by: by.to_owned() };
        assert!(!format!("{:?}", site.events).contains("argon2"));
        site.events.contains(&event)
    };
    site.run(add("bob", &[post(Role::Read)], 2)).unwrap();
    site.run(accept("bob", 2, 3)).unwrap();
    assert!(told(&site, PersonAct::InvitationTaken, "bob"));
    let (name, means, from) = ("bob".to_owned(), Means::Invitation, "192.0.2.1".into());
    assert!(site.events.contains(&Event::SignedIn { name, means, from }));
    let password = PersonChange::Password { password: hidden("$argon2id$secret"), keep: None };
    site.run(change("bob", password)).unwrap();
    assert!(told(&site, PersonAct::Password, "ann"));
    let command = change("bob", PersonChange::Password { password: hidden("$argon2id$secret"), keep: None });
    assert!(!format!("{command:?} {:?}", site.site.access()).contains("$argon2id$secret"));
}

#[test]
fn people_and_visits_are_saved_in_a_format_of_their_own_and_read_again() {
    let mut site = set_up();
    let plain = site.site.to_snapshot();
    assert_eq!(plain[8..10], [1, 0], "nobody but who set it up: the first format will do");
    join(&mut site, "bob", &[post_in(Role::Read, "blue")], 2);
    site.run(change("bob", PersonChange::AddPasskey(passkey(1)))).unwrap();
    site.run(change("bob", PersonChange::Link(account("s1")))).unwrap();
    site.run(by_password("bob", 3)).unwrap();
    let bytes = site.site.to_snapshot();
    assert_eq!(bytes[8..10], [5, 0]);
    let read = Site::from_snapshot(&bytes).unwrap();
    assert_eq!(read.hash(), site.site.hash());
    assert_eq!(read.access().person("bob"), site.site.access().person("bob"));
    assert_eq!(read.access().bearer(&secret(3), at(0)), site.site.access().bearer(&secret(3), at(0)));
    assert!(read.access().bearer(&secret(3), at(0)).is_some());
}
