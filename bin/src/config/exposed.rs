//! What of a configuration others on this machine can read, and as whom openline runs.

use super::Config;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The secrets that the configuration itself has, beside those of its channels.
const OWN: [&str; 3] = ["secret", "portal.client_secret", "metrics.token"];

/// The part of a mode that says what everybody may read. A group may be the service's own.
const EVERYBODY: u32 = 0o004;

/// What is open to others, each in a sentence with its file; `text` is the configuration's.
pub(super) fn look(file: &Path, text: &str, config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let written: toml::Table = text.parse().unwrap_or_default();
    let mut inline = Vec::new();
    for key in keys(config) {
        let Some(value) = at(&written, &key) else { continue };
        let named = value.get("file").and_then(toml::Value::as_str).map(|name| config.folder.join(name));
        match named {
            Some(secret) if is_open(&secret) => told.push(open(&secret, &format!("{key} stands in it"))),
            None if is_inline(value) => inline.push(key),
            Some(_) | None => {}
        }
    }
    if written.contains_key("store") && config.store.password().is_some() {
        inline.push("store".to_owned());
    }
    if !inline.is_empty() && is_open(file) {
        told.insert(0, open(file, &format!("it has secrets ({})", inline.join(", "))));
    }
    if rustix::process::geteuid().is_root() {
        told.push("openline runs as root; give it a user of its own, as the units in deploy/systemd do".to_owned());
    }
    told
}

/// The paths of everything that is a secret.
fn keys(config: &Config) -> Vec<String> {
    let mut keys: Vec<String> = OWN.iter().map(|key| (*key).to_owned()).collect();
    for (id, instance) in &config.channels {
        let secrets = config.kinds.get(&instance.kind).map(openline_core::ChannelKind::secrets).unwrap_or_default();
        keys.extend(secrets.into_iter().map(|(key, _)| format!("channels.{id}.settings.{key}")));
    }
    keys
}

/// The value at a dotted path.
pub(super) fn at<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = table.get(first)?;
    rest.map_or(Some(value), |rest| at(value.as_table()?, rest))
}

/// Whether the text of a secret stands there, alone or in a list.
fn is_inline(value: &toml::Value) -> bool {
    match value {
        toml::Value::String(text) => !text.is_empty(),
        toml::Value::Array(all) => all.iter().any(is_inline),
        _ => false,
    }
}

fn is_open(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & EVERYBODY != 0)
}

fn open(file: &Path, why: &str) -> String {
    let shown = file.display();
    format!("{shown}: everybody on this machine can read it, and {why}: chmod o-rwx {shown}")
}
