//! The directory against its oracle: random changes, log-ons and license files, compared after every step. Nothing refused
//! changes anything, never is more taken than bought, and a site restored from its snapshot goes on in the same way.

use crate::support;
use std::collections::BTreeSet;

use crate::directory_oracle::{Oracle, Who};
use crate::support::*;
use grantor_license::Model;
use grantor_site::command::{Amount, Command};
use grantor_site::directory::{Change, Holder, HolderName, Method, Place, Profile, StationKind};
use grantor_site::ids::{GrantId, SessionId};
use grantor_site::{Entry, Event, Site};
use proptest::prelude::*;

/// What is sold, and how.
const SOLD: [(&str, Model); 9] = [
    (BASIC, Model::Assignable),
    (CLIENT, Model::Assignable),
    (CLIENT, Model::Concurrent),
    (ACD_1, Model::Assignable),
    (ACD_2, Model::Concurrent),
    ("Recorder", Model::Assignable),
    ("Recorder", Model::Concurrent),
    ("WFM", Model::Role),
    ("QM", Model::Role),
];

/// Seats that are checked out.
const FLOATING: u32 = 3;

const FEATURES: [&str; 7] = [BASIC, CLIENT, ACD_1, ACD_2, "recorder", "WFM", "nonsense"];

#[derive(Clone, Debug)]
enum Step {
    Load([u32; 9]),
    Direct(Vec<Change>),
    Open(u128, usize, usize),
    LogOn(u128, Place),
    Module(u128, usize),
    LogOff(u128),
    End(u128),
    /// Checks one seat of a floating pool out: sessions do both.
    Take(u128),
    Restore,
}

fn name(letter: char, count: usize) -> impl Strategy<Value = Box<str>> + Clone {
    (0..count).prop_map(move |n| format!("{letter}{n}").into())
}

fn holder() -> impl Strategy<Value = HolderName> {
    prop_oneof![
        4 => name('u', 5).prop_map(HolderName::User),
        3 => name('s', 4).prop_map(HolderName::Station),
        1 => name('g', 2).prop_map(HolderName::Members),
    ]
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::Assignable), Just(Method::Concurrent)]
}

fn kind() -> impl Strategy<Value = StationKind> {
    use StationKind::{ConfiguredRemote, SipWorkstation, StandAlonePhone, Workstation};
    prop_oneof![3 => Just(Workstation), 2 => Just(ConfiguredRemote), 1 => Just(SipWorkstation), 1 => Just(StandAlonePhone)]
}

fn people() -> impl Strategy<Value = Change> {
    let user = || name('u', 5);
    let add = |(name, off, default): (Box<str>, bool, bool)| Change::AddUser {
        name,
        mail: None,
        is_enabled: !off,
        is_default: default,
    };
    prop_oneof![
        3 => (user(), prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(add),
        2 => user().prop_map(|user| Change::EnableUser { user }),
        1 => user().prop_map(|user| Change::DisableUser { user }),
        1 => user().prop_map(|user| Change::RemoveUser { user }),
        1 => (user(), any::<bool>()).prop_map(|(user, is_granted)| Change::SetOwnNumber { user, is_granted }),
    ]
}

fn roles() -> impl Strategy<Value = Change> {
    let (user, group, role) = (|| name('u', 5), || name('g', 2), || name('r', 3));
    let users = || prop::collection::vec(name('u', 5), 0..4);
    let application = prop_oneof![3 => Just(Some("WFM")), 2 => Just(Some("QM")), 1 => Just(None)];
    prop_oneof![
        2 => group().prop_map(|name| crate::support::group(&name)),
        1 => group().prop_map(|group| Change::EmptyGroup { group }),
        1 => group().prop_map(|group| Change::RemoveGroup { group }),
        4 => (group(), users()).prop_map(|(group, users)| Change::AddMembers { group, users }),
        1 => (group(), users()).prop_map(|(group, users)| Change::RemoveMembers { group, users }),
        3 => (role(), application)
            .prop_map(|(role, app)| Change::DefineRole { role, application: app.map(Box::from) }),
        1 => role().prop_map(|role| Change::RemoveRole { role }),
        3 => (role(), user()).prop_map(|(role, user)| Change::AssignRole { role, user }),
        1 => (role(), user()).prop_map(|(role, user)| Change::WithdrawRole { role, user }),
        3 => (role(), group()).prop_map(|(role, group)| Change::AssignGroupRole { role, group }),
        1 => (role(), group()).prop_map(|(role, group)| Change::WithdrawGroupRole { role, group }),
    ]
}

fn licenses() -> impl Strategy<Value = Change> {
    let feature = (0..FEATURES.len()).prop_map(|n| Box::from(FEATURES[n]));
    let station = || name('s', 4);
    let add = |(name, machine, kind, off): (Box<str>, Box<str>, StationKind, bool)| Change::AddStation {
        name,
        machine,
        kind,
        is_enabled: !off,
    };
    prop_oneof![
        2 => (station(), name('m', 4), kind(), prop::bool::weighted(0.1)).prop_map(add),
        1 => station().prop_map(|station| Change::RemoveStation { station }),
        8 => (feature.clone(), method(), prop::collection::vec(holder(), 1..3))
            .prop_map(|(feature, method, to)| Change::License { feature, method, to }),
        4 => station().prop_map(|name| assign(BASIC, &[HolderName::Station(name)])),
        3 => (feature, prop::collection::vec(holder(), 1..3))
            .prop_map(|(feature, from)| Change::Unlicense { feature, from }),
        1 => (name('u', 5), method()).prop_map(|(user, method)| Change::SetMethod { user, method }),
        1 => (holder(), any::<bool>()).prop_map(|(of, is_enabled)| Change::EnableLicenses { of, is_enabled }),
    ]
}

fn profiles() -> impl Strategy<Value = Change> {
    let said =
        || prop_oneof![1 => Just(None), 1 => Just(Some(Box::from(""))), 4 => name('x', 3).prop_map(Some)];
    prop_oneof![
        3 => (name('u', 5), said()).prop_map(|(user, id)| Change::SetExternalId { user, id }),
        2 => (name('g', 2), said()).prop_map(|(group, id)| Change::SetGroupExternalId { group, id }),
        1 => (name('u', 5), said(), said(), said()).prop_map(|(user, display, given, family)| {
            Change::SetPersonNames { user, display, given, family }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![2 => people(), 5 => roles(), 6 => licenses(), 2 => profiles()].boxed();
    let place = prop_oneof![
        3 => name('s', 4).prop_map(Place::Station),
        1 => (0..2usize).prop_map(|n| Place::Number(format!("55{n}").into())),
    ];
    prop_oneof![
        1 => prop::array::uniform9(0..4u32).prop_map(|counts| Step::Load(counts.map(|count| count * 2))),
        12 => prop_oneof![2 => prop::collection::vec(change.clone(), 1..2), 1 => prop::collection::vec(change, 2..4)]
            .prop_map(Step::Direct),
        3 => (0..8u128, 0..6usize, 0..3usize).prop_map(|(session, user, host)| Step::Open(session, user, host)),
        5 => (0..8u128, place).prop_map(|(session, place)| Step::LogOn(session, place)),
        4 => (0..8u128, 0..FEATURES.len()).prop_map(|(session, feature)| Step::Module(session, feature)),
        1 => (0..8u128).prop_map(Step::LogOff),
        2 => (0..8u128).prop_map(Step::End),
        1 => (0..8u128).prop_map(Step::Take),
        1 => Just(Step::Restore),
    ]
}

/// What every sequence begins with.
fn office() -> Vec<Change> {
    let default = Change::AddUser { name: "u3".into(), mail: None, is_enabled: true, is_default: true };
    let station = |name: &str, machine: &str, kind| Change::AddStation {
        name: name.into(),
        machine: machine.into(),
        kind,
        is_enabled: true,
    };
    let basic = ["s0", "s1", "s2"].map(of_station);
    vec![
        user("u0"),
        user("u1"),
        user("u2"),
        default,
        station("s0", "m0", StationKind::Workstation),
        station("s1", "m1", StationKind::ConfiguredRemote),
        station("s2", "m2", StationKind::SipWorkstation),
        assign(BASIC, &basic),
        support::group("g0"),
        support::group("g1"),
        role("r0", "WFM"),
        role("r1", "wfm"),
        role("r2", "QM"),
    ]
}

fn lines(counts: &[u32; 9]) -> Vec<grantor_site::command::LoadedLine> {
    let sold = SOLD.iter().zip(counts).map(|((feature, model), count)| sold(feature, *model, *count));
    sold.chain([line("floating", "4.0", FLOATING)]).collect()
}

fn command(step: &Step) -> Command {
    match step {
        Step::Load(counts) => load("main", "a", lines(counts)),
        Step::Direct(changes) => direct(changes.clone()),
        Step::Open(session, user, host) => {
            Command::OpenSession(open(*session, "main", who(&format!("u{user}"), &format!("h{host}"), "")))
        }
        Step::LogOn(session, place) => Command::LogOn { session: SessionId(*session), place: place.clone() },
        Step::Module(session, feature) => {
            Command::OpenModule { session: SessionId(*session), feature: FEATURES[*feature].into() }
        }
        Step::LogOff(session) => Command::LogOff { session: SessionId(*session) },
        Step::End(session) => end(*session),
        Step::Take(session) => Command::CheckOut(ask(*session, "floating", Amount::exactly(1))),
        Step::Restore => Command::Tick,
    }
}

/// Whether the oracle would do it; it did.
fn judged(oracle: &mut Oracle, step: &Step) -> bool {
    match step {
        Step::Load(counts) => {
            let bought = SOLD.iter().zip(counts).map(|((f, model), n)| ((f.to_lowercase(), *model), *n));
            oracle.bought = bought.collect();
            true
        }
        Step::Direct(changes) => oracle.direct(changes).is_ok(),
        Step::Open(session, user, host) => {
            let claims = (format!("u{user}"), format!("h{host}"));
            let is_other = oracle.sessions.get(session).is_some_and(|known| *known != claims);
            oracle.open(*session, &claims.0, &claims.1);
            !is_other
        }
        Step::LogOn(session, place) => oracle.log_on(*session, place).is_ok(),
        Step::Module(session, feature) => oracle.open_module(*session, FEATURES[*feature]).is_ok(),
        Step::LogOff(session) => {
            let is_there =
                oracle.present.values().any(|p| p.clients.contains(session) || p.modules.contains(session));
            oracle.log_off(*session);
            is_there
        }
        Step::End(session) => {
            let is_open = oracle.sessions.contains_key(session);
            oracle.end(*session);
            is_open
        }
        Step::Take(session) => oracle.take(*session, FLOATING).is_ok(),
        Step::Restore => true,
    }
}

/// Who holds what, as the site has it.
fn holdings(site: &Site) -> BTreeSet<(String, Model, Who)> {
    let mut held = BTreeSet::new();
    for key in site.index().features.keys() {
        for pool in site.pools_and_remnants(key) {
            for grant in site.holders(pool).filter(|_| pool.terms.model != Model::Floating) {
                let who = match site.holder_of(grant.grant).expect("a holder") {
                    Holder::User(id) => Who::User(site.user(id).unwrap().name.to_string()),
                    Holder::LogOn(id) => Who::LogOn(site.user(id).unwrap().name.to_string()),
                    Holder::Station(id) => Who::Station(site.station(id).unwrap().name.to_string()),
                };
                assert!(
                    held.insert((key.feature.to_string(), pool.terms.model, who)),
                    "a seat that is held twice"
                );
            }
        }
    }
    held
}

fn sessions(site: &Site) -> BTreeSet<u128> {
    site.sessions().map(|(id, _)| id.0).collect()
}

/// What the events say is out: whoever reads only them must know as much as the site.
fn note(out: &mut BTreeSet<GrantId>, events: &[Event]) {
    for event in events {
        match event {
            Event::CheckedOut(grant) => assert!(out.insert(grant.grant)),
            Event::CheckedIn { grant, .. } => assert!(out.remove(&grant.grant)),
            Event::Revoked { .. } => panic!("nothing here revokes"),
            _ => {}
        }
    }
}

/// Who is known by which id and how they are called: the site's word for it is the oracle's.
fn check_profiles(site: &Site, oracle: &Oracle) {
    for (name, user) in &oracle.users {
        let (id, _) = site.user_named("main", name).unwrap();
        let Profile { external_id, display_name, given_name, family_name } = site.profile(id);
        let called = [display_name, given_name, family_name].map(|text| text.map(String::from));
        assert_eq!((external_id.as_deref(), called), (user.external.as_deref(), user.called.clone()));
    }
    for external in ["x0", "x1", "x2"] {
        let user =
            site.user_of_external_id("main", external).map(|id| site.user(id).unwrap().name.to_string());
        let expected = oracle.users.iter().find(|(_, user)| user.external.as_deref() == Some(external));
        assert_eq!(user.as_ref(), expected.map(|(name, _)| name));
        let group = site.group_of_external_id("main", external);
        let group = group.map(|id| site.group(id).unwrap().name.to_string());
        let expected = oracle.external_groups.iter().find(|(_, id)| *id == external);
        assert_eq!(group.as_ref(), expected.map(|(name, _)| name));
    }
}

/// What a refused command may not change.
fn settings(site: &Site) -> String {
    let (users, stations): (Vec<_>, Vec<_>) = (site.users().collect(), site.stations().collect());
    let (groups, roles): (Vec<_>, Vec<_>) = (site.groups().collect(), site.roles().collect());
    let profiles: Vec<_> = users.iter().map(|(id, _)| (site.profile(*id), site.user_version(*id))).collect();
    let ids: Vec<_> =
        groups.iter().map(|(id, _)| (site.group_external_id(*id), site.group_version(*id))).collect();
    let present = site.presences().collect::<Vec<_>>();
    format!("{users:?} {stations:?} {groups:?} {roles:?} {present:?} {profiles:?} {ids:?}")
}

fn check_use(site: &Site, oracle: &Oracle) {
    for (name, user) in &oracle.users {
        for feature in FEATURES {
            let may = site.may_use(&"main".into(), name, feature).is_ok();
            let expected = !user.disabled && oracle.usable(name).contains(&feature.to_lowercase());
            assert_eq!(may, expected, "{name} may use {feature}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_directory_does_what_its_oracle_does(steps in prop::collection::vec(step(), 1..120)) {
        let (mut site, mut follower, mut oracle) = (Site::new(), Site::new(), Oracle::default());
        let (start, mut out) = ([Step::Load([6; 9]), Step::Direct(office())], BTreeSet::new());
        for (number, step) in start.iter().chain(&steps).enumerate() {
            if matches!(step, Step::Restore) {
                follower = Site::from_snapshot(&follower.to_snapshot()).unwrap();
            }
            let (before, held) = (settings(&site), holdings(&site));
            let entry = Entry { at: at(number as i64), command: command(step) };
            let outcome = site.apply(&entry);
            let same = follower.apply(&entry);
            prop_assert_eq!(format!("{:?}", outcome), format!("{:?}", same));
            prop_assert!(number % 3 > 0 || site.hash() == follower.hash(), "{:?}", step);
            let is_done = judged(&mut oracle, step);
            prop_assert_eq!(outcome.reply.is_ok(), is_done, "{:?} gave {:?}", step, outcome.reply);
            prop_assert_eq!(site.broken_invariants(), Vec::<String>::new(), "{:?}", step);
            note(&mut out, &outcome.events);
            prop_assert_eq!(out.len(), site.grant_count());
            let now = holdings(&site);
            prop_assert_eq!(&now, &oracle.holdings(), "{:?}", step);
            prop_assert_eq!(sessions(&site), oracle.sessions.keys().copied().collect::<BTreeSet<_>>(), "{:?}", step);
            for (feature, model, _) in now.difference(&held) {
                let used = now.iter().filter(|(f, m, _)| f == feature && m == model).count() as u32;
                prop_assert!(used <= oracle.bought(feature, *model), "more of {} taken than bought", feature);
            }
            check_use(&site, &oracle);
            check_profiles(&site, &oracle);
            if !is_done {
                prop_assert_eq!(&now, &held);
                prop_assert_eq!(before, settings(&site));
            }
        }
    }
}
