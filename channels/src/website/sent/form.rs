//! What visitors type, checked; and the form that carries it without JavaScript.

use crate::common::input::clean;
use crate::common::schema::schema;
use crate::website::bounds::{MAX_FILES, MAX_KEY, MAX_NAME, MAX_TEXT};
use crate::website::error::{Problem, Refusal};
use crate::website::welcome::introduce::Introduced;
use openline_core::message::{Content, File, Incoming};
use openline_core::text::RichText;
use openline_core::{ChatId, VisitorInbox};
use std::collections::HashMap;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, SchemaFormat, Type};

/// So many characters of a question stand before the note that goes with it.
const MAX_EXCERPT: usize = 60;

schema!(
    /// A message with files. The fields stand before the files; profile and about are JSON.
    NewMessageForm = {
        let plain = || ObjectBuilder::new().schema_type(Type::String);
        let file = plain().format(Some(SchemaFormat::Custom("binary".to_owned())));
        let form = ObjectBuilder::new().property("key", Ref::from_schema_name("Key")).required("key");
        let form = form.property("text", Ref::from_schema_name("Text")).property("name", Ref::from_schema_name("Name"));
        let form = form.property("profile", plain().content_media_type("application/json"));
        let form = form.property("about", plain().content_media_type("application/json"));
        form.property("files", ArrayBuilder::new().items(file).max_items(Some(MAX_FILES)))
    }
);

/// A message as it was typed.
#[derive(Debug, Default)]
pub(in crate::website) struct Typed {
    pub(in crate::website) key: String,
    pub(in crate::website) text: String,
    /// `None`: not said; empty: the visitor does not want to be called by a name any more.
    pub(in crate::website) name: Option<String>,
    /// What was chosen beside the text; kept already.
    pub(in crate::website) files: Vec<File>,
}

impl Typed {
    /// Checks what was typed.
    pub(in crate::website) fn check(self) -> Result<Self, Problem> {
        let typed = self.check_fields()?;
        if typed.text.is_empty() && typed.files.is_empty() {
            return Err(Problem::of(Refusal::TextEmpty, "Write something first: the text is empty."));
        }
        Ok(typed)
    }

    /// Checks what stands beside files.
    pub(in crate::website) fn check_fields(self) -> Result<Self, Problem> {
        let key_ok = (1..=MAX_KEY).contains(&self.key.len())
            && self.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !key_ok {
            return Err(Problem::of(Refusal::BadKey, format!("key must be 1 to {MAX_KEY} of A-Z a-z 0-9 _ -")));
        }
        let text = clean(&self.text, true);
        let length = text.chars().count();
        if length > MAX_TEXT {
            let message = format!("The text has {length} characters, at most {MAX_TEXT} are taken.");
            return Err(Problem::of(Refusal::TextTooLong, message));
        }
        let name = self.name.map(|name| clean(&name, false));
        let length = name.as_ref().map_or(0, |name| name.chars().count());
        if length > MAX_NAME {
            let message = format!("The name has {length} characters, at most {MAX_NAME} are taken.");
            return Err(Problem::of(Refusal::NameTooLong, message));
        }
        Ok(Self { key: self.key, text, name, files: self.files })
    }

    /// Stores the message and what came with it.
    pub(in crate::website) async fn store(
        self,
        inbox: &VisitorInbox,
        chat: &ChatId,
        with: Introduced,
    ) -> Result<openline_core::store::Recorded, Problem> {
        let content = Content { text: RichText::plain(self.text), files: self.files };
        let mut notes = with.notes;
        if let Some(last) = notes.last_mut() {
            last.text = behind_question(&content, &last.text);
        }
        let mut notes = notes.into_iter();
        let (visitor, note) = (with.visitor, notes.next());
        let incoming = Incoming { chat: chat.clone(), key: self.key, visitor, content: content.clone(), note };
        let recorded = inbox.accept(incoming).await?;
        if !recorded.fresh && recorded.item.content != content {
            let message = "this key was used for another message: make a new key for each message";
            return Err(Problem::of(Refusal::KeyConflict, message));
        }
        for note in notes {
            if let Err(error) = inbox.note(chat, note).await {
                tracing::warn!(%error, "a note to the operators was not stored");
            }
        }
        Ok(recorded)
    }
}

/// The operators' list shows the beginning of what came last: the question, also when a note goes with it.
fn behind_question(content: &Content, note: &str) -> String {
    let words = content.text.to_plain().split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(MAX_EXCERPT).collect();
    match (short.is_empty(), short.len() < words.len()) {
        (true, _) => note.to_owned(),
        (false, cut) => format!("“{short}{}”\n{note}", if cut { "…" } else { "" }),
    }
}

/// Fields of a form body or a query string. Unlike the usual parsers it refuses what is not UTF-8 instead of storing
/// replacement characters.
pub(in crate::website) fn fields(body: &[u8]) -> Result<HashMap<String, String>, Problem> {
    let bad = || Problem::of(Refusal::BadForm, "the form is not in UTF-8");
    let decode = |part: &[u8]| openline_core::form::decoded(part).ok_or_else(bad);
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            Ok((decode(&pair[..at])?, decode(pair.get(at + 1..).unwrap_or_default())?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Typed {
        Typed { key: "k".into(), text: text.into(), ..Typed::default() }
    }

    #[test]
    fn text_is_kept_as_typed_but_for_its_edges() {
        assert_eq!(typed("  it's <b>\r\n\tx\u{0} ").check().unwrap().text, "it's <b>\n\tx");
    }

    #[test]
    fn limits_count_characters() {
        assert!(typed(&"😀".repeat(MAX_TEXT)).check().is_ok());
        assert_eq!(typed(&"x".repeat(MAX_TEXT + 1)).check().unwrap_err().refusal, Refusal::TextTooLong);
        assert_eq!(typed(" \n ").check().unwrap_err().refusal, Refusal::TextEmpty);
        let named = Typed { name: Some("n".repeat(101)), ..typed("x") };
        assert_eq!(named.check().unwrap_err().refusal, Refusal::NameTooLong);
    }

    #[test]
    fn the_question_stands_before_the_note_that_goes_with_it() {
        let told = |text: &str| behind_question(&Content::plain(text), "Page: x");
        assert_eq!(told("How much\n is tea?"), "“How much is tea?”\nPage: x");
        assert_eq!(told(&"ä".repeat(61)), format!("“{}…”\nPage: x", "ä".repeat(60)));
        assert_eq!(told(""), "Page: x", "files alone");
    }

    #[test]
    fn keys_are_short_words() {
        for bad in ["", "a b", "ä", &"k".repeat(65)] {
            assert_eq!(Typed { key: bad.into(), ..typed("x") }.check().unwrap_err().refusal, Refusal::BadKey, "{bad}");
        }
    }

    #[test]
    fn forms_are_utf8() {
        let form = fields(b"text=a+b%20%C3%A4&name=&x").unwrap();
        assert_eq!((form["text"].as_str(), form["name"].as_str(), form["x"].as_str()), ("a b ä", "", ""));
        assert_eq!(fields(b"text=%ff").unwrap_err().refusal, Refusal::BadForm);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            if let Ok(read) = fields(&body) {
                proptest::prop_assert!(read.len() <= body.len());
            }
        }

        #[test]
        fn what_was_typed_is_what_is_checked(text in ".{0,200}", key in ".{0,70}") {
            let form = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
            proptest::prop_assert_eq!(&fields(format!("text={form}").as_bytes()).unwrap()["text"], &text);
            if let Ok(typed) = (Typed { key, text, ..Typed::default() }).check() {
                proptest::prop_assert!(!typed.text.contains('\0') && !typed.key.is_empty());
            }
        }
    }
}
