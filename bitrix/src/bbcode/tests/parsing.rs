//! Operator text without quotations: one test a row of the reference, then what is unbalanced.

use super::*;
use crate::bbcode::parse;

#[track_caller]
fn reads(bb: &str, spans: &[Span]) {
    assert_eq!(parse(bb).0, spans, "{bb:?}");
}

#[track_caller]
fn reads_text(bb: &str, shown: &str) {
    let expected: &[Span] = if shown.is_empty() { &[] } else { &[text(shown)] };
    assert_eq!(parse(bb).0, expected, "{bb:?}");
}

#[test]
fn styles() {
    for (tag, style) in [("b", Style::Bold), ("i", Style::Italic), ("u", Style::Underline), ("s", Style::Strike)] {
        let upper = tag.to_uppercase();
        reads(&format!("x[{tag}]y[/{tag}]z"), &[text("x"), styled(style, vec![text("y")]), text("z")]);
        reads(&format!("[{upper}]y[/{tag}]"), &[styled(style, vec![text("y")])]);
    }
    reads("[b]a[i]b[/i][/b]", &[styled(Style::Bold, vec![text("a"), styled(Style::Italic, vec![text("b")])])]);
    reads_text("x[b][/b]y", "xy");
}

#[test]
fn line_breaks() {
    reads_text("a[br]b[BR]c#BR#d#br#e\nf\r\ng\rh", "a\nb\nc\nd\ne\nf\ng\nh");
    reads_text("#B R#", "#B R#");
}

#[test]
fn links() {
    let address = "https://a.example/x?y=1&z[]=2";
    reads(&format!("[url]{address}[/url]"), &[bare(address)]);
    reads(&format!("[url={address}]t[/url]"), &[link(address, "t")]);
    reads(&format!("[URL = \"{address}\"]t[/Url]"), &[link(address, "t")]);
    reads(&format!("[url='{address}']t[/url]"), &[link(address, "t")]);
    reads(&format!("[url={address}][/url]"), &[bare(address)]);
    reads(&format!("[url={address}]http://b.example[/url]"), &[link(address, "http://b.example")]);
    reads("[url=mailto:a@b.example]mail[/url]", &[link("mailto:a@b.example", "mail")]);
    reads("[url]www.a.example[/url]", &[link("https://www.a.example", "https://www.a.example")]);
    let label = vec![text("see "), bold("this")];
    reads("[url=http://a.example]see [b]this[/b][/url]", &[Span::Link { href: href("http://a.example"), c: label }]);
}

#[test]
fn images() {
    let address = "https://a.example/p.png";
    for tag in ["img", "IMG size=small", "img size=\"large\"", "img=100"] {
        reads(&format!("[{tag}]{address}[/img]"), &[image(address)]);
    }
    reads_text("[img]mailto:a@b.example[/img]", "mailto:a@b.example");
    let pictured = Span::Link { href: href("http://a.example"), c: vec![image(address)] };
    reads(&format!("[url=http://a.example][img]{address}[/img][/url]"), &[pictured]);
}

#[test]
fn icons() {
    reads_text("a [icon=https://a.example/i.png size=20 title=Big smile] b", "a Big smile b");
    reads_text("[icon=https://a.example/i.png title=\"Big smile\" width=20 height=20]", "Big smile");
    reads_text("[icon=https://a.example/i.png Title='x' size=1]", "x");
    reads_text("a[icon=https://a.example/i.png]b", "ab");
}

#[test]
fn what_only_its_content_is_left_of() {
    for tag in ["user=5", "USER=5 REPLACE", "user=all", "chat=7", "chat=imol|a|1", "context=chat1/2", "dialog=chat1"] {
        let name = tag.split('=').next().unwrap();
        reads_text(&format!("<[{tag}]Ann[/{name}]>"), "<Ann>");
    }
    for tag in
        ["size=20", "color=#f00", "COLOR=#ff0000", "send=x", "send", "put=/x y", "put", "pch=9", "date=2026-01-01"]
    {
        let name = tag.split('=').next().unwrap();
        reads_text(&format!("<[{tag}]t[/{name}]>"), "<t>");
    }
    reads_text("hello [user=all] all", "hello  all");
    reads_text("[send=Yes][/send] [put=No] [/put]", "Yes No");
    reads("[size=9][b]x[/b][/size]", &[bold("x")]);
}

#[test]
fn calls() {
    reads_text("[call=+7 (495) 1]shop[/call]", "shop (+7 (495) 1)");
    reads_text("[call=+74951]+7 495-1[/call]", "+7 495-1");
    reads_text("[call]+74951[/call]", "+74951");
    reads_text("[call=+74951][/call]", "+74951");
    reads_text("[pch=3]+74951[/pch]", "+74951");
}

#[test]
fn code_is_not_read() {
    reads(
        "a[code][b]x[/b] http://a.example [br]\r\n>>y[/code]b",
        &[text("a"), code("[b]x[/b] http://a.example [br]\n>>y"), text("b")],
    );
    reads("[CODE]x[/Code][icode]y[/icode]", &[code("x"), code("y")]);
    reads("[code]a[0]][[/code]", &[code("a[0]][")]);
    reads_text("x[code][/code]y", "xy");
    reads("[code]x [b]y[/b]", &[text("[code]x "), bold("y")]);
    reads("[icode]a[/code] [code]b[/code]", &[text("[icode]a[/code] "), code("b")]);
}

#[test]
fn moments() {
    for (n, shown) in [
        ("0", "1970-01-01 00:00"),
        ("1709251199", "2024-02-29 23:59"),
        ("1709251200", "2024-03-01 00:00"),
        ("4102444800", "2100-01-01 00:00"),
        ("-1", "1969-12-31 23:59"),
        ("-62167219200", "0000-01-01 00:00"),
        ("253402300799", "9999-12-31 23:59"),
    ] {
        reads_text(&format!("at [timestamp={n} format=SHORT_TIME]."), &format!("at {shown}."));
    }
    for bad in ["", "x", "253402300800", "9223372036854775807", "-9223372036854775808", "99999999999999999999"] {
        let bb = format!("[timestamp={bad}]");
        reads_text(&bb, &bb);
    }
}

#[test]
fn internal_tags() {
    reads_text("a[disk=5]b[attach=1]c[rating=4]d", "abcd");
    reads_text("[like] [DISLIKE]", "👍 👎");
}

#[test]
fn what_stays_as_it_is() {
    for same in [
        "[1] item, array[0], [x], [], [/], [bb], [ b ], [quote]q[/quote]",
        "**bold** _it_ `x` <b>&amp;</b> & \"q\" :) 😀",
        "    four\n\ttab  two  ",
        "[user guide] [size] [color] [b=1] [i think] [br /] [like=1] [disk] [timestamp]",
        "[url [b [/b ] [url=\nx]",
        "\0 \u{202E}x\u{202C} \u{200B}",
    ] {
        reads_text(same, same);
    }
}

#[test]
fn bare_addresses() {
    reads("see https://a.example/x, ok", &[text("see "), bare("https://a.example/x"), text(", ok")]);
    reads("(HTTP://a.example/(1))", &[text("("), bare("HTTP://a.example/(1)"), text(")")]);
    reads("[b]http://a.example/[/b]", &[styled(Style::Bold, vec![bare("http://a.example/")])]);
    reads("http://a.example/?a[id]=1", &[bare("http://a.example/?a[id]=1")]);
    reads(">>http://a.example/", &[quote(None, vec![bare("http://a.example/")])]);
    let b = "http://b.example/";
    reads(&format!("{b}\u{A0}x {b}\u{202E}{b}"), &[bare(b), text("\u{A0}x "), bare(b), text("\u{202E}"), bare(b)]);
    reads_text(
        "ftp://a.example a@b.example www.a.example a.example javascript://a.example",
        "ftp://a.example a@b.example www.a.example a.example javascript://a.example",
    );
}

#[test]
fn unbalanced_tags() {
    reads("a[b]b\nc", &[text("a"), bold("b\nc")]);
    reads("a[b]b[i]c", &[text("a"), styled(Style::Bold, vec![text("b"), styled(Style::Italic, vec![text("c")])])]);
    reads_text("a[/b]b[/url][/size]", "a[/b]b[/url][/size]");
    reads(
        "[b][i]x[/b]y[/i]",
        &[styled(Style::Bold, vec![styled(Style::Italic, vec![text("x")])]), styled(Style::Italic, vec![text("y")])],
    );
    reads("[b]x[b]y[/b]z[/b]!", &[bold("xyz"), text("!")]);
    reads("[size=9]x [send]y [img]z", &[text("x [send]y [img]z")]);
    reads("[b]x [send]y[/b]z[/send]", &[bold("x [send]y"), text("z[/send]")]);
}

#[test]
fn unbalanced_links() {
    let (a, b) = ("http://a.example", "http://b.example");
    reads(&format!("[url={a}] x [b]y"), &[bare(a), text(" x "), bold("y")]);
    reads(&format!("[url={a}]x [url={b}]y[/url] z[/url]!"), &[link(a, "x "), link(b, "y"), text(" z!")]);
    reads(&format!("[b][url={a}]x[/b]y[/url]z"), &[styled(Style::Bold, vec![link(a, "x")]), link(a, "y"), text("z")]);
    reads(&format!("[url={a}]x [url]{b}[/url][/url]"), &[link(a, &format!("x {b}"))]);
    reads_text("[url]x y[/url] [url]z", "x y [url]z");
}
