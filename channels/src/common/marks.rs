//! A marked text in the form of a messenger that has a table of marks.

use super::rich::{Mark, Rendered};
use std::ops::Range;

/// How a mark is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pair {
    /// The same sign on both sides, tight around words and anew on each line: `*bold*`.
    Tight(String),
    /// What opens and what closes it: `<b>`, `</b>`.
    Around(String, String),
}

/// A messenger's marks. What it has none for is written without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) bold: Option<Pair>,
    pub(crate) italic: Option<Pair>,
    pub(crate) underline: Option<Pair>,
    pub(crate) strike: Option<Pair>,
    pub(crate) code: Option<Pair>,
    /// `{href}` in it is the address. Without it an address is shown behind its words.
    pub(crate) link: Option<(String, String)>,
    /// Without it lines begin with "> ".
    pub(crate) quote: Option<(String, String)>,
    /// Signs that would be marks, and what is written instead.
    pub(crate) escape: Vec<(char, String)>,
}

impl Marks {
    /// The text in the messenger's form.
    pub(crate) fn write(&self, of: &Rendered) -> String {
        let mut signs: Vec<(usize, bool, usize, usize, String)> = Vec::new();
        let mut sign = |run: Range<usize>, open: &str, close: &str| {
            let nth = signs.len();
            signs.push((run.start, true, usize::MAX - run.end, nth, open.to_owned()));
            signs.push((run.end, false, usize::MAX - run.start, usize::MAX - nth, close.to_owned()));
        };
        for (run, mark) in &of.marks {
            match mark {
                Mark::Link(url) => match &self.link {
                    Some((open, close)) => {
                        let href = self.escaped(url.as_str()).replace('"', "%22");
                        sign(run.clone(), &open.replace("{href}", &href), &close.replace("{href}", &href));
                    }
                    None => sign(run.clone(), "", &shown_address(&of.text[run.clone()], url.as_str())),
                },
                Mark::Quote => match &self.quote {
                    Some((open, close)) => sign(run.clone(), open, close),
                    None => lines(&of.text, run).for_each(|line| sign(line, "> ", "")),
                },
                other => match self.pair(other) {
                    Some(Pair::Around(open, close)) => sign(run.clone(), open, close),
                    Some(Pair::Tight(both)) => tight(&of.text, run).for_each(|run| sign(run, both, both)),
                    None => {}
                },
            }
        }
        // At one place: what closes before what opens; what opens last closes first.
        signs.sort_by_key(|sign| (sign.0, sign.1, sign.2, sign.3));
        let (mut out, mut at) = (String::new(), 0);
        for (place, _, _, _, sign) in signs {
            out.push_str(&self.escaped(&of.text[at..place]));
            out.push_str(&sign);
            at = place;
        }
        out.push_str(&self.escaped(&of.text[at..]));
        out
    }

    fn pair(&self, mark: &Mark) -> Option<&Pair> {
        match mark {
            Mark::Bold => self.bold.as_ref(),
            Mark::Italic => self.italic.as_ref(),
            Mark::Underline => self.underline.as_ref(),
            Mark::Strike => self.strike.as_ref(),
            Mark::Code | Mark::Pre => self.code.as_ref(),
            Mark::Quote | Mark::Link(_) => None,
        }
    }

    /// Literal characters, so that none is taken for a mark.
    pub(crate) fn escaped(&self, text: &str) -> String {
        let instead = |c: char| self.escape.iter().find(|(from, _)| *from == c).map(|(_, to)| to.as_str());
        text.chars().fold(String::new(), |mut out, c| {
            match instead(c) {
                Some(to) => out.push_str(to),
                None => out.push(c),
            }
            out
        })
    }
}

/// What is put behind the words of a link; nothing when they are the address.
fn shown_address(label: &str, href: &str) -> String {
    let bare =
        |text: &str| text.trim().trim_end_matches('/').split_once("://").map_or(text, |(_, rest)| rest).to_owned();
    let same = bare(label).trim_end_matches('/') == bare(href).trim_end_matches('/');
    if same { String::new() } else { format!(" ({href})") }
}

fn lines<'t>(text: &'t str, run: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'t> {
    let start = run.start;
    let inside = &text[run.clone()];
    inside.split_inclusive('\n').scan(start, |at, line| {
        let range = *at..*at + line.trim_end_matches('\n').len();
        *at += line.len();
        Some(range)
    })
}

/// The run on each line, without blanks at its ends.
fn tight<'t>(text: &'t str, run: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'t> {
    let trimmed = |line: Range<usize>| {
        let inside = &text[line.clone()];
        let start = line.start + (inside.len() - inside.trim_start().len());
        start..start + inside.trim().len()
    };
    lines(text, run).map(trimmed).filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::text::{Href, RichText, Span, Style};

    fn html() -> Marks {
        let around = |open: &str, close: &str| Some(Pair::Around(open.into(), close.into()));
        Marks {
            bold: around("<b>", "</b>"),
            italic: around("<i>", "</i>"),
            link: Some(("<a href=\"{href}\">".into(), "</a>".into())),
            escape: vec![('&', "&amp;".into()), ('<', "&lt;".into()), ('>', "&gt;".into())],
            ..Marks::default()
        }
    }

    fn stars() -> Marks {
        let tight = |sign: &str| Some(Pair::Tight(sign.into()));
        Marks { bold: tight("*"), italic: tight("_"), ..Marks::default() }
    }

    fn written(marks: &Marks, spans: Vec<Span>) -> String {
        marks.write(&Rendered::of(&RichText(spans), None))
    }

    fn styled(style: Style, c: Vec<Span>) -> Span {
        Span::Styled { style, c }
    }

    #[test]
    fn marks_nest_and_signs_are_escaped() {
        let inner = styled(Style::Italic, vec![Span::text("b<")]);
        let spans =
            vec![styled(Style::Bold, vec![Span::text("a&"), inner]), styled(Style::Italic, vec![Span::text("c")])];
        assert_eq!(written(&html(), spans.clone()), "<b>a&amp;<i>b&lt;</i></b><i>c</i>");
        assert_eq!(written(&stars(), spans), "*a&_b<_*_c_");
        let whole = styled(Style::Bold, vec![styled(Style::Italic, vec![Span::text("x")])]);
        assert_eq!(written(&html(), vec![whole]), "<b><i>x</i></b>");
    }

    #[test]
    fn signs_stand_tight_around_words_on_each_line() {
        let spans = vec![styled(Style::Bold, vec![Span::text(" one \n\ntwo ")]), Span::text("three")];
        assert_eq!(written(&stars(), spans), " *one* \n\n*two* three");
    }

    #[test]
    fn links_are_marked_or_shown() {
        let link = |label: &str| {
            vec![Span::Link { href: Href::parse("https://a.example/x").unwrap(), c: vec![Span::text(label)] }]
        };
        assert_eq!(written(&html(), link("see")), "<a href=\"https://a.example/x\">see</a>");
        assert_eq!(written(&stars(), link("see")), "see (https://a.example/x)");
        assert_eq!(written(&stars(), link("https://a.example/x")), "https://a.example/x");
    }

    #[test]
    fn quotes_are_lines_where_there_is_no_mark() {
        let quote = Span::Quote { author: None, c: vec![Span::text("one\ntwo")] };
        assert_eq!(written(&stars(), vec![quote, Span::text("yes")]), "> one\n> two\nyes");
    }
}
