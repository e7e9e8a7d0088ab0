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
