//! PHP's bracket notation (`data[MESSAGES][0][im][chat_id]=1807`) as a JSON tree of objects and texts.

use serde_json::{Map, Value};

/// More pairs than this belong to nobody's form.
const MAX_PAIRS: usize = 1_000;
/// Nor do deeper brackets (the deepest that we read are those of a message's files, `bitrix24.md` §6.3): such a pair is
/// passed over.
const MAX_DEPTH: usize = 6;
/// Longest name and value, percent-encoded, of what is read before anybody is believed.
const MAX_PICKED: (usize, usize) = (128, 4096);

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAForm {
    #[error("the body is not a form in UTF-8")]
    Encoding,
    #[error("the form has more than {MAX_PAIRS} fields")]
    TooMany,
}

/// What an event says of its sender: all that is read before it is believed.
#[derive(Debug)]
pub(crate) struct Told {
    /// The event's name, in capitals.
    pub(crate) event: String,
    /// `auth[…]`, the fields that are known.
    pub(crate) auth: Value,
}

const TOLD: [&str; 9] = [
    "event",
    "auth[member_id]",
    "auth[application_token]",
    "auth[access_token]",
    "auth[refresh_token]",
    "auth[expires_in]",
    "auth[client_endpoint]",
    "auth[server_endpoint]",
    "auth[user_id]",
];

/// Reads who an event claims to come from, and nothing else. Whatever is sent, nothing is built but these few texts.
pub(crate) fn told(body: &[u8]) -> Result<Told, NotAForm> {
    let mut picked = pick(body, &TOLD)?;
    let event = picked.remove("event").and_then(|name| name.as_str().map(str::to_ascii_uppercase));
    let inner = |name: &str| name.strip_prefix("auth[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    let auth = picked.into_iter().filter_map(|(name, value)| Some((inner(&name)?, value))).collect();
    Ok(Told { event: event.unwrap_or_default(), auth: Value::Object(auth) })
}

/// The wanted fields of a form or a query string, under their names as written here. Later values replace earlier ones.
pub(crate) fn pick(body: &[u8], wanted: &[&str]) -> Result<Map<String, Value>, NotAForm> {
    let mut picked = Map::new();
    for pair in pairs(body) {
        let (name, value) = pair?;
        if name.len() > MAX_PICKED.0 || value.len() > MAX_PICKED.1 {
            continue;
        }
        let is = |wanted: &&&str| percent_encoding::percent_decode(name).eq(wanted.bytes());
        if let Some(wanted) = wanted.iter().find(is) {
            picked.insert((*wanted).to_owned(), Value::String(decode(value)?));
        }
    }
    Ok(picked)
}

/// Parses a form body. Later values replace earlier ones, as in PHP. Only for senders who are believed.
pub(crate) fn parse(body: &[u8]) -> Result<Value, NotAForm> {
    let mut root = Map::new();
    for pair in pairs(body) {
        let (name, value) = pair?;
        let (name, value) = (decode(name)?, decode(value)?);
        if !name.is_empty() && name.matches('[').count() <= MAX_DEPTH {
            insert(&mut root, &path(&name), value);
        }
    }
    Ok(Value::Object(root))
}

/// The pairs as they are sent, up to the first that is one too many.
fn pairs(body: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), NotAForm>> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate();
    pairs.map(|(count, pair)| match pair.iter().position(|byte| *byte == b'=') {
        _ if count >= MAX_PAIRS => Err(NotAForm::TooMany),
        Some(at) => Ok((&pair[..at], &pair[at + 1..])),
        None => Ok((pair, &pair[..0])),
    })
}

fn decode(part: &[u8]) -> Result<String, NotAForm> {
    openline_core::form::decoded(part).ok_or(NotAForm::Encoding)
}

/// `a[b][c]` → a, b, c. A name with broken brackets is one key.
fn path(name: &str) -> Vec<String> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name.to_owned()] };
    let Some(rest) = rest.strip_suffix(']') else { return vec![name.to_owned()] };
    std::iter::once(first).chain(rest.split("][")).map(str::to_owned).collect()
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
        assert_eq!(parse(b"a=%ff%fe"), Err(NotAForm::Encoding));
        assert_eq!(parse(b"a=\xff"), Err(NotAForm::Encoding));
        assert!(told(b"event=%ff").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("a{}=1", "[x]".repeat(10_000));
        assert_eq!(parse(deep.as_bytes()), Ok(json!({})));
        assert_eq!(parse(b"a[1][2][3][4][5][6]=x").unwrap().pointer("/a/1/2/3/4/5/6"), Some(&json!("x")));
    }

    #[test]
    fn a_thousand_fields_are_enough() {
        let body = |count: usize| "a[][]=1&".repeat(count);
        assert!(parse(body(MAX_PAIRS).as_bytes()).is_ok() && told(body(MAX_PAIRS).as_bytes()).is_ok());
        assert_eq!(parse(body(MAX_PAIRS + 1).as_bytes()), Err(NotAForm::TooMany));
        assert_eq!(told(body(MAX_PAIRS + 1).as_bytes()).unwrap_err(), NotAForm::TooMany);
    }

    #[test]
    fn the_sender_is_read_and_nothing_else() {
        let told = told(
            b"event=onAppTest&data[a]=1&auth%5Bmember_id%5D=old&auth[member_id]=m+1&auth[application_token]=%74&auth=x&\
              auth[member_id][x]=y&auth[other]=z&ts=%ff",
        )
        .unwrap();
        assert_eq!(told.event, "ONAPPTEST");
        assert_eq!(told.auth, json!({"member_id": "m 1", "application_token": "t"}));
        let long = format!("auth[member_id]={}&auth[application_token]=t", "x".repeat(5000));
        assert_eq!(super::told(long.as_bytes()).unwrap().auth, json!({"application_token": "t"}));
    }

    #[test]
    fn elements_come_in_numeric_order() {
        let tree = parse(b"m[10]=c&m[2]=b&m[0]=a").unwrap();
        let texts: Vec<_> = elements(tree.get("m")).into_iter().filter_map(Value::as_str).collect();
        assert_eq!(texts, ["a", "b", "c"]);
    }

    /// How deep a tree is.
    fn depth(value: &Value) -> usize {
        value.as_object().map_or(0, |map| 1 + map.values().map(depth).max().unwrap_or(0))
    }

    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let _ = (parse(&body).is_ok(), told(&body).is_ok(), pick(&body, &["a", "DOMAIN"]).is_ok());
        }

        #[test]
        fn brackets_of_any_kind_make_no_deep_tree(body in "[ab\\[\\]=&%+05]{0,400}") {
            if let Ok(tree) = parse(body.as_bytes()) {
                proptest::prop_assert!(depth(&tree) <= MAX_DEPTH + 2, "{tree}");
            }
        }

        #[test]
        fn what_was_written_is_what_is_read(fields in proptest::collection::btree_map("[a-zäß_]{1,8}", ".{0,30}", 0..20)) {
            let pairs: Vec<_> =
                fields.iter().map(|(name, value)| format!("d[{}][x]={}", encoded(name), encoded(value))).collect();
            let tree = parse(pairs.join("&").as_bytes()).unwrap();
            for (name, value) in &fields {
                proptest::prop_assert_eq!(tree["d"][name]["x"].as_str(), Some(value.as_str()));
            }
        }
    }
}
