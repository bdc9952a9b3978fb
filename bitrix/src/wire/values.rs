//! Values as the portal writes them: numbers as texts, flags as letters.

use serde_json::{Value, json};

/// A number, however the portal writes it: `7`, `7.0`, `"7"`.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        #[allow(clippy::cast_possible_truncation)] // whole numbers far below 2^53
        other => other.as_i64().or_else(|| other.as_f64().map(|number| number as i64)),
    }
}

pub(crate) fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A text, also when the portal writes it as a number; `None` when it is empty or missing.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the portal means yes: `true`, `1`, `"1"`, `"Y"`, `"true"`.
pub(crate) fn truthy(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => matches!(text.as_str(), "1" | "Y" | "y" | "true"),
        _ => false,
    }
}

/// A line as the portal documents it: a number.
pub(crate) fn line_number(line: &str) -> Value {
    line.parse::<i64>().map_or_else(|_| json!(line), |number| json!(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_flags_come_in_many_forms() {
        assert_eq!([json!(7), json!("7"), json!(7.0)].iter().filter_map(integer).collect::<Vec<_>>(), [7, 7, 7]);
        assert!([json!(true), json!(1), json!("1"), json!("Y")].iter().all(|value| truthy(Some(value))));
        assert!([json!(false), json!(0), json!(""), json!("N"), json!(null)].iter().all(|value| !truthy(Some(value))));
    }
}
