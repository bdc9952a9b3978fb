//! Trying again: how long is waited after failures in a row, and chance, so that not all come back at once.

use std::time::Duration;

/// Waiting times after the first, second, … failure, in seconds. The last one repeats.
#[derive(Debug, Clone, Copy)]
pub struct Ladder(&'static [u64]);

impl Ladder {
    /// One of these steps.
    pub const fn of(seconds: &'static [u64]) -> Self {
        Self(seconds)
    }

    /// How long is waited when it failed once more, after so many failures before.
    pub fn step(self, failures: u32) -> Duration {
        let index = usize::try_from(failures).unwrap_or(usize::MAX).min(self.0.len().saturating_sub(1));
        Duration::from_secs(self.0.get(index).copied().unwrap_or_default())
    }
}

/// A random number from 0 to 1.
pub fn chance() -> f64 {
    fastrand::f64()
}

/// Between half of the pause and all of it, by chance.
pub fn spread(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_stays_at_its_top() {
        let ladder = Ladder::of(&[1, 5]);
        assert_eq!([0, 1, 2, u32::MAX].map(|failures| ladder.step(failures).as_secs()), [1, 5, 5, 5]);
        assert_eq!(Ladder::of(&[]).step(3), Duration::ZERO);
    }

    #[test]
    fn chance_spreads_pauses() {
        let pause = Duration::from_secs(10);
        assert_eq!((spread(pause, 0.0).as_secs(), spread(pause, 1.0).as_secs()), (5, 10));
        assert!((0..100).all(|_| (0.0..=1.0).contains(&chance())));
    }
}
