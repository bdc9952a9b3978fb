//! Quotations, read and written.

use super::*;
use crate::bbcode::{parse, write};
use openline_core::text::RichText;

const RULE: &str = "------------------------------------------------------";

#[track_caller]
fn reads(bb: &str, spans: &[Span]) {
    assert_eq!(parse(bb).0, spans, "{bb:?}");
}

/// Written so, and read back the same.
#[track_caller]
fn both(spans: &[Span], bb: &str) {
    assert_eq!(write(&RichText(spans.to_vec())), bb, "{spans:?}");
    reads(bb, spans);
}

#[test]
fn quoted_lines() {
    both(&[quote(None, vec![text("q")])], ">>q");
    both(&[text("a\n"), quote(None, vec![text("q\n\n r")]), text("c")], "a\n>>q\n>>\n>> r\nc");
    both(&[text("a\n\n"), quote(None, vec![text("q")]), text("\nc")], "a\n\n>>q\n\nc");
    both(&[quote(None, vec![text("a\n"), quote(None, vec![text("b")]), text("c")])], ">>a\n>>>>b\n>>c");
    both(&[quote(None, vec![code("a"), text("\n"), code("b")])], ">>[code]a[/code]\n>>[code]b[/code]");
    reads("x >>y", &[text("x >>y")]);
    reads("a#BR#>>q[br]b", &[text("a\n"), quote(None, vec![text("q")]), text("b")]);
    assert_eq!(parse("a\n>>q\nc").to_plain(), "a\n> q\nc");
}

#[test]
fn marks_that_quote_nothing_are_text() {
    reads(">>", &[text(">>")]);
    reads("a\n>>\nb", &[text("a\n>>\nb")]);
    reads(">>>>", &[quote(None, vec![text(">>")])]);
    reads("> > x\n> y", &[text("> > x\n> y")]);
}

#[test]
fn formatting_goes_on_through_a_quotation() {
    reads("[b]a\n>>q\nc[/b]d", &[bold("a\n"), quote(None, vec![bold("q")]), bold("c"), text("d")]);
    reads(">>[i]q[/i] r\ns", &[quote(None, vec![styled(Style::Italic, vec![text("q")]), text(" r")]), text("s")]);
}

#[test]
fn quoted_blocks() {
    let ann = |c| quote(Some("Ann Lee"), c);
    reads(
        &format!("{RULE}\nAnn Lee [15.03.2026 10:30] #chat1/2\none\ntwo\n{RULE}\nreply"),
        &[ann(vec![text("one\ntwo")]), text("reply")],
    );
    reads(&format!("a\n{RULE}\r\nAnn Lee [now][br][b]one[/b]\n{RULE}"), &[text("a\n"), ann(vec![bold("one")])]);
    reads(&format!("{RULE}\njust [this] text\n{RULE}"), &[quote(None, vec![text("just [this] text")])]);
    reads(
        &format!("{RULE}\nAnn Lee [now]\n>>q\none\n{RULE}\n\nx"),
        &[ann(vec![quote(None, vec![text("q")]), text("one")]), text("\nx")],
    );
    let twice = format!("{RULE}\nAnn Lee [1]\none\n{RULE}\n{RULE}\nAnn Lee [2]\ntwo\n{RULE}");
    reads(&twice, &[ann(vec![text("one")]), ann(vec![text("two")])]);
    both(
        &[text("a\n"), ann(vec![text("one\ntwo")]), text("b")],
        &format!("a\n{RULE}\nAnn Lee [ ]\none\ntwo\n{RULE}\nb"),
    );
}

#[test]
fn hyphens_that_are_no_block() {
    for same in [
        RULE.to_owned(),
        format!("a\n{RULE}\nb"),
        format!("{RULE}-\nAnn [now]\na\n{RULE}-"),
        format!("a {RULE}\nb\n{RULE} c"),
        format!("{RULE}\n{RULE}"),
        format!("{RULE}\n \n{RULE}\n"),
    ] {
        reads(&same, &[text(&same)]);
    }
    let in_code = format!("[code]{RULE}\na\n{RULE}[/code]");
    reads(&in_code, &[code(&format!("{RULE}\na\n{RULE}"))]);
    let across = format!("{RULE}\n[code]\n{RULE}\n[/code]\nx\n{RULE}");
    reads(&across, &[quote(None, vec![code(&format!("\n{RULE}\n")), text("\nx")])]);
}

#[test]
fn writing_quotations() {
    let nested = quote(Some("Ann"), vec![text("a"), quote(Some("Bob"), vec![text("b")]), text("c")]);
    let bb = write(&RichText(vec![text("x"), nested, styled(Style::Bold, vec![quote(None, vec![text("d")])])]));
    assert_eq!(bb, format!("x\n{RULE}\nAnn [ ]\na\n>>Bob:\n>>b\nc\n{RULE}\n[b]\n>>d\n[/b]"));
    assert_eq!(write(&RichText(vec![quote(Some(" \n"), vec![text("x")])])), ">>x");
    let hostile = quote(Some("[b]A\n>>B[/b]"), vec![text(&format!(">>x\n{RULE}"))]);
    let read = parse(&write(&RichText(vec![hostile, text(">>y")])));
    let [Span::Quote { author, c }, Span::Text { v }] = read.0.as_slice() else { panic!("{read:?}") };
    assert_eq!(author.as_deref(), Some("(b)A >>B(/b)"));
    assert!(matches!(c.as_slice(), [Span::Text { v }] if v.replace('\u{200B}', "") == format!(">>x\n{RULE}")));
    assert_eq!(v, ">\u{200B}>y");
}
