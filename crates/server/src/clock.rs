//! The leader's clock: wall time that never runs backwards. When the wall clock is set back, time goes on steadily from
//! where it was, and the set-back is reported once (design.md §5). Also writes instants as the API does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use grantor_site::Timestamp;

/// Set back by more than this is a violation; less is left to time synchronisation. In milliseconds.
const TOLERANCE: i64 = 5 * 60 * 1000;

struct Base {
    at: Timestamp,
    read: Instant,
    /// How far behind the wall clock may be without another report, in milliseconds.
    excused: i64,
}

/// The site's instant as the API writes it.
pub(crate) fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX)
}

/// Tells the leader's time.
pub(crate) struct Clock {
    wall: fn() -> Timestamp,
    base: Mutex<Base>,
}

/// The machine's wall clock.
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Default for Clock {
    fn default() -> Self {
        Self::reading(wall)
    }
}

impl Clock {
    fn reading(wall: fn() -> Timestamp) -> Self {
        Self { wall, base: Mutex::new(Base { at: wall(), read: Instant::now(), excused: TOLERANCE }) }
    }

    /// The leader's time.
    pub(crate) fn now(&self) -> Timestamp {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = base.steady();
        let wall = (self.wall)();
        // Following a wall clock that is only a little behind would let time stand still for as long.
        if wall > steady {
            (base.at, base.read) = (wall, Instant::now());
            return wall;
        }
        steady
    }

    /// The state on disk has seen this instant: time goes on from there.
    pub(crate) fn has_seen(&self, at: Timestamp) {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if at > base.steady() {
            (base.at, base.read) = (at, Instant::now());
        }
    }

    /// The wall clock's time, if it was set back and that was not reported yet.
    pub(crate) fn set_back(&self) -> Option<Timestamp> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = (self.wall)();
        let behind = base.steady().0 - wall.0;
        if behind <= TOLERANCE {
            base.excused = TOLERANCE;
            return None;
        }
        (behind > base.excused).then(|| {
            base.excused = behind + TOLERANCE;
            wall
        })
    }
}

impl Base {
    fn steady(&self) -> Timestamp {
        let passed = i64::try_from(self.read.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.at.0.saturating_add(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_what_the_state_has_seen_and_the_set_back_is_reported_once() {
        let clock = Clock::reading(|| Timestamp(1_000_000));
        assert!(clock.set_back().is_none());
        clock.has_seen(Timestamp(90_000_000));
        assert!(clock.now() >= Timestamp(90_000_000));
        assert_eq!(clock.set_back(), Some(Timestamp(1_000_000)));
        assert!(clock.set_back().is_none(), "reported twice");
    }

    #[test]
    fn a_little_behind_is_not_a_set_back() {
        let clock = Clock::reading(|| Timestamp(1_000_000));
        clock.has_seen(Timestamp(1_000_000 + TOLERANCE / 2));
        assert!(clock.set_back().is_none());
    }
}
