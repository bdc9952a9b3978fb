//! Keeps which dialogs are over, or had to give way to another one.

use super::row::{Result, execute};
use openline_core::ConversationId;
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
