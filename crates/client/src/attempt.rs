//! One request for seats to one server, from the question to the verified grant. It carries a key of its own, so that
//! however often it is sent it takes once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_api::Code;
use grantor_api::checkout::{CheckOut, CheckedOut, Grant};
use grantor_license::Version;
use jiff::Timestamp;

use crate::client::Handle;
use crate::error::Error;
use crate::seats::Seats;
use crate::session::{Core, Fate, Life};
use crate::silence::Silence;
use crate::{proof, random};

pub(crate) struct Attempt<'a> {
    handle: &'a Arc<Handle>,
    body: CheckOut,
    queue: Option<Duration>,
    patience: Duration,
    silence: Option<Silence>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        handle: &'a Arc<Handle>,
        mut body: CheckOut,
        queue: Option<Duration>,
        patience: Duration,
    ) -> Result<Self, Error> {
        body.request = Some(random::id()?);
        body.queue_seconds = queue.and_then(|queue| u32::try_from(queue.as_secs()).ok());
        Ok(Self { handle, body, queue, patience, silence: None })
    }

    /// With what becomes of the seats while the server is silent.
    pub(crate) fn when_silent(self, silence: Option<Silence>) -> Self {
        Self { silence, ..self }
    }

    pub(crate) fn take(mut self, version: Option<&Version>) -> Result<Seats, Error> {
        let core = self.handle.core();
        let _asking = core.asking();
        if let Some(seats) = self.adopt(core, version) {
            return Ok(seats);
        }
        let answer = self.settled(core).inspect_err(|error| {
            // It may have been granted all the same: the heartbeat finds out and gives it back.
            if error.is_passing() {
                core.doubt();
            }
        })?;
        let held = answer.grants.iter().map(|grant| core.hold(grant, self.silence)).collect();
        let seats = Seats::new(self.handle.clone(), held);
        // A refused grant is given back as `seats` is dropped.
        answer.grants.iter().try_for_each(|grant| self.verify(core, grant, version))?;
        core.check_open()?;
        Ok(seats)
    }

    /// Seats that the instance held before it was started anew.
    fn adopt(&self, core: &Core, version: Option<&Version>) -> Option<Seats> {
        core.check_open().ok()?;
        let fits = |grant: &Grant| self.serves(core, grant, version).is_ok();
        let grant = core.state().inherited.adopt(&self.body, fits)?;
        Some(Seats::new(self.handle.clone(), vec![core.hold(&grant, self.silence)]))
    }

    /// The answer, when it is there to stay.
    fn settled(&mut self, core: &Core) -> Result<CheckedOut, Error> {
        let answer = match self.ask(core) {
            // Refused before, in an answer that was lost; now it would not be: that is another question.
            Err(error) if error.code() == Some(Code::RequestDone) => {
                self.body.request = Some(random::id()?);
                self.ask(core)?
            }
            answer => answer?,
        };
        match &answer.waiting {
            Some(waiting) => self.wait_in_line(core, waiting.ticket),
            None => Ok(answer),
        }
    }

    fn ask(&self, core: &Core) -> Result<CheckedOut, Error> {
        let path = core.path("/checkouts");
        core.retry(Instant::now() + self.patience, |http| http.post(&path, &self.body))
    }

    /// Whether an inherited grant is what is asked for. An unverified one must be of the very version: nothing else
    /// says which others its line serves.
    fn serves(&self, core: &Core, grant: &Grant, version: Option<&Version>) -> Result<(), Error> {
        let same = version.is_none_or(|version| version_of(&grant.version).is_ok_and(|of| of >= *version));
        if core.trust.is_none() && !same {
            return Err(Error::Local("another version".to_owned()));
        }
        self.verify(core, grant, version)
    }

    fn verify(&self, core: &Core, grant: &Grant, version: Option<&Version>) -> Result<(), Error> {
        let Some(trust) = &core.trust else { return Ok(()) };
        // Who asked for no version got the line's own.
        let version = version.cloned().map_or_else(|| version_of(&grant.version), Ok)?;
        proof::check(grant, &self.body.feature, &version, trust, Timestamp::now()).map_err(|why| {
            Error::Unverified {
                feature: self.body.feature.clone(),
                publisher: grant.publisher.to_string(),
                why,
            }
        })
    }

    /// Waits for the heartbeat to bring news, then asks again with the same key: it finds what was granted.
    fn wait_in_line(&mut self, core: &Core, ticket: u64) -> Result<CheckedOut, Error> {
        core.state().tickets.insert(ticket, Fate::Waiting);
        core.hurry();
        let until = Instant::now() + self.queue.unwrap_or_default();
        core.wait(until, |state| {
            state.life == Life::Open && state.tickets.get(&ticket).is_some_and(|fate| *fate == Fate::Waiting)
        });
        let fate = core.state().tickets.remove(&ticket);
        core.check_open()?;
        if fate == Some(Fate::Waiting) {
            self.leave(core, ticket)?;
        }
        self.body.queue_seconds = None;
        self.ask(core)
    }

    /// Out of the queue: no seat may be granted to somebody who has stopped waiting.
    fn leave(&self, core: &Core, ticket: u64) -> Result<(), Error> {
        let path = core.path(&format!("/queue/{ticket}"));
        match core.retry(Instant::now() + self.patience, |http| http.delete::<()>(&path)) {
            Err(error) if error.code() == Some(Code::NoSuchTicket) => Ok(()),
            left => left,
        }
    }
}

pub(crate) fn version_of(text: &str) -> Result<Version, Error> {
    Version::parse(text).map_err(|error| {
        Error::Local(format!("version: {error}\n  hint: versions are numbers such as `8.1`"))
    })
}
