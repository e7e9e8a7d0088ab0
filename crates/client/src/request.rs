//! Asking for seats: how many, how long to wait, and which server to ask next when one refuses.

use std::sync::Arc;
use std::time::Duration;

use grantor_api::checkout::CheckOut;
use grantor_api::{Code, HexId, limits};
use grantor_license::Version;

use crate::attempt::{self, Attempt};
use crate::error::Error;
use crate::places::{Place, Places};
use crate::seats::Seats;
use crate::silence::Silence;

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
    places: Arc<Places>,
    body: CheckOut,
    queue: Option<Duration>,
    silence: Option<Silence>,
}

impl Checkout {
    pub(crate) fn new(places: Arc<Places>, feature: &str, version: &str) -> Self {
        let body =
            CheckOut { feature: feature.to_owned(), version: version.to_owned(), ..CheckOut::default() };
        Self { places, body, queue: None, silence: None }
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
        self.queue = Some(Duration::from_secs(seconds.into()));
        self
    }

    /// Both servers of a redundant pair give the same text and share the seats, where the license says `DUP_GROUP=V`.
    pub fn share(mut self, with: &str) -> Self {
        self.body.share = Some(with.to_owned());
        self
    }

    /// Takes the seats out of a reservation: a lease of `POST /v1/checkouts`, whose id is the token. They go back to it
    /// while it lives.
    pub fn reservation(mut self, token: HexId) -> Self {
        self.body.reservation = Some(token);
        self
    }

    /// What becomes of the seats while the server is silent; the client's grace if nothing is said.
    pub fn when_silent(mut self, silence: Silence) -> Self {
        self.silence = Some(silence);
        self
    }

    /// Asks, and waits for the answer: for the time of [`queue`](Self::queue) if seats have to come free, and for the
    /// client's patience if the server is silent. Independent servers are asked one after the other; a grant comes from
    /// one of them alone.
    ///
    /// # Errors
    /// The server's refusal with who holds the seats; [`Error::Refused`] with those of several servers;
    /// [`Error::Unverified`] for a grant that the publisher did not sign; [`Error::SessionLost`]; [`Error::Unreachable`].
    pub fn take(self) -> Result<Seats, Error> {
        let wanted = Some(&self.body.version).filter(|version| !version.is_empty());
        let version = wanted.map(|version| attempt::version_of(version)).transpose()?;
        let places = self.places.in_order();
        match places.as_slice() {
            [only] => self.take_at(only, self.queue, version.as_ref()),
            several => self.take_from_first(several, version.as_ref()),
        }
    }

    fn take_at(
        &self,
        place: &Place,
        queue: Option<Duration>,
        version: Option<&Version>,
    ) -> Result<Seats, Error> {
        let handle = self.places.open(place)?;
        let patience = handle.core().patience / self.places.count();
        Attempt::new(&handle, self.body.clone(), queue, patience)?.when_silent(self.silence).take(version)
    }

    /// Nobody waits in line where another server has seats left.
    fn take_from_first(&self, places: &[&Place], version: Option<&Version>) -> Result<Seats, Error> {
        let mut refusals = Vec::new();
        let mut in_line = None;
        for place in places {
            match self.take_at(place, None, version) {
                Ok(seats) => return Ok(seats),
                Err(error @ (Error::Local(_) | Error::Find(_))) => return Err(error),
                Err(error) => {
                    let all_out = matches!(error.code(), Some(Code::NoneLeft | Code::QueuedAhead));
                    in_line = in_line.or(Some(place).filter(|_| all_out));
                    refusals.push((place.server(), error));
                }
            }
        }
        match in_line.filter(|_| self.queue.is_some()) {
            Some(place) => self.take_at(place, self.queue, version),
            None => Err(Error::Refused(refusals)),
        }
    }
}
