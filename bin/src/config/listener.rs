//! `[metrics]` and `[admin]`: a listener of its own, and the token that has to be sent.

use super::around::Around;
use super::raw::RawListener;
use openline_core::ConfigError;
use openline_core::weak::{Maker, strong};
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;

/// Shortest token, in characters.
const MIN_TOKEN: usize = 16;

/// Where something is told, and to whom.
#[derive(Debug, Clone, Default)]
pub struct ListenerSettings {
    /// A listener of its own.
    pub listen: Option<SocketAddr>,
    /// The token to be sent; without one everybody who reaches the own listener is let in.
    pub token: Option<SecretString>,
}

impl ListenerSettings {
    /// Checks `[metrics]`. Without a listener of their own they are told on the service's.
    pub(super) fn metrics(raw: RawListener, around: &Around<'_>) -> Result<Self, ConfigError> {
        Self::read("metrics", raw, around)
    }

    /// Checks `[admin]`: never on the service's listener, and open to nobody but this machine without a token.
    pub(super) fn admin(raw: RawListener, around: &Around<'_>) -> Result<Self, ConfigError> {
        let read = Self::read("admin", raw, around)?;
        if read.token.is_none() && read.listen.is_some_and(|address| !address.ip().is_loopback()) {
            let problem = "is missing; other machines reach admin.listen: write 16 or more random characters, or listen at \
                           127.0.0.1";
            return Err(ConfigError::at("admin.token", problem));
        }
        Ok(read)
    }

    fn read(table: &str, raw: RawListener, around: &Around<'_>) -> Result<Self, ConfigError> {
        let listen = Some(raw.listen).filter(|listen| !listen.is_empty());
        let address = |listen: String| {
            listen.parse().map_err(|_| {
                let problem = format!("{listen:?} is not an address to listen at; write one like \"127.0.0.1:9464\"");
                ConfigError::at(format!("{table}.listen"), problem)
            })
        };
        let key = format!("{table}.token");
        let token = raw.token.map(|token| token.resolve(&key, around)).transpose()?;
        if token.as_ref().is_some_and(|token| token.expose_secret().len() < MIN_TOKEN) {
            let problem = format!("is too short; write at least {MIN_TOKEN} random characters");
            return Err(ConfigError::at(key, problem));
        }
        token.iter().try_for_each(|token| strong(&key, token.expose_secret(), Maker::Own))?;
        Ok(Self { listen: listen.map(address).transpose()?, token })
    }

    /// Whether anything is collected.
    pub fn are_on(&self) -> bool {
        self.listen.is_some() || self.token.is_some()
    }
}
