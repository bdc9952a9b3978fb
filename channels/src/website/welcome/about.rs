//! What the page tells of itself, for the operators: where the visitor is and came from.

use openline_core::message::Note;
use openline_core::words::Catalogue;
use serde_json::{Map, Value};
use url::Url;

/// Longest value, in characters.
const MAX_VALUE: usize = 300;
/// Most values of the page's own, and of a campaign.
const MAX_DATA: usize = 20;

/// The note of `about` (`docs/website-api.md`). What is wrong in it is left out: it must not keep a message back. `None`
/// when nothing is left, or no visit is named.
pub(in crate::website) fn note(about: &Value, words: &Catalogue) -> Option<Note> {
    let visit = about.get("visit")?.as_str()?;
    if !(1..=64).contains(&visit.len()) || !visit.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return None;
    }
    let text = |name: &str| about.get(name).and_then(readable);
    let campaign: Vec<_> = pairs(about.get("utm")).map(|(key, value)| format!("{key} {value}")).collect();
    let known = [
        ("page", page(about)),
        ("title", text("title")),
        ("came_from", address(about, "referrer")),
        ("campaign", Some(campaign.join(", ")).filter(|text| !text.is_empty())),
    ];
    let known = known.into_iter().filter_map(|(label, value)| Some((words.get(label).to_owned(), value?)));
    let lines: Vec<_> = known.chain(pairs(about.get("data"))).map(|(key, value)| format!("{key}: {value}")).collect();
    (!lines.is_empty()).then(|| Note { key: format!("about/{visit}"), text: lines.join("\n") })
}

/// On which page the visitor is.
pub(in crate::website) fn page(about: &Value) -> Option<String> {
    address(about, "url")
}

fn address(about: &Value, name: &str) -> Option<String> {
    about.get(name)?.as_str().and_then(web)
}

/// A web address; others are nobody's business.
fn web(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    readable(&Value::String(url.into()))
}

fn pairs(object: Option<&Value>) -> impl Iterator<Item = (String, String)> {
    let known = object.and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let told = known.filter_map(|(key, value)| Some((line(key)?, readable(value)?)));
    told.take(MAX_DATA)
}

/// A value as one line of text.
fn readable(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => line(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn line(text: &str) -> Option<String> {
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let joined = words.join(" ");
    let cut: String = joined.chars().take(MAX_VALUE).collect();
    (!cut.is_empty()).then(|| if cut.len() < joined.len() { format!("{cut}…") } else { cut })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::words;
    use serde_json::json;

    fn text(about: &Value) -> Option<String> {
        let mut whole = json!({ "visit": "v-1" });
        whole.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        note(&whole, words::operators("en")).map(|note| note.text)
    }

    #[test]
    fn a_visit_is_told_readably() {
        let about = json!({
            "url": "https://shop.example/a?b=1", "referrer": "https://search.example/", "title": " The\n shop ",
            "utm": {"source": "mail", "campaign": "may"}, "data": {"Cart": 3, "Member": true, "List": [1]},
        });
        let wanted = "Page: https://shop.example/a?b=1\nTitle: The shop\nCame from: https://search.example/\n\
                      Campaign: source mail, campaign may\nCart: 3\nMember: true";
        assert_eq!(text(&about).as_deref(), Some(wanted));
        assert_eq!(note(&json!({"visit": "v-1", "title": "x"}), words::operators("en")).unwrap().key, "about/v-1");
    }

    #[test]
    fn a_visit_is_told_in_the_portals_language() {
        let about = json!({"visit": "v", "url": "https://shop.example/", "title": "x", "data": {"Cart": 3}});
        let told = note(&about, words::operators("ru")).unwrap().text;
        assert_eq!(told, "Страница: https://shop.example/\nЗаголовок: x\nCart: 3");
    }

    #[test]
    fn what_does_not_belong_there_is_left_out() {
        assert_eq!(
            text(&json!({"url": "javascript:alert(1)", "referrer": "file:///etc/passwd", "title": 7})).unwrap(),
            "Title: 7"
        );
        assert_eq!(text(&json!({"data": {"x\nPage: y": "a\r\nb\u{0}c"}})).unwrap(), "x Page: y: a b c");
        assert_eq!(text(&json!({"data": "x", "utm": [1]})), None);
        for visit in [json!(""), json!("a b"), json!("x".repeat(65)), json!(7), Value::Null] {
            assert_eq!(note(&json!({"visit": visit, "title": "x"}), words::operators("en")), None);
        }
        assert_eq!(note(&json!("x"), words::operators("en")), None);
    }

    #[test]
    fn it_has_an_end() {
        let data: Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!("y".repeat(1000)))).collect();
        let told = text(&json!({ "data": data })).unwrap();
        assert_eq!(told.lines().count(), 20);
        assert!(told.lines().all(|line| line.chars().count() < 310));
    }
}
