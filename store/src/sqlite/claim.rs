//! Leasing jobs: the oldest living one of each due lane.

use super::row::{
    CONVERSATION, ITEM, ITEM_COLUMNS, Result, Stored, all, column, conversation, execute, first, item, only,
};
use openline_core::message::State;
use openline_core::store::{Claimed, Job, Task};
use openline_core::{JobId, StoreError, Timestamp};
use rusqlite::{Connection, Row};
use std::time::Duration;

struct Lane {
    id: i64,
    leased: i64,
}

pub(crate) fn next_due(db: &Connection, queue: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(due_at) FROM lanes WHERE queue = ?1 AND due_at IS NOT NULL";
    let due: Option<i64> = only(db, sql, [queue], |row| column(row, 0))?;
    Ok(due.map(Timestamp))
}

pub(crate) fn claim(db: &Connection, queue: &str, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed> {
    let sql = "SELECT id, leased FROM lanes WHERE queue = ?1 AND due_at IS NOT NULL AND due_at <= ?2 \
               ORDER BY due_at LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let lanes = all(db, sql, (queue, now.0, limit), |row| Ok(Lane { id: column(row, 0)?, leased: column(row, 1)? }))?;
    let mut jobs = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let job = loop {
            match head(db, &lane)? {
                Some((_, Ok(job))) => break Some(job),
                // What can't be read must not stop the queue.
                Some((id, Err(error))) => give_up(db, id, &error, now)?,
                None => break None,
            }
        };
        let due = job.as_ref().map(|_| now.plus(lease).0);
        let leased = job.as_ref().map_or(0, |job| job.id.0);
        execute(db, "UPDATE lanes SET due_at = ?2, leased = ?3 WHERE id = ?1", (lane.id, due, leased))?;
        jobs.extend(job);
    }
    Ok(Claimed { jobs, next_due: next_due(db, queue)? })
}

/// The lane's oldest living job. When a lease ran out, nobody knows what became of the leased one.
fn head(db: &Connection, lane: &Lane) -> Result<Option<(i64, Result<Job>)>> {
    if lane.leased != 0 {
        execute(db, "UPDATE jobs SET uncertain = 1 WHERE id = ?1", [lane.leased])?;
    }
    let sql = format!(
        "SELECT j.id, j.task, j.attempts, j.uncertain, j.created_at, {ITEM}, {CONVERSATION} \
         FROM jobs j JOIN messages m ON m.id = j.message JOIN conversations c ON c.id = m.conversation \
         WHERE j.lane = ?1 AND j.dead_at IS NULL ORDER BY j.id LIMIT 1"
    );
    first(db, &sql, [lane.id], |row| Ok((column(row, 0)?, job(row))))
}

fn job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        id: JobId(column(row, 0)?),
        task: Task::of(column(row, 1)?)?,
        attempts: column(row, 2)?,
        uncertain: column(row, 3)?,
        created: Timestamp(column(row, 4)?),
        item: item(row, 5)?,
        conversation: conversation(row, 5 + ITEM_COLUMNS)?,
    })
}

/// Makes a dead letter of a job whose message or conversation is unreadable.
fn give_up(db: &Connection, job: i64, error: &StoreError, now: Timestamp) -> Result<()> {
    tracing::error!(job, %error, "an unreadable job, given up");
    execute(db, "UPDATE jobs SET dead_at = ?2, reason = ?3 WHERE id = ?1", (job, now.0, error.to_string()))?;
    let sql = "UPDATE messages SET state = ?2 WHERE id = (SELECT message FROM jobs WHERE id = ?1 AND task = ?3)";
    execute(db, sql, (job, State::Failed.code(), Task::Send.code())).map(|_| ())
}

pub(crate) fn hurry(db: &Connection, queue: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE lanes SET due_at = ?2 WHERE queue = ?1 AND due_at > ?2 AND leased = 0";
    execute(db, sql, (queue, now.0)).map(|_| ())
}

pub(crate) fn depth(db: &Connection, queue: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs j JOIN lanes l ON l.id = j.lane WHERE l.queue = ?1 AND j.dead_at IS NULL";
    only(db, sql, [queue], |row| column(row, 0))
}
