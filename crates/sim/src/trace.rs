//! What happened in a run, line by line in virtual time: a hash of all of it, and the lines for whoever reads.

use std::collections::VecDeque;
use std::fmt::Arguments;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Lines kept when nobody asked for all.
const KEPT: usize = 60;

#[derive(Default)]
struct State {
    hash: u64,
    count: u64,
    lines: VecDeque<String>,
    failure: Option<String>,
}

/// The lines of one run.
pub(crate) struct Trace {
    start: Instant,
    keep_all: bool,
    state: Mutex<State>,
}

impl Trace {
    pub(crate) fn new(keep_all: bool) -> Self {
        let state = State { hash: 0xcbf2_9ce4_8422_2325, ..State::default() };
        Self { start: Instant::now(), keep_all, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&self, what: Arguments<'_>) {
        let line = format!("{:>7} {what}", self.now());
        let mut state = self.state();
        state.count += 1;
        // FNV-1a: the same on every machine and in every version.
        let fold = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        state.hash = line.bytes().fold(state.hash, fold);
        if !self.keep_all && state.lines.len() == KEPT {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
    }

    /// Something that must never be. The first one counts.
    pub(crate) fn fail(&self, what: &str) {
        self.note(format_args!("VIOLATION {what}"));
        self.state().failure.get_or_insert_with(|| what.to_owned());
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    pub(crate) fn hash(&self) -> (u64, u64) {
        let state = self.state();
        (state.hash, state.count)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }
}
