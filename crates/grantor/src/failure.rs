//! How a command fails: a message with what to do about it, and an exit code that means something.

use std::fmt::Display;
use std::process::ExitCode;

use crate::output;

/// What went wrong, by exit code. `--help` and the user guide list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 1: refused, or the check found errors.
    Refused = 1,
    /// 2: the command line or an input file makes no sense.
    Usage = 2,
    /// 3: no server answers, or the server is not trusted.
    NoServer = 3,
    /// 4: not signed in, or not allowed.
    NotAllowed = 4,
    /// 5: a file or the network failed.
    Io = 5,
    /// 67: a mail for nobody here (`EX_NOUSER`, as mail servers understand it).
    NoRecipient = 67,
    /// 75: a mail that the mail server tries again later (`EX_TEMPFAIL`).
    TryLater = 75,
}

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with its message: no full stop, what went wrong and where.
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// The same, with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Writes it to standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        output::error(&format!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            output::error(&format!("hint: {hint}"));
        }
        ExitCode::from(self.exit as u8)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Io, error)
    }
}

/// Adds the file's name to what went wrong with it.
pub(crate) trait At<T> {
    /// The same result, its error naming `path`.
    fn at(self, path: &std::path::Path) -> Result<T, Failure>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &std::path::Path) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(Exit::Io, format!("`{}`: {error}", path.display())))
    }
}
