//! A text with its entities.

use serde_json::Value;

/// A text and what is marked in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Formatted {
    pub(crate) text: String,
    pub(crate) entities: Vec<Value>,
}

/// UTF-16 units of a text.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
