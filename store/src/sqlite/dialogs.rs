//! Dialogs whose histories are looked at: open ones, and those that are over, or that another one followed, which are read
//! once more.

use super::SqliteStore;
use super::row::{Result, Stored, all, column, conversation, conversation_columns, execute};
use async_trait::async_trait;
use openline_core::message::{Conversation, Dialog};
use openline_core::store::{Dialogs, PastDialog};
use openline_core::{ConversationId, StoreError, Timestamp};
use rusqlite::Connection;

#[async_trait]
impl Dialogs for SqliteStore {
    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.threads.read(move |db| open(db, after, active_since, limit)).await
    }

    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError> {
        self.threads.read(move |db| page(db, after, active_since, limit)).await
    }

    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.threads.write_behind(move |db| forget(db, &ids)).await
    }
}

fn open(
    db: &Connection,
    after: Option<ConversationId>,
    active_since: Timestamp,
    limit: usize,
) -> Result<Vec<Conversation>> {
    let sql = concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c \
         WHERE c.dialog = ?1 AND c.id > ?2 AND c.active_at >= ?3 ORDER BY c.id LIMIT ?4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = (Dialog::Open.code(), after.unwrap_or_default().0, active_since.0, limit);
    all(db, sql, values, |row| conversation(row, 0))
}

fn page(db: &Connection, after: i64, active_since: Timestamp, limit: usize) -> Result<Vec<PastDialog>> {
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

fn forget(db: &Connection, ids: &[i64]) -> Result<()> {
    for id in ids {
        execute(db, "DELETE FROM past_dialogs WHERE id = ?1", [id])?;
    }
    Ok(())
}
