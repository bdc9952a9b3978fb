//! The leaky bucket and the operating-time limit (bitrix24.md §3.4).

use std::net::IpAddr;

use super::error::RestError;
use crate::config::RequestLimit;
use crate::model::{Bucket, Operating, State};

/// Calls shorter than this are not charged to the operating limit.
const UNCHARGED_S: f64 = 0.1;

impl State {
    /// Counts one HTTP request; a refused one is not counted.
    pub(crate) fn take_request(&mut self, peer: IpAddr, limit: Option<RequestLimit>) -> Result<(), RestError> {
        let Some(limit) = limit else { return Ok(()) };
        let now = self.now;
        let bucket = self.buckets.entry(peer).or_insert(Bucket { level: 0.0, at_ms: now });
        bucket.level = (bucket.level - seconds(now - bucket.at_ms) * limit.per_second).max(0.0);
        bucket.at_ms = now;
        if bucket.level + 1.0 > limit.burst {
            return Err(RestError::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"));
        }
        bucket.level += 1.0;
        Ok(())
    }

    /// Refuses a method that has used up its operating time; the call that crosses the limit still succeeds.
    pub(crate) fn check_operating(&mut self, client: &str, method: &str, limit: Option<f64>) -> Result<(), RestError> {
        let now = self.now;
        let used = self.operating.entry((client.to_owned(), method.to_owned())).or_default();
        used.forget(now);
        match limit {
            Some(limit) if used.total() > limit => {
                let text = "Method is blocked due to operation time limit.";
                Err(RestError::new(429, "OPERATION_TIME_LIMIT", text))
            }
            _ => Ok(()),
        }
    }

    /// Charges working time to a method.
    pub(crate) fn charge_operating(&mut self, client: &str, method: &str, spent_s: f64) {
        if spent_s < UNCHARGED_S {
            return;
        }
        let minute = self.now / 60_000;
        let used = self.operating.entry((client.to_owned(), method.to_owned())).or_default();
        *used.minutes.entry(minute).or_default() += spent_s;
    }

    /// `time.operating` and `time.operating_reset_at`.
    pub(crate) fn operating_figures(&self, client: &str, method: &str) -> (f64, i64) {
        let used = self.operating.get(&(client.to_owned(), method.to_owned()));
        used.map_or_else(
            || (0.0, Operating::default().reset_at(self.now)),
            |used| (used.total(), used.reset_at(self.now)),
        )
    }
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "times of day fit a double")]
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
