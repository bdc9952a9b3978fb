//! Something that somebody has to mend, before it is told in a language: the same words wherever it is told.

use crate::texts::{self, Catalogue};
use openline_core::Check;
use serde::{Deserialize, Serialize};

/// Something that is wrong: which text says so, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// The same for as long as it is the same thing: `disk`, `channel/site`, `portal/taken/…`.
    pub key: String,
    /// `problem_…` and `remedy_…` of the texts.
    text: String,
    values: Vec<(String, String)>,
}

/// What a person is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Concern {
    /// One that the text of that name says, with its values by their names there.
    pub fn new(key: impl Into<String>, text: &str, values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { key: key.into(), text: text.to_owned(), values }
    }

    /// The same under a key that begins so.
    #[must_use]
    pub fn under(self, of: &str) -> Self {
        Self { key: format!("{of}/{}", self.key), ..self }
    }

    /// Whether this stands in it.
    pub(crate) fn names(&self, value: &str) -> bool {
        self.values.iter().any(|(_, own)| own == value)
    }

    pub(crate) fn within(&self, texts: &Catalogue) -> Problem {
        let values: Vec<(&str, &str)> = self.values.iter().map(|(name, value)| (&**name, &**value)).collect();
        let fill = |part: &str| match texts.fill(&format!("{part}_{}", self.text), &values) {
            // Another process, of a newer version, has a text that this one has not.
            told if told.is_empty() => self.key.clone(),
            told => told,
        };
        Problem { problem: fill("problem"), remedy: fill("remedy") }
    }

    /// In the language with this code (`ru`); in English when it is not there.
    pub fn told(&self, language: &str) -> Problem {
        self.within(texts::find(language))
    }

    /// In English, which commands, the log and `/health` speak.
    pub fn english(&self) -> Problem {
        self.within(texts::english())
    }

    /// As something that `openline doctor` found.
    pub fn check(&self, what: &str) -> Check {
        let Problem { problem, remedy } = self.english();
        Check::bad(what, problem, remedy)
    }
}

/// The words of an alert, in the language with this code: its headline, and what stands below it. `since`: when it began;
/// `over`: whether it is mended.
pub fn alert(concern: &Concern, language: &str, since: &str, over: bool) -> (String, String) {
    let texts = texts::find(language);
    let Problem { problem, remedy } = concern.within(texts);
    if over {
        (texts.fill("alert_over", &[("problem", &problem)]), texts.fill("alert_was_since", &[("since", since)]))
    } else {
        let since = texts.fill("alert_since", &[("since", since)]);
        (problem, format!("{remedy}\n{since}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_every_language_with_its_values() {
        let concern = Concern::new("channel/tg", "channel", &[("name", "tg"), ("reason", "the token was revoked")]);
        for language in texts::all() {
            let Problem { problem, remedy } = concern.told(language.code);
            assert!(problem.contains("tg") && problem.contains("the token was revoked"), "{problem}");
            assert!(!remedy.is_empty() && !format!("{problem}{remedy}").contains('{'), "{remedy}");
        }
        assert_eq!(concern.told("ru").problem, "Канал tg не работает: the token was revoked");
        let (head, below) = alert(&concern, "ru", "2026-01-01T00:00:00Z", true);
        assert_eq!(head, "исправлено: Канал tg не работает: the token was revoked");
        assert_eq!(below, "Так было с 2026-01-01T00:00:00Z.");
    }

    #[test]
    fn what_a_newer_version_says_is_told_by_its_key() {
        assert_eq!(Concern::new("future/x", "future", &[]).english().problem, "future/x");
    }
}
