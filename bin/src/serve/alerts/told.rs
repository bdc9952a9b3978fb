//! What is told.

use openline_core::Timestamp;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The concern's key.
    pub(super) key: String,
    pub(super) problem: String,
    pub(super) remedy: String,
    /// Since when.
    pub(super) since: Timestamp,
    /// Whether it is over.
    pub(super) over: bool,
}
