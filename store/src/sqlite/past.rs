//! Dialogs that are over, or that another one followed, and whose histories are to be read once more.

use super::row::{Result, all, column, conversation, conversation_columns, execute};
use openline_core::store::PastDialog;
use openline_core::{ConversationId, Timestamp};
use rusqlite::Connection;

/// That dialog is over.
pub(crate) fn add(db: &Connection, id: ConversationId, session: &str) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO past_dialogs (conversation, session) VALUES (?1, ?2)";
    execute(db, sql, (id.0, session)).map(|_| ())
}

/// The dialog that is known gives way to `next`, when that is another one.
pub(crate) fn add_before(db: &Connection, id: ConversationId, next: &str) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO past_dialogs (conversation, session) \
               SELECT id, session FROM conversations WHERE id = ?1 AND session <> ?2";
    execute(db, sql, (id.0, next)).map(|_| ())
}

pub(crate) fn page(db: &Connection, after: i64, active_since: Timestamp, limit: usize) -> Result<Vec<PastDialog>> {
    let sql = concat!(
        "SELECT p.id, p.session, ",
        conversation_columns!(),
        " FROM past_dialogs p CROSS JOIN conversations c ON c.id = p.conversation \
         WHERE p.id > ?1 AND c.active_at >= ?2 ORDER BY p.id LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (after, active_since.0, limit), |row| {
        let mut conversation = conversation(row, 2)?;
        conversation.thread.session = Some(column(row, 1)?);
        Ok(PastDialog { id: column(row, 0)?, conversation })
    })
}

pub(crate) fn forget(db: &Connection, ids: &[i64]) -> Result<()> {
    for id in ids {
        execute(db, "DELETE FROM past_dialogs WHERE id = ?1", [id])?;
    }
    Ok(())
}
