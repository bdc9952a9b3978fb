//! What people read, by key, in several languages; and what operators read of a conversation beside its messages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

macro_rules! languages {
    ($($code:literal),+) => {
        /// Code and file of every language there is; the first is for portals whose language is not there.
        const FILES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../../texts/", $code, ".toml")))),+];
    };
}
languages!("en", "ru", "de", "es", "pt", "fr", "pl", "tr", "ar");

/// Keys that begin so are sentences which others may say in English, see [`Catalogue::told`].
const TOLD: &str = "told_";

/// The texts of one language.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// `de`.
    pub code: &'static str,
    /// The texts, by key.
    pub texts: BTreeMap<String, String>,
}

static OPERATORS: LazyLock<Vec<Catalogue>> = LazyLock::new(|| Catalogue::read(FILES));

/// What operators read in the language with that code; in English when it is not there.
pub fn operators(code: &str) -> &'static Catalogue {
    OPERATORS.iter().find(|catalogue| catalogue.code == code).unwrap_or(&OPERATORS[0])
}

impl Catalogue {
    /// Catalogues by code and file. The files are compiled in and read by tests: one that does not parse never leaves the
    /// house.
    pub fn read(files: &[(&'static str, &str)]) -> Vec<Self> {
        let read = |(code, file): &(&'static str, &str)| {
            let texts = toml::from_str(file).unwrap_or_else(|error| {
                tracing::error!(%error, code, "a language can't be read");
                BTreeMap::new()
            });
            Self { code, texts }
        };
        files.iter().map(read).collect()
    }

    /// A text; empty when there is none with that key.
    pub fn get(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// A text with its `{name}`s replaced.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let (mut out, mut rest) = (String::new(), self.get(key));
        // What is put in is not looked through: it may be anybody's words.
        while let Some((before, name, after)) = placeholder(rest) {
            out.push_str(before);
            out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
            rest = after;
        }
        out + rest
    }

    /// A sentence in this language that was said in English: one of those that messengers tell, with what is special in it.
    /// Any other one stays as it is.
    pub fn told(&self, english: &str) -> String {
        let mut found: Option<(usize, String)> = None;
        for (key, pattern) in OPERATORS[0].texts.iter().filter(|(key, _)| key.starts_with(TOLD)) {
            let (before, name, after) = placeholder(pattern).unwrap_or((pattern, "", ""));
            let word = english.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            let Some(word) = word.filter(|word| word.is_empty() == name.is_empty()) else { continue };
            // Of several the one that says most.
            if found.as_ref().is_none_or(|(most, _)| before.len() > *most) {
                found = Some((before.len(), self.fill(key, &[(name, word)])));
            }
        }
        found.map_or_else(|| english.to_owned(), |(_, told)| told)
    }

    /// The names of what is replaced in a text.
    pub fn placeholders(text: &str) -> Vec<&str> {
        let (mut found, mut rest) = (Vec::new(), text);
        while let Some((_, name, after)) = placeholder(rest) {
            found.push(name);
            rest = after;
        }
        found.sort_unstable();
        found
    }
}

/// The first `{name}` of a text, with what stands before and behind it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_read_every_text_in_every_language() {
        let english = operators("en");
        for catalogue in OPERATORS.iter() {
            let code = catalogue.code;
            let (ours, theirs): (Vec<_>, Vec<_>) = (catalogue.texts.keys().collect(), english.texts.keys().collect());
            assert_eq!(ours, theirs, "the keys of {code}");
            for (key, text) in &catalogue.texts {
                let (ours, theirs) = (Catalogue::placeholders(text), Catalogue::placeholders(english.get(key)));
                assert_eq!(ours, theirs, "{key} in {code}");
                assert_eq!((text.trim(), text.is_empty()), (text.as_str(), false), "{key} in {code}");
            }
        }
        assert_eq!((OPERATORS.len(), operators("xx").code), (9, "en"));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("texts");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 9);
    }

    #[test]
    fn what_is_put_in_is_not_looked_through() {
        let filled = operators("en").fill("agreed", &[("at", "{text}"), ("version", "{"), ("text", "}{at}")]);
        assert_eq!(filled, "Agreed on {text} to version {: “}{at}”");
    }

    #[test]
    fn sentences_of_messengers_are_said_in_the_operators_language() {
        let told = |english| operators("de").told(english);
        assert_eq!(told("The visitor came by the link spring."), "Der Besucher kam über den Link spring.");
        assert_eq!(told("The visitor came by spring."), "Der Besucher kam über spring.");
        assert_eq!(told("The visitor takes messages now."), "Der Besucher nimmt jetzt Nachrichten an.");
        assert_eq!(told("Something else"), "Something else");
        assert_eq!(operators("en").told("The visitor came by {word}."), "The visitor came by {word}.");
    }
}
