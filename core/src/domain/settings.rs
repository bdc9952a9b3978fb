//! What is read alike in all tables of the configuration. An error has no key here: whoever reads the table knows it.

use crate::domain::error::ConfigError;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// A time in whole seconds, of at least and at most so many.
///
/// # Errors
/// Which are taken.
pub fn seconds<'de, D: Deserializer<'de>, const LEAST: u64, const MOST: u64>(from: D) -> Result<Duration, D::Error> {
    let given = u64::deserialize(from)?;
    if (LEAST..=MOST).contains(&given) {
        return Ok(Duration::from_secs(given));
    }
    Err(D::Error::custom(format!("{given} is not taken; write {LEAST} to {MOST}")))
}

/// What a check of the configuration says, where it is read.
pub fn told<E: Error>(error: ConfigError) -> E {
    E::custom(error.problem)
}
