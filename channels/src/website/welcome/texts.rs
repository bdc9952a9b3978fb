//! The languages of the chat page: one file of texts each, all with the same keys.

use crate::website::bounds::{MAX_FILES, MAX_NAME, MAX_TEXT};
use crate::website::error::{Problem, Refusal};
use openline_core::ConfigError;
use std::collections::BTreeMap;
use std::sync::LazyLock;

macro_rules! languages {
    ($($code:literal),+) => {
        /// Code and file of every language there is; the first is for visitors who understand none of them.
        const FILES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../texts/", $code, ".toml")))),+];
    };
}
languages!("en", "ru", "de", "es", "pt", "fr", "pl", "tr", "ar");

/// The texts of one language.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::website) struct Catalogue {
    /// `de`.
    pub(in crate::website) code: &'static str,
    /// The page's texts, by key.
    pub(in crate::website) texts: BTreeMap<String, String>,
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

/// The catalogue of a language tag, also of a longer one: `pt` for `pt-BR`.
pub(in crate::website) fn find(tag: &str) -> Option<&'static Catalogue> {
    let code = tag.split(['-', '_']).next().unwrap_or_default().trim();
    CATALOGUES.iter().find(|catalogue| catalogue.code.eq_ignore_ascii_case(code))
}

/// The codes of the languages.
pub(in crate::website) fn codes() -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().map(|catalogue| catalogue.code)
}

/// Which language the page speaks, as configured.
#[derive(Debug, Clone, Copy)]
pub(in crate::website) enum Language {
    /// The visitor's.
    Auto,
    /// Always this one.
    Fixed(&'static Catalogue),
}

impl Language {
    /// `language = "…"`.
    pub(in crate::website) fn read(given: &str) -> Result<Self, ConfigError> {
        if given == "auto" {
            return Ok(Self::Auto);
        }
        let found = CATALOGUES.iter().find(|catalogue| catalogue.code == given);
        found.map(Self::Fixed).ok_or_else(|| {
            let known: Vec<_> = codes().collect();
            let problem = format!("{given:?} is not there; there is: auto, {}", known.join(", "));
            ConfigError::at("language", problem)
        })
    }

    /// Those the page may speak.
    pub(in crate::website) fn all(self) -> impl Iterator<Item = &'static Catalogue> {
        CATALOGUES.iter().filter(move |one| self.fixed().is_none_or(|code| one.code == code))
    }

    /// The one that it always speaks.
    pub(in crate::website) fn fixed(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Fixed(catalogue) => Some(catalogue.code),
        }
    }

    /// The language for a visitor: what the embedding page asks for (`?lang=`), else the first of `Accept-Language` that
    /// there is, else English.
    pub(in crate::website) fn choose(self, asked: Option<&str>, accepted: Option<&str>) -> &'static Catalogue {
        match self {
            Self::Fixed(catalogue) => catalogue,
            Self::Auto => {
                let accepted = || preferred(accepted.unwrap_or_default()).into_iter().find_map(find);
                asked.and_then(find).or_else(accepted).unwrap_or(&CATALOGUES[0])
            }
        }
    }
}

/// The tags of an `Accept-Language` header, best first.
fn preferred(header: &str) -> Vec<&str> {
    let weighed = |part| {
        let (tag, rest) = str::split_once(part, ';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok());
        weight.filter(|weight| *weight > 0.0).map(|weight| (tag.trim(), weight))
    };
    let mut tags: Vec<_> = header.split(',').filter_map(weighed).collect();
    tags.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    tags.into_iter().map(|(tag, _)| tag).collect()
}

impl Catalogue {
    /// A text; empty when there is none with that key.
    pub(in crate::website) fn get(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// What a visitor is told of a refusal.
    pub(in crate::website) fn refusal(&self, problem: &Problem) -> String {
        let limit = match problem.refusal {
            Refusal::NameTooLong => MAX_NAME,
            _ => MAX_TEXT,
        };
        let told = self.by_code(problem.refusal.code(), limit).replace("{count}", &MAX_FILES.to_string());
        problem.named.iter().fold(told, |told, (key, value)| told.replace(&format!("{{{key}}}"), value))
    }

    /// What a visitor is told of a refusal with that code.
    pub(in crate::website) fn by_code(&self, code: &str, limit: usize) -> String {
        let key = match code {
            // The script says these itself, before anything is sent.
            "text_too_long" | "file_too_large" | "file_empty" | "file_type_refused" | "too_many_files" => {
                code.to_owned()
            }
            _ => format!("error_{code}"),
        };
        let text = self.texts.get(&key).map_or_else(|| self.get("error_other"), String::as_str);
        text.replace("{limit}", &limit.to_string())
    }
}

/// All of them.
#[cfg(test)]
pub(in crate::website) fn all() -> &'static [Catalogue] {
    &CATALOGUES
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn auto(asked: Option<&str>, accepted: &str) -> &'static str {
        Language::Auto.choose(asked, Some(accepted)).code
    }

    /// The parts of a text that are replaced.
    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<_> =
            text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = find("en").unwrap();
        for catalogue in all() {
            let code = catalogue.code;
            let (ours, theirs): (Vec<_>, Vec<_>) = (catalogue.texts.keys().collect(), english.texts.keys().collect());
            assert_eq!(ours, theirs, "the keys of {code}");
            for (key, text) in &catalogue.texts {
                assert_eq!(placeholders(text), placeholders(english.get(key)), "{key} in {code}");
                assert_eq!((text.trim(), text.is_empty()), (text.as_str(), false), "{key} in {code}");
            }
            assert!(["ltr", "rtl"].contains(&catalogue.get("dir")), "{code}");
        }
        assert_eq!(find("ar").unwrap().get("dir"), "rtl");
    }

    /// Items of every kind, author and state, as the templates get them.
    fn items() -> Vec<serde_json::Value> {
        let base = json!({"id": "1", "kind": "message", "text": "x", "html": "x", "iso": "2026-01-01T09:00:00+00:00",
            "time": "09:00", "initials": "AB", "tint": 1});
        let with = |more: serde_json::Value| {
            let mut item = base.clone();
            item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item
        };
        let file = |size: u64, image: bool| json!({"name": "a.b", "url": "/x", "size": size, "image": image});
        let states = ["sent", "delivered", "failed"].map(|state| with(json!({"from": "visitor", "state": state})));
        let others = [
            json!({"from": "operator"}),
            json!({"from": "operator", "name": "Ann", "edited": true}),
            json!({"from": "system"}),
            json!({"from": "operator", "deleted": true}),
            json!({"from": "operator", "files": [file(10, false), file(9_999_999, false), file(10, true)]}),
            json!({"from": "system", "kind": "dialog_started"}),
            json!({"from": "system", "kind": "dialog_finished"}),
        ];
        states.into_iter().chain(others.map(with)).collect()
    }

    #[test]
    fn every_item_can_be_shown_in_every_language() {
        for catalogue in all() {
            for (items, changed) in [(items(), true), (Vec::new(), false)] {
                let context = minijinja::context! {
                    look => minijinja::context! { css => "", avatar => "", scheme => "" }, base => "/", here => "/", retry_url => "/retry", lang => catalogue.code, v => "1", changed,
                    t => minijinja::Value::from(minijinja::value::Serde(&catalogue.texts)),
                    items => minijinja::Value::from(minijinja::value::Serde(items)),
                };
                let html = crate::website::page::rendered::template("tail.html", context).unwrap();
                assert!(html.contains(&format!("lang=\"{}\"", catalogue.code)), "{html}");
            }
        }
    }

    #[test]
    fn every_file_is_in_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/website/texts");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, all().len());
    }

    #[test]
    fn the_visitors_own_language_is_spoken() {
        assert_eq!(auto(None, "de-CH, en;q=0.8"), "de");
        assert_eq!(auto(None, "xx, en;q=0.5, ar;q=0.7"), "ar");
        assert_eq!(auto(None, "PT_br"), "pt");
        assert_eq!(auto(None, "xx, ru;q=0, *;q=0.5"), "en");
        assert_eq!(auto(None, ";q=, ,,"), "en");
        assert_eq!(auto(Some("fr"), "de"), "fr");
        assert_eq!(auto(Some("../x"), "de"), "de");
        assert_eq!(Language::read("tr").unwrap().choose(Some("fr"), Some("de")).code, "tr");
    }

    #[test]
    fn a_refusal_is_told_in_the_visitors_language() {
        let told = find("de").unwrap().refusal(&Problem::of(Refusal::TextTooLong, "English"));
        assert_eq!(told, "Diese Nachricht ist zu lang. Bitte kürzen Sie sie auf 10000 Zeichen.");
        assert_eq!(find("de").unwrap().by_code("unheard_of", 1), find("de").unwrap().get("error_other"));
    }
}
