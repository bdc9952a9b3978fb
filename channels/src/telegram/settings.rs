//! What `[channels.ID.settings]` of a Telegram bot may say.

use crate::common::settings;
use crate::telegram::client::api::Way;
use openline_core::ConfigError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::Path;
use url::Url;

/// Where bots talk to Telegram unless they have a Bot API server of their own.
const API: &str = "https://api.telegram.org";

/// How messages come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// We ask Telegram.
    Polling,
    /// Telegram calls us.
    Webhook,
}

/// The settings, checked.
pub(super) struct Settings {
    pub(super) token: SecretString,
    pub(super) mode: Mode,
    pub(super) api_url: Url,
    pub(super) start_text: String,
    pub(super) operator_names: bool,
    pub(super) groups: bool,
    pub(super) group_refusal: String,
    pub(super) undelivered_text: String,
    /// The way to Telegram.
    pub(super) way: Way,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSettings {
    token: Option<SecretString>,
    mode: Mode,
    api_url: String,
    start_text: String,
    operator_names: bool,
    groups: bool,
    group_refusal: String,
    undelivered_text: String,
    proxy: SecretString,
    ca_file: String,
}

impl Default for RawSettings {
    fn default() -> Self {
        Self {
            token: None,
            mode: Mode::Polling,
            api_url: API.into(),
            start_text: "Hello! Write to us, we answer here.".into(),
            operator_names: false,
            groups: false,
            group_refusal: "I answer in private chats only. Please write to me directly.".into(),
            undelivered_text: "This message could not be delivered. Please send it again later.".into(),
            proxy: SecretString::from(String::new()),
            ca_file: String::new(),
        }
    }
}

impl Settings {
    /// The bot's id, which is no secret: the digits before the token's colon.
    pub(super) fn bot(&self) -> &str {
        self.token.expose_secret().split(':').next().unwrap_or_default()
    }

    /// Checks the table. `public_url` is the program's own address, `folder` the configuration's.
    pub(super) fn read(table: toml::Table, public_url: &str, folder: &Path) -> Result<Self, ConfigError> {
        let raw: RawSettings = settings::read(table)?;
        let api_url = api_url(&raw.api_url)?;
        if raw.mode == Mode::Webhook && raw.api_url.starts_with(API) && !public_url.starts_with("https://") {
            let problem = "Telegram calls https addresses only: give public_url one, or use \"polling\"";
            return Err(ConfigError::at("mode", problem));
        }
        Ok(Self {
            token: token(raw.token)?,
            mode: raw.mode,
            api_url,
            start_text: raw.start_text,
            operator_names: raw.operator_names,
            groups: raw.groups,
            group_refusal: raw.group_refusal,
            undelivered_text: raw.undelivered_text,
            way: way(&raw.proxy, &raw.ca_file, folder)?,
        })
    }
}

/// How Telegram is reached. Nothing that the proxy's address says is repeated: it may hold a password.
fn way(proxy: &SecretString, ca_file: &str, folder: &Path) -> Result<Way, ConfigError> {
    let mut way = Way::default();
    let address = proxy.expose_secret().trim();
    if !address.is_empty() {
        let known = ["socks5", "socks5h", "http", "https"];
        let good = Url::parse(address).is_ok_and(|url| known.contains(&url.scheme()) && url.has_host());
        way.proxy = Some(SecretString::from(address.to_owned()));
        if !good || way.check().is_err() {
            let problem =
                "is not a proxy's address; write one like \"socks5h://127.0.0.1:1080\" or \"http://host:3128\"";
            return Err(ConfigError::at("proxy", problem));
        }
    }
    if !ca_file.is_empty() {
        let path = folder.join(ca_file);
        let bad = |problem: String| ConfigError::at("ca_file", format!("{}: {problem}", path.display()));
        way.certificates = Some(std::fs::read(&path).map_err(|error| bad(format!("can't be read: {error}")))?);
        way.check().map_err(bad)?;
    }
    Ok(way)
}

fn token(given: Option<SecretString>) -> Result<SecretString, ConfigError> {
    let bad = |problem: &str| ConfigError::at("token", problem);
    let found = given.ok_or_else(|| bad("is missing; BotFather shows it, or write { file = \"…\" }"))?;
    let token = found.expose_secret().trim();
    if is_token(token) {
        Ok(SecretString::from(token.to_owned()))
    } else {
        Err(bad("is not a bot's token; it looks like 123456789:AbC-… (BotFather shows it)"))
    }
}

/// Digits, a colon, letters that are safe in an address.
fn is_token(token: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    token.split_once(':').is_some_and(|(bot, rest)| {
        !bot.is_empty() && bot.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty() && rest.bytes().all(safe)
    })
}

fn api_url(given: &str) -> Result<Url, ConfigError> {
    let good = Url::parse(given.trim_end_matches('/'))
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.username().is_empty());
    good.ok_or_else(|| ConfigError::at("api_url", format!("{given:?} is not a web address; write one like \"{API}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &str) -> Result<Settings, ConfigError> {
        Settings::read(toml::from_str(settings).unwrap(), "http://127.0.0.1:8080", Path::new("."))
    }

    fn error(settings: &str) -> String {
        read(settings).err().unwrap().to_string()
    }

    #[test]
    fn errors_say_where_and_what() {
        assert!(error("tokn = 'x'").contains("tokn"));
        assert!(error("").starts_with("token: is missing"));
        assert!(error("token = 'secretive'").starts_with("token: is not a bot's token"));
        assert!(!error("token = 'secretive'").contains("secretive"));
        assert!(error("token = '1:a/b'").starts_with("token: is not"));
        assert!(error("token = 5").starts_with("token: "));
        assert!(error("token = '1:a'\nmode = 'push'").starts_with("mode"));
        assert!(error("token = '1:a'\nmode = 'webhook'").starts_with("mode: Telegram calls https"));
        assert!(error("token = '1:a'\napi_url = 'ftp://x'").starts_with("api_url"));
    }

    #[test]
    fn a_way_of_its_own_is_checked_and_keeps_its_password() {
        let at = |settings: &str| format!("token = '1:a'\n{settings}");
        for good in ["socks5://127.0.0.1:1080", "socks5h://u:p@proxy.example:1080", "http://proxy.example:3128"] {
            assert!(read(&at(&format!("proxy = '{good}'"))).is_ok_and(|read| read.way.proxy.is_some()), "{good}");
        }
        for bad in ["ftp://hush@proxy.example", "proxy:hush", "socks5://"] {
            let told = error(&at(&format!("proxy = '{bad}'")));
            assert!(told.starts_with("proxy: is not a proxy's address") && !told.contains("hush"), "{told}");
        }
        assert!(read(&at("")).is_ok_and(|read| read.way.proxy.is_none() && read.way.certificates.is_none()));
        assert!(error(&at("ca_file = 'none.pem'")).contains("none.pem: can't be read"));
        let (folder, table) = (tempfile::tempdir().unwrap(), toml::from_str(&at("ca_file = 'ca.pem'")).unwrap());
        std::fs::write(folder.path().join("ca.pem"), "hello").unwrap();
        let told = Settings::read(table, "http://x", folder.path()).err().unwrap().to_string();
        assert!(told.starts_with("ca_file: ") && told.contains("no certificates in PEM"), "{told}");
    }

    #[test]
    fn white_space_around_a_token_is_dropped() {
        let settings = read("token = ' 12:Ab-_9\\n'".replace('\'', "\"").as_str()).unwrap();
        assert_eq!(settings.token.expose_secret(), "12:Ab-_9");
        assert_eq!(settings.mode, Mode::Polling);
    }

    #[test]
    fn the_example_has_every_key_with_its_default() {
        let example: toml::Table = toml::from_str(include_str!("example.toml")).unwrap();
        let table = example["channels"]["telegram"]["settings"].as_table().unwrap().clone();
        let keys: Vec<_> = table.keys().cloned().collect();
        for key in
            ["token", "mode", "api_url", "start_text", "operator_names", "groups", "group_refusal", "undelivered_text"]
                .into_iter()
                .chain(["proxy", "ca_file"])
        {
            assert!(keys.iter().any(|known| known == key), "{key}");
        }
        let read = Settings::read(table, "http://x", Path::new(".")).ok().unwrap();
        assert_eq!(
            (read.start_text, read.group_refusal),
            (RawSettings::default().start_text, RawSettings::default().group_refusal)
        );
        assert_eq!(read.undelivered_text, RawSettings::default().undelivered_text);
    }
}
