//! Notes: what only operators shall see.

use super::fault::Result;
use super::items::{Errand, enqueue, known};
use super::row::to_json;
use crate::code::Stored;
use openline_core::message::{Content, ItemKind, Note, Side, State};
use openline_core::steps::note_key;
use openline_core::store::{Queue, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use sqlx::postgres::PgConnection;

/// Stores a note with its job in a conversation that this transaction has locked; false when the key is known.
pub(crate) async fn record(
    db: &mut PgConnection,
    conversation: ConversationId,
    note: &Note,
    at: Timestamp,
) -> Result<bool> {
    let key = note_key(&note.key);
    if known(db, conversation, Side::System, &key).await?.is_some() {
        return Ok(false);
    }
    // Below all revisions and positions, so that nobody who reads the conversation comes across it.
    let message = sqlx::query_scalar(
        "WITH active AS (UPDATE conversations SET active_at = greatest(active_at, $7) WHERE id = $1) \
         INSERT INTO messages (conversation, rev, pos, kind, side, state, key, content, at) \
         SELECT $1, least, least, $2, $3, $4, $5, $6, $7 FROM \
         (SELECT least(min(rev), 0) - 1 AS least FROM messages WHERE conversation = $1) k RETURNING id",
    )
    .bind(conversation.0)
    .bind(ItemKind::Note.code())
    .bind(Side::System.code())
    .bind(State::Sent.code())
    .bind(key.as_bytes())
    .bind(to_json(&Content::plain(note.text.as_str()))?)
    .bind(at.0)
    .fetch_one(&mut *db)
    .await?;
    let errand = Errand { conversation, queue: Queue::Backend, work: Work::Note, message: MessageId(message) };
    enqueue(db, &[errand], at).await?;
    Ok(true)
}

/// The same of a conversation that may not be there.
pub(crate) async fn record_apart(
    db: &mut PgConnection,
    conversation: ConversationId,
    note: &Note,
    at: Timestamp,
) -> Result<bool> {
    Ok(super::chats::lock_id(db, conversation).await? && record(db, conversation, note, at).await?)
}
