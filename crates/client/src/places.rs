//! Where a client has sessions: one place for each redundant set that was named. The first that answers is opened at
//! once, the others when they are needed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::session::{OpenSession, Session};

use crate::backoff::Backoff;
use crate::boot::Boot;
use crate::client::Handle;
use crate::error::Error;
use crate::redundant::{Access, Redundant};
use crate::servers::{Server, Servers};
use crate::session::{Core, Terms};
use crate::{engine, listen, random};

/// How often a set is gone round before the next one is asked.
const ROUNDS: u32 = 3;
/// How long servers that answer may need to elect a leader.
const ELECTION: Duration = Duration::from_secs(10);
/// Longest wait before they are asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// How to open a session anywhere.
pub(crate) struct Opener {
    pub(crate) access: Arc<Access>,
    pub(crate) open: OpenSession,
    pub(crate) terms: Terms,
    pub(crate) listen: bool,
}

impl Opener {
    fn open(&self, servers: &[Server]) -> Result<Arc<Handle>, Error> {
        let set = Redundant::new(servers, self.access.clone())?;
        let body = OpenSession { session: Some(random::id()?), ..self.open.clone() };
        let (asked, opened) = open_on(&set, &body)?;
        set.learn(&opened);
        let core = Arc::new(Core::new(set, &opened, asked, self.terms.clone()));
        let handle = Arc::new(Handle::new(core.clone()));
        engine::watch(&core)?;
        if self.listen {
            listen::start(&core)?;
        }
        Ok(handle)
    }
}

/// The session, and when it was asked for.
fn open_on(set: &Redundant, body: &OpenSession) -> Result<(Boot, Session), Error> {
    let open = || {
        let asked = Boot::now();
        set.ask(|http| http.post("/v1/sessions", body)).map(|opened| (asked, opened))
    };
    let (mut backoff, mut round, until) = (Backoff::default(), 1, Instant::now() + ELECTION);
    loop {
        match open() {
            // Servers that answer and have no leader yet will have one soon.
            Err(error)
                if error.is_passing()
                    && (round < ROUNDS || error.is_answered() && Instant::now() < until) =>
            {
                // The session's id is ours: asking again finds the same one.
                std::thread::sleep(backoff.next().min(AGAIN));
            }
            opened => return opened,
        }
        round += 1;
    }
}

/// One redundant set, and the session there once it is open.
pub(crate) struct Place {
    servers: Vec<Server>,
    handle: Mutex<Option<Arc<Handle>>>,
}

impl Place {
    fn handle(&self) -> MutexGuard<'_, Option<Arc<Handle>>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server that is asked first.
    pub(crate) fn server(&self) -> Server {
        let answers = self.handle().as_ref().and_then(|handle| handle.core().set.server());
        let named = || self.servers.first().cloned();
        // A set is never empty; the default stands for what can't be.
        answers.or_else(named).unwrap_or_else(Server::nearest)
    }
}

/// All of them, in the order in which they were named.
pub(crate) struct Places {
    opener: Opener,
    all: Vec<Place>,
}

impl Places {
    pub(crate) fn new(servers: &Servers, opener: Opener) -> Self {
        let place = |set: &[Server]| Place { servers: set.to_vec(), handle: Mutex::default() };
        Self { opener, all: servers.sets().map(place).collect() }
    }

    /// Opens a session on the first set that answers.
    pub(crate) fn open_first(&self) -> Result<(), Error> {
        let mut errors = Vec::new();
        for place in &self.all {
            match self.open(place) {
                Ok(_) => return Ok(()),
                Err(error) => errors.push(error),
            }
        }
        Err(Error::together(errors))
    }

    /// The session at this place. A lost one is not opened anew: the application has to say so.
    pub(crate) fn open(&self, place: &Place) -> Result<Arc<Handle>, Error> {
        let mut handle = place.handle();
        if let Some(open) = &*handle {
            return Ok(open.clone());
        }
        Ok(handle.insert(self.opener.open(&place.servers)?).clone())
    }

    /// Those with a session first: to knock at a door that did not open takes its time.
    pub(crate) fn in_order(&self) -> Vec<&Place> {
        let (open, closed): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|place: &&Place| place.handle().is_some());
        open.into_iter().chain(closed).collect()
    }

    /// How many share the client's patience.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX).max(1)
    }

    pub(crate) fn handles(&self) -> Vec<Arc<Handle>> {
        self.all.iter().filter_map(|place| place.handle().clone()).collect()
    }

    pub(crate) fn server(&self) -> Server {
        self.in_order().first().map_or_else(Server::nearest, |place| place.server())
    }
}
