//! What callers send, checked.

use super::chats::{self, Id};
use super::error::Problem;
use crate::common::input::{self, DIGITS, MAX_EMAIL, MAX_NAME, clean};
use crate::common::schema::{at_most, or_null, schema, text as text_of};
use openline_core::message::Visitor;
use openline_core::text::Href;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, SchemaFormat, Type};

/// Longest text, in characters.
const MAX_TEXT: usize = 10_000;
/// Files of one message, at most.
pub(super) const MAX_FILES: usize = 10;

/// A visitor's message as it is posted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage)]
pub(super) struct GivenMessage {
    #[schema(value_type = Id)]
    pub(super) chat: String,
    /// Your own id of the message: the same one is stored once, so repeat a call whose answer was lost.
    #[schema(value_type = Id)]
    pub(super) id: String,
    /// Taken literally; may be empty when there are files.
    #[serde(default)]
    #[schema(value_type = Text)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) visitor: Option<GivenVisitor>,
    /// Small ones: 8 MB in all before base64; larger ones come as multipart/form-data. A form has none here.
    #[serde(default)]
    #[schema(value_type = NewFiles)]
    pub(super) files: Vec<GivenFile>,
}

/// Who writes. Replaces what was known, whole; leave the field out to keep it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Visitor)]
pub(super) struct GivenVisitor {
    #[schema(value_type = Name)]
    name: String,
    #[schema(value_type = Name)]
    last_name: String,
    #[schema(value_type = Email)]
    email: Option<String>,
    /// 5 to 15 digits, as +49 30 1234567; the digits and the plus are kept.
    #[schema(value_type = Phone)]
    phone: Option<String>,
    /// Their profile, http or https.
    #[schema(value_type = Web)]
    url: Option<String>,
    /// Their picture, http or https, reachable from the portal.
    #[schema(value_type = Web)]
    picture: Option<String>,
}

/// A small file inside JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFile)]
pub(super) struct GivenFile {
    pub(super) name: String,
    #[serde(default)]
    pub(super) mime: String,
    /// Standard base64 with padding.
    #[schema(content_encoding = "base64")]
    pub(super) data: String,
}

/// A changed text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Edit)]
pub(super) struct GivenEdit {
    /// May be empty when the message has files.
    #[schema(value_type = Text)]
    pub(super) text: String,
}

schema!(
    /// What [`text`] takes.
    Text = text_of(0..=MAX_TEXT)
);
schema!(
    /// What [`name`] takes.
    Name = text_of(0..=MAX_NAME)
);
schema!(
    /// About what [`email`] takes: what is nothing but blanks is none.
    Email = or_null(text_of(0..=MAX_EMAIL)).pattern(Some(r"^(\s*|\s*[^@\s]+@[^\s]*\.[^\s]*\s*)$"))
);
schema!(
    /// What [`phone`] takes, but for a few blanks of other languages.
    Phone = or_null(ObjectBuilder::new()).pattern(Some(format!(
        r"^(\s*|\s*[( ]*\+?([\-() ./]*[0-9]){{{},{}}}[\-() ./]*\s*)$",
        DIGITS.start(),
        DIGITS.end()
    )))
);
schema!(
    /// About what [`address`] takes.
    Web = or_null(ObjectBuilder::new())
        .pattern(Some(r"^(\s*|\s*[Hh][Tt][Tt][Pp][Ss]?://\S+\s*)$"))
);
schema!(
    /// Files inside JSON.
    NewFiles = at_most(MAX_FILES, "NewFile")
);
schema!(
    /// The part message comes first, as JSON; each file is a part of its own.
    NewMessageForm = ObjectBuilder::new()
        .description(Some("The part message comes first, as JSON; each file is a part of its own."))
        .property("message", Ref::from_schema_name("NewMessage"))
        .required("message")
        .property(
            "files",
            ArrayBuilder::new()
                .items(ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom("binary".into()))))
                .max_items(Some(MAX_FILES)),
        )
);

impl GivenMessage {
    /// Checks everything but the files; `text` is clean afterwards.
    pub(super) fn checked(mut self) -> Result<(Self, Option<Visitor>), Problem> {
        chats::core_id(&self.chat)?;
        chats::check("id", &self.id)?;
        self.text = text(&self.text)?;
        if self.files.len() > MAX_FILES {
            return Err(too_many_files());
        }
        let visitor = self.visitor.take().map(GivenVisitor::checked).transpose()?;
        Ok((self, visitor))
    }
}

pub(super) fn too_many_files() -> Problem {
    Problem::invalid("too_many_files", format!("a message takes at most {MAX_FILES} files"))
}

/// A text without what no keyboard makes; may be empty.
pub(super) fn text(given: &str) -> Result<String, Problem> {
    let text = clean(given, true);
    let length = text.chars().count();
    if length > MAX_TEXT {
        let message = format!("the text has {length} characters, at most {MAX_TEXT} are taken");
        return Err(Problem::invalid("text_too_long", message));
    }
    Ok(text)
}

pub(super) fn text_empty() -> Problem {
    Problem::invalid("text_empty", "the text is empty; a message has a text or files")
}

impl GivenVisitor {
    fn checked(self) -> Result<Visitor, Problem> {
        Ok(Visitor {
            name: name("name", &self.name)?,
            last_name: name("last_name", &self.last_name)?,
            email: given(self.email).map(|given| email(&given)).transpose()?,
            phone: given(self.phone).map(|given| phone(&given)).transpose()?,
            url: given(self.url).map(|url| address("url", url)).transpose()?,
            picture: given(self.picture).map(|url| address("picture", url)).transpose()?,
            page: None,
        })
    }
}

fn wrong(field: &str, what: &str) -> Problem {
    Problem::invalid("bad_visitor", format!("visitor.{field} {what}"))
}

fn given(value: Option<String>) -> Option<String> {
    value.map(|value| clean(&value, false)).filter(|value| !value.is_empty())
}

fn name(field: &str, given: &str) -> Result<String, Problem> {
    let name = clean(given, false);
    let long = name.chars().count() > MAX_NAME;
    if long { Err(wrong(field, &format!("has more than {MAX_NAME} characters"))) } else { Ok(name) }
}

fn email(given: &str) -> Result<String, Problem> {
    input::email(given).ok_or_else(|| wrong("email", "is not an e-mail address"))
}

fn phone(given: &str) -> Result<String, Problem> {
    input::phone(given).ok_or_else(|| wrong("phone", "is not a phone number; write it like +49 30 1234567"))
}

fn address(field: &str, given: String) -> Result<String, Problem> {
    let web = Href::parse(&given).is_ok_and(|href| href.is_web());
    if web { Ok(given) } else { Err(wrong(field, "is not an http or https address")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(message: &str) -> Result<(GivenMessage, Option<Visitor>), &'static str> {
        serde_json::from_str::<GivenMessage>(message).unwrap().checked().map_err(|problem| problem.code)
    }

    #[test]
    fn a_profile_is_checked_and_taken_as_the_portal_takes_it() {
        let (_, visitor) = checked(
            r#"{"chat":"c","id":"1","text":"x","visitor":{"name":" Zoë\u0000 ","last_name":"Lee","email":"z@a.example",
                "phone":"+49 (30) 123-45","url":"https://a.example/z","picture":""}}"#,
        )
        .unwrap();
        let visitor = visitor.unwrap();
        assert_eq!((visitor.name.as_str(), visitor.phone.as_deref()), ("Zoë", Some("+493012345")));
        assert_eq!((visitor.url.as_deref(), visitor.picture), (Some("https://a.example/z"), None));
        for bad in [
            r#"{"email":"nobody"}"#,
            r#"{"email":"a b@c.example"}"#,
            r#"{"phone":"call me"}"#,
            r#"{"phone":"112"}"#,
            r#"{"phone":"12345678901234567890"}"#,
            r#"{"phone":"030+1234567"}"#,
            r#"{"url":"javascript:alert(1)"}"#,
            r#"{"picture":"mailto:a@b.example"}"#,
            &format!(r#"{{"name":"{}"}}"#, "n".repeat(101)),
        ] {
            let message = format!(r#"{{"chat":"c","id":"1","text":"x","visitor":{bad}}}"#);
            assert_eq!(checked(&message).unwrap_err(), "bad_visitor", "{bad}");
        }
    }

    #[test]
    fn texts_and_ids_have_limits() {
        assert_eq!(checked(r#"{"chat":"c","id":"1","text":" a\r\nb\u0000 "}"#).unwrap().0.text, "a\nb");
        assert_eq!(checked(r#"{"chat":"","id":"1"}"#).unwrap_err(), "bad_chat");
        assert_eq!(checked(r#"{"chat":"c","id":"a\nb"}"#).unwrap_err(), "bad_id");
        let long = format!(r#"{{"chat":"c","id":"1","text":"{}"}}"#, "x".repeat(MAX_TEXT + 1));
        assert_eq!(checked(&long).unwrap_err(), "text_too_long");
    }
}
