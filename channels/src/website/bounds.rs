//! How much a visitor may send at once.

use crate::common::schema::{or_null, schema, text};

/// Longest text, in characters.
pub(super) const MAX_TEXT: usize = 10_000;
pub(super) use crate::common::input::MAX_NAME;
/// Most files in one message.
pub(super) const MAX_FILES: usize = 10;
/// Longest key, in bytes.
pub(super) const MAX_KEY: usize = 64;

schema!(
    /// What is taken for a key.
    Key = text(1..=MAX_KEY).pattern(Some("^[A-Za-z0-9_-]+$"))
);
schema!(
    /// What is taken for a text, after trimming.
    Text = text(0..=MAX_TEXT)
);
schema!(
    /// What is taken for a name.
    Name = or_null(text(0..=MAX_NAME))
);
