//! Signed words in the pages' buttons. Whoever presses a button was shown it, and whoever was shown it had proven who they
//! are: the frame has no cookies, and the portal's tokens stay out of the page. A word is good for one thing, for an hour.

use openline_core::Timestamp;
use openline_core::secret::{Keys, same, sign};
use std::time::Duration;

/// How long a page may stand open.
const LIFETIME: Duration = Duration::from_secs(3600);

/// A word for these parts, none of which has a dot.
pub(super) fn word(keys: &Keys, parts: &[&str], now: Timestamp) -> String {
    make(keys.present(), &parts.join("."), now.plus(LIFETIME))
}

/// The parts of a word that was made here and is not too old.
pub(super) fn read<'w, const N: usize>(keys: &Keys, word: &'w str, now: Timestamp) -> Option<[&'w str; N]> {
    keys.iter().find_map(|key| take(key, word, now))
}

fn make(key: &[u8; 32], parts: &str, until: Timestamp) -> String {
    let what = format!("{parts}.{}", until.0);
    let tag = hex::encode(&sign(key, what.as_bytes())[..16]);
    format!("{what}.{tag}")
}

fn take<'w, const N: usize>(key: &[u8; 32], word: &'w str, now: Timestamp) -> Option<[&'w str; N]> {
    let (what, _tag) = word.rsplit_once('.')?;
    let (parts, until) = what.rsplit_once('.')?;
    let until = Timestamp(until.parse().ok()?);
    let ours = now < until && same(&make(key, parts, until), word);
    let parts: Vec<_> = parts.split('.').collect();
    parts.try_into().ok().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_word_of_ours_is_read() {
        let (key, until) = ([1; 32], Timestamp(1000));
        let word = make(&key, "openline_site.3", until);
        let read = |key: &[u8; 32], word: &str, now| take::<2>(key, word, Timestamp(now)).map(|found| found.join(" "));
        assert_eq!(read(&key, &word, 999).as_deref(), Some("openline_site 3"));
        assert_eq!(read(&key, &word, 1000), None);
        assert_eq!(read(&[2; 32], &word, 1), None);
        assert_eq!(read(&key, &word.replacen(".3.", ".4.", 1), 1), None);
        assert_eq!(take::<3>(&key, &word, Timestamp(1)), None, "a word of another kind");
        for bad in ["", "a.b", "a.b.c.d", "a.b.99999999999.d"] {
            assert_eq!(read(&key, bad, 1), None, "{bad}");
        }
    }
}
