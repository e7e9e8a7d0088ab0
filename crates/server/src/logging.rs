//! Where log lines go: standard error, a line an event. The lines of one batch of the replicated log go out with one write,
//! since a write for each would cost more than the checkouts that they tell of. Chooses no words.

use std::cell::Cell;
use std::io::{self, BufWriter, Stderr, Write};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// Lines of a batch beyond this many bytes don't wait for its end.
const HELD: usize = 64 << 10;

static OUT: LazyLock<Mutex<BufWriter<Stderr>>> =
    LazyLock::new(|| Mutex::new(BufWriter::with_capacity(HELD, io::stderr())));

thread_local! {
    static IS_HELD: Cell<bool> = const { Cell::new(false) };
}

/// Has everything in the process log as `log` says. Only the first call counts.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Out)
        .with_ansi(false)
        .with_target(false);
    let _first = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// What this thread logs meanwhile goes out together, at the end.
pub(crate) fn together<T>(work: impl FnOnce() -> T) -> T {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            IS_HELD.set(false);
            // Nobody reads the log any more: nobody can be told so either.
            let _unread = out().flush();
        }
    }
    IS_HELD.set(true);
    let _held = Held;
    work()
}

fn out() -> MutexGuard<'static, BufWriter<Stderr>> {
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Out;

/// One line on its way.
struct Line(MutexGuard<'static, BufWriter<Stderr>>);

impl<'a> MakeWriter<'a> for Out {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(out())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !IS_HELD.get() {
            let _unread = self.0.flush();
        }
    }
}
