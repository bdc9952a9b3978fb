//! The filters, tests and functions of expressions. All take nothing for an answer: what is not there stays away.

#![allow(clippy::needless_pass_by_value)] // what minijinja calls takes values

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Value};

/// The filters there are.
pub(super) const FILTERS: &[&str] = &[
    "after",
    "clip",
    "default",
    "digits",
    "first",
    "from_json",
    "int",
    "join",
    "json",
    "largest",
    "last",
    "length",
    "lower",
    "map",
    "newer",
    "pairs",
    "replace",
    "round",
    "split",
    "string",
    "trim",
    "upper",
    "url",
    "values",
    "vcard",
    "where",
];

/// The functions there are.
pub(super) const FUNCTIONS: &[&str] = &["place", "person"];

pub(super) fn add(to: &mut Environment<'static>) {
    to.add_filter("after", after);
    to.add_filter("clip", clip);
    to.add_filter("default", default);
    to.add_filter("digits", |value: Value| text(&value).chars().filter(char::is_ascii_digit).collect::<String>());
    to.add_filter("first", |value: Value| items(&value).into_iter().next().unwrap_or_default());
    to.add_filter("from_json", from_json);
    to.add_filter("int", int);
    to.add_filter("join", join);
    to.add_filter("json", json);
    to.add_filter("largest", largest);
    to.add_filter("last", |value: Value| items(&value).into_iter().next_back().unwrap_or_default());
    to.add_filter("length", length);
    to.add_filter("lower", |value: Value| text(&value).to_lowercase());
    to.add_filter("map", map);
    to.add_filter("newer", newer);
    to.add_filter("pairs", pairs);
    to.add_filter("replace", |value: Value, from: String, to: String| text(&value).replace(&from, &to));
    to.add_filter("round", |value: Value| f64::try_from(value).map(f64::round).unwrap_or_default());
    to.add_filter("split", |value: Value, at: String| text(&value).split(&at).map(Value::from).collect::<Vec<_>>());
    to.add_filter("string", |value: Value| text(&value));
    to.add_filter("trim", |value: Value| text(&value).trim().to_owned());
    to.add_filter("upper", |value: Value| text(&value).to_uppercase());
    to.add_filter("url", |value: Value| {
        percent_encoding::utf8_percent_encode(&text(&value), percent_encoding::NON_ALPHANUMERIC).to_string()
    });
    to.add_filter("values", values);
    to.add_filter("vcard", vcard);
    to.add_filter("where", only_where);
    to.add_test("defined", |value: Value| !value.is_undefined() && !value.is_none());
    to.add_test("false", |value: Value| value == Value::from(false));
    to.add_test("string", |value: Value| value.kind() == ValueKind::String);
    to.add_test("number", |value: Value| value.kind() == ValueKind::Number);
    to.add_test("list", |value: Value| value.kind() == ValueKind::Seq);
    to.add_test("table", |value: Value| value.kind() == ValueKind::Map);
    to.add_function("place", place);
    to.add_function("person", person);
}

/// What a value looks like in a text: nothing is empty, lists and tables are JSON.
pub(super) fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => json(value.clone()),
        ValueKind::Bytes => String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned(),
        _ => value.to_string(),
    }
}

fn items(value: &Value) -> Vec<Value> {
    if matches!(value.kind(), ValueKind::Map | ValueKind::String) {
        return Vec::new();
    }
    value.try_iter().map(Iterator::collect).unwrap_or_default()
}

/// The text behind the first `mark`; nothing when it is not in it.
fn after(value: Value, mark: String) -> Value {
    text(&value).split_once(&mark).map(|(_, rest)| Value::from(rest)).unwrap_or_default()
}

/// At most so many characters.
fn clip(value: Value, most: usize) -> String {
    text(&value).chars().take(most).collect()
}

fn default(value: Value, other: Value) -> Value {
    let nothing = value.is_undefined() || value.is_none() || value.as_str() == Some("");
    if nothing { other } else { value }
}

fn from_json(value: Value) -> Value {
    serde_json::from_str::<serde_json::Value>(&text(&value)).map(|json| super::scope::value(&json)).unwrap_or_default()
}

/// A whole number; nothing when it is none.
fn int(value: Value) -> Value {
    match value.kind() {
        ValueKind::Number => i64::try_from(value.clone()).map(Value::from).unwrap_or(value),
        _ => text(&value).trim().parse::<i64>().map(Value::from).unwrap_or_default(),
    }
}

fn join(value: Value, between: Option<String>) -> String {
    items(&value).iter().map(text).collect::<Vec<_>>().join(&between.unwrap_or_default())
}

fn json(value: Value) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// What stands at a path like `body.text` in an item.
fn at(item: &Value, path: &str) -> Value {
    path.split('.').try_fold(item.clone(), |value, name| value.get_attr(name)).unwrap_or_default()
}

fn number(value: Value) -> f64 {
    text(&value).parse().unwrap_or(-1.0)
}

/// The items whose `field` is a number of at least `least`.
fn newer(value: Value, field: String, least: Value) -> Vec<Value> {
    let least = number(least);
    items(&value).into_iter().filter(|item| number(at(item, &field)) >= least).collect()
}

/// The item whose `field` is the greatest number.
fn largest(value: Value, field: String) -> Value {
    let size = |item: &Value| number(at(item, &field));
    items(&value).into_iter().max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or_default()
}

fn length(value: Value) -> usize {
    match value.as_str() {
        Some(text) => text.chars().count(),
        None => value.len().unwrap_or(0),
    }
}

/// The same field of every item.
fn map(value: Value, field: String) -> Vec<Value> {
    items(&value).iter().map(|item| at(item, &field)).filter(|value| !value.is_undefined()).collect()
}

/// Names and values of a form, sorted by name, joined without separators.
fn pairs(value: Value) -> String {
    let mut pairs = Vec::new();
    for key in value.try_iter().into_iter().flatten() {
        let Ok(item) = value.get_item(&key) else { continue };
        let values = if item.kind() == ValueKind::Seq { items(&item) } else { vec![item] };
        let mut values: Vec<_> = values.iter().map(text).collect();
        values.sort();
        values.dedup();
        pairs.extend(values.into_iter().map(|value| (text(&key), value)));
    }
    pairs.sort();
    pairs.into_iter().map(|(name, value)| name + &value).collect()
}

/// What stands in a table, by the order of its names.
fn values(value: Value) -> Vec<Value> {
    if value.kind() != ValueKind::Map {
        return Vec::new();
    }
    let names = value.try_iter().into_iter().flatten();
    names.filter_map(|name| value.get_item(&name).ok()).collect()
}

/// The items whose `field` is one of `wanted`.
fn only_where(value: Value, field: String, wanted: Rest<Value>) -> Vec<Value> {
    let fits = |item: &Value| wanted.iter().any(|wanted| text(wanted) == text(&at(item, &field)));
    items(&value).into_iter().filter(fits).collect()
}

/// A property of a vCard: `TEL`, `FN`.
fn vcard(card: Value, name: String) -> Value {
    let card = text(&card);
    let value = card.lines().find_map(|line| {
        let (property, value) = line.trim().split_once(':')?;
        (property.split(';').next() == Some(name.as_str())).then(|| value.trim().to_owned())
    });
    value.map(Value::from).unwrap_or_default()
}

/// A place in words, with a link to a map.
fn place(latitude: Value, longitude: Value, named: Rest<Value>) -> String {
    let (latitude, longitude) = (text(&latitude), text(&longitude));
    let number = |text: &str| text.parse::<f64>().is_ok();
    if !number(&latitude) || !number(&longitude) {
        return String::new();
    }
    let words: Vec<_> = named.iter().map(text).filter(|word| !word.is_empty()).collect();
    let words = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
    format!("[location{words}] https://maps.google.com/?q={latitude},{longitude}")
}

/// A person's card in words.
fn person(name: Value, phones: Value) -> String {
    let phones = if phones.kind() == ValueKind::Seq { items(&phones) } else { vec![phones] };
    let said = std::iter::once(name).chain(phones).map(|value| text(&value)).filter(|word| !word.is_empty());
    let said = said.collect::<Vec<_>>().join(", ");
    if said.is_empty() { said } else { format!("[contact] {said}") }
}
