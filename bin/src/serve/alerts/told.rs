//! What is told.

use openline_bitrix::Concern;
use openline_core::Timestamp;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// What is wrong, or was.
    pub(super) concern: Concern,
    /// Since when.
    pub(super) since: Timestamp,
    /// Whether it is over.
    pub(super) over: bool,
}
