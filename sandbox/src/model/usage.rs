//! What a portal counts of its callers (bitrix24.md §3.4).

use std::collections::BTreeMap;

/// The operating limit looks back over this many one-minute buckets.
const MINUTES: i64 = 10;

/// Request counter of one source address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub(crate) level: f64,
    pub(crate) at_ms: i64,
}

/// Seconds of work per minute, of one method of one application.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operating {
    pub(crate) minutes: BTreeMap<i64, f64>,
}

impl Operating {
    pub(crate) fn forget(&mut self, now_ms: i64) {
        let oldest = now_ms / 60_000 - MINUTES;
        self.minutes.retain(|minute, _| *minute > oldest);
    }

    /// Seconds charged within the window.
    pub(crate) fn total(&self) -> f64 {
        // A sum of nothing is -0.0.
        self.minutes.values().sum::<f64>() + 0.0
    }

    /// Unix time when the oldest bucket drops out.
    pub(crate) fn reset_at(&self, now_ms: i64) -> i64 {
        let oldest = self.minutes.keys().next().copied().unwrap_or(now_ms / 60_000);
        (oldest + MINUTES) * 60
    }
}
