//! How long servers wait for each other, in presets. openraft 0.9 draws its election time-out once per
//! process, so two survivors with close draws can split every vote for ever: here each server of a
//! cluster has a window of its own instead, and the windows are further apart than the core's tick.

/// A preset of times, by what the servers run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timers {
    /// Servers in one network with sound disks.
    #[default]
    Near,
    /// Servers far apart, or disks that need hundreds of milliseconds for a flush.
    Slow,
}

/// Milliseconds, as openraft wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) heartbeat: u64,
    pub(crate) election_min: u64,
    pub(crate) election_max: u64,
}

impl Timers {
    /// The times of the server at `position` among the members.
    pub(crate) fn times(self, position: usize) -> Times {
        let (heartbeat, base) = match self {
            Self::Near => (100, 400),
            Self::Slow => (250, 1000),
        };
        // A server campaigns `election_max` (the lease) plus `election_min..max` after the last sign of
        // life, so a step counts twice; the core looks every 1.5 heartbeats.
        let step = heartbeat * 4 / 5;
        let election_min = base + step * position as u64;
        // openraft draws from this window; with one value in it nothing is left to chance.
        Times { heartbeat, election_min, election_max: election_min + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_servers_can_campaign_in_the_same_tick() {
        for timers in [Timers::Near, Timers::Slow] {
            for position in 0..4 {
                let (one, next) = (timers.times(position), timers.times(position + 1));
                let latest = one.election_max + one.election_max;
                let earliest = next.election_max + next.election_min;
                assert!(latest + one.heartbeat * 3 / 2 < earliest, "{timers:?} {position}");
            }
        }
    }

    #[test]
    fn the_near_preset_elects_within_the_promised_window() {
        assert_eq!(Timers::Near.times(0), Times { heartbeat: 100, election_min: 400, election_max: 401 });
        assert!(Timers::Near.times(2).election_max <= 600);
    }
}
