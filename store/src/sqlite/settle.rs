//! Ending leases, and what follows: states, confirmations, the lane's next job.

use super::items::next_rev;
use super::lanes::enqueue;
use super::notes;
use super::outgoing::{delivered_into, remember_thread};
use super::row::{Result, Stored, column, execute, first, to_json};
use openline_core::message::{Dialog, Side, State, Thread};
use openline_core::steps::{Lease, counts, new_state};
use openline_core::store::{Change, Outcome, Queue, Settlement, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use rusqlite::Connection;

/// What is needed to know of a job to settle it.
pub(crate) struct Row {
    pub(crate) job: i64,
    pub(crate) lane: i64,
    /// Who has its lane's lease.
    lease: Lease,
    pub(crate) work: Work,
    pub(crate) message: MessageId,
    pub(crate) conversation: ConversationId,
    side: Side,
    state: State,
    /// What is known of the conversation's place.
    thread: Thread,
    dialog: Dialog,
    /// Whether the lane is one of which nothing was done yet.
    fresh: bool,
}

macro_rules! job_rows {
    () => {
        "SELECT j.id, j.lane, j.task, j.message, m.conversation, m.side, m.state, l.leased, \
                   c.line, c.portal_chat, c.session, c.dialog, l.fresh \
                   FROM jobs j JOIN messages m ON m.id = j.message JOIN lanes l ON l.id = j.lane \
                   JOIN conversations c ON c.id = m.conversation"
    };
}
pub(crate) use job_rows;

pub(crate) fn row(row: &rusqlite::Row<'_>) -> Result<Row> {
    let job = column(row, 0)?;
    Ok(Row {
        job,
        lane: column(row, 1)?,
        work: Work::of(column(row, 2)?)?,
        message: MessageId(column(row, 3)?),
        conversation: ConversationId(column(row, 4)?),
        side: Side::of(column(row, 5)?)?,
        state: State::of(column(row, 6)?)?,
        thread: Thread { line: column(row, 8)?, chat: column(row, 9)?, session: column(row, 10)? },
        dialog: Dialog::of(column(row, 11)?)?,
        fresh: column(row, 12)?,
        lease: Lease::of(column(row, 7)?, job, true),
    })
}

pub(crate) fn settle(db: &Connection, settlements: &[Settlement], now: Timestamp) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for settlement in settlements {
        let sql = concat!(job_rows!(), " WHERE j.id = ?1 AND j.dead_at IS NULL");
        if let Some(found) = first(db, sql, [settlement.job.0], row)? {
            changes.extend(settle_one(db, &found, &settlement.outcome, now)?);
        }
    }
    Ok(changes)
}

fn settle_one(db: &Connection, row: &Row, outcome: &Outcome, now: Timestamp) -> Result<Option<Change>> {
    if !counts(row.work, row.lease, outcome) {
        return Ok(None);
    }
    match outcome {
        Outcome::Done { thread, delivered_as, confirm } => {
            take_place(db, row, thread)?;
            if !delivered_as.is_empty() {
                let sql = "UPDATE messages SET delivered_as = ?2 WHERE id = ?1";
                execute(db, sql, (row.message.0, to_json(delivered_as)?))?;
            }
            execute(db, "DELETE FROM jobs WHERE id = ?1", [row.job])?;
            if *confirm {
                enqueue(db, row.conversation, &Queue::Confirm, Work::Confirm, row.message, now)?;
            }
            next_in_lane(db, row, now)?;
            if row.fresh {
                execute(db, "UPDATE lanes SET fresh = 0 WHERE id = ?1", [row.lane])?;
            }
            set_state(db, row, State::Delivered)
        }
        Outcome::Retry { at, reason, uncertain, counted } => {
            let sql = "UPDATE jobs SET attempts = attempts + ?2, uncertain = ?3, reason = ?4, \
                       unknown_since = CASE WHEN ?2 AND ?3 THEN ?5 ELSE unknown_since END WHERE id = ?1";
            execute(db, sql, (row.job, counted, uncertain, reason, now.0))?;
            execute(db, "UPDATE lanes SET due_at = ?2, leased = 0 WHERE id = ?1", (row.lane, at.0))?;
            Ok(None)
        }
        Outcome::Dead { reason, note } => {
            let sql = "UPDATE jobs SET dead_at = ?2, reason = ?3, attempts = attempts + 1 WHERE id = ?1";
            execute(db, sql, (row.job, now.0, reason))?;
            next_in_lane(db, row, now)?;
            if let Some(note) = note {
                notes::record(db, row.conversation, note, now)?;
            }
            set_state(db, row, State::Failed)
        }
    }
}

/// Keeps what is told of the conversation's place. Nearly always that is known already, and nothing is written.
fn take_place(db: &Connection, row: &Row, told: &Thread) -> Result<()> {
    let mut thread = row.thread.clone();
    if thread.update(told) {
        remember_thread(db, row.conversation, told)?;
    }
    if row.dialog == Dialog::Open { Ok(()) } else { delivered_into(db, row.conversation, told) }
}

/// Sets a sent message's state; a visitor sees that of their own messages.
pub(crate) fn set_state(db: &Connection, row: &Row, state: State) -> Result<Option<Change>> {
    let Some(state) = new_state(row.work, row.state, state) else { return Ok(None) };
    if row.side != Side::Visitor {
        execute(db, "UPDATE messages SET state = ?2 WHERE id = ?1", (row.message.0, state.code()))?;
        return Ok(None);
    }
    let rev = next_rev(db, row.conversation)?;
    execute(db, "UPDATE messages SET state = ?2, rev = ?3 WHERE id = ?1", (row.message.0, state.code(), rev.0))?;
    Ok(Some(Change { conversation: row.conversation, rev }))
}

/// Lets the lane go on after a job, unless another one is leased meanwhile.
fn next_in_lane(db: &Connection, row: &Row, now: Timestamp) -> Result<()> {
    let sql = "UPDATE lanes SET leased = 0, due_at = CASE WHEN EXISTS \
               (SELECT 1 FROM jobs WHERE lane = ?1 AND dead_at IS NULL) THEN ?2 END WHERE id = ?1 AND leased IN (0, ?3)";
    execute(db, sql, (row.lane, now.0, row.job)).map(|_| ())
}
