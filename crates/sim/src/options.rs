//! What a seed decides before the run begins. Printed with every failure.

use crate::bug::Bug;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The leader can't be reached and reaches nobody.
    IsolateLeader,
    /// Some server can't be reached and reaches nobody.
    IsolateAny,
    /// One direction between two servers is cut.
    OneWay,
    /// Two servers can't reach each other, both reach the third.
    Bridge,
    /// A server is cut off and back, again and again.
    Flapping,
    /// Links are cut one by one and come back in another order.
    SwizzleClog,
    /// The processes of one to three servers are killed.
    Kill,
    /// One to three servers lose power, and with it what was not flushed.
    PowerLoss,
    /// A server's flushes take up to two seconds.
    SlowDisk,
    /// A server's next flush fails.
    FailingFsync,
    /// A server's clock jumps by hours.
    ClockJump,
    /// A new server joins, gets its vote, and an old one is taken out.
    Membership,
}

const ALL: [Fault; 11] = [
    Fault::IsolateLeader,
    Fault::IsolateAny,
    Fault::OneWay,
    Fault::Bridge,
    Fault::Flapping,
    Fault::SwizzleClog,
    Fault::Kill,
    Fault::PowerLoss,
    Fault::SlowDisk,
    Fault::FailingFsync,
    Fault::ClockJump,
];

/// Everything a run depends on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it all comes from.
    pub seed: u64,
    /// A bug put in on purpose.
    pub bug: Option<Bug>,
    /// Seats bought.
    pub seats: u32,
    /// Clients that want them.
    pub clients: u32,
    /// Seconds without a sign of life that end a session.
    pub heartbeat_seconds: u32,
    /// Messages lost in a thousand.
    pub loss_per_mille: u32,
    /// The longest way of a message, in milliseconds; each takes its own time, so they overtake each other.
    pub delay_ms: u64,
    /// Entries, about, after which a snapshot is taken.
    pub snapshot_entries: u64,
    /// How far each server's clock is off, in hours.
    pub clock_hours: [i64; 3],
    /// The faults there are.
    pub faults: Vec<Fault>,
    /// How many of them, one after the other.
    pub rounds: u32,
    /// The longest calm between two of them, in milliseconds.
    pub calm_ms: u64,
    /// Keep the whole trace, not only its end.
    pub keep_trace: bool,
}

impl Options {
    /// What `seed` says.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut faults: Vec<Fault> = ALL.into_iter().filter(|_| rng.u32(..3) > 0).collect();
        if faults.is_empty() {
            faults.push(Fault::Kill);
        }
        let mut options = Self {
            seed,
            bug: None,
            seats: rng.u32(1..4),
            clients: rng.u32(3..7),
            heartbeat_seconds: rng.u32(2..6),
            loss_per_mille: [0, 0, 0, 10, 50, 200][rng.usize(..6)],
            delay_ms: [2, 10, 30, 60][rng.usize(..4)],
            snapshot_entries: [50, 100, 1000][rng.usize(..3)],
            clock_hours: [rng.i64(-9..10), rng.i64(-9..10), rng.i64(-9..10)],
            faults,
            rounds: rng.u32(6..15),
            calm_ms: [400, 2000, 5000][rng.usize(..3)],
            keep_trace: false,
        };
        // Drawn last, so that a seed from before there were changes of membership decides the rest as it did.
        if rng.bool() {
            options.faults.push(Fault::Membership);
        }
        options
    }

    /// The same with a bug put in.
    #[must_use]
    pub fn with_bug(seed: u64, bug: Bug) -> Self {
        let mut options = Self::of(seed);
        options.bug = Some(bug);
        options
    }

    /// Random numbers for one purpose, so that what one part draws does not move another.
    pub(crate) fn rng(&self, purpose: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (purpose << 32) ^ purpose)
    }
}
