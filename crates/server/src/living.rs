//! Signs of life: which sessions are open, when each must be heard of again, and what each is still to be told. In the
//! leader's memory only: heartbeats are not commands, and a new leader starts every clock anew (design.md §4).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::session::Notice;
use grantor_site::ids::SessionId;
use tokio::sync::mpsc;

/// Notices kept for a session that doesn't listen; more than these and it is told to look for itself.
const KEPT: usize = 64;

struct Life {
    heartbeat: Duration,
    due: Instant,
    /// Its end is on its way: no sign of life helps any more.
    ending: bool,
    listener: Option<mpsc::Sender<Notice>>,
    listeners: u64,
    untold: VecDeque<Notice>,
}

/// Every open session that must show signs of life.
#[derive(Default)]
pub(crate) struct Living(Mutex<HashMap<SessionId, Life>>);

impl Living {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Life>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session opened, or was there when this server began to lead.
    pub(crate) fn opened(&self, session: SessionId, heartbeat_seconds: u32) {
        let heartbeat = Duration::from_secs(heartbeat_seconds.into());
        let fresh = || Life {
            heartbeat,
            due: Instant::now() + heartbeat,
            ending: false,
            listener: None,
            listeners: 0,
            untold: VecDeque::new(),
        };
        self.lock().entry(session).or_insert_with(fresh).due = Instant::now() + heartbeat;
    }

    /// A sign of life; the seconds until the next is due and what it was not told yet. `None` = there is no such session.
    pub(crate) fn heard(&self, session: SessionId) -> Option<(u32, Vec<Notice>)> {
        let mut all = self.lock();
        let life = all.get_mut(&session).filter(|life| !life.ending)?;
        life.due = Instant::now() + life.heartbeat;
        Some((u32::try_from(life.heartbeat.as_secs()).unwrap_or(u32::MAX), life.untold.drain(..).collect()))
    }

    /// The session ended.
    pub(crate) fn ended(&self, session: SessionId, last: Notice) {
        if let Some(listener) = self.lock().remove(&session).and_then(|life| life.listener) {
            // Whoever no longer listens needn't be told.
            let _gone = listener.try_send(last);
        }
    }

    /// Tells a session, now if it listens, with its next sign of life otherwise.
    pub(crate) fn tell(&self, session: SessionId, notice: Notice) {
        let mut all = self.lock();
        let Some(life) = all.get_mut(&session) else { return };
        let unsent = match &life.listener {
            Some(listener) => listener.try_send(notice).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(notice),
        };
        match unsent {
            Some(_) if life.untold.len() >= KEPT => life.untold = VecDeque::from([Notice::Missed]),
            Some(notice) => life.untold.push_back(notice),
            None => {}
        }
    }

    /// Notices were lost on the way here: everybody is to look for themselves.
    pub(crate) fn tell_all_missed(&self) {
        let sessions: Vec<SessionId> = self.lock().keys().copied().collect();
        sessions.into_iter().for_each(|session| self.tell(session, Notice::Missed));
    }

    /// The session listens: its open connection is a sign of life. The number tells this connection from later ones.
    pub(crate) fn listen(&self, session: SessionId) -> Option<(u64, mpsc::Receiver<Notice>)> {
        let mut all = self.lock();
        let life = all.get_mut(&session).filter(|life| !life.ending)?;
        let (sender, receiver) = mpsc::channel(KEPT);
        for notice in life.untold.drain(..) {
            let _fits = sender.try_send(notice);
        }
        life.listeners += 1;
        life.listener = Some(sender);
        Some((life.listeners, receiver))
    }

    /// The connection on which the session listened is gone: a short grace begins, unless it listens anew already.
    pub(crate) fn hung_up(&self, session: SessionId, listener: u64, grace: Duration) {
        if let Some(life) = self.lock().get_mut(&session).filter(|life| life.listeners == listener) {
            life.listener = None;
            life.due = life.due.min(Instant::now() + grace);
        }
    }

    /// Sessions that were not heard of in time. A session that listens is alive. From now on none of them is heard: to
    /// say that it lives while its end is being written would be a promise that is broken at once.
    pub(crate) fn overdue(&self) -> Vec<SessionId> {
        let now = Instant::now();
        let mut all = self.lock();
        for life in all.values_mut() {
            life.ending |= life.listener.as_ref().is_none_or(mpsc::Sender::is_closed) && life.due <= now;
        }
        all.iter().filter(|(_, life)| life.ending).map(|(id, _)| *id).collect()
    }

    /// This server begins to lead: every session's clock starts anew, and nothing of an earlier lead is left.
    pub(crate) fn begin(&self, sessions: impl Iterator<Item = (SessionId, u32)>) {
        self.lock().clear();
        sessions.for_each(|(session, heartbeat_seconds)| self.opened(session, heartbeat_seconds));
    }

    /// The server stops: those who listen are let go, and find another server or this one again.
    pub(crate) fn let_go(&self) {
        self.lock().values_mut().for_each(|life| life.listener = None);
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
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
