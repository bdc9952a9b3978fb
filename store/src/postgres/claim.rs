//! Leasing jobs: the first living one of each due lane.

use super::fault::Result;
use super::row::{ITEM_COLUMNS, column, conversation, conversation_columns, item, item_columns, limit};
use crate::code::{Stored, sends};
use openline_core::message::State;
use openline_core::store::{Claimed, Job, NEW_BEHIND, Queue, Work};
use openline_core::{JobId, StoreError, Timestamp};
use sqlx::postgres::{PgConnection, PgRow};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) async fn next_due(db: &mut PgConnection, queue: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT least((SELECT min(due_at) FROM lanes WHERE queue = $1 AND NOT fresh AND due_at IS NOT NULL), \
               (SELECT min(due_at) FROM lanes WHERE queue = $1 AND fresh AND due_at IS NOT NULL))";
    let due: Option<i64> = sqlx::query_scalar(sql).bind(queue).fetch_one(db).await?;
    Ok(due.map(Timestamp))
}

/// What is asked of a claim.
pub(crate) struct Wanted {
    pub(crate) queue: Queue,
    pub(crate) limit: usize,
    pub(crate) now: Timestamp,
    pub(crate) lease: Duration,
    pub(crate) owner: i64,
}

pub(crate) async fn claim(db: &mut PgConnection, wanted: &Wanted) -> Result<Claimed> {
    let lanes = due_lanes(db, wanted).await?;
    // Each lane gives one, and what is free then goes to the first of them.
    let mut free = if wanted.queue == Queue::Confirm { wanted.limit.saturating_sub(lanes.len()) } else { 0 };
    let mut first = first(db, &lanes, free.saturating_add(1), wanted).await?;
    for lane in &lanes {
        if let Some(jobs) = first.get_mut(lane) {
            jobs.truncate(free.saturating_add(1));
            free -= jobs.len().saturating_sub(1);
        }
    }
    lease(db, &lanes, &first, wanted).await?;
    let jobs = lanes.iter().filter_map(|lane| first.remove(lane)).flatten().collect();
    Ok(Claimed { jobs, next_due: next_due(db, &wanted.queue.name()).await? })
}

/// The first living jobs of each lane.
async fn first(db: &mut PgConnection, lanes: &[i64], most: usize, wanted: &Wanted) -> Result<BTreeMap<i64, Vec<Job>>> {
    let mut first: BTreeMap<i64, Vec<Job>> = BTreeMap::new();
    let (mut open, written) = (lanes.to_vec(), matches!(wanted.queue, Queue::Channel(_)));
    while !open.is_empty() {
        let mut unreadable = BTreeSet::new();
        for (lane, job, read) in read_first(db, &open, written, most).await? {
            match read {
                Ok(job) => first.entry(lane).or_default().push(job),
                // What can't be read must not stop the queue.
                Err(error) => {
                    give_up(db, job, &error, wanted.now).await?;
                    unreadable.insert(lane);
                }
            }
        }
        first.retain(|lane, _| !unreadable.contains(lane));
        open = unreadable.into_iter().collect();
    }
    Ok(first)
}

/// Locks the lanes that are due longest, passing over those that somebody else has locked; those of which the backend
/// knows nothing yet stand behind. When a lease ran out, nobody knows what became of the leased job.
async fn due_lanes(db: &mut PgConnection, wanted: &Wanted) -> Result<Vec<i64>> {
    let rows = sqlx::query(
        "WITH known AS MATERIALIZED (SELECT id, leased, leased_at, due_at AS turn FROM lanes WHERE queue = $1 AND NOT fresh \
            AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED), \
         new AS MATERIALIZED (SELECT id, leased, leased_at, due_at + $4 AS turn FROM lanes WHERE queue = $1 AND fresh \
            AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED), \
         due AS MATERIALIZED (SELECT * FROM known UNION ALL SELECT * FROM new ORDER BY turn LIMIT $3), \
         expired AS (UPDATE jobs j SET uncertain = true, unknown_since = due.leased_at FROM due \
            WHERE j.id = due.leased AND due.leased <> 0) \
         SELECT id FROM due ORDER BY turn",
    )
    .bind(wanted.queue.name())
    .bind(wanted.now.0)
    .bind(limit(wanted.limit))
    .bind(Timestamp(0).plus(NEW_BEHIND).0)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| column(row, 0)).collect()
}

type Read = (i64, i64, std::result::Result<Job, StoreError>);

macro_rules! first_by {
    ($order:literal) => {
        concat!(
            "SELECT j.lane, j.id, j.task, j.attempts, j.uncertain, j.created_at, j.unknown_since, ",
            item_columns!(),
            ", ",
            conversation_columns!(),
            " FROM unnest($1::bigint[]) k (lane) CROSS JOIN LATERAL (SELECT * FROM jobs \
                WHERE jobs.lane = k.lane AND dead_at IS NULL ORDER BY ",
            $order,
            "jobs.id LIMIT $2) j \
             JOIN messages m ON m.id = j.message JOIN conversations c ON c.id = m.conversation ORDER BY j.lane, j.id"
        )
    };
}

/// The first living jobs of each lane; of those by writing one of each is wanted. (In a statement of its own, so that it
/// sees what was committed before the lanes were locked.)
async fn read_first(db: &mut PgConnection, lanes: &[i64], written: bool, most: usize) -> Result<Vec<Read>> {
    let by_writing = first_by!(
        "attempts = 0 AND NOT uncertain, (SELECT remote FROM messages WHERE messages.id = jobs.message) NULLS FIRST, "
    );
    let rows = sqlx::query(if written { by_writing } else { first_by!("") })
        .bind(lanes)
        .bind(limit(most))
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?, job(row).map_err(StoreError::from)))).collect()
}

fn job(row: &PgRow) -> Result<Job> {
    let attempts: i32 = column(row, 3)?;
    Ok(Job {
        id: JobId(column(row, 1)?),
        work: Work::of(column(row, 2)?)?,
        attempts: u32::try_from(attempts).unwrap_or(0),
        uncertain: column(row, 4)?,
        created: Timestamp(column(row, 5)?),
        unknown_since: column::<Option<i64>>(row, 6)?.map(Timestamp),
        item: item(row, 7)?,
        conversation: conversation(row, 7 + ITEM_COLUMNS)?,
    })
}

/// Leases each lane by its first job; a lane without one is empty.
async fn lease(db: &mut PgConnection, lanes: &[i64], first: &BTreeMap<i64, Vec<Job>>, wanted: &Wanted) -> Result<()> {
    let head = |lane| first.get(lane).and_then(|jobs: &Vec<Job>| jobs.first()).map_or(0, |job| job.id.0);
    let leased: Vec<_> = lanes.iter().map(head).collect();
    sqlx::query(
        "UPDATE lanes l SET leased = k.leased, leased_at = $5, due_at = CASE WHEN k.leased <> 0 THEN $3::bigint END, \
         owner = CASE WHEN k.leased <> 0 THEN $4::bigint ELSE 0 END \
         FROM unnest($1::bigint[], $2::bigint[]) k (id, leased) WHERE l.id = k.id",
    )
    .bind(lanes)
    .bind(leased)
    .bind(wanted.now.plus(wanted.lease).0)
    .bind(wanted.owner)
    .bind(wanted.now.0)
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a dead letter of a job whose message or conversation is unreadable.
async fn give_up(db: &mut PgConnection, job: i64, error: &StoreError, now: Timestamp) -> Result<()> {
    tracing::error!(job, %error, "an unreadable job, given up");
    let sql = "UPDATE jobs SET dead_at = $2, reason = $3 WHERE id = $1";
    sqlx::query(sql).bind(job).bind(now.0).bind(error.to_string().into_bytes()).execute(&mut *db).await?;
    let sql = "UPDATE messages SET state = $2 WHERE id = (SELECT message FROM jobs WHERE id = $1 AND task = ANY($3))";
    sqlx::query(sql).bind(job).bind(State::Failed.code()).bind(sends()).execute(db).await?;
    Ok(())
}
