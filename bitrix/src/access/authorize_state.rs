//! The `state` words of authorizations under way: signed here, good for ten minutes, kept nowhere.

use openline_core::Timestamp;
use openline_core::secret::{same, sign};
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(600);

pub(crate) struct States([u8; 32]);

impl States {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A word that says when it was made.
    pub(crate) fn make(&self, now: Timestamp) -> String {
        let made = now.seconds().to_string();
        let tag = hex::encode(&sign(&self.0, made.as_bytes())[..16]);
        format!("{made}.{tag}")
    }

    /// Whether the word was made here lately.
    pub(crate) fn is_ours(&self, word: &str, now: Timestamp) -> bool {
        let Some((made, _)) = word.split_once('.') else { return false };
        let Ok(seconds) = made.parse::<i64>() else { return false };
        let at = Timestamp(seconds.saturating_mul(1000));
        same(&self.make(at), word) && at <= now.plus(LIFETIME) && at.until(now) < LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fresh_words_of_ours_count() {
        let (states, now) = (States::new([1; 32]), Timestamp(1_000_000_000));
        let word = states.make(now);
        assert!(states.is_ours(&word, now.plus(Duration::from_secs(599))));
        assert!(!states.is_ours(&word, now.plus(Duration::from_secs(601))));
        assert!(!States::new([2; 32]).is_ours(&word, now));
        for bad in ["", ".", "1.2", "999999999999999999999.aa", &word[..word.len() - 1]] {
            assert!(!states.is_ours(bad, now), "{bad}");
        }
    }
}
