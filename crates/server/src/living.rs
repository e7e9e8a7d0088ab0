//! Signs of life: which sessions are open, when each must be heard of again, and what each is still to be told. In the
//! leader's memory only: heartbeats are not commands, and a new leader starts every clock anew (design.md §4). There may
//! be a million, so each takes little room, and nobody waits for all of them to be looked through.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::session::Notice;
use grantor_site::ids::SessionId;
use tokio::sync::mpsc;

/// Notices kept for a session that doesn't listen; more than these and it is told to look for itself.
const KEPT: usize = 64;

/// Parts with a lock each.
const PARTS: usize = 1024;

/// Its end is on its way: no sign of life helps any more.
const ENDING: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Life {
    heartbeat_seconds: u32,
    /// In tenths of a second since the process began to watch, or [`ENDING`].
    due: u32,
}

/// What few sessions have at a time.
#[derive(Default)]
struct Words {
    listener: Option<mpsc::Sender<Notice>>,
    listeners: u64,
    untold: VecDeque<Notice>,
}

impl Words {
    fn listens(&self) -> bool {
        self.listener.as_ref().is_some_and(|listener| !listener.is_closed())
    }

    fn tell(&mut self, notice: Notice) {
        let unsent = match &self.listener {
            Some(listener) => listener.try_send(notice).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(notice),
        };
        match unsent {
            Some(_) if self.untold.len() >= KEPT => self.untold = VecDeque::from([Notice::Missed]),
            Some(notice) => self.untold.push_back(notice),
            None => {}
        }
    }
}

/// Sessions in order, and the life of each at the same place.
#[derive(Default)]
struct Part {
    sessions: Vec<SessionId>,
    lives: Vec<Life>,
    words: HashMap<SessionId, Words>,
}

impl Part {
    fn life(&mut self, session: SessionId) -> Option<&mut Life> {
        self.lives.get_mut(self.sessions.binary_search(&session).ok()?)
    }

    fn living(&mut self, session: SessionId) -> Option<&mut Life> {
        self.life(session).filter(|life| life.due != ENDING)
    }

    fn insert(&mut self, place: usize, session: SessionId, life: Life) {
        // Up to an allocator's next size: doubling would leave a quarter of the memory unused.
        if self.sessions.len() == self.sessions.capacity() {
            let least = self.sessions.len().max(3) + 1;
            let more = least.next_multiple_of((least.next_power_of_two() / 8).max(1)) - self.sessions.len();
            self.sessions.reserve_exact(more);
            self.lives.reserve_exact(more);
        }
        self.sessions.insert(place, session);
        self.lives.insert(place, life);
    }

    fn remove(&mut self, session: SessionId) -> Option<Words> {
        if let Ok(place) = self.sessions.binary_search(&session) {
            self.sessions.remove(place);
            self.lives.remove(place);
        }
        self.words.remove(&session)
    }
}

/// Every open session that must show signs of life.
pub(crate) struct Living {
    began: Instant,
    parts: Vec<Mutex<Part>>,
}

impl Default for Living {
    fn default() -> Self {
        Self { began: Instant::now(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }
}

impl Living {
    fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, Part>> {
        self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn part(&self, session: SessionId) -> MutexGuard<'_, Part> {
        let number = (session.0 ^ (session.0 >> 64)) as usize % PARTS;
        self.parts[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u32 {
        u32::try_from(self.began.elapsed().as_millis() / 100).unwrap_or(ENDING - 1)
    }

    /// The first tenth of a second by which `time` has passed in full.
    fn after(&self, time: Duration) -> u32 {
        let tenths = if time.is_zero() { 0 } else { time.as_millis() / 100 + 1 };
        self.now().saturating_add(u32::try_from(tenths).unwrap_or(ENDING)).min(ENDING - 1)
    }

    fn due(&self, heartbeat_seconds: u32) -> u32 {
        self.after(Duration::from_secs(heartbeat_seconds.into()))
    }

    /// A session opened, or was there when this server began to lead.
    pub(crate) fn opened(&self, session: SessionId, heartbeat_seconds: u32) {
        let due = self.due(heartbeat_seconds);
        let mut part = self.part(session);
        match part.sessions.binary_search(&session) {
            Ok(_) => part.living(session).into_iter().for_each(|life| life.due = due),
            Err(place) => part.insert(place, session, Life { heartbeat_seconds, due }),
        }
    }

    /// A sign of life; the seconds until the next is due and what it was not told yet. `None` = there is no such session.
    pub(crate) fn heard(&self, session: SessionId) -> Option<(u32, Vec<Notice>)> {
        let mut part = self.part(session);
        let life = part.living(session)?;
        life.due = self.due(life.heartbeat_seconds);
        let heartbeat_seconds = life.heartbeat_seconds;
        let untold = part.words.get_mut(&session).map(|words| words.untold.drain(..).collect());
        if part.words.get(&session).is_some_and(|words| words.listener.is_none() && words.listeners == 0) {
            part.words.remove(&session);
        }
        Some((heartbeat_seconds, untold.unwrap_or_default()))
    }

    /// The session ended.
    pub(crate) fn ended(&self, session: SessionId, last: Notice) {
        if let Some(listener) = self.part(session).remove(session).and_then(|words| words.listener) {
            // Whoever no longer listens needn't be told.
            let _gone = listener.try_send(last);
        }
    }

    /// Tells a session, now if it listens, with its next sign of life otherwise.
    pub(crate) fn tell(&self, session: SessionId, notice: Notice) {
        let mut part = self.part(session);
        if part.life(session).is_some() {
            part.words.entry(session).or_default().tell(notice);
        }
    }

    /// Notices were lost on the way here: everybody is to look for themselves.
    pub(crate) fn tell_all_missed(&self) {
        for mut part in self.parts() {
            let Part { sessions, words, .. } = &mut *part;
            for session in sessions {
                words.entry(*session).or_default().tell(Notice::Missed);
            }
        }
    }

    /// The session listens: its open connection is a sign of life. The number tells this connection from later ones.
    pub(crate) fn listen(&self, session: SessionId) -> Option<(u64, mpsc::Receiver<Notice>)> {
        let mut part = self.part(session);
        part.living(session)?;
        let words = part.words.entry(session).or_default();
        let (sender, receiver) = mpsc::channel(KEPT);
        for notice in words.untold.drain(..) {
            let _fits = sender.try_send(notice);
        }
        words.listeners += 1;
        words.listener = Some(sender);
        Some((words.listeners, receiver))
    }

    /// The connection on which the session listened is gone: a short grace begins, unless it listens anew already.
    pub(crate) fn hung_up(&self, session: SessionId, listener: u64, grace: Duration) {
        let mut part = self.part(session);
        let Some(words) = part.words.get_mut(&session).filter(|words| words.listeners == listener) else {
            return;
        };
        words.listener = None;
        if let Some(life) = part.living(session) {
            life.due = life.due.min(self.after(grace));
        }
    }

    /// Sessions that were not heard of in time. A session that listens is alive. From now on none of them is heard: to
    /// say that it lives while its end is being written would be a promise that is broken at once.
    pub(crate) fn overdue(&self) -> Vec<SessionId> {
        let now = self.now();
        let mut all = Vec::new();
        for mut part in self.parts() {
            let Part { sessions, lives, words } = &mut *part;
            for (session, life) in sessions.iter().zip(lives) {
                if life.due <= now && !words.get(session).is_some_and(Words::listens) {
                    life.due = ENDING;
                }
                if life.due == ENDING {
                    all.push(*session);
                }
            }
        }
        all
    }

    /// This server begins to lead: every session's clock starts anew, and nothing of an earlier lead is left.
    pub(crate) fn begin(&self, sessions: impl Iterator<Item = (SessionId, u32)>) {
        self.parts().for_each(|mut part| *part = Part::default());
        sessions.for_each(|(session, heartbeat_seconds)| self.opened(session, heartbeat_seconds));
    }

    /// The server stops: those who listen are let go, and find another server or this one again.
    pub(crate) fn let_go(&self) {
        for mut part in self.parts() {
            part.words.values_mut().for_each(|words| words.listener = None);
        }
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.parts().map(|part| part.sessions.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);

    fn revoked() -> Notice {
        Notice::Revoked { grant: 7, feature: "f".to_owned(), reason: "r".to_owned() }
    }

    #[test]
    fn a_session_that_is_not_heard_of_is_overdue_and_an_ended_one_is_never_revived() {
        let living = Living::default();
        living.opened(ONE, 0);
        assert_eq!(living.overdue(), [ONE]);
        living.ended(ONE, Notice::Ended { reason: String::new() });
        assert!(living.heard(ONE).is_none());
        assert!(living.overdue().is_empty());
    }

    #[test]
    fn a_session_whose_end_is_on_its_way_is_not_told_that_it_lives() {
        let living = Living::default();
        living.opened(ONE, 0);
        assert_eq!(living.overdue(), [ONE]);
        assert!(living.heard(ONE).is_none() && living.listen(ONE).is_none());
        assert_eq!(living.overdue(), [ONE], "ended at the next look if not at this one");
    }

    #[test]
    fn what_happens_while_a_session_does_not_listen_is_told_with_its_next_sign_of_life() {
        let living = Living::default();
        living.opened(ONE, 60);
        living.tell(ONE, revoked());
        assert_eq!(living.heard(ONE), Some((60, vec![revoked()])));
        assert_eq!(living.heard(ONE), Some((60, vec![])));
    }

    #[test]
    fn an_open_connection_is_a_sign_of_life_and_its_loss_starts_a_short_grace() {
        let living = Living::default();
        living.opened(ONE, 0);
        let (number, receiver) = living.listen(ONE).unwrap();
        assert!(living.overdue().is_empty());
        drop(receiver);
        living.hung_up(ONE, number, Duration::ZERO);
        assert_eq!(living.overdue(), [ONE]);
    }

    #[test]
    fn losing_an_old_connection_does_not_hurt_a_session_that_listens_anew() {
        let living = Living::default();
        living.opened(ONE, 0);
        let (old, _) = living.listen(ONE).unwrap();
        let (_new, _receiver) = living.listen(ONE).unwrap();
        living.hung_up(ONE, old, Duration::ZERO);
        assert!(living.overdue().is_empty());
    }

    #[test]
    fn a_session_that_missed_too_much_is_told_to_look_for_itself() {
        let living = Living::default();
        living.opened(ONE, 60);
        for _ in 0..=KEPT {
            living.tell(ONE, revoked());
        }
        assert_eq!(living.heard(ONE).unwrap().1, [Notice::Missed]);
    }
}
