//! Breaking up what would not stay literal.

use super::quote::ARROW;
use super::source::RULE;
use super::tag::{Role, head};

/// Invisible, and no part of any tag or mark.
pub(super) const BREAK: char = '\u{200B}';

const LINE_MARK: &str = "#br#";

/// Literal text as the portal is to get it; `begins_line` tells whether its first character begins a line.
pub(super) fn literal(text: &str, begins_line: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut line_start = begins_line;
    let mut hyphens = 0;
    for (at, c) in text.char_indices() {
        hyphens = if c == '-' { hyphens + 1 } else { 0 };
        if hyphens == RULE.len() {
            out.push(BREAK);
            hyphens = 1;
        }
        out.push(c);
        if breaks_after(&text[at..], line_start) {
            out.push(BREAK);
        }
        line_start = c == '\n';
    }
    out
}

/// Whether `rest` begins with something that has a meaning, unless it is broken up after its first character.
fn breaks_after(rest: &str, line_start: bool) -> bool {
    match rest.as_bytes().first() {
        Some(b'[') => head(&rest[1..]).is_some(),
        Some(b'#') => rest.get(..LINE_MARK.len()).is_some_and(|mark| mark.eq_ignore_ascii_case(LINE_MARK)),
        Some(b'>') => line_start && rest.starts_with(ARROW),
        _ => false,
    }
}

/// Text inside code: only its closing tag has a meaning there.
pub(super) fn code_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        let closes = c == '[' && head(&text[at + 1..]).is_some_and(|head| head.closes && head.tag.role == Role::Code);
        if closes {
            out.push(BREAK);
        }
    }
    out
}
