//! Bounds on everything that comes from the network. The server enforces them; clients can see them.

/// Longest name of a user, host, display, application, tenant or feature, in bytes.
pub const NAME: usize = 255;
/// Longest version, in bytes.
pub const VERSION: usize = 32;
/// Longest reason or note that an administrator gives, in bytes.
pub const REASON: usize = 1024;
/// Largest JSON body, in bytes.
pub const BODY: usize = 64 * 1024;
/// Largest license file, in bytes.
pub const LICENSE_FILE: usize = 8 * 1024 * 1024;
/// Shortest and longest time between signs of life, in seconds.
pub const HEARTBEAT: std::ops::RangeInclusive<u32> = 5..=86_400;
/// Shortest and longest life of a lease for scripts between renewals, in seconds.
pub const TTL: std::ops::RangeInclusive<u32> = 1..=604_800;
/// Longest wait in a queue, in seconds.
pub const QUEUE: u32 = 86_400;
/// Shortest and longest password, in bytes.
pub const PASSWORD: std::ops::RangeInclusive<usize> = 12..=1024;
/// Most sessions that one sign of life may stand for.
pub const SESSIONS: usize = 1000;
/// Most names or lines that one page of the directory has.
pub const PAGE: usize = 500;
/// Most changes of the directory that one request may carry; and most names in all of them together.
pub const CHANGES: usize = 10_000;
/// Largest body of a request with changes of the directory, in bytes.
pub const CHANGES_BODY: usize = 2 * 1024 * 1024;
/// Most changes and names that a request may carry which only asks what would come of them.
pub const TRIED: usize = 300_000;
/// Largest body of such a request, in bytes.
pub const TRIED_BODY: usize = 32 * 1024 * 1024;
/// Most lines of a table that the console takes, and most bytes.
pub const TABLE_LINES: usize = 10_000;
/// Largest table that the console takes, in bytes.
pub const TABLE: usize = 2 * 1024 * 1024;
/// Most minutes between two disconnects of a license type: a day.
pub const DISCONNECT: u32 = 1440;
