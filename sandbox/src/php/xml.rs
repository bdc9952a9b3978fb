//! The `.xml` answer form of the REST interface.

use serde_json::Value;

use super::value;

/// `<response>…</response>`; list items become `<item>`.
pub(crate) fn encode(answer: &Value) -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><response>{}</response>", inner(answer))
}

fn inner(value: &Value) -> String {
    value::entries(value).into_iter().map(|(key, item)| element(&key, item)).collect()
}

fn element(key: &str, item: &Value) -> String {
    let name = if key.parse::<u64>().is_ok() { "item" } else { key };
    let content = if value::is_array(item) { inner(item) } else { escape(&value::text(item).unwrap_or_default()) };
    format!("<{name}>{content}</{name}>")
}

/// Replaces the five characters that mean something in XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    let amp = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    amp.replace('"', "&quot;").replace('\'', "&#39;")
}
