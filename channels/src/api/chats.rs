//! Callers' chat ids: any text of up to 200 characters, while core takes visible ASCII of up to 100.

use super::error::Problem;
use crate::common::schema::{in_path, schema, text};
use openline_core::store::OWN_NAME;
use openline_core::{ChatId, StoreError, VisitorInbox};
use sha2::{Digest, Sha256};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

/// Longest chat id or message id of a caller, in characters.
pub(super) const MAX_ID: usize = 200;
/// What stands before the hash of an id that core would not take. Ids that begin so themselves are hashed too.
const HASHED: char = '~';

/// The chat as core knows it.
pub(super) fn core_id(given: &str) -> Result<ChatId, Problem> {
    check("chat", given)?;
    if let Ok(id) = ChatId::parse(given)
        && !given.starts_with(HASHED)
    {
        return Ok(id);
    }
    let hash = format!("{HASHED}{}", hex::encode(Sha256::digest(given)));
    ChatId::parse(&hash).map_err(|error| Problem::invalid("bad_chat", error.to_string()))
}

/// A caller's id of a chat or message: 1 to 200 characters without control characters.
pub(super) fn check(what: &'static str, given: &str) -> Result<(), Problem> {
    let length = given.chars().count();
    if (1..=MAX_ID).contains(&length) && !given.chars().any(char::is_control) {
        return Ok(());
    }
    let code = if what == "chat" { "bad_chat" } else { "bad_id" };
    Err(Problem::invalid(code, format!("{what} must have 1 to {MAX_ID} characters, no control characters among them")))
}

schema!(
    /// What [`check`] takes.
    Id = text(1..=MAX_ID).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"))
);

/// A chat in an address.
pub(super) enum OfChat {}

impl IntoParams for OfChat {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("chat", "Your own id of the chat, percent-encoded.", Id::schema(), "order 4711 / Zoë")]
    }
}

/// A chat and a message of it in an address.
pub(super) enum OfMessage {}

impl IntoParams for OfMessage {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = in_path("id", "Your own id of the message, percent-encoded.", Id::schema(), "m-1");
        OfChat::into_params(place).into_iter().chain([id]).collect()
    }
}

/// The chat as core knows it; its original name is durable when this returns.
pub(super) async fn admit(inbox: &VisitorInbox, given: &str) -> Result<ChatId, Problem> {
    let id = core_id(given)?;
    if id.as_str() != given && inbox.remember_of(&id, OWN_NAME).await?.is_none() {
        inbox.keep_of(&id, OWN_NAME, given.as_bytes()).await?;
    }
    Ok(id)
}

/// The caller's own name of a chat.
pub(super) async fn original(inbox: &VisitorInbox, id: &ChatId) -> Result<String, StoreError> {
    let kept = if id.as_str().starts_with(HASHED) { inbox.remember_of(id, OWN_NAME).await? } else { None };
    Ok(kept.and_then(|kept| String::from_utf8(kept).ok()).unwrap_or_else(|| id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_as_they_are_when_core_takes_them() {
        assert_eq!(core_id("order-4711").unwrap().as_str(), "order-4711");
        for other in ["a b", "a|b", "Käse", &"x".repeat(101), "~x", &format!("~{}", "a".repeat(64))] {
            let id = core_id(other).unwrap();
            assert!(id.as_str().len() == 65 && id.as_str() != other && id == core_id(other).unwrap(), "{other}");
        }
        assert_ne!(core_id("a b").unwrap(), core_id("a  b").unwrap());
    }

    #[test]
    fn ids_are_short_and_printable() {
        for bad in ["", "a\nb", "\0", &"ä".repeat(201)] {
            assert_eq!(core_id(bad).unwrap_err().code, "bad_chat", "{bad}");
        }
        assert!(core_id(&"ä".repeat(200)).is_ok());
        assert_eq!(check("id", "").unwrap_err().code, "bad_id");
    }
}
