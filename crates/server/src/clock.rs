//! The leader's clock: time that never runs backwards and never leaps because one wall clock did (design.md §5). Between
//! two looks it goes on by the machine's boot clock, which counts sleep and which nobody sets. A wall clock that moves a
//! little is followed; one that leaps is followed when another server vouches for it or an administrator confirms it.
//! Also writes instants as the API does. Asks nobody: [`crate::cluster`] brings what the others' clocks say.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use grantor_site::Timestamp;

/// A wall clock that moves by more than this at once has leapt; less is left to time synchronisation. In milliseconds.
const TOLERANCE: i64 = 5 * 60 * 1000;

/// The site's instant as the API writes it.
pub(crate) fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX)
}

/// What the machine's two clocks say at one moment, in milliseconds.
#[derive(Clone, Copy)]
struct Reading {
    wall: i64,
    boot: i64,
}

/// A wall clock that is not where the site's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It stands earlier.
    Behind(Timestamp),
    /// It stands later, and no other server vouches for it.
    Ahead(Timestamp),
}

/// Two clocks, each as its distance from the boot clock, in milliseconds.
struct Reckoning {
    /// This server's own time: its wall clock from the start on, without leaps that nobody vouched for.
    own: i64,
    /// The site's time; `None` before anything was seen of it.
    site: Option<i64>,
    /// How far the wall clock may be off, either way, without another report.
    excused: i64,
}

impl Reckoning {
    fn new(reading: Reading) -> Self {
        Self { own: reading.wall - reading.boot, site: None, excused: TOLERANCE }
    }

    /// Takes the wall clock's small steps along.
    fn look(&mut self, reading: Reading) {
        let wall = reading.wall - reading.boot;
        if (wall - self.own).abs() <= TOLERANCE {
            self.own = wall;
        }
        // A clock that is only a little behind is not followed: time would stand still for as long.
        if let Some(site) = &mut self.site
            && self.own - *site <= TOLERANCE
        {
            *site = self.own.max(*site);
        }
    }

    fn now(&self, reading: Reading) -> Timestamp {
        Timestamp(reading.boot + self.site.unwrap_or(self.own))
    }

    fn has_seen(&mut self, at: Timestamp, reading: Reading) {
        if at.0 > 0 {
            let seen = at.0 - reading.boot;
            self.site = Some(self.site.map_or(seen, |site| site.max(seen)));
        }
    }

    fn has_leapt(&self, reading: Reading) -> bool {
        (reading.wall - reading.boot - self.own).abs() > TOLERANCE
    }

    fn is_ahead(&self) -> bool {
        self.site.is_none_or(|site| self.own - site > TOLERANCE)
    }

    fn is_doubtful(&self, reading: Reading) -> bool {
        let off = reading.wall - self.now(reading).0;
        self.has_leapt(reading) || self.is_ahead() || off.abs() > TOLERANCE
    }

    /// Another server whose own time is where this wall clock stands says that it is right: the machine stood still, or
    /// its clock was wrong before.
    fn vouched(&mut self, others: &[Timestamp], reading: Reading) {
        let agrees = |other: &Timestamp| (other.0 - reading.wall).abs() <= TOLERANCE;
        if self.has_leapt(reading) && others.iter().any(agrees) {
            self.own = reading.wall - reading.boot;
        }
    }

    /// The latest time that `majority` of the servers have reached is the site's, if it is later than the site's.
    fn settle(&mut self, others: &[Timestamp], majority: usize, reading: Reading) -> bool {
        self.vouched(others, reading);
        let mut all: Vec<i64> = others.iter().map(|other| other.0 - reading.boot).collect();
        all.push(self.own);
        all.sort_unstable_by(|one, other| other.cmp(one));
        let Some(reached) = majority.checked_sub(1).and_then(|last| all.get(last)) else { return false };
        self.site = Some(self.site.map_or(*reached, |site| site.max(*reached)));
        true
    }

    /// Says once how the wall clock is off.
    fn wrong(&mut self, reading: Reading) -> Option<Wrong> {
        let off = reading.wall - self.now(reading).0;
        if off.abs() <= TOLERANCE {
            self.excused = TOLERANCE;
            return None;
        }
        (off.abs() > self.excused).then(|| {
            self.excused = off.abs() + TOLERANCE;
            let wall = Timestamp(reading.wall);
            if off < 0 { Wrong::Behind(wall) } else { Wrong::Ahead(wall) }
        })
    }

    /// An administrator says that the clocks are right.
    fn confirm(&mut self, reading: Reading) {
        self.own = reading.wall - reading.boot;
        self.excused = TOLERANCE;
    }
}

/// Tells the leader's time.
pub(crate) struct Clock {
    read: fn() -> Reading,
    reckoning: Mutex<Reckoning>,
}

fn read() -> Reading {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Reading {
        wall: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        boot: boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000,
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { read, reckoning: Mutex::new(Reckoning::new(read())) }
    }
}

impl Clock {
    fn look(&self) -> (Reading, MutexGuard<'_, Reckoning>) {
        let mut reckoning = self.reckoning.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = (self.read)();
        reckoning.look(reading);
        (reading, reckoning)
    }

    /// The site's time, for the leader to stamp with.
    pub(crate) fn now(&self) -> Timestamp {
        let (reading, reckoning) = self.look();
        reckoning.now(reading)
    }

    /// This server's own time, for others to compare with.
    pub(crate) fn own(&self) -> Timestamp {
        let (reading, reckoning) = self.look();
        Timestamp(reading.boot + reckoning.own)
    }

    /// The site has seen this instant: its time goes on from there.
    pub(crate) fn has_seen(&self, at: Timestamp) {
        let (reading, mut reckoning) = self.look();
        reckoning.has_seen(at, reading);
    }

    /// Whether the wall clock has leapt away from this server's own time.
    pub(crate) fn has_leapt(&self) -> bool {
        let (reading, reckoning) = self.look();
        reckoning.has_leapt(reading)
    }

    /// Whether this server's own time is far ahead of the site's, or nothing is known of the site's.
    pub(crate) fn is_ahead(&self) -> bool {
        self.look().1.is_ahead()
    }

    /// Whether the others are to be asked: this server's wall clock, its own time and the site's are far apart.
    pub(crate) fn is_doubtful(&self) -> bool {
        let (reading, reckoning) = self.look();
        reckoning.is_doubtful(reading)
    }

    /// What other servers say of their own time, to whoever does not lead.
    pub(crate) fn vouched(&self, others: &[Timestamp]) {
        let (reading, mut reckoning) = self.look();
        reckoning.vouched(others, reading);
    }

    /// The same for the leader: the site's time is the latest that a majority has reached. `false`: too few answered.
    pub(crate) fn settle(&self, others: &[Timestamp], majority: usize) -> bool {
        let (reading, mut reckoning) = self.look();
        reckoning.settle(others, majority, reading)
    }

    /// How the wall clock is off, if that was not said yet. To be asked after [`Self::settle`].
    pub(crate) fn wrong(&self) -> Option<Wrong> {
        let (reading, mut reckoning) = self.look();
        reckoning.wrong(reading)
    }

    /// An administrator says that the clocks are right now: the wall clock is this server's own time from here on.
    pub(crate) fn confirm(&self) {
        let (reading, mut reckoning) = self.look();
        reckoning.confirm(reading);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const LONG: i64 = 400 * DAY;
    /// When these stories begin.
    const NOON: i64 = 1_800_000_000_000;

    /// A machine whose wall clock is off by so much, so long after noon.
    fn off(off: i64, passed: i64) -> Reading {
        Reading { wall: NOON + passed + off, boot: 5000 + passed }
    }

    fn started(wrong: i64) -> Reckoning {
        let mut clock = Reckoning::new(off(wrong, 0));
        clock.has_seen(Timestamp(NOON), off(wrong, 0));
        clock
    }

    fn after_look(clock: &mut Reckoning, reading: Reading) -> i64 {
        clock.look(reading);
        clock.now(reading).0 - NOON
    }

    fn at(passed: i64) -> Timestamp {
        Timestamp(NOON + passed)
    }

    #[test]
    fn small_steps_ahead_are_followed_and_small_steps_back_never_turn_time_back() {
        let mut clock = started(0);
        assert_eq!(after_look(&mut clock, off(TOLERANCE, 1000)), TOLERANCE + 1000);
        assert_eq!(after_look(&mut clock, off(0, 2000)), TOLERANCE + 2000);
        assert_eq!(clock.wrong(off(0, 2000)), None);
    }

    #[test]
    fn a_single_servers_wall_clock_that_leaps_ahead_is_told_of_once_and_followed_when_confirmed() {
        for leap in [HOUR, DAY, LONG] {
            let (mut clock, leapt) = (started(0), off(leap, 1000));
            assert_eq!(after_look(&mut clock, leapt), 1000);
            assert!(clock.settle(&[], 1, leapt) && clock.has_leapt(leapt));
            assert_eq!(after_look(&mut clock, leapt), 1000, "{leap}");
            assert_eq!(clock.wrong(leapt), Some(Wrong::Ahead(at(leap + 1000))));
            assert_eq!(clock.wrong(leapt), None, "told twice");
            clock.confirm(leapt);
            clock.settle(&[], 1, leapt);
            assert_eq!(after_look(&mut clock, leapt), leap + 1000);
        }
    }

    #[test]
    fn a_wall_clock_that_leaps_back_does_not_hold_time_up_and_is_told_of_once() {
        for leap in [HOUR, DAY, LONG] {
            let (mut clock, leapt) = (started(0), off(-leap, HOUR));
            assert_eq!(after_look(&mut clock, leapt), HOUR);
            assert_eq!(clock.wrong(leapt), Some(Wrong::Behind(at(HOUR - leap))));
            assert_eq!(clock.wrong(leapt), None, "told twice");
            assert_eq!(after_look(&mut clock, off(0, 2 * HOUR)), 2 * HOUR);
            assert_eq!(clock.wrong(off(0, 2 * HOUR)), None);
        }
    }

    #[test]
    fn a_machine_that_slept_goes_on_at_the_right_time_and_is_accused_of_nothing() {
        // The boot clock counts sleep, so both clocks are eight hours further.
        let mut clock = started(0);
        assert_eq!(after_look(&mut clock, off(0, 8 * HOUR)), 8 * HOUR);
        assert!(!clock.has_leapt(off(0, 8 * HOUR)) && clock.wrong(off(0, 8 * HOUR)).is_none());
    }

    #[test]
    fn a_virtual_machine_that_stood_still_is_followed_when_one_other_server_vouches() {
        // The boot clock stood still with it: to this server, its wall clock has leapt.
        let (mut clock, woken) = (started(0), off(8 * HOUR, 1000));
        clock.look(woken);
        assert!(clock.settle(&[at(8 * HOUR + 900)], 2, woken));
        assert_eq!(after_look(&mut clock, woken), 8 * HOUR + 1000);
        assert_eq!(clock.wrong(woken), None);
    }

    #[test]
    fn one_or_two_of_three_wall_clocks_that_leap_take_the_sites_time_nowhere() {
        let leapt = off(LONG, 1000);
        for others in [[at(1000), at(1000)], [at(1000), at(LONG)]] {
            // A server whose clock leapt tells its own time, which did not: the second case is one started wrong.
            let mut clock = started(0);
            clock.look(leapt);
            clock.settle(&others[..1], 2, leapt);
            assert_eq!(after_look(&mut clock, leapt), 1000);
        }
        let mut clock = started(0);
        clock.look(leapt);
        clock.settle(&[at(1000), at(1000)], 2, leapt);
        assert_eq!(after_look(&mut clock, leapt), 1000);
        assert_eq!(clock.wrong(leapt), Some(Wrong::Ahead(at(LONG + 1000))));
    }

    #[test]
    fn a_new_leader_that_was_started_with_a_wrong_clock_takes_the_time_of_the_majority() {
        for wrong in [LONG, -LONG] {
            let mut clock = started(wrong);
            let reading = off(wrong, 2 * HOUR);
            assert!(clock.is_doubtful(reading), "{wrong}");
            assert!(clock.settle(&[at(2 * HOUR), at(2 * HOUR + 7)], 2, reading));
            let now = after_look(&mut clock, reading);
            assert!((2 * HOUR..=2 * HOUR + 7).contains(&now), "{wrong}: {now}");
            assert!(clock.wrong(reading).is_some());
        }
    }

    #[test]
    fn a_cluster_that_was_off_for_a_night_goes_on_at_the_time_of_the_majority() {
        let mut clock = Reckoning::new(off(0, 9 * HOUR));
        clock.has_seen(at(0), off(0, 9 * HOUR));
        assert!(clock.is_ahead() && !clock.settle(&[], 2, off(0, 9 * HOUR)), "one is no majority");
        assert_eq!(after_look(&mut clock, off(0, 9 * HOUR)), 0);
        assert!(clock.settle(&[at(LONG)], 2, off(0, 9 * HOUR)));
        assert_eq!(after_look(&mut clock, off(0, 9 * HOUR)), 9 * HOUR);
        assert!(!clock.is_ahead() && clock.wrong(off(0, 9 * HOUR)).is_none());
    }
}
