//! Conversations and their items: what is written, and what is read.

use super::row::{Result, all, column, first, item as item_of, item_columns};
use super::{SqliteStore, incoming, items, notes, outgoing};
use async_trait::async_trait;
use openline_core::message::{Conversation, Incoming, Item, Note, OperatorEvent};
use openline_core::store::{Amend, Change, Conversations, Noted, Recorded, Slice};
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, StoreError, Tag, Timestamp};
use rusqlite::Connection;

#[async_trait]
impl Conversations for SqliteStore {
    fn tag(&self) -> Tag {
        self.tag
    }

    async fn record_incoming(
        &self,
        channel: &ChannelId,
        incoming: Incoming,
        at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let (channel, tag) = (channel.clone(), self.tag);
        self.threads.write(move |db| incoming::record_incoming(db, &channel, &incoming, tag, at)).await
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let (channel, chat, key) = (channel.clone(), chat.clone(), key.to_owned());
        self.threads.write(move |db| incoming::amend_incoming(db, &channel, &chat, &key, &amend, at)).await
    }

    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>, StoreError> {
        let tag = self.tag;
        let record = move |db: &_| events.into_iter().map(|event| outgoing::record(db, event, tag, at)).collect();
        self.threads.write(record).await
    }

    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool, StoreError> {
        self.threads.write(move |db| notes::record(db, id, &note, at)).await
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        let (channel, chat) = (channel.clone(), chat.clone());
        self.threads.read(move |db| items::conversation(db, &channel, &chat)).await
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.threads.read(move |db| items::conversation_by_id(db, id)).await
    }

    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        self.threads.read(move |db| items_since(db, id, since, limit)).await
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError> {
        self.threads.read(move |db| items_before(db, id, before, limit)).await
    }

    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        self.threads.read(move |db| item(db, id, message)).await
    }

    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.threads.read(move |db| notes_of(db, id, after, limit)).await
    }
}

fn items_since(db: &Connection, id: ConversationId, since: Rev, limit: usize) -> Result<Slice> {
    // The revision is read first: what is committed between the two statements comes with the next call.
    let rev = revision(db, id)?;
    if limit == 0 {
        return Ok(Slice { items: Vec::new(), more: rev > since, rev });
    }
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.rev > ?2 AND m.rev <= ?3 ORDER BY m.rev LIMIT ?4"
    );
    // Notes are below.
    let since = since.0.max(0);
    let items = all(db, sql, (id.0, since, rev.0, beyond(limit)), |row| item_of(row, 0))?;
    Ok(cut(items, limit, rev))
}

fn items_before(db: &Connection, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice> {
    let rev = revision(db, id)?;
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.pos > 0 AND m.pos < ?2 \
         ORDER BY m.pos DESC LIMIT ?3"
    );
    let before = before.map_or(i64::MAX, |pos| pos.0);
    let items = all(db, sql, (id.0, before, beyond(limit)), |row| item_of(row, 0))?;
    let mut slice = cut(items, limit, rev);
    slice.items.reverse();
    Ok(slice)
}

fn notes_of(db: &Connection, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>> {
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.pos < 0 AND m.id > ?2 ORDER BY m.id LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (id.0, after.unwrap_or_default().0, limit), |row| item_of(row, 0))
}

fn item(db: &Connection, id: ConversationId, message: MessageId) -> Result<Option<Item>> {
    let sql = concat!("SELECT ", item_columns!(), " FROM messages m WHERE m.id = ?2 AND m.conversation = ?1");
    first(db, sql, (id.0, message.0), |row| item_of(row, 0))
}

fn revision(db: &Connection, id: ConversationId) -> Result<Rev> {
    let rev = first(db, "SELECT rev FROM conversations WHERE id = ?1", [id.0], |row| column(row, 0))?;
    Ok(Rev(rev.unwrap_or(0)))
}

/// One more than asked for tells whether there are more.
fn beyond(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn cut(mut items: Vec<Item>, limit: usize, rev: Rev) -> Slice {
    let more = items.len() > limit;
    items.truncate(limit);
    Slice { items, more, rev }
}
