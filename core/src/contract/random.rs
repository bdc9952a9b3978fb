//! Random numbers that a seed repeats.

/// The environment variable that names the seed to repeat.
pub(super) const SEED: &str = "OPENLINE_SEED";

/// The numbers of one run.
pub(super) struct Random(fastrand::Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
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
        Err(_) => vec![1, 2, fastrand::u64(..)],
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
