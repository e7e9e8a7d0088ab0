//! What an application does with a feature while the server is silent. Plain data.

use std::time::Duration;

/// What becomes of seats while the server does not answer, feature by feature: see
/// [`Checkout::when_silent`](crate::Checkout::when_silent). Time counts on while the machine sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// They stay valid for so long.
    KeepOn(Duration),
    /// They stay valid, but after a while the application is told to do less
    /// ([`Event::Degraded`](crate::Event::Degraded)).
    Degrade {
        /// When it is told.
        after: Duration,
        /// How long they stay valid.
        until: Duration,
    },
    /// They are not valid while the server is silent, and are again when it answers.
    Stop,
}

impl Silence {
    /// How long seats stay valid; `None` = not at all.
    pub(crate) fn lasts(self) -> Option<Duration> {
        match self {
            Self::KeepOn(time) | Self::Degrade { until: time, .. } => Some(time),
            Self::Stop => None,
        }
    }
}
