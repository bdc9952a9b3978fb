//! `[metrics]`: where what the service measures can be asked for.

use super::around::Around;
use super::raw::RawMetrics;
use openline_core::ConfigError;
use openline_core::weak::{Maker, strong};
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;

/// Shortest token, in characters.
const MIN_TOKEN: usize = 16;

/// Where metrics are told, and to whom. Nothing is collected when both are unset.
#[derive(Debug, Clone, Default)]
pub struct MetricsSettings {
    /// A listener of its own; without one they are told on the service's.
    pub listen: Option<SocketAddr>,
    /// The bearer token to be sent; without one everybody who reaches the own listener may ask.
    pub token: Option<SecretString>,
}

impl MetricsSettings {
    /// Checks the table.
    pub(super) fn read(raw: RawMetrics, around: &Around<'_>) -> Result<Self, ConfigError> {
        let listen = Some(raw.listen).filter(|listen| !listen.is_empty());
        let address = |listen: String| {
            listen.parse().map_err(|_| {
                let problem = format!("{listen:?} is not an address to listen at; write one like \"127.0.0.1:9464\"");
                ConfigError::at("metrics.listen", problem)
            })
        };
        let token = raw.token.map(|token| token.resolve("metrics.token", around)).transpose()?;
        if token.as_ref().is_some_and(|token| token.expose_secret().len() < MIN_TOKEN) {
            let problem = format!("is too short; write at least {MIN_TOKEN} random characters");
            return Err(ConfigError::at("metrics.token", problem));
        }
        token.iter().try_for_each(|token| strong("metrics.token", token.expose_secret(), Maker::Own))?;
        Ok(Self { listen: listen.map(address).transpose()?, token })
    }

    /// Whether anything is collected.
    pub fn are_on(&self) -> bool {
        self.listen.is_some() || self.token.is_some()
    }
}
