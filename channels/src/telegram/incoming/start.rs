//! `/start`: a greeting, and conversations that are brought along from another channel.

use crate::telegram::updates::chats::Chat;
use crate::telegram::updates::way_in::Intake;
use openline_core::handover::Handover;
use openline_core::message::Note;
use openline_core::{ChatId, StoreError, VisitorInbox};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What waits in a chat for its first message: the word of another conversation, and the link by which somebody came.
const HANDOVER: &str = "handover";
const LINK: &str = "link";

/// The word behind `/start`, which may be empty; `None` when the message is no `/start`, or says more than a link can.
pub(in crate::telegram) fn word(message: &Value) -> Option<&str> {
    let rest = message["text"].as_str()?.trim().strip_prefix("/start")?;
    let word = match rest.strip_prefix('@') {
        Some(named) => named.split_once(char::is_whitespace).map_or("", |(_, word)| word.trim()),
        None if rest.is_empty() || rest.starts_with(char::is_whitespace) => rest.trim(),
        None => return None,
    };
    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (word.len() <= 64 && word.bytes().all(safe)).then_some(word)
}

/// Greets. What was said elsewhere, or by which link somebody came, is told to the operators: now, or with the first
/// message here, because an empty conversation is not begun. `number`: the message's.
pub(in crate::telegram) async fn begin(
    intake: &Intake,
    chat: &Chat,
    id: &ChatId,
    word: &str,
    number: i64,
) -> Result<(), StoreError> {
    let inbox = &intake.inbox;
    let known = inbox.find(id).await?.is_some();
    let handover = if word.is_empty() { None } else { inbox.take_over(word).await? };
    match handover {
        Some(handover) if known => inbox.note(id, note(&handover)).await.map(|_| ())?,
        Some(handover) => inbox.keep_of(id, HANDOVER, handover.word.as_bytes()).await?,
        // One that is too old is no news.
        None if word.is_empty() || inbox.is_handover(word) => {}
        None if known => {
            let key = format!("link/{}/{number}", intake.settings.bot());
            inbox.note(id, Note { key, text: came_by(inbox, word) }).await.map(|_| ())?;
        }
        None => inbox.keep_of(id, LINK, word.as_bytes()).await?,
    }
    intake.say(chat.spot(), &intake.settings.start_text).await;
    Ok(())
}

fn came_by(inbox: &VisitorInbox, word: &str) -> String {
    inbox.words().fill("told_link", &[("word", word)])
}

/// Told once as it is: a visitor who wrote more there since brings more along.
fn note(handover: &Handover) -> Note {
    let told = hex::encode(&Sha256::digest(&handover.transcript)[..8]);
    Note { key: format!("handover/{}/{told}", handover.from), text: handover.transcript.clone() }
}

/// The note that waits for the first message. It is written only now: what was erased meanwhile is not told.
pub(in crate::telegram) async fn waiting(inbox: &VisitorInbox, id: &ChatId) -> Result<Option<Note>, StoreError> {
    let text = |kept: Vec<u8>| String::from_utf8(kept).unwrap_or_default();
    let link = inbox.remember_of(id, LINK).await?.map(text);
    let handover = match inbox.remember_of(id, HANDOVER).await?.map(text) {
        Some(word) => inbox.take_over(&word).await?,
        None => None,
    };
    Ok(match (link, handover.as_ref().map(note)) {
        (None, note) => note,
        (Some(link), None) => Some(Note { key: format!("link/{link}"), text: came_by(inbox, &link) }),
        (Some(link), Some(note)) => Some(Note { text: format!("{}\n{}", came_by(inbox, &link), note.text), ..note }),
    })
}

/// The note went with a message.
pub(in crate::telegram) async fn told(inbox: &VisitorInbox, id: &ChatId) -> Result<(), StoreError> {
    inbox.forget_of(id, HANDOVER).await?;
    inbox.forget_of(id, LINK).await
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
        assert_eq!(of("/start where is my parcel?"), None);
        assert_eq!(of("/startle"), None);
        assert_eq!(of("/started a@b.example"), None);
        assert_eq!(of("please /start"), None);
    }
}
