//! What the first version with a directory wrote: its log is replayed and its snapshot read by every later one. The log
//! has every change and every command that a directory brought.
//!
//! To keep another log, once per format:
//! `cargo test -p grantor-site --test it -- --ignored directory_replay::keep_a_log_and_a_snapshot`

use std::path::PathBuf;

use crate::support::*;
use grantor_site::access::Secret;
use grantor_site::command::Command;
use grantor_site::directory::{Change, HolderName, Media, Method, Place, Queue, StationKind};
use grantor_site::ids::SessionId;
use grantor_site::notices::ServerIs;
use grantor_site::people::{NewPerson, Post, Role as PersonRole};
use grantor_site::{Entry, Site};

fn saved(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/saved").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn people() -> Vec<Change> {
    let mail = Some(Box::from("eve@example.com"));
    vec![
        user("ann"),
        user("bob"),
        user("cid"),
        Change::AddUser { name: "eve".into(), mail: mail.clone(), is_enabled: false, is_default: true },
        Change::EnableUser { user: "eve".into() },
        Change::DisableUser { user: "cid".into() },
        Change::RenameUser { user: "cid".into(), name: "Cyd".into() },
        Change::SetMail { user: "bob".into(), mail },
        Change::RemoveUser { user: "eve".into() },
        Change::SetOwnNumber { user: "ann".into(), is_granted: false },
        Change::SetMedia { user: "ann".into(), media: Media::EMAIL },
    ]
}

fn groups() -> Vec<Change> {
    let (role, group) = (|| Box::from("agent"), || Box::from("crew"));
    vec![
        workgroup("sales", Media::CALL),
        Change::SetQueue { group: "sales".into(), queue: Some(Queue::HuntGroup), media: Media::ALL },
        crate::support::group("old"),
        Change::RenameGroup { group: "old".into(), name: "crew".into() },
        crate::support::group("gone"),
        Change::RemoveGroup { group: "gone".into() },
        members("crew", &["ann", "bob"]),
        members("sales", &["ann", "bob"]),
        Change::RemoveMembers { group: "sales".into(), users: vec!["bob".into()] },
        crate::support::role("agent", "WFM"),
        crate::support::role("other", "WFM"),
        Change::RemoveRole { role: "other".into() },
        Change::AssignGroupRole { role: role(), group: group() },
        Change::WithdrawGroupRole { role: role(), group: group() },
        Change::AssignGroupRole { role: role(), group: group() },
        Change::AssignRole { role: role(), user: "cyd".into() },
        Change::AssignRole { role: role(), user: "ann".into() },
        Change::WithdrawRole { role: role(), user: "ann".into() },
        crate::support::group("empty"),
        Change::EmptyGroup { group: "empty".into() },
    ]
}

fn stations() -> Vec<Change> {
    let (machine, kind) = (Box::from("pc9"), StationKind::ManagedWorkstation);
    vec![
        workstation("desk1"),
        station("desk2", StationKind::SipWorkstation),
        station("home", StationKind::ConfiguredRemote),
        station("fax", StationKind::StandAloneFax),
        Change::SetStation { station: "desk2".into(), machine, kind, is_enabled: true },
        Change::RenameStation { station: "fax".into(), name: "paper".into() },
        Change::RemoveStation { station: "paper".into() },
        assign(BASIC, &[of_station("desk1"), of_station("desk2"), of_station("home")]),
        assign(ACD_2, &[HolderName::Members("crew".into())]),
        concurrent(CLIENT, &["cyd"]),
        Change::Unlicense { feature: ACD_2.into(), from: vec![of_user("bob")] },
        assign("Recorder", &[of_user("bob")]),
        Change::SetMethod { user: "bob".into(), method: Method::Concurrent },
        Change::EnableLicenses { of: of_station("desk2"), is_enabled: false },
        Change::EnableUser { user: "cyd".into() },
    ]
}

fn entries() -> Vec<Entry> {
    let mut lines = contact_centre(6);
    lines.push(sold("WFM", grantor_license::Model::Role, 4));
    let on = |session, place| Command::LogOn { session: SessionId(session), place };
    let sit = |session, name: &str| on(session, Place::Station(name.into()));
    let opened =
        |n: u128, name: &str| Command::OpenSession(open(n, "main", who(name, &format!("pc{n}"), "")));
    let module =
        |session, feature: &str| Command::OpenModule { session: SessionId(session), feature: feature.into() };
    let commands = vec![
        load("main", "a", lines),
        Command::SetDisconnect { license_type: "ordered-development".to_owned(), minutes: Some(60) },
        direct(people()),
        direct(groups()),
        direct(stations()),
        opened(1, "ann"),
        opened(2, "bob"),
        opened(3, "cyd"),
        sit(1, "home"),
        module(2, "Recorder"),
        on(3, Place::Number("555".into())),
        sit(3, "desk2"),
        opened(4, "bob"),
        module(4, "Recorder"),
        Command::LogOff { session: SessionId(2) },
        direct(vec![user("x"), assign(BASIC, &[of_user("x")])]),
    ];
    commands.into_iter().zip(1..).map(|(command, second)| Entry { at: at(second), command }).collect()
}

/// The same, and what the fifth format has besides: who administers, notices, generations, the level that all servers know.
fn entries_of_the_fifth() -> Vec<Entry> {
    let (name, display) = ("bea".to_owned(), "Bea".to_owned());
    let post = Post { tenant: None, role: PersonRole::Administrator };
    let new = NewPerson { name, display, posts: vec![post], invitation: Secret([7; 32]), until: at(900) };
    let latest = vec![("acme".to_owned(), "0123456789abcdef".to_owned(), 3)];
    let commands = vec![
        Command::AgreeOnLevel { level: 1 },
        Command::OfferSetup { token: Secret([9; 32]), until: at(900) },
        Command::CreateAdministrator {
            setup: Secret([9; 32]),
            name: "root".to_owned(),
            password_hash: "$argon2id$root".to_owned(),
        },
        Command::AddPerson { new, by: "root".to_owned() },
        Command::ReportServer { server: "lic2".into(), is: ServerIs::Lost },
        Command::RememberGenerations { latest },
        Command::SetNoticeRules(std::sync::Arc::default()),
    ];
    let more = commands.into_iter().zip(100..).map(|(command, second)| Entry { at: at(second), command });
    entries().into_iter().chain(more).collect()
}

fn replay(entries: &[Entry]) -> Site {
    let mut site = Site::new();
    for entry in entries {
        site.apply(entry);
        assert_eq!(site.broken_invariants(), Vec::<String>::new());
    }
    site
}

#[test]
fn the_log_that_the_first_version_with_a_directory_wrote_gives_the_state_that_it_gave() {
    let log: Vec<Entry> = postcard::from_bytes(&std::fs::read(saved("v4.log")).unwrap()).unwrap();
    let hash = std::fs::read_to_string(saved("v4.hash")).unwrap();
    assert_eq!(hex(&replay(&log).hash()), hash.trim());
}

#[test]
fn the_snapshot_that_the_first_version_with_a_directory_wrote_is_read_and_written_as_it_was() {
    let bytes = std::fs::read(saved("v4.snapshot")).unwrap();
    let site = Site::from_snapshot(&bytes).unwrap();
    assert_eq!(site.broken_invariants(), Vec::<String>::new());
    assert_eq!((site.users().count(), site.stations().count(), site.presences().count()), (3, 3, 3));
    assert_eq!(site.to_snapshot(), bytes);
    assert_eq!(hex(&site.hash()), std::fs::read_to_string(saved("v4.hash")).unwrap().trim());
}

#[test]
fn the_log_and_the_snapshot_that_the_fifth_format_was_kept_with_give_the_state_that_they_gave() {
    let log: Vec<Entry> = postcard::from_bytes(&std::fs::read(saved("v5.log")).unwrap()).unwrap();
    let hash = std::fs::read_to_string(saved("v5.hash")).unwrap();
    assert_eq!(hex(&replay(&log).hash()), hash.trim());
    let bytes = std::fs::read(saved("v5.snapshot")).unwrap();
    assert_eq!(bytes[8], 5);
    let site = Site::from_snapshot(&bytes).unwrap();
    assert_eq!(site.broken_invariants(), Vec::<String>::new());
    assert_eq!(site.to_snapshot(), bytes);
    assert_eq!(hex(&site.hash()), hash.trim());
}

#[test]
fn a_snapshot_of_a_site_without_a_directory_has_an_earlier_format() {
    let mut story = Story::with(vec![line("f", "1", 1)]);
    assert_eq!(story.site.to_snapshot()[8], 1);
    story.change(vec![user("ann")]);
    assert_eq!(story.site.to_snapshot()[8], 4);
}

#[test]
#[ignore = "writes the files that the tests above read: only for a new format"]
fn keep_a_log_and_a_snapshot() {
    let entries = entries_of_the_fifth();
    let site = replay(&entries);
    std::fs::write(saved("v5.log"), postcard::to_stdvec(&entries).unwrap()).unwrap();
    std::fs::write(saved("v5.snapshot"), site.to_snapshot()).unwrap();
    std::fs::write(saved("v5.hash"), format!("{}\n", hex(&site.hash()))).unwrap();
}

#[test]
fn the_saved_log_is_made_of_commands_that_are_done_but_for_the_last() {
    let mut site = Site::new();
    let replies: Vec<bool> = entries().iter().map(|entry| site.apply(entry).reply.is_ok()).collect();
    let refused: Vec<usize> = (0..replies.len()).filter(|n| !replies[*n]).collect();
    // The log-on at a station whose licenses are off, and the batch that is refused as a whole.
    assert_eq!(refused, [11, 15]);
}
