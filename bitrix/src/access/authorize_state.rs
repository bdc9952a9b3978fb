//! The `state` words of authorizations under way: random, signed here, good for ten minutes, for one browser and for one
//! use.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openline_core::Timestamp;
use openline_core::secret::{Keys, same, sign};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(600);
/// Used words that are remembered; each was given to a browser that brought its cookie back.
const REMEMBERED: usize = 10_000;
/// Where the cookie goes: everywhere, because the prefix `__Host-` wants that.
pub(crate) const COOKIE_PATH: &str = "/";

pub(crate) struct States {
    keys: Keys,
    /// Those that were used, and until when they would have been good.
    used: Mutex<HashMap<String, Timestamp>>,
}

impl States {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, used: Mutex::default() }
    }

    /// A new word, and what the browser's cookie must say with it. `None` when the system has no randomness.
    pub(crate) fn make(&self, now: Timestamp) -> Option<(String, String)> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let body = format!("{}.{}", now.seconds(), BASE64_URL_SAFE_NO_PAD.encode(random));
        let key = self.keys.present();
        let word = format!("{body}.{}", tag_of(key, "state", &body));
        let cookie = tag_of(key, "cookie", &word);
        Some((word, cookie))
    }

    /// Whether the word was made here lately for the browser with one of these cookies, and was not used yet. It is used
    /// up then.
    pub(crate) fn use_up(&self, word: &str, cookies: &[&str], now: Timestamp) -> bool {
        let Some((body, tag)) = word.rsplit_once('.') else { return false };
        let Some(made) = body.split('.').next().and_then(|made| made.parse::<i64>().ok()) else { return false };
        let at = Timestamp(made.saturating_mul(1000));
        let is_fresh = at <= now.plus(LIFETIME) && at.until(now) < LIFETIME;
        let is_ours = |key: &[u8; 32]| {
            let expected = tag_of(key, "cookie", word);
            same(&tag_of(key, "state", body), tag) && cookies.iter().any(|cookie| same(&expected, cookie))
        };
        if !is_fresh || !self.keys.any(is_ours) {
            return false;
        }
        let mut used = self.used.lock();
        used.retain(|_, until| *until > now);
        used.len() < REMEMBERED && used.insert(word.to_owned(), at.plus(LIFETIME)).is_none()
    }
}

fn tag_of(key: &[u8; 32], what: &str, of: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&sign(key, format!("{what}/{of}").as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    #[test]
    fn a_word_is_good_once_for_its_browser_and_its_time() {
        let states = States::new([1; 32].into());
        let (word, cookie) = states.make(NOW).unwrap();
        let (other, foreign) = states.make(NOW).unwrap();
        assert_ne!(word, other);
        assert!(!states.use_up(&word, &[], NOW) && !states.use_up(&word, &[&foreign], NOW));
        assert!(!states.use_up(&word, &[&cookie], NOW.plus(Duration::from_secs(601))));
        assert!(states.use_up(&word, &["x", &cookie], NOW.plus(Duration::from_secs(599))));
        assert!(!states.use_up(&word, &[&cookie], NOW));
    }

    #[test]
    fn others_words_are_refused() {
        let (states, elsewhere) = (States::new([1; 32].into()), States::new([2; 32].into()));
        let (word, cookie) = elsewhere.make(NOW).unwrap();
        assert!(!states.use_up(&word, &[&cookie], NOW));
        for bad in ["", ".", "1.2", "1.2.3", "999999999999999999999.aa.bb", &word[..word.len() - 1]] {
            assert!(!states.use_up(bad, &[&cookie, ""], NOW), "{bad}");
        }
    }
}
