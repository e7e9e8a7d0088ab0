//! One beat of the heart: signs of life, riding out a silent server, giving back what could not be given back at once.
//! Sessions on the same server share their requests. Called by the engine; never opens a session.

use std::sync::Arc;
use std::time::Duration;

use grantor_api::Code;
use grantor_api::checkout::CheckedIn;
use grantor_api::session::{Alive, AllAlive, OneAlive, SignsOfLife};

use crate::boot::Boot;
use crate::error::Error;
use crate::event::Event;
use crate::http::Http;
use crate::random;
use crate::session::{Core, State};

/// While something waits in a queue, the server is asked so often for news.
const NEWS: Duration = Duration::from_millis(500);

/// Until the next sign of life is due.
pub(crate) fn pause(core: &Core) -> Duration {
    let due = core.next_on_silence();
    let mut state = core.state();
    let third = state.timeout / 3;
    let third = state.inherited.left(Boot::now()).map_or(third, |left| left.min(third));
    match (state.is_silent, is_waiting(&state)) {
        (true, _) => state.backoff.next().min(third).min(due.unwrap_or(third)),
        (false, true) => random::around(NEWS.min(third)),
        (false, false) => random::around(third),
    }
}

fn is_waiting(state: &State) -> bool {
    !state.tickets.is_empty() || !state.returns.is_empty() || state.in_doubt
}

/// Signs of life for sessions on one server, and what comes of them.
pub(crate) fn beat(cores: &[Arc<Core>]) {
    match cores {
        [] => {}
        [only] => alone(only),
        [first, ..] => together(first, cores),
    }
}

fn alone(core: &Core) {
    let path = core.path("");
    let ask = |http: &Http| {
        let asked = Boot::now();
        http.put(&path, &()).map(|alive: Alive| (asked, alive))
    };
    settle(core, core.ask(ask));
}

fn together(first: &Core, cores: &[Arc<Core>]) {
    let body = SignsOfLife { sessions: cores.iter().map(|core| core.session).collect() };
    let shortest = cores.iter().map(|core| core.state().timeout).min().unwrap_or_default();
    let answer = first.ask_within(shortest / 3, |http| {
        let asked = Boot::now();
        cores.iter().for_each(|core| core.vital.asking(asked));
        http.post("/v1/sessions/alive", &body).map(|all: AllAlive| (asked, all))
    });
    match answer {
        Ok((asked, all)) => each(first, cores, asked, all),
        Err(error) if error.is_passing() || error.is_elsewhere() => {
            cores.iter().for_each(|core| core.unheard(&error));
        }
        // Together they ask for more than this server takes.
        Err(_) => cores.iter().for_each(|core| alone(core)),
    }
}

fn each(first: &Core, cores: &[Arc<Core>], asked: Boot, all: AllAlive) {
    let server = first.set.server();
    for (core, one) in cores.iter().zip(all.sessions) {
        // Where one found an answer, the others need not search.
        server.iter().for_each(|server| core.set.prefer(server));
        let OneAlive { heartbeat_seconds, notices, problem, session } = one;
        let alive = Alive { heartbeat_seconds, now: all.now, notices };
        match problem {
            _ if session != core.session => alone(core),
            Some(problem) => settle(core, Err(Error::Problem(problem))),
            None => settle(core, Ok((asked, alive))),
        }
    }
}

fn settle(core: &Core, answer: Result<(Boot, Alive), Error>) {
    match answer.and_then(|(asked, alive)| follow_up(core, asked, alive)) {
        Ok(()) => {}
        Err(Error::Problem(problem)) if problem.code == Code::NoSuchSession => core.lose(&problem.detail),
        Err(error) => core.unheard(&error),
    }
}

/// What is to be done now that the server answers.
fn follow_up(core: &Core, asked: Boot, alive: Alive) -> Result<(), Error> {
    let was_silent = core.heard(asked, alive.heartbeat_seconds, alive.notices);
    if core.state().in_doubt {
        core.reconcile()?;
    }
    if was_silent {
        core.tell(Event::Resumed);
    }
    {
        let mut state = core.state();
        let leftovers = state.inherited.leftovers(Boot::now());
        state.returns.extend(leftovers);
    }
    give_back(core)
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
