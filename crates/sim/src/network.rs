//! The network between servers and to clients: each message takes its own time, may be lost, and passes only where no
//! link is cut. Messages are never doubled; a sender that gives up does not stop what is on its way.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use grantor_server::consensus::{Sending, ServerId, Transport};
use grantor_site::command::{Command, EndReason};
use grantor_site::{Entry, Site};
use tokio::sync::oneshot;

use crate::bug::Bug;
use crate::options::Options;
use crate::oracle::Vote;
use crate::server::Live;
use crate::world::World;

struct State {
    rng: fastrand::Rng,
    loss_per_mille: u32,
    delay_ms: u64,
    cut: BTreeSet<(ServerId, ServerId)>,
}

/// What the network does to messages.
pub(crate) struct Net(Mutex<State>);

impl Net {
    pub(crate) fn new(options: &Options) -> Self {
        Self(Mutex::new(State { rng: options.rng(1), loss_per_mille: 0, delay_ms: 2, cut: BTreeSet::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on messages are lost and slow as the options say.
    pub(crate) fn disturb(&self, options: &Options) {
        let mut state = self.state();
        (state.loss_per_mille, state.delay_ms) = (options.loss_per_mille, options.delay_ms);
    }

    /// Everything passes again, quickly.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        (state.loss_per_mille, state.delay_ms) = (0, 2);
        state.cut.clear();
    }

    pub(crate) fn cut(&self, from: ServerId, to: ServerId) {
        self.state().cut.insert((from, to));
    }

    pub(crate) fn join(&self, from: ServerId, to: ServerId) {
        self.state().cut.remove(&(from, to));
    }

    fn is_cut(&self, from: ServerId, to: ServerId) -> bool {
        self.state().cut.contains(&(from, to))
    }

    /// How long the next message takes; `None` if it is lost.
    pub(crate) fn way(&self) -> Option<Duration> {
        let mut state = self.state();
        if state.rng.u32(..1000) < state.loss_per_mille {
            return None;
        }
        let longest = state.delay_ms;
        Some(Duration::from_millis(state.rng.u64(0..=longest)))
    }

    fn chance(&self) -> bool {
        self.state().rng.bool()
    }
}

/// One process's end of the network.
pub(crate) struct End {
    pub(crate) me: ServerId,
    pub(crate) alive: Arc<AtomicBool>,
    pub(crate) world: Weak<World>,
}

impl Transport for End {
    fn send(&self, server: ServerId, _address: &str, message: Vec<u8>) -> Sending {
        let (done, answer) = oneshot::channel();
        if let Some(world) = self.world.upgrade().filter(|_| self.alive.load(Relaxed)) {
            if let Some(vote) = asked(&message) {
                note_vote(&world, self.me, vote);
            }
            match forged(&world, (self.me, server), &message) {
                Some(forged) => drop(done.send(Ok(forged))),
                None => drop(tokio::spawn(carry(world, self.me, server, message, done))),
            }
        }
        Box::pin(async move {
            match answer.await {
                Ok(answer) => answer,
                // Lost: only the sender's own patience ends this.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

type Done = oneshot::Sender<io::Result<Vec<u8>>>;

async fn carry(world: Arc<World>, from: ServerId, to: ServerId, message: Vec<u8>, done: Done) {
    world.trace.note(format_args!("{from}->{to} {} of {} bytes", kind(&message), message.len()));
    let Some(way) = world.net.way() else { return };
    tokio::time::sleep(way).await;
    if world.net.is_cut(from, to) {
        return;
    }
    let Some(live) = world.live(to) else {
        // A host without the process says so; one without power says nothing.
        if world.net.chance() {
            drop(done.send(Err(io::ErrorKind::ConnectionRefused.into())));
        }
        return;
    };
    if is_stranger(&world, &live, from) {
        drop(done.send(Err(io::ErrorKind::PermissionDenied.into())));
        return;
    }
    let is_vote = message.first() == Some(&1);
    let message = spoiled(&world, message);
    let receiver = live.clone();
    let answer = live.spawn(async move { receiver.consensus.receive(&message).await });
    let Ok(answer) = answer.await else { return };
    if let Some(vote) = answer.as_ref().ok().filter(|_| is_vote).and_then(|answer| granted(answer)) {
        note_vote(&world, to, vote);
    }
    let Some(way) = world.net.way() else { return };
    tokio::time::sleep(way).await;
    if !world.net.is_cut(to, from) {
        drop(done.send(answer.map_err(io::Error::other)));
    }
}

/// Who was taken out is a stranger, and who came in while this server was away is not: another member vouches for it, as
/// in the product. A new server knows nobody yet.
fn is_stranger(world: &World, live: &Live, from: ServerId) -> bool {
    let members = live.consensus.members();
    let known = |server: ServerId| {
        world.live(server).is_some_and(|other| other.consensus.members().contains_key(&from))
    };
    let reached = |server: ServerId| !world.net.is_cut(live.id, server) && !world.net.is_cut(server, live.id);
    !members.is_empty()
        && !members.contains_key(&from)
        && !members.keys().any(|server| reached(*server) && known(*server))
}

fn note_vote(world: &World, server: ServerId, vote: Vote) {
    let start = world.machine(server, |machine| machine.starts).unwrap_or(0);
    world.oracle.voted(&world.trace, server, start, vote);
}

/// The vote that a candidate asks for, and gives itself.
fn asked(message: &[u8]) -> Option<Vote> {
    let (kind, term, candidate) = postcard::take_from_bytes::<(u8, u64, ServerId)>(message).ok()?.0;
    (kind == 1).then_some((term, candidate))
}

/// The vote that an answer gives.
fn granted(answer: &[u8]) -> Option<Vote> {
    type Head = (u8, u64, ServerId, bool, bool);
    let (failed, term, candidate, _, granted) = postcard::take_from_bytes::<Head>(answer).ok()?.0;
    (failed == 0 && granted).then_some((term, candidate))
}

fn kind(message: &[u8]) -> &'static str {
    match message.first() {
        Some(0) => "append",
        Some(1) => "vote",
        Some(2) => "snapshot",
        _ => "message",
    }
}

/// Seeded bug: an append that can't arrive is answered as written.
fn forged(world: &World, link: (ServerId, ServerId), message: &[u8]) -> Option<Vec<u8>> {
    let lies = world.options.bug == Some(Bug::AckBeforeQuorum) && message.first() == Some(&0);
    (lies && world.net.is_cut(link.0, link.1)).then(|| vec![0, 0])
}

/// Seeded bug: a snapshot on its way loses a session, with what it holds.
fn spoiled(world: &World, message: Vec<u8>) -> Vec<u8> {
    if world.options.bug != Some(Bug::LeaseMissingInSnapshot) || message.first() != Some(&2) {
        return message;
    }
    without_a_session(&message).unwrap_or(message)
}

fn without_a_session(message: &[u8]) -> Option<Vec<u8>> {
    let start = message.windows(8).position(|bytes| bytes == b"GRNTSITE")?;
    let mut site = Site::from_snapshot(&message[start..]).ok()?;
    let session = site.sessions().map(|(id, _)| id).min()?;
    let command = Command::EndSession { session, why: EndReason::LeaseEnded };
    site.apply(&Entry { at: site.now(), command });
    let before = postcard::to_stdvec(&(message.len() - start)).ok()?.len();
    let state = site.to_snapshot();
    let mut spoiled = message[..start - before].to_vec();
    spoiled.extend(postcard::to_stdvec(&state.len()).ok()?);
    spoiled.extend(state);
    Some(spoiled)
}
