//! How the configuration is read: the file, the environment over it, and what both name elsewhere put in.

use super::around::Around;
use config::{Environment, File, FileFormat, Map, Value, ValueKind};
use openline_core::ConfigError;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::collections::HashMap;

/// The secrets that the configuration itself has, beside those of its channels. Each is a text, or says where it stands.
pub(super) const SECRETS: [&str; 7] = [
    "secret",
    "portal.client_secret",
    "metrics.token",
    "traces.token",
    "admin.token",
    "alerts.webhook_secret",
    "alerts.mail_password",
];

/// What has no default. What is right there says whoever reads it.
const REQUIRED: [&str; 4] = ["public_url", "portal.url", "portal.client_id", "portal.client_secret"];

/// What is written, all layers as one, and what is wrong with it so far.
pub(super) struct Layers {
    written: Value,
    errors: Vec<ConfigError>,
}

impl Layers {
    /// Reads the layers. The environment's words are `OPENLINE__` and the keys joined by `__`.
    pub(super) fn read(text: &str, environment: Option<HashMap<String, String>>) -> Result<Self, ConfigError> {
        // Looked at first, because the layers' own error draws the line, and a secret may stand there.
        toml::from_str::<toml::Table>(text).map_err(|error| syntax(text, &error))?;
        // Without try_parsing: it turns a secret "007" into 7.
        let environment =
            Environment::with_prefix("OPENLINE").prefix_separator("__").separator("__").source(environment);
        let built = config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment)
            .build()
            .map_err(|error| ConfigError::at("", error.to_string()))?;
        let mut layers = Self { written: built.cache, errors: Vec::new() };
        for key in REQUIRED {
            require(&mut layers.written, key);
        }
        Ok(layers)
    }

    /// Puts secrets in that stand in a file or in a variable.
    #[must_use]
    pub(super) fn with_secrets(mut self, around: &Around<'_>) -> Self {
        for key in SECRETS {
            let Some(value) = at(&mut self.written, key) else { continue };
            let told = self.errors.len();
            match &value.kind {
                ValueKind::Nil | ValueKind::String(_) => {}
                kind if named(kind).is_some() => resolve(value, key, around, &mut self.errors),
                _ => {
                    let problem = "must be a text, { file = \"…\" } or { env = \"…\" }";
                    self.errors.push(ConfigError::at(key, problem));
                }
            }
            if self.errors.len() > told {
                let path: Vec<_> = key.split('.').map(|key| Segment::Map { key: key.to_owned() }).collect();
                take_out(&mut self.written, &path);
            }
        }
        for (id, channel) in table(&mut self.written, "channels") {
            // A kind knows itself which of its settings are secrets.
            if let Some(settings) = at(channel, "settings") {
                resolve(settings, &format!("channels.{id}.settings"), around, &mut self.errors);
            }
        }
        self
    }

    /// Leaves out channels with a name that is none.
    #[must_use]
    pub(super) fn with_good_names(mut self, check: impl Fn(&str) -> Option<ConfigError>) -> Self {
        if let Some(Value { kind: ValueKind::Table(channels), .. }) = at(&mut self.written, "channels") {
            let wrong: Vec<_> = channels.keys().filter_map(|name| Some((name.clone(), check(name)?))).collect();
            for (name, error) in wrong {
                channels.remove(&name);
                self.errors.push(error);
            }
        }
        self
    }

    /// What was read, and everything that is wrong: of each error is told, what it is about taken out, and the rest read
    /// without it.
    pub(super) fn finish<T: DeserializeOwned>(mut self) -> (Option<T>, Vec<ConfigError>) {
        let read = loop {
            match serde_path_to_error::deserialize(self.written.clone()) {
                Ok(read) => break Some(read),
                Err(error) => {
                    let path: Vec<_> = error.path().iter().cloned().collect();
                    let problem = error.into_inner().to_string();
                    // What follows names the key once more.
                    let problem = problem.split(" for key `").next().unwrap_or_default();
                    self.errors.push(ConfigError::at(dotted(&path), problem));
                    if !take_out(&mut self.written, &path) {
                        break None;
                    }
                }
            }
        };
        // What is written and unknown first: what is missing is often the same.
        self.errors.sort_by_key(|error| (!error.problem.starts_with("unknown field"), error.key.clone()));
        (read, self.errors)
    }
}

/// The value at a dotted path.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').try_fold(value, |value, part| match &mut value.kind {
        ValueKind::Table(table) => table.get_mut(part),
        _ => None,
    })
}

/// What stands in the table at a dotted path.
fn table<'v>(value: &'v mut Value, path: &str) -> impl Iterator<Item = (&'v String, &'v mut Value)> {
    let table = at(value, path).and_then(|value| match &mut value.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    });
    table.into_iter().flatten()
}

/// Makes a key that is not there one with nothing in it.
fn require(value: &mut Value, path: &str) {
    let ValueKind::Table(table) = &mut value.kind else { return };
    match path.split_once('.') {
        None => drop(table.entry(path.to_owned()).or_default()),
        Some((first, rest)) => {
            let new = || Value::new(None, ValueKind::Table(Map::new()));
            require(table.entry(first.to_owned()).or_insert_with(new), rest);
        }
    }
}

/// Takes out what stands at a path; false when nothing does.
fn take_out(value: &mut Value, path: &[Segment]) -> bool {
    match (&mut value.kind, path) {
        (ValueKind::Table(table), [Segment::Map { key }]) => table.remove(key).is_some(),
        (ValueKind::Array(array), [Segment::Seq { index }]) if *index < array.len() => {
            array.remove(*index);
            true
        }
        (ValueKind::Table(table), [Segment::Map { key }, rest @ ..]) => {
            table.get_mut(key).is_some_and(|value| take_out(value, rest))
        }
        (ValueKind::Array(array), [Segment::Seq { index }, rest @ ..]) => {
            array.get_mut(*index).is_some_and(|value| take_out(value, rest))
        }
        _ => false,
    }
}

/// A path as it is told: of a list its key.
fn dotted(path: &[Segment]) -> String {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

/// Where a secret is.
enum SecretSource {
    File(String),
    Variable(String),
}

/// A table that says where a secret is, and nothing else.
fn named(kind: &ValueKind) -> Option<SecretSource> {
    let ValueKind::Table(table) = kind else { return None };
    let (name, value) = table.iter().next().filter(|_| table.len() == 1)?;
    match (name.as_str(), &value.kind) {
        ("file", ValueKind::String(file)) => Some(SecretSource::File(file.clone())),
        ("env", ValueKind::String(name)) => Some(SecretSource::Variable(name.clone())),
        _ => None,
    }
}

/// Puts secrets in wherever a table of nothing but `file` or `env` stands for one.
fn resolve(value: &mut Value, key: &str, around: &Around<'_>, errors: &mut Vec<ConfigError>) {
    if let Some(place) = named(&value.kind) {
        let text = around.secret(place, key).map_err(|error| errors.push(error));
        value.kind = ValueKind::String(text.unwrap_or_default());
        return;
    }
    match &mut value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                resolve(value, &format!("{key}.{name}"), around, errors);
            }
        }
        ValueKind::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                resolve(value, &format!("{key}[{index}]"), around, errors);
            }
        }
        _ => {}
    }
}

impl Around<'_> {
    /// A secret's text; files are looked for beside the configuration.
    fn secret(&self, place: SecretSource, key: &str) -> Result<String, ConfigError> {
        match place {
            SecretSource::File(file) => {
                let path = self.folder.join(&file);
                let text = std::fs::read_to_string(&path)
                    .map_err(|e| ConfigError::at(key, format!("the file {} can't be read: {e}", path.display())))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            SecretSource::Variable(name) => self
                .variable(&name)
                .ok_or_else(|| ConfigError::at(key, format!("the environment variable {name} is not set"))),
        }
    }
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
