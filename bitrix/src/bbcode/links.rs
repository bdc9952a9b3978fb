//! Bare addresses in text become links.

use std::borrow::Cow;

use linkify::{LinkFinder, LinkKind};
use openline_core::text::{Href, Span};

use super::frame::append;

/// Makes the `http` and `https` addresses in the text of `spans` links; not in code, nor in what is a link already.
pub(super) fn link_addresses(spans: Vec<Span>) -> Vec<Span> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    walk(spans, &finder)
}

fn walk(spans: Vec<Span>, finder: &LinkFinder) -> Vec<Span> {
    let mut out = Vec::with_capacity(spans.len());
    for span in spans {
        match span {
            Span::Text { v } => split(&v, finder, &mut out),
            Span::Styled { style, c } => out.push(Span::Styled { style, c: walk(c, finder) }),
            Span::Quote { author, c } => out.push(Span::Quote { author, c: walk(c, finder) }),
            other => out.push(other),
        }
    }
    out
}

fn split(text: &str, finder: &LinkFinder, out: &mut Vec<Span>) {
    for part in text.split_inclusive(ends_address) {
        let seen = part.trim_end_matches(ends_address);
        let latin = with_latin_hosts(seen);
        for piece in finder.spans(&latin) {
            // Both texts have the same offsets.
            let shown = &seen[piece.start()..piece.end()];
            let link = piece.kind().and_then(|_| web_address(shown));
            let literal = Span::text(shown);
            append(out, link.map_or(literal.clone(), |href| Span::Link { href, c: vec![literal] }));
        }
        append(out, Span::text(&part[seen.len()..]));
    }
}

/// The text with Latin letters in place of all others in the hosts of addresses, as many bytes for each: the finder takes
/// no other letters for a top-level domain (`https://пример.рф`).
fn with_latin_hosts(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let (before, host) = rest.split_at(found + "://".len());
        let end = host.find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-')).unwrap_or(host.len());
        out.push_str(before);
        for c in host[..end].chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                out.extend(std::iter::repeat_n('a', c.len_utf8()));
            }
        }
        rest = &host[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Blanks and invisible marks beyond ASCII, such as the no-break space and what turns the direction of writing: the
/// finder takes them for letters.
fn ends_address(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    invisible || (!c.is_ascii() && c.is_whitespace())
}

fn web_address(found: &str) -> Option<Href> {
    let (scheme, _) = found.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    Href::parse(found).ok().filter(|_| web)
}
