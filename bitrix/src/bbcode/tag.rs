//! The tags of the portal, and the one test of whether a bracket opens or closes one of them.
//!
//! The parser and the escaping of literal text ask the same [`head`], so that whatever one takes for a tag the other
//! breaks up.

use openline_core::text::Style;

/// A tag and what is done with it.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    pub(super) role: Role,
    arg: Arg,
}

/// What a tag becomes in the text model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Formatting of what it encloses.
    Style(Style),
    /// A line break.
    Break,
    /// Preformatted text.
    Code,
    /// A link.
    Url,
    /// A picture by its address.
    Image,
    /// A small picture in the line: its title.
    Icon,
    /// What it encloses, without the tag.
    Inner,
    /// What it encloses, or its argument when that is nothing.
    Button,
    /// What it encloses, and the telephone number.
    Call,
    /// A moment.
    Time,
    /// Nothing: internal to the portal.
    Nothing,
    /// A picture character.
    Emoji(&'static str),
}

/// Whether something follows the name inside the brackets.
#[derive(Debug, Clone, Copy)]
enum Arg {
    /// `[b]`
    Never,
    /// `[url]` or `[url=…]`
    May,
    /// `[size=…]`
    Must,
    /// `[img]`, `[img=…]` or `[img size=…]`
    Loose,
}

impl Arg {
    /// Whether `tail`, what follows the name, is of this form.
    fn fits(self, tail: &str) -> bool {
        let ends = tail.starts_with(']');
        let assigns = tail.trim_start_matches([' ', '\t']).starts_with('=');
        match self {
            Self::Never => ends,
            Self::May => ends || assigns,
            Self::Must => assigns,
            Self::Loose => ends || assigns || tail.starts_with([' ', '\t']),
        }
    }
}

const fn tag(name: &'static str, role: Role, arg: Arg) -> Tag {
    Tag { name, role, arg }
}

static TAGS: [Tag; 27] = [
    tag("b", Role::Style(Style::Bold), Arg::Never),
    tag("i", Role::Style(Style::Italic), Arg::Never),
    tag("u", Role::Style(Style::Underline), Arg::Never),
    tag("s", Role::Style(Style::Strike), Arg::Never),
    tag("br", Role::Break, Arg::Never),
    tag("code", Role::Code, Arg::Never),
    tag("icode", Role::Code, Arg::Never),
    tag("url", Role::Url, Arg::May),
    tag("img", Role::Image, Arg::Loose),
    tag("icon", Role::Icon, Arg::Must),
    tag("user", Role::Inner, Arg::Must),
    tag("chat", Role::Inner, Arg::Must),
    tag("context", Role::Inner, Arg::Must),
    tag("dialog", Role::Inner, Arg::Must),
    tag("size", Role::Inner, Arg::Must),
    tag("color", Role::Inner, Arg::Must),
    tag("date", Role::Inner, Arg::Must),
    tag("pch", Role::Inner, Arg::Must),
    tag("send", Role::Button, Arg::May),
    tag("put", Role::Button, Arg::May),
    tag("call", Role::Call, Arg::May),
    tag("timestamp", Role::Time, Arg::Must),
    tag("disk", Role::Nothing, Arg::Must),
    tag("attach", Role::Nothing, Arg::Must),
    tag("rating", Role::Nothing, Arg::Must),
    tag("like", Role::Emoji("👍"), Arg::Never),
    tag("dislike", Role::Emoji("👎"), Arg::Never),
];

const LONGEST_NAME: usize = "timestamp".len();

/// The beginning of a tag: everything after the bracket up to the end of the name.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) tag: &'static Tag,
    /// Whether it is `[/name]`.
    pub(super) closes: bool,
    /// Bytes of the slash and the name.
    pub(super) len: usize,
}

/// The tag that begins with a `[` right before `after`, if it is a known one in a form it is used in.
pub(super) fn head(after: &str) -> Option<Head> {
    let inside = after.strip_prefix('/').unwrap_or(after);
    let closes = inside.len() < after.len();
    let letters = inside.bytes().take(LONGEST_NAME + 1).take_while(u8::is_ascii_alphabetic).count();
    let (name, tail) = inside.split_at_checked(letters)?;
    let tag = TAGS.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))?;
    let fits = if closes { tail.starts_with(']') } else { tag.arg.fits(tail) };
    fits.then_some(Head { tag, closes, len: letters + usize::from(closes) })
}

/// The argument in what stands between the name and the closing bracket: after `=`, without its quotes.
pub(super) fn argument(inside: &str) -> &str {
    let value = inside.trim().strip_prefix('=').unwrap_or_default().trim();
    let quoted = |quote| value.strip_prefix(quote).map(|rest: &str| rest.split_once(quote).map_or(rest, |(v, _)| v));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).trim()
}
