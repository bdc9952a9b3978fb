//! `/start`: a greeting, and conversations that are brought along from another channel.

use super::chats::Chat;
use super::intake::Intake;
use openline_core::handover::Handover;
use openline_core::message::Note;
use openline_core::{ChatId, StoreError, VisitorInbox};
use serde_json::Value;

/// The word behind `/start`, which may be empty; `None` when the message is no `/start`.
pub(super) fn word(message: &Value) -> Option<&str> {
    let rest = message["text"].as_str()?.trim().strip_prefix("/start")?;
    match rest.strip_prefix('@') {
        Some(named) => Some(named.split_once(char::is_whitespace).map_or("", |(_, word)| word.trim())),
        None => (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim()),
    }
}

/// Greets. What was said elsewhere is told to the operators: now, or with the first message here, because an empty
/// conversation is not begun.
pub(super) async fn begin(intake: &Intake, chat: &Chat, id: &ChatId, word: &str) -> Result<(), StoreError> {
    let inbox = &intake.inbox;
    let handover = if word.is_empty() { None } else { inbox.take_over(word).await? };
    if let Some(handover) = handover {
        if inbox.find(id).await?.is_some() {
            inbox.note(id, note(handover)).await?;
        } else {
            inbox.keep(&key(id), handover.word.as_bytes()).await?;
        }
    }
    intake.say(chat.number, &intake.settings.start_text).await;
    Ok(())
}

fn note(handover: Handover) -> Note {
    Note { key: format!("handover/{}", handover.from), text: handover.transcript }
}

/// The note that waits for the first message. It is written only now: what was erased meanwhile is not told.
pub(super) async fn waiting(inbox: &VisitorInbox, id: &ChatId) -> Result<Option<Note>, StoreError> {
    let Some(kept) = inbox.remember(&key(id)).await? else { return Ok(None) };
    let word = String::from_utf8(kept).unwrap_or_default();
    Ok(inbox.take_over(&word).await?.map(note))
}

/// The note went with a message.
pub(super) async fn told(inbox: &VisitorInbox, id: &ChatId) -> Result<(), StoreError> {
    inbox.forget(&key(id)).await
}

fn key(id: &ChatId) -> String {
    format!("handover/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_start_may_have_a_word() {
        let of = |text: &str| word(&json!({ "text": text })).map(str::to_owned);
        assert_eq!(of("/start").as_deref(), Some(""));
        assert_eq!(of("/start abc_-1").as_deref(), Some("abc_-1"));
        assert_eq!(of("/start@a_bot abc").as_deref(), Some("abc"));
        assert_eq!(of("/start@a_bot").as_deref(), Some(""));
        assert_eq!(of("/startle"), None);
        assert_eq!(of("/started a@b.example"), None);
        assert_eq!(of("please /start"), None);
    }
}
