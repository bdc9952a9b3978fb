//! The text model every channel and the backend translate to and from.
//!
//! A text is a small tree of [`Span`]s. Nothing in it is markup of any format: a [`Span::Text`] is literal characters,
//! whoever wrote them. Channels render the tree in their own format (safe HTML, Telegram entities); the backend parses
//! the portal's BB code into it. Links are checked when they enter the tree, see [`Href`].

use serde::{Deserialize, Serialize};

/// Formatting of a [`Span::Styled`] run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Strong text.
    Bold,
    /// Slanted text.
    Italic,
    /// Underlined text.
    Underline,
    /// Struck-through text.
    Strike,
}

/// One piece of a [`RichText`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Span {
    /// Literal characters; `\n` is a line break.
    Text {
        /// The characters.
        v: String,
    },
    /// Formatted children.
    Styled {
        /// Which formatting.
        style: Style,
        /// What is formatted.
        c: Vec<Span>,
    },
    /// A link with its visible content.
    Link {
        /// Where it leads.
        href: Href,
        /// What is shown; never empty.
        c: Vec<Span>,
    },
    /// A picture named by its address.
    Image {
        /// Where the picture is.
        src: Href,
    },
    /// Preformatted text: no formatting inside.
    Code {
        /// The characters.
        v: String,
    },
    /// A quotation of an earlier message.
    Quote {
        /// Who is quoted, if it was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
        /// What is quoted.
        c: Vec<Span>,
    },
}

impl Span {
    /// Literal characters.
    pub fn text(v: impl Into<String>) -> Self {
        Self::Text { v: v.into() }
    }
}

/// An address that is safe to offer as a link: `http`, `https`, `mailto` or `tel`, no control characters.
///
/// The only way to make one is [`Href::parse`], also when it is read from storage, so that no code after it needs to
/// think about `javascript:` or `data:` again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Href(String);

/// Why an address is not a safe link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a link openline offers: only http, https, mailto and tel addresses are")]
pub struct UnsafeHref;

/// Longest address taken for a link, in bytes.
const MAX_HREF: usize = 2048;

impl Href {
    /// Checks an address. Surrounding white space is dropped; a bare `www.` host gets `https://`.
    ///
    /// # Errors
    /// [`UnsafeHref`] for any other scheme, a control character or blank inside, or more than 2048 bytes.
    pub fn parse(address: &str) -> Result<Self, UnsafeHref> {
        let address = address.trim();
        let bad_char = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`' | '\\');
        if address.is_empty() || address.len() > MAX_HREF || address.chars().any(bad_char) {
            return Err(UnsafeHref);
        }
        let lower = address.to_ascii_lowercase();
        if lower.starts_with("www.") {
            return Ok(Self(format!("https://{address}")));
        }
        let safe = ["http://", "https://", "mailto:", "tel:"];
        let rest = safe.iter().find_map(|scheme| lower.strip_prefix(scheme)).ok_or(UnsafeHref)?;
        if rest.is_empty() { Err(UnsafeHref) } else { Ok(Self(address.to_owned())) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is fetched by `http` or `https`.
    pub fn is_web(&self) -> bool {
        self.0.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
    }
}

impl TryFrom<String> for Href {
    type Error = UnsafeHref;
    fn try_from(value: String) -> Result<Self, UnsafeHref> {
        Self::parse(&value)
    }
}

impl From<Href> for String {
    fn from(value: Href) -> Self {
        value.0
    }
}

/// A text: a list of spans, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RichText(pub Vec<Span>);

impl RichText {
    /// A text without any formatting; the characters are taken literally.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::default() } else { Self(vec![Span::text(text)]) }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the text is literal characters only.
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|span| matches!(span, Span::Text { .. }))
    }

    /// The text for places without formatting: links as `label (address)`, quotes as `> line`.
    pub fn to_plain(&self) -> String {
        let mut out = String::new();
        plain_into(&self.0, &mut out);
        out
    }
}

impl From<&str> for RichText {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

fn plain_into(spans: &[Span], out: &mut String) {
    for span in spans {
        match span {
            Span::Text { v } | Span::Code { v } => out.push_str(v),
            Span::Styled { c, .. } => plain_into(c, out),
            Span::Link { href, c } => plain_link(href, c, out),
            Span::Image { src } => out.push_str(src.as_str()),
            Span::Quote { author, c } => plain_quote(author.as_deref(), c, out),
        }
    }
}

fn plain_link(href: &Href, c: &[Span], out: &mut String) {
    let mut label = String::new();
    plain_into(c, &mut label);
    out.push_str(&label);
    let shown = href.as_str();
    let bare = shown.split_once(':').map_or(shown, |(_, rest)| rest.trim_start_matches('/'));
    if label.trim() != shown && label.trim() != bare {
        out.push_str(&format!(" ({shown})"));
    }
}

fn plain_quote(author: Option<&str>, c: &[Span], out: &mut String) {
    let mut quoted = String::new();
    plain_into(c, &mut quoted);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    if let Some(author) = author {
        out.push_str(&format!("> {author}:\n"));
    }
    for line in quoted.lines() {
        out.push_str(&format!("> {line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_four_schemes_are_links() {
        for good in ["https://a.example/x?y=1", "HTTP://A.example", "mailto:a@b.example", "tel:+123", "www.a.example"] {
            assert!(Href::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\nscript:x",
            "data:text/html,x",
            "//a.example",
            "",
            "https://",
            "vbscript:x",
            "https://a\"b",
            "file:///etc/passwd",
        ] {
            assert_eq!(Href::parse(bad), Err(UnsafeHref), "{bad}");
        }
    }

    #[test]
    fn stored_links_are_checked_again() {
        assert!(serde_json::from_str::<RichText>(r#"[{"t":"link","href":"javascript:x","c":[]}]"#).is_err());
    }

    #[test]
    fn plain_text_keeps_addresses_readable() {
        let text = RichText(vec![
            Span::Styled { style: Style::Bold, c: vec![Span::text("see ")] },
            Span::Link { href: Href::parse("https://a.example").unwrap(), c: vec![Span::text("this")] },
            Span::text("\n"),
            Span::Quote { author: Some("Ann".into()), c: vec![Span::text("one\ntwo")] },
        ]);
        assert_eq!(text.to_plain(), "see this (https://a.example)\n> Ann:\n> one\n> two\n");
    }
}
