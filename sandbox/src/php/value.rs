//! PHP semantics over `serde_json::Value`: both JSON arrays and objects stand for PHP arrays.

use serde_json::{Map, Value};

/// PHP `(bool)$value`: `""`, `"0"`, `0`, `null`, `false` and `[]` are false, all else is true (even `"N"`).
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|n| n != 0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// PHP `empty($value)`; a missing value is empty.
pub(crate) fn empty(value: Option<&Value>) -> bool {
    value.is_none_or(|value| !truthy(value))
}

/// PHP `isset`: present and not null.
pub(crate) fn isset(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}

/// PHP `(string)$value` of a scalar; `None` for arrays.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(if *flag { "1".to_owned() } else { String::new() }),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text of a member, or the empty string when it is missing or an array.
pub(crate) fn text_of(value: &Value, key: &str) -> String {
    get(value, key).and_then(text).unwrap_or_default()
}

/// PHP `(int)$value`: leading digits of a string, 0 when there are none.
pub(crate) fn int(value: &Value) -> i64 {
    match value {
        Value::Bool(flag) => i64::from(*flag),
        Value::Number(number) => number.as_i64().unwrap_or_else(|| float_to_int(number.as_f64())),
        Value::String(text) => leading_int(text.trim_start()),
        Value::Array(items) => i64::from(!items.is_empty()),
        Value::Object(map) => i64::from(!map.is_empty()),
        Value::Null => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "PHP truncates too")]
fn float_to_int(number: Option<f64>) -> i64 {
    number.unwrap_or(0.0) as i64
}

fn leading_int(text: &str) -> i64 {
    let signs = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(signs).take_while(u8::is_ascii_digit).count();
    text.get(..signs + digits).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether PHP would call this an array.
pub(crate) fn is_array(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Member of a PHP array by key; list items are reachable as `"0"`, `"1"` and so on.
pub(crate) fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => None,
    }
}

/// All members of a PHP array with their keys, in order; nothing for a scalar.
pub(crate) fn entries(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => Vec::new(),
    }
}

/// A PHP array from keys and values: a JSON list when the keys are 0, 1, 2 … in order, else an object.
pub(crate) fn array(pairs: Vec<(String, Value)>) -> Value {
    let list = pairs.iter().enumerate().all(|(index, (key, _))| *key == index.to_string());
    if list {
        Value::Array(pairs.into_iter().map(|(_, value)| value).collect())
    } else {
        Value::Object(pairs.into_iter().collect())
    }
}

/// Renames the keys of a PHP array, at every depth when `deep` is set.
pub(crate) fn map_keys(value: Value, deep: bool, rename: fn(&str) -> String) -> Value {
    let inner = |value: Value| if deep { map_keys(value, true, rename) } else { value };
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, item)| (rename(&key), inner(item))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(inner).collect()),
        scalar => scalar,
    }
}

/// The flag values `register` accepts (bitrix24.md §4.1); `None` for anything else.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(_) | Value::String(_) => match text(value)?.as_str() {
            "1" | "true" | "Y" => Some(true),
            "0" | "false" | "N" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn truth_is_php_truth() {
        for value in [json!("N"), json!("false"), json!(1), json!([0]), json!("00")] {
            assert!(truthy(&value), "{value}");
        }
        for value in [json!("0"), json!(""), json!(0), json!(null), json!([]), json!({}), json!(false)] {
            assert!(!truthy(&value), "{value}");
        }
    }

    #[test]
    fn integers_read_leading_digits() {
        assert_eq!(int(&json!("107abc")), 107);
        assert_eq!(int(&json!("abc")), 0);
        assert_eq!(int(&json!("-3")), -3);
    }
}
