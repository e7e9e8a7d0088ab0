//! Limits and policies of a site. Values only; the modules that obey them say how.

use serde::{Deserialize, Serialize};

/// What happens to holders when a pool shrinks below what is held (design.md §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shrink {
    /// Everybody keeps what they have; nothing new is granted.
    #[default]
    Keep,
    /// The grants made last are revoked until the rest fits.
    RevokeNewest,
    /// The grants made first are revoked until the rest fits.
    RevokeOldest,
}

/// Limits that hold for the whole site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Most seats of one feature that one session may hold (seed 004, "9999 licenses per client").
    pub limit_per_client: u32,
    /// Most requests that may wait for one feature.
    pub queue_bound: u32,
    /// Seconds without a sign of life after which a session ends, unless it asked for another time.
    pub heartbeat_seconds: u32,
    /// Most sessions at a time.
    pub max_sessions: u32,
    /// For pools without a policy of their own.
    pub shrink: Shrink,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit_per_client: 9999,
            queue_bound: 1000,
            heartbeat_seconds: 120,
            max_sessions: 2_000_000,
            shrink: Shrink::Keep,
        }
    }
}

/// How one feature is granted, where it differs from the site's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeaturePolicy {
    /// See [`Settings::limit_per_client`].
    pub limit_per_client: Option<u32>,
    /// See [`Settings::queue_bound`].
    pub queue_bound: Option<u32>,
    /// See [`Settings::shrink`].
    pub shrink: Option<Shrink>,
}
