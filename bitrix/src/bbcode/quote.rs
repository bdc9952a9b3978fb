//! What makes lines a quotation: `>>` at their start, or a block between two lines of 54 hyphens.

use super::parse::Parser;
use super::source::RULE;

/// The mark of a quoted line.
pub(super) const ARROW: &str = ">>";

/// Quotations inside each other; further marks are text.
const MAX_LEVELS: usize = 8;

/// How deep the line that `rest` begins with is quoted, when the line before it was so at level `current`.
///
/// A mark with nothing after it does not begin a quotation by itself: it would quote nothing.
fn levels(rest: &str, current: usize) -> usize {
    let marks = rest.as_bytes().chunks(ARROW.len()).take(MAX_LEVELS).take_while(|two| *two == ARROW.as_bytes()).count();
    let after = rest.get(marks * ARROW.len()..).unwrap_or_default();
    let quotes_nothing = after.is_empty() || after.strip_prefix('\n').is_some_and(|next| !next.starts_with(ARROW));
    if marks > current && quotes_nothing { marks - 1 } else { marks }
}

/// The author in `Name [date]`, the first line of a quoted block, and the length of that line with its end.
///
/// The portal may add ` #chat1/2`, the message quoted. The line is a heading only if text follows it.
fn heading(body: &str) -> Option<(&str, usize)> {
    let (line, text) = body.split_once('\n')?;
    // The date stands in the last brackets: a name may have some of its own.
    let (before, context) = line.rsplit_once(']')?;
    let (name, _) = before.rsplit_once('[')?;
    let name = name.trim();
    let context = context.trim();
    let heads = !name.is_empty() && (context.is_empty() || context.starts_with('#')) && !text.trim().is_empty();
    heads.then_some((name, line.len() + 1))
}

impl Parser<'_> {
    /// The break before the end of a quotation is a part of its mark.
    pub(super) fn line_break(&mut self) {
        self.take(1);
        let leaves_block = self.block_end == Some(self.at());
        if !leaves_block && levels(self.rest, self.arrows) >= self.arrows {
            self.tree.text("\n");
        }
        self.line_start();
    }

    pub(super) fn line_start(&mut self) {
        self.leave_block();
        self.enter_block();
        self.arrows = levels(self.rest, self.arrows);
        self.tree.quote(self.arrows + usize::from(self.block_end.is_some()), None);
        self.take(self.arrows * ARROW.len());
    }

    fn leave_block(&mut self) {
        let at = self.at();
        if self.block_end.is_none_or(|end| at < end) {
            return;
        }
        if self.block_end == Some(at) {
            self.take_line();
        }
        self.block_end = None;
        self.arrows = 0;
        self.tree.quote(0, None);
    }

    /// A block is two lines of hyphens with text between them.
    fn enter_block(&mut self) {
        let Some(end) = self.next_rule().filter(|_| self.block_end.is_none()) else { return };
        let after_rule = self.rest.find('\n').map_or(self.rest.len(), |line_end| line_end + 1);
        let body = self.source.text.get(self.at() + after_rule..end).unwrap_or_default();
        if body.trim().is_empty() {
            return;
        }
        let (author, len) = heading(body).unwrap_or_default();
        self.take(after_rule + len);
        self.block_end = Some(end);
        self.arrows = 0;
        self.tree.quote(0, None);
        self.tree.quote(1, Some(author.to_owned()).filter(|author| !author.is_empty()));
    }

    /// Where the rule after this one is, if the rest begins with one.
    fn next_rule(&mut self) -> Option<usize> {
        if !self.rest.starts_with(RULE) {
            return None;
        }
        let at = self.at();
        let rules = &self.source.rules;
        self.rule += rules.iter().skip(self.rule).take_while(|rule| **rule < at).count();
        rules.get(self.rule).filter(|rule| **rule == at)?;
        rules.get(self.rule + 1).copied()
    }

    fn take_line(&mut self) {
        let line_end = self.rest.find('\n').map_or(self.rest.len(), |line_end| line_end + 1);
        self.take(line_end);
    }
}
