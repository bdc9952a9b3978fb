//! What visitors and channels say, as it is sent to the portal.

use super::*;
use crate::bbcode::{parse, write};
use openline_core::text::RichText;

const Z: char = '\u{200B}';

#[track_caller]
fn writes(spans: &[Span], bb: &str) {
    assert_eq!(write(&RichText(spans.to_vec())), bb, "{spans:?}");
}

/// Written so, and read back the same.
#[track_caller]
fn both(spans: &[Span], bb: &str) {
    writes(spans, bb);
    assert_eq!(parse(bb).0, spans, "{bb:?}");
}

#[track_caller]
fn writes_text(literal: &str, bb: &str) {
    assert_eq!(write(&RichText::plain(literal)), bb, "{literal:?}");
}

#[test]
fn formatting() {
    for (style, tag) in [(Style::Bold, "b"), (Style::Italic, "i"), (Style::Underline, "u"), (Style::Strike, "s")] {
        both(&[text("x"), styled(style, vec![text("y")])], &format!("x[{tag}]y[/{tag}]"));
    }
    both(&[link("https://a.example/x", "t")], "[url=https://a.example/x]t[/url]");
    both(&[bare("https://a.example/x")], "[url]https://a.example/x[/url]");
    both(&[image("https://a.example/p.png")], "[img]https://a.example/p.png[/img]");
    both(&[text("a "), code("[b]x[/b]\n>>"), text(" b")], "a [code][b]x[/b]\n>>[/code] b");
    let bracketed = "https://a.example/?x[b]=1]";
    writes(&[bare(bracketed)], "[url]https://a.example/?x%5Bb%5D=1%5D[/url]");
    writes(&[link(bracketed, "a [b]")], &format!("[url=https://a.example/?x%5Bb%5D=1%5D]a [{Z}b][/url]"));
}

#[test]
fn nothing_empty_is_written() {
    writes(&[], "");
    writes(&[styled(Style::Bold, vec![styled(Style::Italic, vec![text("")])]), code(""), quote(Some("A"), vec![])], "");
    writes(&[Span::Link { href: href("http://a.example"), c: vec![] }], "[url]http://a.example[/url]");
}

#[test]
fn a_link_in_a_link_is_its_label() {
    let inner = vec![text("["), link("http://b.example", "b"), text("]")];
    writes(&[Span::Link { href: href("http://a.example"), c: inner }], &format!("[url=http://a.example][{Z}b][/url]"));
}

#[test]
fn literal_text_stays_as_it_is() {
    for same in [
        "[1] item",
        "array[0]",
        "it's <b> & &amp; \"q\"",
        "[i think] [user guide] [x] [/] [bb] [ b] [",
        "a >> b > c #BR BR#",
        "    four\n\ttab ",
        "😀 \0 \u{202E}",
        "-----------------------------------------------------",
    ] {
        writes_text(same, same);
    }
    writes_text("a\r\nb\rc", "a\nb\nc");
}

#[test]
fn literal_text_that_looks_like_a_tag_is_broken_up() {
    for name in "b i u s br code icode url img like dislike send put call".split(' ') {
        writes_text(&format!("[{name}]x[/{name}]"), &format!("[{Z}{name}]x[{Z}/{name}]"));
    }
    for name in
        "url img icon user chat context dialog size color send put call pch timestamp disk attach rating".split(' ')
    {
        writes_text(&format!("[{name}=1]"), &format!("[{Z}{name}=1]"));
        writes_text(&format!("[{name} ="), &format!("[{Z}{name} ="));
    }
    writes_text("[B][iMg size=small]", &format!("[{Z}B][{Z}iMg size=small]"));
    writes_text("[[b]", &format!("[[{Z}b]"));
    writes_text("a#BR#b#br#", &format!("a#{Z}BR#b#{Z}br#"));
    writes_text(">>a >>b\n>>>c", &format!(">{Z}>a >>b\n>{Z}>>c"));
    writes(&[text("["), text("b]"), text(""), text("\n>"), text(">")], &format!("[{Z}b]\n>{Z}>"));
    let (run, rest) = ("-".repeat(53), "-".repeat(7));
    writes_text(&format!("{run}{rest}"), &format!("{run}{Z}{rest}"));
    writes(&[code("[code][/CODE]")], &format!("[code][code][{Z}/CODE][/code]"));
}
