//! What can go wrong, in words for people. Holds no logic but which errors are worth another try.

use grantor_api::{Code, Problem};

use crate::servers::{FindError, Server};

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server said no, and why.
    #[error("{}", problem_text(.0))]
    Problem(Problem),
    /// No answer from the server.
    #[error(
        "license server {server} can't be reached: {why}\n  hint: is it running, and is the port open? `port@host` says where to look"
    )]
    Unreachable {
        /// Which.
        server: Server,
        /// What the network said.
        why: String,
    },
    /// The server is not known to be the one that is meant.
    #[error("license server {server} is not trusted: {why}\n  hint: {hint}")]
    Untrusted {
        /// Which.
        server: Server,
        /// What is wrong with its certificate.
        why: String,
        /// What to do.
        hint: String,
    },
    /// What answered does not speak as a license server does.
    #[error("{0}")]
    Protocol(String),
    /// No server was found.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Seats were granted, but not on a line that the publisher signed; they were given back.
    #[error(
        "the grant of `{feature}` is not the publisher's: {why}\n  hint: load the license file as the publisher delivered it"
    )]
    Unverified {
        /// The feature.
        feature: String,
        /// The publisher that the server names.
        publisher: String,
        /// What is wrong with the proof.
        why: String,
    },
    /// The session is over, and what it held is gone.
    #[error("the session with the license server is over: {reason}\n  hint: connect anew")]
    SessionLost {
        /// Why.
        reason: String,
    },
    /// None of several servers would do.
    #[error("no license server would do:{}", .0.iter().map(|error| format!("\n- {error}")).collect::<String>())]
    NoServer(Vec<Error>),
    /// Each of several independent servers refused, or did not answer.
    #[error("no license server grants it:{}", .0.iter().map(|(server, error)| format!("\n- {server}: {error}")).collect::<String>())]
    Refused(Vec<(Server, Error)>),
    /// Something on this machine or in this program.
    #[error("{0}")]
    Local(String),
}

impl Error {
    /// The server's reason, for programs; of several servers, that of the first that gave one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Refused(refusals) => refusals.iter().find_map(|(_, error)| error.code()),
            _ => None,
        }
    }

    /// Whether the same request may succeed in a moment. It may have been carried out, too: repeat it with its key only.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem(problem) => matches!(problem.code, Code::Busy | Code::Unknown | Code::Unavailable),
            Self::NoServer(errors) => errors.iter().any(Self::is_passing),
            _ => false,
        }
    }

    /// Whether a server was there, though it could not help at the moment.
    pub(crate) fn is_answered(&self) -> bool {
        match self {
            Self::Problem(_) => true,
            Self::NoServer(errors) => errors.iter().any(Self::is_answered),
            _ => false,
        }
    }

    /// Whether this server has not answered the question, and another of its redundant set may. A busy one forwards
    /// to the same leader as the others would.
    pub(crate) fn is_elsewhere(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Untrusted { .. } | Self::Protocol(_) => true,
            Self::Problem(problem) => matches!(problem.code, Code::Unknown | Code::Unavailable),
            _ => false,
        }
    }

    /// What several servers said in place of an answer; one error stays what it is.
    pub(crate) fn together(mut errors: Vec<Self>) -> Self {
        match errors.pop() {
            Some(only) if errors.is_empty() => only,
            Some(last) => {
                errors.push(last);
                Self::NoServer(errors)
            }
            None => FindError::Empty.into(),
        }
    }
}

fn problem_text(problem: &Problem) -> String {
    let mut text = format!("{}: {}", problem.title, problem.detail);
    for line in &problem.problems {
        text.push_str("\n  ");
        text.push_str(line);
    }
    for holder in &problem.holders {
        let since = holder.since;
        text.push_str(&format!("\n  {} held by {}@{} since {since}", holder.count, holder.user, holder.host));
    }
    if !problem.nearest.is_empty() {
        text.push_str(&format!("\n  near it: {}", problem.nearest.join(", ")));
    }
    if let Some(hint) = &problem.hint {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}
