//! Forgetting a conversation, and which kept files nobody names any more.

use super::row::{Result, all, column, execute, first};
use super::{read, state};
use crate::files::names;
use openline_core::store::{FORGET_FILES, chat_values, values_to_go};
use openline_core::{ConversationId, FileId};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// How many messages are looked at in one read.
const PAGE: i64 = 20_000;
/// How long others are waited for who use the log, and how often.
const TURN: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// Forgets everything of a conversation. How many items it had, and which kept files they named.
pub(crate) fn erase(db: &Connection, id: ConversationId) -> Result<Option<(u64, BTreeSet<FileId>)>> {
    let Some(conversation) = read::conversation_by_id(db, id)? else { return Ok(None) };
    let prefix = chat_values(&conversation.channel, &conversation.chat);
    for key in values_to_go(&prefix, state::list(db, &prefix)?) {
        state::delete(db, &key)?;
    }
    let sql = "SELECT content FROM messages WHERE conversation = ?1 AND instr(content, '\"stored\":') > 0";
    let contents: Vec<String> = all(db, sql, [id.0], |row| column(row, 0))?;
    let files: BTreeSet<_> = contents.iter().flat_map(|content| names(content)).collect();
    for file in &files {
        state::put_new(db, &format!("{FORGET_FILES}{file}"), b"")?;
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

/// Empties the write-ahead log, which has the pages as they were before. Blocks; by a connection of its own, because the
/// writer is never outside a transaction when somebody can ask it for something.
pub(crate) fn cut_log(path: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let cut = || {
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(TURN)?;
        // Whoever reads for long (a backup) is waited for a while.
        for _ in 0..TRIES {
            if db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match cut() {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("the write-ahead log was in use: what was erased goes from it with the next checkpoint");
        }

        Err::<_, rusqlite::Error>(error) => {
            tracing::warn!(%error, "the write-ahead log was not emptied after an erasure");
        }
    }
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
