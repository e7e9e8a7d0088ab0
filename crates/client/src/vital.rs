//! Whether the server may still be thought to keep the session: when it last answered, when it was last asked, and
//! whether the process was asleep for longer than the server waits. Read on every use of a seat, so it takes no lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::boot::Boot;
use crate::silence::Silence;

/// The session's pulse. Instants are those of [`Boot`], in milliseconds.
#[derive(Debug)]
pub(crate) struct Vital {
    /// When the last question that was answered went out: an answer may lie unread for as long as the process sleeps.
    heard: AtomicU64,
    /// When the server was last asked.
    tried: AtomicU64,
    timeout: AtomicU64,
    silent: AtomicBool,
    /// Nobody asked for as long as the server waits: it may have ended the session, and until it has said otherwise
    /// nothing is held.
    slept: AtomicBool,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Vital {
    pub(crate) fn new(asked: Boot, timeout: Duration) -> Self {
        Self {
            heard: millis(asked.0).into(),
            tried: millis(asked.0).into(),
            timeout: millis(timeout).into(),
            silent: false.into(),
            slept: false.into(),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout.load(Ordering::Acquire))
    }

    fn gap(at: &AtomicU64, now: Boot) -> Duration {
        now.since(Boot(Duration::from_millis(at.load(Ordering::Acquire))))
    }

    /// The server is about to be asked.
    pub(crate) fn asking(&self, now: Boot) {
        if Self::gap(&self.tried, now) >= self.timeout() {
            self.slept.store(true, Ordering::Release);
        }
        // After `slept`: whoever reads this instant reads the verdict on the gap before it.
        self.tried.store(millis(now.0), Ordering::Release);
    }

    /// It answered what was asked at `asked`.
    pub(crate) fn heard(&self, asked: Boot, now: Boot, timeout: Duration) {
        self.timeout.store(millis(timeout), Ordering::Release);
        self.heard.fetch_max(millis(asked.0), Ordering::AcqRel);
        if now.since(asked) < timeout {
            self.slept.store(false, Ordering::Release);
        }
        self.silent.store(false, Ordering::Release);
    }

    pub(crate) fn unheard(&self) {
        self.silent.store(true, Ordering::Release);
    }

    /// For how long the server has not been heard of.
    pub(crate) fn silence(&self, now: Boot) -> Duration {
        Self::gap(&self.heard, now)
    }

    /// Whether the server could have ended the session while this process was asleep.
    pub(crate) fn is_doubtful(&self, now: Boot) -> bool {
        // In this order: see `asking`.
        let gap = Self::gap(&self.tried, now);
        gap >= self.timeout() || self.slept.load(Ordering::Acquire)
    }

    /// Whether seats with this policy may be used.
    pub(crate) fn permits(&self, policy: Silence, now: Boot) -> bool {
        if self.is_doubtful(now) {
            return false;
        }
        let is_silent = self.silent.load(Ordering::Acquire);
        !is_silent || policy.lasts().is_some_and(|lasts| self.silence(now) < lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);
    const LONG: Silence = Silence::KeepOn(Duration::from_secs(1000));

    fn at(seconds: u64) -> Boot {
        Boot(Duration::from_secs(seconds))
    }

    #[test]
    fn who_slept_through_the_time_out_holds_nothing_until_the_server_says_so() {
        let vital = Vital::new(at(100), TIMEOUT);
        assert!(vital.permits(LONG, at(109)));
        assert!(!vital.permits(LONG, at(110)), "before anybody had a chance to ask");
        vital.asking(at(111));
        vital.unheard();
        assert!(!vital.permits(LONG, at(111)), "asking alone is no answer");
        vital.asking(at(112));
        vital.heard(at(112), at(113), TIMEOUT);
        assert!(vital.permits(LONG, at(113)));
    }

    #[test]
    fn an_answer_that_lay_unread_through_the_sleep_says_nothing() {
        let vital = Vital::new(at(100), TIMEOUT);
        vital.asking(at(103));
        vital.heard(at(103), at(120), TIMEOUT);
        assert!(!vital.permits(LONG, at(120)));
        vital.asking(at(120));
        assert!(!vital.permits(LONG, at(120)));
    }

    #[test]
    fn a_silent_server_is_borne_as_long_as_the_policy_says() {
        let vital = Vital::new(at(100), TIMEOUT);
        for second in 101..=130 {
            vital.asking(at(second));
            vital.unheard();
        }
        let bears = |policy| vital.permits(policy, at(130));
        let seconds = Duration::from_secs;
        assert!(bears(LONG) && bears(Silence::Degrade { after: seconds(5), until: seconds(31) }));
        assert!(!bears(Silence::KeepOn(seconds(30))) && !bears(Silence::Stop));
        vital.heard(at(130), at(130), TIMEOUT);
        assert!(bears(Silence::KeepOn(seconds(30))) && bears(Silence::Stop));
    }
}
