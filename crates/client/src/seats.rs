//! Seats in hand: valid until revoked or lost, given back when dropped.

use std::fmt;
use std::sync::Arc;

use grantor_api::Code;
use grantor_api::checkout::CheckedIn;
use jiff::Timestamp;

use crate::boot::Boot;
use crate::client::Handle;
use crate::error::Error;
use crate::held::Held;
use crate::session::FAREWELL;

/// Seats of one feature. Dropping gives them back.
///
/// The session lives as long as its [`Client`](crate::Client) or any of its seats.
#[must_use = "seats are given back when dropped"]
pub struct Seats {
    handle: Arc<Handle>,
    held: Vec<Arc<Held>>,
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seats({} of {} {})", self.count(), self.feature(), self.version())
    }
}

impl Seats {
    pub(crate) fn new(handle: Arc<Handle>, held: Vec<Arc<Held>>) -> Self {
        Self { handle, held }
    }

    /// How many are held now: fewer than were taken once some are revoked, none once the session is lost.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.held.iter().filter(|held| held.is_valid()).map(|held| held.count).sum()
    }

    /// The feature, as its line spells it.
    #[must_use]
    pub fn feature(&self) -> &str {
        self.held.first().map_or("", |held| &held.feature)
    }

    /// The version of its line.
    #[must_use]
    pub fn version(&self) -> &str {
        self.held.first().map_or("", |held| &held.version)
    }

    /// Whether all that was taken is still held. False once any is revoked or the session is lost; false while the
    /// server is silent for longer than [`Silence`](crate::Silence) or the grace let it; and false after a sleep of
    /// the machine or the process that was longer than the server waits, until the server has confirmed the session.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let core = self.handle.core();
        if core.vital.is_doubtful(Boot::now()) {
            core.doubt();
        }
        !self.held.is_empty() && self.held.iter().all(|held| held.is_valid())
    }

    /// Gives the seats back and waits for the server's word. The answer: until when a hold window of the license keeps
    /// them out, if one does.
    ///
    /// # Errors
    /// When the server can't be told now: it is told later, from the background.
    pub fn give_back(mut self) -> Result<Option<Timestamp>, Error> {
        let mut until = None;
        for held in std::mem::take(&mut self.held) {
            let core = self.handle.core();
            let patience = std::time::Instant::now() + core.patience;
            until = until.max(self.return_one(&held, |path| core.retry(patience, |http| http.delete(path)))?);
        }
        Ok(until)
    }

    fn return_one(
        &self,
        held: &Held,
        delete: impl FnOnce(&str) -> Result<CheckedIn, Error>,
    ) -> Result<Option<Timestamp>, Error> {
        let core = self.handle.core();
        if !core.let_go(held) {
            return Ok(None);
        }
        match delete(&core.path(&format!("/checkouts/{}", held.grant))) {
            Ok(answer) => Ok(answer.held_until),
            // An earlier try got through, or it was taken away meanwhile.
            Err(Error::Problem(problem)) if is_gone(problem.code) => Ok(None),
            Err(error) => {
                core.state().returns.push(held.grant);
                core.hurry();
                Err(error)
            }
        }
    }
}

fn is_gone(code: Code) -> bool {
    matches!(code, Code::AlreadyReturned | Code::NoSuchGrant | Code::NoSuchSession)
}

impl Drop for Seats {
    /// Tries once, for a short time; what fails is left to the background. Never panics.
    fn drop(&mut self) {
        for held in std::mem::take(&mut self.held) {
            let core = self.handle.core();
            let is_silent = core.state().is_silent;
            let later = || Err(Error::Local("later".to_owned()));
            let now = |path: &str| core.set.ask(|http| http.clone().within(FAREWELL).delete(path));
            // Whoever drops does not want to know; `give_back` tells.
            let _in_background = self.return_one(&held, |path| if is_silent { later() } else { now(path) });
        }
    }
}
