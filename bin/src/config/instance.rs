//! The table of channels.

use super::around::Around;
use super::connector::ConnectorSettings;
use super::files;
use super::raw::{self, RawChannel};
use openline_channels::Kinds;
use openline_core::error::Errors;
use openline_core::{ChannelId, ConfigError};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A configured channel instance.
#[derive(Clone)]
pub struct Instance {
    /// Its kind's name; known.
    pub kind: String,
    /// Its connector.
    pub connector: ConnectorSettings,
    /// The media types of files that it takes, where it has its own.
    pub file_types: Option<Vec<String>>,
    /// Its kind's settings.
    pub settings: toml::Table,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings may have secrets.
        f.debug_struct("Instance").field("kind", &self.kind).field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// The kinds in the program and those of the folder.
pub(super) fn kinds(folder: Option<&str>, around: &Around<'_>) -> Result<Arc<Kinds>, Vec<ConfigError>> {
    let Some(folder) = folder else { return Ok(Arc::new(Kinds::in_program())) };
    let said = |problem: openline_channels::described::Problem| {
        ConfigError::at("messengers", format!("{}: {}", problem.file.display(), problem.problem))
    };
    let read = Kinds::with_folder(&around.folder.join(folder));
    read.map(Arc::new).map_err(|problems| problems.into_iter().map(said).collect())
}

pub(super) fn channels(
    raw: BTreeMap<String, RawChannel>,
    kinds: &Kinds,
    around: &Around<'_>,
) -> Result<BTreeMap<ChannelId, Instance>, Vec<ConfigError>> {
    let mut errors = Errors(Vec::new());
    let mut channels: BTreeMap<ChannelId, Instance> = BTreeMap::new();
    if raw.is_empty() {
        errors.0.push(ConfigError::at(
            "channels",
            "there is none; add one, for example [channels.site] with kind = \"website\"",
        ));
    }
    for (name, raw) in raw {
        let Some((id, instance)) = errors.keep_all(instance(&name, raw, kinds, around)) else { continue };
        if let Some(other) = channels.iter().find(|(_, other)| other.connector.id == instance.connector.id) {
            let problem = format!(
                "{:?} is the connector of channels.{} already; give each its own",
                instance.connector.id, other.0
            );
            errors.0.push(ConfigError::at(format!("channels.{id}.connector.id"), problem));
        }
        channels.insert(id, instance);
    }
    if errors.0.is_empty() { Ok(channels) } else { Err(errors.0) }
}

fn instance(
    name: &str,
    raw: RawChannel,
    kinds: &Kinds,
    around: &Around<'_>,
) -> Result<(ChannelId, Instance), Vec<ConfigError>> {
    let one = |error: ConfigError| vec![error];
    let id = ChannelId::parse(name).map_err(|e| one(ConfigError::at(format!("channels.{name}"), e.to_string())))?;
    let mut errors = Errors(Vec::new());
    if raw.kind.is_empty() {
        let problem = format!("is missing; there is: {}", super::kinds::known_kinds(kinds));
        errors.0.push(ConfigError::at(format!("channels.{id}.kind"), problem));
    } else if kinds.get(&raw.kind).is_none() {
        let problem = super::kinds::unknown_kind(&raw.kind, kinds);
        errors.0.push(ConfigError::at(format!("channels.{id}.kind"), problem));
    }
    let connector = errors.keep_all(ConnectorSettings::read(&id, raw.connector, around.folder));
    let file_types = errors.keep_all(files::of_channel(&id, raw.files));
    let settings = errors.keep(raw::resolve_settings(raw.settings, &format!("channels.{id}.settings"), around));
    match (connector, file_types, settings) {
        (Some(connector), Some(file_types), Some(settings)) if errors.0.is_empty() => {
            Ok((id, Instance { kind: raw.kind, connector, file_types, settings }))
        }
        _ => Err(errors.0),
    }
}
