//! The languages of what an administrator and operators read: one file of texts each, all with the same keys; the same
//! languages as the website chat has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

macro_rules! languages {
    ($($code:literal),+) => {
        /// Code and file of every language there is; the first is for those whose language is not there.
        const FILES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../texts/", $code, ".toml")))),+];
    };
}
languages!("en", "ru", "de", "es", "pt", "fr", "pl", "tr", "ar");

/// The texts of one language.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalogue {
    /// `de`.
    pub(crate) code: &'static str,
    /// The texts, by key.
    pub(crate) texts: BTreeMap<String, String>,
}

static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| FILES.iter().map(read).collect());

fn read((code, file): &(&'static str, &str)) -> Catalogue {
    // The files are compiled in and read by the tests: one that doesn't parse never leaves the house.
    let texts = toml::from_str(file).unwrap_or_else(|error| {
        tracing::error!(%error, code, "a language can't be read");
        BTreeMap::new()
    });
    Catalogue { code, texts }
}

/// English, which the log and `/health` speak.
pub(crate) fn english() -> &'static Catalogue {
    &CATALOGUES[0]
}

/// The catalogue of the portal's word for a language (`ru`, `br`, `de-CH`); English when there is none.
pub(crate) fn find(tag: &str) -> &'static Catalogue {
    let code = tag.split(['-', '_']).next().unwrap_or_default().trim();
    // The portal has codes of its own for Brazil and Latin America, and two regions whose portals are in Russian.
    let code = match code.to_ascii_lowercase().as_str() {
        "br" => "pt".to_owned(),
        "la" => "es".to_owned(),
        "kz" | "by" => "ru".to_owned(),
        other => other.to_owned(),
    };
    CATALOGUES.iter().find(|catalogue| catalogue.code == code).unwrap_or_else(|| english())
}

/// All of them.
#[cfg(test)]
pub(crate) fn all() -> &'static [Catalogue] {
    &CATALOGUES
}

impl Catalogue {
    /// A text; empty when there is none with that key.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// A text with its `{name}`s replaced.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.get(key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a text that are replaced.
    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<_> =
            text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        for catalogue in CATALOGUES.iter() {
            let code = catalogue.code;
            let (ours, theirs): (Vec<_>, Vec<_>) = (catalogue.texts.keys().collect(), english().texts.keys().collect());
            assert_eq!(ours, theirs, "the keys of {code}");
            for (key, text) in &catalogue.texts {
                assert_eq!(placeholders(text), placeholders(english().get(key)), "{key} in {code}");
                assert_eq!((text.trim(), text.is_empty()), (text.as_str(), false), "{key} in {code}");
            }
        }
        assert_eq!(find("ar").get("dir"), "rtl");
    }

    #[test]
    fn the_portals_words_for_languages_are_known() {
        let codes = ["ru", "br", "la", "de", "PT-br", "vn", "", "../x"].map(|tag| find(tag).code);
        assert_eq!(codes, ["ru", "pt", "es", "de", "pt", "en", "en", "en"]);
    }

    #[test]
    fn every_file_is_in_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("texts");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), CATALOGUES.len());
    }
}
