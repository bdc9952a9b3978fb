//! Secrets that are none: empty, copied from an example, or easily guessed.

use crate::domain::error::ConfigError;
use base64::{Engine, prelude::BASE64_STANDARD};

/// Who made a secret up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Whoever runs openline: nothing but its chance protects what it guards.
    Own,
    /// The other side (a portal, a messenger, a database), by its own rules.
    Other,
}

/// Chance that is asked for, in bits as [`bits`] counts them: for an own secret what 16 random hex digits still have when
/// some of them happen to look like a row, for another's eight random letters and digits.
const OWN: f64 = 48.0;
const OTHERS: f64 = 32.0;

/// What stands in examples in the place of a secret, in lower case and without what is between letters.
const IN_EXAMPLES: &[&str] = &["replaceme", "changeme", "placeholder", "insertyour", "example", "xxxx"];

/// A text of nothing but these words (and numbers) stands for a secret. "fake" and the like are no words of examples.
const WORDS: &str = "a access admin api app application at bar bearer bitrix bot botfather by change channel characters client code \
    default demo dummy enter foo from here identity in is it key least letters local master me my new of old one \
    openline our own pass passwd password please private put qwerty random replace sample secret set shared \
    signing some test testing text that the this to todo token verify webhook welcome whsec with word write xoxb \
    xxx you your";

/// Refuses a secret that is none.
///
/// # Errors
/// What is wrong with it, at `key`; the secret is not repeated.
pub fn strong(key: &str, secret: &str, maker: Maker) -> Result<(), ConfigError> {
    let problem = if secret.trim().is_empty() {
        "is empty"
    } else if is_placeholder(secret) {
        "is what stands in an example in the place of a secret"
    } else if is_guessable(secret, maker) {
        "is easily guessed"
    } else {
        return Ok(());
    };
    let remedy = match maker {
        Maker::Own => "write a random one of your own: openssl rand -hex 32",
        Maker::Other => "write the one that you were given or, where you make it up yourself, a random one",
    };
    Err(ConfigError::at(key, format!("{problem}; {remedy}")))
}

/// Whether it stands for a secret: `<your token>`, `changeme`, `the key from Bitrix24`, `xxx`, `…`.
fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    // "bitrix24" and "secret123" are words, what is mostly digits is not.
    let is_known = |word: &str| {
        let bare = word.trim_matches(|c: char| c.is_ascii_digit());
        bare.is_empty() || bare.len() + 4 >= word.len() && WORDS.split(' ').any(|word| word == bare)
    };
    let mut unknown = words.filter(|word| !is_known(word));
    let says_nothing = unknown.next().is_none() && !letters.bytes().all(|b| b.is_ascii_digit());
    let in_brackets = lower.starts_with('<') && lower.ends_with('>') || lower.contains("${") || lower.contains("{{");
    says_nothing || in_brackets || lower.contains('…') || IN_EXAMPLES.iter().any(|word| letters.contains(word))
}

fn is_guessable(secret: &str, maker: Maker) -> bool {
    let least = match maker {
        Maker::Own => OWN,
        Maker::Other => OTHERS,
    };
    // What a text in base64 says is what was made up.
    let inner = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).ok();
    let inner = inner.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| text.is_ascii());
    bits(secret) < least || inner.is_some_and(|text| bits(&text) < least)
}

/// How much chance a text can have at most, in bits: its characters that don't follow from those before (rows like `abc`,
/// `321` and `aaa`, and what stood there already), each as one of an alphabet that has all of them.
fn bits(secret: &str) -> f64 {
    let all: Vec<u32> = secret.chars().map(u32::from).collect();
    let steps = |at: usize| i64::from(all[at]) - i64::from(all[at - 1]);
    let in_row = |at: usize| at >= 2 && steps(at) == steps(at - 1) && steps(at).abs() <= 1;
    let repeats = |at: usize| at >= 3 && all[..at].windows(3).any(|three| three == &all[at - 2..=at]);
    let free = (0..all.len()).filter(|at| !in_row(*at) && !repeats(*at)).count();
    let has = |kind: fn(&char) -> bool| secret.chars().any(|c| kind(&c));
    let sizes = [
        (has(char::is_ascii_digit), 10),
        (has(|c| matches!(c, 'a'..='f')), 6),
        (has(|c| matches!(c, 'g'..='z')), 20),
        (has(char::is_ascii_uppercase), 26),
        (has(|c| !c.is_ascii_alphanumeric()), 32),
    ];
    let alphabet: u32 = sizes.iter().filter(|(there, _)| *there).map(|(_, size)| size).sum();
    #[allow(clippy::cast_precision_loss)] // some characters
    let free = free as f64;
    free * f64::from(alphabet.max(1)).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_strong(secret: &str, maker: Maker) -> bool {
        strong("key", secret, maker).is_ok()
    }

    #[test]
    fn what_stands_in_examples_is_no_secret() {
        for sample in [
            "",
            "  ",
            "changeme",
            "change-me",
            "CHANGE_ME",
            "replace-me-by-random-characters",
            "xoxb-replace-me",
            "your-secret",
            "your_secret_token",
            "<your token>",
            "<...>",
            "…",
            "xxx",
            "XXXXXXXX",
            "the key from Bitrix24",
            "123456789:the-token-from-BotFather",
            "password",
            "secret",
            "my-secret-key-123",
            "${POSTGRES_PASSWORD}",
            "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "0123456789abcdef0123456789abcdef",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabcabcabcabcabcabc",
            "k3y",
            "12345678",
            "qwerty123",
            "00000000000000000000000000000000",
            "abcdefghijklmnopqrstuvwxyz",
            "{{ secret }}",
        ] {
            for maker in [Maker::Own, Maker::Other] {
                assert!(!is_strong(sample, maker), "{sample:?}");
            }
        }
    }

    #[test]
    fn random_ones_are_taken_and_none_is_repeated() {
        for secret in [
            "5d41402abc4b2a76b9719d911017c592",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "kV3mQ9zX7pLd2RtY",
            "f6c1a09be37d5824",
            "correct horse battery staple",
        ] {
            assert!(is_strong(secret, Maker::Own), "{secret}");
        }
        for secret in ["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "hx9w2kq7", "EAAGm0PX4ZCpsBAKZC"] {
            assert!(is_strong(secret, Maker::Other), "{secret}");
        }
        let told = strong("portal.key", "hunter2", Maker::Own).unwrap_err().to_string();
        assert!(told.starts_with("portal.key: is easily guessed; ") && !told.contains("hunter2"), "{told}");
    }

    /// What `openssl rand` makes is never refused.
    #[test]
    fn chance_is_not_mistaken_for_a_sample() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..16).map(|_| random.u8(..)).collect();
            let hex = hex::encode(&bytes);
            assert!(is_strong(&hex, Maker::Own), "{hex}");
            assert!(is_strong(&BASE64_STANDARD.encode(&bytes), Maker::Own));
            assert!(is_strong(&hex[..16], Maker::Other), "{hex}");
        }
    }
}
