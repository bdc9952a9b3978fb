//! Notes: what only operators shall see.

use super::items::known;
use super::lanes::enqueue;
use super::row::{Result, Stored, first, only, to_json};
use openline_core::message::{Content, ItemKind, Note, Side, State};
use openline_core::steps::note_key;
use openline_core::store::{Queue, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use rusqlite::Connection;

/// Stores a note with its job; false when there is no such conversation, or the key is known.
pub(crate) fn record(db: &Connection, id: ConversationId, note: &Note, at: Timestamp) -> Result<bool> {
    let key = note_key(&note.key);
    if known(db, id, Side::System, &key)?.is_some() {
        return Ok(false);
    }
    let sql = "UPDATE conversations SET active_at = max(active_at, ?2) WHERE id = ?1 RETURNING 1";
    if first(db, sql, (id.0, at.0), |_| Ok(()))?.is_none() {
        return Ok(false);
    }
    // Below all revisions and positions, so that nobody who reads the conversation comes across it.
    let sql = "INSERT INTO messages (conversation, rev, pos, kind, side, state, key, content, at) \
               SELECT ?1, least, least, ?2, ?3, ?4, ?5, ?6, ?7 FROM \
               (SELECT min(coalesce(min(rev), 0), 0) - 1 AS least FROM messages WHERE conversation = ?1) RETURNING id";
    let (kind, side, state) = (ItemKind::Note.code(), Side::System.code(), State::Sent.code());
    let content = to_json(&Content::plain(note.text.as_str()))?;
    let values = (id.0, kind, side, state, key, content, at.0);
    let message = MessageId(only(db, sql, values, |row| super::row::column(row, 0))?);
    enqueue(db, id, &Queue::Backend, Work::Note, message, at)?;
    Ok(true)
}
