//! Operators' texts that other programs of this trade got wrong (`operator_texts.json`): what a text shows, where its
//! links lead, and what must not be seen.

use super::*;
use crate::bbcode::parse;
use serde_json::Value;
use std::collections::BTreeMap;

fn links(spans: &[Span], out: &mut Vec<String>) {
    for span in spans {
        match span {
            Span::Link { href, c } => {
                out.push(href.as_str().to_owned());
                links(c, out);
            }
            Span::Styled { c, .. } | Span::Quote { c, .. } => links(c, out),
            _ => {}
        }
    }
}

#[test]
fn texts_from_the_field() {
    let cases: BTreeMap<String, Value> = serde_json::from_str(include_str!("operator_texts.json")).unwrap();
    for (name, case) in cases {
        let read = parse(case["bb"].as_str().unwrap());
        let plain = read.to_plain();
        assert!(plain.contains(case["mark"].as_str().unwrap()), "{name}: {plain}");
        if let Some(text) = case["text"].as_str() {
            assert_eq!(plain, text, "{name}");
        }
        if let Some(wanted) = case["links"].as_array() {
            let mut found = Vec::new();
            links(&read.0, &mut found);
            assert_eq!(found, wanted.iter().filter_map(Value::as_str).collect::<Vec<_>>(), "{name}");
        }
        for hidden in case["not"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(!plain.contains(hidden), "{name}: {plain}");
        }
    }
}

#[test]
fn a_name_with_brackets_heads_a_quotation() {
    let rule = "-".repeat(54);
    let read = parse(&format!("{rule}\nИван [Продажи] [12.03.2026 10:00] #chat18/2\nда\n{rule}\nнет"));
    assert_eq!(read.0, [quote(Some("Иван [Продажи]"), vec![text("да")]), text("нет")]);
}

#[test]
fn hosts_in_every_script_are_addresses() {
    for host in ["пример.рф", "例え.テスト", "xn--e1afmkfd.xn--p1ai", "مثال.إختبار", "bücher.example", "a.b-c.укр"]
    {
        let address = format!("https://{host}:8443/путь?q=ы#ё");
        assert_eq!(parse(&format!("см. {address}, да")).0, [text("см. "), bare(&address), text(", да")], "{host}");
    }
    for none in ["https://пример", "https://-.рф", "см.://рф", "https://"] {
        let mut found = Vec::new();
        links(&parse(none).0, &mut found);
        assert!(found.len() <= 1, "{none}: {found:?}");
    }
}
