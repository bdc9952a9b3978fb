//! Finding conversations, forgetting one, and which kept files nobody names any more.

use super::row::{Result, all, column, conversation, conversation_columns, execute, first};
use super::{SqliteStore, backup, items, values};
use crate::files::names;
use async_trait::async_trait;
use openline_core::message::Conversation;
use openline_core::store::{Erased, Erasing, FORGET_FILES, chat_values, values_to_go};
use openline_core::visitor::Wanted;
use openline_core::{ConversationId, FileId, StoreError, Timestamp};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// How many conversations are looked at in one read.
const VISITORS: i64 = 1000;
/// How many messages are looked at in one read.
const PAGE: i64 = 20_000;
/// How long others are waited for who use the log, and how often.
const TURN: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

#[async_trait]
impl Erasing for SqliteStore {
    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let wanted = Wanted::new(wanted);
        let (mut found, mut after) = (Vec::new(), after.unwrap_or_default());
        // A page at a time, so that others can read meanwhile.
        while found.len() < limit {
            let wanted = wanted.clone();
            let (fits, last) = self.threads.read(move |db| visitors(db, &wanted, after)).await?;
            found.extend(fits);
            let Some(last) = last else { break };
            after = last;
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn idle(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.threads.read(move |db| idle(db, before, after, limit)).await
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.threads.read(move |db| untouched(db, before, after, limit)).await
    }

    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError> {
        // Before it is done: an older copy must not bring it back, whenever the process ends.
        let (path, name) = (self.path.clone(), self.name.clone());
        let noted = tokio::task::spawn_blocking(move || backup::note_erased(&path, &name, id)).await;
        let noted = noted.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        noted.map_err(|error| StoreError::Unavailable(format!("can't write down what is erased: {error}")))?;
        let erased = self.threads.write(move |db| forget(db, id)).await?;
        let Some((items, files)) = erased else { return Ok(None) };
        let path = self.path.clone();
        let _ = tokio::task::spawn_blocking(move || cut_log(&path)).await;
        Ok(Some(Erased { items, files: self.unnamed_files(files.into_iter().collect()).await? }))
    }

    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError> {
        let (mut files, mut after) = (files.into_iter().collect::<BTreeSet<_>>(), Some(0));
        // A page at a time, so that others can read meanwhile.
        while let Some(start) = after.filter(|_| !files.is_empty()) {
            let look = move |db: &_| {
                let after = take_named(db, &mut files, start)?;
                Ok((files, after))
            };
            (files, after) = self.threads.read(look).await?;
        }
        Ok(files.into_iter().collect())
    }
}

/// Those of the next conversations whose visitor is wanted, and where to go on.
fn visitors(
    db: &Connection,
    wanted: &Wanted,
    after: ConversationId,
) -> Result<(Vec<Conversation>, Option<ConversationId>)> {
    let sql =
        concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id > ?1 ORDER BY c.id LIMIT ?2");
    let page = all(db, sql, (after.0, VISITORS), |row| Ok((column(row, 0)?, conversation(row, 0))))?;
    let last = page.last().map(|(id, _)| ConversationId(*id));
    Ok((crate::search::fitting(page, wanted), last))
}

fn idle(
    db: &Connection,
    before: Timestamp,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    // A lane with living jobs is due at some time.
    let sql = "SELECT c.id FROM conversations c WHERE c.id > ?1 AND c.active_at < ?2 AND NOT EXISTS \
               (SELECT 1 FROM lanes l WHERE l.conversation = c.id AND l.due_at IS NOT NULL) ORDER BY c.id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (after.unwrap_or_default().0, before.0, limit), |row| Ok(ConversationId(column(row, 0)?)))
}

fn untouched(
    db: &Connection,
    before: Timestamp,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    let sql = "SELECT id FROM conversations WHERE id > ?1 AND active_at < ?2 ORDER BY id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (after.unwrap_or_default().0, before.0, limit), |row| Ok(ConversationId(column(row, 0)?)))
}

/// Forgets everything of a conversation. How many items it had, and which kept files they named.
fn forget(db: &Connection, id: ConversationId) -> Result<Option<(u64, BTreeSet<FileId>)>> {
    let Some(conversation) = items::conversation_by_id(db, id)? else { return Ok(None) };
    let prefix = chat_values(&conversation.channel, &conversation.chat);
    for key in values_to_go(&prefix, values::list(db, &prefix)?) {
        values::delete(db, &key)?;
    }
    let sql = "SELECT content FROM messages WHERE conversation = ?1 AND instr(content, '\"stored\":') > 0";
    let contents: Vec<String> = all(db, sql, [id.0], |row| column(row, 0))?;
    let files: BTreeSet<_> = contents.iter().flat_map(|content| names(content)).collect();
    for file in &files {
        values::put_new(db, &format!("{FORGET_FILES}{file}"), b"")?;
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
fn cut_log(path: &Path) {
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
fn take_named(db: &Connection, files: &mut BTreeSet<FileId>, after: i64) -> Result<Option<i64>> {
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
