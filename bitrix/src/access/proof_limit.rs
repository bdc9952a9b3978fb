//! How often strangers may make us ask the portal whether they are genuine: its request limit is ours too.

use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// So many at once.
const BURST: f64 = 12.0;
/// So many a second in the long run.
const PER_SECOND: f64 = 0.5;

/// A leaky bucket of proofs.
pub(crate) struct Proofs(Mutex<(f64, Instant)>);

impl Default for Proofs {
    fn default() -> Self {
        Self(Mutex::new((0.0, Instant::now())))
    }
}

impl Proofs {
    /// Whether one more may be asked now.
    pub(crate) fn take(&self) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let level = (bucket.0 - bucket.1.elapsed().as_secs_f64() * PER_SECOND).max(0.0);
        let room = level + 1.0 <= BURST;
        *bucket = (if room { level + 1.0 } else { level }, Instant::now());
        room
    }
}
