//! `[metrics]` and `[admin]`: a listener of its own, and the token that has to be sent.

use openline_core::ConfigError;
use openline_core::settings::told;
use openline_core::weak::{Maker, strong};
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;

/// Shortest token, in characters.
const MIN_TOKEN: usize = 16;

/// Where something is told, and to whom. Without a listener of its own it is told on the service's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerSettings {
    /// A listener of its own.
    #[serde(deserialize_with = "own")]
    pub listen: Option<SocketAddr>,
    /// The token to be sent; without one everybody who reaches the own listener is let in.
    #[serde(deserialize_with = "token")]
    pub token: Option<SecretString>,
}

impl ListenerSettings {
    /// Of `[admin]`: it is open to nobody but this machine without a token.
    pub(super) fn check_admin(&self) -> Result<(), ConfigError> {
        if self.token.is_none() && self.listen.is_some_and(|address| !address.ip().is_loopback()) {
            let problem = "is missing; other machines reach admin.listen: write 16 or more random characters, or listen at \
                           127.0.0.1";
            return Err(ConfigError::at("admin.token", problem));
        }
        Ok(())
    }

    /// Whether anything is collected.
    pub fn are_on(&self) -> bool {
        self.listen.is_some() || self.token.is_some()
    }
}

/// An address to listen at; `like` is a good one.
pub(super) fn address<E: Error>(given: &str, like: &str) -> Result<SocketAddr, E> {
    given.parse().map_err(|_| E::custom(format!("{given:?} is not an address to listen at; write one like {like:?}")))
}

fn own<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" => Ok(None),
        given => address(given, "127.0.0.1:9464").map(Some),
    }
}

fn token<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let Some(token) = Option::<String>::deserialize(from)? else { return Ok(None) };
    if token.len() < MIN_TOKEN {
        return Err(D::Error::custom(format!("is too short; write at least {MIN_TOKEN} random characters")));
    }
    strong("", &token, Maker::Own).map_err(told)?;
    Ok(Some(token.into()))
}
