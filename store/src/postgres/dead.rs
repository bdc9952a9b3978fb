//! Jobs that were given up.

use super::PostgresStore;
use super::chats::{lock_id, touch};
use super::database::{query, transaction};
use super::fault::{Result, corrupt};
use super::row::{column, limit, shown, shown_columns};
use crate::code::{Stored, sends};
use async_trait::async_trait;
use openline_core::message::State;
use openline_core::store::{Change, DeadLetters, Queue, Replayed, ShownJob, Work};
use openline_core::{ConversationId, JobId, MessageId, StoreError, Timestamp};
use sqlx::postgres::PgConnection;

#[async_trait]
impl DeadLetters for PostgresStore {
    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        query!(self.database, db => letters(db, after, limit))
    }

    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError> {
        let retried = transaction!(self.database, db => retry(db, id, message, now))?;
        if let Some((change, queue)) = &retried {
            self.tell(Some(*change), Some(queue.clone()));
        }
        Ok(retried)
    }

    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError> {
        let replayed = transaction!(self.database, db => replay(db, job, now))?;
        if let Some(Replayed::Back { queue, change }) = &replayed {
            self.tell(*change, Some(queue.clone()));
        }
        Ok(replayed)
    }

    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError> {
        transaction!(self.database, db => forget(db, job))
    }
}

async fn retry(
    db: &mut PgConnection,
    id: ConversationId,
    message: MessageId,
    now: Timestamp,
) -> Result<Option<(Change, Queue)>> {
    if !lock_id(db, id).await? {
        return Ok(None);
    }
    let Some(job) = dead_send(db, id, message).await? else { return Ok(None) };
    let queue = revive(db, job, false, now).await?;
    Ok(Some((sent_again(db, id, message).await?, queue)))
}

async fn replay(db: &mut PgConnection, job: JobId, now: Timestamp) -> Result<Option<Replayed>> {
    let sql = "SELECT m.conversation, j.message, j.task FROM jobs j JOIN messages m ON m.id = j.message \
               WHERE j.id = $1 AND j.dead_at IS NOT NULL";
    let found = sqlx::query(sql).bind(job.0).fetch_optional(&mut *db).await?;
    let Some(row) = found else { return Ok(None) };
    let (id, message, work) =
        (ConversationId(column(&row, 0)?), MessageId(column(&row, 1)?), Work::of(column(&row, 2)?)?);
    // Locked only now: somebody else may have been quicker.
    let locked = lock_id(db, id).await?;
    let sql = "SELECT true FROM jobs WHERE id = $1 AND dead_at IS NOT NULL";
    if !locked || sqlx::query(sql).bind(job.0).fetch_optional(&mut *db).await?.is_none() {
        return Ok(None);
    }
    let is_change = !work.brings();
    if is_change && let Some(before) = dead_send(db, id, message).await? {
        return Ok(Some(Replayed::Behind(JobId(before))));
    }
    let queue = revive(db, job.0, is_change, now).await?;
    let change = if work.is_send() { Some(sent_again(db, id, message).await?) } else { None };
    if work == Work::Note {
        set_sent(db, message).await?;
    }
    Ok(Some(Replayed::Back { queue, change }))
}

/// The job by which a message was given up.
async fn dead_send(db: &mut PgConnection, id: ConversationId, message: MessageId) -> Result<Option<i64>> {
    let sql = "SELECT j.id FROM jobs j JOIN messages m ON m.id = j.message \
               WHERE j.message = $1 AND m.conversation = $2 AND j.dead_at IS NOT NULL AND j.task = ANY($3)";
    let found = sqlx::query_scalar(sql).bind(message.0).bind(id.0).bind(sends());
    Ok(found.fetch_optional(db).await?)
}

/// Lets a dead job live, at its old place; `anew`: nothing is uncertain of it any more.
async fn revive(db: &mut PgConnection, job: i64, anew: bool, now: Timestamp) -> Result<Queue> {
    let sql = "UPDATE jobs SET dead_at = NULL, attempts = 0, created_at = $2, uncertain = uncertain AND NOT $3, \
               unknown_since = CASE WHEN $3 THEN NULL ELSE unknown_since END WHERE id = $1 RETURNING lane";
    let lane: i64 = sqlx::query_scalar(sql).bind(job).bind(now.0).bind(anew).fetch_one(&mut *db).await?;
    let sql = "UPDATE lanes SET due_at = coalesce(due_at, $2) WHERE id = $1 RETURNING queue";
    let name: String = sqlx::query_scalar(sql).bind(lane).bind(now.0).fetch_one(db).await?;
    queue(&name)
}

/// Its message is on its way again, whoever wrote it.
async fn sent_again(db: &mut PgConnection, id: ConversationId, message: MessageId) -> Result<Change> {
    set_sent(db, message).await?;
    touch(db, id, message).await
}

async fn set_sent(db: &mut PgConnection, message: MessageId) -> Result<()> {
    let sql = "UPDATE messages SET state = $2 WHERE id = $1";
    sqlx::query(sql).bind(message.0).bind(State::Sent.code()).execute(db).await?;
    Ok(())
}

async fn forget(db: &mut PgConnection, job: JobId) -> Result<bool> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND dead_at IS NOT NULL";
    Ok(sqlx::query(sql).bind(job.0).execute(db).await?.rows_affected() > 0)
}

async fn letters(db: &mut PgConnection, after: Option<JobId>, most: usize) -> Result<Vec<ShownJob>> {
    let sql = shown_columns!("dead_at", "j.dead_at IS NOT NULL AND j.id > $1");
    let rows = sqlx::query(sql).bind(after.unwrap_or_default().0).bind(limit(most)).fetch_all(db).await?;
    rows.iter().map(shown).collect()
}

fn queue(name: &str) -> Result<Queue> {
    Queue::from_name(name).ok_or_else(|| corrupt(format!("no queue is called {name}")))
}
