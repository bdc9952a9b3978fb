//! Colours, and whether text in one can be read on another (WCAG 2.2, success criterion 1.4.3).

use std::fmt;

/// The least contrast of text and what is under it.
pub(in crate::website) const READABLE: f64 = 4.5;

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::website) struct Colour([u8; 3]);

impl Colour {
    pub(in crate::website) const BLACK: Self = Self([0; 3]);
    pub(in crate::website) const WHITE: Self = Self([255; 3]);

    /// `#rgb` or `#rrggbb`.
    pub(in crate::website) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            6 => digits.to_owned(),
            _ => return None,
        };
        let part = |from: usize| u8::from_str_radix(wide.get(from..from + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// Relative luminance, 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast of two colours, 1 to 21.
    pub(in crate::website) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever reads better on it: at least 4.58.
    pub(in crate::website) fn ink(self) -> Self {
        if self.contrast(Self::BLACK) > self.contrast(Self::WHITE) { Self::BLACK } else { Self::WHITE }
    }

    /// The first on the way to `to`, in hundredths, that reads on all of `grounds`; `to` itself at the end.
    pub(in crate::website) fn until_readable(self, to: Self, grounds: &[Self]) -> Self {
        let steps = (0..=100).map(|step| self.mixed(to, step));
        let mut readable = steps.filter(|colour| grounds.iter().all(|ground| ground.contrast(*colour) >= READABLE));
        readable.next().unwrap_or(to)
    }

    /// `percent` of the way to another colour.
    pub(in crate::website) fn mixed(self, to: Self, percent: u16) -> Self {
        let mut parts = self.0;
        for (part, to) in parts.iter_mut().zip(to.0) {
            let sum = u16::from(*part) * (100 - percent.min(100)) + u16::from(to) * percent.min(100);
            *part = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Self(parts)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn contrast_is_the_one_of_wcag() {
        let ratio = |a, b| (colour(a).contrast(colour(b)) * 100.0).round() / 100.0;
        assert!((ratio("#000", "#fff") - 21.0).abs() < 0.001);
        assert!((ratio("#777", "#fff") - 4.48).abs() < 0.001);
        assert!((ratio("#767676", "#ffffff") - 4.54).abs() < 0.001);
        assert!((ratio("#0f766e", "#fff") - 5.47).abs() < 0.011);
    }

    #[test]
    fn there_is_always_an_ink() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = Colour([red, green, blue]);
                    assert!(colour.contrast(colour.ink()) >= READABLE, "{colour}");
                }
            }
        }
    }

    #[test]
    fn only_colours_are_colours() {
        for bad in ["", "#", "#12", "#12345", "red", "#ggg", "#1234567", "#é1", "#+12"] {
            assert!(Colour::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(colour("#abc").to_string(), "#aabbcc");
    }
}
