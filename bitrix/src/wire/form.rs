//! PHP's bracket notation (`data[MESSAGES][0][im][chat_id]=1807`) as a JSON tree of objects and texts.

use serde_json::{Map, Value};

/// Deeper brackets than this belong to nobody's form; the rest of such a name is one key.
const MAX_DEPTH: usize = 12;

/// Why a body is not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a form in UTF-8")]
pub(crate) struct NotAForm;

/// Parses a form body or a query string. Later values replace earlier ones, as in PHP.
pub(crate) fn parse(body: &[u8]) -> Result<Value, NotAForm> {
    let mut root = Map::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &pair[..0]),
        };
        let (name, value) = (decode(name)?, decode(value)?);
        if !name.is_empty() {
            insert(&mut root, &path(&name), value);
        }
    }
    Ok(Value::Object(root))
}

fn decode(part: &[u8]) -> Result<String, NotAForm> {
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_encoding::percent_decode(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| NotAForm)
}

/// `a[b][c]` → a, b, c. A name with broken brackets is one key.
fn path(name: &str) -> Vec<String> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name.to_owned()] };
    let Some(rest) = rest.strip_suffix(']') else { return vec![name.to_owned()] };
    let keys = rest.splitn(MAX_DEPTH, "][").map(str::to_owned);
    std::iter::once(first.to_owned()).chain(keys).collect()
}

fn insert(map: &mut Map<String, Value>, path: &[String], value: String) {
    let Some((key, rest)) = path.split_first() else { return };
    // `a[]=1&a[]=2` counts.
    let key = if key.is_empty() { map.len().to_string() } else { key.clone() };
    if rest.is_empty() {
        map.insert(key, Value::String(value));
        return;
    }
    let slot = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(inner) = slot {
        insert(inner, rest, value);
    }
}

/// The elements of what PHP calls an array: by number, then by name.
pub(crate) fn elements(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Object(map)) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.parse::<u64>().unwrap_or(u64::MAX));
            entries.into_iter().map(|(_, value)| value).collect()
        }
        Some(Value::Array(list)) => list.iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_become_a_tree() {
        let tree =
            parse(b"event=X&data%5BMESSAGES%5D%5B0%5D%5Bim%5D%5Bchat_id%5D=1807&data[MESSAGES][0][text]=a+b%0Ac")
                .unwrap();
        assert_eq!(
            tree,
            json!({"event": "X", "data": {"MESSAGES": {"0": {"im": {"chat_id": "1807"}, "text": "a b\nc"}}}})
        );
    }

    #[test]
    fn scalars_lists_and_broken_names() {
        assert_eq!(parse(b"data=107").unwrap(), json!({"data": "107"}));
        assert_eq!(parse(b"a[]=x&a[]=y").unwrap(), json!({"a": {"0": "x", "1": "y"}}));
        assert_eq!(parse(b"a[b=1&=2&&c").unwrap(), json!({"a[b": "1", "c": ""}));
        assert_eq!(parse(b"a=1&a[b]=2").unwrap(), json!({"a": {"b": "2"}}));
    }

    #[test]
    fn other_encodings_are_refused() {
        assert_eq!(parse(b"a=%ff%fe"), Err(NotAForm));
        assert_eq!(parse(b"a=\xff"), Err(NotAForm));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("a{}=1", "[x]".repeat(10_000));
        assert!(parse(deep.as_bytes()).is_ok());
    }

    #[test]
    fn elements_come_in_numeric_order() {
        let tree = parse(b"m[10]=c&m[2]=b&m[0]=a").unwrap();
        let texts: Vec<_> = elements(tree.get("m")).into_iter().filter_map(Value::as_str).collect();
        assert_eq!(texts, ["a", "b", "c"]);
    }
}
