//! What holds for every text.

use crate::bbcode::{parse, strip_signature, write};
use openline_core::text::RichText;
use proptest::prelude::*;

const RULE: &str = "\n------------------------------------------------------\n";

/// Pieces that mean something, next to any characters.
fn made_of_tags() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "[b]",
        "[/b]",
        "[i]",
        "[/i]",
        "[s]",
        "[url]",
        "[url=",
        "[url=http://a.example]",
        "[url=data:x]",
        "[/url]",
        "[img]",
        "[/img]",
        "[code]",
        "[/code]",
        "[icode]",
        "[/icode]",
        "[size=1]",
        "[/size]",
        "[send]",
        "[send=x]",
        "[/send]",
        "[call=1]",
        "[/call]",
        "[icon=x title=y]",
        "[timestamp=1]",
        "[disk=1]",
        "[like]",
        "[br]",
        "#BR#",
        "\n",
        "\r",
        "\r\n",
        ">>",
        "\n>>",
        RULE,
        "Ann [now]\n",
        "http://a.example/x",
        "[",
        "]",
        "/",
        "b",
        "#",
        ">",
        "-",
        "=",
        "\"",
        "\u{200B}",
        "é",
        "word",
    ])
    .prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![4 => known, 1 => any::<String>()], 0..40).prop_map(|pieces| pieces.concat())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![made_of_tags(), any::<String>()]
}

/// Without what [`write`] inserts, and with its line breaks.
fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\u{200B}', "")
}

fn roughly(text: &str) -> String {
    let shown =
        normal(text).replace("%5B", "[").replace("%5D", "]").replace("%23", "#").replace('[', "(").replace(']', ")");
    shown.replace(|c: char| c.is_whitespace() || c == '>', "")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn anything_can_be_read_and_written(bb in any_text()) {
        let read = parse(&bb);
        write(&read);
        let (name, text) = strip_signature(&bb);
        prop_assert!(bb.ends_with(text));
        prop_assert!(name.is_some() || text == bb);
    }

    #[test]
    fn literal_text_comes_back(text in any_text()) {
        let read = parse(&write(&RichText::plain(text.as_str())));
        prop_assert_eq!(normal(&read.to_plain()), normal(&text));
    }

    #[test]
    fn text_without_brackets_and_marks_is_kept(text in any_text()) {
        let text: String = text.chars().filter(|c| !"[]#>-".contains(*c)).collect();
        prop_assert_eq!(normal(&parse(&text).to_plain()), normal(&text));
    }

    /// Whatever the tags do, the words between them are shown, in their order.
    #[test]
    fn no_words_are_lost(pieces in prop::collection::vec(made_of_tags(), 0..12)) {
        let words = (0..pieces.len()).map(|n| format!("w{n}w"));
        // A word in brackets may be an argument, so brackets left open are closed before it.
        let line = |(piece, word): (&String, String)| format!("{piece}]\n{word} ");
        let lines: Vec<_> = pieces.iter().zip(words.clone()).map(line).collect();
        let shown = parse(&lines.concat()).to_plain();
        let mut rest = shown.as_str();
        for word in words {
            let found = rest.find(&word);
            prop_assert!(found.is_some(), "{} in {}", word, shown);
            rest = &rest[found.unwrap_or_default() + word.len()..];
        }
    }

    /// What was read is written so that it shows the same again, but for white space, for lines of quotations side by
    /// side, and for square brackets in addresses and authors.
    #[test]
    fn what_was_read_can_be_sent_back(bb in any_text()) {
        let read = parse(&bb);
        let again = parse(&write(&read));
        prop_assert_eq!(roughly(&again.to_plain()), roughly(&read.to_plain()));
    }

    #[test]
    fn nothing_empty_and_no_texts_side_by_side(bb in any_text()) {
        prop_assert!(tidy(&parse(&bb).0));
    }
}

fn tidy(spans: &[openline_core::text::Span]) -> bool {
    use openline_core::text::Span;
    let side_by_side = spans.windows(2).any(|two| matches!(two, [Span::Text { .. }, Span::Text { .. }]));
    !side_by_side
        && spans.iter().all(|span| match span {
            Span::Text { v } | Span::Code { v } => !v.is_empty(),
            Span::Styled { c, .. } | Span::Link { c, .. } | Span::Quote { c, .. } => !c.is_empty() && tidy(c),
            Span::Image { .. } => true,
        })
}
