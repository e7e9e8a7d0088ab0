//! The open line to the server, where the application wants one: notices come at once, and when the application dies the
//! server knows it in seconds. The heartbeat goes on beside it and finds out what a broken line has lost.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Weak};
use std::time::Instant;

use grantor_api::session::Notice;

use crate::backoff::Backoff;
use crate::error::Error;
use crate::session::{Core, Life};

/// Longest line that is read: a notice with a proof in it is a few thousand bytes.
const LONGEST: u64 = 1024 * 1024;

/// Starts the thread that listens. It ends with the session, a broken line's read time-out later at the latest.
pub(crate) fn start(core: &Arc<Core>) -> Result<(), Error> {
    let weak = Arc::downgrade(core);
    let started = std::thread::Builder::new().name("grantor-notices".to_owned()).spawn(move || follow(&weak));
    started.map(drop).map_err(|error| Error::Local(format!("no thread to listen for notices: {error}")))
}

fn follow(weak: &Weak<Core>) {
    let mut backoff = Backoff::default();
    while let Some(stream) = open(weak) {
        // The core is not held while the line is read: reading must not keep the session open.
        if let Ok(stream) = stream {
            backoff = Backoff::default();
            read(weak, stream);
        }
        let Some(core) = weak.upgrade() else { return };
        core.doubt();
        core.wait(Instant::now() + backoff.next(), |state| state.life == Life::Open);
    }
}

fn open(weak: &Weak<Core>) -> Option<Result<impl Read + use<>, Error>> {
    let core = weak.upgrade()?;
    core.check_open().ok()?;
    let path = core.path("/events");
    Some(core.set.ask(|http| http.stream(&path)))
}

/// Reads until the line breaks.
fn read(weak: &Weak<Core>, stream: impl Read) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while let Ok(1..) = reader.by_ref().take(LONGEST).read_line(&mut line) {
        let Some(core) = weak.upgrade() else { return };
        if let Some(data) = line.trim_end().strip_prefix("data:") {
            match serde_json::from_str::<Notice>(data.trim_start()) {
                Ok(notice) => core.take_in(notice),
                // A newer server says what this version does not know: look at the session instead.
                Err(_) => core.doubt(),
            }
        }
        line.clear();
    }
}
