//! The walk over operator text.

use openline_core::text::{Href, RichText, Span};

use super::frame::FrameKind;
use super::links::link_addresses;
use super::source::Source;
use super::tag::{Head, Role, argument, head};
use super::tree::Tree;
use super::values::{moment, title};

/// Longest address looked for between `[url]` and `[/url]`, in bytes: none longer is a link.
const MAX_ADDRESS: usize = 2048;

/// Reads operator text. It takes any text and needs time in proportion to its length.
///
/// No text is lost: what is not a tag of the portal in a form the portal uses stays as it is. In doubt:
/// - A style that is never closed reaches to the end; one that is closed while others stand open inside it ends alone,
///   and they go on. A closing tag with nothing to close is text.
/// - `[url=…]`, never closed, is its address as a link. A link that begins in a link ends it. `[url]`, `[img]`,
///   `[send]`, `[put]`, `[call]`, never closed, are text, and so is `[code]`.
/// - An address that [`Href`] refuses is never a link: its label is text; if there is none, the address is.
/// - More than 32 tags inside each other, or more than 8 quotations, and the further ones are text.
/// - A known tag inside a bare address ends the address.
/// - `[send=x][/send]`, `[put=x][/put]` and `[call=n][/call]` show what they would do; a call names its number.
/// - `[icode]` and `[date=…]` are tags too: the portal's own pages know them.
/// - A tag stands in one line. `\r\n` and `\r` become `\n`.
/// - A line break before a quotation is kept, the one that ends it belongs to it, see [`RichText::to_plain`].
pub fn parse(bb: &str) -> RichText {
    let source = Source::new(bb);
    RichText(link_addresses(Parser::new(&source).run()))
}

/// The walk: what is behind is in the tree.
pub(super) struct Parser<'a> {
    pub(super) source: &'a Source,
    pub(super) rest: &'a str,
    pub(super) tree: Tree<'a>,
    /// Where the open quoted block ends.
    pub(super) block_end: Option<usize>,
    /// How deep the line is quoted by `>>`.
    pub(super) arrows: usize,
    /// The first of the source's codes, rules and pairs that is not behind yet.
    code: usize,
    pub(super) rule: usize,
    pair: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a Source) -> Self {
        let tree = Tree::default();
        Self { source, rest: &source.text, tree, block_end: None, arrows: 0, code: 0, rule: 0, pair: 0 }
    }

    fn run(mut self) -> Vec<Span> {
        self.line_start();
        while let Some(found) = self.rest.find(['[', '\n']) {
            let text = self.take(found);
            self.tree.text(text);
            if self.rest.starts_with('\n') {
                self.line_break();
            } else {
                self.bracket();
            }
        }
        self.tree.text(self.rest);
        self.tree.finish()
    }

    /// Where the rest begins.
    pub(super) fn at(&self) -> usize {
        self.source.text.len() - self.rest.len()
    }

    /// Steps over some bytes.
    pub(super) fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn bracket(&mut self) {
        if self.take_code() {
            return;
        }
        let tag = self.tag();
        let taken = self.take(tag.unwrap_or(1));
        if tag.is_none() {
            self.tree.text(taken);
        }
    }

    fn take_code(&mut self) -> bool {
        let at = self.at();
        let codes = &self.source.codes;
        self.code += codes.iter().skip(self.code).take_while(|code| code.open < at).count();
        let Some(code) = codes.get(self.code).filter(|code| code.open == at) else { return false };
        self.take(code.after - code.open);
        self.tree.span(Span::Code { v: self.source.text[code.start..code.end].to_owned() });
        true
    }

    /// Does what the tag asks for that the rest begins with, and tells its length; None if the bracket is text.
    fn tag(&mut self) -> Option<usize> {
        let head = head(self.rest.get(1..)?)?;
        let name_end = 1 + head.len;
        if head.closes {
            return self.tree.close(head.tag).then_some(name_end + 1);
        }
        let end = self.closing_bracket()?;
        let (raw, after) = self.rest.split_at_checked(end + 1)?;
        let argument = argument(raw.get(name_end..end)?);
        if let Some((href, len)) = enclosed_address(after, &head, argument) {
            self.address(head.tag.role, href);
            return Some(raw.len() + len);
        }
        self.opening(&head, argument, raw).then_some(raw.len())
    }

    /// Where in the rest the bracket ends that it begins with.
    fn closing_bracket(&mut self) -> Option<usize> {
        let at = self.at();
        let pairs = &self.source.pairs;
        self.pair += pairs.iter().skip(self.pair).take_while(|(open, _)| *open < at).count();
        pairs.get(self.pair)?.1.map(|close| close - at)
    }

    fn address(&mut self, role: Role, href: Href) {
        let label = Span::text(href.as_str());
        self.tree.span(match role {
            Role::Image => Span::Image { src: href },
            _ if self.tree.in_link() => label,
            _ => Span::Link { href, c: vec![label] },
        });
    }

    /// Does what an opening tag asks for; false if it is text.
    fn opening(&mut self, head: &Head, argument: &str, raw: &'a str) -> bool {
        let kind = match head.tag.role {
            Role::Style(style) => FrameKind::Style(style),
            Role::Inner => FrameKind::Inner,
            Role::Image => FrameKind::Pending,
            Role::Url | Role::Button | Role::Call if argument.is_empty() => FrameKind::Pending,
            Role::Url => {
                Href::parse(argument).map_or_else(|_| FrameKind::Refused(argument.to_owned()), FrameKind::Link)
            }
            Role::Button => FrameKind::Button(argument.to_owned()),
            Role::Call => FrameKind::Call(argument.to_owned()),
            single => return self.single(single, argument),
        };
        self.tree.open(head.tag, kind, raw);
        true
    }

    /// Does what a tag asks for that encloses nothing; false if it is text.
    fn single(&mut self, role: Role, argument: &str) -> bool {
        let text = match role {
            Role::Nothing => Some(String::new()),
            Role::Icon => Some(title(argument).to_owned()),
            Role::Time => moment(argument),
            Role::Emoji(emoji) => Some(emoji.to_owned()),
            _ => None,
        };
        if let Some(text) = &text {
            self.tree.text(text);
        }
        text.is_some()
    }
}

/// The address in `u[/url]` or `u[/img]`, and the length of all that. None if it is not one: then it is a label.
fn enclosed_address(after: &str, opening: &Head, argument: &str) -> Option<(Href, usize)> {
    let ends_address = |head: &Head| matches!(head.tag.role, Role::Url | Role::Image | Role::Code);
    let image = opening.tag.role == Role::Image;
    if !image && (opening.tag.role != Role::Url || !argument.is_empty()) {
        return None;
    }
    let brackets = after.match_indices('[').map(|(at, _)| at).take_while(|at| *at <= MAX_ADDRESS);
    let mut heads = brackets.filter_map(|at| Some((at, head(after.get(at + 1..)?)?)));
    let (end, closing) = heads.find(|(_, head)| ends_address(head))?;
    if !closing.closes || closing.tag.name != opening.tag.name {
        return None;
    }
    let href = Href::parse(after.get(..end)?).ok()?;
    (href.is_web() || !image).then_some((href, end + 1 + closing.len + 1))
}
