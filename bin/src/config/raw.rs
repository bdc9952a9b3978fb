//! The configuration as it is written, before it is checked.

use super::around::Around;
use config::{Environment, File, FileFormat};
use openline_bitrix::PortalKeys;
use openline_core::ConfigError;
use openline_core::files::USUAL;
use openline_core::limits::LimitSettings;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// Where to listen, `HOST:PORT`.
    #[serde(default = "default_listen")]
    pub(super) listen: String,
    /// The address under which visitors and the portal reach the service.
    #[serde(default)]
    pub(super) public_url: String,
    /// The store's URL.
    #[serde(default = "default_store")]
    pub(super) store: String,
    /// Whether a database server on another machine is taken that does not prove itself.
    #[serde(default)]
    pub(super) allow_unverified_store: bool,
    /// What everything stored or signed is protected with.
    pub(super) secret: Option<Secret>,
    /// A folder with descriptions of messengers.
    #[serde(default)]
    pub(super) messengers: Option<String>,
    /// Proxies that are believed about whom they call for.
    #[serde(default)]
    pub(super) trusted_proxies: Vec<String>,
    #[serde(default)]
    pub(super) limits: LimitSettings,
    #[serde(default)]
    pub(super) files: RawFiles,
    #[serde(default)]
    pub(super) log: RawLog,
    #[serde(default)]
    pub(super) metrics: RawListener,
    #[serde(default)]
    pub(super) admin: RawListener,
    #[serde(default)]
    pub(super) alerts: RawAlerts,
    #[serde(default)]
    pub(super) privacy: RawPrivacy,
    #[serde(default)]
    pub(super) portal: PortalKeys<Secret>,
    #[serde(default)]
    pub(super) channels: BTreeMap<String, RawChannel>,
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_store() -> String {
    "sqlite:data/openline.db".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFiles {
    pub(super) folder: Option<String>,
    pub(super) max_megabytes: u64,
    pub(super) min_free_megabytes: u64,
    pub(super) types: Vec<String>,
    pub(super) check: Vec<String>,
    pub(super) check_seconds: u64,
}

impl Default for RawFiles {
    fn default() -> Self {
        let types = USUAL.map(str::to_owned).to_vec();
        Self { folder: None, max_megabytes: 25, min_free_megabytes: 300, types, check: Vec::new(), check_seconds: 30 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) level: String,
    pub(super) format: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: "text".to_owned() }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawListener {
    pub(super) listen: String,
    pub(super) token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAlerts {
    pub(super) webhook: String,
    pub(super) webhook_secret: Option<Secret>,
    pub(super) mail_server: String,
    pub(super) mail_user: String,
    pub(super) mail_password: Option<Secret>,
    pub(super) mail_from: String,
    pub(super) mail_to: Vec<String>,
    pub(super) portal_users: Vec<u32>,
    pub(super) queue_seconds: u64,
    pub(super) look_seconds: u64,
}

impl Default for RawAlerts {
    fn default() -> Self {
        Self {
            webhook: String::new(),
            webhook_secret: None,
            mail_server: String::new(),
            mail_user: String::new(),
            mail_password: None,
            mail_from: String::new(),
            mail_to: Vec::new(),
            portal_users: Vec::new(),
            queue_seconds: 600,
            look_seconds: 15,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPrivacy {
    pub(super) keep_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannel {
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) connector: RawConnector,
    #[serde(default)]
    pub(super) files: RawChannelFiles,
    #[serde(default)]
    pub(super) settings: toml::Table,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawChannelFiles {
    pub(super) types: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // the portal's flags
pub(super) struct RawConnector {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) icon: Option<String>,
    pub(super) color: String,
    pub(super) line: Option<u32>,
    pub(super) delete_external_messages: bool,
    pub(super) edit_internal_messages: Option<bool>,
    pub(super) delete_internal_messages: Option<bool>,
    pub(super) newsletter: bool,
    pub(super) system_messages: bool,
    pub(super) signature: bool,
    pub(super) chat_group: bool,
}

impl Default for RawConnector {
    fn default() -> Self {
        Self {
            id: None,
            name: None,
            icon: None,
            color: "#1f7a8c".to_owned(),
            line: None,
            delete_external_messages: true,
            edit_internal_messages: None,
            delete_internal_messages: None,
            newsletter: false,
            system_messages: true,
            signature: true,
            chat_group: false,
        }
    }
}

/// A secret: inline, in a file, or in an environment variable.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a text, { file = \"…\" } or { env = \"…\" }")]
pub(super) enum Secret {
    Inline(SecretString),
    File(SecretFile),
    Env(SecretEnv),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFile {
    file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretEnv {
    env: String,
}

impl Secret {
    /// A table that says where a secret is, and nothing else.
    fn named(table: &toml::Table) -> Option<Self> {
        let only =
            |name: &str| table.get(name).and_then(toml::Value::as_str).filter(|_| table.len() == 1).map(str::to_owned);
        let file = only("file").map(|file| Self::File(SecretFile { file }));
        file.or_else(|| only("env").map(|env| Self::Env(SecretEnv { env })))
    }

    /// The secret itself; files are looked for beside the configuration.
    pub(super) fn resolve(self, key: &str, around: &Around<'_>) -> Result<SecretString, ConfigError> {
        match self {
            Self::Inline(secret) => Ok(secret),
            Self::File(SecretFile { file }) => {
                let path = around.folder.join(&file);
                let text = std::fs::read_to_string(&path)
                    .map_err(|e| ConfigError::at(key, format!("the file {} can't be read: {e}", path.display())))?;
                Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            Self::Env(SecretEnv { env }) => around
                .variable(&env)
                .map(SecretString::from)
                .ok_or_else(|| ConfigError::at(key, format!("the environment variable {env} is not set"))),
        }
    }
}

/// Puts secrets into a kind's settings: a table of nothing but `file` or `env` stands for what it names.
pub(super) fn resolve_settings(
    settings: toml::Table,
    key: &str,
    around: &Around<'_>,
) -> Result<toml::Table, ConfigError> {
    let resolve = |(name, value): (String, toml::Value)| {
        let key = format!("{key}.{name}");
        Ok((name, resolve_value(value, &key, around)?))
    };
    settings.into_iter().map(resolve).collect()
}

fn resolve_value(value: toml::Value, key: &str, around: &Around<'_>) -> Result<toml::Value, ConfigError> {
    match value {
        toml::Value::Table(table) => match Secret::named(&table) {
            Some(secret) => {
                secret.resolve(key, around).map(|secret| toml::Value::String(secret.expose_secret().to_owned()))
            }
            None => resolve_settings(table, key, around).map(toml::Value::Table),
        },
        toml::Value::Array(values) => {
            let all = values.into_iter().enumerate();
            let resolved = all.map(|(index, value)| resolve_value(value, &format!("{key}[{index}]"), around));
            resolved.collect::<Result<_, _>>().map(toml::Value::Array)
        }
        other => Ok(other),
    }
}

/// Reads the layers. The environment's words are `OPENLINE__` and the keys joined by `__`.
pub(super) fn read(text: &str, environment: Option<HashMap<String, String>>) -> Result<Raw, ConfigError> {
    // Looked at first, because the layers' own error draws the line, and a secret may stand there.
    toml::from_str::<toml::Table>(text).map_err(|error| syntax(text, &error))?;
    // Without try_parsing: it turns a secret "007" into 7.
    let environment = Environment::with_prefix("OPENLINE").prefix_separator("__").separator("__").source(environment);
    let built = config::Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map_err(|error| ConfigError::at("", error.to_string()))?;
    serde_path_to_error::deserialize(built).map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { String::new() } else { path };
        let problem = error.into_inner().to_string();
        // What follows names the key once more.
        ConfigError::at(key, problem.split(" for key `").next().unwrap_or_default())
    })
}

/// What is wrong with the TOML itself, and where.
fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ConfigError::at("", format!("line {line}, column {column}: {}", error.message().replace('\n', ", ")))
}

/// The environment's word that an error comes from: the key's own, or one below a key that the file doesn't have.
pub(super) fn origin(text: &str, environment: Option<&HashMap<String, String>>, key: &str) -> Option<String> {
    let names: Vec<String> = match environment {
        Some(given) => given.keys().cloned().collect(),
        None => std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect(),
    };
    let file: toml::Table = toml::from_str(text).ok()?;
    let below = |table: &toml::Table, part: &str| table.get(part).map(|value| value.as_table().cloned());
    let in_file =
        key.split('.').try_fold(Some(file), |table, part| table.as_ref().and_then(|table| below(table, part)));
    let own = format!("OPENLINE__{}", key.replace('.', "__")).to_uppercase();
    let is_it = |name: &String| {
        let name = name.to_uppercase();
        name == own || in_file.is_none() && name.starts_with(&format!("{own}__"))
    };
    names.into_iter().find(is_it)
}
