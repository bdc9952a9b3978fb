//! What a look at something found, for whoever keeps openline running.

use serde::Serialize;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    Good,
    /// It was not, and was mended just now.
    Mended,
    /// It will do, or could not be seen from here.
    Doubtful,
    /// It will not do.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub what: String,
    /// How it stands.
    pub standing: Standing,
    /// What was found, for people; without secrets.
    pub found: String,
    /// What to do about it, unless all is well.
    pub remedy: Option<String>,
}

impl Check {
    /// All is well.
    pub fn good(what: &str, found: impl Into<String>) -> Self {
        Self { what: what.to_owned(), standing: Standing::Good, found: found.into(), remedy: None }
    }

    /// It was mended just now.
    pub fn mended(what: &str, found: impl Into<String>) -> Self {
        Self { standing: Standing::Mended, ..Self::good(what, found) }
    }

    /// It will do, or could not be seen.
    pub fn doubtful(what: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { standing: Standing::Doubtful, remedy: Some(remedy.into()), ..Self::good(what, found) }
    }

    /// It will not do.
    pub fn bad(what: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { standing: Standing::Bad, remedy: Some(remedy.into()), ..Self::good(what, found) }
    }

    /// Whether it will not do.
    pub fn is_bad(&self) -> bool {
        self.standing == Standing::Bad
    }
}
