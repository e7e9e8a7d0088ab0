//! Who may use what at the size of a large site: `apply` alone, without log and network. Prints figures, asserts nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_license::Model;
use grantor_site::command::{EndReason, Identity, OpenSession};
use grantor_site::directory::{Change, HolderName, Media, Method, Place, StationKind};
use grantor_site::ids::SessionId;
use grantor_site::{Command, Entry, Site, Timestamp};

use crate::core;

const USERS: usize = 100_000;
const STATIONS: usize = 20_000;
const GROUPS: usize = 500;
const LICENSES: usize = 40;
const MEMBERS: usize = 10_000;
const LOG_ONS: usize = 2_000;

/// Prints a line for each figure.
pub(crate) fn run() {
    let mut bench = Bench { site: Site::new(), at: 1_700_000_000_000 };
    bench.apply(Command::LoadFile(Arc::new(licenses())));
    bench.fill();
    bench.assign();
    bench.log_on();
    bench.look();
    bench.keep();
}

/// Twenty assignable licenses, ten concurrent ones, ten applications.
fn licenses() -> grantor_site::command::LicenseFile {
    let mut file = core::file(LICENSES);
    for (number, line) in file.lines.iter_mut().enumerate() {
        line.offer.model = match number {
            0..20 => Model::Assignable,
            20..30 => Model::Concurrent,
            _ => Model::Role,
        };
        match number {
            0 => line.offer.feature = "I3_LICENSE_BASIC_STATION".to_owned(),
            20 => line.offer.feature = "I3_ACCESS_CLIENT".to_owned(),
            _ => {}
        }
    }
    file
}

fn name(kind: &str, number: usize) -> Box<str> {
    format!("{kind}{number:06}").into()
}

struct Bench {
    site: Site,
    at: i64,
}

impl Bench {
    fn apply(&mut self, command: Command) -> Duration {
        self.at += 1;
        let entry = Entry { at: Timestamp(self.at), command };
        let start = Instant::now();
        let outcome = self.site.apply(&entry);
        let elapsed = start.elapsed();
        if let Err(refusal) = outcome.reply {
            println!("refused: {refusal:?}");
        }
        elapsed
    }

    fn direct(&mut self, changes: Vec<Change>) -> Duration {
        let (tenant, by) = ("default".into(), "bench".to_owned());
        self.apply(Command::Direct { tenant, changes: Arc::new(changes), by })
    }

    fn fill(&mut self) {
        let add =
            |n| Change::AddUser { name: name("user", n), mail: None, is_enabled: true, is_default: false };
        let mut time = Duration::ZERO;
        for start in (0..USERS).step_by(MEMBERS) {
            time += self.direct((start..start + MEMBERS).map(add).collect());
        }
        println!("{USERS} users added, {MEMBERS} an entry: {time:.0?}");
        let station = |n| Change::AddStation {
            name: name("station", n),
            machine: name("machine", n),
            kind: StationKind::Workstation,
            is_enabled: true,
        };
        let mut time = self.direct((0..STATIONS).map(station).collect());
        let to = (0..STATIONS).map(|n| HolderName::Station(name("station", n))).collect();
        let feature = "I3_LICENSE_BASIC_STATION".into();
        time += self.direct(vec![Change::License { feature, method: Method::Assignable, to }]);
        println!("{STATIONS} stations added and licensed in two entries: {time:.0?}");
        let mut time = Duration::ZERO;
        for group in 0..GROUPS {
            let users = (0..USERS / GROUPS).map(|n| name("user", group + n * GROUPS)).collect();
            let add = Change::AddGroup { name: name("group", group), queue: None, media: Media::NONE };
            time += self.direct(vec![add, Change::AddMembers { group: name("group", group), users }]);
        }
        println!("{GROUPS} groups of {} members: {time:.0?}", USERS / GROUPS);
    }

    /// The figure that matters: a role for a group of ten thousand, in one entry.
    fn assign(&mut self) {
        let users: Vec<Box<str>> = (0..MEMBERS).map(|n| name("user", n * (USERS / MEMBERS))).collect();
        let group = || Box::from("everybody");
        let role = || Box::from("AGENT");
        let add = Change::AddGroup { name: group(), queue: None, media: Media::NONE };
        let members = Change::AddMembers { group: group(), users };
        self.direct(vec![add, Change::DefineRole { role: role(), application: Some("f35".into()) }]);
        let joined = self.direct(vec![members.clone()]);
        println!("{MEMBERS} members put into a group: {joined:.1?}");
        for _ in 0..3 {
            let assigned = self.direct(vec![Change::AssignGroupRole { role: role(), group: group() }]);
            let withdrawn = self.direct(vec![Change::WithdrawGroupRole { role: role(), group: group() }]);
            println!("role assigned to a group of {MEMBERS}: {assigned:.1?}; withdrawn: {withdrawn:.1?}");
        }
        self.direct(vec![
            Change::EmptyGroup { group: group() },
            Change::AssignGroupRole { role: role(), group: group() },
        ]);
        println!("{MEMBERS} members put into a group with a role: {:.1?}", self.direct(vec![members]));
        let to = vec![HolderName::Members(group())];
        let license = Change::License { feature: "f5".into(), method: Method::Assignable, to: to.clone() };
        println!("a license allocated to {MEMBERS} members: {:.1?}", self.direct(vec![license]));
        let one = Change::AssignRole { role: role(), user: name("user", 1) };
        println!("role assigned to one user: {:.1?}", self.direct(vec![one]));
    }

    fn log_on(&mut self) {
        let users: Vec<HolderName> =
            (0..LOG_ONS).map(|n| HolderName::User(name("user", n * 10 + 1))).collect();
        for feature in ["I3_ACCESS_CLIENT", "f21", "f22"] {
            let feature = feature.into();
            self.direct(vec![Change::License { feature, method: Method::Concurrent, to: users.clone() }]);
        }
        let (mut total, mut longest) = (Duration::ZERO, Duration::ZERO);
        for number in 0..LOG_ONS {
            let session = SessionId(number as u128 + 1);
            self.apply(Command::OpenSession(self.session(session, number * 10 + 1)));
            let place = Place::Station(name("station", number));
            let time = self.apply(Command::LogOn { session, place });
            (total, longest) = (total + time, longest.max(time));
        }
        println!(
            "log-on with three concurrent licenses: {:.1?} each, {longest:.1?} at most",
            total / LOG_ONS as u32
        );
        let mut total = Duration::ZERO;
        for number in 0..LOG_ONS / 2 {
            let session = SessionId(number as u128 + 1);
            total += self.apply(Command::EndSession { session, why: EndReason::Closed });
        }
        println!("log-off: {:.1?} each", total / (LOG_ONS / 2) as u32);
    }

    fn session(&self, session: SessionId, user: usize) -> OpenSession {
        let who = Identity { user: name("user", user), host: "pc".into(), ..Identity::default() };
        OpenSession {
            session,
            tenant: "default".into(),
            who,
            machine: None,
            heartbeat_seconds: 0,
            lease_until: None,
        }
    }

    fn look(&self) {
        let start = Instant::now();
        let rows = self.site.allocation("default").len();
        println!("the allocation table, {rows} rows: {:.1?}", start.elapsed());
        let start = Instant::now();
        let found = self.site.find_users("default", "99", "user050000", 50).len();
        println!("{found} users found by a part of their names: {:.1?}", start.elapsed());
        let start = Instant::now();
        let tenant: Arc<str> = "default".into();
        let may =
            (0..1000).filter(|n| self.site.may_use(&tenant, &name("user", n * 10), "f35").is_ok()).count();
        println!("asked whether {may} users may: {:.1?} each", start.elapsed() / 1000);
    }

    fn keep(&self) {
        let start = Instant::now();
        let copy = self.site.clone();
        println!("clone: {:.1?}", start.elapsed());
        let start = Instant::now();
        let bytes = copy.to_snapshot();
        println!("snapshot of {} grants, {} bytes: {:.0?}", copy.grant_count(), bytes.len(), start.elapsed());
        let start = Instant::now();
        let read = Site::from_snapshot(&bytes);
        println!("read again: {:.0?}", start.elapsed());
        println!("the same: {}", read.is_ok_and(|read| read.hash() == copy.hash()));
    }
}
