//! What visitors must agree to before they write, and the word that they did.

use super::words::Words;
use crate::website::welcome::texts::Catalogue;
use openline_core::ConfigError;
use openline_core::line::LineInfo;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// `[settings.consent]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawConsent {
    required: Option<bool>,
    text: Words,
    url: Option<String>,
}

/// `[settings.privacy]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawPrivacy {
    consent_first: bool,
    page_data: bool,
}

impl Default for RawPrivacy {
    fn default() -> Self {
        Self { consent_first: false, page_data: true }
    }
}

/// How consent is asked for.
#[derive(Debug, Default)]
pub(in crate::website) struct Settings {
    /// `None`: when the line asks for it.
    required: Option<bool>,
    text: Words,
    url: Option<String>,
    /// Not even a session before it is given.
    pub(in crate::website) first: bool,
    /// The page tells which page the visitor is on.
    pub(in crate::website) page_data: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::website) struct Consent {
    /// The sentence.
    pub(in crate::website) text: String,
    /// Where more is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::website) url: Option<String>,
    /// Another one with other words.
    pub(in crate::website) version: String,
}

impl Settings {
    /// Checks the tables.
    pub(in crate::website) fn read(raw: RawConsent, privacy: &RawPrivacy) -> Result<Self, ConfigError> {
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = raw.url.as_ref().filter(|url| !is_web(url)) {
            return Err(ConfigError::at("consent.url", format!("{url:?} is no address; write one like \"https://…\"")));
        }
        if privacy.consent_first && raw.required == Some(false) {
            let problem = "can't be true while consent.required is false: leave one of them out";
            return Err(ConfigError::at("privacy.consent_first", problem));
        }
        let required = if privacy.consent_first { Some(true) } else { raw.required };
        Ok(Self { required, text: raw.text, url: raw.url, first: privacy.consent_first, page_data: privacy.page_data })
    }

    /// Whether visitors have to agree to something.
    pub(in crate::website) fn is_asked(&self, line: &LineInfo) -> bool {
        self.required.unwrap_or(line.consent.is_some())
    }

    /// What is asked of a visitor who speaks that language; `None` when nothing is.
    pub(in crate::website) fn asked(&self, line: &LineInfo, language: &Catalogue) -> Option<Consent> {
        if !self.is_asked(line) {
            return None;
        }
        let of_line = || line.consent.clone().filter(|text| !text.is_empty());
        let own = self.text.given(language).map(str::to_owned);
        let text = own.clone().or_else(of_line).unwrap_or_else(|| language.get("consent").to_owned());
        // Of our own words every translation is the same version.
        let said = own.as_deref().or(line.consent.as_deref()).unwrap_or_default();
        let sum = Sha256::digest(format!("{said}\n{}", self.url.as_deref().unwrap_or_default()));
        let version = hex::encode(&sum[..4]);
        Some(Consent { text, url: self.url.clone(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::website::welcome::texts;

    fn read(consent: &str, privacy: &str) -> Result<Settings, ConfigError> {
        Settings::read(toml::from_str(consent).unwrap(), &toml::from_str(privacy).unwrap())
    }

    fn asked(consent: &str, line: Option<&str>) -> Option<Consent> {
        let line = LineInfo { consent: line.map(str::to_owned), ..LineInfo::default() };
        read(consent, "").unwrap().asked(&line, texts::find("en").unwrap())
    }

    #[test]
    fn the_line_asks_or_the_configuration_does() {
        assert_eq!(asked("", None), None);
        assert_eq!(asked("required = false", Some("x")), None);
        assert_eq!(asked("", Some("Of the line")).unwrap().text, "Of the line");
        assert_eq!(asked("text = 'Ours'", Some("Of the line")).unwrap().text, "Ours");
        assert!(asked("required = true", None).unwrap().text.starts_with("I agree"));
    }

    #[test]
    fn other_words_are_another_version() {
        let version = |text: &str| asked(&format!("required = true\n{text}"), None).unwrap().version;
        assert_eq!(version("text = 'a'"), version("text = 'a'"));
        assert_ne!(version("text = 'a'"), version("text = 'b'"));
        assert_ne!(version("text = 'a'"), version("text = 'a'\nurl = 'https://a.example'"));
    }

    #[test]
    fn consent_first_is_consent() {
        let line = LineInfo::default();
        assert!(read("", "consent_first = true").unwrap().asked(&line, texts::find("en").unwrap()).is_some());
        assert_eq!(read("required = false", "consent_first = true").unwrap_err().key, "privacy.consent_first");
        assert_eq!(read("url = 'javascript:x'", "").unwrap_err().key, "consent.url");
    }
}
