//! Forgetting a conversation, and which kept files nobody names any more.

use super::fault::Result;
use super::{read, state};
use crate::files::names;
use openline_core::store::{FORGET_FILES, chat_values, values_to_go};
use openline_core::{ConversationId, FileId};
use sqlx::postgres::PgConnection;
use std::collections::BTreeSet;

/// How many messages are looked at in one read.
const PAGE: i64 = 20_000;

/// Forgets everything of a conversation. How many items it had, and which kept files they named.
pub(crate) async fn erase(db: &mut PgConnection, id: ConversationId) -> Result<Option<(u64, BTreeSet<FileId>)>> {
    let sql = "SELECT id FROM conversations WHERE id = $1 FOR UPDATE";
    if sqlx::query(sql).bind(id.0).fetch_optional(&mut *db).await?.is_none() {
        return Ok(None);
    }
    if let Some(conversation) = read::conversation_by_id(db, id).await? {
        let prefix = chat_values(&conversation.channel, &conversation.chat);
        for key in values_to_go(&prefix, state::list(db, &prefix).await?) {
            state::delete(db, &key).await?;
        }
    }
    let sql = "SELECT id FROM lanes WHERE conversation = $1 ORDER BY queue FOR UPDATE";
    let lanes: Vec<i64> = sqlx::query_scalar(sql).bind(id.0).fetch_all(&mut *db).await?;
    let sql = "SELECT content FROM messages WHERE conversation = $1 AND strpos(content, '\"stored\":') > 0";
    let contents: Vec<String> = sqlx::query_scalar(sql).bind(id.0).fetch_all(&mut *db).await?;
    let files: BTreeSet<_> = contents.iter().flat_map(|content| names(content)).collect();
    for file in &files {
        state::put_new(db, &format!("{FORGET_FILES}{file}"), b"").await?;
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
pub(crate) async fn named(db: &mut PgConnection, after: i64) -> Result<(BTreeSet<FileId>, Option<i64>)> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM messages").fetch_one(&mut *db).await?;
    let last = after.saturating_add(PAGE);
    let sql = "SELECT content FROM messages WHERE id > $1 AND id <= $2 AND strpos(content, '\"stored\":') > 0";
    let contents: Vec<String> = sqlx::query_scalar(sql).bind(after).bind(last).fetch_all(db).await?;
    let named = contents.iter().flat_map(|content| names(content)).collect();
    Ok((named, Some(last).filter(|last| newest.is_some_and(|newest| newest > *last))))
}
