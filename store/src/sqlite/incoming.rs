//! Walk 1, step 4: a visitor's message, its conversation and its job.

use super::items::{conversation, conversation_id, insert, known, take_place, touch};
use super::lanes::enqueue;
use super::row::{Result, column, execute, only, to_json};
use super::{notes, values};
use openline_core::message::{Incoming, Side};
use openline_core::steps;
use openline_core::store::{Act, Amend, Change, FORGET_FILES, Queue, Recorded, Work};
use openline_core::{ChannelId, ChatId, Rev, Tag, Timestamp};
use rusqlite::Connection;

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
    let mut item = steps::visitors(place, tag, at, incoming.key.clone(), incoming.content.clone());
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
    let Some(conversation) = conversation(db, channel, chat)? else { return Ok(None) };
    let Some(item) = known(db, conversation.id, Side::Visitor, key)? else { return Ok(None) };
    let Some(act) = steps::amend(&item, amend) else { return Ok(None) };
    match amend {
        Amend::Edit(content) => {
            execute(db, "UPDATE messages SET content = ?2, edited = 1 WHERE id = ?1", (item.id.0, to_json(content)?))?
        }
        Amend::Delete => execute(db, "UPDATE messages SET content = '{}', deleted = 1 WHERE id = ?1", [item.id.0])?,
    };
    for file in steps::let_go(&item.content, amend) {
        values::put_new(db, &format!("{FORGET_FILES}{file}"), b"")?;
    }
    enqueue(db, conversation.id, &Queue::Backend, Work::ToOperators(act), item.id, at)?;
    touch(db, conversation.id, item.id).map(Some)
}
