//! From our text model to Telegram's text with entities.

use openline_core::text::{Href, RichText, Span, Style};
use std::ops::Range;
use teloxide::types::{MessageEntity, MessageEntityKind};
use url::Url;

/// Formatting of a run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::telegram) enum Mark {
    Bold,
    Italic,
    Underline,
    Strike,
    Code,
    Pre,
    Quote,
    Link(Url),
}

/// A text and its formatting. Runs nest: of two that meet, one lies within the other. `code` meets nothing but itself,
/// quotes don't nest, both as Telegram demands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::telegram) struct Rendered {
    pub(in crate::telegram) text: String,
    pub(in crate::telegram) marks: Vec<(Range<usize>, Mark)>,
}

/// What a span stands in.
#[derive(Clone, Copy, Default)]
struct Place {
    quoted: bool,
    linked: bool,
}

impl Rendered {
    /// A text as Telegram shows it, under its writer's name when one is given.
    pub(in crate::telegram) fn of(text: &RichText, author: Option<&str>) -> Self {
        let mut out = Self::default();
        if let Some(author) = author {
            out.marked(&Mark::Bold, |out| out.text.push_str(author));
            out.text.push('\n');
        }
        out.spans(&text.0, Place::default());
        out
    }

    /// Whether there is nothing that Telegram would show.
    pub(in crate::telegram) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// A part of it, by bytes.
    pub(in crate::telegram) fn part(&self, range: &Range<usize>) -> Self {
        let cut = |(run, mark): &(Range<usize>, Mark)| {
            let (start, end) = (run.start.max(range.start), run.end.min(range.end));
            (start < end).then(|| (start - range.start..end - range.start, mark.clone()))
        };
        Self { text: self.text[range.clone()].to_owned(), marks: self.marks.iter().filter_map(cut).collect() }
    }

    /// The formatting in Telegram's shape, by UTF-16 units.
    pub(in crate::telegram) fn entities(&self) -> Vec<MessageEntity> {
        let units = |at: usize| self.text[..at].encode_utf16().count();
        let entity = |(run, mark): &(Range<usize>, Mark)| {
            let start = units(run.start);
            MessageEntity::new(kind(mark), start, units(run.end) - start)
        };
        self.marks.iter().map(entity).collect()
    }

    fn spans(&mut self, spans: &[Span], place: Place) {
        for (i, span) in spans.iter().enumerate() {
            match span {
                Span::Text { v } => self.text.push_str(v),
                Span::Styled { style, c } => self.marked(&mark(*style), |out| out.spans(c, place)),
                Span::Link { href, c } => self.link(href, c, place),
                Span::Image { src } => self.link(src, &[Span::text(src.as_str())], place),
                Span::Code { v } if place.quoted => self.text.push_str(v),
                Span::Code { v } => self.code(v),
                Span::Quote { author, c } => self.quote(author.as_deref(), c, place, i + 1 < spans.len()),
            }
        }
    }

    fn marked(&mut self, mark: &Mark, fill: impl FnOnce(&mut Self)) {
        let (start, place) = (self.text.len(), self.marks.len());
        fill(self);
        // Outer runs stand before inner ones. Code inside cuts them; there is none in quotes.
        let mut at = start;
        let mut pieces = Vec::new();
        for (run, _) in self.marks[place..].iter().filter(|(_, inner)| matches!(inner, Mark::Code | Mark::Pre)) {
            pieces.push(at..run.start);
            at = run.end;
        }
        pieces.push(at..self.text.len());
        let marks = pieces.into_iter().filter(|run| !run.is_empty()).map(|run| (run, mark.clone()));
        self.marks.splice(place..place, marks.collect::<Vec<_>>());
    }

    /// Telegram links to web addresses only; of others the address is shown.
    fn link(&mut self, href: &Href, c: &[Span], place: Place) {
        let url = Url::parse(href.as_str()).ok().filter(|_| href.is_web() && !place.linked);
        if let Some(url) = url {
            return self.marked(&Mark::Link(url), |out| out.spans(c, Place { linked: true, ..place }));
        }
        let start = self.text.len();
        self.spans(c, place);
        let address = href.as_str().split_once(':').map_or(href.as_str(), |(_, address)| address);
        if !self.text[start..].contains(address) {
            self.text.push_str(&format!(" ({address})"));
        }
    }

    fn code(&mut self, v: &str) {
        let start = self.text.len();
        self.text.push_str(v);
        let mark = if v.contains('\n') { Mark::Pre } else { Mark::Code };
        if start < self.text.len() {
            self.marks.push((start..self.text.len(), mark));
        }
    }

    fn quote(&mut self, author: Option<&str>, c: &[Span], place: Place, more: bool) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        let fill = |out: &mut Self| {
            if let Some(author) = author {
                out.marked(&Mark::Bold, |out| out.text.push_str(author));
                out.text.push('\n');
            }
            out.spans(c, Place { quoted: true, ..place });
        };
        if place.quoted {
            fill(self);
        } else {
            self.marked(&Mark::Quote, fill);
        }
        if more && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn mark(style: Style) -> Mark {
    match style {
        Style::Bold => Mark::Bold,
        Style::Italic => Mark::Italic,
        Style::Underline => Mark::Underline,
        Style::Strike => Mark::Strike,
    }
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
    use serde_json::json;

    fn bold(c: Vec<Span>) -> Span {
        Span::Styled { style: Style::Bold, c }
    }

    fn link(href: &str, label: &str) -> Span {
        Span::Link { href: Href::parse(href).unwrap(), c: vec![Span::text(label)] }
    }

    fn render(spans: Vec<Span>) -> (String, serde_json::Value) {
        let out = Rendered::of(&RichText(spans), None);
        (out.text.clone(), serde_json::to_value(out.entities()).unwrap())
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
