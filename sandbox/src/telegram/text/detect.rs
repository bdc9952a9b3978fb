//! What Telegram marks itself: commands, mentions, hashtags, e-mail addresses, links. A minimum of it.

use serde_json::{Value, json};

use super::formatted::{Formatted, length};
use super::validate::{kind, sort, span};

/// Endings of bare links that are recognised.
const DOMAINS: [&str; 9] = ["com", "org", "net", "io", "ru", "de", "me", "example", "dev"];

/// Entities of a plain text.
pub(crate) fn detect(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split_inclusive([' ', '\n', '\t']) {
        let bare = word.trim_end_matches([' ', '\n', '\t']);
        let opened = bare.trim_start_matches(['(', '"', '\'', '[']);
        let lead = bare.len() - opened.len();
        let closed = opened.trim_end_matches(['.', ',', '!', '?', ')', ':', ';', '"', '\'', ']']);
        if let Some((kind, part)) = classify(closed) {
            found.push(json!({ "offset": at + lead, "length": length(part), "type": kind }));
        }
        at += length(word);
    }
    found
}

fn classify(word: &str) -> Option<(&'static str, &str)> {
    let named = |from: &str| from.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect::<String>();
    match word.chars().next()? {
        '/' => command(word).map(|part| ("bot_command", part)),
        '@' if named(&word[1..]).len() >= 3 => Some(("mention", &word[..=named(&word[1..]).len()])),
        '#' if named(&word[1..]).chars().any(char::is_alphabetic) => {
            Some(("hashtag", &word[..=named(&word[1..]).len()]))
        }
        _ if word.starts_with("http://") || word.starts_with("https://") => (word.len() > 8).then_some(("url", word)),
        _ => address(word),
    }
}

/// `/start`, `/start@shop_bot`: Latin letters, digits and underscores.
fn command(word: &str) -> Option<&str> {
    let latin = |it: &char| it.is_ascii_alphanumeric() || *it == '_';
    let name = word[1..].chars().take_while(latin).count();
    if name == 0 || name > 64 {
        return None;
    }
    let rest = &word[1 + name..];
    let bot = rest.strip_prefix('@').map_or(0, |rest| rest.chars().take_while(latin).count());
    match rest.chars().next() {
        Some('@') if bot > 0 => Some(&word[..name + bot + 2]),
        Some('/') => None,
        _ => Some(&word[..=name]),
    }
}

fn address(word: &str) -> Option<(&'static str, &str)> {
    let ending =
        |host: &str| host.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && DOMAINS.contains(&end));
    if let Some((user, host)) = word.split_once('@') {
        return (!user.is_empty() && ending(host)).then_some(("email", word));
    }
    ending(word.split('/').next().unwrap_or_default()).then_some(("url", word))
}

/// Adds what Telegram finds outside of code and links that the bot marked.
pub(super) fn merge(formatted: &mut Formatted) {
    let mut found = detect(&formatted.text);
    found.retain(|new| {
        let (from, length) = span(new);
        let clash = |old: &Value| {
            let (start, long) = span(old);
            let closed = matches!(kind(old), "code" | "pre" | "text_link" | "text_mention");
            closed && start < from + length && from < start + long
        };
        !formatted.entities.iter().any(clash)
    });
    formatted.entities.extend(found);
    sort(&mut formatted.entities);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(i64, i64, String)> {
        detect(text).iter().map(|it| (span(it).0, span(it).1, kind(it).to_owned())).collect()
    }

    #[test]
    fn offsets_count_utf16() {
        assert_eq!(found("/start shop"), [(0, 6, "bot_command".to_owned())]);
        assert_eq!(found("😀 see https://a.example/x."), [(7, 19, "url".to_owned())]);
        assert_eq!(found("me@a.example, #tag"), [(0, 12, "email".to_owned()), (14, 4, "hashtag".to_owned())]);
        assert_eq!(found("1/2 and/or 3.5 ok"), []);
    }
}
