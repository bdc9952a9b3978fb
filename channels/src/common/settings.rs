//! Reading `[channels.ID.settings]`, for all kinds.

use openline_core::ConfigError;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};

/// The table as the kind's own type; an error names the key.
pub(crate) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let key = error.path().to_string();
        ConfigError::at(if key == "." { "" } else { &key }, error.inner().message())
    })
}

/// A switch; the environment has only texts.
pub(crate) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be true or false")]
    enum Given {
        Switch(bool),
        Text(String),
    }
    match Given::deserialize(deserializer)? {
        Given::Switch(switch) => Ok(switch),
        Given::Text(text) => text.parse().map_err(|_| D::Error::custom("must be true or false")),
    }
}
