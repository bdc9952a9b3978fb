//! Finding conversations, forgetting one, and which kept files nobody names any more.

use super::database::{query, transaction};
use super::fault::Result;
use super::row::{column, conversation, conversation_columns, limit};
use super::{PostgresStore, chats, values};
use crate::files::names;
use async_trait::async_trait;
use openline_core::message::Conversation;
use openline_core::store::{Erased, Erasing, FORGET_FILES, News, chat_values, values_to_go};
use openline_core::visitor::Wanted;
use openline_core::{ConversationId, FileId, StoreError, Timestamp};
use sqlx::postgres::PgConnection;
use std::collections::BTreeSet;

/// How many messages are looked at in one read.
const PAGE: i64 = 20_000;

#[async_trait]
impl Erasing for PostgresStore {
    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let wanted = Wanted::new(wanted);
        let (mut found, mut after) = (Vec::new(), after.unwrap_or_default());
        while found.len() < limit {
            let page = query!(self.database, db => page(db, after))?;
            let Some((last, _)) = page.last() else { break };
            after = ConversationId(*last);
            found.extend(crate::search::fitting(page, &wanted));
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
        query!(self.database, db => idle(db, before, after, limit))
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        query!(self.database, db => untouched(db, before, after, limit))
    }

    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError> {
        let Some((items, files)) = transaction!(self.database, db => forget(db, id))? else { return Ok(None) };
        // The others must not go on with what they remember.
        self.telling.tell(News::Gap);
        Ok(Some(Erased { items, files: self.unnamed_files(files.into_iter().collect()).await? }))
    }

    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError> {
        let (mut files, mut after) = (files.into_iter().collect::<BTreeSet<_>>(), Some(0));
        while let Some(start) = after.filter(|_| !files.is_empty()) {
            let found;
            (found, after) = query!(self.database, db => named(db, start))?;
            files.retain(|file| !found.contains(file));
        }
        Ok(files.into_iter().collect())
    }
}

/// The next conversations, as far as they can be read.
async fn page(
    db: &mut PgConnection,
    after: ConversationId,
) -> Result<Vec<(i64, std::result::Result<Conversation, StoreError>)>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.id > $1 ORDER BY c.id LIMIT 1000"
    ))
    .bind(after.0)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((column(row, 0)?, conversation(row, 0).map_err(StoreError::from)))).collect()
}

async fn idle(
    db: &mut PgConnection,
    before: Timestamp,
    after: Option<ConversationId>,
    most: usize,
) -> Result<Vec<ConversationId>> {
    // A lane with living jobs is due at some time.
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT c.id FROM conversations c WHERE c.id > $1 AND c.active_at < $2 AND NOT EXISTS \
         (SELECT 1 FROM lanes l WHERE l.conversation = c.id AND l.due_at IS NOT NULL) ORDER BY c.id LIMIT $3",
    )
    .bind(after.unwrap_or_default().0)
    .bind(before.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

async fn untouched(
    db: &mut PgConnection,
    before: Timestamp,
    after: Option<ConversationId>,
    most: usize,
) -> Result<Vec<ConversationId>> {
    let sql = "SELECT id FROM conversations WHERE id > $1 AND active_at < $2 ORDER BY id LIMIT $3";
    let query = sqlx::query_scalar(sql).bind(after.unwrap_or_default().0).bind(before.0).bind(limit(most));
    let ids: Vec<i64> = query.fetch_all(db).await?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Forgets everything of a conversation. How many items it had, and which kept files they named.
async fn forget(db: &mut PgConnection, id: ConversationId) -> Result<Option<(u64, BTreeSet<FileId>)>> {
    let sql = "SELECT id FROM conversations WHERE id = $1 FOR UPDATE";
    if sqlx::query(sql).bind(id.0).fetch_optional(&mut *db).await?.is_none() {
        return Ok(None);
    }
    if let Some(conversation) = chats::conversation_by_id(db, id).await? {
        let prefix = chat_values(&conversation.channel, &conversation.chat);
        for key in values_to_go(&prefix, values::list(db, &prefix).await?) {
            values::delete(db, &key).await?;
        }
    }
    let sql = "SELECT id FROM lanes WHERE conversation = $1 ORDER BY queue FOR UPDATE";
    let lanes: Vec<i64> = sqlx::query_scalar(sql).bind(id.0).fetch_all(&mut *db).await?;
    let sql = "SELECT content FROM messages WHERE conversation = $1 AND strpos(content, '\"stored\":') > 0";
    let contents: Vec<String> = sqlx::query_scalar(sql).bind(id.0).fetch_all(&mut *db).await?;
    let files: BTreeSet<_> = contents.iter().flat_map(|content| names(content)).collect();
    for file in &files {
        values::put_new(db, &format!("{FORGET_FILES}{file}"), b"").await?;
    }
    // The dead ones have an index of their own.
    let sql = "DELETE FROM jobs WHERE dead_at IS NULL AND lane = ANY($1)";
    sqlx::query(sql).bind(&lanes).execute(&mut *db).await?;
    let sql =
        "DELETE FROM jobs WHERE dead_at IS NOT NULL AND message IN (SELECT id FROM messages WHERE conversation = $1)";
    sqlx::query(sql).bind(id.0).execute(&mut *db).await?;
    sqlx::query("DELETE FROM lanes WHERE id = ANY($1)").bind(&lanes).execute(&mut *db).await?;
    sqlx::query("DELETE FROM past_dialogs WHERE conversation = $1").bind(id.0).execute(&mut *db).await?;
    let sql = "DELETE FROM messages WHERE conversation = $1";
    let items = sqlx::query(sql).bind(id.0).execute(&mut *db).await?.rows_affected();
    sqlx::query("DELETE FROM conversations WHERE id = $1").bind(id.0).execute(db).await?;
    Ok(Some((items, files)))
}

/// The kept files that messages behind `after` name, and where to go on.
async fn named(db: &mut PgConnection, after: i64) -> Result<(BTreeSet<FileId>, Option<i64>)> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM messages").fetch_one(&mut *db).await?;
    let last = after.saturating_add(PAGE);
    let sql = "SELECT content FROM messages WHERE id > $1 AND id <= $2 AND strpos(content, '\"stored\":') > 0";
    let contents: Vec<String> = sqlx::query_scalar(sql).bind(after).bind(last).fetch_all(db).await?;
    let named = contents.iter().flat_map(|content| names(content)).collect();
    Ok((named, Some(last).filter(|last| newest.is_some_and(|newest| newest > *last))))
}
