//! R22: who may answer for the site, checked in every order of events that there is: three servers, two applications, one
//! or two seats, one crash, one lost answer, one clock that stands still for a moment. A model, not the product: what it
//! takes for granted is what consensus promises (votes by majority, a candidate lacks nothing that was agreed on), and
//! what it checks is what we build on that: answers from a lead confirmed a moment ago, signs of life in the leader's
//! memory, an end that goes through the log, clocks that start anew with each lead.
//!
//! Time is in steps of 150 ms, and only as long as it matters: how old something is, how long something still holds. So
//! there are finitely many states, and all of them are looked at. Each variant with a mistake in it must be caught.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use stateright::{Checker, HasDiscoveries, Model, Property};

/// A confirmed lead is good for answers while it is younger than this: 300 ms.
const LEAD: u8 = 2;
/// A server that heard from a leader helps to elect no other before this: 400 ms at least, less what a clock may lag.
const PATIENCE: u8 = 3;
/// A session ends so long after its last sign of life.
const LIFE: u8 = 4;
/// Older than this is all the same.
const OLD: u8 = PATIENCE + 1;
/// Elections and entries that are looked at.
const TERMS: u8 = 3;
const ENTRIES: u8 = 3;

/// What is wrong with a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// A server that believes to lead takes signs of life without having its lead confirmed.
    Unconfirmed,
    /// A confirmed lead is good for as long as followers wait.
    LongLead,
    /// A new leader takes sessions that it has not heard of for silent.
    OldClocks,
    /// A server that was started again votes at once, though it may have confirmed a leader a moment before.
    VotesAtOnce,
    /// A leader ends a silent session without a majority.
    EndsAlone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    up: bool,
    /// It believes to lead.
    leads: bool,
    term: u8,
    /// Entries that it has.
    log: u8,
    /// Age of the last word from a leader.
    heard: u8,
    /// Age of the last confirmation of its lead.
    confirmed: u8,
    /// Who holds a seat, as far as it knows.
    view: [bool; 2],
    /// How long each session still lives without another sign of life, in the leader's memory.
    lives: [u8; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    servers: [Server; 3],
    /// Who holds a seat by what was agreed on.
    agreed: [bool; 2],
    /// How long each application still believes that it holds its seat.
    believed: [u8; 2],
    crashes: u8,
    losses: u8,
    lags: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    TimePasses,
    /// The same, but this server's own clock stands still.
    Lags(usize),
    /// A leader asks another server whether it still leads; the answer may be lost.
    Confirm(usize, usize, bool),
    /// A server is elected by itself and another one.
    Elect(usize, usize),
    StepDown(usize),
    Crash(usize),
    Restart(usize),
    /// An application takes a seat at a leader, which writes it at another server, too; the answer may be lost.
    Take(usize, usize, usize, bool),
    SignOfLife(usize, usize),
    /// A leader ends a silent session.
    End(usize, usize, usize),
}

impl Server {
    /// It no longer leads: what it knew as a leader is of no use, and states that differ only there are one.
    fn retire(&mut self, heard: u8) {
        (self.leads, self.heard, self.confirmed) = (false, heard, OLD);
        (self.view, self.lives) = ([false; 2], [0; 2]);
    }
}

struct Leases {
    seats: usize,
    terms: u8,
    mistake: Mistake,
}

impl Leases {
    fn lead(&self) -> u8 {
        if self.mistake == Mistake::LongLead { PATIENCE + 1 } else { LEAD }
    }

    fn surely_leads(&self, server: &Server) -> bool {
        let confirmed = server.confirmed < self.lead() || self.mistake == Mistake::Unconfirmed;
        server.up && server.leads && confirmed
    }

    /// A leader's entry is agreed on when another server writes it, too.
    fn can_write(state: &State, leader: usize, other: usize) -> bool {
        let (one, two) = (&state.servers[leader], &state.servers[other]);
        leader != other && one.up && two.up && one.leads && two.term <= one.term && one.log < ENTRIES
    }

    fn write(state: &mut State, leader: usize, other: usize, client: usize, holds: bool) {
        state.agreed[client] = holds;
        let (log, term) = (state.servers[leader].log + 1, state.servers[leader].term);
        state.servers[leader].log = log;
        state.servers[leader].view = state.agreed;
        let follower = &mut state.servers[other];
        (follower.log, follower.term) = (log, term);
        follower.retire(0);
    }

    fn may_vote(server: &Server) -> bool {
        server.up && if server.leads { server.confirmed >= PATIENCE } else { server.heard >= PATIENCE }
    }

    fn elect(&self, state: &mut State, new: usize, voter: usize) {
        let term = state.servers.iter().map(|server| server.term).max().unwrap_or(0) + 1;
        let lives = if self.mistake == Mistake::OldClocks { 0 } else { LIFE };
        let voted = &mut state.servers[voter];
        voted.term = term;
        voted.retire(0);
        let leader = &mut state.servers[new];
        (leader.term, leader.leads, leader.heard, leader.confirmed) = (term, true, 0, 0);
        // It has applied all that was agreed on before it opens.
        (leader.view, leader.lives) = (state.agreed, [lives; 2]);
    }

    fn pass_time(&self, state: &mut State, lagging: Option<usize>) {
        for (number, server) in state.servers.iter_mut().enumerate() {
            if server.up && lagging != Some(number) {
                server.heard = (server.heard + 1).min(OLD);
                server.confirmed = (server.confirmed + 1).min(OLD);
                server.lives = server.lives.map(|left| left.saturating_sub(1));
            }
        }
        state.believed = state.believed.map(|left| left.saturating_sub(1));
    }
}

impl Model for Leases {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let follower = Server {
            up: true,
            leads: false,
            term: 1,
            log: 0,
            heard: 0,
            confirmed: OLD,
            view: [false; 2],
            lives: [0; 2],
        };
        let leader = Server { leads: true, confirmed: 0, ..follower.clone() };
        let servers = [leader, follower.clone(), follower];
        vec![State { servers, agreed: [false; 2], believed: [0; 2], crashes: 1, losses: 1, lags: 1 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::TimePasses);
        for one in 0..3 {
            let server = &state.servers[one];
            actions.extend([
                Action::Lags(one),
                Action::Crash(one),
                Action::Restart(one),
                Action::StepDown(one),
            ]);
            for other in (0..3).filter(|other| *other != one) {
                actions.push(Action::Elect(one, other));
                actions.extend([false, true].map(|lost| Action::Confirm(one, other, lost)));
                for client in (0..2).filter(|_| server.leads) {
                    actions.extend([false, true].map(|lost| Action::Take(client, one, other, lost)));
                    actions.push(Action::End(client, one, other));
                }
            }
            actions.extend([0, 1].map(|client| Action::SignOfLife(client, one)));
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let is_possible = self.happens(&mut state, action);
        (is_possible && state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more seats believed than bought", |model: &Self, state: &State| {
                state.believed.iter().filter(|left| **left > 0).count() <= model.seats
            }),
            Property::always("who believes to hold a seat holds it", |_: &Self, state: &State| {
                (0..2).all(|client| state.believed[client] == 0 || state.agreed[client])
            }),
            Property::sometimes("a seat lives through a failover", |_: &Self, state: &State| {
                let new = state.servers.iter().any(|server| server.leads && server.term > 1);
                new && state.believed.contains(&LIFE)
            }),
            Property::sometimes(
                "a silent application's seat goes to the other",
                |_: &Self, state: &State| {
                    state.servers.iter().any(|server| server.log == 3) && state.agreed[0] != state.agreed[1]
                },
            ),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.servers.iter().all(|server| server.term <= self.terms && server.log <= ENTRIES)
    }
}

impl Leases {
    /// Carries the action out, if it can happen.
    fn happens(&self, state: &mut State, action: Action) -> bool {
        match action {
            Action::TimePasses => self.pass_time(state, None),
            Action::Lags(server) => {
                if state.lags == 0 || !state.servers[server].leads {
                    return false;
                }
                state.lags -= 1;
                self.pass_time(state, Some(server));
            }
            Action::Confirm(leader, other, lost) => return Self::confirm(state, leader, other, lost),
            Action::Elect(new, voter) => {
                let (one, two) = (&state.servers[new], &state.servers[voter]);
                if one.leads || one.log < two.log || !Self::may_vote(one) || !Self::may_vote(two) {
                    return false;
                }
                self.elect(state, new, voter);
            }
            Action::StepDown(server) if !state.servers[server].leads => return false,
            Action::StepDown(server) => state.servers[server].retire(OLD),
            Action::Crash(server) => {
                if state.crashes == 0 || !state.servers[server].up {
                    return false;
                }
                state.crashes -= 1;
                state.servers[server].up = false;
                state.servers[server].retire(OLD);
            }
            Action::Restart(server) => {
                let server = &mut state.servers[server];
                if server.up {
                    return false;
                }
                // It has forgotten when it heard of a leader: to be safe, that was just now.
                server.heard = if self.mistake == Mistake::VotesAtOnce { OLD } else { 0 };
                server.up = true;
            }
            Action::Take(client, leader, other, lost) => {
                return self.take(state, client, (leader, other), lost);
            }
            Action::SignOfLife(client, server) => return self.sign_of_life(state, client, server),
            Action::End(client, leader, other) => return self.end(state, client, (leader, other)),
        }
        true
    }

    fn confirm(state: &mut State, leader: usize, other: usize, lost: bool) -> bool {
        let (one, two) = (&state.servers[leader], &state.servers[other]);
        let answers = one.up && one.leads && two.up && two.term <= one.term;
        if !answers || (lost && state.losses == 0) {
            return false;
        }
        let term = one.term;
        let follower = &mut state.servers[other];
        follower.term = term;
        follower.retire(0);
        if lost {
            state.losses -= 1;
        } else {
            state.servers[leader].confirmed = 0;
        }
        true
    }

    fn take(&self, state: &mut State, client: usize, (leader, other): (usize, usize), lost: bool) -> bool {
        let held = state.servers[leader].view;
        let free = !held[client] && held.iter().filter(|held| **held).count() < self.seats;
        if !free || (lost && state.losses == 0) || !Self::can_write(state, leader, other) {
            return false;
        }
        Self::write(state, leader, other, client, true);
        state.servers[leader].lives[client] = LIFE;
        if lost {
            state.losses -= 1;
        } else {
            state.believed[client] = LIFE;
        }
        true
    }

    fn sign_of_life(&self, state: &mut State, client: usize, server: usize) -> bool {
        let known = state.servers[server].view[client];
        if state.believed[client] == 0 || !known || !self.surely_leads(&state.servers[server]) {
            return false;
        }
        state.servers[server].lives[client] = LIFE;
        state.believed[client] = LIFE;
        true
    }

    fn end(&self, state: &mut State, client: usize, (leader, other): (usize, usize)) -> bool {
        let server = &state.servers[leader];
        if server.lives[client] > 0 || !server.view[client] {
            return false;
        }
        if self.mistake == Mistake::EndsAlone && server.up && server.leads {
            state.agreed[client] = false;
            state.servers[leader].view[client] = false;
            return true;
        }
        if !Self::can_write(state, leader, other) {
            return false;
        }
        Self::write(state, leader, other, client, false);
        true
    }
}

fn check(seats: usize, mistake: Mistake) -> Option<String> {
    // With a seat for each, nobody takes another's: one failover shows all.
    let terms = if seats == 1 { TERMS } else { TERMS - 1 };
    let checker = Leases { seats, terms, mistake }
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!("{mistake:?}, {seats} seats: {} states", checker.unique_state_count());
    let broken = ["never more seats believed than bought", "who believes to hold a seat holds it"];
    let found = broken.into_iter().find_map(|name| Some((name, checker.discovery(name)?)));
    if found.is_none() {
        checker.assert_properties();
        assert!(checker.is_done());
    }
    found.map(|(name, path)| format!("{name}: {:?}", path.into_actions()))
}

#[test]
fn in_every_order_of_events_no_seat_is_lost_early_or_believed_twice() {
    for seats in [1, 2] {
        assert_eq!(check(seats, Mistake::None), None);
    }
}

#[test]
fn each_mistake_in_the_protocol_has_an_order_of_events_that_shows_it() {
    for mistake in [
        Mistake::Unconfirmed,
        Mistake::LongLead,
        Mistake::OldClocks,
        Mistake::VotesAtOnce,
        Mistake::EndsAlone,
    ] {
        let shown = check(1, mistake);
        println!("{mistake:?}: {shown:?}");
        assert!(shown.is_some(), "{mistake:?} was not found");
    }
}
