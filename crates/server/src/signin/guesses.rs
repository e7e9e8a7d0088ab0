//! Wrong guesses, by address and by name, and the one place where passwords are checked. In memory and bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::{Code, Problem};

use crate::http::Failure;

/// Most addresses and names whose wrong guesses are remembered.
const REMEMBERED: usize = 10_000;

/// Who guesses, or at whose password.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Whose {
    Address(IpAddr),
    /// Folded; whether there is anybody of the name makes no difference.
    Name(String),
}

impl Whose {
    /// How long the next guess must wait after so many wrong ones. It grows, and never shuts anybody out for good.
    fn pause(&self, wrong: u32) -> Duration {
        let seconds = match (self, wrong) {
            (_, ..=2) => 0,
            (Self::Address(_), 3..=8) => 1 << (wrong - 3),
            (Self::Address(_), _) => 60,
            (Self::Name(_), 3) => 1,
            (Self::Name(_), 4) => 3,
            (Self::Name(_), 5) => 5,
            (Self::Name(_), 6..100) => 10,
            (Self::Name(_), _) => 24 * 3600,
        };
        Duration::from_secs(seconds)
    }
}

#[derive(Default)]
pub(crate) struct Guesses {
    wrong: Mutex<HashMap<Whose, (u32, Instant)>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

/// One guess, while it is looked at.
pub(crate) struct Turn<'a> {
    guesses: &'a Guesses,
    whose: [Whose; 2],
    _alone: tokio::sync::MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Takes note of whether the guess was right.
    pub(crate) fn was(self, right: bool) {
        self.whose.iter().for_each(|whose| self.guesses.note(whose, right));
    }
}

impl Guesses {
    fn kept(&self) -> MutexGuard<'_, HashMap<Whose, (u32, Instant)>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the next guess must still wait.
    fn wait(&self, whose: &Whose) -> Option<Duration> {
        let (count, last) = *self.kept().get(whose)?;
        whose.pause(count).checked_sub(last.elapsed()).filter(|wait| !wait.is_zero())
    }

    fn note(&self, whose: &Whose, was_right: bool) {
        let mut wrong = self.kept();
        if was_right {
            wrong.remove(whose);
            return;
        }
        if wrong.len() >= REMEMBERED {
            wrong.retain(|whose, (count, last)| {
                last.elapsed() < whose.pause(*count).max(Duration::from_secs(60))
            });
        }
        let entry = wrong.entry(whose.clone()).or_insert((0, Instant::now()));
        *entry = (entry.0.saturating_add(1), Instant::now());
    }

    /// A guess's turn: one is looked at at a time, so that many sent at once are slowed down like one after another.
    ///
    /// # Errors
    /// The address or the name must wait.
    pub(crate) async fn turn(&self, peer: IpAddr, name: &str) -> Result<Turn<'_>, Failure> {
        let whose = [Whose::Address(peer.to_canonical()), Whose::Name(name.trim().to_lowercase())];
        let must_wait = || whose.iter().filter_map(|whose| self.wait(whose)).max();
        if let Some(wait) = must_wait() {
            return Err(too_many(wait));
        }
        let alone = self.one_at_a_time.lock().await;
        if let Some(wait) = must_wait() {
            return Err(too_many(wait));
        }
        Ok(Turn { guesses: self, whose, _alone: alone })
    }

    /// For what takes as long as a guess and is none.
    pub(crate) async fn one_at_a_time(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.one_at_a_time.lock().await
    }
}

pub(super) fn too_many(wait: Duration) -> Failure {
    let seconds = wait.as_secs() + 1;
    Problem::new(Code::TooManyTries, "too many wrong guesses", format!("wait {seconds} seconds")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_slowed_down_whatever_the_addresses_are() {
        let guesses = Guesses::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for last in 1..=3 {
                guesses.turn([192, 0, 2, last].into(), "Ada").await.unwrap().was(false);
            }
            let refused = guesses.turn([192, 0, 2, 9].into(), "ada").await.err().unwrap();
            assert_eq!(refused.0.code, Code::TooManyTries);
            guesses.turn([192, 0, 2, 9].into(), "bob").await.unwrap().was(true);
        });
    }

    #[test]
    fn pauses_grow_and_end() {
        let address = Whose::Address([192, 0, 2, 1].into());
        let pauses = [1, 2, 3, 4, 8, 9, u32::MAX].map(|wrong| address.pause(wrong).as_secs());
        assert_eq!(pauses, [0, 0, 1, 2, 32, 60, 60]);
        let name = Whose::Name("ada".to_owned());
        assert_eq!([2, 3, 6, 99, 100].map(|wrong| name.pause(wrong).as_secs()), [0, 1, 10, 10, 86_400]);
    }
}
