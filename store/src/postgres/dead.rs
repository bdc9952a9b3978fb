//! Jobs that were given up.

use super::chats::{lock_id, touch};
use super::fault::{Result, corrupt};
use super::row::{column, limit, words};
use crate::code::{Stored, sends};
use openline_core::message::State;
use openline_core::store::{Change, Queue, Replayed, ShownJob, Work};
use openline_core::{ChannelId, ConversationId, JobId, MessageId, Timestamp};
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
    let Some(job) = dead_send(db, id, message).await? else { return Ok(None) };
    let queue = revive(db, job, false, now).await?;
    Ok(Some((sent_again(db, id, message).await?, queue)))
}

pub(crate) async fn replay(db: &mut PgConnection, job: JobId, now: Timestamp) -> Result<Option<Replayed>> {
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

pub(crate) async fn forget(db: &mut PgConnection, job: JobId) -> Result<bool> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND dead_at IS NOT NULL";
    Ok(sqlx::query(sql).bind(job.0).execute(db).await?.rows_affected() > 0)
}

/// What is shown of a job; `at` is what tells when.
macro_rules! letters {
    ($at:literal, $which:literal) => {
        concat!(
            "SELECT j.id, c.channel, j.task, l.conversation, j.message, j.",
            $at,
            ", j.reason, j.attempts FROM jobs j JOIN lanes l ON l.id = j.lane JOIN conversations c ON c.id = l.conversation WHERE ",
            $which,
            " ORDER BY j.id LIMIT $2"
        )
    };
}

pub(crate) async fn letters(db: &mut PgConnection, after: Option<JobId>, most: usize) -> Result<Vec<ShownJob>> {
    let sql = letters!("dead_at", "j.dead_at IS NOT NULL AND j.id > $1");
    let rows = sqlx::query(sql).bind(after.unwrap_or_default().0).bind(limit(most)).fetch_all(db).await?;
    rows.iter().map(letter).collect()
}

pub(crate) async fn waiting(db: &mut PgConnection, queue: &Queue, most: usize) -> Result<Vec<ShownJob>> {
    let sql = letters!("created_at", "j.dead_at IS NULL AND l.queue = $1");
    let rows = sqlx::query(sql).bind(queue.name()).bind(limit(most)).fetch_all(db).await?;
    rows.iter().map(letter).collect()
}

fn letter(row: &PgRow) -> Result<ShownJob> {
    let attempts: i32 = column(row, 7)?;
    Ok(ShownJob {
        job: JobId(column(row, 0)?),
        channel: ChannelId::parse(column(row, 1)?).map_err(|error| corrupt(error.to_string()))?,
        work: Work::of(column(row, 2)?)?,
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
