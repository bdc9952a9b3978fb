//! Writing a text as BB code.

use openline_core::text::{Href, RichText, Span, Style};

use super::escape::{code_literal, literal};
use super::frame::{append, is_blank};
use super::quote::ARROW;
use super::source::RULE;
use super::source::line_feeds;

/// Writes what a visitor or a channel said, for the portal. Formatting becomes tags, literal text stays literal.
///
/// There is no official way to write a bracket that is not a tag. Where literal text would be taken for a tag of the
/// portal, for `#BR#`, for a quoted line or for the line around a quoted block, a zero-width space (U+200B) breaks it
/// up; any other text stays as it is, byte for byte, except that `\r\n` and `\r` become `\n`. Nothing is escaped for
/// HTML: the portal shows `<` and `&` as they are. Neither is anything cut or trimmed here; the portal does both.
///
/// - A link is `[url=address]label[/url]`, square brackets and a second `#` in its address percent-encoded; a link in a
///   link is its label.
/// - A quotation with an author is a block between lines of hyphens, its heading without a date; one without an author,
///   or inside another, is lines that begin with `>>`.
pub fn write(text: &RichText) -> String {
    let mut writer = Writer::default();
    writer.spans(&tidy(&text.0, false));
    writer.out
}

/// Joins text with text, drops what is empty and makes a link in a link its label, so that what is written next to each
/// other is seen together.
fn tidy(spans: &[Span], linked: bool) -> Vec<Span> {
    let mut out = Vec::with_capacity(spans.len());
    for span in spans {
        match span {
            Span::Styled { style, c } => out.extend(enclose(tidy(c, linked), |c| Span::Styled { style: *style, c })),
            Span::Quote { author, c } => {
                out.extend(enclose(tidy(c, linked), |c| Span::Quote { author: author.clone(), c }));
            }
            Span::Link { c, .. } if linked => tidy(c, true).into_iter().for_each(|span| append(&mut out, span)),
            Span::Link { href, c } => out.push(Span::Link { href: href.clone(), c: tidy(c, true) }),
            other => append(&mut out, other.clone()),
        }
    }
    out
}

fn enclose(c: Vec<Span>, make: impl FnOnce(Vec<Span>) -> Span) -> Option<Span> {
    if c.is_empty() { None } else { Some(make(c)) }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Whether this is inside a quotation.
    quoted: bool,
    /// Whether a quotation was just written: what follows begins a new line.
    after_quote: bool,
}

impl Writer {
    fn spans(&mut self, spans: &[Span]) {
        for span in spans {
            match span {
                Span::Text { v } => self.literal(v),
                Span::Styled { style, c } => self.styled(*style, c),
                Span::Link { href, c } => self.link(href, c),
                Span::Image { src } => self.put(&format!("[img]{}[/img]", address(src))),
                Span::Code { v } => self.code(v),
                Span::Quote { author, c } => self.quote(author.as_deref(), c),
            }
        }
    }

    fn put(&mut self, bb: &str) {
        if std::mem::take(&mut self.after_quote) {
            self.out.push('\n');
        }
        self.out.push_str(bb);
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn literal(&mut self, text: &str) {
        let begins_line = self.after_quote || self.at_line_start();
        self.put(&literal(&line_feeds(text), begins_line));
    }

    fn styled(&mut self, style: Style, c: &[Span]) {
        let tag = match style {
            Style::Bold => "b",
            Style::Italic => "i",
            Style::Underline => "u",
            Style::Strike => "s",
        };
        self.put(&format!("[{tag}]"));
        self.spans(c);
        self.close(&format!("[/{tag}]"));
    }

    /// Line breaks at the end go after the closing tag, so that a quotation can begin right there.
    fn close(&mut self, closing: &str) {
        let breaks = self.out.split_off(self.out.trim_end_matches('\n').len());
        self.put(closing);
        self.out.push_str(&breaks);
    }

    fn link(&mut self, href: &Href, c: &[Span]) {
        let address = address(href);
        let bare = matches!(c, [Span::Text { v }] if v == href.as_str());
        if bare || is_blank(c) {
            return self.put(&format!("[url]{address}[/url]"));
        }
        self.put(&format!("[url={address}]"));
        self.spans(c);
        self.put("[/url]");
    }

    /// In quoted lines every line of code is code of its own, or its breaks would end the quotation.
    fn code(&mut self, text: &str) {
        let text = line_feeds(text);
        let enclosed = |code: &str| format!("[code]{}[/code]", code_literal(code));
        let whole =
            if self.quoted { text.split('\n').map(enclosed).collect::<Vec<_>>().join("\n") } else { enclosed(&text) };
        self.put(&whole);
    }

    fn quote(&mut self, author: Option<&str>, c: &[Span]) {
        let mut inner = Self { quoted: true, ..Self::default() };
        if self.quoted
            && let Some(author) = author
        {
            inner.literal(&format!("{author}:\n"));
        }
        inner.spans(c);
        self.put("");
        if !self.at_line_start() {
            self.out.push('\n');
        }
        let bb = match author.filter(|_| !self.quoted).map(name).filter(|name| !name.is_empty()) {
            Some(name) => format!("{RULE}\n{name} [ ]\n{}\n{RULE}", inner.out),
            None => inner.out.split('\n').map(|line| format!("{ARROW}{line}")).collect::<Vec<_>>().join("\n"),
        };
        self.put(&bb);
        self.after_quote = true;
    }
}

/// The address for use in a tag: without the square brackets that would end it, and without `#BR#`.
fn address(href: &Href) -> String {
    let address = href.as_str().replace('[', "%5B").replace(']', "%5D");
    match address.split_once('#') {
        Some((page, place)) => format!("{page}#{}", place.replace('#', "%23")),
        None => address,
    }
}

/// An author for the heading of a quoted block: one line without square brackets.
fn name(author: &str) -> String {
    let plain = author.replace('[', "(").replace(']', ")");
    literal(&plain.split_whitespace().collect::<Vec<_>>().join(" "), true)
}
