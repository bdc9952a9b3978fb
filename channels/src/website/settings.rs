//! What `[channels.ID.settings]` of a website chat may say.

use crate::website::served::made::Made;
use crate::website::session::identity;
use crate::website::welcome::before::{self, Field};
use crate::website::welcome::consent;
use crate::website::welcome::embedding::{self, Widget, origin};
use crate::website::welcome::greeting::Welcome;
use crate::website::welcome::hours;
use crate::website::welcome::rating;
use crate::website::welcome::texts::{Catalogue, Language};
use crate::website::welcome::theme;
use crate::website::welcome::words::Words;
use jiff::tz::TimeZone;
use openline_core::{ChannelId, ConfigError};
use serde::Deserialize;
use std::path::Path;

/// The settings, checked.
pub(super) struct Settings {
    /// Empty: what it is called in the visitor's language.
    pub(super) title: Words,
    pub(super) subtitle: Words,
    /// Whether a name can be written at all where the form before the conversation does not ask for one.
    pub(super) ask_name: bool,
    pub(super) language: Language,
    pub(super) time_zone: TimeZone,
    pub(super) allowed_origins: Vec<String>,
    /// Channels where a conversation may be gone on with; `None` for all.
    pub(super) continue_at: Option<Vec<ChannelId>>,
    pub(super) widget: Widget,
    pub(super) theme: theme::Theme,
    /// The picture in the header; `None` for the built-in one.
    pub(super) avatar: Option<Made>,
    pub(super) identity: identity::Identity,
    /// Sessions of another epoch are over.
    pub(super) session_epoch: u32,
    pub(super) hours: hours::Own,
    pub(super) welcome: Welcome,
    pub(super) consent: consent::Settings,
    pub(super) rating: rating::Ask,
    /// The form before the conversation.
    pub(super) before: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSettings {
    title: Words,
    subtitle: Words,
    ask_name: bool,
    language: String,
    time_zone: String,
    allowed_origins: Vec<String>,
    continue_at: Option<Vec<String>>,
    widget: embedding::RawEmbedding,
    theme: theme::RawTheme,
    identity: identity::RawIdentity,
    session_epoch: u32,
    hours: hours::Settings,
    welcome: Welcome,
    consent: consent::RawConsent,
    privacy: consent::RawPrivacy,
    rating: rating::RawRating,
    before: before::RawBefore,
}

impl Default for RawSettings {
    fn default() -> Self {
        Self {
            title: Words::default(),
            subtitle: Words::default(),
            ask_name: true,
            language: "auto".into(),
            time_zone: "UTC".into(),
            allowed_origins: Vec::new(),
            continue_at: None,
            widget: embedding::RawEmbedding::default(),
            theme: theme::RawTheme::default(),
            identity: identity::RawIdentity::default(),
            session_epoch: 0,
            hours: hours::Settings::default(),
            welcome: Welcome::default(),
            consent: consent::RawConsent::default(),
            privacy: consent::RawPrivacy::default(),
            rating: rating::RawRating::default(),
            before: before::RawBefore::default(),
        }
    }
}

impl Settings {
    /// Checks the table.
    pub(super) fn read(table: toml::Table) -> Result<Self, ConfigError> {
        let raw: RawSettings = serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
            let key = error.path().to_string();
            ConfigError::at(if key == "." { "" } else { &key }, error.inner().message())
        })?;
        let language = Language::read(&raw.language)?;
        let time_zone = TimeZone::get(&raw.time_zone).map_err(|_| {
            let problem = format!("{:?} is not a time zone; write one like \"Europe/Berlin\"", raw.time_zone);
            ConfigError::at("time_zone", problem)
        })?;
        let origins =
            raw.allowed_origins.iter().map(|given| origin("allowed_origins", given)).collect::<Result<_, _>>()?;
        Ok(Self {
            title: raw.title,
            subtitle: raw.subtitle,
            ask_name: raw.ask_name,
            language,
            time_zone,
            allowed_origins: origins,
            continue_at: raw.continue_at.map(channels).transpose()?,
            widget: Widget::read(&raw.widget)?,
            theme: theme::Theme::read(raw.theme)?,
            avatar: None,
            identity: identity::Identity::read(raw.identity)?,
            session_epoch: raw.session_epoch,
            hours: hours::Own::read(raw.hours, &raw.time_zone)?,
            welcome: raw.welcome,
            consent: consent::Settings::read(raw.consent, &raw.privacy)?,
            rating: raw.rating.ask,
            before: before::read(raw.before)?,
        })
    }

    /// What stands over the conversation, in this language when the configuration does not say it.
    pub(super) fn title<'a>(&'a self, language: &'a Catalogue) -> &'a str {
        self.title.given(language).unwrap_or_else(|| language.get("title"))
    }

    /// Fetches what lies beside the configuration.
    pub(super) fn load(&mut self, folder: &Path) -> Result<(), ConfigError> {
        self.avatar = self.theme.load_avatar(folder)?;
        Ok(())
    }
}

fn channels(given: Vec<String>) -> Result<Vec<ChannelId>, ConfigError> {
    let read = |id: String| {
        let problem = "is not a channel's id; write names of [channels.…] tables, like [\"telegram\"]";
        ChannelId::parse(&id).map_err(|_| ConfigError::at("continue_at", format!("{id:?} {problem}")))
    };
    given.into_iter().map(read).collect()
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
        assert!(error("language = 'xx'").starts_with("language: \"xx\" is not there; there is: auto, en"));
        assert!(error("time_zone = 'Mars/Base'").starts_with("time_zone"));
        assert!(error("allowed_origins = ['https://a.example/path']").starts_with("allowed_origins"));
        assert!(error("continue_at = ['The Bot']").starts_with("continue_at: \"The Bot\" is not a channel's id"));
    }

    #[test]
    fn nothing_is_required() {
        let settings = Settings::read(toml::Table::new()).unwrap();
        assert_eq!(settings.title(settings.language.choose(None, None)), "Chat with us");
    }

    #[test]
    fn texts_may_be_given_for_each_language() {
        let settings = "title = { de = 'Fragen?', en = 'Questions?' }\nwelcome.text = { de = 'Hallo!' }\n\
                        hours = { closed_text = { de = 'Zu', en = 'Closed' } }\nconsent.text = { de = 'Ja', en = 'Yes' }\n\
                        theme.launcher = { de = 'Fragen', en = 'Ask' }";
        let settings = Settings::read(toml::from_str(settings).unwrap()).unwrap();
        let german = settings.language.choose(Some("de"), None);
        assert_eq!(settings.title(german), "Fragen?");
        assert_eq!(settings.title(settings.language.choose(Some("fr"), None)), "Questions?");
        assert!(error("title = { xx = 'x' }").starts_with("title: \"xx\" is not a language of the chat"));
        assert!(error("welcome.text = 7").starts_with("welcome.text: "));
    }
}
