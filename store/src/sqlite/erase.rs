//! Forgetting a conversation, and which kept files nobody names any more.

use super::row::{Result, all, column, execute, first};
use super::{read, state};
use crate::files::names;
use openline_core::store::{FORGET_FILES, chat_values};
use openline_core::{ConversationId, FileId};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// How many messages are looked at in one read.
const PAGE: i64 = 20_000;

/// Forgets everything of a conversation. How many items it had, and which kept files they named.
pub(crate) fn erase(db: &Connection, id: ConversationId) -> Result<Option<(u64, BTreeSet<FileId>)>> {
    let Some(conversation) = read::conversation_by_id(db, id)? else { return Ok(None) };
    for (key, _) in state::list(db, &chat_values(&conversation.channel, &conversation.chat))? {
        state::delete(db, &key)?;
    }
    let sql = "SELECT content FROM messages WHERE conversation = ?1 AND instr(content, '\"stored\":') > 0";
    let contents: Vec<String> = all(db, sql, [id.0], |row| column(row, 0))?;
    let files: BTreeSet<_> = contents.iter().flat_map(|content| names(content)).collect();
    for file in &files {
        state::put(db, &format!("{FORGET_FILES}{file}"), b"", &state::Expected::Anything)?;
    }
    // The dead ones have an index of their own.
    let sql = "DELETE FROM jobs WHERE dead_at IS NULL AND lane IN (SELECT id FROM lanes WHERE conversation = ?1)";
    execute(db, sql, [id.0])?;
    let sql =
        "DELETE FROM jobs WHERE dead_at IS NOT NULL AND message IN (SELECT id FROM messages WHERE conversation = ?1)";
    execute(db, sql, [id.0])?;
    execute(db, "DELETE FROM lanes WHERE conversation = ?1", [id.0])?;
    execute(db, "DELETE FROM past_dialogs WHERE conversation = ?1", [id.0])?;
    let items = execute(db, "DELETE FROM messages WHERE conversation = ?1", [id.0])?;
    execute(db, "DELETE FROM conversations WHERE id = ?1", [id.0])?;
    Ok(Some((items as u64, files)))
}

/// Takes away those files that messages behind `after` name; where to go on.
pub(crate) fn take_named(db: &Connection, files: &mut BTreeSet<FileId>, after: i64) -> Result<Option<i64>> {
    let newest: Option<i64> = first(db, "SELECT max(id) FROM messages", [], |row| column(row, 0))?.flatten();
    let last = after.saturating_add(PAGE);
    let sql = "SELECT content FROM messages WHERE id > ?1 AND id <= ?2 AND instr(content, '\"stored\":') > 0";
    for content in all(db, sql, [after, last], |row| column::<String>(row, 0))? {
        for named in names(&content) {
            files.remove(&named);
        }
    }
    Ok(Some(last).filter(|last| !files.is_empty() && newest.is_some_and(|newest| newest > *last)))
}
