//! An application's session with a license server, as it is held in hand. Ends it when nobody holds it any more.

use std::fmt;
use std::sync::Arc;

use crate::builder::Builder;
use crate::error::Error;
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

    fn end(&self) -> Result<(), Error> {
        if !self.0.close() {
            return Ok(());
        }
        let ended = self.0.http.clone().with_timeout(FAREWELL).delete(&self.0.path(""));
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

/// An application's session with a license server.
///
/// One for each process is enough: it may be shared between threads. The session lives as long as the client or any
/// [`Seats`](crate::Seats) taken with it.
pub struct Client(Arc<Handle>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, {:?})", self.server(), self.0.core().session)
    }
}

impl Client {
    /// Begins to connect: `application` is the name that administrators see.
    pub fn builder(application: &str) -> Builder {
        Builder::new(application)
    }

    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self(Arc::new(Handle::new(core)))
    }

    /// Begins to ask for seats of `feature` for an application of `version`, such as `8.1`; empty for that of
    /// the feature's first line.
    pub fn checkout(&self, feature: &str, version: &str) -> Checkout {
        Checkout::new(self.0.clone(), feature, version)
    }

    /// The server that keeps the session.
    #[must_use]
    pub fn server(&self) -> &Server {
        self.0.core().http.server()
    }

    /// Whether the session stands: it was neither lost nor closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.core().check_open().is_ok()
    }

    /// Ends the session and gives back all that it holds, also what [`Seats`](crate::Seats) elsewhere stand for.
    ///
    /// # Errors
    /// When the server can't be told within two seconds; it then ends the session by itself in time.
    pub fn close(self) -> Result<(), Error> {
        self.0.end()
    }
}
