//! A conversation's place in a queue.

use super::row::{Result, Stored, column, execute, first};
use openline_core::store::{Queue, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use rusqlite::Connection;

/// Puts a job at the end of its lane.
pub(crate) fn enqueue(
    db: &Connection,
    id: ConversationId,
    queue: &Queue,
    work: Work,
    message: MessageId,
    at: Timestamp,
) -> Result<()> {
    let lane = open_lane(db, id, &queue.name(), at)?;
    let sql = "INSERT INTO jobs (lane, message, task, created_at) VALUES (?1, ?2, ?3, ?4)";
    execute(db, sql, (lane, message.0, work.code(), at.0)).map(|_| ())
}

/// The lane's row, made when there is none; an empty lane is due from now on. One that has work already is only read.
fn open_lane(db: &Connection, id: ConversationId, queue: &str, at: Timestamp) -> Result<i64> {
    let sql = "SELECT id, due_at IS NULL FROM lanes WHERE conversation = ?1 AND queue = ?2";
    match first(db, sql, (id.0, queue), |row| Ok((column(row, 0)?, column(row, 1)?)))? {
        Some((lane, false)) => Ok(lane),
        Some((lane, true)) => {
            execute(db, "UPDATE lanes SET due_at = ?2 WHERE id = ?1", (lane, at.0))?;
            Ok(lane)
        }
        None => {
            let sql = "INSERT INTO lanes (conversation, queue, due_at, fresh) \
                       SELECT id, ?2, ?3, ?2 = ?4 AND portal_chat IS NULL FROM conversations WHERE id = ?1";
            execute(db, sql, (id.0, queue, at.0, Queue::Backend.name()))?;
            Ok(db.last_insert_rowid())
        }
    }
}
