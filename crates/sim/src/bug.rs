//! Bugs that a test can put into the simulated layers, to show that the checks would find their like (R21). All of
//! them live in this crate: no product code knows of them.

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The disk says that a write of the log is durable, and it is not.
    NoFsync,
    /// Followers are taken to have written what they were never sent.
    AckBeforeQuorum,
    /// A server that believes to lead answers reads without asking the others.
    StaleRead,
    /// A new leader ends the sessions that it did not open itself, and their seats are granted again.
    DoubleGrantAtFailover,
    /// Signs of life are timed by the server's wall clock.
    LocalClock,
    /// A vote is not flushed before it is given.
    VoteNotPersisted,
    /// A snapshot leaves out a lease.
    LeaseMissingInSnapshot,
    /// A sign of life is accepted from a session that has ended.
    HeartbeatAfterExpiry,
    /// A deposed leader goes on accepting signs of life.
    DeposedHeartbeat,
    /// A retry at another server comes without its request key.
    RetryWithoutKey,
}
