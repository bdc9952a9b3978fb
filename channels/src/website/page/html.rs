//! The text model as HTML. Every character of a text is escaped, every tag and attribute is written here, and links
//! were checked when the model was made: whatever somebody sends, the page shows text. The script's twin is `rich.js`.

use openline_core::text::{RichText, Span, Style};

/// A text as an HTML fragment; line breaks stay `\n` (the page's style keeps them).
pub(in crate::website) fn render(text: &RichText) -> String {
    let mut out = String::new();
    spans(&text.0, &mut out);
    out
}

/// A visitor's text: first lines that begin with "> " are a quote, as the page's own button makes it.
pub(in crate::website) fn render_own(text: &RichText) -> String {
    let [Span::Text { v }] = text.0.as_slice() else { return render(text) };
    let lines: Vec<_> = v.split('\n').collect();
    let quoted: Vec<_> = lines.iter().map_while(|line| line.strip_prefix("> ")).collect();
    if quoted.is_empty() {
        return render(text);
    }
    let (rest, quoted_text) = (lines[quoted.len()..].join("\n"), Span::text(quoted.join("\n")));
    render(&RichText(vec![Span::Quote { author: None, c: vec![quoted_text] }, Span::text(rest)]))
}

/// Characters as HTML text, also inside a quoted attribute.
pub(in crate::website) fn text(text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out);
    out
}

fn spans(list: &[Span], out: &mut String) {
    for span in list {
        match span {
            Span::Text { v } => escape(v, out),
            Span::Styled { style, c } => element(tag(*style), c, out),
            Span::Link { href, c } => {
                open_link(href.as_str(), out);
                spans(c, out);
                out.push_str("</a>");
            }
            Span::Image { src } => {
                open_link(src.as_str(), out);
                escape(src.as_str(), out);
                out.push_str("</a>");
            }
            Span::Code { v } => {
                out.push_str("<pre><code>");
                escape(v, out);
                out.push_str("</code></pre>");
            }
            Span::Quote { author, c } => quote(author.as_deref(), c, out),
        }
    }
}

fn tag(style: Style) -> &'static str {
    match style {
        Style::Bold => "strong",
        Style::Italic => "em",
        Style::Underline => "u",
        Style::Strike => "s",
    }
}

fn element(name: &str, children: &[Span], out: &mut String) {
    out.push_str(&format!("<{name}>"));
    spans(children, out);
    out.push_str(&format!("</{name}>"));
}

fn open_link(href: &str, out: &mut String) {
    out.push_str("<a href=\"");
    escape(href, out);
    out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
}

fn quote(author: Option<&str>, children: &[Span], out: &mut String) {
    out.push_str("<blockquote>");
    if let Some(author) = author {
        out.push_str("<cite>");
        escape(author, out);
        out.push_str("</cite>");
    }
    spans(children, out);
    out.push_str("</blockquote>");
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::text::Href;

    #[test]
    fn whatever_is_written_is_text() {
        let hostile = "<script>alert(1)</script>\" onclick='x' &amp;";
        let html = render(&RichText(vec![
            Span::text(hostile),
            Span::Code { v: hostile.into() },
            Span::Quote { author: Some(hostile.into()), c: vec![Span::text(hostile)] },
            Span::Link { href: Href::parse("https://a.example/?q='x'&y=1").unwrap(), c: vec![Span::text(hostile)] },
        ]));
        assert!(!html.contains("<script") && !html.contains("' on") && !html.contains("'x'"));
        assert_eq!(html.matches("&lt;script&gt;").count(), 5);
        assert!(html.contains("href=\"https://a.example/?q=&#39;x&#39;&amp;y=1\""));
    }

    #[test]
    fn a_visitors_first_lines_can_be_a_quote() {
        let own = |text: &str| render_own(&RichText::plain(text));
        assert_eq!(own("> a <b>\n> c\nyes"), "<blockquote>a &lt;b&gt;\nc</blockquote>yes");
        assert_eq!(own("> a"), "<blockquote>a</blockquote>");
        assert_eq!(own("5 > 3\n> x"), "5 &gt; 3\n&gt; x");
    }

    #[test]
    fn formatting_nests() {
        let bold = Span::Styled { style: Style::Bold, c: vec![Span::text("b")] };
        let text = RichText(vec![Span::Styled { style: Style::Italic, c: vec![Span::text("a\n"), bold] }]);
        assert_eq!(render(&text), "<em>a\n<strong>b</strong></em>");
    }
}
