//! Where text goes: data to standard output, everything else to standard error. A reader that goes away ends the
//! program quietly, as it does for other tools.

use std::io::{ErrorKind, Write};

/// A line of data.
pub(crate) fn data(text: &str) {
    raw(&format!("{text}\n"));
}

/// Data as it is.
pub(crate) fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
}

/// Data for programs.
pub(crate) fn json(value: &impl serde::Serialize) -> std::io::Result<()> {
    data(&serde_json::to_string(value)?);
    Ok(())
}

/// A line for people: progress, warnings, errors.
pub(crate) fn error(text: &str) {
    let _nobody_listens = writeln!(std::io::stderr().lock(), "{text}");
}
