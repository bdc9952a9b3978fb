//! Jobs that were given up.

use super::SqliteStore;
use super::items::touch;
use super::row::{Result, Stored, all, column, execute, first, shown, shown_columns};
use super::settle::{Row, job_rows, row, set_state};
use crate::code::sends;
use async_trait::async_trait;
use openline_core::message::State;
use openline_core::store::{Change, DeadLetters, News, Queue, Replayed, ShownJob};
use openline_core::{ConversationId, JobId, MessageId, StoreError, Timestamp};
use rusqlite::Connection;

#[async_trait]
impl DeadLetters for SqliteStore {
    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        self.threads.read(move |db| letters(db, after, limit)).await
    }

    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError> {
        self.threads.write(move |db| retry(db, id, message, now)).await
    }

    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError> {
        let replayed = self.threads.write(move |db| replay(db, job, now)).await?;
        if let Some(Replayed::Back { queue, change }) = &replayed {
            self.bell.tell(change.map(News::Change).into_iter().chain([News::Queue(queue.clone())]));
        }
        Ok(replayed)
    }

    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError> {
        self.threads.write(move |db| forget(db, job)).await
    }
}

fn letters(db: &Connection, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>> {
    let sql = shown_columns!("dead_at", "j.dead_at IS NOT NULL AND j.id > ?1");
    all(db, sql, (after.unwrap_or_default().0, i64::try_from(limit).unwrap_or(i64::MAX)), shown)
}

fn retry(db: &Connection, id: ConversationId, message: MessageId, now: Timestamp) -> Result<Option<(Change, Queue)>> {
    let sql = concat!(
        job_rows!(),
        " WHERE j.message = ?1 AND m.conversation = ?2 AND j.dead_at IS NOT NULL AND j.task IN (?3, ?4)"
    );
    let [visitors, operators] = sends();
    let Some(found) = first(db, sql, (message.0, id.0, visitors, operators), row)? else { return Ok(None) };
    let queue = revive(db, &found, now)?;
    Ok(Some((sent_again(db, &found)?, queue)))
}

fn replay(db: &Connection, job: JobId, now: Timestamp) -> Result<Option<Replayed>> {
    let sql = concat!(job_rows!(), " WHERE j.id = ?1 AND j.dead_at IS NOT NULL");
    let Some(found) = first(db, sql, [job.0], row)? else { return Ok(None) };
    if !found.work.brings() {
        let sql = "SELECT id FROM jobs WHERE message = ?1 AND dead_at IS NOT NULL AND task IN (?2, ?3)";
        let [visitors, operators] = sends();
        let before = first(db, sql, (found.message.0, visitors, operators), |row| column(row, 0))?;
        if let Some(before) = before {
            return Ok(Some(Replayed::Behind(JobId(before))));
        }
        execute(db, "UPDATE jobs SET uncertain = 0, unknown_since = NULL WHERE id = ?1", [found.job])?;
    }
    let queue = revive(db, &found, now)?;
    let change = if found.work.is_send() {
        Some(sent_again(db, &found)?)
    } else {
        // Of a change or a confirmation nothing.
        set_state(db, &found, State::Sent)?
    };
    Ok(Some(Replayed::Back { queue, change }))
}

/// Lets a dead job live, at its old place.
fn revive(db: &Connection, row: &Row, now: Timestamp) -> Result<Queue> {
    let sql = "UPDATE jobs SET dead_at = NULL, attempts = 0, created_at = ?2 WHERE id = ?1";
    execute(db, sql, (row.job, now.0))?;
    let sql = "UPDATE lanes SET due_at = coalesce(due_at, ?2) WHERE id = ?1 RETURNING queue";
    let queue: Option<String> = first(db, sql, (row.lane, now.0), |row| column(row, 0))?;
    let queue = queue.as_deref().and_then(Queue::from_name);
    queue.ok_or_else(|| StoreError::Corrupt("a job without a lane".to_owned()))
}

/// Its message is on its way again, whoever wrote it.
fn sent_again(db: &Connection, row: &Row) -> Result<Change> {
    execute(db, "UPDATE messages SET state = ?2 WHERE id = ?1", (row.message.0, State::Sent.code()))?;
    touch(db, row.conversation, row.message)
}

fn forget(db: &Connection, job: JobId) -> Result<bool> {
    Ok(execute(db, "DELETE FROM jobs WHERE id = ?1 AND dead_at IS NOT NULL", [job.0])? > 0)
}
