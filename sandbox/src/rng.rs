//! Seeded randomness, so that a run of the sandbox can be repeated.

/// Good enough for test data.
#[derive(Debug, Clone)]
pub(crate) struct Rng(fastrand::Rng);

impl Rng {
    /// A generator whose whole sequence follows from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        self.0.i64(0..end)
    }

    /// `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.pick(length, b"0123456789abcdef")
    }

    /// `length` letters and digits.
    pub(crate) fn word(&mut self, length: usize) -> String {
        self.pick(length, b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    }

    /// `length` decimal digits.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        self.pick(length, b"123456789")
    }

    /// True with the given probability (0 never, 1 always).
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    fn pick(&mut self, length: usize, alphabet: &[u8]) -> String {
        (0..length).filter_map(|_| self.0.choice(alphabet)).map(|letter| char::from(*letter)).collect()
    }
}
