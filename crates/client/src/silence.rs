//! What an application does with a feature while the server is silent, and how a session bears it.

use std::time::Duration;

use crate::boot::Boot;
use crate::error::Error;
use crate::event::Event;
use crate::session::Core;

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

impl Core {
    /// No answer. The first time in a row, the application is told; and of each feature when its time comes.
    pub(crate) fn unheard(&self, why: &Error) {
        self.vital.unheard();
        let since = {
            let mut state = self.state();
            let was_silent = std::mem::replace(&mut state.is_silent, true);
            // Notices go out once: an answer that was lost on its way may have held some.
            state.in_doubt = true;
            (!was_silent).then_some(state.heard_at)
        };
        if let Some(since) = since {
            self.tell(Event::ServerSilent { since, why: why.to_string() });
        }
        let silence = self.vital.silence(Boot::now());
        let events: Vec<Event> =
            self.state().held.values().filter_map(|held| held.on_silence(silence)).collect();
        events.into_iter().for_each(|event| self.tell(event));
        self.give_up(silence, why);
    }

    /// A server that is silent for longer than anything bears has ended the session, or will.
    fn give_up(&self, silence: Duration, why: &Error) {
        let longest = {
            let state = self.state();
            let policies = state.held.values().filter_map(|held| held.silence?.lasts());
            policies.max().unwrap_or_default().max(self.grace.unwrap_or(state.timeout))
        };
        if silence >= longest {
            self.lose(&format!("the license server was silent for {} seconds: {why}", silence.as_secs()));
        }
    }

    /// When the next seat's time comes while the server is silent.
    pub(crate) fn next_on_silence(&self) -> Option<Duration> {
        let silence = self.vital.silence(Boot::now());
        let state = self.state();
        let grace = self.grace.unwrap_or(state.timeout);
        let policies = state.held.values().filter_map(|held| held.silence);
        let times = policies.flat_map(|policy| match policy {
            Silence::Degrade { after, until } => [after, until],
            policy => [policy.lasts().unwrap_or_default(); 2],
        });
        times.chain([grace]).filter(|time| *time > silence).map(|time| time - silence).min()
    }
}
