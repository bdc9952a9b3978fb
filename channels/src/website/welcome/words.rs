//! Texts of the configuration: one for all visitors, or one for each language.

use super::texts::{self, Catalogue};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// `title = "Chat"`, or `title = { en = "Chat", de = "Fragen?" }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::website) struct Words {
    /// For languages that have none of their own.
    common: String,
    by_language: BTreeMap<&'static str, String>,
}

impl Words {
    /// What is said in that language; where it has no words of its own the English ones, else the first. Empty when
    /// nothing is configured.
    pub(in crate::website) fn get(&self, language: &Catalogue) -> &str {
        self.by_language.get(language.code).unwrap_or(&self.common)
    }

    /// The same, trimmed; `None` when nothing is left.
    pub(in crate::website) fn given(&self, language: &Catalogue) -> Option<&str> {
        Some(self.get(language).trim()).filter(|text| !text.is_empty())
    }

    /// Every text.
    pub(in crate::website) fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.common.as_str()).chain(self.by_language.values().map(String::as_str))
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self { common: text.to_owned(), by_language: BTreeMap::new() }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a table with one for each language, like { en = \"Chat\", de = \"Fragen?\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words::from(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Words, A::Error> {
        let mut words = Words::default();
        while let Some((code, text)) = table.next_entry::<String, String>()? {
            let Some(language) = texts::find(&code).filter(|language| language.code == code) else {
                let known = texts::codes().collect::<Vec<_>>().join(", ");
                return Err(A::Error::custom(format_args!(
                    "{code:?} is not a language of the chat; there is: {known}"
                )));
            };
            words.by_language.insert(language.code, text);
        }
        let first = words.by_language.get("en").or_else(|| words.by_language.values().next());
        words.common = first.cloned().ok_or_else(|| A::Error::custom("has no language; write { en = \"…\" }"))?;
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &str) -> Result<Words, String> {
        let table: toml::Table = toml::from_str(&format!("x = {value}")).unwrap();
        Words::deserialize(table["x"].clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_language_has_its_words_and_the_others_the_english_ones() {
        let said = |value: &str, code: &str| words(value).unwrap().get(texts::find(code).unwrap()).to_owned();
        assert_eq!(said("'Chat'", "de"), "Chat");
        let table = "{ de = 'Fragen?', en = 'Chat' }";
        assert_eq!([said(table, "de"), said(table, "en"), said(table, "ar")], ["Fragen?", "Chat", "Chat"]);
        assert_eq!(said("{ ru = 'Чат', pl = 'Czat' }", "en"), "Czat");
    }

    #[test]
    fn errors_name_the_language() {
        assert!(words("{ xx = 'x' }").unwrap_err().contains("\"xx\" is not a language of the chat; there is: en, ru"));
        assert!(words("{ DE = 'x' }").is_err() && words("{}").unwrap_err().contains("has no language"));
        assert!(words("7").unwrap_err().contains("a text, or a table with one for each language"));
    }
}
