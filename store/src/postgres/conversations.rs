//! Conversations and their items: what is written, and what is read.

use super::database::{query, transaction};
use super::fault::Result;
use super::incoming::Letter;
use super::row::{column, item as item_of, item_columns, limit};
use super::{PostgresStore, amend, chats, notes, outgoing};
use async_trait::async_trait;
use openline_core::channel::ChatAddress;
use openline_core::message::{Conversation, Incoming, Item, Note, OperatorEvent};
use openline_core::store::{Amend, Change, Conversations, News, Noted, Queue, Recorded, Slice};
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, StoreError, Tag, Timestamp};
use sqlx::postgres::PgConnection;

#[async_trait]
impl Conversations for PostgresStore {
    fn tag(&self) -> Tag {
        self.tag
    }

    async fn record_incoming(
        &self,
        channel: &ChannelId,
        incoming: Incoming,
        at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let address = ChatAddress { channel: channel.clone(), chat: incoming.chat.clone() };
        let recorded = self.group.record(Letter::new(channel, incoming, self.tag, at)?).await?;
        if recorded.fresh {
            self.tell(Some(recorded.change), None);
            if recorded.change.rev == Rev(1) {
                self.telling.tell(News::Begun(address, recorded.change.conversation));
            }
            self.tell(None, Some(Queue::Backend));
        }
        Ok(recorded)
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let change = transaction!(self.database, db => amend::amend(db, channel, chat, key, &amend, at))?;
        self.tell(change, change.map(|_| Queue::Backend));
        Ok(change)
    }

    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>, StoreError> {
        let noted = transaction!(self.database, db => outgoing::record(db, &events, self.tag, at))?;
        for noted in &noted {
            self.tell(noted.change, noted.queue.clone());
        }
        Ok(noted)
    }

    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool, StoreError> {
        let stored = transaction!(self.database, db => notes::record_apart(db, id, &note, at))?;
        if stored {
            self.tell(None, Some(Queue::Backend));
        }
        Ok(stored)
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        query!(self.database, db => chats::conversation(db, channel, chat))
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        query!(self.database, db => chats::conversation_by_id(db, id))
    }

    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        query!(self.database, db => items_since(db, id, since, limit))
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError> {
        query!(self.database, db => items_before(db, id, before, limit))
    }

    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        query!(self.database, db => item(db, id, message))
    }

    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError> {
        query!(self.database, db => notes_of(db, id, after, limit))
    }
}

async fn items_since(db: &mut PgConnection, id: ConversationId, since: Rev, most: usize) -> Result<Slice> {
    // The revision is read first: what is committed between the two statements comes with the next call.
    let rev = revision(db, id).await?;
    if most == 0 || rev <= since {
        return Ok(Slice { items: Vec::new(), more: rev > since, rev });
    }
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.rev > $2 AND m.rev <= $3 ORDER BY m.rev LIMIT $4"
    ))
    .bind(id.0)
    // Notes are below.
    .bind(since.0.max(0))
    .bind(rev.0)
    .bind(beyond(most))
    .fetch_all(db)
    .await?;
    let items: Result<Vec<_>> = rows.iter().map(|row| item_of(row, 0)).collect();
    Ok(cut(items?, most, rev))
}

async fn items_before(db: &mut PgConnection, id: ConversationId, before: Option<Pos>, most: usize) -> Result<Slice> {
    let rev = revision(db, id).await?;
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.pos > 0 AND m.pos < $2 ORDER BY m.pos DESC LIMIT $3"
    ))
    .bind(id.0)
    .bind(before.map_or(i64::MAX, |pos| pos.0))
    .bind(beyond(most))
    .fetch_all(db)
    .await?;
    let items: Result<Vec<_>> = rows.iter().map(|row| item_of(row, 0)).collect();
    let mut slice = cut(items?, most, rev);
    slice.items.reverse();
    Ok(slice)
}

async fn notes_of(
    db: &mut PgConnection,
    id: ConversationId,
    after: Option<MessageId>,
    most: usize,
) -> Result<Vec<Item>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.pos < 0 AND m.id > $2 ORDER BY m.id LIMIT $3"
    ))
    .bind(id.0)
    .bind(after.unwrap_or_default().0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| item_of(row, 0)).collect()
}

async fn item(db: &mut PgConnection, id: ConversationId, message: MessageId) -> Result<Option<Item>> {
    let row =
        sqlx::query(concat!("SELECT ", item_columns!(), " FROM messages m WHERE m.id = $2 AND m.conversation = $1"))
            .bind(id.0)
            .bind(message.0)
            .fetch_optional(db)
            .await?;
    row.map(|row| item_of(&row, 0)).transpose()
}

async fn revision(db: &mut PgConnection, id: ConversationId) -> Result<Rev> {
    let sql = "SELECT rev FROM conversations WHERE id = $1";
    let row = sqlx::query(sql).bind(id.0).fetch_optional(db).await?;
    Ok(Rev(row.map(|row| column(&row, 0)).transpose()?.unwrap_or(0)))
}

/// One more than asked for tells whether there are more.
fn beyond(most: usize) -> i64 {
    limit(most).saturating_add(1)
}

fn cut(mut items: Vec<Item>, most: usize, rev: Rev) -> Slice {
    let more = items.len() > most;
    items.truncate(most);
    Slice { items, more, rev }
}
