//! From Telegram's text with entities to our text model.
//!
//! An entity names a run of UTF-16 units. Whatever the entities are, every character of the text stays.

use openline_core::text::{Href, RichText, Span, Style};
use serde_json::Value;

/// Deeper nesting is left out; Telegram itself nests a few levels.
const DEEPEST: usize = 8;
/// More entities are left out; Telegram itself sends 100.
const MOST: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntityKind<'a> {
    Styled(Style),
    Code,
    Link(&'a str),
    Quote,
}

/// A run of bytes with its kind.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    start: usize,
    end: usize,
    kind: EntityKind<'a>,
}

/// The text with its formatting; entities that say nothing to us (or nothing sensible) leave their characters as text.
pub(in crate::telegram) fn rich(text: &str, entities: &Value) -> RichText {
    let index = Index::new(text);
    let given = entities.as_array().map(Vec::as_slice).unwrap_or_default();
    let runs = given.iter().take(MOST).filter_map(|entity| run(entity, &index)).collect();
    RichText(spans(text, 0..text.len(), runs, 0, false))
}

fn run<'a>(entity: &'a Value, index: &Index) -> Option<Run<'a>> {
    let kind = match entity["type"].as_str()? {
        "bold" => EntityKind::Styled(Style::Bold),
        "italic" => EntityKind::Styled(Style::Italic),
        "underline" => EntityKind::Styled(Style::Underline),
        "strikethrough" => EntityKind::Styled(Style::Strike),
        "code" | "pre" => EntityKind::Code,
        "text_link" => EntityKind::Link(entity["url"].as_str()?),
        "blockquote" | "expandable_blockquote" => EntityKind::Quote,
        _ => return None,
    };
    let (offset, length) = (entity["offset"].as_u64()?, entity["length"].as_u64()?);
    let (start, end) = (index.byte(offset), index.byte(offset.saturating_add(length)));
    (start < end).then_some(Run { start, end, kind })
}

/// Where a UTF-16 offset is in bytes.
struct Index {
    /// The byte at which each UTF-16 unit's character begins, and the end.
    starts: Vec<usize>,
}

impl Index {
    fn new(text: &str) -> Self {
        let units = text.char_indices().flat_map(|(at, c)| std::iter::repeat_n(at, c.len_utf16()));
        Self { starts: units.chain([text.len()]).collect() }
    }

    /// An offset beyond the end is the end, one inside a character is its beginning.
    fn byte(&self, offset: u64) -> usize {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.starts.len() - 1);
        self.starts[offset]
    }
}

/// The part of the text in `range` as spans. Runs that overlap are cut where the outer one ends.
fn spans(text: &str, range: std::ops::Range<usize>, runs: Vec<Run<'_>>, depth: usize, linked: bool) -> Vec<Span> {
    let mut waiting = runs;
    let mut out = Vec::new();
    let mut at = range.start;
    // The next one that begins; of several the longest, then the one that was named first.
    while let Some(next) = (0..waiting.len()).min_by_key(|&i| (waiting[i].start, std::cmp::Reverse(waiting[i].end), i))
    {
        let outer = waiting.remove(next);
        // The break that ends a quotation belongs to it: what follows a quotation begins a line of its own.
        let broken = outer.kind == EntityKind::Quote && depth < DEEPEST && text[outer.end..range.end].starts_with('\n');
        let end = outer.end + usize::from(broken);
        let mut inner = Vec::new();
        let mut rest = Vec::new();
        for run in waiting {
            if run.start < outer.end {
                inner.push(Run { end: run.end.min(outer.end), ..run });
            }
            if run.end > end {
                rest.push(Run { start: run.start.max(end), ..run });
            }
        }
        waiting = rest;
        literal(&text[at..outer.start], &mut out);
        wrap(text, outer, inner, depth, linked, &mut out);
        at = end;
    }
    literal(&text[at..range.end], &mut out);
    out
}

fn wrap(text: &str, outer: Run<'_>, inner: Vec<Run<'_>>, depth: usize, linked: bool, out: &mut Vec<Span>) {
    let range = outer.start..outer.end;
    if depth >= DEEPEST {
        return literal(&text[range], out);
    }
    let href = match outer.kind {
        EntityKind::Link(address) if !linked => Href::parse(address).ok(),
        _ => None,
    };
    let children = |linked| spans(text, range.clone(), inner, depth + 1, linked);
    match (outer.kind, href) {
        (EntityKind::Code, _) => out.push(Span::Code { v: text[range].to_owned() }),
        (EntityKind::Styled(style), _) => out.push(Span::Styled { style, c: children(linked) }),
        (EntityKind::Quote, _) => out.push(Span::Quote { author: None, c: children(linked) }),
        (EntityKind::Link(_), Some(href)) => out.push(Span::Link { href, c: children(true) }),
        (EntityKind::Link(_), None) => out.extend(children(linked)),
    }
}

fn literal(text: &str, out: &mut Vec<Span>) {
    if !text.is_empty() {
        out.push(Span::text(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(spans: &[Span], out: &mut String) {
        for span in spans {
            match span {
                Span::Text { v } | Span::Code { v } => out.push_str(v),
                Span::Styled { c, .. } | Span::Link { c, .. } | Span::Quote { c, .. } => {
                    assert!(!c.is_empty());
                    shown(c, out);
                }
                Span::Image { .. } => panic!(),
            }
        }
    }

    fn bold(c: Vec<Span>) -> Span {
        Span::Styled { style: Style::Bold, c }
    }

    #[test]
    fn offsets_are_utf_16() {
        let text = rich("😀 bold", &json!([{"type": "bold", "offset": 3, "length": 4}]));
        assert_eq!(text.0, [Span::text("😀 "), bold(vec![Span::text("bold")])]);
    }

    #[test]
    fn nested_and_overlapping_entities_become_a_tree() {
        let entities = json!([
            {"type": "bold", "offset": 0, "length": 4},
            {"type": "italic", "offset": 2, "length": 4},
        ]);
        let italic = |v: &str| Span::Styled { style: Style::Italic, c: vec![Span::text(v)] };
        assert_eq!(rich("abcdef", &entities).0, [bold(vec![Span::text("ab"), italic("cd")]), italic("ef")]);
    }

    #[test]
    fn links_are_checked_and_quotes_kept() {
        let entities = json!([
            {"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"},
            {"type": "text_link", "offset": 1, "length": 1, "url": "https://a.example/"},
            {"type": "expandable_blockquote", "offset": 2, "length": 1},
            {"type": "pre", "language": "rust", "offset": 3, "length": 1},
            {"type": "spoiler", "offset": 4, "length": 1},
            {"type": "url", "offset": 4, "length": 1},
        ]);
        let link = Span::Link { href: Href::parse("https://a.example/").unwrap(), c: vec![Span::text("b")] };
        let quote = Span::Quote { author: None, c: vec![Span::text("c")] };
        let code = Span::Code { v: "d".into() };
        assert_eq!(rich("abcde", &entities).0, [Span::text("a"), link, quote, code, Span::text("e")]);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for entities in [
            json!(null),
            json!({}),
            json!([null, 5, {"type": 1}, {"type": "bold"}]),
            json!([{"type": "bold", "offset": -1, "length": 2}, {"type": "bold", "offset": 9, "length": 2}]),
            json!([{"type": "text_link", "offset": 0, "length": 2}]),
        ] {
            assert_eq!(rich("abc", &entities), RichText::plain("abc"));
        }
        let cut = rich("😀a", &json!([{"type": "bold", "offset": 1, "length": u64::MAX}]));
        assert_eq!(cut.0, [bold(vec![Span::text("😀a")])]);
        let deep: Vec<_> = (0..150).map(|_| json!({"type": "bold", "offset": 0, "length": 3})).collect();
        let json = serde_json::to_string(&rich("abc", &json!(deep))).unwrap();
        assert!(serde_json::from_str::<RichText>(&json).is_ok());
    }

    #[test]
    fn a_quotation_takes_the_break_that_ends_it() {
        let quote = |offset, length| json!({"type": "blockquote", "offset": offset, "length": length});
        let bold = json!({"type": "bold", "offset": 3, "length": 3});
        let quoted = Span::Quote { author: None, c: vec![Span::text("b")] };
        let after = Span::Styled { style: Style::Bold, c: vec![Span::text("cd")] };
        assert_eq!(rich("a\nb\ncd", &json!([quote(2, 1), bold])).0, [Span::text("a\n"), quoted.clone(), after]);
        assert_eq!(rich("b\n", &json!([quote(0, 1)])).0, std::slice::from_ref(&quoted));
        assert_eq!(rich("b\n\nc", &json!([quote(0, 1)])).0, [quoted, Span::text("\nc")]);
    }

    proptest! {
        /// But for the breaks that end quotations.
        #[test]
        fn no_character_is_ever_lost(text in "\\PC{0,40}|[a😀é\\n]{0,20}", runs in prop::collection::vec((0..10usize, 0..45u64, 0..45u64), 0..12)) {
            let kinds = ["bold", "italic", "underline", "strikethrough", "code", "pre", "text_link", "blockquote", "spoiler", "x"];
            let entities: Vec<_> = runs.iter().map(|(kind, offset, length)| json!({
                "type": kinds[*kind], "offset": offset, "length": length, "url": "https://a.example",
            })).collect();
            let mut all = String::new();
            shown(&rich(&text, &json!(entities)).0, &mut all);
            let (mut left, mut lost) = (all.chars().peekable(), 0);
            for c in text.chars() {
                if left.peek() == Some(&c) { left.next(); } else { prop_assert_eq!(c, '\n'); lost += 1; }
            }
            prop_assert_eq!(left.next(), None);
            prop_assert!(lost <= runs.len());
        }
    }
}
