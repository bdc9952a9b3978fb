//! What visitors write, and what is read.

use super::rows::{Chat, Held};
use super::{MemoryStore, Result};
use crate::domain::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, Tag};
use crate::domain::message::{
    Content, Conversation, Dialog, Incoming, Item, ItemKind, Note, OperatorEvent, Side, Thread, Visitor,
};
use crate::domain::time::Timestamp;
use crate::ports::steps::{self, note_key};
use crate::ports::store::{Act, Amend, Change, Conversations, FORGET_FILES, Noted, Recorded, Slice, Work};
use async_trait::async_trait;

#[async_trait]
impl Conversations for MemoryStore {
    fn tag(&self) -> Tag {
        self.tag
    }

    async fn record_incoming(&self, channel: &ChannelId, incoming: Incoming, at: Timestamp) -> Result<Recorded> {
        let mut held = self.write("record_incoming")?;
        let Incoming { chat, key, visitor, content, note } = incoming;
        let chat = held.chat(channel, &chat, at);
        let id = chat.conversation.id;
        if let Some(known) = chat.known(Side::Visitor, &key) {
            return Ok(Recorded { item: known.item.clone(), change: chat.change(), fresh: false });
        }
        if let Some(visitor) = visitor {
            chat.conversation.visitor = visitor;
        }
        let item = steps::visitors(chat.next_place(at), self.tag, at, key, content);
        let change = chat.change();
        let item = Item { id: held.insert(id, item.clone()), ..item };
        held.enqueue(id, Work::ToOperators(Act::Send), item.id, at);
        if let Some(note) = note {
            held.note(id, &note, at);
        }
        Ok(Recorded { item, change, fresh: true })
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>> {
        let mut held = self.write("amend_incoming")?;
        let Some(id) = held.find(channel, chat) else { return Ok(None) };
        let Some(item) = held.chats[&id].known(Side::Visitor, key).map(|known| known.item.clone()) else {
            return Ok(None);
        };
        let Some(act) = steps::amend(&item, &amend) else { return Ok(None) };
        for file in steps::let_go(&item.content, &amend) {
            held.values.entry(format!("{FORGET_FILES}{file}")).or_default();
        }
        match amend {
            Amend::Edit(content) => held.edit(id, item.id, content),
            Amend::Delete => held.delete(id, item.id),
        }
        held.enqueue(id, Work::ToOperators(act), item.id, at);
        Ok(held.touch(id, item.id))
    }

    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>> {
        let mut held = self.write("record_outgoing")?;
        Ok(events.into_iter().map(|event| held.hear(event, self.tag, at)).collect())
    }

    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool> {
        Ok(self.write("record_note")?.note(id, &note, at))
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>> {
        let held = self.read("conversation")?;
        Ok(held.find(channel, chat).map(|id| held.chats[&id].conversation.clone()))
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>> {
        Ok(self.read("conversation_by_id")?.chats.get(&id).map(|chat| chat.conversation.clone()))
    }

    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice> {
        let held = self.read("items_since")?;
        let Some(chat) = held.chats.get(&id) else { return Ok(Slice::default()) };
        let rev = chat.conversation.rev;
        let mut items = chat.in_order();
        items.retain(|item| item.rev > since);
        items.sort_by_key(|item| item.rev);
        let more = if limit == 0 { rev > since } else { items.len() > limit };
        items.truncate(limit);
        Ok(Slice { items, more, rev })
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice> {
        let held = self.read("items_before")?;
        let Some(chat) = held.chats.get(&id) else { return Ok(Slice::default()) };
        let mut items = chat.in_order();
        items.retain(|item| before.is_none_or(|before| item.pos < before));
        let more = items.len() > limit;
        items.drain(..items.len().saturating_sub(limit));
        Ok(Slice { items, more, rev: chat.conversation.rev })
    }

    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>> {
        let held = self.read("item")?;
        let items = held.chats.get(&id).map(|chat| &chat.items).into_iter().flatten();
        Ok(items.map(|kept| &kept.item).find(|item| item.id == message).cloned())
    }

    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>> {
        let held = self.read("notes")?;
        let items = held.chats.get(&id).map(|chat| &chat.items).into_iter().flatten().map(|kept| &kept.item);
        let notes = items.filter(|item| item.kind == ItemKind::Note && item.id > after.unwrap_or_default());
        Ok(notes.take(limit).cloned().collect())
    }
}

impl Held {
    /// The conversation of a chat, made when there is none.
    pub(super) fn chat(&mut self, channel: &ChannelId, chat: &ChatId, at: Timestamp) -> &mut Chat {
        let id = self.find(channel, chat).unwrap_or_else(|| ConversationId(self.next()));
        let new = || Conversation {
            id,
            channel: channel.clone(),
            chat: chat.clone(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::None,
            rev: Rev(0),
        };
        self.chats.entry(id).or_insert_with(|| Chat::of(new(), at))
    }

    /// Whether it is new.
    pub(super) fn note(&mut self, id: ConversationId, note: &Note, at: Timestamp) -> bool {
        let Some(chat) =
            self.chats.get_mut(&id).filter(|chat| chat.known(Side::System, &note_key(&note.key)).is_none())
        else {
            return false;
        };
        chat.active = chat.active.max(at);
        let item = steps::note(chat.place_of_note(), at, note);
        let message = self.insert(id, item);
        self.enqueue(id, Work::Note, message, at);
        true
    }

    pub(super) fn edit(&mut self, id: ConversationId, message: MessageId, content: Content) {
        if let Some(kept) = self.kept_mut(id, message) {
            (kept.item.content, kept.item.edited) = (content, true);
        }
    }

    pub(super) fn delete(&mut self, id: ConversationId, message: MessageId) {
        if let Some(kept) = self.kept_mut(id, message) {
            (kept.item.content, kept.item.deleted) = (Content::default(), true);
        }
    }

    pub(super) fn touch(&mut self, id: ConversationId, message: MessageId) -> Option<Change> {
        self.chats.get_mut(&id).map(|chat| chat.touch(message))
    }
}
