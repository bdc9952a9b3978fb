//! Long texts in parts that a messenger takes.

use super::rich::Rendered;
use std::ops::Range;

/// What a messenger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    /// Unicode's characters (code points).
    #[default]
    Characters,
    /// Halves of UTF-16.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// The length of a text.
    pub(crate) fn length(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }

    fn of(self, c: char) -> usize {
        match self {
            Self::Characters => 1,
            Self::Utf16 => c.len_utf16(),
            Self::Bytes => c.len_utf8(),
        }
    }
}

/// The text in parts, the first one of at most `first` units, the others of at most `others`. Put together they are the text; parts that show nothing are left out.
pub(crate) fn split(whole: &Rendered, first: usize, others: usize, unit: Unit) -> Vec<Rendered> {
    let mut parts = Vec::new();
    let (mut at, mut limit) = (0, first);
    while at < whole.text.len() {
        let end = at + cut(&whole.text[at..], limit, unit);
        parts.push(whole.part(&Range { start: at, end }));
        (at, limit) = (end, others);
    }
    parts.retain(|part| !part.is_blank());
    parts
}

/// The same parts, none of them with more than `most` marks: a messenger may drop what is beyond that without a word, so
/// the links of those would be lost. Where more begins at one place, nothing helps.
pub(crate) fn spread(parts: Vec<Rendered>, most: usize, unit: Unit) -> Vec<Rendered> {
    let mut out = Vec::with_capacity(parts.len());
    for mut rest in parts {
        while let Some(full) = crowded(&rest, most) {
            let end = cut(&rest.text, unit.length(&rest.text[..full]), unit);
            out.push(rest.part(&Range { start: 0, end }));
            rest = rest.part(&Range { start: end, end: rest.text.len() });
        }
        out.push(rest);
    }
    out.retain(|part| !part.is_blank());
    out
}

/// Where the first mark begins that is too many, unless that is the beginning.
fn crowded(part: &Rendered, most: usize) -> Option<usize> {
    let mut starts: Vec<usize> = part.marks.iter().map(|(run, _)| run.start).collect();
    starts.sort_unstable();
    starts.get(most).copied().filter(|start| *start > 0)
}

/// Where to cut, in bytes: after a paragraph, a line, a sentence, a word in the later half of what fits; else where it
/// is full.
fn cut(text: &str, limit: usize, unit: Unit) -> usize {
    let full = fitting(text, limit, unit);
    if full == text.len() {
        return full;
    }
    let fits = &text[..full];
    let half = fitting(text, limit / 2, unit);
    let after = |end: &str| fits.rfind(end).map(|at| at + end.len()).filter(|at| *at > half);
    let sentence = || [". ", "! ", "? ", "… ", "。"].into_iter().filter_map(after).max();
    after("\n\n").or_else(|| after("\n")).or_else(sentence).or_else(|| after(" ")).unwrap_or_else(|| whole(text, full))
}

/// How many bytes of the text have at most so many units; at least one character, so that it goes on.
fn fitting(text: &str, limit: usize, unit: Unit) -> usize {
    let mut left = limit;
    for (at, c) in text.char_indices() {
        if unit.of(c) > left && at > 0 {
            return at;
        }
        left = left.saturating_sub(unit.of(c));
    }
    text.len()
}

/// A cut at or a little before `at` that does not tear a composed character apart.
fn whole(text: &str, at: usize) -> usize {
    let mut cut = at;
    for (place, _) in text[..at].char_indices().rev().take(32) {
        if !joined(&text[..cut], &text[cut..]) {
            return cut;
        }
        cut = place;
    }
    at
}

/// Whether the characters at this border are one to the reader: combining marks, joined emoji, skin tones, flags.
fn joined(before: &str, after: &str) -> bool {
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else { return false };
    let flag = |c: char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    let flags = before.chars().rev().take_while(|c| flag(*c)).count();
    let extends = matches!(next, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    extends || last == '\u{200d}' || flag(next) && flags % 2 == 1 || last == '\r' && next == '\n'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::rich::Mark;
    use openline_core::text::{RichText, Span, Style};
    use proptest::prelude::*;

    fn parts(text: &str, first: usize) -> Vec<String> {
        split(&Rendered::of(&RichText::plain(text), None), first, 4096, Unit::Utf16)
            .into_iter()
            .map(|part| part.text)
            .collect()
    }

    #[test]
    fn no_link_is_beyond_what_a_messenger_keeps() {
        let link = |n: usize| {
            let href = openline_core::text::Href::parse(&format!("https://a.example/{n}")).unwrap();
            [Span::Link { href, c: vec![Span::text(format!("link {n}"))] }, Span::text("\n")]
        };
        let whole = Rendered::of(&RichText((0..130).flat_map(link).collect()), None);
        let parts = spread(split(&whole, 4096, 4096, Unit::Utf16), 100, Unit::Utf16);
        assert_eq!(parts.iter().map(|part| part.marks.len()).collect::<Vec<_>>(), [100, 30]);
        assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), whole.text);
        assert!(parts.iter().all(|part| part.text.starts_with("link ")), "cut between lines");
    }

    #[test]
    fn cuts_stand_at_sensible_borders() {
        assert_eq!(parts("short", 10), ["short"]);
        assert_eq!(parts("aaaa bb\n\ncc dd", 11), ["aaaa bb\n\n", "cc dd"]);
        assert_eq!(parts("one two. three four", 14), ["one two. ", "three four"]);
        assert_eq!(parts("one two three", 9), ["one two ", "three"]);
        assert_eq!(parts("aaaaaaaaaaaa", 5), ["aaaaa", "aaaaaaa"]);
        assert_eq!(parts("", 5), [""; 0]);
    }

    #[test]
    fn composed_characters_stay_whole() {
        assert_eq!(parts("aaa😀b", 4), ["aaa", "😀b"]);
        assert_eq!(parts("aae\u{301}", 3), ["aa", "e\u{301}"]);
        assert_eq!(parts("a👩\u{200d}👩\u{200d}👦", 6), ["a", "👩\u{200d}👩\u{200d}👦"]);
        assert_eq!(parts("a🇩🇪🇫🇷", 7), ["a🇩🇪", "🇫🇷"]);
    }

    #[test]
    fn formatting_goes_on_in_the_next_part() {
        let text = RichText(vec![Span::Styled { style: Style::Bold, c: vec![Span::text("aaaa bbbb")] }]);
        let parts = split(&Rendered::of(&text, None), 6, 6, Unit::Utf16);
        assert_eq!(parts[0].marks, [(0..5, Mark::Bold)]);
        assert_eq!(parts[1].marks, [(0..4, Mark::Bold)]);
    }

    fn tree() -> impl Strategy<Value = Vec<Span>> {
        let leaf = prop_oneof![
            "[a-z .\\n😀é\u{301}]{0,60}".prop_map(Span::text),
            "[a-z\\n😀]{0,20}".prop_map(|v| Span::Code { v }),
        ];
        let span = leaf.prop_recursive(4, 24, 4, |inner| {
            let c = prop::collection::vec(inner, 0..4);
            (0..6, c).prop_map(|(kind, c)| match kind {
                0 => Span::Styled { style: Style::Bold, c },
                1 => Span::Styled { style: Style::Italic, c },
                2 => Span::Quote { author: None, c },
                3 => Span::Quote { author: Some("Ann".into()), c },
                4 => Span::Styled { style: Style::Strike, c },
                _ => Span::Link { href: openline_core::text::Href::parse("https://a.example").unwrap(), c },
            })
        });
        prop::collection::vec(span, 0..5)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_everything_fits(spans in tree(), limit in 2..80usize) {
            let whole = Rendered::of(&RichText(spans), None);
            let mut rest = whole.text.as_str();
            for part in &split(&whole, limit, limit, Unit::Utf16) {
                let at = rest.find(part.text.as_str()).unwrap();
                prop_assert!(rest[..at].trim().is_empty());
                rest = &rest[at + part.text.len()..];
                prop_assert!(Unit::Utf16.length(&part.text) <= limit || part.text.chars().count() == 1);
                prop_assert!(part.marks.iter().all(|(run, _)| !run.is_empty() && run.end <= part.text.len()));
                for (a, _) in &part.marks {
                    for (b, _) in &part.marks {
                        let apart = a.end <= b.start || b.end <= a.start;
                        let within = (a.start <= b.start && b.end <= a.end) || (b.start <= a.start && a.end <= b.end);
                        prop_assert!(apart || within, "{:?}", part.marks);
                    }
                }
            }
            prop_assert!(rest.trim().is_empty());
        }

        #[test]
        fn small_limits_hold(text in "[a-z .\\n😀é\u{301}\u{200d}🇩]{0,200}", limit in 4..40usize) {
            for unit in [Unit::Characters, Unit::Utf16, Unit::Bytes] {
                let end = cut(&text, limit, unit);
                prop_assert!(unit.length(&text[..end]) <= limit);
                prop_assert!(text.is_empty() || end > 0);
            }
        }
    }
}
