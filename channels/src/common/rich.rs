//! A text with marks on ranges of it: what is between our text model and a messenger's own form.

use openline_core::text::{Href, RichText, Span, Style};
use std::ops::Range;
use url::Url;

/// Formatting of a run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    Bold,
    Italic,
    Underline,
    Strike,
    Code,
    Pre,
    Quote,
    Link(Url),
}

/// A text and its formatting. Runs nest: of two that meet, one lies within the other. `code` meets nothing but itself,
/// quotes don't nest (Telegram demands both).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) marks: Vec<(Range<usize>, Mark)>,
}

/// What a span stands in.
#[derive(Clone, Copy, Default)]
struct Inside {
    quoted: bool,
    linked: bool,
}

impl Rendered {
    /// A text as messengers show it, under its writer's name when one is given.
    pub(crate) fn of(text: &RichText, author: Option<&str>) -> Self {
        let mut out = Self::default();
        if let Some(author) = author {
            out.marked(&Mark::Bold, |out| out.text.push_str(author));
            out.text.push('\n');
        }
        out.spans(&text.0, Inside::default());
        out
    }

    /// Whether there is nothing that would be shown.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// A part of it, by bytes.
    pub(crate) fn part(&self, range: &Range<usize>) -> Self {
        let cut = |(run, mark): &(Range<usize>, Mark)| {
            let (start, end) = (run.start.max(range.start), run.end.min(range.end));
            (start < end).then(|| (start - range.start..end - range.start, mark.clone()))
        };
        Self { text: self.text[range.clone()].to_owned(), marks: self.marks.iter().filter_map(cut).collect() }
    }

    fn spans(&mut self, spans: &[Span], place: Inside) {
        for (i, span) in spans.iter().enumerate() {
            match span {
                Span::Text { v } => self.text.push_str(v),
                Span::Styled { style, c } => self.marked(&mark(*style), |out| out.spans(c, place)),
                Span::Link { href, c } => self.link(href, c, place),
                Span::Image { src } => self.link(src, &[Span::text(src.as_str())], place),
                Span::Code { v } if place.quoted => self.text.push_str(v),
                Span::Code { v } => self.code(v),
                Span::Quote { author, c } => self.quote(author.as_deref(), c, place, i + 1 < spans.len()),
            }
        }
    }

    fn marked(&mut self, mark: &Mark, fill: impl FnOnce(&mut Self)) {
        let (start, place) = (self.text.len(), self.marks.len());
        fill(self);
        // Outer runs stand before inner ones. Code inside cuts them; there is none in quotes.
        let mut at = start;
        let mut pieces = Vec::new();
        for (run, _) in self.marks[place..].iter().filter(|(_, inner)| matches!(inner, Mark::Code | Mark::Pre)) {
            pieces.push(at..run.start);
            at = run.end;
        }
        pieces.push(at..self.text.len());
        let marks = pieces.into_iter().filter(|run| !run.is_empty()).map(|run| (run, mark.clone()));
        self.marks.splice(place..place, marks.collect::<Vec<_>>());
    }

    /// Links lead to web addresses only; of others the address is shown.
    fn link(&mut self, href: &Href, c: &[Span], place: Inside) {
        let url = Url::parse(href.as_str()).ok().filter(|_| href.is_web() && !place.linked);
        if let Some(url) = url {
            return self.marked(&Mark::Link(url), |out| out.spans(c, Inside { linked: true, ..place }));
        }
        let start = self.text.len();
        self.spans(c, place);
        let address = href.as_str().split_once(':').map_or(href.as_str(), |(_, address)| address);
        if !self.text[start..].contains(address) {
            self.text.push_str(&format!(" ({address})"));
        }
    }

    fn code(&mut self, v: &str) {
        let start = self.text.len();
        self.text.push_str(v);
        let mark = if v.contains('\n') { Mark::Pre } else { Mark::Code };
        if start < self.text.len() {
            self.marks.push((start..self.text.len(), mark));
        }
    }

    fn quote(&mut self, author: Option<&str>, c: &[Span], place: Inside, more: bool) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        let fill = |out: &mut Self| {
            if let Some(author) = author {
                out.marked(&Mark::Bold, |out| out.text.push_str(author));
                out.text.push('\n');
            }
            out.spans(c, Inside { quoted: true, ..place });
        };
        if place.quoted {
            fill(self);
        } else {
            self.marked(&Mark::Quote, fill);
        }
        if more && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn mark(style: Style) -> Mark {
    match style {
        Style::Bold => Mark::Bold,
        Style::Italic => Mark::Italic,
        Style::Underline => Mark::Underline,
        Style::Strike => Mark::Strike,
    }
}
