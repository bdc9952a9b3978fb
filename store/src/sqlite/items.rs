//! Rows of conversations and their items.

use super::row::{
    Result, Stored, column, conversation as conversation_of, conversation_columns, execute, first, item as item_of,
    item_columns, only, to_json,
};
use openline_core::message::{Conversation, Dialog, Item, Side};
use openline_core::steps::{POS_STEP, Place};
use openline_core::store::Change;
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, Timestamp};
use rusqlite::Connection;

pub(crate) fn conversation(db: &Connection, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>> {
    let sql = concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.channel = ?1 AND c.chat = ?2");
    first(db, sql, (channel.as_str(), chat.as_str()), |row| conversation_of(row, 0))
}

pub(crate) fn conversation_by_id(db: &Connection, id: ConversationId) -> Result<Option<Conversation>> {
    let sql = concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = ?1");
    first(db, sql, [id.0], |row| conversation_of(row, 0))
}

/// The item that is stored under a dedupe key.
pub(crate) fn known(db: &Connection, id: ConversationId, side: Side, key: &str) -> Result<Option<Item>> {
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.key = ?2 AND m.side = ?3"
    );
    first(db, sql, (id.0, key, side.code()), |row| item_of(row, 0))
}

/// The row of a chat's conversation, made when there is none.
pub(crate) fn conversation_id(
    db: &Connection,
    channel: &ChannelId,
    chat: &ChatId,
    at: Timestamp,
) -> Result<ConversationId> {
    let sql = "SELECT id FROM conversations WHERE channel = ?1 AND chat = ?2";
    let found = first(db, sql, (channel.as_str(), chat.as_str()), |row| column(row, 0))?;
    if let Some(id) = found {
        return Ok(ConversationId(id));
    }
    let sql = "INSERT INTO conversations (channel, chat, visitor, created_at, active_at) VALUES (?1, ?2, '{}', ?3, ?3)";
    execute(db, sql, (channel.as_str(), chat.as_str(), at.0))?;
    Ok(ConversationId(db.last_insert_rowid()))
}

/// Takes the next revision and the place at the end.
pub(crate) fn next_place(db: &Connection, id: ConversationId, at: Timestamp) -> Result<Place> {
    take_place(db, id, at, None)
}

/// The same, and what is told of the visitor is kept.
pub(crate) fn take_place(db: &Connection, id: ConversationId, at: Timestamp, visitor: Option<&str>) -> Result<Place> {
    let sql = "UPDATE conversations SET rev = rev + 1, last_pos = last_pos + ?2, active_at = ?3, \
               visitor = coalesce(?4, visitor) WHERE id = ?1 RETURNING rev, last_pos";
    only(db, sql, (id.0, POS_STEP, at.0, visitor), |row| {
        Ok(Place { rev: Rev(column(row, 0)?), pos: Pos(column(row, 1)?) })
    })
}

/// Takes the next revision.
pub(crate) fn next_rev(db: &Connection, id: ConversationId) -> Result<Rev> {
    let sql = "UPDATE conversations SET rev = rev + 1 WHERE id = ?1 RETURNING rev";
    only(db, sql, [id.0], |row| Ok(Rev(column(row, 0)?)))
}

/// Gives a changed item the next revision.
pub(crate) fn touch(db: &Connection, id: ConversationId, message: MessageId) -> Result<Change> {
    let rev = next_rev(db, id)?;
    execute(db, "UPDATE messages SET rev = ?2 WHERE id = ?1", (message.0, rev.0))?;
    Ok(Change { conversation: id, rev })
}

/// Stores an item (its `id` is made here).
pub(crate) fn insert(db: &Connection, id: ConversationId, item: &Item) -> Result<MessageId> {
    let sql = "INSERT INTO messages (conversation, rev, pos, kind, side, state, key, author, content, at, remote, tag, \
               delivered_as) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let (kind, side, state) = (item.kind.code(), item.side.code(), item.state.code());
    let content = to_json(&item.content)?;
    let delivered_as = (!item.delivered_as.is_empty()).then(|| to_json(&item.delivered_as)).transpose()?;
    let values = rusqlite::params![
        id.0,
        item.rev.0,
        item.pos.0,
        kind,
        side,
        state,
        item.key,
        item.author,
        content,
        item.at.0,
        item.remote,
        item.tag.0,
        delivered_as
    ];
    execute(db, sql, values)?;
    Ok(MessageId(db.last_insert_rowid()))
}

/// Sets how the dialog stands.
pub(crate) fn set_dialog(db: &Connection, id: ConversationId, dialog: Dialog) -> Result<()> {
    execute(db, "UPDATE conversations SET dialog = ?2 WHERE id = ?1", (id.0, dialog.code())).map(|_| ())
}
