//! What is said before the conversation.

use super::words::Words;
use serde::Deserialize;

/// `[settings.welcome]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct Welcome {
    pub(super) text: Words,
    /// Show no greeting of the line.
    pub(super) ignore_line: bool,
}
