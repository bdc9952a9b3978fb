//! `application/x-www-form-urlencoded` the PHP way: `a[b][0]=x` in both directions.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::value;

/// Parses a query string or form body into nested values, all leaves being strings.
pub(crate) fn parse(encoded: &[u8]) -> Value {
    let mut root = Map::new();
    for (name, text) in form_urlencoded::parse(encoded) {
        insert(&mut root, &name, text.into_owned());
    }
    lists(Value::Object(root))
}

/// Puts one `name=value` pair into the tree, opening PHP brackets.
pub(crate) fn insert(root: &mut Map<String, Value>, name: &str, text: String) {
    let (base, rest) = name.find('[').map_or((name, ""), |at| name.split_at(at));
    if base.is_empty() {
        return;
    }
    let base = base.replace(['.', ' '], "_");
    put(root, &base, &segments(rest), Value::String(text));
}

/// Turns maps with keys 0, 1, 2 … into lists, at every depth.
pub(crate) fn lists(tree: Value) -> Value {
    match tree {
        Value::Object(map) if map.is_empty() => Value::Object(map),
        Value::Object(map) => value::array(map.into_iter().map(|(key, item)| (key, lists(item))).collect()),
        leaf => leaf,
    }
}

fn segments(mut rest: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    while let Some((key, tail)) = rest.strip_prefix('[').and_then(|open| open.split_once(']')) {
        keys.push(key);
        rest = tail;
    }
    keys
}

fn put(map: &mut Map<String, Value>, key: &str, path: &[&str], leaf: Value) {
    let key = if key.is_empty() { next_index(map) } else { key.to_owned() };
    let Some((first, rest)) = path.split_first() else {
        map.insert(key, leaf);
        return;
    };
    let child = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !child.is_object() {
        *child = Value::Object(Map::new());
    }
    if let Value::Object(inner) = child {
        put(inner, first, rest, leaf);
    }
}

fn next_index(map: &Map<String, Value>) -> String {
    map.keys().filter_map(|key| key.parse::<u64>().ok()).max().map_or(0, |top| top + 1).to_string()
}

/// Writes a PHP array as `http_build_query` does: nulls and empty arrays vanish, booleans become 1 and 0.
pub(crate) fn build(fields: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, item) in value::entries(fields) {
        append(&mut form, &key, item);
    }
    form.finish()
}

fn append(form: &mut form_urlencoded::Serializer<'_, String>, name: &str, item: &Value) {
    match item {
        Value::Null => {}
        Value::Bool(flag) => {
            form.append_pair(name, if *flag { "1" } else { "0" });
        }
        Value::Array(_) | Value::Object(_) => {
            for (key, inner) in value::entries(item) {
                append(form, &format!("{name}[{key}]"), inner);
            }
        }
        scalar => {
            form.append_pair(name, &value::text(scalar).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_there_and_back() {
        let parsed = parse(b"a%5Bb%5D%5B0%5D=x+y&a[b][1]=2&c[]=1&c[]=2&d.e=%D0%9F");
        assert_eq!(parsed, json!({"a": {"b": ["x y", "2"]}, "c": ["1", "2"], "d_e": "П"}));
    }

    #[test]
    fn empties_vanish() {
        let query = build(&json!({"a": null, "b": [], "c": true, "d": {"e": false}, "f": "a\nb"}));
        assert_eq!(query, "c=1&d%5Be%5D=0&f=a%0Ab");
    }
}
