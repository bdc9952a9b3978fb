//! `[log]`: what is logged, and how.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter as `tracing` takes it: `info`, `warn,openline_bitrix=debug`.
    #[serde(deserialize_with = "level")]
    pub level: String,
    /// JSON lines instead of text.
    #[serde(rename = "format", deserialize_with = "format")]
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

fn level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let level = String::deserialize(from)?;
    // A word alone would be taken for the name of a module.
    let is_rule = |rule: &str| rule.contains(['=', '[']) || rule.trim().parse::<LevelFilter>().is_ok();
    if level.split(',').all(is_rule) && EnvFilter::try_new(&level).is_ok() {
        return Ok(level);
    }
    Err(D::Error::custom(format!(
        "{level:?} is not a level; there is: error, warn, info, debug, trace, off; also by module, like \
         \"info,openline_bitrix=debug\""
    )))
}

fn format<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    match String::deserialize(from)?.as_str() {
        "text" => Ok(false),
        "json" => Ok(true),
        other => Err(D::Error::custom(format!("{other:?} is not a format; there is: text, json"))),
    }
}
