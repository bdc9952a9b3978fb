//! How much a visitor may send at once.

/// Longest text, in characters.
pub(super) const MAX_TEXT: usize = 10_000;
pub(super) use crate::common::input::MAX_NAME;
/// Most files in one message.
pub(super) const MAX_FILES: usize = 10;
