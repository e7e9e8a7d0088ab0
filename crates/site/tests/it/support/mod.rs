//! License lines, files and commands that the tests share, made without signatures.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, of which each program uses its part"
)]

use std::sync::Arc;

use grantor_license::{Count, DupGroup, HostId, Model, Offer, OfferKind, Supersede, Version, VersionRule};
use grantor_site::command::{
    Amount, CheckOut, Command, EndReason, Entry, Identity, LicenseFile, LoadedLine, OpenSession,
};
use grantor_site::directory::{Change, HolderName, Media, Method, Place, Queue, StationKind, Warning};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use grantor_site::outcome::{Granted, NoneLeft};
use grantor_site::{Event, Outcome, Refusal, Reply, Site, Timestamp};

pub const SECOND: i64 = 1000;

pub fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * SECOND)
}

/// A line of an `INCREMENT`, to change where a test wants it otherwise.
pub fn line(feature: &str, version_text: &str, count: u32) -> LoadedLine {
    let offer = Offer {
        kind: OfferKind::Increment,
        feature: feature.to_owned(),
        publisher: "acme".to_owned(),
        version: version(version_text),
        version_rule: VersionRule::AtLeast,
        model: Model::Floating,
        count: Count::Counted(count),
        overdraft: 0,
        hold_seconds: 0,
        linger_seconds: 0,
        borrow_hours: None,
        dup_group: DupGroup::default(),
        locks: Vec::new(),
        lrn: "LRN-1".to_owned(),
        starts: None,
        last_day: None,
        issued: None,
        supersede: Supersede::None,
        sign: String::new(),
        sort: 100,
        pool_key: String::new(),
        file: 0,
        line: 0,
        serial: None,
        vendor_string: None,
        suite_dup_group: None,
    };
    LoadedLine { offer, proof: format!("proof of {feature} {version_text}").into(), starts: None, ends: None }
}

pub fn with(mut line: LoadedLine, change: impl FnOnce(&mut Offer)) -> LoadedLine {
    change(&mut line.offer);
    line
}

pub fn dup(text: &str) -> DupGroup {
    DupGroup::parse(text).unwrap()
}

pub fn lock(text: &str) -> HostId {
    HostId::parse(text).unwrap()
}

/// A file of these lines: line numbers, signatures and pool keys are filled in as reading a file would.
pub fn file(tenant: &str, name: &str, lines: Vec<LoadedLine>) -> LicenseFile {
    let mut lines = lines;
    for (number, line) in lines.iter_mut().enumerate() {
        let offer = &mut line.offer;
        offer.line = number as u32 + 1;
        let locks: Vec<String> = offer.locks.iter().map(ToString::to_string).collect();
        offer.pool_key = format!(
            "{} {} {} HOLD={} BORROW={:?} HOSTID={}",
            offer.model.name(),
            offer.version_rule.name(),
            offer.dup_group.canonical(),
            offer.hold_seconds,
            offer.borrow_hours,
            locks.join(" ")
        );
        if offer.sign.is_empty() {
            // Two files hold different lines, however alike they look: the same signature would count once.
            offer.sign =
                format!("{:016x}", fold(&format!("{name} {offer:?} {:?} {:?}", line.starts, line.ends)));
        }
    }
    let text: String =
        lines.iter().map(|line| format!("{} {}\n", line.offer.feature, line.offer.sign)).collect();
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&fold(&text).to_le_bytes());
    LicenseFile { tenant: tenant.into(), name: name.to_owned(), digest, text, licenses: Vec::new(), lines }
}

/// FNV-1a: a digest that needs no library.
fn fold(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

pub fn load(tenant: &str, name: &str, lines: Vec<LoadedLine>) -> Command {
    Command::LoadFile(Arc::new(file(tenant, name, lines)))
}

pub fn remove(tenant: &str, name: &str) -> Command {
    Command::RemoveFile { tenant: tenant.into(), name: name.to_owned(), by: "admin".to_owned() }
}

pub fn who(user: &str, host: &str, display: &str) -> Identity {
    Identity {
        user: user.into(),
        host: host.into(),
        display: display.into(),
        application: "test".into(),
        process: 1,
    }
}

pub fn open(session: u128, tenant: &str, who: Identity) -> OpenSession {
    OpenSession {
        session: SessionId(session),
        tenant: tenant.into(),
        who,
        machine: None,
        heartbeat_seconds: 0,
        lease_until: None,
    }
}

pub fn ask(session: u128, feature: &str, amount: Amount) -> CheckOut {
    CheckOut {
        session: SessionId(session),
        request: RequestKey(0),
        feature: feature.to_owned(),
        version: version("1"),
        amount,
        queue_until: None,
        share: None,
    }
}

pub fn end(session: u128) -> Command {
    Command::EndSession { session: SessionId(session), why: EndReason::Closed }
}

pub fn check_in(session: u128, grant: GrantId) -> Command {
    Command::CheckIn { session: SessionId(session), grant }
}

/// A site whose every step is looked at.
pub struct Story {
    pub site: Site,
    pub now: i64,
    pub events: Vec<Event>,
}

impl Story {
    pub fn new() -> Self {
        Self { site: Site::new(), now: 0, events: Vec::new() }
    }

    /// One file of tenant `main`, and sessions 1 to 5 of users u1 to u5 on hosts h1 to h5.
    pub fn with(lines: Vec<LoadedLine>) -> Self {
        let mut story = Self::new();
        story.run(load("main", "a", lines)).unwrap();
        for n in 1..=5u128 {
            let who = who(&format!("u{n}"), &format!("h{n}"), &format!("d{n}"));
            story.run(Command::OpenSession(open(n, "main", who))).unwrap();
        }
        story
    }

    pub fn run(&mut self, command: Command) -> Result<Reply, Refusal> {
        let Outcome { reply, events } = self.site.apply(&Entry { at: at(self.now), command });
        self.events = events;
        assert_eq!(self.site.broken_invariants(), Vec::<String>::new());
        reply
    }

    pub fn go_to(&mut self, seconds: i64) {
        self.now = seconds;
        self.run(Command::Tick).unwrap();
    }

    pub fn ask(&mut self, ask: CheckOut) -> Result<Reply, Refusal> {
        self.run(Command::CheckOut(ask))
    }

    /// Takes seats; there must be some.
    pub fn take(&mut self, session: u128, feature: &str, amount: Amount) -> Vec<Granted> {
        granted(self.ask(ask(session, feature, amount)))
    }

    pub fn one(&mut self, session: u128, feature: &str) -> GrantId {
        self.take(session, feature, Amount::exactly(1))[0].grant
    }

    /// Is refused as all seats are out.
    pub fn none_left(&mut self, session: u128, feature: &str, amount: Amount) -> NoneLeft {
        match self.ask(ask(session, feature, amount)) {
            Err(Refusal::NoneLeft(none_left)) => *none_left,
            other => panic!("not refused as all seats are out: {other:?}"),
        }
    }

    /// What is out of all pools of a feature.
    pub fn used(&self, tenant: &str, feature: &str) -> u32 {
        let key = grantor_site::pool::FeatureKey::new(&tenant.into(), feature);
        self.site.pools_and_remnants(&key).map(|pool| pool.used).sum()
    }

    /// The kinds of the standing violations.
    pub fn standing(&self) -> Vec<&'static str> {
        self.site.violations().iter().map(|violation| violation.breach.kind()).collect()
    }
}

pub fn granted(reply: Result<Reply, Refusal>) -> Vec<Granted> {
    match reply {
        Ok(Reply::CheckedOut { grants }) => grants,
        other => panic!("not granted: {other:?}"),
    }
}

/// A line whose seats are had in another way than by checkout.
pub fn sold(feature: &str, model: Model, count: u32) -> LoadedLine {
    with(line(feature, "4.0", count), |offer| offer.model = model)
}

/// Everything that a contact centre's licensing page shows, so many seats of each.
pub fn contact_centre(count: u32) -> Vec<LoadedLine> {
    let both = [
        "I3_ACCESS_CLIENT",
        "I3_ACCESS_ACD_MEDIA_1",
        "I3_ACCESS_ACD_MEDIA_2",
        "I3_ACCESS_ACD_MEDIA_3_PLUS",
        "I3_ACCESS_ACD_SOCIAL_MEDIA",
        "I3_ACCESS_IPA_USER",
        "I3_ACCESS_IPA_MONITOR",
        "I3_ACCESS_IPA_DESIGNER",
        "I3_ACCESS_ANALYTICS_CORE",
        "I3_ACCESS_ANALYTICS_ENTERPRISE",
        "Recorder",
        "Supervisor",
        "Optimizer",
    ];
    let mut lines = vec![sold("I3_LICENSE_BASIC_STATION", Model::Assignable, count)];
    for feature in both {
        lines.push(sold(feature, Model::Assignable, count));
        lines.push(sold(feature, Model::Concurrent, count));
    }
    lines
}

pub const BASIC: &str = "I3_LICENSE_BASIC_STATION";
pub const CLIENT: &str = "I3_ACCESS_CLIENT";
pub const ACD_1: &str = "I3_ACCESS_ACD_MEDIA_1";
pub const ACD_2: &str = "I3_ACCESS_ACD_MEDIA_2";
pub const ACD_3: &str = "I3_ACCESS_ACD_MEDIA_3_PLUS";

pub fn user(name: &str) -> Change {
    Change::AddUser { name: name.into(), mail: None, is_enabled: true, is_default: false }
}

pub fn workstation(name: &str) -> Change {
    station(name, StationKind::Workstation)
}

pub fn station(name: &str, kind: StationKind) -> Change {
    Change::AddStation { name: name.into(), machine: format!("{name}-pc").into(), kind, is_enabled: true }
}

pub fn group(name: &str) -> Change {
    Change::AddGroup { name: name.into(), queue: None, media: Media::NONE }
}

pub fn workgroup(name: &str, media: Media) -> Change {
    Change::AddGroup { name: name.into(), queue: Some(Queue::Acd), media }
}

pub fn members(group: &str, users: &[&str]) -> Change {
    Change::AddMembers { group: group.into(), users: users.iter().map(|user| Box::from(*user)).collect() }
}

pub fn role(role: &str, application: &str) -> Change {
    Change::DefineRole { role: role.into(), application: Some(application.into()) }
}

pub fn of_user(name: &str) -> HolderName {
    HolderName::User(name.into())
}

pub fn of_station(name: &str) -> HolderName {
    HolderName::Station(name.into())
}

pub fn assign(feature: &str, to: &[HolderName]) -> Change {
    Change::License { feature: feature.into(), method: Method::Assignable, to: to.to_vec() }
}

pub fn concurrent(feature: &str, users: &[&str]) -> Change {
    let to = users.iter().map(|user| of_user(user)).collect();
    Change::License { feature: feature.into(), method: Method::Concurrent, to }
}

pub fn unlicense(feature: &str, from: HolderName) -> Change {
    Change::Unlicense { feature: feature.into(), from: vec![from] }
}

pub fn direct(changes: Vec<Change>) -> Command {
    Command::Direct { tenant: "main".into(), changes: Arc::new(changes), by: "admin".to_owned() }
}

impl Story {
    /// Lines of tenant `main`, and what is in its directory.
    pub fn directed(lines: Vec<LoadedLine>, changes: Vec<Change>) -> Self {
        let mut story = Self::new();
        story.run(load("main", "a", lines)).unwrap();
        story.change(changes);
        story
    }

    /// Changes the directory, which must be possible, and gives what is warned of.
    pub fn change(&mut self, changes: Vec<Change>) -> Vec<Warning> {
        match self.run(direct(changes)) {
            Ok(Reply::Directed { warnings }) => warnings,
            other => panic!("the directory was not changed: {other:?}"),
        }
    }

    /// Tries a change that must be refused, and must change nothing but what its refusal makes known.
    pub fn refuses(&mut self, change: Change) -> Refusal {
        let before = self.site.clone();
        let refusal = self.run(direct(vec![change])).expect_err("the change was not refused");
        assert_eq!(self.site.grant_count(), before.grant_count());
        assert_eq!(
            format!("{:?}", self.people()),
            format!("{:?}", Self { site: before, now: 0, events: Vec::new() }.people())
        );
        refusal
    }

    fn people(&self) -> Vec<String> {
        let users = self.site.users().map(|(_, user)| format!("{user:?}"));
        let stations = self.site.stations().map(|(_, station)| format!("{station:?}"));
        users.chain(stations).chain(self.site.groups().map(|(_, group)| format!("{group:?}"))).collect()
    }

    /// How many seats are missing for a change that must be refused.
    pub fn short(&mut self, change: Change) -> u32 {
        match self.refuses(change) {
            Refusal::Shortfall(short) => short.short(),
            other => panic!("refused for another reason: {other:?}"),
        }
    }

    /// Opens a session of `user` on `host`.
    pub fn open(&mut self, session: u128, user: &str, host: &str) {
        self.run(Command::OpenSession(open(session, "main", who(user, host, "")))).unwrap();
    }

    pub fn log_on(&mut self, session: u128, station: &str) -> Result<Reply, Refusal> {
        self.run(Command::LogOn { session: SessionId(session), place: Place::Station(station.into()) })
    }

    pub fn dial_in(&mut self, session: u128, number: &str) -> Result<Reply, Refusal> {
        self.run(Command::LogOn { session: SessionId(session), place: Place::Number(number.into()) })
    }

    pub fn module(&mut self, session: u128, feature: &str) -> Result<Reply, Refusal> {
        self.run(Command::OpenModule { session: SessionId(session), feature: feature.into() })
    }

    pub fn end(&mut self, session: u128) {
        self.run(end(session)).unwrap();
    }

    pub fn may(&self, user: &str, feature: &str) -> bool {
        self.site.may_use(&"main".into(), user, feature).is_ok()
    }

    /// Configured and used of a license: assignable, concurrent.
    pub fn row(&self, feature: &str) -> [u32; 4] {
        let rows = self.site.allocation("main");
        let row = rows.iter().find(|row| &*row.feature == feature).expect("a row of that feature");
        [row.assignable_configured, row.assignable_in_use, row.concurrent_configured, row.concurrent_in_use]
    }
}
