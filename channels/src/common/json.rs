//! JSON as scripts send it: a string that was cut inside an emoji ends in half a surrogate pair (`JSON.stringify` and
//! Python write it as `\ud83d`), and some files begin with a byte order mark. Strict parsers refuse the whole text for
//! either; nobody's message is to be lost by it, so the half becomes U+FFFD, as it does in every text that is encoded.

use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// What a byte order mark is in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// As long as any escape of one unit, so that the text keeps its length.
const REPLACEMENT: &[u8; UNIT] = b"\\ufffd";
/// `\uXXXX`
const UNIT: usize = 6;

/// Reads what a script sent.
///
/// # Errors
/// When it is not JSON, or not what is wanted.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&mended(text))
}

/// The text with U+FFFD in the place of every half of a pair, and without a byte order mark.
pub(crate) fn mended(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut mended = Cow::Borrowed(text);
    let mut at = 0;
    // A backslash stands nowhere in JSON but in strings, where it begins an escape.
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += found;
        at += match (unit(text, at), unit(text, at + UNIT)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * UNIT,
            (Some(0xd800..=0xdfff), _) => {
                mended.to_mut()[at..at + UNIT].copy_from_slice(REPLACEMENT);
                UNIT
            }
            (Some(_), _) => UNIT,
            (None, _) => 2,
        };
    }
    mended
}

/// The unit of UTF-16 that is written at that place; `None` when there is none.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + UNIT)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn text(json: &str) -> String {
        read::<Value>(json.as_bytes()).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn half_an_emoji_becomes_the_replacement_character() {
        assert_eq!(text(r#""half \ud83d here""#), "half \u{fffd} here");
        assert_eq!(text(r#""\uDE00\ud83d\uD83D\uDE00\ud83d""#), "\u{fffd}\u{fffd}😀\u{fffd}");
        assert_eq!(text(r#""\ud83dé\ud83d\n\ud83d\u0041""#), "\u{fffd}é\u{fffd}\n\u{fffd}A");
        // Written out, not escaped.
        assert_eq!(text(r#""\\ud83d \\\ud83d \"\\\\""#), "\\ud83d \\\u{fffd} \"\\\\");
        let keys: Value = read(br#"{"\ud83d":["\udc00"]}"#).unwrap();
        assert_eq!(keys, serde_json::json!({ "\u{fffd}": ["\u{fffd}"] }));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(text("\u{feff}\"\u{feff}x\""), "\u{feff}x");
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for bad in ["", "\u{feff}", "\"\\", "\"\\u", "\"\\ud83", "\"\\ud83d", "\"\\ud8zz\"", "{\\ud83d}", "\"\\u+fff\""]
        {
            assert!(read::<Value>(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read::<Value>(b"\"\xff\"").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_right_is_read_as_it_is(text in "\\PC*[😀\\\\\"\u{0}-\u{1f}ü]*") {
            let plain = serde_json::to_string(&text).unwrap();
            let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert!(matches!(mended(plain.as_bytes()), Cow::Borrowed(_)));
            prop_assert_eq!(read::<String>(plain.as_bytes()).unwrap(), text.clone());
            prop_assert_eq!(read::<String>(format!("\"{units}\"").as_bytes()).unwrap(), text);
        }
    }
}
