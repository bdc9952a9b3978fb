//! The languages of what an administrator reads: one file of texts each, all with the same keys; the same
//! languages as the website chat has.

pub(crate) use openline_core::words::Catalogue;
use std::sync::LazyLock;

macro_rules! languages {
    ($($code:literal),+) => {
        /// Code and file of every language there is; the first is for those whose language is not there.
        const FILES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../texts/", $code, ".toml")))),+];
    };
}
languages!("en", "ru", "de", "es", "pt", "fr", "pl", "tr", "ar");

static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| Catalogue::read(FILES));

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

/// The codes of all languages there are.
pub fn languages() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(code, _)| *code)
}

/// All of them.
#[cfg(test)]
pub(crate) fn all() -> &'static [Catalogue] {
    &CATALOGUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        for catalogue in CATALOGUES.iter() {
            let code = catalogue.code;
            let (ours, theirs): (Vec<_>, Vec<_>) = (catalogue.texts.keys().collect(), english().texts.keys().collect());
            assert_eq!(ours, theirs, "the keys of {code}");
            for (key, text) in &catalogue.texts {
                assert_eq!(
                    Catalogue::placeholders(text),
                    Catalogue::placeholders(english().get(key)),
                    "{key} in {code}"
                );
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

    /// Notes are written in the same language as the pages are.
    #[test]
    fn operators_and_administrators_have_the_same_languages() {
        for catalogue in CATALOGUES.iter() {
            assert_eq!(openline_core::words::operators(catalogue.code).code, catalogue.code);
        }
    }

    #[test]
    fn every_file_is_in_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("texts");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), CATALOGUES.len());
    }
}
