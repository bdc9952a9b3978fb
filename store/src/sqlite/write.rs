//! Walk 1, step 4: a visitor's message, its conversation and its job.

use super::lanes::enqueue;
use super::read::known;
use super::row::{Result, Stored, column, execute, first, only, to_json};
use super::{notes, read, state};
use crate::files::let_go;
use openline_core::message::{Content, Dialog, Incoming, Item, ItemKind, Side, State};
use openline_core::store::{Act, Amend, Change, FORGET_FILES, Queue, Recorded, Work};
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, Tag, Timestamp};
use rusqlite::Connection;

/// Space between two items' positions, for late ones.
pub(crate) const POS_STEP: i64 = 1 << 16;

/// What a new item of a conversation gets.
pub(crate) struct Place {
    pub(crate) rev: Rev,
    pub(crate) pos: Pos,
}

pub(crate) fn record_incoming(
    db: &Connection,
    channel: &ChannelId,
    incoming: &Incoming,
    tag: Tag,
    at: Timestamp,
) -> Result<Recorded> {
    let id = conversation_id(db, channel, &incoming.chat, at)?;
    if let Some(item) = known(db, id, Side::Visitor, &incoming.key)? {
        let rev = only(db, "SELECT rev FROM conversations WHERE id = ?1", [id.0], |row| column(row, 0))?;
        return Ok(Recorded { item, change: Change { conversation: id, rev: Rev(rev) }, fresh: false });
    }
    let visitor = incoming.visitor.as_ref().map(to_json).transpose()?;
    let place = take_place(db, id, at, visitor.as_deref())?;
    let mut item = Item {
        id: MessageId(0),
        tag,
        rev: place.rev,
        pos: place.pos,
        kind: ItemKind::Message,
        side: Side::Visitor,
        state: State::Sent,
        key: incoming.key.clone(),
        author: None,
        content: incoming.content.clone(),
        at,
        remote: None,
        delivered_as: Vec::new(),
        edited: false,
        deleted: false,
    };
    item.id = insert(db, id, &item)?;
    enqueue(db, id, &Queue::Backend, Work::ToOperators(Act::Send), item.id, at)?;
    if let Some(note) = &incoming.note {
        notes::record(db, id, note, at)?;
    }
    Ok(Recorded { item, change: Change { conversation: id, rev: place.rev }, fresh: true })
}

pub(crate) fn amend_incoming(
    db: &Connection,
    channel: &ChannelId,
    chat: &ChatId,
    key: &str,
    amend: &Amend,
    at: Timestamp,
) -> Result<Option<Change>> {
    let Some(conversation) = read::conversation(db, channel, chat)? else { return Ok(None) };
    let Some(item) = known(db, conversation.id, Side::Visitor, key)? else { return Ok(None) };
    let act = match amend {
        Amend::Edit(content) if item.deleted || *content == item.content => return Ok(None),
        Amend::Delete if item.deleted => return Ok(None),
        Amend::Edit(content) => {
            execute(db, "UPDATE messages SET content = ?2, edited = 1 WHERE id = ?1", (item.id.0, to_json(content)?))?;
            Act::Edit
        }
        Amend::Delete => {
            execute(db, "UPDATE messages SET content = '{}', deleted = 1 WHERE id = ?1", [item.id.0])?;
            Act::Delete
        }
    };
    let nothing = Content::default();
    let now = if let Amend::Edit(content) = amend { content } else { &nothing };
    for file in let_go(&item.content, now) {
        state::put_new(db, &format!("{FORGET_FILES}{file}"), b"")?;
    }
    enqueue(db, conversation.id, &Queue::Backend, Work::ToOperators(act), item.id, at)?;
    touch(db, conversation.id, item.id).map(Some)
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
fn take_place(db: &Connection, id: ConversationId, at: Timestamp, visitor: Option<&str>) -> Result<Place> {
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
