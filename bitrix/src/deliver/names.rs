//! The `user` block of a message (`bitrix24.md` §4.7).

use openline_core::ConversationId;
use openline_core::message::Conversation;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Longest name the portal takes, in characters.
const MAX_NAME: usize = 25;

/// Conversations whose message was refused while its customer had something that not every portal may take: from then on
/// the telephone number is given to be taken as it is, and no number stands in a name. Known until the next start; then the
/// first message is refused once more.
#[derive(Default)]
pub(crate) struct RefusedBlocks(Mutex<HashSet<ConversationId>>);

impl RefusedBlocks {
    /// Whether this customer is told of in the careful way.
    fn has(&self, conversation: &Conversation) -> bool {
        self.0.lock().contains(&conversation.id)
    }

    /// Notes that a message was refused. True when what its customer is called or calls from may be why, and it was not yet
    /// told in the careful way.
    pub(crate) fn may_be_why(&self, conversation: &Conversation) -> bool {
        (conversation.visitor.phone.is_some() || is_nameless(conversation)) && self.0.lock().insert(conversation.id)
    }
}

/// The customer as the portal wants them: always the same whole block, because it blanks what is left out.
pub(crate) fn user_block(conversation: &Conversation, refused: &RefusedBlocks) -> Value {
    let visitor = &conversation.visitor;
    let mut user = Map::new();
    user.insert("id".into(), json!(conversation.chat.as_str()));
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            user.insert(key.into(), Value::String(value));
        }
    };
    let (name, last_name) = names(&visitor.name, &visitor.last_name);
    let careful = refused.has(conversation);
    // All nameless ones are "Guest" in the portal's list; the number tells them apart, and is theirs for good.
    let guest = (is_nameless(conversation) && !careful).then(|| format!("Guest {}", conversation.id));
    put("name", Some(guest.unwrap_or(name)));
    put("last_name", Some(last_name));
    put("email", visitor.email.clone());
    put("phone", visitor.phone.clone());
    put("url", visitor.url.clone());
    if let Some(picture) = &visitor.picture {
        user.insert("picture".into(), json!({ "url": picture }));
    }
    if visitor.phone.is_some() && careful {
        user.insert("skip_phone_validate".into(), json!("Y"));
    }
    Value::Object(user)
}

/// Whether nothing is left of the customer's names that the portal would take.
fn is_nameless(conversation: &Conversation) -> bool {
    clean(&conversation.visitor.name).is_empty() && clean(&conversation.visitor.last_name).is_empty()
}

/// Both names as the portal takes them. A long one without a last name is divided between its words: its end would be
/// cut off, and that is the surname.
fn names(name: &str, last_name: &str) -> (String, String) {
    let (name, last) = (clean(name), clean(last_name));
    if !last.is_empty() || name.chars().count() <= MAX_NAME {
        return (fitting(&name), fitting(&last));
    }
    let borders = name.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at);
    let border = borders.take_while(|at| name[..*at].chars().count() <= MAX_NAME).last();
    let (first, rest) = border.map_or((name.as_str(), ""), |at| (&name[..at], &name[at + 1..]));
    (fitting(first), fitting(rest))
}

/// Letters with their marks, spaces, hyphens and apostrophes; everything else is left out. Empty without a letter.
fn clean(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = match c {
            c if is_mark(c) => c,
            c if c.is_alphabetic() || matches!(c, '-' | '\'') => c,
            '\u{2019}' | '\u{02bc}' | '`' => '\'',
            '\u{2010}'..='\u{2015}' => '-',
            c if c.is_whitespace() || c == '_' || c == '.' => ' ',
            _ => continue,
        };
        let begins = out.is_empty() || out.ends_with(' ');
        // A mark belongs to the letter before it.
        if !(begins && (c == ' ' || is_mark(c))) {
            out.push(c);
        }
    }
    let out = out.trim();
    if out.chars().any(|c| c.is_alphabetic() && !is_mark(c)) { out.to_owned() } else { String::new() }
}

/// Accents, vowel signs, tone marks (`\p{M}`).
fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// As much of a name as the portal takes; no letter loses its marks.
fn fitting(name: &str) -> String {
    let Some((full, _)) = name.char_indices().nth(MAX_NAME) else { return name.to_owned() };
    let cut = match name[full..].chars().next() {
        Some(next) if is_mark(next) => name[..full].char_indices().rev().find(|(_, c)| !is_mark(*c)).map(|(at, _)| at),
        _ => None,
    };
    name[..cut.filter(|cut| *cut > 0).unwrap_or(full)].trim_end_matches([' ', '-', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("\u{301}\u{301}", ""),
            ("\u{301}e\u{301} \u{301}x", "e\u{301} x"),
        ] {
            assert_eq!(clean(given), cleaned, "{given}");
        }
    }

    fn block(name: &str, phone: Option<&str>, refused: &RefusedBlocks) -> Value {
        user_block(&conversation(name, phone), refused)
    }

    fn conversation(name: &str, phone: Option<&str>) -> Conversation {
        let delivery = crate::deliver::attached::tests::delivery("", &[]);
        let mut conversation = delivery.conversation;
        conversation.id = ConversationId(42);
        conversation.visitor.name = name.to_owned();
        conversation.visitor.last_name = String::new();
        conversation.visitor.phone = phone.map(str::to_owned);
        conversation
    }

    #[test]
    fn what_a_portal_may_not_take_is_given_until_it_is_refused() {
        let refused = RefusedBlocks::default();
        let anonymous = block("", Some("+4930123456"), &refused);
        assert_eq!((&anonymous["name"], anonymous.get("last_name")), (&json!("Guest 42"), None));
        assert_eq!((&anonymous["phone"], anonymous.get("skip_phone_validate")), (&json!("+4930123456"), None));
        assert_eq!(block("🔥", None, &refused)["name"], "Guest 42");
        assert_eq!(block("Ann", None, &refused)["name"], "Ann");
        assert!(!refused.may_be_why(&conversation("Ann", None)), "nothing of it can be refused");
        assert!(refused.may_be_why(&conversation("Ann", Some("12"))));
        assert!(!refused.may_be_why(&conversation("Ann", Some("12"))), "once only");
        let careful = block("", Some("12"), &refused);
        assert_eq!((careful.get("name"), &careful["skip_phone_validate"]), (None, &json!("Y")));
    }

    /// First name, last name, what the portal shall get.
    #[test]
    fn names_from_the_field() {
        let cases: Vec<(String, String, String)> = serde_json::from_str(include_str!("names.json")).unwrap();
        for (first, last, expected) in cases {
            assert_eq!(names(&first, &last), (expected, String::new()), "{first}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_surname() {
        let both = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        for (given, expected) in [
            ("Александра Константинопольская", both("Александра", "Константинопольская")),
            ("Maria del Carmen Fernandez de la Vega", both("Maria del Carmen", "Fernandez de la Vega")),
            ("Ann Lee", both("Ann Lee", "")),
        ] {
            assert_eq!(names(given, ""), expected, "{given}");
        }
        let long = "x".repeat(99);
        assert_eq!(names(&long, &long), both(&"x".repeat(25), &"x".repeat(25)));
        assert_eq!(names(&long, "").1, "");
        let (first, last) = names(&format!("Ann {long}"), "");
        assert_eq!((first.as_str(), last.len()), ("Ann", 25));
        // The 26th character is a mark of the 25th: both go.
        let marked = format!("{}e\u{301}", "x".repeat(24));
        assert_eq!(names(&marked, "y").0, "x".repeat(24));
    }
}
