//! Channels whose settings are good, until they are built.

use super::instance::Instance;
use openline_channels::Kinds;
use openline_core::channel::{Built, Capabilities, Host, Plan};
use openline_core::error::Errors;
use openline_core::{ChannelId, ConfigError, VisitorInbox};
use std::collections::BTreeMap;

/// Of all channels of a configuration.
pub struct Plans(BTreeMap<ChannelId, Plan>);

impl Plans {
    pub(super) fn read(
        channels: &BTreeMap<ChannelId, Instance>,
        kinds: &Kinds,
        host: &Host,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Errors::default();
        let mut plans = BTreeMap::new();
        for (id, instance) in channels {
            let Some(kind) = kinds.get(&instance.kind) else { continue };
            let plan = kind.read(id, instance.settings.clone(), host);
            if let Some(plan) = errors.keep(plan.map_err(|error| in_settings(id, error))) {
                plans.insert(id.clone(), plan);
            }
        }
        errors.or(Self(plans))
    }

    /// What each will be able to do.
    pub fn can(&self) -> BTreeMap<ChannelId, Capabilities> {
        self.0.iter().map(|(id, plan)| (id.clone(), plan.can)).collect()
    }

    /// Without those that are not wanted.
    #[must_use]
    pub(crate) fn only(mut self, is_wanted: impl Fn(&ChannelId) -> bool) -> Self {
        self.0.retain(|id, _| is_wanted(id));
        self
    }

    /// Builds them, each with its door.
    ///
    /// # Errors
    /// What can't be made, with full keys.
    pub fn build(
        self,
        door: impl Fn(ChannelId) -> VisitorInbox,
    ) -> Result<BTreeMap<ChannelId, Built>, Vec<ConfigError>> {
        let mut errors = Errors::default();
        let mut channels = BTreeMap::new();
        for (id, plan) in self.0 {
            let built = plan.build(door(id.clone()));
            if let Some(built) = errors.keep(built.map_err(|error| in_settings(&id, error))) {
                channels.insert(id, built);
            }
        }
        errors.or(channels)
    }
}

/// What is wrong with a channel's settings, with the full key.
fn in_settings(id: &ChannelId, error: ConfigError) -> ConfigError {
    let dot = if error.key.is_empty() { "" } else { "." };
    ConfigError::at(format!("channels.{id}.settings{dot}{}", error.key), error.problem)
}
