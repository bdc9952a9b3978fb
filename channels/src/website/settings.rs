//! What `[channels.ID.settings]` of a website chat may say.

use super::widget::{self, Made, Widget};
use super::{identity, theme};
use jiff::tz::TimeZone;
use openline_core::ConfigError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The settings, checked.
pub(super) struct Settings {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) language: String,
    /// The page's texts in that language, by key.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) time_zone: TimeZone,
    pub(super) allowed_origins: Vec<String>,
    pub(super) widget: Widget,
    pub(super) theme: theme::Theme,
    /// The picture in the header; `None` for the built-in one.
    pub(super) avatar: Option<Made>,
    pub(super) identity: identity::Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    title: String,
    subtitle: String,
    language: String,
    time_zone: String,
    allowed_origins: Vec<String>,
    widget: widget::Raw,
    theme: theme::Raw,
    identity: identity::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            title: "Chat with us".into(),
            subtitle: String::new(),
            language: "en".into(),
            time_zone: "UTC".into(),
            allowed_origins: Vec::new(),
            widget: widget::Raw::default(),
            theme: theme::Raw::default(),
            identity: identity::Raw::default(),
        }
    }
}

/// The languages there are.
const CATALOGUES: &[(&str, &str)] = &[("en", include_str!("texts/en.toml"))];

impl Settings {
    /// Checks the table.
    pub(super) fn read(table: toml::Table) -> Result<Self, ConfigError> {
        let raw: Raw = serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
            let key = error.path().to_string();
            ConfigError::at(if key == "." { "" } else { &key }, error.inner().message())
        })?;
        let texts = texts(&raw.language)?;
        let time_zone = TimeZone::get(&raw.time_zone).map_err(|_| {
            let problem = format!("{:?} is not a time zone; write one like \"Europe/Berlin\"", raw.time_zone);
            ConfigError::at("time_zone", problem)
        })?;
        let origins =
            raw.allowed_origins.iter().map(|given| origin("allowed_origins", given)).collect::<Result<_, _>>()?;
        if raw.title.trim().is_empty() {
            return Err(ConfigError::at("title", "must not be empty"));
        }
        Ok(Self {
            title: raw.title,
            subtitle: raw.subtitle,
            language: raw.language,
            texts,
            time_zone,
            allowed_origins: origins,
            widget: Widget::read(&raw.widget)?,
            theme: theme::Theme::read(raw.theme)?,
            avatar: None,
            identity: identity::Identity::read(raw.identity)?,
        })
    }

    /// One of the page's texts.
    pub(super) fn text(&self, key: &str) -> String {
        self.texts.get(key).cloned().unwrap_or_default()
    }

    /// Fetches what lies beside the configuration.
    pub(super) fn load(&mut self, folder: &Path) -> Result<(), ConfigError> {
        self.avatar = self.theme.load_avatar(folder)?;
        Ok(())
    }
}

/// The names of the languages.
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().map(|(name, _)| *name)
}

/// The texts of a language, by key.
pub(super) fn texts(language: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let found = CATALOGUES.iter().find(|(name, _)| *name == language);
    let (_, catalogue) = found.ok_or_else(|| {
        let known: Vec<_> = CATALOGUES.iter().map(|(name, _)| *name).collect();
        ConfigError::at("language", format!("{language:?} is not there; there is: {}", known.join(", ")))
    })?;
    toml::from_str(catalogue).map_err(|e| ConfigError::at("language", e.message()))
}

/// Scheme and host of another site, as the key `key` names it.
pub(super) fn origin(key: &str, given: &str) -> Result<String, ConfigError> {
    let parsed = url::Url::parse(given).ok().filter(|url| url.host().is_some());
    let origin = parsed.map(|url| url.origin().ascii_serialization());
    match origin {
        Some(origin) if origin == given.trim_end_matches('/') => Ok(origin),
        _ => {
            let problem =
                format!("{given:?} is not an origin; write scheme and host only, like \"https://shop.example\"");
            Err(ConfigError::at(key, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(settings: &str) -> String {
        Settings::read(toml::from_str(settings).unwrap()).err().unwrap().to_string()
    }

    #[test]
    fn errors_say_where_and_what() {
        assert!(error("titel = 'x'").contains("titel"));
        assert!(error("language = 'xx'").starts_with("language: \"xx\" is not there; there is: en"));
        assert!(error("time_zone = 'Mars/Base'").starts_with("time_zone"));
        assert!(error("allowed_origins = ['https://a.example/path']").starts_with("allowed_origins"));
        assert!(error("title = ' '").starts_with("title"));
    }

    #[test]
    fn nothing_is_required() {
        assert_eq!(Settings::read(toml::Table::new()).unwrap().title, "Chat with us");
    }
}
