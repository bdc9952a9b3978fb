//! The text as the parser walks over it: one kind of line break, and where code, quoted blocks and brackets end.
//!
//! All of it is found in single passes beforehand, so that the walk never searches ahead and stays linear.

use super::tag::{Role, head};

/// The line before and after a quoted block.
pub(super) const RULE: &str = "------------------------------------------------------";

/// Preformatted text inside its tags.
#[derive(Debug)]
pub(super) struct Code {
    /// Where the opening tag begins.
    pub(super) open: usize,
    /// Where the text begins.
    pub(super) start: usize,
    /// Where the text ends.
    pub(super) end: usize,
    /// Where the closing tag ends.
    pub(super) after: usize,
}

/// The prepared text.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) text: String,
    /// In order of appearance.
    pub(super) codes: Vec<Code>,
    /// Where the lines of 54 hyphens begin, in order, those inside code left out.
    pub(super) rules: Vec<usize>,
    /// Every `[` in order, with the `]` that balances it on the same line.
    pub(super) pairs: Vec<(usize, Option<usize>)>,
}

impl Source {
    pub(super) fn new(bb: &str) -> Self {
        let mut source = Self::default();
        source.take(bb);
        source.rules = rules(&source.text, &source.codes);
        source.pairs = pairs(&source.text);
        source
    }

    /// Copies the text with `\n` for every kind of line break, and notes where code is.
    fn take(&mut self, bb: &str) {
        // ASCII lower case keeps every offset.
        let lower = bb.to_ascii_lowercase();
        let closers = Closers::new(&lower);
        let mut at = 0;
        while let Some(found) = bb[at..].find(['\r', '[', '#']) {
            self.text.push_str(&bb[at..at + found]);
            at += found;
            at += self.special(&bb[at..], &lower[at..], closers.of(&lower[at..], at));
        }
        self.text.push_str(&bb[at..]);
    }

    /// Copies what begins with `\r`, `[` or `#`; returns how many bytes of it were taken.
    fn special(&mut self, rest: &str, lower: &str, closer: Option<&str>) -> usize {
        if let Some(closer) = closer
            && let Some(end) = lower.find(closer)
        {
            return self.code(rest, closer.len(), end);
        }
        let broken = ["\r\n", "\r", "[br]", "#br#"].into_iter().find(|mark| lower.starts_with(mark));
        self.text.push_str(if broken.is_some() { "\n" } else { &rest[..1] });
        broken.map_or(1, str::len)
    }

    /// Copies code whose closing tag is at `end`.
    fn code(&mut self, rest: &str, closer_len: usize, end: usize) -> usize {
        let (open, after) = (self.text.len(), end + closer_len);
        self.text.push_str(&rest[..closer_len - 1]);
        let start = self.text.len();
        self.text.push_str(&line_feeds(&rest[closer_len - 1..end]));
        let stop = self.text.len();
        self.text.push_str(&rest[end..after]);
        self.codes.push(Code { open, start, end: stop, after: self.text.len() });
        after
    }
}

/// `\n` for `\r\n` and `\r`.
pub(super) fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Where the last closing tags of code are: only code that is closed is code.
struct Closers([(&'static str, Option<usize>); 2]);

impl Closers {
    fn new(lower: &str) -> Self {
        Self(["[/code]", "[/icode]"].map(|closer| (closer, lower.rfind(closer))))
    }

    /// The closing tag of the code that opens at `at`, if it does and there is one.
    fn of(&self, lower: &str, at: usize) -> Option<&'static str> {
        let head = head(lower.strip_prefix('[')?).filter(|head| head.tag.role == Role::Code && !head.closes)?;
        let known = self.0.iter().find(|(closer, _)| closer[2..].starts_with(head.tag.name));
        known.filter(|(_, last)| last.is_some_and(|last| last > at)).map(|(closer, _)| *closer)
    }
}

fn rules(text: &str, codes: &[Code]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = codes.get(codes.partition_point(|code| code.after <= at));
        if line.trim_end() == RULE && code.is_none_or(|code| at < code.open) {
            found.push(at);
        }
        at += line.len();
    }
    found
}

fn pairs(text: &str) -> Vec<(usize, Option<usize>)> {
    let mut pairs: Vec<(usize, Option<usize>)> = Vec::new();
    let mut open = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => {
                open.push(pairs.len());
                pairs.push((at, None));
            }
            b']' => {
                if let Some(pair) = open.pop().and_then(|index: usize| pairs.get_mut(index)) {
                    pair.1 = Some(at);
                }
            }
            b'\n' => open.clear(),
            _ => {}
        }
    }
    pairs
}
