//! Telegram's chats and ours. A group that becomes a supergroup gets a new number at Telegram; here it stays the same
//! conversation.

use openline_core::{ChatId, StoreError, VisitorInbox};
use serde_json::Value;

/// A chat as Telegram knows it.
pub(in crate::telegram) struct Chat {
    pub(in crate::telegram) number: i64,
    pub(in crate::telegram) private: bool,
    /// A group or supergroup; neither: a news channel.
    pub(in crate::telegram) group: bool,
}

impl Chat {
    /// The chat of a message.
    pub(in crate::telegram) fn of(message: &Value) -> Option<Self> {
        let chat = &message["chat"];
        let kind = chat["type"].as_str()?;
        Some(Self {
            number: chat["id"].as_i64()?,
            private: kind == "private",
            group: matches!(kind, "group" | "supergroup"),
        })
    }
}

/// Our id for a Telegram chat.
fn id(number: i64) -> Result<ChatId, StoreError> {
    ChatId::parse(&format!("tg{number}")).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The Telegram chat behind our id, as it was when the conversation began.
pub(in crate::telegram) fn number(chat: &ChatId) -> Option<i64> {
    chat.as_str().strip_prefix("tg")?.parse().ok()
}

/// The conversation's id for a chat: of a group that moved, the one it had before.
pub(in crate::telegram) async fn known_as(inbox: &VisitorInbox, chat: &Chat) -> Result<ChatId, StoreError> {
    let before = if chat.group { read(inbox, &format!("was/{}", chat.number)).await? } else { None };
    id(before.unwrap_or(chat.number))
}

/// Where a conversation is at Telegram now.
pub(in crate::telegram) async fn now_at(inbox: &VisitorInbox, first: i64) -> Result<i64, StoreError> {
    let moved = if first < 0 { read(inbox, &format!("moved/{first}")).await? } else { None };
    Ok(moved.unwrap_or(first))
}

/// Remembers that a group has a new number.
pub(in crate::telegram) async fn moved(inbox: &VisitorInbox, old: i64, new: i64) -> Result<(), StoreError> {
    let first = read(inbox, &format!("was/{old}")).await?.unwrap_or(old);
    inbox.keep(&format!("was/{new}"), first.to_string().as_bytes()).await?;
    inbox.keep(&format!("moved/{first}"), new.to_string().as_bytes()).await
}

/// A number that the channel keeps.
pub(in crate::telegram) async fn read(inbox: &VisitorInbox, key: &str) -> Result<Option<i64>, StoreError> {
    let value = inbox.remember(key).await?;
    Ok(value.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        for number_there in [1, -100_123, i64::MAX, i64::MIN] {
            assert_eq!(number(&id(number_there).unwrap()), Some(number_there));
        }
        assert_eq!(number(&ChatId::parse("c1").unwrap()), None);
    }
}
