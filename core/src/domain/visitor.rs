//! Finding visitors by what a person knows of them.

use crate::domain::id::ChatId;
use crate::domain::message::Visitor;

/// What somebody looks for: a chat id, an e-mail address, a phone number, or a name.
#[derive(Debug, Clone)]
pub struct Wanted {
    text: String,
    /// In lower case, with single spaces.
    folded: String,
    /// The digits, when it can be a phone number.
    digits: Option<String>,
}

impl Wanted {
    /// What was typed. Spaces around it don't count.
    pub fn new(typed: &str) -> Self {
        let text = typed.trim().to_owned();
        let phone = text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
        let digits = Some(digits(&text)).filter(|digits| phone && !digits.is_empty());
        Self { folded: fold(&text), digits, text }
    }

    /// Whether that visitor is meant. Nothing typed means nobody.
    pub fn fits(&self, chat: &ChatId, visitor: &Visitor) -> bool {
        if self.text.is_empty() {
            return false;
        }
        let Visitor { name, last_name, email, phone, .. } = visitor;
        let called = [name, last_name, &format!("{name} {last_name}"), email.as_ref().unwrap_or(name)];
        chat.as_str() == self.text
            || called.into_iter().any(|word| fold(word) == self.folded)
            || (self.digits.is_some() && phone.as_deref().map(digits) == self.digits)
    }
}

fn fold(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(typed: &str) -> bool {
        let visitor = Visitor {
            name: "Zoë".to_owned(),
            last_name: "von Ö".to_owned(),
            email: Some("Zoe@Example.test".to_owned()),
            phone: Some("+49 (30) 12-34".to_owned()),
            ..Visitor::default()
        };
        Wanted::new(typed).fits(&ChatId::parse("Chat7").unwrap(), &visitor)
    }

    #[test]
    fn a_visitor_is_found_by_each_of_the_things_that_are_known() {
        for typed in ["Chat7", "zoe@example.TEST", " +49301234 ", "49 30 1234", "ZOË", "VON ö", "zoë  von ö"] {
            assert!(fits(typed), "{typed}");
        }
    }

    #[test]
    fn what_is_only_alike_is_somebody_else() {
        for typed in ["", " ", "chat7", "Chat", "example.test", "1234", "+", "Zo", "von", "49a301234"] {
            assert!(!fits(typed), "{typed}");
        }
        let nobody = Wanted::new("+").fits(&ChatId::parse("c").unwrap(), &Visitor::default());
        assert!(!nobody, "no digits are not a number");
    }
}
