//! Random command sequences: small numbers that are turned into commands when their turn comes, so that proptest can
//! shrink them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, of which each program uses its part"
)]

use grantor_license::{Component, Count, Model, OfferKind, SuiteKind, Supersede, VersionRule};
use grantor_site::Timestamp;
use grantor_site::command::{Amount, CheckOut, Command, EndReason, Entry, LoadedLine};
use grantor_site::ids::{GrantId, LoanKey, RequestKey, SessionId, TicketId};
use grantor_site::settings::{FeaturePolicy, Settings, Shrink};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

use crate::oracle::Oracle;
use crate::support::{ask, at, dup, line, load, lock, open, remove, who, with};

pub const TENANTS: [&str; 2] = ["main", "other"];
const FEATURES: [&str; 4] = ["Seats", "desk_tool", "Suite", "seats"];
const VERSIONS: [&str; 3] = ["8.0", "8.5", "9.0"];
const NAMES: [&str; 3] = ["a.lic", "b.lic", "c.lic"];
const DUPS: [&str; 7] = ["NONE", "U", "H", "D", "UH", "V", "SITE"];
const LOCKS: [&str; 3] = ["HOSTNAME=h0", "USER=u1", "DISPLAY=d2"];

/// One line of a random file.
#[derive(Clone, Debug)]
pub struct LineSpec {
    feature: usize,
    kind: u8,
    version: usize,
    same_major: bool,
    count: u32,
    overdraft: u32,
    hold: u32,
    linger: u32,
    borrow: Option<u32>,
    dup: usize,
    lock: Option<usize>,
    publisher: usize,
    starts: Option<i64>,
    ends: Option<i64>,
    issued: Option<i8>,
    supersede: bool,
}

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Load {
        tenant: usize,
        name: usize,
        lines: Vec<LineSpec>,
    },
    Remove {
        tenant: usize,
        name: usize,
    },
    Open {
        session: u128,
        tenant: usize,
        user: usize,
        lease: Option<i64>,
    },
    Instance {
        session: u128,
        tenant: usize,
        name: usize,
    },
    Reserved {
        nth: usize,
        ask: Box<Step>,
    },
    Renew {
        session: u128,
        by: i64,
    },
    End {
        session: u128,
    },
    CheckOut {
        session: u128,
        request: u128,
        feature: usize,
        version: usize,
        at_least: u32,
        more: Option<u32>,
        wait: Option<i64>,
        share: Option<u8>,
    },
    CheckInOwn {
        nth: usize,
    },
    CheckIn {
        session: u128,
        grant: u64,
    },
    LeaveOwn {
        nth: usize,
    },
    Leave {
        session: u128,
        ticket: u64,
    },
    RemoveGrant {
        nth: usize,
    },
    BorrowOwn {
        nth: usize,
        loan: u128,
        by: i64,
    },
    ReturnLoan {
        loan: u128,
    },
    Configure {
        limit: u32,
        bound: u32,
        sessions: u32,
        shrink: u8,
    },
    Policy {
        tenant: usize,
        feature: usize,
        policy: Option<(Option<u32>, Option<u32>, Option<u8>)>,
    },
    ClearViolation {
        nth: usize,
    },
    Clock {
        confirm: bool,
    },
    Tick,
}

pub fn lines() -> impl Strategy<Value = LineSpec> {
    let what = (0..4usize, 0..12u8, 0..3usize, prop::bool::weighted(0.2), 0..6u32, 0..3u32);
    let terms = (
        prop_oneof![4 => Just(0), 1 => 1..60u32],
        prop_oneof![4 => Just(0), 1 => 1..60u32],
        prop_oneof![4 => Just(0usize), 2 => 0..7usize],
        weighted(0.12, 0..3usize),
        0..2usize,
        weighted(0.3, 0..2u32),
    );
    let dates = (weighted(0.25, 0..900i64), weighted(0.35, 0..900i64), weighted(0.3, 1..5i8));
    (what, terms, dates, prop::bool::weighted(0.05)).prop_map(|(what, terms, dates, supersede)| LineSpec {
        feature: what.0,
        kind: what.1,
        version: what.2,
        same_major: what.3,
        count: what.4,
        overdraft: what.5.saturating_sub(1),
        hold: terms.0,
        linger: terms.1,
        dup: terms.2,
        lock: terms.3,
        publisher: terms.4,
        borrow: terms.5,
        starts: dates.0,
        ends: dates.1,
        issued: dates.2,
        supersede,
    })
}

fn check_out() -> impl Strategy<Value = Step> {
    let more = prop_oneof![4 => Just(Some(0)), 2 => (0..4u32).prop_map(Some), 1 => Just(None)];
    let at_least = prop_oneof![1 => Just(0), 30 => Just(1), 10 => 2..4u32, 1 => Just(40)];
    let request = prop_oneof![3 => Just(0), 1 => 1..5u128];
    let wait = prop_oneof![2 => Just(None), 3 => (-5..80i64).prop_map(Some)];
    (0..9u128, request, 0..5usize, 0..3usize, at_least, more, wait, weighted(0.5, 0..2u8)).prop_map(
        |(session, request, feature, version, at_least, more, wait, share)| Step::CheckOut {
            session,
            request,
            feature,
            version,
            at_least,
            more,
            wait,
            share,
        },
    )
}

pub fn steps() -> impl Strategy<Value = Step> {
    let policy = (weighted(0.5, 0..5u32), weighted(0.5, 0..4u32), of(0..3u8));
    prop_oneof![
        3 => (0..2usize, 0..3usize, vec(lines(), 1..6))
            .prop_map(|(tenant, name, lines)| Step::Load { tenant, name, lines }),
        1 => (0..2usize, 0..3usize).prop_map(|(tenant, name)| Step::Remove { tenant, name }),
        10 => (0..6u128, prop_oneof![4 => Just(0usize), 1 => Just(1)], 0..3usize, weighted(0.3, -5..100i64))
            .prop_map(|(session, tenant, user, lease)| Step::Open { session, tenant, user, lease }),
        6 => (5..9u128, prop_oneof![4 => Just(0usize), 1 => Just(1)], 0..2usize)
            .prop_map(|(session, tenant, name)| Step::Instance { session, tenant, name }),
        10 => (0..20usize, check_out()).prop_map(|(nth, ask)| Step::Reserved { nth, ask: Box::new(ask) }),
        2 => (0..6u128, -5..100i64).prop_map(|(session, by)| Step::Renew { session, by }),
        3 => (0..6u128).prop_map(|session| Step::End { session }),
        40 => check_out(),
        14 => (0..20usize).prop_map(|nth| Step::CheckInOwn { nth }),
        1 => (0..6u128, 0..60u64).prop_map(|(session, grant)| Step::CheckIn { session, grant }),
        2 => (0..8usize).prop_map(|nth| Step::LeaveOwn { nth }),
        1 => (0..6u128, 0..40u64).prop_map(|(session, ticket)| Step::Leave { session, ticket }),
        2 => (0..20usize).prop_map(|nth| Step::RemoveGrant { nth }),
        6 => (0..20usize, 0..9u128, -2..200i64).prop_map(|(nth, loan, by)| Step::BorrowOwn { nth, loan, by }),
        2 => (0..9u128).prop_map(|loan| Step::ReturnLoan { loan }),
        1 => (1..12u32, 0..6u32, 3..8u32, 0..3u8)
            .prop_map(|(limit, bound, sessions, shrink)| Step::Configure { limit, bound, sessions, shrink }),
        1 => (0..2usize, 0..4usize, of(policy))
            .prop_map(|(tenant, feature, policy)| Step::Policy { tenant, feature, policy }),
        1 => (0..6usize).prop_map(|nth| Step::ClearViolation { nth }),
        1 => any::<bool>().prop_map(|confirm| Step::Clock { confirm }),
        3 => Just(Step::Tick),
    ]
}

/// A step and by how many seconds the clock moves before it.
pub fn sequence(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(i64, Step)>> {
    let moves = prop_oneof![10 => Just(0), 10 => 0..4i64, 2 => 4..60i64, 1 => -30..0i64];
    vec((moves, steps()), length)
}

fn make_line(spec: &LineSpec) -> LoadedLine {
    let mut made = with(line(FEATURES[spec.feature], VERSIONS[spec.version], spec.count), |offer| {
        offer.publisher = ["acme", "genesys"][spec.publisher].to_owned();
        if spec.same_major {
            offer.version_rule = VersionRule::SameMajor;
        }
        offer.overdraft = spec.overdraft;
        offer.hold_seconds = spec.hold;
        offer.linger_seconds = spec.linger;
        offer.borrow_hours = spec.borrow;
        offer.dup_group = dup(DUPS[spec.dup]);
        offer.locks = spec.lock.map(|number| lock(LOCKS[number])).into_iter().collect();
        offer.issued = spec.issued.map(|day| jiff::civil::date(2026, 1, day));
        if spec.supersede && offer.issued.is_some() {
            offer.supersede = Supersede::Features(vec![offer.feature.clone()]);
        }
        match spec.kind {
            0 | 1 => offer.kind = OfferKind::Feature,
            2 => offer.kind = OfferKind::Upgrade { from: grantor_license::Version::parse("8.0").unwrap() },
            3 => {
                let part =
                    |feature: &str, count| Component { feature: feature.to_owned(), version: None, count };
                let components = vec![part("seats", 1), part("desk_tool", 2)];
                let suite = spec.count.is_multiple_of(2).then_some(SuiteKind::Suite);
                offer.feature = "Suite".to_owned();
                offer.kind = OfferKind::Package { components, suite, versioned: true };
            }
            4 if spec.count == 0 => offer.model = Model::Assignable,
            _ => {}
        }
        if spec.count == 0 {
            offer.count = if spec.dup == 0 { Count::Uncounted } else { Count::Counted(1) };
        }
        if offer.count == Count::Uncounted && offer.model == Model::Floating {
            offer.model = Model::Uncounted;
        }
    });
    made.starts = spec.starts.map(at);
    made.ends = spec.ends.map(|ends| at(ends.max(spec.starts.unwrap_or(0))));
    made
}

fn shrink(number: u8) -> Shrink {
    [Shrink::Keep, Shrink::RevokeNewest, Shrink::RevokeOldest][usize::from(number)]
}

/// The commands of a sequence, made as the oracle's state says whose grants there are.
pub struct Script {
    pub clock: i64,
}

impl Script {
    pub fn entry(&mut self, oracle: &Oracle, violations: &[u64], step: &(i64, Step)) -> Entry {
        self.clock = (self.clock + step.0).max(0);
        let at = at(self.clock);
        Entry { at, command: command(oracle, at.max(oracle.now), violations, &step.1) }
    }
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(now.0 + seconds * 1000)
}

fn command(oracle: &Oracle, now: Timestamp, violations: &[u64], step: &Step) -> Command {
    match step {
        Step::Load { tenant, name, lines } => {
            load(TENANTS[*tenant], NAMES[*name], lines.iter().map(make_line).collect())
        }
        Step::Remove { tenant, name } => remove(TENANTS[*tenant], NAMES[*name]),
        Step::Open { session, tenant, user, lease } => {
            let (user, host) = (format!("u{user}"), format!("{}{}", ["h", "H"][user % 2], session % 3));
            let mut open = open(*session, TENANTS[*tenant], who(&user, &host, &format!("d{}", session % 4)));
            open.lease_until = lease.map(|by| later(now, by));
            Command::OpenSession(open)
        }
        Step::Instance { session, tenant, name } => {
            let open = open(*session, TENANTS[*tenant], who("u0", "h0", "d0"));
            Command::OpenInstance { open, instance: format!("i{name}").into() }
        }
        Step::Reserved { nth, ask } => match command(oracle, now, violations, ask) {
            Command::CheckOut(ask) | Command::CheckOutOnce(ask) => reserved(oracle, *nth, ask),
            other => other,
        },
        Step::Renew { session, by } => {
            Command::RenewSession { session: SessionId(*session), until: later(now, *by) }
        }
        Step::End { session } => {
            Command::EndSession { session: SessionId(*session), why: EndReason::HeartbeatMissed }
        }
        Step::CheckOut { session, request, feature, version: wanted, at_least, more, wait, share } => {
            let features = ["SEATS", "desk_tool", "suite", "seats", "nonsense"];
            let amount = Amount { at_least: *at_least, at_most: more.map(|more| at_least + more) };
            let mut ask = ask(*session, features[*feature], amount);
            ask.request = RequestKey(*request);
            ask.version = crate::support::version(VERSIONS[*wanted]);
            ask.queue_until = wait.map(|by| later(now, by));
            ask.share = share.map(|number| format!("call {number}").into());
            // Both forms: logs have the older one, too.
            if session % 2 == 0 { Command::CheckOutOnce(ask) } else { Command::CheckOut(ask) }
        }
        Step::BorrowOwn { nth, loan, by } => {
            let grant = oracle.grants.get(nth % oracle.grants.len().max(1));
            let (session, grant) =
                grant.map_or((SessionId(0), GrantId(1)), |grant| (grant.taken_by, grant.id));
            Command::Borrow { session, grant, loan: LoanKey(*loan), until: later(now, *by) }
        }
        Step::ReturnLoan { loan } => Command::ReturnLoan { loan: LoanKey(*loan) },
        other => release(oracle, violations, other),
    }
}

/// Asks for what a lease holds, mostly; by a session of its tenant, mostly.
fn reserved(oracle: &Oracle, nth: usize, mut ask: CheckOut) -> Command {
    let is_lease = |id: SessionId| oracle.session(id).is_some_and(|session| session.lease.is_some());
    let held: Vec<_> = oracle.grants.iter().filter_map(|grant| Some((grant.session?, grant))).collect();
    let of_leases: Vec<_> = held.into_iter().filter(|(session, _)| is_lease(*session)).collect();
    let Some((lease, grant)) = of_leases.get(nth % of_leases.len().max(1)) else {
        return Command::CheckOutReserved { ask, lease: SessionId(nth as u128 % 6) };
    };
    if let Some(pool) = oracle.pool(&grant.pool).filter(|_| !nth.is_multiple_of(5)) {
        ask.feature.clone_from(&pool.feature);
        ask.version = pool.version.clone();
    }
    let same =
        |session: &&crate::oracle::Session| session.open.tenant == grant.pool.0 && session.id != *lease;
    let others: Vec<_> = oracle.sessions.iter().filter(same).collect();
    if let Some(session) = others.get(nth % others.len().max(1)).filter(|_| !nth.is_multiple_of(7)) {
        ask.session = session.id;
    }
    Command::CheckOutReserved { ask, lease: *lease }
}

fn release(oracle: &Oracle, violations: &[u64], step: &Step) -> Command {
    match step {
        Step::CheckInOwn { nth } => {
            let held: Vec<_> =
                oracle.grants.iter().filter_map(|grant| Some((grant.session?, grant.id))).collect();
            let (session, grant) =
                held.get(nth % held.len().max(1)).copied().unwrap_or((SessionId(0), GrantId(1)));
            Command::CheckIn { session, grant }
        }
        Step::CheckIn { session, grant } => {
            Command::CheckIn { session: SessionId(*session), grant: GrantId(*grant) }
        }
        Step::LeaveOwn { nth } => {
            let ticket = oracle.tickets.get(nth % oracle.tickets.len().max(1));
            let (session, ticket) =
                ticket.map_or((SessionId(0), TicketId(1)), |ticket| (ticket.ask.session, ticket.id));
            Command::LeaveQueue { session, ticket }
        }
        Step::Leave { session, ticket } => {
            Command::LeaveQueue { session: SessionId(*session), ticket: TicketId(*ticket) }
        }
        Step::RemoveGrant { nth } => {
            let grant = oracle.grants.get(nth % oracle.grants.len().max(1));
            let grant = grant.map_or(GrantId(*nth as u64), |grant| grant.id);
            Command::RemoveGrant { grant, by: "admin".to_owned(), reason: "test".to_owned() }
        }
        Step::Configure { limit, bound, sessions, shrink: number } => Command::Configure(Settings {
            limit_per_client: *limit,
            queue_bound: *bound,
            max_sessions: *sessions,
            shrink: shrink(*number),
            ..Settings::default()
        }),
        Step::Policy { tenant, feature, policy } => Command::SetPolicy {
            tenant: TENANTS[*tenant].into(),
            feature: FEATURES[*feature].to_owned(),
            policy: policy.map(|(limit_per_client, queue_bound, number)| FeaturePolicy {
                limit_per_client,
                queue_bound,
                shrink: number.map(shrink),
            }),
        },
        Step::ClearViolation { nth } => Command::ClearViolation {
            number: violations.get(*nth).copied().unwrap_or(0),
            by: "admin".to_owned(),
        },
        Step::Clock { confirm: true } => Command::ConfirmClock { by: "admin".to_owned() },
        Step::Clock { confirm: false } => Command::ReportClockSetBack { wall: at(0) },
        _ => Command::Tick,
    }
}
