//! How often one address may try something that is open to strangers. Counts in memory, bounded; each process counts for itself.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Addresses kept before those that have not tried lately are forgotten.
const KEPT: usize = 10_000;

/// A limit for each address: so many at once, then one each period.
pub struct Limit(DefaultKeyedRateLimiter<IpAddr>);

impl Limit {
    /// At most `burst` at once, and one more each `period`.
    #[must_use]
    pub fn new(burst: NonZeroU32, period: Duration) -> Self {
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        Self(RateLimiter::keyed(quota.allow_burst(burst)))
    }

    /// Whether this address may try now.
    pub fn allows(&self, address: IpAddr) -> bool {
        if self.0.len() > KEPT {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        self.0.check_key(&of_one_owner(address)).is_ok()
    }
}

/// An owner of an IPv6 network has 2^64 addresses, and counts as one.
fn of_one_owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_burst_and_no_more_and_others_are_not_held_up() {
        let limit = Limit::new(NonZeroU32::new(3).unwrap(), Duration::from_secs(3600));
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        assert!((0..3).all(|_| limit.allows(one)));
        assert!(!limit.allows(neighbour) && limit.allows(other));
    }
}
