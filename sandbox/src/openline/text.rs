//! Texts: what the portal does to a client's text, and the signature of an operator's (bitrix24.md §4.7, §8.3).

/// Texts longer than this are cut.
const MAX_TEXT: usize = 20_006;
/// To this length, before [`CUT_MARK`].
const CUT_TEXT: usize = 20_000;
const CUT_MARK: &str = " (...)";

/// A client's text as it is stored: line breaks unified, trimmed, cut.
pub(crate) fn incoming(text: &str) -> String {
    let broken = ["[BR]", "[br]", "#BR#"].iter().fold(text.to_owned(), |text, code| text.replace(code, "\n"));
    let trimmed = without_mentions(broken.trim());
    if trimmed.chars().count() > MAX_TEXT {
        trimmed.chars().take(CUT_TEXT).chain(CUT_MARK.chars()).collect()
    } else {
        trimmed
    }
}

/// `[USER=7]Name[/USER]` is reduced to its inner text: external clients see no employees.
fn without_mentions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inner, after)) = next_mention(rest) {
        out.push_str(before);
        out.push_str(inner);
        rest = after;
    }
    out + rest
}

fn next_mention(text: &str) -> Option<(&str, &str, &str)> {
    let upper = text.to_ascii_uppercase();
    let start = upper.find("[USER=")?;
    let open = start + upper[start..].find(']')?;
    let close = open + upper[open..].find("[/USER]")?;
    Some((&text[..start], &text[open + 1..close], &text[close + "[/USER]".len()..]))
}

/// An operator's text with his name in front, as in a new message.
pub(crate) fn signed_new(name: &str, text: &str) -> String {
    if text.is_empty() { format!("[b]{name}:[/b] ") } else { format!("[b]{name}:[/b] [br]{text}") }
}

/// The other layout, of an edited message.
pub(crate) fn signed_edit(name: &str, text: &str) -> String {
    format!("[b]{name}:[/b][br] {text}")
}

/// A text as older clients get it, `textlegacy`: HTML in place of BB codes.
pub(crate) fn legacy(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let breaks = ["[br]", "[BR]", "\n"].iter().fold(escaped, |text, code| text.replace(code, "<br />"));
    ["b", "i", "u", "s"].iter().fold(breaks, |text, tag| {
        let both = [((*tag).to_owned(), format!("<{tag}>")), (format!("/{tag}"), format!("</{tag}>"))];
        both.iter().fold(text, |text, (code, html)| {
            text.replace(&format!("[{code}]"), html).replace(&format!("[{}]", code.to_uppercase()), html)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_clients_get_html() {
        assert_eq!(legacy("[b]a[/b] < [I]b[/I]\nc"), "<b>a</b> &lt; <i>b</i><br />c");
    }

    #[test]
    fn breaks_and_mentions() {
        assert_eq!(incoming("  a[BR]b#BR#c "), "a\nb\nc");
        assert_eq!(incoming("hi [user=27]Anna[/user]!"), "hi Anna!");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(incoming(&"я".repeat(20_006)).chars().count(), 20_006);
        let cut = incoming(&"я".repeat(20_007));
        assert_eq!(cut.chars().count(), 20_006);
        assert!(cut.ends_with(" (...)"));
    }
}
