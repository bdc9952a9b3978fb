//! What `[channels.ID.settings]` of a website chat may say.

use jiff::tz::TimeZone;
use openline_core::ConfigError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The settings, checked.
pub(super) struct Settings {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) language: String,
    /// The page's texts in that language, by key.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) time_zone: TimeZone,
    pub(super) allowed_origins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    title: String,
    subtitle: String,
    language: String,
    time_zone: String,
    allowed_origins: Vec<String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            title: "Chat with us".into(),
            subtitle: String::new(),
            language: "en".into(),
            time_zone: "UTC".into(),
            allowed_origins: Vec::new(),
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
        let origins = raw.allowed_origins.iter().map(|given| origin(given)).collect::<Result<_, _>>()?;
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
        })
    }
}

fn texts(language: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let found = CATALOGUES.iter().find(|(name, _)| *name == language);
    let (_, catalogue) = found.ok_or_else(|| {
        let known: Vec<_> = CATALOGUES.iter().map(|(name, _)| *name).collect();
        ConfigError::at("language", format!("{language:?} is not there; there is: {}", known.join(", ")))
    })?;
    toml::from_str(catalogue).map_err(|e| ConfigError::at("language", e.message()))
}

fn origin(given: &str) -> Result<String, ConfigError> {
    let parsed = url::Url::parse(given).ok().filter(|url| url.host().is_some());
    let origin = parsed.map(|url| url.origin().ascii_serialization());
    match origin {
        Some(origin) if origin == given.trim_end_matches('/') => Ok(origin),
        _ => {
            let problem =
                format!("{given:?} is not an origin; write scheme and host only, like \"https://shop.example\"");
            Err(ConfigError::at("allowed_origins", problem))
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
