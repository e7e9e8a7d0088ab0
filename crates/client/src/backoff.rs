//! How long to wait before the next try: longer each time, never quite the same. Waits nowhere itself.

use std::time::Duration;

use crate::random;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that grow.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let wait = random::far_around(self.0);
        self.0 = (self.0 * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_differ() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] <= FIRST.mul_f64(1.5) && waits[0] >= FIRST.mul_f64(0.5), "{waits:?}");
        assert!(
            waits[10..].iter().all(|wait| *wait >= LONGEST.mul_f64(0.5) && *wait <= LONGEST.mul_f64(1.5))
        );
        assert!(waits[10..].windows(2).any(|two| two[0] != two[1]), "no jitter: {waits:?}");
    }
}
