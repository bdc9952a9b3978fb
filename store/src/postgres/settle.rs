//! Ending leases, and what follows: states, confirmations, the lanes' next jobs. Everything that is concerned is locked
//! and read, the settlements are worked through in memory, and then each table is written once.

use super::fault::{Result, corrupt};
use super::items::enqueue;
use super::notes;
use super::past;
use super::plan::{Job, Next, Plan};
use super::row::column;
use crate::code::Stored;
use openline_core::message::{Dialog, Side, State};
use openline_core::steps::Mark;
use openline_core::store::{Change, Outcome, Settlement, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use sqlx::postgres::{PgConnection, PgRow};
use std::collections::BTreeSet;

/// `owner` is who settles: only whose lease it is may end it without success.
pub(crate) async fn settle(
    db: &mut PgConnection,
    settlements: &[Settlement],
    owner: i64,
    now: Timestamp,
) -> Result<Vec<Change>> {
    let ids: Vec<_> = settlements.iter().map(|settlement| settlement.job.0).collect();
    let mut plan = Plan::new(owner);
    lock_conversations(db, &ids, &mut plan).await?;
    lock_lanes(db, &ids, &mut plan).await?;
    let finished = finished(db, settlements, &plan).await?;
    for (index, settlement) in settlements.iter().enumerate() {
        plan.settle(settlement, finished.contains(&index), now)?;
    }
    write_messages(db, &plan).await?;
    write_jobs(db, &plan, now).await?;
    if !plan.confirmations.is_empty() {
        enqueue(db, &plan.confirmations, now).await?;
    }
    for (conversation, note) in &plan.notes {
        notes::record(db, *conversation, note, now).await?;
    }
    write_lanes(db, &plan, now).await?;
    write_conversations(db, &plan).await?;
    Ok(plan.changes)
}

async fn lock_conversations(db: &mut PgConnection, jobs: &[i64], plan: &mut Plan) -> Result<()> {
    let rows = sqlx::query(
        "SELECT c.id, c.rev FROM conversations c WHERE c.id IN (SELECT l.conversation FROM jobs j \
         JOIN lanes l ON l.id = j.lane WHERE j.id = ANY($1)) ORDER BY c.id FOR NO KEY UPDATE OF c",
    )
    .bind(jobs)
    .fetch_all(db)
    .await?;
    for row in &rows {
        plan.add_conversation(column(row, 0)?, column(row, 1)?);
    }
    Ok(())
}

async fn lock_lanes(db: &mut PgConnection, jobs: &[i64], plan: &mut Plan) -> Result<()> {
    let rows = sqlx::query(
        "SELECT j.id, j.lane, j.task, j.message, m.conversation, m.side, m.state, l.leased, l.owner, l.fresh \
         FROM jobs j JOIN messages m ON m.id = j.message JOIN lanes l ON l.id = j.lane \
         WHERE j.id = ANY($1) AND j.dead_at IS NULL ORDER BY l.conversation, l.queue FOR UPDATE OF l",
    )
    .bind(jobs)
    .fetch_all(db)
    .await?;
    for row in &rows {
        let (lane, message) = (column(row, 1)?, column(row, 3)?);
        plan.add_lane(lane, column(row, 7)?, column(row, 8)?, column(row, 9)?);
        plan.add_message(message, Side::of(column(row, 5)?)?, State::of(column(row, 6)?)?);
        plan.add_job(column(row, 0)?, job(row, lane, message)?);
    }
    Ok(())
}

fn job(row: &PgRow, lane: i64, message: i64) -> Result<Job> {
    let conversation = ConversationId(column(row, 4)?);
    Ok(Job { lane, work: Work::of(column(row, 2)?)?, message: MessageId(message), conversation })
}

/// The indices of the settlements that tell of a dialog which is known to be finished.
async fn finished(db: &mut PgConnection, settlements: &[Settlement], plan: &Plan) -> Result<BTreeSet<usize>> {
    let (mut indices, mut conversations, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for (index, settlement) in settlements.iter().enumerate() {
        if let Outcome::Done { thread, .. } = &settlement.outcome
            && let (Some(session), Some(job)) = (&thread.session, plan.job(settlement.job.0))
        {
            indices.push(index);
            conversations.push(job.conversation.0);
            keys.push(Mark::Finish.key(session).into_bytes());
        }
    }
    if indices.is_empty() {
        return Ok(BTreeSet::new());
    }
    let numbers: Vec<i64> = sqlx::query_scalar(
        "SELECT k.n FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY k (conversation, key, n) CROSS JOIN \
         LATERAL (SELECT 1 FROM messages WHERE conversation = k.conversation AND sha256(key) = sha256(k.key) \
         AND side = $3 LIMIT 1) m",
    )
    .bind(conversations)
    .bind(keys)
    .bind(Side::System.code())
    .fetch_all(db)
    .await?;
    let index = |number: i64| usize::try_from(number - 1).ok().and_then(|number| indices.get(number).copied());
    numbers.into_iter().map(|number| index(number).ok_or_else(|| corrupt("more was found than asked"))).collect()
}

async fn write_messages(db: &mut PgConnection, plan: &Plan) -> Result<()> {
    let changed: Vec<_> = plan.messages.iter().filter(|(_, message)| message.changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE messages m SET state = k.state, rev = coalesce(k.rev, m.rev), \
         delivered_as = coalesce(k.delivered_as, m.delivered_as) \
         FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[]) k (id, state, rev, delivered_as) \
         WHERE m.id = k.id",
    )
    .bind(changed.iter().map(|(id, _)| **id).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, message)| message.state.code()).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, message)| message.rev).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, message)| message.delivered_as.as_deref()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

async fn write_jobs(db: &mut PgConnection, plan: &Plan, now: Timestamp) -> Result<()> {
    if !plan.done.is_empty() {
        sqlx::query("DELETE FROM jobs WHERE id = ANY($1)").bind(&plan.done).execute(&mut *db).await?;
    }
    if plan.failed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE jobs j SET attempts = j.attempts + k.counted, uncertain = coalesce(k.uncertain, j.uncertain), \
         unknown_since = CASE WHEN k.counted > 0 AND k.uncertain THEN $6 ELSE j.unknown_since END, \
         dead_at = k.dead_at, reason = k.reason \
         FROM unnest($1::bigint[], $2::integer[], $3::boolean[], $4::bigint[], $5::bytea[]) \
         k (id, counted, uncertain, dead_at, reason) WHERE j.id = k.id",
    )
    .bind(plan.failed.iter().map(|failed| failed.job).collect::<Vec<_>>())
    .bind(plan.failed.iter().map(|failed| i32::from(failed.counted)).collect::<Vec<_>>())
    .bind(plan.failed.iter().map(|failed| failed.uncertain).collect::<Vec<_>>())
    .bind(plan.failed.iter().map(|failed| failed.dead_at.map(|at| at.0)).collect::<Vec<_>>())
    .bind(plan.failed.iter().map(|failed| failed.reason.as_bytes()).collect::<Vec<_>>())
    .bind(now.0)
    .execute(db)
    .await?;
    Ok(())
}

/// A lane waits until a moment, or goes on with its next job, when it has one.
async fn write_lanes(db: &mut PgConnection, plan: &Plan, now: Timestamp) -> Result<()> {
    let freed: Vec<_> = plan.lanes.iter().filter_map(|(id, lane)| Some((*id, lane.next?))).collect();
    let wait = |next: Next| if let Next::Wait(until) = next { Some(until.0) } else { None };
    let known: Vec<_> = plan.lanes.iter().filter(|(_, lane)| lane.known).map(|(id, _)| *id).collect();
    if !known.is_empty() {
        sqlx::query("UPDATE lanes SET fresh = false WHERE id = ANY($1)").bind(known).execute(&mut *db).await?;
    }
    if freed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE lanes l SET leased = 0, owner = 0, due_at = CASE WHEN \
         (SELECT true FROM jobs WHERE lane = l.id AND dead_at IS NULL LIMIT 1) THEN coalesce(k.wait, $3) END \
         FROM unnest($1::bigint[], $2::bigint[]) k (id, wait) WHERE l.id = k.id",
    )
    .bind(freed.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(freed.iter().map(|(_, next)| wait(*next)).collect::<Vec<_>>())
    .bind(now.0)
    .execute(db)
    .await?;
    Ok(())
}

async fn write_conversations(db: &mut PgConnection, plan: &Plan) -> Result<()> {
    let changed: Vec<_> = plan.conversations.iter().filter(|(_, conversation)| conversation.changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let next = |(id, conversation): &(&i64, &super::plan::Conversation)| {
        let sessions = &conversation.sessions;
        sessions.first().map(|session| (ConversationId(**id), session.clone()))
    };
    let first: Vec<_> = changed.iter().filter_map(next).collect();
    let first: Vec<_> = first.iter().map(|(id, session)| (*id, session.as_str())).collect();
    past::add_before(db, &first).await?;
    for (id, conversation) in &changed {
        for (before, after) in conversation.sessions.iter().zip(conversation.sessions.iter().skip(1)) {
            if before != after {
                past::add(db, ConversationId(**id), before).await?;
            }
        }
    }
    let part = |of: fn(&super::plan::Conversation) -> &Option<String>| -> Vec<_> {
        changed.iter().map(|(_, conversation)| of(conversation).as_deref().map(str::as_bytes)).collect()
    };
    let open = |opened: bool| opened.then(|| Dialog::Open.code());
    sqlx::query(
        "UPDATE conversations c SET rev = k.rev, line = coalesce(k.line, c.line), \
         portal_chat = coalesce(k.chat, c.portal_chat), session = coalesce(k.session, c.session), \
         dialog = coalesce(k.dialog, c.dialog) \
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::smallint[]) \
         k (id, rev, line, chat, session, dialog) WHERE c.id = k.id",
    )
    .bind(changed.iter().map(|(id, _)| **id).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, conversation)| conversation.rev).collect::<Vec<_>>())
    .bind(part(|conversation| &conversation.thread.line))
    .bind(part(|conversation| &conversation.thread.chat))
    .bind(part(|conversation| &conversation.thread.session))
    .bind(changed.iter().map(|(_, conversation)| open(conversation.opened)).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
