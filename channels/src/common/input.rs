//! What people type and other programs claim, as far as all kinds judge it alike.

/// Longest e-mail address, in bytes.
pub(crate) const MAX_EMAIL: usize = 254;
/// Digits of a phone number.
pub(crate) const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// Trims, joins line ends, drops control characters that no keyboard makes (and NUL, which no database likes). Line ends
/// and tabs stay where there are `lines`.
pub(crate) fn clean(text: &str, lines: bool) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = unified.chars().filter(|c| !c.is_control() || lines && matches!(c, '\n' | '\t'));
    kept.collect::<String>().trim().to_owned()
}

/// Longest name, in characters.
pub(crate) const MAX_NAME: usize = 100;

/// A name as another program tells it, so far as it may be one.
pub(crate) fn called(text: &str) -> String {
    clean(text, false).chars().take(MAX_NAME).collect::<String>().trim_end().to_owned()
}

/// An e-mail address that the portal takes too: it refuses the whole message for a bad one (`bitrix24.md` §4.7).
pub(crate) fn email(text: &str) -> Option<String> {
    let (local, host) = text.rsplit_once('@')?;
    let local_ok = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_{|}~.".contains(&b);
    let dots_ok = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<_> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    let last_ok = (2..=20).contains(&last.len()) && last.bytes().any(|b| b.is_ascii_alphabetic());
    let ok = (1..=64).contains(&local.len())
        && local.bytes().all(local_ok)
        && dots_ok
        && labels.len() >= 2
        && labels.iter().all(|label| label_ok(label))
        && last_ok
        && text.len() <= MAX_EMAIL;
    ok.then(|| text.to_owned())
}

/// The digits of a phone number, with its plus.
pub(crate) fn phone(text: &str) -> Option<String> {
    let known =
        |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-./()\u{2011}\u{2013}\u{200e}\u{200f}".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let plus = text.trim_start_matches(['\u{200e}', '\u{200f}', '(', ' ']).starts_with('+');
    let ok =
        text.chars().all(known) && DIGITS.contains(&digits.len()) && text.matches('+').count() <= usize::from(plus);
    ok.then(|| if plus { format!("+{digits}") } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emails_are_those_that_the_portal_takes() {
        for good in ["a@b.co", "first.last+tag@mail.example.com", "o'neil@x-y.org"] {
            assert_eq!(email(good).as_deref(), Some(good));
        }
        let long = format!("{}@x.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@b..de",
            ".a@b.de",
            "a.@b.de",
            "a@-b.de",
            "ä@b.de",
            "a@b.1",
            "a@b.c",
            "a@b@c.de ",
            "a@[1.2.3.4]",
            "\"a\"@b.de",
            &long,
        ] {
            assert_eq!(email(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_line_of_some_length() {
        assert_eq!(called(" Ann\0\u{1b} Lee\r\n"), "Ann Lee");
        assert_eq!(called(&format!("{} Lee", "x".repeat(99))), "x".repeat(99));
    }

    #[test]
    fn phones_are_digits() {
        for (given, kept) in [
            ("+49 (30) 123-45.67", "+49301234567"),
            ("030/123 456", "030123456"),
            ("\u{200e}+971 4 123 4567", "+97141234567"),
        ] {
            assert_eq!(phone(given).as_deref(), Some(kept), "{given}");
        }
        for bad in ["1234", "12+345", "++49 30 1", "123456x", "1".repeat(16).as_str(), "+", "٠١٢٣٤٥"] {
            assert_eq!(phone(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_kept_is_plain(text in "\\PC{0,40}") {
            if let Some(kept) = email(&text) {
                prop_assert!(kept.is_ascii() && kept.matches('@').count() == 1 && !kept.contains(char::is_whitespace));
            }
            if let Some(kept) = phone(&text) {
                prop_assert!(kept.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
