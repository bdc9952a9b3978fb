//! What is open, and what becomes of it when it ends.

use openline_core::text::{Href, RichText, Span, Style};

use super::tag::Tag;

/// What is open.
#[derive(Debug)]
pub(super) enum FrameKind {
    Style(Style),
    /// Its content, nothing else.
    Inner,
    /// Its content; but when it is never closed, it was not meant as a tag.
    Pending,
    /// Its content, or this text in place of none.
    Button(String),
    /// Its content, and this number if the content does not tell it.
    Call(String),
    Link(Href),
    /// A link that must not be offered: its content, or this address as text in place of none.
    Refused(String),
    Quote(Option<String>),
}

/// How something open ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By its own closing tag.
    Closed,
    /// By the end of what it began in; it goes on after it.
    Cut,
    /// By the end of the text.
    Over,
}

#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// None for a quotation, which lines open and close.
    pub(super) tag: Option<&'static Tag>,
    pub(super) kind: FrameKind,
    /// The opening tag as it was written.
    pub(super) raw: &'a str,
    pub(super) spans: Vec<Span>,
    /// Whether a part of it that can be seen was cut off and is in the tree already.
    pub(super) goes_on: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn new(tag: Option<&'static Tag>, kind: FrameKind, raw: &'a str) -> Self {
        Self { tag, kind, raw, spans: Vec::new(), goes_on: false }
    }

    /// What its content `c` becomes.
    pub(super) fn become_spans(&self, c: Vec<Span>, ending: Ending) -> Vec<Span> {
        let untold = !self.goes_on && ending == Ending::Closed;
        match &self.kind {
            FrameKind::Style(style) => enclose(c, |c| Span::Styled { style: *style, c }),
            FrameKind::Quote(author) => enclose(c, |c| Span::Quote { author: author.clone(), c }),
            FrameKind::Pending if ending != Ending::Closed => preceded(self.raw, c),
            FrameKind::Button(text) | FrameKind::Refused(text) if untold && is_blank(&c) => {
                vec![Span::text(text.as_str())]
            }
            FrameKind::Refused(_) if ending == Ending::Over && !self.goes_on => preceded(self.raw, c),
            FrameKind::Call(number) if untold => with_number(number, c),
            FrameKind::Link(href) => self.become_link(href, c, ending),
            _ => c,
        }
    }

    /// A link that is never closed shows its address: nobody said where its text ends.
    fn become_link(&self, href: &Href, mut c: Vec<Span>, ending: Ending) -> Vec<Span> {
        let bare = || Span::Link { href: href.clone(), c: vec![Span::text(href.as_str())] };
        match ending {
            Ending::Over if self.goes_on => c,
            Ending::Over => {
                c.insert(0, bare());
                c
            }
            Ending::Closed if !self.goes_on && is_blank(&c) => vec![bare()],
            _ if is_blank(&c) => c,
            _ => enclose(c, |c| Span::Link { href: href.clone(), c }),
        }
    }
}

/// Appends a span: text joins text, nothing empty is kept.
pub(super) fn append(spans: &mut Vec<Span>, span: Span) {
    match (spans.last_mut(), span) {
        (_, Span::Text { v } | Span::Code { v }) if v.is_empty() => {}
        (Some(Span::Text { v: before }), Span::Text { v }) => before.push_str(&v),
        (_, span) => spans.push(span),
    }
}

fn enclose(c: Vec<Span>, make: impl FnOnce(Vec<Span>) -> Span) -> Vec<Span> {
    if c.is_empty() { c } else { vec![make(c)] }
}

fn preceded(raw: &str, c: Vec<Span>) -> Vec<Span> {
    let mut spans = Vec::with_capacity(c.len() + 1);
    std::iter::once(Span::text(raw)).chain(c).for_each(|span| append(&mut spans, span));
    spans
}

/// Whether there is nothing to see, so that nobody could click on it.
pub(super) fn is_blank(c: &[Span]) -> bool {
    c.iter().all(|span| match span {
        Span::Text { v } => v.trim().is_empty(),
        Span::Styled { c, .. } => is_blank(c),
        _ => false,
    })
}

/// Adds a telephone number unless the content shows its digits already.
fn with_number(number: &str, c: Vec<Span>) -> Vec<Span> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let content = RichText(c);
    let shown = digits(&content.to_plain()).contains(&digits(number));
    let blank = is_blank(&content.0);
    let mut c = content.0;
    if blank {
        c = vec![Span::text(number)];
    } else if !shown {
        c.push(Span::text(format!(" ({number})")));
    }
    c
}
