//! Telegram's chats and ours. A group that becomes a supergroup gets a new number at Telegram; here it stays the same
//! conversation. Each topic of a chat is a conversation of its own.

use openline_core::{ChatId, StoreError, VisitorInbox};
use serde_json::Value;
use teloxide::types::{MessageId, ThreadId};

/// A chat as Telegram knows it.
pub(in crate::telegram) struct Chat {
    pub(in crate::telegram) number: i64,
    pub(in crate::telegram) private: bool,
    /// A group or supergroup; neither: a news channel.
    pub(in crate::telegram) group: bool,
    /// The topic, in chats that have some; none: the general one.
    topic: Option<i32>,
}

/// Where at Telegram something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::telegram) struct Spot {
    pub(in crate::telegram) chat: i64,
    topic: Option<i32>,
}

impl Spot {
    /// The topic as calls name it.
    pub(in crate::telegram) fn thread(self) -> Option<ThreadId> {
        self.topic.map(|topic| ThreadId(MessageId(topic)))
    }

    /// The same place in the chat's new number.
    pub(in crate::telegram) fn moved_to(self, chat: i64) -> Self {
        Self { chat, ..self }
    }
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
            topic: topic_of(message),
        })
    }

    /// Where it is answered.
    pub(in crate::telegram) fn spot(&self) -> Spot {
        Spot { chat: self.number, topic: self.topic }
    }
}

/// The topic of a message. A thread of answers has a number too and is none.
fn topic_of(message: &Value) -> Option<i32> {
    let thread = message["message_thread_id"].as_i64().filter(|_| message["is_topic_message"] == Value::Bool(true));
    thread.and_then(|thread| i32::try_from(thread).ok())
}

/// Our id for a Telegram chat, or for a topic of it.
pub(in crate::telegram) fn id(number: i64, topic: Option<i32>) -> Result<ChatId, StoreError> {
    let topic = topic.map(|topic| format!("t{topic}")).unwrap_or_default();
    ChatId::parse(&format!("tg{number}{topic}")).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The Telegram chat behind our id, as it was when the conversation began.
pub(in crate::telegram) fn number(chat: &ChatId) -> Option<i64> {
    spot(chat).map(|spot| spot.chat)
}

/// The chat and topic behind our id, as they were when the conversation began.
pub(in crate::telegram) fn spot(chat: &ChatId) -> Option<Spot> {
    let id = chat.as_str().strip_prefix("tg")?;
    let (number, topic) = match id.split_once('t') {
        Some((number, topic)) => (number, Some(topic.parse().ok()?)),
        None => (id, None),
    };
    Some(Spot { chat: number.parse().ok()?, topic })
}

/// The conversation's id for a chat: of a group that moved, the one it had before.
pub(in crate::telegram) async fn known_as(inbox: &VisitorInbox, chat: &Chat) -> Result<ChatId, StoreError> {
    let before = if chat.group { read(inbox, &format!("was/{}", chat.number)).await? } else { None };
    id(before.unwrap_or(chat.number), chat.topic)
}

/// Where a conversation is at Telegram now.
pub(in crate::telegram) async fn now_at(inbox: &VisitorInbox, first: i64) -> Result<i64, StoreError> {
    let moved = if first < 0 { read(inbox, &format!("moved/{first}")).await? } else { None };
    Ok(moved.unwrap_or(first))
}

/// Remembers that a group has a new number.
pub(in crate::telegram) async fn moved(inbox: &VisitorInbox, old: i64, new: i64) -> Result<(), StoreError> {
    let first = read(inbox, &format!("was/{old}")).await?.unwrap_or(old);
    let chat = id(first, None)?;
    inbox.keep_with(&chat, &format!("was/{new}"), first.to_string().as_bytes()).await?;
    inbox.keep_with(&chat, &format!("moved/{first}"), new.to_string().as_bytes()).await
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
            for topic in [None, Some(42), Some(i32::MAX)] {
                let there = Spot { chat: number_there, topic };
                assert_eq!(spot(&id(number_there, topic).unwrap()), Some(there));
            }
            assert_eq!(number(&id(number_there, Some(7)).unwrap()), Some(number_there));
        }
        for none in ["c1", "tg", "tg5t", "tgt5", "tg5tx"] {
            assert_eq!(number(&ChatId::parse(none).unwrap()), None, "{none}");
        }
    }

    #[test]
    fn only_topics_keep_apart() {
        let topic = |more: Value| {
            let mut message = serde_json::json!({"chat": {"id": -5, "type": "supergroup"}, "message_thread_id": 42});
            message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Chat::of(&message).unwrap().spot().topic
        };
        assert_eq!(topic(serde_json::json!({"is_topic_message": true})), Some(42));
        assert_eq!(topic(serde_json::json!({})), None, "a thread of answers");
    }
}
