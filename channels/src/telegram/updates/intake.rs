//! One update at a time: from Telegram's JSON into the inbox. Whatever way it came, it is acknowledged only after
//! [`Intake::take`] said so.

use crate::common::json;
use crate::telegram::incoming::describe;
use crate::telegram::incoming::media::{self, Missing};
use crate::telegram::incoming::message::{draft, visitor};
use crate::telegram::incoming::start;
use crate::telegram::updates::chats::{self, Chat};
use crate::telegram::updates::way_in::{Held, Intake};
use crate::telegram::updates::{changed, reactions};
use openline_core::message::{Content, Incoming, Note};
use openline_core::text::{RichText, Span};
use openline_core::{ChatId, StoreError};
use serde::Deserialize;
use serde_json::Value;

/// How often a file is asked for that Telegram does not give; then the message goes on without it.
const FILE_TRIES: u32 = 5;
/// How many finished updates are remembered, so that one that comes again soon costs nothing.
const REMEMBERED: usize = 2000;

/// The chat that an update is of.
pub(in crate::telegram) fn chat_of(update: &Value) -> Option<i64> {
    let kinds = ["message", "edited_message", "my_chat_member", "message_reaction"];
    kinds.iter().find_map(|kind| update[*kind]["chat"]["id"].as_i64())
}

/// The name under which an update that could not be read tells why.
const UNREAD: &str = "unread";
/// Reads an update. Half an emoji becomes U+FFFD; of one that can't be read otherwise only its number is known. `None`: not
/// even that.
pub(in crate::telegram) fn read(raw: &[u8]) -> Option<Value> {
    #[derive(Deserialize)]
    struct Numbered {
        update_id: i64,
    }
    json::read(raw).map_or_else(
        |problem| {
            let Numbered { update_id } = json::read(raw).ok()?;
            Some(serde_json::json!({ "update_id": update_id, UNREAD: problem.to_string() }))
        },
        Some,
    )
}

impl Intake {
    /// Takes an update; `Ok`: whatever was in it is durable. Updates of one chat must come one after another.
    pub(in crate::telegram) async fn take(&self, update: &Value) -> Result<(), Held> {
        let id = update["update_id"].as_i64();
        if id.is_some_and(|id| self.memory.lock().taken.contains(&id)) {
            return Ok(());
        }
        if update["message"].is_object() {
            self.message(&update["message"]).await?;
        } else if update["edited_message"].is_object() {
            self.edited(&update["edited_message"]).await?;
        } else if update["my_chat_member"].is_object() {
            self.membership(&update["my_chat_member"]).await?;
        } else if update["message_reaction"].is_object() {
            reactions::reacted(self, &update["message_reaction"]).await?;
        } else if let Some(problem) = update[UNREAD].as_str() {
            self.set_aside(id, problem);
        } else {
            // Kinds that are not asked for may still come for a while after another program asked for them.
            let kind = update.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| *key != "update_id");
            tracing::warn!(channel = %self.inbox.channel(), update = id, ?kind, "an update of this kind is not carried");
            self.inbox.unknown();
        }
        let mut memory = self.memory.lock();
        memory.taken.extend(id);
        if memory.taken.len() > REMEMBERED {
            memory.taken.pop_front();
        }
        Ok(())
    }

    async fn message(&self, message: &Value) -> Result<(), Held> {
        let Some(chat) = Chat::of(message) else { return Ok(()) };
        self.saw(&chat, message);
        if let Some(new) = message["migrate_to_chat_id"].as_i64() {
            return Ok(chats::moved(&self.inbox, chat.number, new).await?);
        }
        if !self.admits(&chat).await? {
            return Ok(());
        }
        if let Some(word) = start::word(message).filter(|_| chat.private) {
            let id = chats::known_as(&self.inbox, &chat).await?;
            let number = message["message_id"].as_i64().unwrap_or_default();
            return Ok(start::begin(self, &chat, &id, word, number).await?);
        }
        let id = chats::known_as(&self.inbox, &chat).await?;
        let Some(incoming) = self.incoming(&chat, &id, message).await? else { return Ok(()) };
        self.accept(incoming).await
    }

    /// See [`changed::message`]. Live places move all the time: only their beginning counts.
    async fn edited(&self, message: &Value) -> Result<(), Held> {
        let Some(chat) = Chat::of(message) else { return Ok(()) };
        if !self.serves(&chat) || message["location"].is_object() || start::word(message).is_some() {
            return Ok(());
        }
        let id = chats::known_as(&self.inbox, &chat).await?;
        let Some(incoming) = self.incoming(&chat, &id, message).await? else { return Ok(()) };
        changed::message(self, message, incoming).await
    }

    pub(super) async fn accept(&self, mut incoming: Incoming) -> Result<(), Held> {
        let (chat, key) = (incoming.chat.clone(), incoming.key.clone());
        let new = self.inbox.find(&chat).await?.is_none();
        if new {
            incoming.note = start::waiting(&self.inbox, &chat).await?;
        }
        self.inbox.accept(incoming).await?;
        if new {
            start::told(&self.inbox, &chat).await?;
        }
        self.memory.lock().tries.remove(&format!("{chat}/{key}"));
        Ok(())
    }

    async fn incoming(&self, chat: &Chat, id: &ChatId, message: &Value) -> Result<Option<Incoming>, Held> {
        let Some(number) = message["message_id"].as_i64() else { return Ok(None) };
        let Some(draft) = draft(message, chat.group) else { return Ok(None) };
        // Each bot numbers by itself (the channel may get another one), and numbers begin anew in a group that moved.
        let moved = if chats::number(id) == Some(chat.number) { String::new() } else { format!("@{}", chat.number) };
        let key = format!("{}/{number}{moved}", self.settings.bot());
        let mut content = Content { text: RichText(draft.spans), files: Vec::new() };
        if let Some(media) = &draft.media {
            match media::fetch(&self.api, &self.inbox, media).await {
                Ok(file) => content.files.push(file),
                Err(Missing::Storage(problem)) => return Err(Held::File(problem)),
                Err(Missing::Now(problem)) if self.is_worth_waiting(&format!("{id}/{key}")) => {
                    return Err(Held::File(problem));
                }
                Err(Missing::Never(problem)) => remark(&mut content.text, &format!("{}: {problem}", media.label)),
                Err(Missing::Now(problem)) => {
                    tracing::warn!(channel = %self.inbox.channel(), problem, "a visitor's file was given up");
                    remark(&mut content.text, &format!("{}: the file could not be fetched from Telegram", media.label));
                }
            }
        }
        Ok(Some(Incoming { chat: id.clone(), key, visitor: Some(visitor(message)), content, note: None }))
    }

    /// Whether to ask for a file again.
    fn is_worth_waiting(&self, message: &str) -> bool {
        let mut memory = self.memory.lock();
        let tries = memory.tries.entry(message.to_owned()).or_default();
        *tries += 1;
        *tries < FILE_TRIES
    }

    /// Whether what is in a chat is for us.
    pub(super) fn serves(&self, chat: &Chat) -> bool {
        chat.private || chat.group && self.settings.groups
    }

    /// Whether a chat is served; a group that is not hears so once.
    async fn admits(&self, chat: &Chat) -> Result<bool, StoreError> {
        if self.serves(chat) {
            return Ok(true);
        }
        let id = chats::id(chat.number, None)?;
        if chat.group && self.inbox.remember_of(&id, "refused").await?.is_none() {
            self.inbox.keep_of(&id, "refused", b"1").await?;
            self.say(chat.spot(), &self.settings.group_refusal).await;
        }
        Ok(false)
    }

    fn saw(&self, chat: &Chat, message: &Value) {
        self.numbers.saw(chat.number, message["message_id"].as_i64().unwrap_or_default());
    }

    /// Operators learn that a visitor left, or came back.
    async fn membership(&self, change: &Value) -> Result<(), StoreError> {
        let Some(chat) = Chat::of(change).filter(|chat| chat.private) else { return Ok(()) };
        let (old, new) = (&change["old_chat_member"]["status"], &change["new_chat_member"]["status"]);
        let (word, text) = match (old.as_str(), new.as_str()) {
            (_, Some("kicked")) => ("blocked", "told_left"),
            (Some("kicked"), Some("member")) => ("unblocked", "told_back"),
            _ => return Ok(()),
        };
        let id = chats::known_as(&self.inbox, &chat).await?;
        let text = self.inbox.words().get(text).to_owned();
        let note = Note { key: format!("{word}/{}", change["date"].as_i64().unwrap_or_default()), text };
        self.inbox.note(&id, note).await.map(|_| ())
    }
}

/// Adds a remark of ours to a text, on a line of its own.
fn remark(text: &mut RichText, remark: &str) {
    if !text.is_empty() {
        text.0.push(Span::text("\n"));
    }
    text.0.extend(describe::note(remark).0);
}
