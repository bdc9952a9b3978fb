//! Dialogs whose histories are looked at: open ones, and those that are over, or that another one followed, which are read
//! once more.

use super::PostgresStore;
use super::database::{query, transaction};
use super::fault::Result;
use super::row::{column, conversation, conversation_columns, limit, text};
use crate::code::Stored;
use async_trait::async_trait;
use openline_core::message::{Conversation, Dialog};
use openline_core::store::{Dialogs, PastDialog};
use openline_core::{ConversationId, StoreError, Timestamp};
use sqlx::postgres::PgConnection;

#[async_trait]
impl Dialogs for PostgresStore {
    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        query!(self.database, db => open(db, after, active_since, limit))
    }

    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError> {
        query!(self.database, db => page(db, after, active_since, limit))
    }

    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        transaction!(self.database, db => forget(db, &ids))
    }
}

async fn open(
    db: &mut PgConnection,
    after: Option<ConversationId>,
    active_since: Timestamp,
    most: usize,
) -> Result<Vec<Conversation>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.dialog = 1 AND c.id > $1 AND c.active_at >= $2 ORDER BY c.id LIMIT $3"
    ))
    .bind(after.unwrap_or_default().0)
    .bind(active_since.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    // The number is in the statement, so that the index of open conversations serves it.
    debug_assert_eq!(Dialog::Open.code(), 1);
    rows.iter().map(|row| conversation(row, 0)).collect()
}

async fn page(db: &mut PgConnection, after: i64, active_since: Timestamp, most: usize) -> Result<Vec<PastDialog>> {
    let rows = sqlx::query(concat!(
        "SELECT p.id, p.session, ",
        conversation_columns!(),
        " FROM past_dialogs p JOIN conversations c ON c.id = p.conversation \
         WHERE p.id > $1 AND c.active_at >= $2 ORDER BY p.id LIMIT $3"
    ))
    .bind(after)
    .bind(active_since.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    let past = |row| {
        let mut conversation = conversation(row, 2)?;
        conversation.thread.session = Some(text(column(row, 1)?)?);
        Ok(PastDialog { id: column(row, 0)?, conversation })
    };
    rows.iter().map(past).collect()
}

async fn forget(db: &mut PgConnection, ids: &[i64]) -> Result<()> {
    sqlx::query("DELETE FROM past_dialogs WHERE id = ANY($1)").bind(ids).execute(db).await?;
    Ok(())
}
