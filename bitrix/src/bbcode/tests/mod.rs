//! What the translation promises, row by row, and what it does with input made to break it.

mod field;
mod hostile;
mod parsing;
mod properties;
mod quoting;
mod signing;
mod writing;

use openline_core::text::{Href, Span, Style};

fn text(v: &str) -> Span {
    Span::text(v)
}

fn styled(style: Style, c: Vec<Span>) -> Span {
    Span::Styled { style, c }
}

fn bold(v: &str) -> Span {
    styled(Style::Bold, vec![text(v)])
}

fn href(address: &str) -> Href {
    Href::parse(address).unwrap()
}

fn link(address: &str, label: &str) -> Span {
    Span::Link { href: href(address), c: vec![text(label)] }
}

fn bare(address: &str) -> Span {
    link(address, address)
}

fn image(address: &str) -> Span {
    Span::Image { src: href(address) }
}

fn code(v: &str) -> Span {
    Span::Code { v: v.into() }
}

fn quote(author: Option<&str>, c: Vec<Span>) -> Span {
    Span::Quote { author: author.map(Into::into), c }
}
