//! Input made to break something.

use super::*;
use crate::bbcode::{parse, strip_signature, write};
use openline_core::text::RichText;

/// Spans in a tree, and how deep they go.
fn size(spans: &[Span]) -> (usize, usize) {
    let of = |span: &Span| match span {
        Span::Styled { c, .. } | Span::Link { c, .. } | Span::Quote { c, .. } => {
            let (count, depth) = size(c);
            (count + 1, depth + 1)
        }
        _ => (1, 1),
    };
    spans.iter().map(of).fold((0, 0), |(count, depth), (c, d)| (count + c, depth.max(d)))
}

fn has_link(spans: &[Span]) -> bool {
    spans.iter().any(|span| match span {
        Span::Link { .. } | Span::Image { .. } => true,
        Span::Styled { c, .. } | Span::Quote { c, .. } => has_link(c),
        _ => false,
    })
}

#[test]
fn unsafe_addresses_are_no_links() {
    for (bb, shown) in [
        ("[url=javascript:alert(1)]x[/url]", "x"),
        ("[url=JaVaScRiPt:alert(1)]x[/url]", "x"),
        ("[url=\"javascript:alert(1)\"]x[/url]", "x"),
        ("[url= javascript:alert(1) ]x[/url]", "x"),
        ("[url=java\tscript:alert(1)]x[/url]", "x"),
        ("[url=data:text/html;base64,PHM+]x[/url]", "x"),
        ("[url=vbscript:x]y[/url]", "y"),
        ("[url=//a.example]y[/url]", "y"),
        ("[url=https://a.example\" onclick=\"x]y[/url]", "y"),
        ("[url=javascript:alert(1)][/url]", "javascript:alert(1)"),
        ("[url=javascript:alert(1)] [/url]", "javascript:alert(1)"),
        ("[url]javascript:alert(1)[/url]", "javascript:alert(1)"),
        ("[url=javascript:alert(1)]x", "[url=javascript:alert(1)]x"),
        ("[img]javascript:alert(1)[/img]", "javascript:alert(1)"),
        ("[img]data:image/svg+xml,x[/img]", "data:image/svg+xml,x"),
        ("[icon=javascript:alert(1) title=x]", "x"),
        ("[url=[url=javascript:x]]y[/url]", "y"),
        ("[url=[url=javascript:x]y[/url]]z[/url]", "z"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("[b onclick=x]y", "[b onclick=x]y"),
    ] {
        let read = parse(bb);
        assert_eq!(read.to_plain(), shown, "{bb:?}");
        assert!(!has_link(&read.0), "{bb:?}");
    }
    let quoted = "[url=\"https://a.example\" onclick=\"x\"]y[/url]";
    assert_eq!(parse(quoted).0, [link("https://a.example", "y")], "what follows the quoted address is dropped");
}

#[test]
fn visitors_cannot_smuggle_tags_through() {
    for literal in
        ["[url=javascript:x]y[/url]", "[[url=x]b]", "[b][/b][b", "[disk=1][user=1]x[/user]", "#BR#>>x", "\r>>x"]
    {
        let read = parse(&write(&RichText::plain(literal)));
        assert!(read.is_plain(), "{literal:?}: {read:?}");
    }
}

fn many(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

/// Twice the input may make twice the spans, not deeper ones, and no longer text than it is.
#[track_caller]
fn grows_with_its_length(what: &str, of_bytes: impl Fn(usize) -> String) {
    let half = size(&parse(&of_bytes(1 << 15)).0);
    let read = parse(&of_bytes(1 << 16));
    let whole = size(&read.0);
    assert!(whole.0 <= 2 * half.0 + 100, "{what:?}: {half:?} {whole:?}");
    assert!(whole.1 <= 16, "{what:?}: {whole:?}");
    let bb = write(&read);
    assert!(bb.len() < 6 << 16, "{what:?}: {}", bb.len());
}

#[test]
fn repeated_pieces() {
    let rule = "-".repeat(54);
    let block = format!("{rule}\nA [1]\nx\n");
    let without_blanks = "[b] [/b] [b][i]x[/b][/i] [b][i][u][s][/b][/i][/u][/s] [b]x[/i] [ ] [[] [b [/ [url] [/url] \
        [url= [url=[url=x]] [url=http://a.example/] [url=x]y [url]http://x [img] [img]http://x[/img] [code] [/code] \
        [code][/code] [icode][code] [code][b] [size=1] [size=1][color=1]x[/size] [send] [call=1]x[/call] [user= \
        [timestamp=1] >> - :// a: http://a.example/ http:// http://( #BR# # é \0";
    let others =
        ["\n", "\r", ">>\n", ">>x\n", ">>>>x\n>>y\n", "[b]\n>>x\n", "[icon=x title=]", " ", "[url \t", "\u{A0}"];
    let blocks = [&rule, &format!("{rule}\n"), &block, "http://a\u{A0}"];
    for piece in without_blanks.split_ascii_whitespace().chain(others).chain(blocks) {
        grows_with_its_length(piece, |bytes| many(piece, bytes));
        strip_signature(&format!("[b]{}", many(piece, 1 << 16)));
    }
}

#[test]
fn repeated_openings_then_as_many_closings() {
    for (open, close) in [
        ("[", "]"),
        ("[b]", "[/b]"),
        ("[size=1]", "[/size]"),
        ("[url]", "[/url]"),
        ("[url=x]", "[/url]"),
        ("[code]", "[/code]"),
        ("[timestamp=", "]"),
        ("[url=", "]"),
        ("[img ", "]"),
        ("[icon=x title=", "]"),
        ("[call=1] ", "[/call]"),
        ("[send=", "]"),
        ("[url=\"", "\"]"),
        ("[timestamp=\"", "\"]"),
        ("[timestamp= ", " ]"),
        ("[url] ", " [/url]"),
        ("[send] ", "[/url]"),
    ] {
        let of_bytes = |bytes| format!("{}{}", many(open, bytes / 2), many(close, bytes / 2));
        grows_with_its_length(open, of_bytes);
    }
}

/// Were any step done again for each of the tags, this would take hours.
#[test]
fn a_megabyte_of_tags() {
    for piece in ["[b]", "[/b]", "[url=", "[url]", "[code]", "[b]x[/i]"] {
        let bb = many(piece, 1 << 20);
        let (_, depth) = size(&parse(&bb).0);
        assert!(depth <= 2, "{piece:?}: {depth}");
    }
    assert_eq!(parse(&many("[b]", 1 << 20)).to_plain().len(), (1 << 20) - 32 * 3 + 2);
}

#[test]
fn many_tags_closed_by_one_name_after_another() {
    let names = ["user", "chat", "context", "dialog", "size", "color", "pch", "send", "put", "date"];
    let open = names.map(|name| format!("[{name}=1]x")).concat();
    let close = names.map(|name| format!("y[/{name}]")).concat();
    let read = parse(&format!("{open}{close}").repeat(5_000));
    assert_eq!(read.to_plain().len(), 100_000);
    assert_eq!(size(&read.0).0, 1);
}

#[test]
fn deep_nesting_becomes_text() {
    let read = parse(&format!("{}x{}", "[size=1]".repeat(40), "[/size]".repeat(40)));
    assert_eq!(read.to_plain(), format!("{}x{}", "[size=1]".repeat(8), "[/size]".repeat(8)));
    let read = parse(&format!("{}x", ">>".repeat(20)));
    assert_eq!(size(&read.0).1, 9);
    assert!(read.to_plain().ends_with(&format!("{}x\n", ">>".repeat(12))));
}
