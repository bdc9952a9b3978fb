//! The tree under construction.

use openline_core::text::{Span, Style};

use super::frame::{Ending, Frame, FrameKind, append, is_blank};
use super::tag::Tag;

/// Tags open inside each other; deeper ones are text.
const MAX_DEPTH: usize = 32;

/// Quotations lie at the bottom of the open frames, tags on them: a quotation encloses formatting, never the reverse.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    root: Vec<Span>,
    frames: Vec<Frame<'a>>,
    quotes: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn text(&mut self, text: &str) {
        append(self.spans(), Span::text(text));
    }

    pub(super) fn span(&mut self, span: Span) {
        append(self.spans(), span);
    }

    /// Whether a link is open.
    pub(super) fn in_link(&self) -> bool {
        self.link().is_some()
    }

    /// Opens a tag. A style inside itself adds nothing; a link ends the link it stands in.
    pub(super) fn open(&mut self, tag: &'static Tag, kind: FrameKind, raw: &'a str) {
        if self.frames.len() - self.quotes >= MAX_DEPTH {
            return self.text(raw);
        }
        let kind = match kind {
            FrameKind::Style(style) if self.styled(style) => FrameKind::Inner,
            FrameKind::Link(_) | FrameKind::Refused(_) => {
                self.end_link();
                kind
            }
            other => other,
        };
        self.frames.push(Frame::new(Some(tag), kind, raw));
    }

    /// Closes the innermost open `tag`; false if none is. What was opened inside it goes on after it.
    pub(super) fn close(&mut self, tag: &'static Tag) -> bool {
        let is_it = |frame: &Frame<'_>| frame.tag.is_some_and(|open| open.name == tag.name);
        let Some(at) = self.frames.iter().rposition(is_it) else { return false };
        let inner = self.cut(at + 1);
        self.pop(Ending::Closed);
        self.frames.extend(inner);
        true
    }

    /// Makes the lines that follow quoted `depth` times; an author belongs to the first quotation that opens.
    pub(super) fn quote(&mut self, depth: usize, mut author: Option<String>) {
        if depth == self.quotes {
            return;
        }
        let inner = self.cut(self.quotes);
        self.cut(depth);
        while self.frames.len() < depth {
            self.frames.push(Frame::new(None, FrameKind::Quote(author.take()), ""));
        }
        self.quotes = depth;
        self.frames.extend(inner);
    }

    pub(super) fn finish(mut self) -> Vec<Span> {
        while !self.frames.is_empty() {
            self.pop(Ending::Over);
        }
        self.root
    }

    fn spans(&mut self) -> &mut Vec<Span> {
        self.frames.last_mut().map_or(&mut self.root, |frame| &mut frame.spans)
    }

    fn styled(&self, style: Style) -> bool {
        self.frames.iter().any(|frame| matches!(frame.kind, FrameKind::Style(open) if open == style))
    }

    fn link(&self) -> Option<usize> {
        self.frames.iter().rposition(|frame| matches!(frame.kind, FrameKind::Link(_) | FrameKind::Refused(_)))
    }

    /// Ends the open link, if any, but lets its closing tag count.
    fn end_link(&mut self) {
        let Some(at) = self.link() else { return };
        let inner = self.cut(at + 1);
        if let Some(link) = self.pop(Ending::Closed) {
            self.frames.push(Frame { kind: FrameKind::Inner, ..link });
        }
        self.frames.extend(inner);
    }

    /// Ends all but `keep` frames; returns those that go on, outermost first.
    fn cut(&mut self, keep: usize) -> Vec<Frame<'a>> {
        let mut ended = Vec::new();
        while self.frames.len() > keep {
            ended.extend(self.pop(Ending::Cut));
        }
        ended.retain(|frame| !matches!(frame.kind, FrameKind::Pending));
        ended.reverse();
        ended
    }

    /// Ends the innermost frame and puts what it becomes into the one around it; returns it empty.
    fn pop(&mut self, ending: Ending) -> Option<Frame<'a>> {
        let mut frame = self.frames.pop()?;
        let spans = std::mem::take(&mut frame.spans);
        let goes_on = frame.goes_on || !is_blank(&spans);
        for span in frame.become_spans(spans, ending) {
            append(self.spans(), span);
        }
        frame.goes_on = goes_on;
        Some(frame)
    }
}
