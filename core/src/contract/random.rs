//! Random numbers that a seed repeats.

use std::hash::{BuildHasher, RandomState};

/// The environment variable that names the seed to repeat.
pub(super) const SEED: &str = "OPENLINE_SEED";

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The seeds of a run: the one that is asked for, or two that are always the same and one that never is.
pub(super) fn seeds() -> Vec<u64> {
    match std::env::var(SEED) {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => vec![1, 2, RandomState::new().hash_one(0)],
    }
}

/// Tells the seed when the test fails.
pub(super) struct Told(pub(super) u64);

impl Drop for Told {
    #[allow(clippy::print_stderr)] // read by whoever looks at the failed test
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat it: {SEED}={}", self.0);
        }
    }
}
