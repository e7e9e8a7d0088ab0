//! The background thread: signs of life, riding out a silent server, giving back what could not be given back at once.
//! It ends with the session and never opens another.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use grantor_api::Code;
use grantor_api::checkout::CheckedIn;
use grantor_api::session::Alive;

use crate::backoff::Backoff;
use crate::boot::Boot;
use crate::error::Error;
use crate::event::Event;
use crate::http::Http;
use crate::random;
use crate::session::{Core, Life, State};

/// While something waits in a queue, the server is asked so often for news.
const NEWS: Duration = Duration::from_millis(500);

/// Starts the thread. It ends when the session does.
pub(crate) fn start(core: &Arc<Core>) -> Result<(), Error> {
    let heart = Arc::downgrade(core);
    let started =
        std::thread::Builder::new().name("grantor-heartbeat".to_owned()).spawn(move || beat(&heart));
    started.map(drop).map_err(|error| Error::Local(format!("no thread for the heartbeat: {error}")))
}

fn beat(core: &Weak<Core>) {
    let mut backoff = Backoff::default();
    while let Some(core) = core.upgrade() {
        rest(&core, &mut backoff);
        if core.state().life != Life::Open {
            return;
        }
        match once(&core) {
            Ok(()) => backoff = Backoff::default(),
            Err(Error::SessionLost { reason }) => return core.lose(&reason),
            Err(error) => core.unheard(&error),
        }
    }
}

/// Until the next sign of life is due, something begins to wait in a queue, or the session ends.
fn rest(core: &Core, backoff: &mut Backoff) {
    let (is_silent, is_waiting, timeout) = {
        let state = core.state();
        (state.is_silent, is_waiting(&state), state.timeout)
    };
    let pause = match (is_silent, is_waiting) {
        (true, _) => {
            let due = core.next_on_silence().unwrap_or(timeout);
            backoff.next().min(timeout / 3).min(due)
        }
        (false, true) => random::around(NEWS),
        (false, false) => random::around(timeout / 3),
    };
    let until = Instant::now() + pause;
    core.wait(until, |state| {
        state.life == Life::Open && (is_silent || is_waiting == self::is_waiting(state))
    });
}

fn is_waiting(state: &State) -> bool {
    !state.tickets.is_empty() || !state.returns.is_empty() || state.in_doubt
}

/// One sign of life and what comes of it.
fn once(core: &Core) -> Result<(), Error> {
    let path = core.path("");
    let asked = |http: &Http| {
        let asked = Boot::now();
        http.put(&path, &()).map(|alive: Alive| (asked, alive))
    };
    let (asked, alive) = core.ask(asked).map_err(ended)?;
    let was_silent = core.heard(asked, alive.heartbeat_seconds, alive.notices);
    if core.state().in_doubt {
        core.reconcile().map_err(ended)?;
    }
    if was_silent {
        core.tell(Event::Resumed);
    }
    give_back(core)
}

fn ended(error: Error) -> Error {
    match error {
        Error::Problem(problem) if problem.code == Code::NoSuchSession => {
            Error::SessionLost { reason: problem.detail }
        }
        other => other,
    }
}

/// What was dropped while the server did not answer.
fn give_back(core: &Core) -> Result<(), Error> {
    loop {
        let Some(grant) = core.state().returns.first().copied() else { return Ok(()) };
        let path = core.path(&format!("/checkouts/{grant}"));
        match core.ask(|http| http.delete::<CheckedIn>(&path)) {
            Err(error) if error.is_passing() => return Err(error),
            // Given back, or gone already.
            _ => core.state().returns.retain(|other| *other != grant),
        }
    }
}
