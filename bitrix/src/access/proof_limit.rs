//! How often strangers may make us ask the portal whether they are genuine: its request limit is ours too.

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use openline_core::ClientAddress;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// So many at once of all …
const ALL: (u32, Duration) = (24, Duration::from_secs(1));
/// … and of one address, and how soon one more may come.
const EACH: (u32, Duration) = (12, Duration::from_secs(4));
/// Above so many addresses those that could ask again anyway are forgotten.
const MANY: usize = 10_000;

/// Leaky buckets of proofs.
pub(crate) struct Proofs {
    all: DefaultDirectRateLimiter,
    each: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { all: RateLimiter::direct(quota(ALL)), each: RateLimiter::keyed(quota(EACH)) }
    }
}

fn quota((burst, period): (u32, Duration)) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst)
}

impl Proofs {
    /// Whether a caller may have one more asked now. Who asks too often takes nothing from others.
    pub(crate) fn take(&self, from: ClientAddress) -> bool {
        if self.each.len() > MANY {
            self.each.retain_recent();
        }
        self.each.check_key(&from.network()).is_ok() && self.all.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_crowd_out_another() {
        let (proofs, address) = (Proofs::default(), |text: &str| ClientAddress(text.parse().unwrap()));
        let taken = (0..100).filter(|_| proofs.take(address("192.0.2.1"))).count();
        assert_eq!(taken, 12);
        assert!(proofs.take(address("192.0.2.2")));
    }
}
