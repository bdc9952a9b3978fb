//! Jobs that were given up.

use super::chats::{lock_id, touch};
use super::fault::{Result, corrupt};
use super::row::{column, limit, words};
use crate::code::Stored;
use openline_core::message::State;
use openline_core::store::{Change, DeadLetter, Queue, Task};
use openline_core::{ConversationId, JobId, MessageId, Timestamp};
use sqlx::postgres::{PgConnection, PgRow};

pub(crate) async fn retry(
    db: &mut PgConnection,
    id: ConversationId,
    message: MessageId,
    now: Timestamp,
) -> Result<Option<(Change, Queue)>> {
    if !lock_id(db, id).await? {
        return Ok(None);
    }
    let revived = sqlx::query_scalar(
        "UPDATE jobs j SET dead_at = NULL, attempts = 0, created_at = $3 FROM messages m WHERE m.id = j.message \
         AND j.message = $1 AND m.conversation = $2 AND j.dead_at IS NOT NULL AND j.task = $4 RETURNING j.lane",
    )
    .bind(message.0)
    .bind(id.0)
    .bind(now.0)
    .bind(Task::Send.code())
    .fetch_optional(&mut *db)
    .await?;
    let Some(lane): Option<i64> = revived else { return Ok(None) };
    let sql = "UPDATE lanes SET due_at = coalesce(due_at, $2) WHERE id = $1 RETURNING queue";
    let name: String = sqlx::query_scalar(sql).bind(lane).bind(now.0).fetch_one(&mut *db).await?;
    let sql = "UPDATE messages SET state = $2 WHERE id = $1";
    sqlx::query(sql).bind(message.0).bind(State::Sent.code()).execute(&mut *db).await?;
    Ok(Some((touch(db, id, message).await?, queue(&name)?)))
}

pub(crate) async fn forget(db: &mut PgConnection, job: JobId) -> Result<bool> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND dead_at IS NOT NULL";
    Ok(sqlx::query(sql).bind(job.0).execute(db).await?.rows_affected() > 0)
}

pub(crate) async fn letters(db: &mut PgConnection, after: Option<JobId>, most: usize) -> Result<Vec<DeadLetter>> {
    let rows = sqlx::query(
        "SELECT j.id, l.queue, j.task, l.conversation, j.message, j.dead_at, j.reason, j.attempts FROM jobs j \
         JOIN lanes l ON l.id = j.lane WHERE j.dead_at IS NOT NULL AND j.id > $1 ORDER BY j.id LIMIT $2",
    )
    .bind(after.unwrap_or_default().0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    rows.iter().map(letter).collect()
}

fn letter(row: &PgRow) -> Result<DeadLetter> {
    let attempts: i32 = column(row, 7)?;
    Ok(DeadLetter {
        job: JobId(column(row, 0)?),
        queue: queue(column(row, 1)?)?,
        task: Task::of(column(row, 2)?)?,
        conversation: ConversationId(column(row, 3)?),
        message: MessageId(column(row, 4)?),
        at: Timestamp(column(row, 5)?),
        reason: words(row, 6)?.unwrap_or_default(),
        attempts: u32::try_from(attempts).unwrap_or(0),
    })
}

fn queue(name: &str) -> Result<Queue> {
    Queue::from_name(name).ok_or_else(|| corrupt(format!("no queue is called {name}")))
}
