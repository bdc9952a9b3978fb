//! What `[channels.ID.settings]` of an API channel may say.

use crate::common::bearer::Tokens;
use base64::{Engine, prelude::BASE64_STANDARD};
use openline_core::ConfigError;
use serde::Deserialize;
use url::{Host, Url};

/// The settings, checked.
pub(super) struct Settings {
    pub(super) tokens: Tokens,
    pub(super) target: Option<Target>,
}

/// Where events are posted, and how they are signed.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) keys: Vec<SigningKey>,
}

/// A key of at most 64 bytes, filled up with zeros as HMAC does.
pub(super) type SigningKey = [u8; 64];

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    token: String,
    webhook: String,
    webhook_secret: String,
    #[serde(deserialize_with = "crate::common::settings::switch")]
    allow_http: bool,
}

impl Settings {
    /// Checks the table.
    pub(super) fn read(table: toml::Table) -> Result<Self, ConfigError> {
        let raw: Raw = crate::common::settings::read(table)?;
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
        let target = Target { url: address(&raw.webhook, raw.allow_http)?, keys: keys(&raw.webhook_secret)? };
        Ok(Self { tokens, target: Some(target) })
    }
}

/// The address is not repeated in errors: its query may have a secret.
fn address(given: &str, allow_http: bool) -> Result<Url, ConfigError> {
    let wrong = |what: &str| Err(ConfigError::at("webhook", what));
    let Ok(url) = Url::parse(given) else {
        return wrong("is not a URL; write one like \"https://app.example.com/openline\"");
    };
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            wrong("must not have a user or password; events are signed")
        }
        "https" => Ok(url),
        "http" if allow_http || is_this_machine(&url) => Ok(url),
        "http" => wrong("must begin with https:// (plain http is for this machine, or with allow_http = true)"),
        _ => wrong("must begin with https://"),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn keys(given: &str) -> Result<Vec<SigningKey>, ConfigError> {
    let keys: Vec<_> = given.split_whitespace().map(key).collect::<Option<_>>().unwrap_or_default();
    if keys.is_empty() {
        let problem = "must be whsec_ and 24 to 64 random bytes in base64; several are separated by blanks";
        return Err(ConfigError::at("webhook_secret", problem));
    }
    Ok(keys)
}

fn key(given: &str) -> Option<SigningKey> {
    let bytes = BASE64_STANDARD.decode(given.strip_prefix("whsec_")?).ok()?;
    let mut key = [0; 64];
    key.get_mut(..bytes.len()).filter(|_| bytes.len() >= 24)?.copy_from_slice(&bytes);
    Some(key)
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
