//! The button "Send new conversations here". The page that shows it was opened by somebody who may change connectors; a
//! signed word in it says so when the button is pressed.

use crate::config::Connector;
use crate::shared::Inner;
use openline_core::Timestamp;
use openline_core::secret::{same, sign};
use std::time::Duration;

/// How long the page may stand open.
const LIFETIME: Duration = Duration::from_secs(3600);

/// What the button of this line brings.
pub(super) fn word(bitrix: &Inner, connector: &Connector, line: &str) -> String {
    let until = bitrix.portal.clock().now().plus(LIFETIME);
    make(bitrix.choose_keys.present(), &connector.id, line, until)
}

/// The connector and the line of a word that was made here and is not too old.
pub(super) fn read<'w>(bitrix: &Inner, word: &'w str) -> Option<(&'w str, &'w str)> {
    let now = bitrix.portal.clock().now();
    bitrix.choose_keys.iter().find_map(|key| take(key, word, now))
}

fn make(key: &[u8; 32], connector: &str, line: &str, until: Timestamp) -> String {
    let what = format!("{connector}.{line}.{}", until.0);
    let tag = hex::encode(&sign(key, what.as_bytes())[..16]);
    format!("{what}.{tag}")
}

fn take<'w>(key: &[u8; 32], word: &'w str, now: Timestamp) -> Option<(&'w str, &'w str)> {
    let mut parts = word.split('.');
    let (connector, line, until) = (parts.next()?, parts.next()?, Timestamp(parts.next()?.parse().ok()?));
    (now < until && same(&make(key, connector, line, until), word)).then_some((connector, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_word_of_ours_chooses() {
        let (key, until) = ([1; 32], Timestamp(1000));
        let word = make(&key, "openline_site", "3", until);
        assert_eq!(take(&key, &word, Timestamp(999)), Some(("openline_site", "3")));
        assert_eq!(take(&key, &word, Timestamp(1000)), None);
        assert_eq!(take(&[2; 32], &word, Timestamp(1)), None);
        assert_eq!(take(&key, &word.replacen(".3.", ".4.", 1), Timestamp(1)), None);
        for bad in ["", "a.b", "a.b.c.d", "a.b.99999999999.d"] {
            assert_eq!(take(&key, bad, Timestamp(1)), None, "{bad}");
        }
    }
}
