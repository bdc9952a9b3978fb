//! JSON as the portal writes it: Unicode as is, `< > & ' "` as `\u00XX`, `/` as `\/`, empty arrays always `[]`
//! (bitrix24.md §3.2).

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Key that marks a real PHP object; without it an empty object is an empty array, written `[]`.
const OBJECT_MARK: &str = "\0object";

/// A real empty object, written `{}` (a PHP date, for instance).
pub(crate) fn empty_object() -> Value {
    json!({ OBJECT_MARK: null })
}

/// The wire text of a value.
pub(crate) fn encode(value: &Value) -> String {
    let mut out = String::with_capacity(256);
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_list(out, items),
        Value::Object(map) if map.is_empty() => out.push_str("[]"),
        Value::Object(map) => write_map(out, map),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_list(out: &mut String, items: &[Value]) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_value(out, item);
    }
    out.push(']');
}

fn write_map(out: &mut String, map: &serde_json::Map<String, Value>) {
    out.push('{');
    for (index, (key, item)) in map.iter().filter(|(key, _)| *key != OBJECT_MARK).enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_value(out, item);
    }
    out.push('}');
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '/' => out.push_str("\\/"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\'' | '"' | '\u{2028}' | '\u{2029}' => escape(out, c),
            c if c < ' ' => escape(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{:04X}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_of_the_portal() {
        let value = json!({"a": "https://x/<b>\"'&", "b": {}, "c": empty_object(), "d": "Привет 👍\n"});
        let expected =
            concat!(r#"{"a":"https:\/\/x\/\u003Cb\u003E\u0022\u0027\u0026","b":[],"c":{},"#, r#""d":"Привет 👍\n"}"#);
        assert_eq!(encode(&value), expected);
    }
}
