//! What an application is told without having asked. Plain data.

use jiff::Timestamp;

/// Something that happened to the session or its seats.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Seats were taken away; theirs is not valid any more.
    Revoked {
        /// The feature.
        feature: String,
        /// How many seats.
        count: u32,
        /// Why, in words.
        reason: String,
    },
    /// The session is over and nothing is held any more. It is never opened anew without the application's word.
    SessionLost {
        /// Why, in words.
        reason: String,
    },
    /// The server does not answer; seats stay valid for the grace.
    ServerSilent {
        /// When it was last heard of.
        since: Timestamp,
        /// What came instead of an answer, in words.
        why: String,
    },
    /// The server has been silent for so long that the application is to do less with a feature, as its checkout says
    /// ([`Silence::Degrade`](crate::Silence::Degrade)).
    Degraded {
        /// The feature.
        feature: String,
    },
    /// The server has been silent for so long that the seats are not valid until it answers.
    Paused {
        /// The feature.
        feature: String,
        /// How many seats.
        count: u32,
    },
    /// The server answers again, and the session goes on.
    Resumed,
}
