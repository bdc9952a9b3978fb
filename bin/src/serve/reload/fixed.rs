//! What can't be changed while the service runs.

use crate::config::Config;
use std::collections::BTreeSet;

/// What is written differently and counts from the next start on, each with the reason.
pub(super) fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = old.origin.written.keys().chain(new.origin.written.keys()).collect();
    for name in names {
        let (before, after) = (old.origin.written.get(name), new.origin.written.get(name));
        let tables = (before.and_then(toml::Value::as_table), after.and_then(toml::Value::as_table));
        match (name.as_str(), tables) {
            ("alerts" | "channels" | "files" | "limits" | "portal", _) => {}
            (_, (Some(before), Some(after))) => {
                let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                let differ = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
                found.extend(differ.map(|key| format!("{name}.{key}")));
            }
            _ if before != after => found.push(name.clone()),
            _ => {}
        }
    }
    let ours = [
        ("limits.connections", old.limits.connections != new.limits.connections),
        ("limits.connections_each", old.limits.connections_each != new.limits.connections_each),
        ("portal.reconcile_seconds", old.portal.reconcile_every != new.portal.reconcile_every),
        ("files.folder", old.files.folder != new.files.folder),
    ];
    found.extend(ours.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()));
    found.into_iter().map(|key| format!("{key} ({})", reason(&key))).collect()
}

fn reason(key: &str) -> &'static str {
    match key.split('.').next().unwrap_or_default() {
        "listen" | "metrics" | "admin" => "listeners are opened at the start",
        "store" | "secret" | "allow_unverified_store" => "all that is kept rests on it",
        "public_url" => "it stands in links that were given out",
        "files" => "visitors' files lie there",
        "limits" => "places for connections are made at the start",
        "portal" => "its timer is set at the start",
        _ => "it is read at the start",
    }
}
