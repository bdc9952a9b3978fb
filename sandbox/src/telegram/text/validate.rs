//! Entities a bot gives: read, checked against the text, sorted, and moved when the text is trimmed.

use serde_json::{Map, Value, json};

use super::formatted::{Formatted, length};
use crate::telegram::error::ApiError;

/// Kinds a bot may give; a field they need.
const GIVEN: [(&str, Option<&str>); 11] = [
    ("bold", None),
    ("italic", None),
    ("underline", None),
    ("strikethrough", None),
    ("spoiler", None),
    ("code", None),
    ("pre", None),
    ("blockquote", None),
    ("expandable_blockquote", None),
    ("text_link", Some("url")),
    ("text_mention", Some("user")),
];

/// Kinds Telegram finds itself; given ones are ignored.
const FOUND: [&str; 8] =
    ["mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"];

/// Where an entity begins and how long it is.
pub(super) fn span(entity: &Value) -> (i64, i64) {
    let number = |name: &str| entity.get(name).and_then(Value::as_i64).unwrap_or(0);
    (number("offset"), number("length"))
}

pub(super) fn kind(entity: &Value) -> &str {
    entity.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn shift(entity: &mut Value, offset: i64, length: i64) {
    if let Some(object) = entity.as_object_mut() {
        object.insert("offset".to_owned(), json!(offset));
        object.insert("length".to_owned(), json!(length));
    }
}

/// Reads the parameter. Anything but an array counts as none.
pub(super) fn read(entities: Option<&Value>) -> Result<Vec<Value>, ApiError> {
    let Some(Value::Array(list)) = entities else { return Ok(Vec::new()) };
    let mut read = Vec::new();
    for entity in list {
        let words = |words: String| ApiError::bad(format!("can't parse MessageEntity: {words}"));
        if let Some(entity) = one(entity).map_err(words)? {
            read.push(entity);
        }
    }
    Ok(read)
}

fn one(entity: &Value) -> Result<Option<Value>, String> {
    let object = entity.as_object().ok_or("expected an Object")?;
    for field in ["offset", "length"] {
        let number = object.get(field).ok_or_else(|| format!("Can't find field \"{field}\""))?;
        let text = number.as_str().and_then(|text| text.parse::<i64>().ok());
        if number.as_i64().or(text).is_none() {
            return Err(format!("Field \"{field}\" must be a valid Number"));
        }
    }
    let kind = object.get("type").and_then(Value::as_str).ok_or("Can't find field \"type\"")?;
    if FOUND.contains(&kind) {
        return Ok(None);
    }
    if kind == "custom_emoji" {
        // Only bots that bought the right may use them; for others the plain character stays.
        return Ok(None);
    }
    let (_, needed) = GIVEN.iter().find(|(known, _)| *known == kind).ok_or("Unsupported type specified")?;
    if let Some(field) = needed.filter(|field| !object.contains_key(*field)) {
        return Err(format!("Can't find field \"{field}\""));
    }
    Ok(Some(Value::Object(tidy(object))))
}

/// Only the fields Telegram knows, numbers as numbers.
fn tidy(object: &Map<String, Value>) -> Map<String, Value> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let mut tidy = Map::new();
    for field in ["offset", "length", "type", "url", "user", "language"] {
        match object.get(field) {
            Some(value) if matches!(field, "offset" | "length") => {
                tidy.insert(field.to_owned(), json!(number(value)));
            }
            Some(value) => {
                tidy.insert(field.to_owned(), value.clone());
            }
            None => {}
        }
    }
    tidy
}

/// Checks entities against the text, drops empty ones, sorts the rest by beginning, longer ones first.
pub(super) fn fit(mut formatted: Formatted) -> Result<Formatted, ApiError> {
    let units: Vec<u16> = formatted.text.encode_utf16().collect();
    let end = i64::try_from(units.len()).unwrap_or(i64::MAX);
    let inside_pair = |at: i64| {
        let unit = usize::try_from(at).ok().and_then(|at| units.get(at));
        unit.is_some_and(|unit| (0xdc00..0xe000).contains(unit))
    };
    for entity in &formatted.entities {
        let (offset, length) = span(entity);
        if !(0..=1_000_000).contains(&offset) {
            return Err(ApiError::bad(format!("receive an entity with incorrect offset {offset}")));
        }
        if !(0..=1_000_000).contains(&length) {
            return Err(ApiError::bad(format!("receive an entity with incorrect length {length}")));
        }
        let to = offset + length;
        if length > 0 && offset >= end {
            let words = format!("entity begins after the end of the text at UTF-16 offset {offset}");
            return Err(ApiError::bad(words));
        }
        let begins = format!("entity beginning at UTF-16 offset {offset}");
        if length > 0 && to > end {
            return Err(ApiError::bad(format!("{begins} ends after the end of the text at UTF-16 offset {to}")));
        }
        if inside_pair(offset) || inside_pair(to) {
            return Err(ApiError::bad(format!("{begins} begins or ends in a middle of a UTF-16 symbol")));
        }
    }
    formatted.entities.retain(|entity| span(entity).1 > 0);
    sort(&mut formatted.entities);
    // Control characters become spaces, as every bot sees.
    formatted.text = formatted.text.chars().map(|it| if it < ' ' && it != '\n' { ' ' } else { it }).collect();
    Ok(formatted)
}

pub(super) fn sort(entities: &mut [Value]) {
    entities.sort_by_key(|entity| (span(entity).0, -span(entity).1));
}

/// Cuts white space off both ends; entities shrink and move with it.
pub(super) fn trim(formatted: &mut Formatted) {
    let blank = [' ', '\n'];
    let kept = formatted.text.trim_end_matches(blank);
    let end = i64::try_from(length(kept)).unwrap_or(0);
    formatted.text.truncate(kept.len());
    for entity in &mut formatted.entities {
        let (offset, length) = span(entity);
        shift(entity, offset, length.min(end - offset));
    }
    formatted.entities.retain(|entity| span(entity).1 > 0);
    // Blanks inside the first entity stay.
    let first = formatted.entities.first().map_or(end, |entity| span(entity).0);
    let blanks = formatted.text.chars().take_while(|it| blank.contains(it)).count();
    let cut = blanks.min(usize::try_from(first).unwrap_or(0));
    formatted.text.drain(..cut);
    let cut = i64::try_from(cut).unwrap_or(0);
    for entity in &mut formatted.entities {
        let (offset, length) = span(entity);
        shift(entity, offset - cut, length);
    }
}
