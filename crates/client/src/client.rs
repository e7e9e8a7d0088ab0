//! An application's session with a license server, as it is held in hand. Ends it when nobody holds it any more.

use std::fmt;
use std::sync::Arc;

use crate::builder::Builder;
use crate::error::Error;
use crate::places::Places;
use crate::request::Checkout;
use crate::servers::Server;
use crate::session::{Core, FAREWELL};

/// Keeps the session open; the last one to go ends it.
pub(crate) struct Handle(Arc<Core>);

impl Handle {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self(core)
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }

    pub(crate) fn end(&self) -> Result<(), Error> {
        if !self.0.close() {
            return Ok(());
        }
        let path = self.0.path("");
        let ended = self.0.set.ask(|http| http.clone().within(FAREWELL).delete(&path));
        match ended {
            Err(error) if error.code() == Some(grantor_api::Code::NoSuchSession) => Ok(()),
            ended => ended,
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The server ends the session by itself when no sign of life comes.
        let _later = self.end();
    }
}

/// An application's session with a license server; one with each where several independent ones are named.
///
/// One client for each process is enough: it may be shared between threads. A session lives as long as the client or
/// any [`Seats`](crate::Seats) taken on it.
pub struct Client(Arc<Places>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.server())
    }
}

impl Client {
    /// Begins to connect: `application` is the name that administrators see.
    pub fn builder(application: &str) -> Builder {
        Builder::new(application)
    }

    pub(crate) fn new(places: Places) -> Self {
        Self(Arc::new(places))
    }

    /// Begins to ask for seats of `feature` for an application of `version`, such as `8.1`; empty for that of
    /// the feature's first line.
    pub fn checkout(&self, feature: &str, version: &str) -> Checkout {
        Checkout::new(self.0.clone(), feature, version)
    }

    /// The server that is asked first: of a redundant set, the one that answered last.
    #[must_use]
    pub fn server(&self) -> Server {
        self.0.server()
    }

    /// Whether a session stands that was neither lost nor closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.handles().iter().any(|handle| handle.core().check_open().is_ok())
    }

    /// Ends the session and gives back all that it holds, also what [`Seats`](crate::Seats) elsewhere stand for.
    ///
    /// # Errors
    /// When the server can't be told within two seconds; it then ends the session by itself in time.
    pub fn close(self) -> Result<(), Error> {
        let ended: Vec<_> = self.0.handles().iter().map(|handle| handle.end()).collect();
        ended.into_iter().collect()
    }
}
