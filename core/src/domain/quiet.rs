//! Lines in the log that strangers can cause as often as they like: a few a minute, and how many were held back.

use parking_lot::Mutex;
use std::fmt;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// So many lines of one place …
const MOST: u32 = 5;
/// … in so long.
const WINDOW: Duration = Duration::from_secs(60);
/// Most characters of a stranger's value in a line.
const SHOWN: usize = 64;

/// How often one place in the code has spoken lately. Used by [`sampled!`](crate::sampled).
#[derive(Debug)]
pub struct Sampler(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Option<Instant>,
    said: u32,
    held: u64,
}

/// A turn to speak.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    /// How many lines were held back since the last one.
    pub held_back: Option<NonZeroU64>,
}

impl Sampler {
    /// A place that has not spoken yet.
    #[allow(clippy::new_without_default)] // made in statics only
    pub const fn new() -> Self {
        Self(Mutex::new(Window { began: None, said: 0, held: 0 }))
    }

    /// Its turn to speak; `None` to be silent.
    pub fn take(&self) -> Option<Turn> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<Turn> {
        let mut window = self.0.lock();
        if window.began.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW) {
            window.began = Some(now);
            window.said = 0;
        }
        if window.said >= MOST {
            window.held = window.held.saturating_add(1);
            return None;
        }
        window.said += 1;
        Some(Turn { held_back: NonZeroU64::new(std::mem::take(&mut window.held)) })
    }
}

/// Writes a line of the log that a stranger can cause: at most five a minute of each place, the next one says how many
/// were held back. The level comes first, then, if wanted, `target:`, then what `tracing` takes.
#[macro_export]
macro_rules! sampled {
    ($level:ident, target: $target:expr, $($rest:tt)+) => {{
        static PLACE: $crate::quiet::Sampler = $crate::quiet::Sampler::new();
        if let Some($crate::quiet::Turn { held_back }) = PLACE.take() {
            ::tracing::$level!(target: $target, held_back, $($rest)+);
        }
    }};
    ($level:ident, $($rest:tt)+) => {{
        static PLACE: $crate::quiet::Sampler = $crate::quiet::Sampler::new();
        if let Some($crate::quiet::Turn { held_back }) = PLACE.take() {
            ::tracing::$level!(held_back, $($rest)+);
        }
    }};
}

/// A stranger's value as a line may show it: at most 64 characters, no control characters.
pub struct Short<'v>(pub &'v str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for c in rest.by_ref().take(SHOWN) {
            fmt::Write::write_char(f, if c.is_control() { '\u{fffd}' } else { c })?;
        }
        if rest.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let (place, start) = (Sampler::new(), Instant::now());
        let said = (0..50_000).filter(|_| place.take_at(start).is_some()).count();
        assert_eq!(said, 5);
        assert_eq!(place.take_at(start + WINDOW), Some(Turn { held_back: NonZeroU64::new(49_995) }));
        assert_eq!(place.take_at(start + WINDOW), Some(Turn { held_back: None }));
    }

    #[test]
    fn values_are_cut_and_harmless() {
        assert_eq!(Short("a\nb\u{1b}[31m").to_string(), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(Short(&"ä".repeat(1000)).to_string().chars().count(), 65);
    }
}
