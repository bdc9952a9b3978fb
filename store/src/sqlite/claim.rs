//! Leasing jobs: the first living one of each due lane.

use super::row::{
    ITEM_COLUMNS, Result, Stored, all, column, conversation, conversation_columns, execute, item, item_columns, only,
};
use crate::code::sends;
use openline_core::message::State;
use openline_core::store::{Claimed, Job, NEW_BEHIND, Queue, Work};
use openline_core::{JobId, StoreError, Timestamp};
use rusqlite::{Connection, Row};
use std::time::Duration;

struct Lane {
    id: i64,
    leased: i64,
    /// When it counts as due.
    turn: Timestamp,
}

pub(crate) fn next_due(db: &Connection, queue: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(due) FROM \
               (SELECT min(due_at) AS due FROM lanes WHERE queue = ?1 AND fresh = 0 AND due_at IS NOT NULL \
               UNION ALL SELECT min(due_at) FROM lanes WHERE queue = ?1 AND fresh = 1 AND due_at IS NOT NULL)";
    let due: Option<i64> = only(db, sql, [queue], |row| column(row, 0))?;
    Ok(due.map(Timestamp))
}

/// What is asked of a claim.
pub(crate) struct Wanted {
    pub(crate) queue: Queue,
    pub(crate) limit: usize,
    pub(crate) now: Timestamp,
    pub(crate) lease: Duration,
}

pub(crate) fn claim(db: &Connection, wanted: &Wanted) -> Result<Claimed> {
    let Wanted { queue, limit, now, lease } = wanted;
    let name = queue.name();
    let lanes = due_lanes(db, &name, *limit, *now)?;
    let mut jobs = Vec::with_capacity(lanes.len());
    let written = matches!(queue, Queue::Channel(_));
    // Each lane gives one, and what is free then goes to the first of them.
    let mut free = if *queue == Queue::Confirm { limit.saturating_sub(lanes.len()) } else { 0 };
    for lane in lanes {
        if lane.leased != 0 {
            // The lease ran out: nobody knows what became of the job.
            let sql = "UPDATE jobs SET uncertain = 1, unknown_since = (SELECT leased_at FROM lanes WHERE id = ?2) WHERE id = ?1";
            execute(db, sql, (lane.leased, lane.id))?;
        }
        let first = first(db, lane.id, written, free.saturating_add(1), *now)?;
        let due = first.first().map(|_| now.plus(*lease).0);
        let leased = first.first().map_or(0, |job| job.id.0);
        let sql = "UPDATE lanes SET due_at = ?2, leased = ?3, leased_at = ?4 WHERE id = ?1";
        execute(db, sql, (lane.id, due, leased, now.0))?;
        free -= first.len().saturating_sub(1);
        jobs.extend(first);
    }
    Ok(Claimed { jobs, next_due: next_due(db, &name)? })
}

/// The lanes that are due, in the order of their turns: those of which the backend knows nothing yet stand behind.
fn due_lanes(db: &Connection, queue: &str, limit: usize, now: Timestamp) -> Result<Vec<Lane>> {
    let sql = "SELECT id, leased, due_at FROM lanes WHERE queue = ?1 AND fresh = ?2 AND due_at IS NOT NULL \
               AND due_at <= ?3 ORDER BY due_at LIMIT ?4";
    let mut lanes = Vec::new();
    for (fresh, behind) in [(false, Duration::ZERO), (true, NEW_BEHIND)] {
        lanes.extend(all(db, sql, (queue, fresh, now.0, rows(limit)), |row| {
            let turn = Timestamp(column(row, 2)?).plus(behind);
            Ok(Lane { id: column(row, 0)?, leased: column(row, 1)?, turn })
        })?);
    }
    lanes.sort_by_key(|lane| lane.turn);
    lanes.truncate(limit);
    Ok(lanes)
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

macro_rules! first_by {
    ($order:literal) => {
        concat!(
            "SELECT j.id, j.task, j.attempts, j.uncertain, j.created_at, j.unknown_since, ",
            item_columns!(),
            ", ",
            conversation_columns!(),
            " FROM jobs j JOIN messages m ON m.id = j.message JOIN conversations c ON c.id = m.conversation \
             WHERE j.lane = ?1 AND j.dead_at IS NULL ORDER BY ",
            $order,
            "j.id LIMIT ?2"
        )
    };
}

/// The lane's first living jobs: by when they were written, or stored.
fn first(db: &Connection, lane: i64, written: bool, most: usize, now: Timestamp) -> Result<Vec<Job>> {
    let by_writing = first_by!("j.attempts = 0 AND j.uncertain = 0, m.remote, ");
    let sql = if written { by_writing } else { first_by!("") };
    loop {
        let found = all(db, sql, (lane, rows(most)), |row| Ok((column(row, 0)?, job(row))))?;
        let mut unreadable = found.iter().filter_map(|(id, job)| Some((*id, job.as_ref().err()?))).peekable();
        if unreadable.peek().is_none() {
            return found.into_iter().map(|(_, job)| job).collect();
        }
        // What can't be read must not stop the queue.
        unreadable.try_for_each(|(id, error)| give_up(db, id, error, now))?;
    }
}

fn job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        id: JobId(column(row, 0)?),
        work: Work::of(column(row, 1)?)?,
        attempts: column(row, 2)?,
        uncertain: column(row, 3)?,
        created: Timestamp(column(row, 4)?),
        unknown_since: column::<Option<i64>>(row, 5)?.map(Timestamp),
        item: item(row, 6)?,
        conversation: conversation(row, 6 + ITEM_COLUMNS)?,
    })
}

/// Makes a dead letter of a job whose message or conversation is unreadable.
fn give_up(db: &Connection, job: i64, error: &StoreError, now: Timestamp) -> Result<()> {
    tracing::error!(job, %error, "an unreadable job, given up");
    execute(db, "UPDATE jobs SET dead_at = ?2, reason = ?3 WHERE id = ?1", (job, now.0, error.to_string()))?;
    let sql = "UPDATE messages SET state = ?2 WHERE id = (SELECT message FROM jobs WHERE id = ?1 AND task IN (?3, ?4))";
    let [visitors, operators] = sends();
    execute(db, sql, (job, State::Failed.code(), visitors, operators)).map(|_| ())
}
