//! The time, injected so that tests can move it.

pub use crate::domain::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, made steady: it follows the wall clock forwards and never goes back while the program runs, so
/// that a clock set back makes nothing wait.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// Wall time at `start`, in milliseconds; grows when the wall clock jumps ahead.
    base: AtomicI64,
}

/// A wall clock this far ahead of ours has jumped (the machine slept, or its clock was corrected).
const JUMP: i64 = 1000;

impl SystemClock {
    /// The clock, beginning with the wall time.
    pub fn new() -> Self {
        Self { start: Instant::now(), base: AtomicI64::new(wall()) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::disallowed_methods)] // the one place that may ask the machine
fn wall() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (steady, wall) = (self.base.load(Ordering::Relaxed).saturating_add(elapsed), wall());
        if wall <= steady.saturating_add(JUMP) {
            return Timestamp(steady);
        }
        self.base.fetch_max(wall - elapsed, Ordering::Relaxed);
        Timestamp(wall)
    }
}

/// A clock that stands still until it is moved; for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock on (or back, with [`ManualClock::set`]).
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
