//! Texts with entities: lengths in UTF-16 units, as Telegram counts offsets.
//!
//! The documentation gives the limits of texts in "characters" without saying which; the published server counts code
//! points. The stand-in counts UTF-16 units, which is never more lenient.

mod detect;
mod formatted;
mod html;
mod validate;

pub(crate) use detect::detect;
pub(crate) use formatted::{Formatted, length};

use serde_json::Value;

use super::error::ApiError;

/// Longest text of a message.
pub(crate) const MAX_TEXT: usize = 4096;
/// Longest caption.
pub(crate) const MAX_CAPTION: usize = 1024;
/// Longest text that is looked at, in bytes.
const MAX_BYTES: usize = 1 << 15;

/// Reads a bot's text with its `parse_mode` or entities, as far as it can be judged without the chat.
pub(crate) fn parse(text: &str, parse_mode: &str, entities: Option<&Value>) -> Result<Formatted, ApiError> {
    if text.len() > MAX_BYTES {
        return Err(ApiError::bad("text is too long"));
    }
    match parse_mode.to_lowercase().as_str() {
        "" | "none" => {
            let entities = validate::read(entities)?;
            Ok(Formatted { text: text.to_owned(), entities })
        }
        "html" => html::parse(text).map_err(|words| ApiError::bad(format!("can't parse entities: {words}"))),
        // Markdown exists in reality; this stand-in does not read it.
        _ => Err(ApiError::bad("unsupported parse_mode")),
    }
}

/// Most entities of a message.
const MOST_ENTITIES: usize = 100;

/// Cleans and trims a text, checks its entities and adds those Telegram finds itself.
pub(crate) fn finish(formatted: Formatted, may_be_empty: bool) -> Result<Formatted, ApiError> {
    let mut formatted = validate::fit(formatted)?;
    validate::trim(&mut formatted);
    if formatted.text.is_empty() && !may_be_empty {
        return Err(ApiError::bad("text must be non-empty"));
    }
    detect::merge(&mut formatted);
    // Telegram keeps so many and drops the others without a word.
    formatted.entities.truncate(MOST_ENTITIES);
    Ok(formatted)
}
