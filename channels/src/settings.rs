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
