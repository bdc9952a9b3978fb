//! The `user` block of a message (`bitrix24.md` §4.7).

use openline_core::message::Conversation;
use serde_json::{Map, Value, json};

/// Longest name the portal takes, in characters.
const MAX_NAME: usize = 25;

/// The customer as the portal wants them: always the same whole block, because it blanks what is left out.
pub(crate) fn user_block(conversation: &Conversation) -> Value {
    let visitor = &conversation.visitor;
    let mut user = Map::new();
    user.insert("id".into(), json!(conversation.chat.as_str()));
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            user.insert(key.into(), Value::String(value));
        }
    };
    put("name", Some(clean(&visitor.name)));
    put("last_name", Some(clean(&visitor.last_name)));
    put("email", visitor.email.clone());
    put("phone", visitor.phone.clone());
    put("url", visitor.url.clone());
    put("picture", None);
    if let Some(picture) = &visitor.picture {
        user.insert("picture".into(), json!({ "url": picture }));
    }
    if visitor.phone.is_some() {
        user.insert("skip_phone_validate".into(), json!("Y"));
    }
    Value::Object(user)
}

/// Letters, spaces, hyphens and apostrophes, at most 25 of them; everything else is left out.
pub(crate) fn clean(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = match c {
            c if c.is_alphabetic() || matches!(c, '-' | '\'') => c,
            '\u{2019}' | '\u{02bc}' | '`' => '\'',
            '\u{2010}'..='\u{2015}' => '-',
            c if c.is_whitespace() || c == '_' || c == '.' => ' ',
            // Combining marks belong to the letter before them.
            '\u{0300}'..='\u{036f}' => c,
            _ => continue,
        };
        if !(c == ' ' && (out.is_empty() || out.ends_with(' '))) {
            out.push(c);
        }
    }
    let cut: String = out.trim().chars().take(MAX_NAME).collect();
    if cut.chars().any(char::is_alphabetic) { cut.trim().to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn names_fit_the_portals_rule() {
        for (given, cleaned) in [
            ("Ann Lee", "Ann Lee"),
            ("  O\u{2019}Neil–Smith ", "O'Neil-Smith"),
            ("<script>alert(1)</script>", "scriptalertscript"),
            ("R2D2", "RD"),
            ("Анна-Мария", "Анна-Мария"),
            ("12345 - '", ""),
            ("😀", ""),
            ("a.b_c", "a b c"),
        ] {
            assert_eq!(clean(given), cleaned, "{given}");
        }
        assert_eq!(clean(&"x".repeat(99)).len(), 25);
    }
}
