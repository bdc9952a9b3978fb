//! Bare addresses in text become links.

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
        for piece in finder.spans(seen) {
            let link = piece.kind().and_then(|_| web_address(piece.as_str()));
            let literal = Span::text(piece.as_str());
            append(out, link.map_or(literal.clone(), |href| Span::Link { href, c: vec![literal] }));
        }
        append(out, Span::text(&part[seen.len()..]));
    }
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
