//! What a client, its seats and its heartbeat share: the session's state behind one lock, and how each answer of the
//! server changes it. Calls the application back only when the lock is free.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::checkout::Grant;
use grantor_api::session::{Notice, Session};
use grantor_api::{Code, HexId, Problem};
use grantor_license::Trust;
use jiff::Timestamp;

use crate::backoff::Backoff;
use crate::binding::Binding;
use crate::boot::Boot;
use crate::engine::Pulse;
use crate::error::Error;
use crate::event::Event;
use crate::held::Held;
use crate::http::Http;
use crate::inherited::Inherited;
use crate::redundant::Redundant;
use crate::silence::Silence;
use crate::vital::Vital;

/// Time for the last words: giving back on drop, ending the session.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) type Callback = dyn Fn(Event) + Send + Sync;

/// How the session fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    Lost(String),
    Closed,
}

/// How a wait in the queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Granted,
    Dequeued,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) life: Life,
    pub(crate) held: BTreeMap<u64, Arc<Held>>,
    /// Revoked before the answer that grants them was read.
    revoked: BTreeMap<u64, String>,
    /// Checkouts on the way.
    pub(crate) asking: u32,
    /// Checkouts that ever were.
    pub(crate) asked: u64,
    /// What the server holds for the session may differ from what this process thinks.
    pub(crate) in_doubt: bool,
    pub(crate) tickets: BTreeMap<u64, Fate>,
    /// Grants to give back when there is a moment.
    pub(crate) returns: Vec<u64>,
    /// Without a sign of life for so long, the server ends the session.
    pub(crate) timeout: Duration,
    pub(crate) heard_at: Timestamp,
    pub(crate) is_silent: bool,
    /// Until the server is asked again while it is silent.
    pub(crate) backoff: Backoff,
    pub(crate) inherited: Inherited,
}

/// A session with one server, or one redundant set.
pub(crate) struct Core {
    pub(crate) set: Redundant,
    pub(crate) session: HexId,
    /// What its answers must be bound to, if the server binds them.
    binding: Option<Arc<Binding>>,
    /// `None`: grants of any publisher are taken, unverified.
    pub(crate) trust: Option<Trust>,
    pub(crate) patience: Duration,
    pub(crate) grace: Option<Duration>,
    /// Its place in the engine's schedule.
    pub(crate) pulse: Pulse,
    pub(crate) vital: Arc<Vital>,
    on_event: Option<Arc<Callback>>,
    state: Mutex<State>,
    changed: Condvar,
}

/// What a client asks for beside the session.
#[derive(Clone)]
pub(crate) struct Terms {
    /// `None`: grants of any publisher are taken, unverified.
    pub(crate) trust: Option<Trust>,
    pub(crate) patience: Duration,
    pub(crate) grace: Option<Duration>,
    pub(crate) adopt: Duration,
    pub(crate) on_event: Option<Arc<Callback>>,
}

impl Core {
    pub(crate) fn new(set: Redundant, opened: &Session, asked: Boot, terms: Terms) -> Self {
        let state = State {
            life: Life::Open,
            held: BTreeMap::new(),
            revoked: BTreeMap::new(),
            asking: 0,
            asked: 0,
            in_doubt: false,
            tickets: BTreeMap::new(),
            returns: Vec::new(),
            timeout: seconds(opened.heartbeat_seconds),
            heard_at: Timestamp::now(),
            is_silent: false,
            backoff: Backoff::default(),
            inherited: Inherited::default(),
        };
        let Terms { trust, patience, grace, adopt, on_event } = terms;
        let inherited = Inherited::new(opened, asked, adopt);
        let session = opened.session;
        let state = State { inherited, ..state };
        Self {
            set,
            session,
            binding: Binding::new(session, opened.answer_key.as_deref()),
            trust,
            patience,
            grace,
            pulse: Pulse::default(),
            vital: Arc::new(Vital::new(asked, seconds(opened.heartbeat_seconds))),
            on_event,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Nothing panics while it holds the lock, and half-done changes don't exist: a poisoned lock is as good as new.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/sessions/{}{rest}", self.session)
    }

    /// Wakes everybody who waits for the state to change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `until` at the latest, while `still` holds.
    pub(crate) fn wait(&self, until: Instant, still: impl Fn(&State) -> bool) {
        let mut state = self.state();
        while still(&state) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells the application. A callback that panics must not stop the heartbeat.
    pub(crate) fn tell(&self, event: Event) {
        if let Some(callback) = &self.on_event {
            let _its_own_fault = catch_unwind(AssertUnwindSafe(|| callback(event)));
        }
    }

    /// Tries until it is clear what happened, `until` at the latest, going round the redundant set each time.
    /// `request` carries an idempotency key.
    pub(crate) fn retry<T>(
        &self,
        until: Instant,
        request: impl Fn(&Http) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut backoff = Backoff::default();
        loop {
            self.check_open()?;
            let bound = |http: &Http| request(&http.clone().bound(self.binding.clone()));
            let error = match self.set.ask(bound) {
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(self.noticed(error)),
                done => return done,
            };
            let next = Instant::now() + backoff.next();
            if next > until {
                return Err(error);
            }
            self.wait(next, |state| state.life == Life::Open);
        }
    }

    /// Asks once round the set, from the background: no server is waited for so long that the session could run out.
    pub(crate) fn ask<T>(&self, request: impl Fn(&Http) -> Result<T, Error>) -> Result<T, Error> {
        self.ask_within(self.state().timeout / 3, request)
    }

    /// The same with its own time for each server.
    pub(crate) fn ask_within<T>(
        &self,
        patience: Duration,
        request: impl Fn(&Http) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.set.ask(|http| {
            self.vital.asking(Boot::now());
            request(&http.clone().within(patience).bound(self.binding.clone()))
        })
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match &self.state().life {
            Life::Open => Ok(()),
            Life::Lost(reason) => Err(Error::SessionLost { reason: reason.clone() }),
            Life::Closed => Err(Error::SessionLost { reason: "it was closed".to_owned() }),
        }
    }

    /// A server that knows no such session has ended it.
    fn noticed(&self, error: Error) -> Error {
        match error {
            Error::Problem(problem) if problem.code == Code::NoSuchSession => {
                self.lose(&gone(&problem));
                Error::SessionLost { reason: gone(&problem) }
            }
            other => other,
        }
    }

    /// The session is over: nothing is held any more. Told once.
    pub(crate) fn lose(&self, reason: &str) {
        {
            let mut state = self.state();
            if state.life != Life::Open {
                return;
            }
            state.life = Life::Lost(reason.to_owned());
            state.held.values().for_each(|held| held.end());
            state.held.clear();
        }
        self.notify();
        self.tell(Event::SessionLost { reason: reason.to_owned() });
    }

    /// The application ends the session; whether it was open until now.
    pub(crate) fn close(&self) -> bool {
        let was_open = {
            let mut state = self.state();
            let was_open = state.life == Life::Open;
            if was_open {
                state.life = Life::Closed;
            }
            state.held.values().for_each(|held| held.end());
            state.held.clear();
            was_open
        };
        self.notify();
        was_open
    }

    /// A checkout is on its way: revocations may overtake its answer.
    pub(crate) fn asking(self: &Arc<Self>) -> Asking {
        let mut state = self.state();
        state.asking += 1;
        state.asked += 1;
        Asking(self.clone())
    }

    /// Takes note of a grant. It may have been revoked already.
    pub(crate) fn hold(&self, grant: &Grant, silence: Option<Silence>) -> Arc<Held> {
        let grace = self.grace.unwrap_or(self.state().timeout);
        let held = Arc::new(Held::new(grant, silence, grace, self.vital.clone()));
        let early = {
            let mut state = self.state();
            let early = state.revoked.remove(&grant.grant);
            if early.is_some() || state.life != Life::Open {
                held.end();
            } else {
                state.held.insert(grant.grant, held.clone());
            }
            early
        };
        if let Some(reason) = early {
            self.tell(revoked(&held, reason));
        }
        held
    }

    /// The application gives a grant back: it is its no more, whatever the server says to it.
    pub(crate) fn let_go(&self, held: &Held) -> bool {
        held.end();
        self.state().held.remove(&held.grant).is_some()
    }

    /// The server answered what was asked at `asked`. Gives whether it had been silent.
    pub(crate) fn heard(&self, asked: Boot, timeout: u32, notices: Vec<Notice>) -> bool {
        self.vital.heard(asked, Boot::now(), seconds(timeout));
        let was_silent = {
            let mut state = self.state();
            state.held.values().for_each(|held| held.silence_is_over());
            state.backoff = Backoff::default();
            state.heard_at = Timestamp::now();
            state.timeout = seconds(timeout);
            std::mem::take(&mut state.is_silent)
        };
        notices.into_iter().for_each(|notice| self.take_in(notice));
        was_silent
    }

    /// Something may have got lost: the heartbeat is to look at the session.
    pub(crate) fn doubt(&self) {
        if !std::mem::replace(&mut self.state().in_doubt, true) {
            self.hurry();
        }
    }

    /// The background has something to do for this session.
    pub(crate) fn hurry(&self) {
        self.notify();
        self.pulse.hurry();
    }

    pub(crate) fn take_in(&self, notice: Notice) {
        match notice {
            Notice::Granted { ticket, .. } => self.decide(ticket, Fate::Granted),
            Notice::Dequeued { ticket, .. } => self.decide(ticket, Fate::Dequeued),
            Notice::Revoked { grant, reason, .. } => self.revoke(grant, reason),
            Notice::Ended { reason } => self.lose(&reason),
            Notice::Missed => self.doubt(),
        }
    }

    pub(crate) fn decide(&self, ticket: u64, fate: Fate) {
        let is_awaited = {
            let mut state = self.state();
            let waiting = state.tickets.get_mut(&ticket);
            waiting.map(|waiting| *waiting = fate).is_some()
        };
        if !is_awaited && fate == Fate::Granted {
            // Nobody waits for it any more, so nobody would give it back.
            self.doubt();
        }
        self.notify();
    }

    pub(crate) fn revoke(&self, grant: u64, reason: String) {
        let held = {
            let mut state = self.state();
            let held = state.held.remove(&grant);
            state.inherited.forget(grant);
            if held.is_none() && state.asking > 0 {
                state.revoked.insert(grant, reason.clone());
            }
            held
        };
        if let Some(held) = held {
            held.end();
            self.tell(revoked(&held, reason));
        }
    }
}

/// Counts a checkout on its way.
pub(crate) struct Asking(Arc<Core>);

impl Drop for Asking {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.asking = state.asking.saturating_sub(1);
        if state.asking == 0 {
            state.revoked.clear();
        }
    }
}

fn revoked(held: &Held, reason: String) -> Event {
    Event::Revoked { feature: held.feature.clone(), count: held.count, reason }
}

fn gone(problem: &Problem) -> String {
    problem.detail.clone()
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.max(1).into())
}
