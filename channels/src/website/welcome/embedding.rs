//! `[settings.widget]`: on which pages the chat may be, and how it behaves there.

use openline_core::ConfigError;
use serde::Deserialize;
use serde_json::{Value, json};

/// `[settings.widget]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // switches of a configuration, each by itself
pub(in crate::website) struct RawEmbedding {
    origins: Vec<String>,
    sound: bool,
    offer_sound: bool,
    preview: bool,
    title_count: bool,
}

impl Default for RawEmbedding {
    fn default() -> Self {
        Self { origins: Vec::new(), sound: false, offer_sound: true, preview: true, title_count: true }
    }
}

/// Who may embed the chat, and how it behaves there.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // as in the configuration
pub(in crate::website) struct Widget {
    pub(in crate::website) origins: Vec<String>,
    /// Whether a new message is heard unless the visitor says otherwise.
    sound: bool,
    /// Whether a visitor who has got an answer is asked once whether new messages may be heard.
    offer_sound: bool,
    /// Whether the first words of a new message are shown beside the closed chat.
    preview: bool,
    /// Whether the page's title says how many are unread.
    pub(in crate::website) title_count: bool,
}

impl Widget {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: &RawEmbedding) -> Result<Self, ConfigError> {
        let origins = raw.origins.iter().map(|given| origin("widget.origins", given));
        let origins = origins.collect::<Result<_, _>>()?;
        let RawEmbedding { sound, offer_sound, preview, title_count, .. } = *raw;
        Ok(Self { origins, sound, offer_sound, preview, title_count })
    }
}

impl Widget {
    /// What the page in the frame has to know; `around` is the origin of the page that it is on.
    pub(in crate::website) fn config(&self, around: &str) -> Value {
        let Self { sound, offer_sound, preview, .. } = self;
        json!({ "origin": around, "sound": sound, "offer_sound": offer_sound, "preview": preview })
    }
}

/// Scheme and host of another site, as the key `key` names it.
pub(in crate::website) fn origin(key: &str, given: &str) -> Result<String, ConfigError> {
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
    use crate::website::settings::Settings;

    #[test]
    fn origins_are_checked() {
        let error = Settings::read(toml::from_str("widget.origins = ['shop.example']").unwrap()).err().unwrap();
        assert!(error.to_string().starts_with("widget.origins: \"shop.example\" is not an origin"), "{error}");
    }
}
