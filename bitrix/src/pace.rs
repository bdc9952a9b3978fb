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
/// Taken for the time of one message until it is measured.
const GUESS_US: u64 = 150_000;

/// The measured time of one message, smoothed, in microseconds.
pub(crate) struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicU64::new(GUESS_US))
    }
}

impl Pace {
    /// A call with so many messages without files took so long (what files take says nothing of the others). Slower is believed at once, faster by and by.
    pub(crate) fn note(&self, messages: usize, took: Duration) {
        let messages = u64::try_from(messages).unwrap_or(1).max(1);
        let now = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / messages;
        let known = self.0.load(Ordering::Relaxed);
        let smoothed = if now > known { now } else { known.midpoint(now) };
        self.0.store(smoothed.max(1), Ordering::Relaxed);
    }

    /// How long after a call was cut the portal may still be working on it: it goes on when nobody waits any more, but
    /// not for longer than its own limit. How long it fetches files nobody knows.
    pub(crate) fn settled_after(&self, with_files: bool) -> Duration {
        if with_files {
            return LONGEST;
        }
        let whole_call = Duration::from_micros(self.0.load(Ordering::Relaxed)) * u32::try_from(MOST).unwrap_or(20);
        (whole_call * 3 + Duration::from_secs(1)).min(LONGEST)
    }

    /// How many messages the next call may have.
    pub(crate) fn messages_a_call(&self) -> usize {
        let target = u64::try_from(TARGET.as_micros()).unwrap_or(u64::MAX);
        usize::try_from(target / self.0.load(Ordering::Relaxed)).unwrap_or(MOST).clamp(1, MOST)
    }
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
}
