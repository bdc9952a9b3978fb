//! What `[channels.ID.settings]` of an API channel may say.

use crate::common::bearer::Tokens;
use crate::signed::Target;
use openline_core::ConfigError;
use serde::Deserialize;

/// The settings, checked.
pub(super) struct Settings {
    pub(super) tokens: Tokens,
    pub(super) target: Option<Target>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawSettings {
    token: String,
    webhook: String,
    webhook_secret: String,
    #[serde(deserialize_with = "crate::common::settings::switch")]
    allow_http: bool,
}

impl Settings {
    /// Checks the table.
    pub(super) fn read(table: toml::Table) -> Result<Self, ConfigError> {
        let raw: RawSettings = crate::common::settings::read(table)?;
        let tokens = Tokens::read("token", &raw.token)?;
        if raw.webhook.is_empty() {
            let problem = "is without effect: write webhook, the address to post to, or leave this out";
            let unused = !raw.webhook_secret.is_empty();
            return if unused {
                Err(ConfigError::at("webhook_secret", problem))
            } else {
                Ok(Self { tokens, target: None })
            };
        }
        let target = Target::read("webhook", &raw.webhook, &raw.webhook_secret, raw.allow_http)?;
        Ok(Self { tokens, target: Some(target) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "token = '0123456789abcdef'\n";
    const SECRET: &str = "webhook_secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n";

    fn read(settings: &str) -> Result<Settings, String> {
        Settings::read(toml::from_str(&format!("{TOKEN}{settings}")).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn errors_say_where_and_what() {
        for (settings, said) in [
            ("colour = 1", "colour: unknown field"),
            ("webhook = 'https://a.example'", "webhook_secret: must be whsec_"),
            ("webhook_secret = 'whsec_x'", "webhook_secret: is without effect"),
            (&format!("webhook = 'a.example'\n{SECRET}"), "webhook: is not a URL"),
            (&format!("webhook = 'http://a.example'\n{SECRET}"), "webhook: must begin with https://"),
            (&format!("webhook = 'https://u:p@a.example'\n{SECRET}"), "webhook: must not have a user"),
            ("webhook = 'https://a.example'\nwebhook_secret = 'whsec_c2hvcnQ='", "webhook_secret: must be whsec_"),
            ("allow_http = 'perhaps'", "allow_http: must be true or false"),
        ] {
            let error = read(settings).err().unwrap();
            assert!(error.starts_with(said), "{settings}: {error}");
        }
        assert!(Settings::read(toml::Table::new()).err().unwrap().to_string().starts_with("token: is missing"));
    }

    #[test]
    fn plain_http_is_for_this_machine_or_wanted() {
        for good in ["http://127.0.0.1:9/x", "http://[::1]/", "http://localhost/", "https://a.example/?k=v"] {
            assert!(read(&format!("webhook = '{good}'\n{SECRET}")).is_ok(), "{good}");
        }
        assert!(read(&format!("webhook = 'http://a.example'\nallow_http = 'true'\n{SECRET}")).is_ok());
        assert!(read("").unwrap().target.is_none());
    }
}
