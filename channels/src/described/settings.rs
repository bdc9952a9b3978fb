//! The settings of a described messenger: its own, by their types, and those that every one has.

use super::expr::Scope;
use super::file::{self, Type};
use minijinja::Value;
use openline_core::ConfigError;
use std::fmt::Write;
use std::path::PathBuf;

/// Settings that every described messenger has.
pub(super) const RESERVED: &[&str] = &["proxy", "ca_file", "file_hosts", "operator_names", "undelivered_text"];

/// What is said of them in examples.
const COMMON: &str = "\
# What every messenger has: a proxy for its calls, a file with certificates (PEM) to trust beside the system's, further
# hosts that visitors' files may be fetched from, operators' names over their texts, and what is said to a visitor whose
# message could not be delivered (empty for nothing).
#proxy = \"http://proxy.example:3128\"
#ca_file = \"ca.pem\"
#file_hosts = [\"cdn.example\"]
#operator_names = false
#undelivered_text = \"\"
";

/// One of a messenger's own settings.
#[derive(Debug)]
pub(crate) struct Setting {
    kind: Type,
    about: String,
    default: Option<toml::Value>,
    example: Option<toml::Value>,
    one_of: Vec<String>,
}

impl Setting {
    pub(super) fn new(given: file::Setting) -> Result<Self, String> {
        let file::Setting { kind, about, default, example, one_of } = given;
        let setting = Self { kind, about, default, example, one_of };
        if setting.about.trim().is_empty() {
            return Err("about is empty: say what it is and where it stands".to_owned());
        }
        for value in [&setting.default, &setting.example].into_iter().flatten() {
            setting.read(value)?;
        }
        Ok(setting)
    }

    /// Whether it must never be shown.
    pub(super) fn is_secret(&self) -> bool {
        self.kind == Type::Secret
    }

    /// A value of its type.
    pub(super) fn sample(&self) -> Value {
        match self.kind {
            Type::Number => Value::from(1),
            Type::Switch => Value::from(true),
            Type::Text | Type::Secret | Type::Url => Value::from("x"),
        }
    }

    fn read(&self, given: &toml::Value) -> Result<Value, String> {
        let value = match (self.kind, given) {
            (Type::Number, toml::Value::Integer(number)) => Value::from(*number),
            // The environment has only texts.
            (Type::Number, toml::Value::String(text)) => {
                Value::from(text.trim().parse::<i64>().map_err(|_| "must be a whole number")?)
            }
            (Type::Number, _) => return Err("must be a whole number".to_owned()),
            (Type::Switch, toml::Value::Boolean(on)) => Value::from(*on),
            (Type::Switch, toml::Value::String(text)) => {
                Value::from(text.parse::<bool>().map_err(|_| "must be true or false")?)
            }
            (Type::Switch, _) => return Err("must be true or false".to_owned()),
            (Type::Url, toml::Value::String(text)) => Value::from(address(text)?),
            (_, toml::Value::String(text)) => Value::from(text.trim()),
            // Numbers are easily written without quotes.
            (Type::Text, toml::Value::Integer(number)) => Value::from(number.to_string()),
            _ => return Err("must be a text".to_owned()),
        };
        let fits = |value: &Value| self.one_of.iter().any(|one| value.as_str() == Some(one));
        if self.one_of.is_empty() || fits(&value) {
            return Ok(value);
        }
        Err(format!("must be one of: {}", self.one_of.join(", ")))
    }
}

fn address(text: &str) -> Result<String, String> {
    let url =
        url::Url::parse(text.trim()).map_err(|_| "is not a web address; write one like \"https://api.example\"")?;
    let plain = url.username().is_empty() && url.query().is_none() && url.host().is_some();
    if matches!(url.scheme(), "http" | "https") && plain {
        return Ok(text.trim().trim_end_matches('/').to_owned());
    }
    Err("is not a web address; write one like \"https://api.example\"".to_owned())
}

/// What an instance was given.
#[derive(Debug)]
pub(super) struct Given {
    /// Under `settings`.
    pub(super) scope: Scope,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) file_hosts: Vec<String>,
    pub(super) operator_names: bool,
    pub(super) undelivered_text: String,
    /// Values that must never be shown.
    pub(super) secrets: Vec<String>,
}

/// Checks `[channels.ID.settings]`.
pub(super) fn read(settings: &[(String, Setting)], mut table: toml::Table) -> Result<Given, ConfigError> {
    let mut values = Vec::new();
    let mut secrets = Vec::new();
    let text = |key: &str, value: Option<toml::Value>| match value {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ConfigError::at(key, "must be a text")),
    };
    for (name, setting) in settings {
        let given = table.remove(name);
        let value = match given.as_ref().or(setting.default.as_ref()) {
            None => return Err(ConfigError::at(name, format!("is missing: {}", setting.about))),
            Some(value) => setting.read(value).map_err(|problem| ConfigError::at(name, problem))?,
        };
        let empty = value.as_str() == Some("") && setting.default.is_none();
        if empty {
            return Err(ConfigError::at(name, format!("is empty: {}", setting.about)));
        }
        if setting.is_secret() {
            secrets.extend(value.as_str().map(str::to_owned).filter(|secret| secret.len() > 3));
        }
        values.push((name.clone(), value));
    }
    let file_hosts = match table.remove("file_hosts") {
        None => Vec::new(),
        Some(value) => value.try_into().map_err(|_| ConfigError::at("file_hosts", "must be a list of texts"))?,
    };
    let operator_names = match table.remove("operator_names") {
        None => false,
        Some(toml::Value::Boolean(on)) => on,
        Some(toml::Value::String(text)) if text == "true" || text == "false" => text == "true",
        Some(_) => return Err(ConfigError::at("operator_names", "must be true or false")),
    };
    let given = Given {
        scope: Scope::default().with("settings", Value::from_pairs(values)),
        proxy: text("proxy", table.remove("proxy"))?,
        ca_file: text("ca_file", table.remove("ca_file"))?.map(PathBuf::from),
        file_hosts,
        operator_names,
        undelivered_text: text("undelivered_text", table.remove("undelivered_text"))?.unwrap_or_default(),
        secrets,
    };
    match table.keys().next() {
        None => Ok(given),
        Some(unknown) => {
            let known = settings.iter().map(|(name, _)| name.as_str()).chain(RESERVED.iter().copied());
            let known = known.collect::<Vec<_>>().join(", ");
            Err(ConfigError::at(unknown, format!("is not a setting of this messenger; there is: {known}")))
        }
    }
}

/// A documented example of a channel of the kind `kind`.
pub(super) fn example(kind: &str, summary: &str, settings: &[(String, Setting)]) -> String {
    let mut out = format!(
        "# {summary} (docs/messengers.md)\n[channels.{kind}]\nkind = \"{kind}\"\n\n[channels.{kind}.settings]\n"
    );
    for (name, setting) in settings {
        let (value, mark) = match (&setting.example, &setting.default) {
            (Some(example), None) => (example.clone(), ""),
            (_, Some(default)) => (default.clone(), "#"),
            (None, None) => (toml::Value::from("replace-me"), ""),
        };
        let needed = if mark.is_empty() { "Required. " } else { "" };
        let _ = write!(out, "# {needed}{}\n{mark}{name} = {value}\n", setting.about);
    }
    out + COMMON
}
