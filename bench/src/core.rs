//! `apply` alone: sessions that check out and check in, without log and network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_license::{Machine, Version};
use grantor_site::command::{Amount, CheckOut, Identity, LicenseFile, LoadedLine, OpenSession};
use grantor_site::ids::{RequestKey, SessionId};
use grantor_site::outcome::Reply;
use grantor_site::{Command, Entry, Site, Timestamp};
use jiff::civil::date;

use crate::issue;

/// Prints a line a setting.
pub(crate) fn run(time: Duration) {
    for (pools, held) in [(1, 0), (100, 0), (1, 1_000_000)] {
        let mut bench = Bench::new(pools, held);
        let (operations, elapsed) = bench.measure(time);
        let rate = operations as f64 / elapsed.as_secs_f64();
        println!(
            "{pools:>3} pools, {held:>7} seats held: {rate:>9.0} operations/s, {:.2} µs each",
            1e6 / rate
        );
    }
}

struct Bench {
    site: Site,
    pools: u64,
    at: i64,
    version: Version,
}

impl Bench {
    fn new(pools: usize, held: u64) -> Self {
        let version = Version::parse("8.0").unwrap_or_else(|error| panic!("{error}"));
        let mut bench = Self { site: Site::new(), pools: pools as u64, at: 1_700_000_000_000, version };
        bench.apply(Command::LoadFile(Arc::new(file(pools))));
        for number in 0..1000 {
            bench.open(number);
        }
        for number in 0..held {
            bench.open(1_000_000 + number);
            bench.take(1_000_000 + number, number + 1);
        }
        bench
    }

    fn apply(&mut self, command: Command) -> Option<Reply> {
        self.at += 1;
        self.site.apply(&Entry { at: Timestamp(self.at), command }).reply.ok()
    }

    fn open(&mut self, number: u64) {
        self.apply(open(number));
    }

    fn take(&mut self, session: u64, request: u64) -> Option<Reply> {
        self.apply(Command::CheckOutOnce(CheckOut {
            session: SessionId(session.into()),
            request: RequestKey(request.into()),
            feature: format!("f{}", request % self.pools),
            version: self.version.clone(),
            amount: Amount::exactly(1),
            queue_until: None,
            share: None,
        }))
    }

    fn measure(&mut self, time: Duration) -> (u64, Duration) {
        let start = Instant::now();
        let mut operations = 0;
        while start.elapsed() < time {
            for session in 0..1000 {
                if let Some(Reply::CheckedOut { grants }) = self.take(session, operations + 1) {
                    for granted in grants {
                        self.apply(Command::CheckIn {
                            session: SessionId(session.into()),
                            grant: granted.grant,
                        });
                    }
                }
                operations += 2;
            }
        }
        (operations, start.elapsed())
    }
}

/// A session whose names have twelve bytes.
pub(crate) fn open(number: u64) -> Command {
    let who = Identity {
        user: format!("user{number:08}").into(),
        host: format!("host{number:08}").into(),
        ..Identity::default()
    };
    Command::OpenSession(OpenSession {
        session: SessionId(number.into()),
        tenant: "default".into(),
        who,
        machine: None,
        heartbeat_seconds: 0,
        lease_until: None,
    })
}

/// A loaded file of `features` pools.
pub(crate) fn file(features: usize) -> LicenseFile {
    let document = issue::file(features, 2_000_000).unwrap_or_else(|error| panic!("{error}"));
    let admission =
        grantor_license::admit(&[document], &issue::trust(), &Machine::default(), date(2026, 6, 1));
    let line = |admitted: grantor_license::Admitted| LoadedLine {
        offer: admitted.offer,
        proof: admitted.proof.into(),
        starts: None,
        ends: None,
    };
    LicenseFile {
        tenant: "default".into(),
        name: "bench.lic".to_owned(),
        digest: [0; 32],
        text: String::new(),
        licenses: Vec::new(),
        lines: admission.offers.into_iter().map(line).collect(),
    }
}
