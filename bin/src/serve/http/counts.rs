//! How many connections there are, in all and of each address.

use super::rules::Rules;
use crate::config::Proxies;
use openline_core::{ClientAddress, limits, sampled};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The connections that there are.
pub(super) struct Counts {
    most: usize,
    most_each: usize,
    proxies: Proxies,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    each: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
pub(super) struct Permit {
    counts: Arc<Counts>,
    of: Option<IpAddr>,
}

impl Counts {
    pub(super) fn new(rules: &Rules) -> Self {
        let (most, most_each, proxies) = (rules.connections, rules.connections_each, rules.proxies.clone());
        Self { most, most_each, proxies, open: Mutex::default() }
    }

    /// A place for one more connection; `None` when there are too many.
    pub(super) fn take(self: &Arc<Self>, from: IpAddr) -> Option<Permit> {
        // A proxy has the connections of all whom it calls for.
        let of = (!self.proxies.trusts(from)).then(|| ClientAddress(from).network());
        let mut open = self.open.lock();
        if open.all >= self.most {
            limits::reached("connections");
            sampled!(warn, target: "security", client = %from, most = self.most, result = "refused", "too many connections");
            return None;
        }
        if let Some(of) = of {
            let own = open.each.entry(of).or_default();
            if *own >= self.most_each {
                let most = self.most_each;
                limits::reached("connections_each");
                sampled!(warn, target: "security", client = %from, most, result = "refused", "too many connections of one address");
                return None;
            }
            *own += 1;
        }
        open.all += 1;
        Some(Permit { counts: Arc::clone(self), of })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.counts.open.lock();
        open.all -= 1;
        if let Some(of) = self.of
            && let Some(own) = open.each.get_mut(&of)
        {
            *own -= 1;
            if *own == 0 {
                open.each.remove(&of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let proxies = Proxies::parse(&["192.0.2.9".to_owned()]).unwrap();
        let counts = Arc::new(Counts::new(&Rules::new(4, 2, proxies)));
        let take = |from: &str| counts.take(from.parse().unwrap());
        let (one, two) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        let proxy: Vec<_> = (0..3).map_while(|_| take("192.0.2.9")).collect();
        assert_eq!(proxy.len(), 2, "four in all");
        drop((one, two, proxy));
        assert!(take("192.0.2.1").is_some());
        assert!(counts.open.lock().each.is_empty());
    }
}
