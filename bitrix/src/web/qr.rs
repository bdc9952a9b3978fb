//! The address of a channel as a QR code, for posters and phones.

use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;
use std::fmt::Write;

/// Empty modules around the code, as readers want them.
const MARGIN: i32 = 4;

/// A drawing of dark squares.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Drawing {
    /// Width and height.
    size: i32,
    /// An SVG path.
    path: String,
}

/// The code of a text; `None` when it is too long for one.
pub(super) fn draw(text: &str) -> Option<Drawing> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    Some(Drawing { size: code.size() + 2 * MARGIN, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_margin_and_its_corners() {
        let drawing = draw("https://chat.example.com/c/site/").unwrap();
        assert!(drawing.path.starts_with("M4 4h1v1h-1z") && drawing.size >= 21 + 8);
        assert_eq!(draw(&"x".repeat(4000)), None);
    }
}
