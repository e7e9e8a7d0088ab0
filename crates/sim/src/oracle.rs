//! What must never be: more seats out than bought, an answer that is forgotten, servers that differ, a lease that ends
//! early, a vote taken back. Only looks and tells.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use grantor_server::consensus::{Applied, ServerId};
use grantor_site::command::EndReason;
use grantor_site::ids::{GrantId, SessionId};
use grantor_site::{Event, Timestamp};

use crate::history::{History, Hold};
use crate::server::Live;
use crate::trace::Trace;
use crate::world::World;

/// A vote: a term and the candidate, in openraft's order of both.
pub(crate) type Vote = (u64, ServerId);

/// The highest votes of a server.
#[derive(Default)]
struct Votes {
    start: u32,
    before: Vote,
    now: Vote,
}

#[derive(Default)]
struct State {
    /// By index: what was applied there, as a hash.
    applied: BTreeMap<u64, u64>,
    /// By index: the hash of the state after it.
    states: BTreeMap<u64, [u8; 32]>,
    votes: BTreeMap<ServerId, Votes>,
    leases: BTreeMap<SessionId, Timestamp>,
    /// The site's time after each index: a batch stamped earlier than the one before it does not turn it back.
    reached: BTreeMap<u64, Timestamp>,
    history: History,
    checked: u64,
}

/// The checks.
pub(crate) struct Oracle {
    seats: u32,
    state: Mutex<State>,
}

fn fold(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

impl Oracle {
    pub(crate) fn new(seats: u32) -> Self {
        Self { seats, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease was asked for, and may end then at the earliest.
    pub(crate) fn lease_asked(&self, session: SessionId, until: Timestamp) {
        let mut state = self.state();
        let earliest = state.leases.entry(session).or_insert(until);
        *earliest = until.min(*earliest);
    }

    /// A server applied a batch: every server must apply the same at the same index.
    pub(crate) fn applied(&self, trace: &Trace, server: ServerId, applied: &Applied) {
        let hash = fold(&postcard::to_stdvec(applied).unwrap_or_default());
        let mut state = self.state();
        let first = *state.applied.entry(applied.index).or_insert(hash);
        if first != hash {
            trace.fail(&format!("server {server} applied something else at index {}", applied.index));
        }
        let before = state.reached.range(..applied.index).next_back().map_or(applied.at, |(_, at)| *at);
        let now = applied.at.max(before);
        state.reached.insert(applied.index, now);
        for event in applied.outcomes.iter().flat_map(|outcome| &outcome.events) {
            if let Event::SessionEnded { session, why: EndReason::LeaseEnded, .. } = event
                && state.leases.get(session).is_some_and(|until| now < *until)
            {
                trace.fail(&format!("a lease ended early, at index {}", applied.index));
            }
        }
        drop(state);
        trace.note(format_args!("{server} applied {} of {hash:016x}", applied.index));
    }

    /// Looks at every server: equal states at equal indices, the site's invariants.
    pub(crate) fn inspect(&self, world: &World) {
        for live in world.all_live() {
            self.check_state(world, &live);
        }
    }

    /// A server gave its vote, in its so-many-th process: no lower one than it gave in an earlier process.
    pub(crate) fn voted(&self, trace: &Trace, server: ServerId, start: u32, vote: Vote) {
        let mut state = self.state();
        let votes = state.votes.entry(server).or_default();
        if start > votes.start {
            (votes.start, votes.before) = (start, votes.before.max(votes.now));
        }
        votes.now = votes.now.max(vote);
        if vote < votes.before {
            trace.fail(&format!(
                "server {server} voted for {:?}, forgot it, and voted for {vote:?}",
                votes.before
            ));
        }
    }

    fn check_state(&self, world: &World, live: &Live) {
        let (index, site) = live.consensus.view_at();
        let Some(index) = index.filter(|index| live.is_news(*index)) else { return };
        let hash = site.hash();
        let mut state = self.state();
        let known = state.states.insert(index, hash);
        if known.is_some_and(|known| known != hash) {
            world.trace.fail(&format!("server {} has another state at index {index}", live.id));
        }
        if known.is_none() {
            state.checked += 1;
            site.broken_invariants().iter().for_each(|broken| world.trace.fail(broken));
        }
    }

    /// A client was told that it holds a grant.
    pub(crate) fn took(&self, trace: &Trace, hold: Hold) {
        self.state().history.take(hold);
        self.check_seats(trace);
    }

    /// A client's sign of life was accepted.
    pub(crate) fn heard(&self, trace: &Trace, session: SessionId, until: u64) {
        self.state().history.extend(session, until);
        self.check_seats(trace);
    }

    fn check_seats(&self, trace: &Trace) {
        let out = self.state().history.out(trace.now());
        if out > self.seats {
            let holds = self.state().history.believed(trace.now());
            trace.fail(&format!("{out} seats are out, and {} were bought: {holds:?}", self.seats));
        }
    }

    pub(crate) fn let_go(&self, grant: GrantId) {
        self.state().history.let_go(grant);
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.state().history.forget(session);
    }

    pub(crate) fn gave_back(&self) {
        self.state().history.given_back += 1;
    }

    /// What clients believe to hold at this moment.
    pub(crate) fn believed(&self, now: u64) -> Vec<Hold> {
        self.state().history.believed(now)
    }

    /// All that was believed when the question was asked and still is when it is answered must be in the answer.
    pub(crate) fn check_read(
        &self,
        trace: &Trace,
        before: &[Hold],
        holdings: &BTreeMap<SessionId, Vec<GrantId>>,
    ) {
        let after = self.believed(trace.now());
        let lasting = before.iter().filter(|hold| {
            after.iter().any(|still| (still.grant, still.session) == (hold.grant, hold.session))
        });
        for hold in lasting {
            if !holdings.get(&hold.session).is_some_and(|grants| grants.contains(&hold.grant)) {
                trace.fail(&format!("a read does not know of acknowledged grant {}", hold.grant));
            }
        }
    }

    /// Grants acknowledged, grants given back, states looked at.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.history.granted, state.history.given_back, state.checked)
    }
}
