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
    /// Something on this machine or in this program.
    #[error("{0}")]
    Local(String),
}

impl Error {
    /// The server's reason, for programs.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same request may succeed in a moment. It may have been carried out, too: repeat it with its key only.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem(problem) => matches!(problem.code, Code::Busy | Code::Unknown | Code::Unavailable),
            _ => false,
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
