//! Instances and reservations among everything else, in random sequences: after each command the invariants hold, no more
//! seats are out than were bought, and a site restored from its snapshot goes on in the same way.

use crate::support::*;
use grantor_site::Site;
use grantor_site::command::{Amount, CheckOut, Command, Entry, OpenSession};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use proptest::prelude::*;

/// One thing that happens; small numbers, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    Instance(u8, u8),
    Lease(u8, u8),
    Take(u8, u8, u8, bool),
    FromLease(u8, u8, u8, u8),
    GiveBack(u8, u8),
    End(u8),
    Pass(u8),
    Shrink(u8),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let session = 0..12u8;
    prop_oneof![
        1 => session.clone().prop_map(Step::Open),
        1 => (session.clone(), 0..3u8).prop_map(|(session, name)| Step::Instance(session, name)),
        1 => (session.clone(), 1..40u8).prop_map(|(session, until)| Step::Lease(session, until)),
        4 => (session.clone(), 1..4u8, 0..9u8, any::<bool>()).prop_map(|(s, n, key, queue)| Step::Take(s, n, key, queue)),
        4 => (session.clone(), session.clone(), 1..4u8, 0..9u8).prop_map(|(s, lease, n, key)| Step::FromLease(s, lease, n, key)),
        3 => (session.clone(), 0..20u8).prop_map(|(session, grant)| Step::GiveBack(session, grant)),
        1 => session.prop_map(Step::End),
        2 => (1..20u8).prop_map(Step::Pass),
        1 => (1..8u8).prop_map(Step::Shrink),
        1 => Just(Step::Restore),
    ]
}

fn lines(count: u32) -> Vec<grantor_site::command::LoadedLine> {
    let held = with(line("f", "1", count), |offer| offer.hold_seconds = 5);
    vec![held, line("g", "1", 3)]
}

fn wanted(session: u8, count: u8, key: u8, queue_until: Option<grantor_site::Timestamp>) -> CheckOut {
    let feature = if key.is_multiple_of(2) { "f" } else { "g" };
    let amount = Amount::exactly(count.into());
    CheckOut { request: RequestKey(key.into()), queue_until, ..ask(session.into(), feature, amount) }
}

fn command(step: &Step, now: i64, site: &Site) -> Command {
    let plain = |session: u8| open(session.into(), "main", who(&format!("u{session}"), "h", ""));
    match *step {
        Step::Open(session) => Command::OpenSession(plain(session)),
        Step::Instance(session, name) => {
            let open = open(session.into(), "main", who("app", "container", ""));
            Command::OpenInstance { open, instance: format!("i{name}").into() }
        }
        Step::Lease(session, until) => Command::OpenSession(OpenSession {
            lease_until: Some(at(now + i64::from(until))),
            ..plain(session)
        }),
        Step::Take(session, count, key, queue) => {
            Command::CheckOut(wanted(session, count, key, queue.then(|| at(now + 9))))
        }
        Step::FromLease(session, lease, count, key) => Command::CheckOutReserved {
            ask: wanted(session, count, key, None),
            lease: SessionId(lease.into()),
        },
        Step::GiveBack(session, which) => {
            let grants = site.session(SessionId(session.into())).map(|session| session.grants().to_vec());
            let grant = grants.and_then(|grants| grants.get(usize::from(which) % 4).copied());
            check_in(session.into(), grant.unwrap_or(GrantId(which.into())))
        }
        Step::End(session) => end(session.into()),
        Step::Shrink(count) => load("main", "a", lines(count.into())),
        Step::Pass(_) | Step::Restore => Command::Tick,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn instances_and_reservations_keep_every_promise_in_any_order(steps in prop::collection::vec(step(), 1..120)) {
        let (mut site, mut now, mut bought) = (Site::new(), 0i64, 4u32);
        site.apply(&Entry { at: at(0), command: load("main", "a", lines(4)) }).reply.unwrap();
        for step in &steps {
            match step {
                Step::Pass(seconds) => now += i64::from(*seconds),
                Step::Shrink(count) => bought = (*count).into(),
                Step::Restore => {
                    let restored = Site::from_snapshot(&site.to_snapshot()).unwrap();
                    prop_assert_eq!(restored.hash(), site.hash());
                    site = restored;
                }
                _ => {}
            }
            let key = grantor_site::pool::FeatureKey::new(&"main".into(), "f");
            let used = |site: &Site| site.pools_and_remnants(&key).map(|pool| pool.used).sum::<u32>();
            let before = used(&site);
            let command = command(step, now, &site);
            drop(site.apply(&Entry { at: at(now), command }));
            prop_assert_eq!(site.broken_invariants(), Vec::<String>::new(), "{:?}", step);
            let after = used(&site);
            prop_assert!(after <= bought || after <= before, "{after} of {bought} are out after {step:?}");
        }
    }
}
