//! How many messages go into one call: as many as the portal does in a time far below the 60 s after which it cuts a
//! request (`bitrix24.md` §3.1, §4.7).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Most messages in one call.
const MOST: usize = 20;
/// A call shall take about this long at the most.
const TARGET: Duration = Duration::from_secs(15);
/// A request lasts no longer than this at the portal, with some seconds to spare.
const LONGEST: Duration = Duration::from_secs(65);
/// However few messages there are, a request may meet a slow moment.
const AT_LEAST: Duration = Duration::from_secs(2);
/// Taken for the time of one message until it is measured.
const GUESS_US: u64 = 150_000;

/// The time of one message, smoothed, in microseconds.
pub(crate) struct Pace {
    /// Measured by calls that were answered.
    measured: AtomicU64,
    /// As it is feared: calls that were cut took so long at the least.
    feared: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { measured: AtomicU64::new(GUESS_US), feared: AtomicU64::new(GUESS_US) }
    }
}

impl Pace {
    /// A call with so many messages without files took so long (what files take says nothing of the others). Slower is believed at once, faster by and by.
    pub(crate) fn note(&self, messages: usize, took: Duration) {
        let now = each(messages, took);
        for time in [&self.measured, &self.feared] {
            let known = time.load(Ordering::Relaxed);
            let smoothed = if now > known { now } else { known.midpoint(now) };
            time.store(smoothed.max(1), Ordering::Relaxed);
        }
    }

    /// A call with so many messages without files was cut after that time: they would have taken longer.
    pub(crate) fn note_cut(&self, messages: usize, ran: Duration) {
        self.feared.fetch_max(each(messages, ran), Ordering::Relaxed);
    }

    /// How long after a request with so many messages was cut the portal may still be working on it: it goes on when nobody
    /// waits any more, but not for longer than its own limit. How long it fetches files nobody knows. One that had been
    /// running for `ran` when it was cut is slower than others, whatever is known of those. From the request's beginning.
    pub(crate) fn settled_after(&self, messages: usize, with_files: bool, ran: Duration) -> Duration {
        if with_files {
            return LONGEST;
        }
        let each = Duration::from_micros(self.measured.load(Ordering::Relaxed));
        let expected = each.saturating_mul(u32::try_from(messages).unwrap_or(u32::MAX));
        (expected.saturating_mul(3) + AT_LEAST).max(ran * 3).min(LONGEST)
    }

    /// How many messages the next call may have.
    pub(crate) fn messages_a_call(&self) -> usize {
        let target = u64::try_from(TARGET.as_micros()).unwrap_or(u64::MAX);
        usize::try_from(target / self.feared.load(Ordering::Relaxed)).unwrap_or(MOST).clamp(1, MOST)
    }
}

/// The time of one message, in microseconds.
fn each(messages: usize, took: Duration) -> u64 {
    let messages = u64::try_from(messages).unwrap_or(1).max(1);
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_portals_get_small_calls() {
        let pace = Pace::default();
        assert_eq!(pace.messages_a_call(), MOST);
        pace.note(10, Duration::from_secs(50));
        assert_eq!(pace.messages_a_call(), 3);
        pace.note(1, Duration::from_secs(65));
        assert_eq!(pace.messages_a_call(), 1);
        (0..60).for_each(|_| pace.note(10, Duration::from_millis(100)));
        assert_eq!(pace.messages_a_call(), MOST);
    }
    #[test]
    fn calls_that_are_cut_make_the_next_ones_smaller() {
        let pace = Pace::default();
        pace.note_cut(20, Duration::from_secs(60));
        assert_eq!(pace.messages_a_call(), 5);
        pace.note_cut(5, Duration::from_millis(20));
        assert_eq!(pace.messages_a_call(), 5, "a short one says nothing");
        (0..60).for_each(|_| pace.note(5, Duration::from_millis(50)));
        assert_eq!(pace.messages_a_call(), MOST);
    }

    #[test]
    fn a_call_that_ran_long_may_go_on_long() {
        let pace = Pace::default();
        (0..60).for_each(|_| pace.note(10, Duration::from_millis(100)));
        let settled = |ran| pace.settled_after(20, false, Duration::from_millis(ran));
        assert!((2600..2700).contains(&settled(20).as_millis()), "{:?}", settled(20));
        assert_eq!(settled(2_000), Duration::from_secs(6));
        assert_eq!(settled(68_000), LONGEST);
        assert_eq!(pace.settled_after(1, true, Duration::ZERO), LONGEST);
        assert!(pace.settled_after(1, false, Duration::ZERO) < Duration::from_millis(2_100));
        // What was cut says how small calls shall be, not how long an answered one takes.
        pace.note_cut(1, Duration::from_secs(2));
        assert_eq!(settled(2_000), Duration::from_secs(6));
    }
}
