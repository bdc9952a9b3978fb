//! The table of channels.

use super::around::Around;
use super::connector::ConnectorSettings;
use super::files::OwnFiles;
use super::kinds::{known_kinds, unknown_kind};
use openline_channels::Kinds;
use openline_core::error::Errors;
use openline_core::{ChannelId, ConfigError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A configured channel instance: `[channels.ID]`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// Its kind's name; known.
    pub kind: String,
    /// Its connector.
    pub connector: ConnectorSettings,
    /// What it does with files, where it has its own.
    pub files: OwnFiles,
    /// Its kind's settings, with their secrets.
    pub settings: toml::Table,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings may have secrets.
        f.debug_struct("Instance").field("kind", &self.kind).field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// The kinds in the program and those of the folder.
pub(super) fn kinds(folder: &Path) -> Result<Arc<Kinds>, Vec<ConfigError>> {
    let said = |problem: openline_channels::described::Problem| {
        ConfigError::at("messengers", format!("{}: {}", problem.file.display(), problem.problem))
    };
    let read = Kinds::with_folder(folder);
    read.map(Arc::new).map_err(|problems| problems.into_iter().map(said).collect())
}

/// What is wrong with a channel's name.
pub(super) fn wrong_name(name: &str) -> Option<ConfigError> {
    ChannelId::parse(name).err().map(|error| ConfigError::at(format!("channels.{name}"), error.to_string()))
}

/// Gives all channels what nobody wrote, and looks that each has a known kind and a connector of its own. Without the kinds,
/// what is wrong with those is said elsewhere.
pub(super) fn settle(
    channels: &mut BTreeMap<ChannelId, Instance>,
    kinds: Option<&Kinds>,
    around: &Around<'_>,
) -> Vec<ConfigError> {
    let mut errors = Errors(Vec::new());
    let mut connectors: BTreeMap<String, ChannelId> = BTreeMap::new();
    if channels.is_empty() {
        errors.0.push(ConfigError::at(
            "channels",
            "there is none; add one, for example [channels.site] with kind = \"website\"",
        ));
    }
    for (id, instance) in channels {
        if let Some(problem) = kinds.and_then(|kinds| wrong_kind(&instance.kind, kinds)) {
            errors.0.push(ConfigError::at(format!("channels.{id}.kind"), problem));
        }
        errors.keep(instance.connector.settle(id, around.folder));
        let own = &instance.connector.id;
        if let Some(other) = connectors.get(own) {
            let problem = format!("{own:?} is the connector of channels.{other} already; give each its own");
            errors.0.push(ConfigError::at(format!("channels.{id}.connector.id"), problem));
        }
        connectors.insert(own.clone(), id.clone());
    }
    errors.0
}

fn wrong_kind(kind: &str, kinds: &Kinds) -> Option<String> {
    match kind {
        "" => Some(format!("is missing; there is: {}", known_kinds(kinds))),
        kind => kinds.get(kind).is_none().then(|| unknown_kind(kind, kinds)),
    }
}
