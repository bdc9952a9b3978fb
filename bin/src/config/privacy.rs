//! `[privacy]`: how long conversations are kept.

use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// What is forgotten by itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacySettings {
    /// How long conversations are kept after their last message; `None` (0 days) for ever.
    #[serde(rename = "keep_days", deserialize_with = "days")]
    pub keep: Option<Duration>,
}

fn days<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let days = u64::from(u32::deserialize(from)?);
    Ok((days > 0).then(|| Duration::from_secs(days * 24 * 3600)))
}
