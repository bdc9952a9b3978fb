//! From marked text to Telegram's entities.

use crate::common::rich::{Mark, Rendered};
use crate::common::split::{Unit, split, spread};
use teloxide::types::{MessageEntity, MessageEntityKind};

/// Most UTF-16 units of a message.
pub(in crate::telegram) const MESSAGE: usize = 4096;
/// Most UTF-16 units of a caption.
pub(in crate::telegram) const CAPTION: usize = 1024;

/// Most entities of a message.
pub(in crate::telegram) const ENTITIES: usize = 100;

/// A text in parts that Telegram takes whole, the first one of at most `first` units.
pub(in crate::telegram) fn divided(text: &Rendered, first: usize) -> Vec<Rendered> {
    spread(split(text, first, MESSAGE, Unit::Utf16), ENTITIES, Unit::Utf16)
}

/// The formatting in Telegram's shape, by UTF-16 units.
pub(in crate::telegram) fn entities(of: &Rendered) -> Vec<MessageEntity> {
    let units = |at: usize| of.text[..at].encode_utf16().count();
    let entity = |(run, mark): &(std::ops::Range<usize>, Mark)| {
        let start = units(run.start);
        MessageEntity::new(kind(mark), start, units(run.end) - start)
    };
    of.marks.iter().map(entity).collect()
}

fn kind(mark: &Mark) -> MessageEntityKind {
    match mark {
        Mark::Bold => MessageEntityKind::Bold,
        Mark::Italic => MessageEntityKind::Italic,
        Mark::Underline => MessageEntityKind::Underline,
        Mark::Strike => MessageEntityKind::Strikethrough,
        Mark::Code => MessageEntityKind::Code,
        Mark::Pre => MessageEntityKind::Pre { language: None },
        Mark::Quote => MessageEntityKind::Blockquote,
        Mark::Link(url) => MessageEntityKind::TextLink { url: url.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::text::{Href, RichText, Span, Style};
    use serde_json::json;

    fn bold(c: Vec<Span>) -> Span {
        Span::Styled { style: Style::Bold, c }
    }

    fn link(href: &str, label: &str) -> Span {
        Span::Link { href: Href::parse(href).unwrap(), c: vec![Span::text(label)] }
    }

    fn render(spans: Vec<Span>) -> (String, serde_json::Value) {
        let out = Rendered::of(&RichText(spans), None);
        (out.text.clone(), serde_json::to_value(entities(&out)).unwrap())
    }

    #[test]
    fn styles_and_links_count_utf_16() {
        let (text, entities) = render(vec![Span::text("😀"), bold(vec![link("https://a.example/", "b")])]);
        assert_eq!(text, "😀b");
        let expected = json!([
            {"type": "bold", "offset": 2, "length": 1},
            {"type": "text_link", "url": "https://a.example/", "offset": 2, "length": 1},
        ]);
        assert_eq!(entities, expected);
    }

    #[test]
    fn other_addresses_are_shown() {
        assert_eq!(render(vec![link("mailto:a@b.example", "write")]), ("write (a@b.example)".into(), json!([])));
        assert_eq!(render(vec![link("tel:+123", "+123")]), ("+123".into(), json!([])));
    }

    #[test]
    fn code_meets_no_other_formatting() {
        let (text, entities) = render(vec![bold(vec![Span::text("a"), Span::Code { v: "b".into() }, Span::text("c")])]);
        assert_eq!(text, "abc");
        let expected = json!([
            {"type": "bold", "offset": 0, "length": 1},
            {"type": "bold", "offset": 2, "length": 1},
            {"type": "code", "offset": 1, "length": 1},
        ]);
        assert_eq!(entities, expected);
    }

    #[test]
    fn a_quote_stands_by_itself() {
        let inner = Span::Quote { author: None, c: vec![Span::text("older")] };
        let quote = Span::Quote { author: Some("Ann".into()), c: vec![Span::text("so"), inner] };
        let (text, entities) = render(vec![Span::text("see"), quote, Span::text("yes")]);
        assert_eq!(text, "see\nAnn\nso\nolder\nyes");
        let expected = json!([
            {"type": "blockquote", "offset": 4, "length": 12},
            {"type": "bold", "offset": 4, "length": 3},
        ]);
        assert_eq!(entities, expected);
    }

    #[test]
    fn the_writer_stands_first_when_wanted() {
        let out = Rendered::of(&RichText::plain("hi"), Some("Ann"));
        assert_eq!((out.text.as_str(), out.marks.len()), ("Ann\nhi", 1));
    }
}
