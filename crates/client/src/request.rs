//! Asking for seats: how many, how long to wait, and what to do with the answer. Every request carries a key of its own,
//! so that however often it is sent it takes once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_api::checkout::{CheckOut, CheckedOut, Grant};
use grantor_api::{Code, limits};
use grantor_license::Version;
use jiff::Timestamp;

use crate::client::Handle;
use crate::error::Error;
use crate::seats::Seats;
use crate::session::{Core, Fate, Life};
use crate::{proof, random};

/// A request for seats. [`patterns`](crate::patterns) has ready-made ones.
///
/// ```no_run
/// # fn main() -> Result<(), grantor_client::Error> {
/// # let client = grantor_client::Client::builder("a").connect()?;
/// use std::time::Duration;
///
/// let exact = client.checkout("tserver_sdn", "8.1").count(100).take()?;
/// let some = client.checkout("ics_multi_media_agent", "8.1").up_to(100).at_least(10).take()?;
/// let all = client.checkout("router_seats", "8.1").all_left().take()?;
/// let patient = client.checkout("desktop", "8.1").queue(Duration::from_secs(60)).take()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is asked before `take`"]
pub struct Checkout {
    handle: Arc<Handle>,
    body: CheckOut,
    queue: Option<Duration>,
}

impl Checkout {
    pub(crate) fn new(handle: Arc<Handle>, feature: &str, version: &str) -> Self {
        let body =
            CheckOut { feature: feature.to_owned(), version: version.to_owned(), ..CheckOut::default() };
        Self { handle, body, queue: None }
    }

    /// Just so many; one if nothing is said.
    pub fn count(mut self, count: u32) -> Self {
        (self.body.count, self.body.up_to, self.body.all) = (Some(count), None, false);
        self
    }

    /// As many as there are, up to this.
    pub fn up_to(mut self, most: u32) -> Self {
        (self.body.count, self.body.up_to, self.body.all) = (None, Some(most), false);
        self
    }

    /// All that are left.
    pub fn all_left(mut self) -> Self {
        (self.body.count, self.body.up_to, self.body.all) = (None, None, true);
        self
    }

    /// With [`up_to`](Self::up_to) or [`all_left`](Self::all_left): fewer than these are of no use.
    pub fn at_least(mut self, least: u32) -> Self {
        self.body.at_least = Some(least);
        self
    }

    /// Waits in line for so long when there are none left; whole seconds, a day at most.
    pub fn queue(mut self, time: Duration) -> Self {
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX).clamp(1, limits::QUEUE);
        self.body.queue_seconds = Some(seconds);
        self.queue = Some(Duration::from_secs(seconds.into()));
        self
    }

    /// Both servers of a redundant pair give the same text and share the seats, where the license says `DUP_GROUP=V`.
    pub fn share(mut self, with: &str) -> Self {
        self.body.share = Some(with.to_owned());
        self
    }

    /// Asks, and waits for the answer: for the time of [`queue`](Self::queue) if seats have to come free, and for the
    /// client's patience if the server is silent.
    ///
    /// # Errors
    /// The server's refusal with who holds the seats; [`Error::Unverified`] for a grant that the publisher did not sign;
    /// [`Error::SessionLost`]; [`Error::Unreachable`].
    pub fn take(mut self) -> Result<Seats, Error> {
        let wanted = Some(&self.body.version).filter(|version| !version.is_empty());
        let version = wanted.map(|version| version_of(version)).transpose()?;
        self.body.request = Some(random::id()?);
        let core = self.handle.core().clone();
        let _asking = core.asking();
        let answer = self.settled(&core).inspect_err(|error| {
            // It may have been granted all the same: the heartbeat finds out and gives it back.
            if error.is_passing() {
                core.doubt();
            }
        })?;
        let held = answer.grants.iter().map(|grant| core.hold(grant)).collect();
        let seats = Seats::new(self.handle.clone(), held);
        // A refused grant is given back as `seats` is dropped.
        answer.grants.iter().try_for_each(|grant| self.verify(&core, grant, version.as_ref()))?;
        core.check_open()?;
        Ok(seats)
    }

    /// The answer, when it is there to stay.
    fn settled(&mut self, core: &Core) -> Result<CheckedOut, Error> {
        let answer = self.ask(core)?;
        match &answer.waiting {
            Some(waiting) => self.wait_in_line(core, waiting.ticket),
            None => Ok(answer),
        }
    }

    fn ask(&self, core: &Core) -> Result<CheckedOut, Error> {
        let until = Instant::now() + core.patience;
        core.retry(until, || core.http.post(&core.path("/checkouts"), &self.body))
    }

    fn verify(&self, core: &Core, grant: &Grant, version: Option<&Version>) -> Result<(), Error> {
        let Some(trust) = &core.trust else { return Ok(()) };
        // Who asked for no version got the line's own.
        let version = version.cloned().map_or_else(|| version_of(&grant.version), Ok)?;
        proof::check(grant, &self.body.feature, &version, trust, Timestamp::now()).map_err(|why| {
            Error::Unverified { feature: self.body.feature.clone(), publisher: grant.publisher.clone(), why }
        })
    }

    /// Waits for the heartbeat to bring news, then asks again with the same key: it finds what was granted.
    fn wait_in_line(&mut self, core: &Core, ticket: u64) -> Result<CheckedOut, Error> {
        core.state().tickets.insert(ticket, Fate::Waiting);
        core.notify();
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
        let until = Instant::now() + core.patience;
        let path = core.path(&format!("/queue/{ticket}"));
        match core.retry(until, || core.http.delete::<()>(&path)) {
            Err(error) if error.code() == Some(Code::NoSuchTicket) => Ok(()),
            left => left,
        }
    }
}

fn version_of(text: &str) -> Result<Version, Error> {
    Version::parse(text).map_err(|error| {
        Error::Local(format!("version: {error}\n  hint: versions are numbers such as `8.1`"))
    })
}
